//! A relay in other hands turns bits over, leaves ends out, says everything twice and to the wrong
//! agent, and, where it is somebody else's, denies what it has delivered. The journal, the seals and the
//! settlement see to it that everybody is told what is true; the invariants are checked when each
//! world ends.
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
use testkit::world::{Tampering, Told, Visit, Weather, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);
const FOR_A_WHILE: Duration = Duration::from_secs(60);

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

/// What four people are told who come while the relay does that for a minute.
fn told(mut world: World, tampering: Tampering) -> Vec<Told> {
    world.tamper(tampering, FOR_A_WHILE);
    let delays = (0..4).map(|number| Duration::from_secs(number * 7));
    let visits: Vec<_> =
        delays.enumerate().map(|(at, delay)| visit(&mut world, at, delay)).collect();
    let told = world.attend_all(visits);
    assert!(world.tampered() > 0, "nothing was done to anything");
    println!("seed {}: {told:?}, {} tricks", world.seed(), world.tampered());
    told
}

const NOTHING: Tampering = Tampering { flip: 0, shorten: 0, repeat: 0, mislead: 0, deny: 0 };

/// Whatever people are told in the end who come while either kind of relay does that: always the truth,
/// which the invariants see to, and everybody something that is settled.
fn settled(seed: u64, tampering: Tampering) -> Vec<Told> {
    let mut told = told(World::start(seed, 2), tampering);
    told.extend(self::told(World::start_elsewhere(seed + 100, 2), tampering));
    assert!(told.iter().all(Told::is_settled), "seed {seed}: {told:?}");
    told
}

#[test]
fn people_are_told_what_is_true_where_bits_of_packages_and_answers_are_turned_over() {
    settled(5_000, Tampering { flip: 100, ..NOTHING });
    // Answers to packages that were carried out, too.
    settled(5_010, Tampering { flip: 50, ..NOTHING });
}

#[test]
fn people_are_told_what_is_true_where_packages_and_answers_lose_their_ends() {
    settled(5_001, Tampering { shorten: 100, ..NOTHING });
    settled(5_011, Tampering { shorten: 50, ..NOTHING });
}

#[test]
fn whoever_says_packages_and_answers_twice_changes_nothing() {
    let told = settled(5_002, Tampering { repeat: 100, ..NOTHING });
    assert_eq!(told, vec![Told::Changed; told.len()]);
}

#[test]
fn whoever_says_packages_to_another_agent_too_changes_nothing() {
    let told = settled(5_003, Tampering { mislead: 100, ..NOTHING });
    assert_eq!(told, vec![Told::Changed; told.len()]);
}

#[test]
fn a_relay_of_somebody_elses_that_denies_what_it_delivered_is_not_believed() {
    let tampering = Tampering { deny: 100, ..NOTHING };
    let told = told(World::start_elsewhere(5_200, 2), tampering);
    assert_eq!(told, vec![Told::Changed; told.len()]);
}

#[test]
fn of_two_tamperings_that_overlap_each_ends_by_itself() {
    let mut world = World::start_elsewhere(5_250, 2);
    let deny = Tampering { deny: 100, ..NOTHING };
    world.tamper(deny, Duration::from_secs(10));
    world.after(Duration::from_secs(5), move |world| world.tamper(deny, FOR_A_WHILE));
    // When the first one is over.
    let first = visit(&mut world, 0, Duration::from_secs(15));
    assert_eq!(world.attend(first), Told::Changed);
    let tricks = world.tampered();
    assert!(tricks > 0, "the end of the first ended the second");
    // When both are.
    let second = visit(&mut world, 1, FOR_A_WHILE);
    assert_eq!(world.attend(second), Told::Changed);
    assert_eq!(world.tampered(), tricks);
}

#[test]
fn a_relay_of_somebody_elses_that_comes_back_is_used_again() {
    let mut world = World::start_elsewhere(5_300, 1);
    let first = visit(&mut world, 0, Duration::ZERO);
    assert_eq!(world.attend(first), Told::Changed);
    // The agent cannot say that it has no channel: else it depends on who is faster whether the visitor is
    // turned away at once.
    world.set_weather("agent-1", Weather { closed: true, ..Weather::default() });
    world.cut("agent-1");
    world.kill_relay();
    world.after(Duration::from_secs(20), |world| {
        world.start_relay();
        world.set_weather("agent-1", Weather::default());
    });
    let (before, second) = (world.now(), visit(&mut world, 1, Duration::ZERO));
    assert_eq!(world.attend(second), Told::Changed);
    let took = world.now().since(before);
    assert!(took > Duration::from_secs(20) && took < Duration::from_secs(120), "{took:?}");
}

#[test]
fn at_a_relay_of_somebody_elses_that_does_nothing_each_request_is_given_to_one_agent_once() {
    // Nothing disturbs this world, so its end also counts who was given what.
    let mut world = World::start_elsewhere(5_400, 2);
    let visits: Vec<_> = (0..4).map(|at| visit(&mut world, at, Duration::ZERO)).collect();
    let told = world.attend_all(visits);
    assert!(told.iter().all(|told| matches!(told, Told::Changed)), "{told:?}");
}
