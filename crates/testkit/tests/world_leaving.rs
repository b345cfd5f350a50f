//! The cloud service ends in good order, as at SIGTERM: nothing new is taken, and whoever waits for the end
//! of an operation hears it before the port is given up (relay protocol, "Limits and promises"). So does an
//! agent: what it has in hand it finishes, and what comes meanwhile it takes when it is back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::ops::Range;
use std::time::Duration;

use lab::Kind;
use testkit::Page;
use testkit::world::{Guest, Told, Visit, World};

const SECOND: Duration = Duration::from_secs(1);

/// A person that may reset: login and private mail.
fn somebody(world: &World) -> (String, String) {
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap();
    let login = format!("{}@{}", person.login, world.domain().domain());
    (login, person.private_mail.clone())
}

/// What a visitor sees who comes `after` so long; nothing if nobody answers.
fn visit(mut guest: Guest, after: Duration) -> Option<Page> {
    guest.wait(after);
    guest.visitor().open().ok()
}

enum Seen {
    Told(Told),
    Page(Box<Option<Page>>),
}

/// A reset at a directory whose every answer takes `slow`, while the service is told to end 3 s after the
/// beginning: what its person was told, and what a visitor saw a second later.
fn reset_while_it_leaves(
    seed: u64,
    slow: Duration,
    expected: Range<Duration>,
) -> (Told, Option<Page>, World) {
    let mut world = World::start(seed, 1);
    let ((login, mail), password) = (somebody(&world), world.password());
    let (mut guest, late) = (world.guest(), world.guest());
    world.slow_directory(slow);
    let before = world.now();
    world.after(3 * SECOND, World::leave_cloud);
    let mut seen = world.attend_all::<Seen>(vec![
        Box::new(move || Seen::Told(guest.reset(&login, &mail, &password, 60 * SECOND))),
        Box::new(move || Seen::Page(Box::new(visit(late, 4 * SECOND)))),
    ]);
    let took = world.now().since(before);
    assert!(expected.contains(&took), "{took:?}");
    let (Some(Seen::Page(page)), Some(Seen::Told(told))) = (seen.pop(), seen.pop()) else {
        panic!("two visits")
    };
    (told, *page, world)
}

#[test]
fn what_is_in_flight_ends_and_who_is_new_is_told_to_come_back() {
    let (told, page, mut world) = reset_while_it_leaves(3_100, SECOND, 4 * SECOND..20 * SECOND);
    assert_eq!(told, Told::Changed);
    let page = page.expect("the port is open");
    assert_eq!((page.status, page.outcome.as_str()), (503, ""));
    assert!(page.html.contains("being restarted"), "{}", page.html);
    world.pass(10 * SECOND);
    assert!(!world.cloud_runs(), "nobody needs it any more");
    let guest = world.guest();
    assert!(world.attend(move || visit(guest, SECOND)).is_none(), "the port is given up");
}

#[test]
fn a_page_that_follows_an_operation_is_served_until_it_has_said_how_it_ended() {
    // Longer than the 20 s that a post is kept waiting.
    let in_time = 20 * SECOND..33 * SECOND;
    let (told, _, mut world) = reset_while_it_leaves(3_101, 8 * SECOND, in_time);
    assert_eq!(told, Told::Changed);
    world.pass(10 * SECOND);
    assert!(!world.cloud_runs(), "nobody needs it any more");
}

#[test]
fn a_service_that_nobody_waits_for_ends_at_once() {
    let mut world = World::start(3_102, 1);
    world.leave_cloud();
    world.pass(SECOND);
    assert!(!world.cloud_runs());
}

#[test]
fn a_message_that_waits_for_an_agent_is_destroyed_and_its_person_told_at_once() {
    let mut world = World::start(3_103, 1);
    let ((login, mail), password) = (somebody(&world), world.password());
    let mut guest = world.guest();
    world.after(5 * SECOND, |world| world.kill_agent("agent-1"));
    world.after(15 * SECOND, World::leave_cloud);
    let before = world.now();
    let answer = world.attend(move || {
        guest.pass_gates(&login, &mail).unwrap();
        let body = guest.visitor().ticket().unwrap().seal(&password).unwrap();
        guest.wait(10 * SECOND);
        guest.visitor().post_sealed(&body).unwrap()
    });
    assert_eq!((answer.outcome.as_str(), answer.changed.as_str()), ("expired", "no"));
    assert!(world.now().since(before) < 17 * SECOND, "{:?}", world.now().since(before));
}

/// Two people who reset at a directory whose answers are slow, the second one when the only agent has been
/// told to end and is busy with the first. It is there again `back` after that, if ever.
fn resets_while_the_agent_leaves(seed: u64, back: Option<Duration>) -> (Vec<Told>, World) {
    let mut world = World::start(seed, 1);
    let people: Vec<_> =
        world.people().iter().filter(|one| one.kind == Kind::Ordinary).take(2).cloned().collect();
    world.slow_directory(2 * SECOND);
    world.after(4 * SECOND, |world| world.leave_agent("agent-1"));
    if let Some(back) = back {
        world.after(4 * SECOND + back, |world| world.start_agent("agent-1"));
    }
    let visits = people.iter().zip([Duration::ZERO, 5 * SECOND]).map(|(person, after)| {
        let login = format!("{}@{}", person.login, world.domain().domain());
        let (mut guest, password) = (world.guest(), world.password());
        let mail = person.private_mail.clone();
        let visit = move || {
            guest.wait(after);
            guest.reset(&login, &mail, &password, 200 * SECOND)
        };
        Box::new(visit) as Visit<Told>
    });
    let visits = visits.collect();
    (world.attend_all(visits), world)
}

#[test]
fn an_agent_that_is_restarted_finishes_what_it_has_and_takes_the_rest_when_it_is_back() {
    let (told, world) = resets_while_the_agent_leaves(3_104, Some(20 * SECOND));
    assert_eq!(told, [Told::Changed, Told::Changed]);
    assert!(!world.has_audited("operation.in_doubt"), "neither crash nor cut nor silence");
}

#[test]
fn what_an_agent_declined_that_never_comes_back_is_in_doubt_and_not_changed() {
    let (told, world) = resets_while_the_agent_leaves(3_105, None);
    assert_eq!(told[0], Told::Changed);
    assert_ne!(told[1], Told::Changed);
    assert!(world.has_audited("operation.in_doubt"));
}

#[test]
fn whoever_comes_after_an_agent_has_declined_is_given_to_another_one() {
    let mut world = World::start(3_106, 2);
    let people: Vec<_> =
        world.people().iter().filter(|one| one.kind == Kind::Ordinary).take(3).cloned().collect();
    world.slow_directory(4 * SECOND);
    // In this world the one that is asked first.
    world.after(4 * SECOND, |world| world.leave_agent("agent-2"));
    let visits = people.iter().zip([0, 3, 4]).map(|(person, after)| {
        let login = format!("{}@{}", person.login, world.domain().domain());
        let (mut guest, password) = (world.guest(), world.password());
        let mail = person.private_mail.clone();
        let visit = move || {
            guest.wait(after * SECOND);
            guest.reset(&login, &mail, &password, 60 * SECOND)
        };
        Box::new(visit) as Visit<Told>
    });
    let visits = visits.collect();
    let told = world.attend_all(visits);
    assert_eq!(told[0], Told::Changed, "it finishes what it has in hand");
    assert_ne!(told[1], Told::Changed, "what it declined stays with it");
    assert_eq!(told[2], Told::Changed, "the other one is there");
}
