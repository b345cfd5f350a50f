//! A stack with a browser, and the way to the pages behind the gates.
#![allow(dead_code, reason = "every file that includes this uses a part of it")]

use lab::{Bound, Forest, NewPerson, Person};
use testkit::{Options, Stack};

use crate::browser::{Browser, Look, Profile, Seen, Tab};

/// The password that fresh people have.
pub(crate) const PRESENT: &str = "First-Password-2024";

pub(crate) const START: &str = "form:has(#login) button";
pub(crate) const NEXT: &str = "form:has(#code) button";
pub(crate) const RESEND: &str = "form[action$='/resend'] button";
pub(crate) const SET: &str = "#sealing button";
pub(crate) const SET_UNSEALED: &str = "form[action$='/password'] button";

/// Cloud service, agent, mail server and a browser.
pub(crate) struct World {
    // Dropped first: nobody is left who asks the stack.
    pub(crate) browser: Browser,
    pub(crate) stack: Stack,
}

impl World {
    /// A world in which the given people can be reset, besides those of the lab.
    pub(crate) fn start<const N: usize>(options: Options) -> (Self, [Person; N]) {
        let forest = Forest::of_running_lab().unwrap();
        let new = NewPerson { password: PRESENT.to_owned(), ..NewPerson::default() };
        let people = std::array::from_fn(|_| forest.add_person(&new).unwrap());
        let stack = Stack::start(&forest, options).unwrap();
        let browser = Browser::open(&stack.directory().join("server.pem"));
        (Self { browser, stack }, people)
    }

    pub(crate) fn visitor(&self, look: Look) -> (Profile<'_>, Tab<'_>) {
        let profile = self.browser.profile(look);
        let tab = profile.tab();
        (profile, tab)
    }

    /// The address of a page below the start page.
    pub(crate) fn url(&self, step: &str) -> String {
        format!("{}{}{step}", self.stack.cloud_url(), self.stack.start_path())
    }

    /// Asks for a reset; the tab is at the code page. The code that came.
    pub(crate) fn to_code(&self, tab: &Tab<'_>, person: &Person) -> String {
        let outbox = self.stack.outbox();
        let mark = outbox.mark();
        tab.open(&self.url(""));
        tab.fill("#login", &self.stack.login(person));
        tab.click_until(START, &at("code"));
        outbox.await_code(&mark, &person.private_mail).unwrap()
    }

    /// Passes the gate too; the tab is at the password page.
    pub(crate) fn to_password(&self, tab: &Tab<'_>, person: &Person) {
        let code = self.to_code(tab, person);
        tab.fill("#code", &code);
        tab.click_until(NEXT, &at("password"));
    }

    pub(crate) fn accepts(&self, person: &Person, password: &str) -> bool {
        let bound = self.stack.forest().bind(&self.stack.login(person), password).unwrap();
        bound == Bound::Accepted
    }

    /// When the directory last set the password: it changes with every set.
    pub(crate) fn last_set(&self, person: &Person) -> String {
        let forest = self.stack.forest();
        let found = forest.search(&person.dn, "(objectClass=user)", &["pwdLastSet"]).unwrap();
        found[0].text("pwdLastSet").unwrap().to_owned()
    }
}

/// The selector of a page at a step.
pub(crate) fn at(step: &str) -> String {
    format!("main[data-step={step}]")
}

/// The selector of a page that tells of an outcome.
pub(crate) fn with(outcome: &str) -> String {
    format!("main[data-outcome={outcome}]")
}

/// The selector of a page that says something.
pub(crate) fn says(text: &str) -> String {
    format!("main:has-text(\"{text}\")")
}

/// Types a password twice, not always the same.
pub(crate) fn choose(tab: &Tab<'_>, password: &str, again: &str) {
    tab.wait("#new");
    tab.fill("#new", password);
    tab.fill("#again", again);
}

/// That no field of the page holds a password.
pub(crate) fn assert_forgotten(seen: &Seen) {
    let kept = seen.secrets.iter().filter(|secret| !secret.value.is_empty());
    assert_eq!(kept.count(), 0, "{seen:?}");
}
