//! Whole resets in a world in one process: cloud service and agent as they are, with the fake
//! directory, on manual time. The invariants are checked when each world ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::time::Duration;

use directory_fake::Fault;
use lab::Kind;
use testkit::world::{Told, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);

#[test]
fn everybody_is_told_what_their_account_allows() {
    let mut world = World::start(1, 1);
    let people: Vec<_> = world.people().to_vec();
    for person in people {
        let expected = testkit::ready::expected(person.kind);
        let (mut guest, password) = (world.guest(), world.password());
        let login = format!("{}@{}", person.login, world.domain().domain());
        let mail = person.private_mail.clone();
        let told = world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
        let expected = match expected.changed() {
            protocol::Changed::Yes => Told::Changed,
            _ => Told::Unchanged(expected.name().to_owned()),
        };
        assert_eq!(told, expected, "{} {:?}", person.login, person.kind);
    }
}

#[test]
fn a_reset_takes_no_time_when_nothing_is_in_the_way() {
    let mut world = World::start(2, 1);
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().clone();
    let (mut guest, password) = (world.guest(), world.password());
    let login = format!("{}@{}", person.login, world.domain().domain());
    let before = world.now();
    let told = world.attend(move || guest.reset(&login, &person.private_mail, &password, PATIENCE));
    assert_eq!(told, Told::Changed);
    assert!(world.now().since(before) < Duration::from_secs(2), "{:?}", world.now().since(before));
}

/// A set stands in the controller's queue, and nothing can be seen of it. By the agent's clock, which is
/// put forward meanwhile, the time is over after which it could not be made any more (a soak's find:
/// seed 4426 of the faults as they were drawn then).
#[test]
fn a_clock_that_is_put_forward_while_a_set_is_in_doubt_hurries_nobody_to_say_unchanged() {
    let mut world = World::start(4_426, 1);
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().clone();
    let (mut guest, password) = (world.guest(), world.password());
    let login = format!("{}@{}", person.login, world.domain().domain());
    world.inject(Fault::SetLater(Duration::from_millis(14_434)));
    world.after(Duration::from_secs(4), |world| world.put_clock_ahead("agent-1", 121_619));
    world.after(Duration::from_secs(60), |world| world.put_clock_ahead("agent-1", 0));
    let told = world.attend(move || guest.reset(&login, &person.private_mail, &password, PATIENCE));
    assert_eq!(told, Told::Changed);
}
