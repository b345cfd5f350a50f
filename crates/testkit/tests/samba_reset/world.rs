//! A stack for one test, with people of its own.

use std::time::Duration;

use lab::{Bound, Forest, NewPerson, Person};
use testkit::{Options, Outbox, Page, Stack, Visitor};

/// A password that every policy of the lab takes.
pub(crate) const GOOD: &str = "Meadow-Lantern-2025";

/// A stack and the forest that it runs on.
pub(crate) struct World {
    pub(crate) forest: Forest,
    pub(crate) stack: Stack,
    pub(crate) outbox: Outbox,
}

/// Somebody new, to be made before the stack starts, which synchronises them.
pub(crate) fn person(forest: &Forest, new: NewPerson) -> Person {
    forest.add_person(&new).unwrap()
}

pub(crate) fn ordinary(forest: &Forest) -> Person {
    person(forest, NewPerson::default())
}

pub(crate) fn forest() -> Forest {
    Forest::of_running_lab().unwrap()
}

impl World {
    /// A stack on which people are written back as they are now.
    pub(crate) fn start(forest: Forest) -> Self {
        Self::with(forest, Options::default())
    }

    pub(crate) fn with(forest: Forest, options: Options) -> Self {
        let stack = Stack::start(&forest, options).unwrap();
        let outbox = stack.outbox();
        Self { forest, stack, outbox }
    }

    /// A new browser that has given a person's name; and the code that came.
    pub(crate) fn started(&self, person: &Person) -> (Visitor, String) {
        let mut visitor = self.stack.visitor().unwrap();
        let mark = self.outbox.mark();
        let page = visitor.start(&self.stack.login(person)).unwrap();
        assert_eq!((page.step.as_str(), page.outcome.as_str()), ("code", ""), "{}", page.text);
        let code = self.outbox.await_code(&mark, &person.private_mail).unwrap();
        (visitor, code)
    }

    /// A new browser that has passed the gate.
    pub(crate) fn cleared(&self, person: &Person) -> Visitor {
        let (mut visitor, code) = self.started(person);
        let page = visitor.code(&code).unwrap();
        assert_eq!((page.step.as_str(), page.outcome.as_str()), ("password", ""), "{}", page.text);
        visitor
    }

    /// Whether the directory holds that password.
    pub(crate) fn holds(&self, person: &Person, password: &str) -> bool {
        match self.forest.bind(&person.login, password).unwrap() {
            Bound::Accepted => true,
            // The password is wrong; the account is fine (SPEC D-10).
            Bound::Refused { sub_code } if sub_code == "52e" => false,
            other => panic!("{}: {other:?}", person.login),
        }
    }

    pub(crate) fn await_subject(&self, mark: &testkit::Mark, person: &Person, subject: &str) {
        let wanted = |mail: &testkit::Mail| mail.subject.contains(subject);
        let limit = Duration::from_secs(15);
        self.outbox.await_mail(mark, &person.private_mail, limit, wanted).unwrap();
    }
}

#[track_caller]
pub(crate) fn expect(page: &Page, step: &str, outcome: &str, number: &str, changed: &str) {
    let is = [&page.step, &page.outcome, &page.number, &page.changed];
    assert_eq!(is, [step, outcome, number, changed], "{}", page.text);
}

#[track_caller]
pub(crate) fn expect_changed(page: &Page) {
    expect(page, "result", "password_changed", "31002", "yes");
    assert!(page.support_code.starts_with("PB-"), "{}", page.text);
}
