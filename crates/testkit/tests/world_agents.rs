//! Agents that vanish, that are revoked, and whose identity is copied, in a world in one process. The
//! invariants are checked when each world ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::time::Duration;

use lab::Kind;
use testkit::world::{Told, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// What a world's clock runs to at most.
const NO_END: Duration = Duration::from_secs(24 * 60 * 60);

/// Login and mail address of somebody with an ordinary account.
fn somebody(world: &World) -> (String, String) {
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap();
    (format!("{}@{}", person.login, world.domain().domain()), person.private_mail.clone())
}

fn reset(world: &mut World) -> Told {
    let (mut guest, password) = (world.guest(), world.password());
    let (login, mail) = somebody(world);
    world.attend(move || guest.reset(&login, &mail, &password, PATIENCE))
}

/// SPEC K-4.
#[test]
fn an_agent_that_vanishes_between_the_ticket_and_the_delivery_costs_the_person_nothing() {
    for (seed, vanishes) in [(4_000, "agent-1"), (4_001, "agent-2")] {
        let mut world = World::start(seed, 2);
        let (mut guest, password) = (world.guest(), world.password());
        let (login, mail) = somebody(&world);
        let before = world.now();
        world.after(5 * SECOND, |world| world.kill_agent(vanishes));
        let told = world.attend(move || {
            assert_eq!(guest.pass_gates(&login, &mail).unwrap().step, "password");
            // The ticket names both; what was sealed arrives when one of them is gone.
            guest.submit(&login, &password, 20 * SECOND, NO_END).unwrap()
        });
        assert_eq!(told, Told::Changed, "{vanishes} has vanished");
        let took = world.now().since(before);
        assert!(took >= 20 * SECOND && took < 25 * SECOND, "not a second time: {took:?}");
        assert!(!world.has_audited("operation.in_doubt"));
    }
}

/// SPEC A-3, by another process than the service.
#[test]
fn a_revoked_agent_is_cut_off_within_10_seconds_and_is_told_why() {
    let mut world = World::start(4_010, 2);
    assert_eq!(reset(&mut world), Told::Changed);
    world.revoke_agent("agent-1");
    assert!(!world.has_logged(&["agent.cut_off"]));
    world.pass(10 * SECOND);
    assert!(world.has_logged(&["WARN", "agent.cut_off", "agent-1", "agent_revoked", "34049"]));
    assert!(world.has_logged(&["the relay closed the channel: 1001 agent revoked"]));
    // It cannot listen any more, and hears it again with its next heartbeat.
    world.pass(6 * MINUTE);
    assert!(world.has_logged(&["heartbeat.failed", "the agent was revoked; enrol anew"]));
    assert!(!world.has_logged(&["agent.cut_off", "agent-2"]));
    assert_eq!(reset(&mut world), Told::Changed, "the other one serves");
}

/// SPEC A-3.
#[test]
fn two_processes_of_one_identity_raise_an_alarm_with_the_next_heartbeat() {
    let relays = [World::start as fn(_, _) -> _, World::start_elsewhere];
    for (seed, start) in (4_020..).zip(relays) {
        let mut world: World = start(seed, 1);
        world.pass(6 * MINUTE);
        for _ in 0..2 {
            world.kill_agent("agent-1");
            world.pass(SECOND);
            world.start_agent("agent-1");
            world.pass(6 * MINUTE);
        }
        assert!(!world.has_logged(&["agent.two_instances"]), "one process after the other");
        world.start_copy_of("agent-1");
        world.pass(5 * MINUTE + 10 * SECOND);
        assert!(world.has_logged(&["ERROR", "agent.two_instances", "34047"]), "seed {seed}");
    }
}
