//! Agents at two nodes: the cloud service names them with its heartbeats, and each agent keeps a
//! channel to each. Both lead to the one service that there is; what comes over both is applied once.
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
use testkit::world::{TYPES, Told, Visit, Weather, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// A world in which each agent has its two channels.
fn at_two_nodes(seed: u64, agents: usize) -> World {
    println!("seed {seed}, {agents} agents");
    let mut world = World::start_with_nodes(seed, agents);
    world.pass(3 * MINUTE);
    let both = ["relay.listener.channels", "node-1.reset.world.test", "node-2.reset.world.test"];
    assert!(world.has_logged(&both), "the agent has heard of them, and listens at both");
    world
}

/// Somebody with an ordinary account resets a password.
fn visit(world: &mut World, number: usize, delay: Duration) -> Visit<Told> {
    let people = world.people().iter().filter(|one| one.kind == Kind::Ordinary);
    let person = people.cycle().nth(number).unwrap().clone();
    let login = format!("{}@{}", person.login, world.domain().domain());
    let (mut guest, password) = (world.guest(), world.password());
    Box::new(move || {
        guest.wait(delay);
        guest.reset(&login, &person.private_mail, &password, PATIENCE)
    })
}

#[test]
fn a_reset_works_as_ever_and_two_channels_of_one_process_are_no_alarm() {
    let mut world = at_two_nodes(3_000, 1);
    let before = world.now();
    let reset = visit(&mut world, 0, Duration::ZERO);
    assert_eq!(world.attend(reset), Told::Changed);
    let took = world.now().since(before);
    assert!(took < TYPES + Duration::from_secs(2), "{took:?}");
    // Two heartbeats later.
    world.pass(11 * MINUTE);
    assert!(!world.has_logged(&["agent.two_instances"]));
    assert!(!world.has_logged(&["heartbeat.nodes_refused"]));
}

#[test]
fn what_a_hostile_relay_repeats_over_both_channels_is_applied_once() {
    for seed in 3_100..3_105 {
        let agents = 1 + usize::from(seed % 2 == 0);
        let mut world = at_two_nodes(seed, agents);
        let weather = Weather { repeat: 40, reorder: 20, replay: true, ..Weather::default() };
        world.set_weather("agent-1", weather);
        world.after(Duration::from_secs(10), |world| world.cut("agent-1"));
        world.after(Duration::from_secs(40), |world| world.restart_agent("agent-1"));
        world.after(Duration::from_secs(70), World::restart_cloud);
        let delays = (0..4).map(|number| Duration::from_secs(number * 23));
        let visits: Vec<_> =
            delays.enumerate().map(|(at, delay)| visit(&mut world, at, delay)).collect();
        let told = world.attend_all(visits);
        println!("{told:?}");
        assert!(told.contains(&Told::Changed), "{told:?}");
    }
}
