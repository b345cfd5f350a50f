//! A stack with a browser, and the way to the pages behind the gates.
#![allow(dead_code, reason = "every file that includes this uses a part of it")]

use std::process::Command;

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
        Self::of(options, std::array::from_fn(|_| NewPerson::default()))
    }

    /// The same with people of whom something is special.
    pub(crate) fn of<const N: usize>(
        options: Options,
        people: [NewPerson; N],
    ) -> (Self, [Person; N]) {
        let forest = Forest::of_running_lab().unwrap();
        let people = people.map(|person| {
            let password = PRESENT.to_owned();
            forest.add_person(&NewPerson { password, ..person }).unwrap()
        });
        (Self::on(Stack::start(&forest, options).unwrap()), people)
    }

    /// A browser that believes a stack.
    pub(crate) fn on(stack: Stack) -> Self {
        Self { browser: Browser::open(&stack.directory().join("server.pem")), stack }
    }

    pub(crate) fn visitor(&self, look: Look) -> (Profile, Tab) {
        let profile = self.browser.profile(look);
        let tab = profile.tab();
        (profile, tab)
    }

    /// The address of a page below the start page.
    pub(crate) fn url(&self, step: &str) -> String {
        format!("{}{}{step}", self.stack.cloud_url(), self.stack.start_path())
    }

    /// Asks for a reset; the tab is at the code page. The code that came.
    pub(crate) fn to_code(&self, tab: &Tab, person: &Person) -> String {
        let outbox = self.stack.outbox();
        let mark = outbox.mark();
        tab.open(&self.url(""));
        tab.fill("#login", &self.stack.login(person));
        tab.click_until(START, &at("code"));
        outbox.await_code(&mark, &person.private_mail).unwrap()
    }

    /// Passes the gate too; the tab is at the password page.
    pub(crate) fn to_password(&self, tab: &Tab, person: &Person) {
        let code = self.to_code(tab, person);
        tab.fill("#code", &code);
        tab.click_until(NEXT, &at("password"));
    }

    pub(crate) fn accepts(&self, person: &Person, password: &str) -> bool {
        let bound = self.stack.forest().bind(&self.stack.login(person), password).unwrap();
        bound == Bound::Accepted
    }

    /// The number of a process of the stack.
    pub(crate) fn pid(&mut self, name: &str) -> u32 {
        let ready = self.stack.ready().unwrap();
        ready.processes.iter().find(|process| process.name == name).unwrap().pid
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

/// Types a password twice, not always the same, into the form that this browser has.
pub(crate) fn choose(tab: &Tab, password: &str, again: &str) {
    let [first, second] = fields(tab);
    tab.wait(first);
    tab.fill(first, password);
    tab.fill(second, again);
}

/// Types it twice, and submits it; returns when the page that is wanted is there.
pub(crate) fn submit(tab: &Tab, password: &str, until: &str) {
    choose(tab, password, password);
    tab.click_until(button(tab), until);
}

/// What submits the password.
pub(crate) fn button(tab: &Tab) -> &'static str {
    if tab.look.scripting { SET } else { SET_UNSEALED }
}

/// The two fields for the password.
pub(crate) fn fields(tab: &Tab) -> [&'static str; 2] {
    if tab.look.scripting { ["#new", "#again"] } else { ["#password", "#password_again"] }
}

/// Sends a signal to a process, by its name: `STOP`, `CONT`, `KILL`.
pub(crate) fn signal(process: u32, name: &str) {
    let done = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(done.unwrap().success());
}

/// That no field of the page holds a password.
pub(crate) fn assert_forgotten(seen: &Seen) {
    let kept = seen.secrets.iter().filter(|secret| !secret.value.is_empty());
    assert_eq!(kept.count(), 0, "{seen:?}");
}
