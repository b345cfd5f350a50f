//! Every kind of account through the pages, in Chromium, on an Active Directory of its own: each
//! person of the ready file is reset, and the page tells the outcome that the file expects.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod browser;
mod walk;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicBool;

use browser::{FOUR, Tab};
use lab::{Bound, Forest, Kind, Lab, LabOptions, Watch};
use protocol::Outcome;
use testkit::ready::Person;
use testkit::{Options, Stack};
use walk::{NEXT, START, World, at, submit};

const NEW: &str = "Meadow-Lantern-2025";

/// Side by side; each has a directory of its own.
const PARTS: usize = 3;

#[test]
fn every_first_of_three_is_reset_and_the_page_tells_the_expected_outcome() {
    everybody_is_reset(0);
}

#[test]
fn every_second_of_three_is_reset_and_the_page_tells_the_expected_outcome() {
    everybody_is_reset(1);
}

#[test]
fn every_third_of_three_is_reset_and_the_page_tells_the_expected_outcome() {
    everybody_is_reset(PARTS - 1);
}

fn everybody_is_reset(part: usize) {
    let stop = AtomicBool::new(false);
    let watch = Watch { progress: &|_| {}, stop: &stop };
    let lab = Lab::start_with(&LabOptions::default(), watch).unwrap();
    let mut world = World::on(Stack::start(lab.forest(), Options::default()).unwrap());
    let people = world.stack.ready().unwrap().people;
    let kinds: HashSet<_> = people.iter().map(|person| person.kind).collect();
    assert_eq!(kinds, HashSet::from(Kind::ALL), "those of the ready file and those of INTERFACES");
    let before = last_sets(lab.forest());
    let looks = FOUR.into_iter().flat_map(|look| [look, look.dutch_in_the_dark()]);
    let visitors: Vec<_> = looks.map(|look| world.visitor(look)).collect();
    let ended: Vec<_> = people
        .iter()
        .skip(part)
        .step_by(PARTS)
        .zip(visitors.iter().cycle())
        .map(|(person, (_, tab))| (person, tab.look, reset(&world, person, tab)))
        .collect();
    let after = last_sets(lab.forest());
    let wrong = ended.iter().filter_map(|(person, look, (outcome, changed, accepted))| {
        let set = before[&person.dn] != after[&person.dn];
        let ended = Ended { outcome, changed, accepted: *accepted, set };
        (ended != Ended::expected(person))
            .then(|| format!("{} ({:?}, {look:?}): {ended:?}", person.login, person.kind))
    });
    let wrong = Vec::from_iter(wrong);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), ended.len(), wrong.join("\n"));
}

/// What a page and the directory say after somebody's reset.
#[derive(Debug, PartialEq, Eq)]
struct Ended<'a> {
    outcome: &'a str,
    changed: &'a str,
    /// Whether the directory takes the new password.
    accepted: bool,
    /// Whether it has set one.
    set: bool,
}

impl<'a> Ended<'a> {
    fn expected(person: &'a Person) -> Self {
        let outcome = Outcome::from_name(&person.expected).expect("a stable name");
        let changed = outcome.changed().word();
        let set = changed == "yes";
        Self { outcome: outcome.name(), changed, accepted: set, set }
    }
}

/// What the page says in the end, and whether the directory takes the new password.
fn reset(world: &World, person: &Person, tab: &Tab) -> (String, String, bool) {
    let outbox = world.stack.outbox();
    let mark = outbox.mark();
    tab.open(&world.url(""));
    tab.fill("#login", &person.login);
    tab.click_until(START, &at("code"));
    tab.fill("#code", &outbox.await_code(&mark, &person.mail).unwrap());
    tab.click_until(NEXT, &at("password"));
    submit(tab, NEW, "main:not([data-outcome=''])");
    let page = tab.seen();
    assert!(!page.messages.is_empty() && !page.number.is_empty(), "{page:?}");
    tab.screenshot("kinds", &page.outcome);
    let bound = world.stack.forest().bind(&person.login, NEW).unwrap();
    (page.outcome, page.changed, bound == Bound::Accepted)
}

/// When the directory last set whose password, by distinguished name.
fn last_sets(forest: &Forest) -> HashMap<String, String> {
    let everybody = "(&(objectClass=user)(pwdLastSet=*))";
    let found = forest.search(&forest.base_dn, everybody, &["pwdLastSet"]).unwrap();
    let entry =
        |entry: &lab::Entry| (entry.dn.clone(), entry.text("pwdLastSet").unwrap().to_owned());
    found.iter().map(entry).collect()
}
