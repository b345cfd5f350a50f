//! An agent that is revoked (SPEC A-3), at the service's own relay, which cuts its channel, and at one of
//! somebody else's, where it stands: there, too, it is given nothing any more and its word counts no more.
//! The invariants are checked when each world ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests report a broken expectation by panicking, and a random one prints its seed"
)]

use std::time::Duration;

use lab::Kind;
use testkit::world::{Told, Visit, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// SPEC A-3.
const CUT_OFF: Duration = Duration::from_secs(10);
/// How long a message lives, and how long after that others look.
const OTHERS_LOOK: Duration = Duration::from_secs(13 * 60);
/// What a world's clock runs to at most.
const NO_END: Duration = Duration::from_secs(24 * 60 * 60);

/// Login and mail address of one of those with an ordinary account.
fn somebody(world: &World, number: usize) -> (String, String) {
    let mut people = world.people().iter().filter(|one| one.kind == Kind::Ordinary).cycle();
    let person = people.nth(number).unwrap();
    (format!("{}@{}", person.login, world.domain().domain()), person.private_mail.clone())
}

fn visit(world: &mut World, number: usize) -> Visit<Told> {
    let (mut guest, password) = (world.guest(), world.password());
    let (login, mail) = somebody(world, number);
    Box::new(move || guest.reset(&login, &mail, &password, 20 * MINUTE))
}

/// The one that was given something, of two; and the other one.
fn asked(world: &World) -> [&'static str; 2] {
    let given = ["agent-1", "agent-2"].map(|name| world.given_to(name));
    match given {
        [1, 0] => ["agent-1", "agent-2"],
        [0, 1] => ["agent-2", "agent-1"],
        given => panic!("{given:?}"),
    }
}

#[test]
fn at_a_relay_of_somebody_elses_it_is_given_nothing_any_more_although_its_channel_stands() {
    let mut world = World::start_elsewhere(6_000, 2);
    let first = visit(&mut world, 0);
    assert_eq!(world.attend(first), Told::Changed);
    let [revoked, other] = asked(&world);
    world.revoke_agent(revoked);
    for number in 1..4 {
        let next = visit(&mut world, number);
        assert_eq!(world.attend(next), Told::Changed, "the other one serves");
        world.pass(6 * MINUTE);
    }
    assert!(world.has_logged(&["heartbeat.failed", "the agent was revoked; enrol anew"]));
    assert!(world.has_channel(revoked), "nobody can cut it there");
    assert_eq!((world.given_to(revoked), world.given_to(other)), (1, 3));
}

/// What becomes of somebody whose ticket was issued before this agent is revoked, and who submits after.
fn submitted_after(world: &mut World, revoked: &'static str) {
    let (mut guest, password) = (world.guest(), world.password());
    let (login, mail) = somebody(world, 0);
    world.after(10 * SECOND, |world| world.revoke_agent(revoked));
    let before = world.now();
    let told = world.attend(move || {
        assert_eq!(guest.pass_gates(&login, &mail).unwrap().step, "password");
        guest.submit(&login, &password, 11 * SECOND, NO_END).unwrap()
    });
    let took = world.now().since(before);
    assert_eq!((told, world.given_to(revoked)), (Told::Changed, 0));
    assert!(took < 15 * SECOND, "{took:?}");
}

#[test]
fn a_password_that_was_sealed_for_it_before_goes_to_another_agent() {
    let relays = [World::start as fn(_, _) -> _, World::start_elsewhere];
    for (seed, start) in (6_010..).zip(relays) {
        for revoked in ["agent-1", "agent-2"] {
            submitted_after(&mut start(seed, 2), revoked);
        }
    }
}

#[test]
fn what_it_was_given_before_is_in_doubt_within_10_seconds_and_settled_by_another_one() {
    let relays = [World::start as fn(_, _) -> _, World::start_elsewhere];
    for (seed, start) in (6_030..).zip(relays) {
        let mut world: World = start(seed, 2);
        // It is at its directory for longer than that, and answers in the end.
        world.slow_directory(8 * SECOND);
        let (begins, before) = (6 * SECOND, world.now());
        world.after(begins, |world| {
            assert!(!world.has_audited("operation.in_doubt"));
            let [revoked, _] = asked(world);
            world.revoke_agent(revoked);
        });
        world.after(begins + CUT_OFF, |world| {
            assert!(world.has_audited("operation.in_doubt"), "it would still be believed");
            world.slow_directory(Duration::ZERO);
        });
        let reset = visit(&mut world, 0);
        let told = world.attend(reset);
        let took = world.now().since(before);
        println!("seed {seed}: {told:?} after {took:?}");
        assert!(told.is_settled(), "{told:?}");
        assert!(took >= OTHERS_LOOK && took < OTHERS_LOOK + 2 * MINUTE, "{took:?}");
        assert!(world.has_logged(&["WARN", "agent.cut_off", "agent_revoked", "34049"]));
        asked(&world);
    }
}
