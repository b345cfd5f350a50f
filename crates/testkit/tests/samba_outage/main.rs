//! The real controller goes down before, during and after a set that a person waits for: what they are
//! told is true, and where nobody can know it they are told just that, until the agent has looked
//! (SPEC PR-2, W-8).
//!
//! Each test has a lab of its own, because it stops its only controller. The moments are not hit by luck:
//! the agent's road to the controller leads past somebody who reads what is said there ([`road`]).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

mod frozen;
mod held;
mod late;
#[path = "../ldap_road/mod.rs"]
mod ldap_road;
mod road;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use clock::SystemClock;
use directory::{Directory as _, DirectoryConfig, LdapDirectory, ObjectGuid};
use frozen::freeze_ldap;
use lab::{Bound, Forest, Lab, LabOptions, NewPerson, Person, Watch};
use protocol::ClearPassword;
use road::{Moment, Road, Then};
use testkit::{Options, Page, Stack, Visitor};

const OLD: &str = "First-Password-2024";
const NEW: &str = "Second-Password-2025";
/// THREATS I7: settled within 60 seconds of the moment at which everything is there again.
const SETTLED: Duration = Duration::from_secs(60);
/// How long the agent waits for the answer to a set.
const SET_TIME_LIMIT: Duration = Duration::from_secs(3);

/// A person at the password page.
struct World {
    visitor: Visitor,
    person: Person,
    stack: Stack,
    road: Road,
    forest: Forest,
    _lab: Lab,
}

impl World {
    fn at_the_password_page() -> Self {
        Self::with_time_limit(SET_TIME_LIMIT)
    }

    /// The agent waits so long for the answer to a set.
    fn with_time_limit(set_time_limit: Duration) -> Self {
        let stop = AtomicBool::new(false);
        let watch = Watch { progress: &|_| {}, stop: &stop };
        let lab = Lab::start_with(&LabOptions::default(), watch).unwrap();
        let forest = lab.forest().clone();
        let new = NewPerson { password: OLD.to_owned(), ..NewPerson::default() };
        let person = forest.add_person(&new).unwrap();
        let road = Road::to(&forest);
        let ca = forest.ca_file.with_file_name("road.pem");
        std::fs::write(&ca, road.authority().pem()).unwrap();
        let agent = format!(
            "[directory]\nca = \"{}\"\nldaps_port = {}\nconnect_timeout_seconds = 1\n\
             operation_timeout_seconds = 2\nset_time_limit_seconds = {}\n",
            ca.display(),
            road.address().port(),
            set_time_limit.as_secs(),
        );
        let stack = Stack::start(&forest, Options { agent, ..Options::default() }).unwrap();
        let mut visitor = stack.visitor().unwrap();
        visitor.open().unwrap();
        let outbox = stack.outbox();
        let mark = outbox.mark();
        visitor.start(&stack.login(&person)).unwrap();
        let code = outbox.await_code(&mark, &person.private_mail).unwrap();
        assert_eq!(visitor.code(&code).unwrap().step, "password");
        Self { visitor, person, stack, road, forest, _lab: lab }
    }

    /// How often the directory has taken a password for the person, by its own word, and not by the road.
    fn version(&self) -> u32 {
        let forest = &self.forest;
        let ca = std::fs::read(&forest.ca_file).unwrap();
        let name = format!("{}@{}", forest.service.login, forest.domain);
        let password = ClearPassword::from_text(&forest.service.password).unwrap();
        let config = DirectoryConfig::new(&forest.domain, ca, &name, password).unwrap();
        let config = DirectoryConfig { dns: Some(forest.dns_address), ..config };
        let guid: ObjectGuid = self.person.object_guid.parse().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
            directory.witness(guid).await.unwrap().unwrap().version
        })
    }

    fn holds(&self, password: &str) -> bool {
        match self.forest.bind(&self.person.login, password).unwrap() {
            Bound::Accepted => true,
            // The password is wrong; the account is fine.
            Bound::Refused { sub_code } if sub_code == "52e" => false,
            other => panic!("{other:?}"),
        }
    }

    /// The directory holds the new password or the old one, and not both.
    fn must_hold(&self, new: bool) {
        assert_eq!((self.holds(NEW), self.holds(OLD)), (new, !new));
    }

    /// Everything works again, for the same visit.
    fn must_work_again(&mut self, before: u32) {
        let page = self.visitor.password(NEW).unwrap();
        expect(&page, "password_changed", "yes");
        assert_eq!(self.version() - before, 1, "sets in the directory");
        self.must_hold(true);
    }
}

#[track_caller]
fn expect(page: &Page, outcome: &str, changed: &str) {
    let said = (page.step.as_str(), page.outcome.as_str(), page.changed.as_str());
    assert_eq!(said, ("result", outcome, changed), "{}", page.text);
}

/// How the controller goes down while a set is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    /// Its LDAP programs stand still, so that it never reads the set, and it is killed at once.
    Unread,
    /// The same, and it is killed when the agent has given up waiting.
    UnreadForLong,
    /// It has set the password and answered, and is killed before the agent has anything of that.
    Set,
}

fn goes_down(during: During) {
    let mut world = World::at_the_password_page();
    let before = world.version();
    let (forest, killed) = (world.forest.clone(), world.forest.clone());
    match during {
        During::Unread | During::UnreadForLong => {
            world.road.at(Moment::Asked, move || {
                freeze_ldap(&forest);
                Then::GoOn
            });
        }
        During::Set => {
            world.road.at(Moment::Answered, move || {
                freeze_ldap(&forest);
                forest.stop_controller(0).unwrap();
                Then::Cut
            });
        }
    }
    if during == During::Unread {
        world.road.at(Moment::Forwarded, move || {
            killed.stop_controller(0).unwrap();
            Then::Cut
        });
    }
    let page = world.visitor.password(NEW).unwrap();
    expect(&page, "in_doubt", "unknown");
    assert!(world.road.is_done(), "the controller went down during the set");
    if during == During::UnreadForLong {
        world.forest.stop_controller(0).unwrap();
    }
    // Nobody guesses, however often the agent looks in vain.
    thread::sleep(SET_TIME_LIMIT);
    expect(&world.visitor.get("/result").unwrap(), "in_doubt", "unknown");

    world.forest.start_controller(0).unwrap();
    let page = world.visitor.settled(SETTLED).unwrap();
    let was_set = during == During::Set;
    match was_set {
        true => expect(&page, "settled_changed", "yes"),
        false => expect(&page, "settled_unchanged", "no"),
    }
    assert_eq!(world.version() - before, u32::from(was_set), "sets in the directory");
    world.must_hold(was_set);
    if !was_set {
        world.must_work_again(before);
    }
    assert!(world.stack.ended().is_empty(), "nobody else went down");
}

#[test]
fn a_controller_that_is_killed_before_it_reads_a_set_leaves_doubt_that_is_settled_as_unchanged() {
    goes_down(During::Unread);
}

#[test]
fn a_controller_that_stands_still_with_a_set_in_its_queue_leaves_doubt_until_it_is_back() {
    goes_down(During::UnreadForLong);
}

#[test]
fn a_controller_that_is_killed_between_a_set_and_its_answer_leaves_doubt_that_is_settled_as_changed()
 {
    goes_down(During::Set);
}

#[test]
fn while_the_controller_is_down_nothing_is_set_and_nothing_is_lost() {
    let mut world = World::at_the_password_page();
    let before = world.version();
    world.forest.stop_controller(0).unwrap();
    let page = world.visitor.password(NEW).unwrap();
    expect(&page, "pdc_unreachable", "no");
    world.forest.start_controller(0).unwrap();
    assert_eq!(world.version(), before);
    world.must_hold(false);
    world.stack.await_step("start", None).unwrap();
    world.must_work_again(before);
}

#[test]
fn a_set_that_the_controller_answered_before_it_went_down_is_told_as_changed() {
    let mut world = World::at_the_password_page();
    let before = world.version();
    let forest = world.forest.clone();
    world.road.at(Moment::Answered, move || {
        freeze_ldap(&forest);
        forest.stop_controller(0).unwrap();
        Then::GoOn
    });
    let page = world.visitor.password(NEW).unwrap();
    expect(&page, "password_changed", "yes");
    assert!(world.road.is_done(), "the controller went down at its answer");
    world.forest.start_controller(0).unwrap();
    // Also after all of its memory is gone.
    assert_eq!(world.version() - before, 1, "sets in the directory");
    world.must_hold(true);
    expect(&world.visitor.get("/result").unwrap(), "password_changed", "yes");
}
