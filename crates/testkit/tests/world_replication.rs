//! A password is set at a controller that is lost before another one has heard of it. The other one
//! has the role by then, and what it knows is old: the request stays in doubt until it has been told.
//! The invariants are checked when each world ends.
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
/// The agent has lost the connection by then, and nothing was set.
const ROLE_MOVES: Duration = Duration::from_secs(6);
/// When the controller carries out what stood in its queue: after the role has moved.
const IS_SET: Duration = Duration::from_secs(10);
/// Long after the time limit of a set, beyond which *unchanged* could be said.
const BACK: Duration = Duration::from_secs(120);
/// So soon is settled what can be known (I7).
const SETTLED: Duration = Duration::from_secs(60);

/// One person resets a password, which meets a fault at `dc1`; then `dc1` is lost and `dc2` has the
/// role, until `dc1` is back without it. What the person was told, and after how long.
fn reset(world: &mut World, fault: Fault, delay: Duration) -> (Told, Duration) {
    let domain = world.domain().clone();
    domain.add_controller("dc2").unwrap();
    domain.replicate_after(delay);
    world.inject(fault);
    world.after(ROLE_MOVES, |world| {
        world.controller_up(false);
        world.domain().move_role("dc2").unwrap();
    });
    world.after(BACK, |world| world.domain().up("dc1", true).unwrap());
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().clone();
    let (mut guest, password) = (world.guest(), world.password());
    let login = format!("{}@{}", person.login, domain.domain());
    let began = world.now();
    let told = world.attend(move || guest.reset(&login, &person.private_mail, &password, PATIENCE));
    (told, world.now().since(began))
}

#[test]
fn a_set_that_the_new_holder_of_the_role_has_not_heard_of_stays_in_doubt_until_who_was_asked_is_back()
 {
    for (seed, delay) in [(41, Duration::ZERO), (42, Duration::from_secs(300))] {
        let mut world = World::start(seed, 1);
        let (told, took) = reset(&mut world, Fault::SetLater(IS_SET), delay);
        assert_eq!(told, Told::Changed, "seed {seed}");
        // Wherever the role is: the controller that was asked can be asked again.
        let known = BACK;
        assert!(took >= known, "seed {seed}: told after {took:?}, and nobody could know");
        assert!(took < known + SETTLED, "seed {seed}: told after {took:?}");
        let sets = world.domain().journal();
        assert_eq!(sets.len(), 1, "seed {seed}: it was not set again");
        assert!(sets[0].controller.starts_with("dc1."), "seed {seed}: {sets:?}");
        // In the end everybody knows it, who is asked about it when the world ends among them.
        world.domain().replicate();
    }
}

#[test]
fn what_was_never_set_is_said_to_be_unchanged_only_by_the_controller_that_was_asked() {
    let mut world = World::start(43, 1);
    let (told, took) = reset(&mut world, Fault::RequestLost, Duration::ZERO);
    assert!(matches!(told, Told::Unchanged(_)), "{told:?}");
    assert!(took >= BACK, "told after {took:?}, by a controller that cannot know");
    assert!(took < BACK + SETTLED, "told after {took:?}");
    assert!(world.domain().journal().is_empty());
}
