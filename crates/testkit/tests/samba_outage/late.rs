//! The controller stands still while a set is under way, and goes on when the person has long been told that
//! nobody knows how it ended: what they are told in the end is what the directory holds then and later.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::frozen::{Frozen, freeze_ldap, freeze_one, freeze_when_read};
use super::held::Held;
use super::road::{Moment, Then};
use super::{NEW, SETTLED, World, expect};

/// How long the agent waits for the answer to a set: so long that this machine may be busy in between.
const LIMIT: Duration = Duration::from_secs(5);
/// Longer than the agent's pauses between two looks.
const LOOKS: Duration = Duration::from_secs(3);

/// What may be told of a set that was made so late that it may be somebody else's, as far as the directory
/// shows it: whether its answer reaches somebody who has hung up is the controller's affair.
const LATE: [(&str, &str); 2] = [("settled_changed", "yes"), ("cannot_be_known", "unknown")];

/// Who stands still: the program with the connection over which the set came, and all that serve LDAP.
struct Still {
    one: Frozen,
    all: Frozen,
}

/// Where the set is when everything comes to a stop.
#[derive(Clone, Copy)]
enum Set {
    /// In the queue of a program that has read nothing of it.
    Unread,
    /// A program has read it and works on it: it waits for the database.
    InWork,
}

/// A set is asked for and everybody who serves LDAP stands still; how often a password had been set before.
fn stands_still(world: &mut World, set: Set) -> (u32, Still) {
    let before = world.version();
    let forest = world.forest.clone();
    let (sender, still) = mpsc::channel();
    let (moment, freeze): (_, fn(&_, _) -> _) = match set {
        Set::Unread => (Moment::Asked, freeze_one),
        Set::InWork => (Moment::Forwarded, freeze_when_read),
    };
    world.road.at_over(moment, move |own| {
        let one = freeze(&forest, own);
        sender.send(Still { one, all: freeze_ldap(&forest) }).unwrap();
        Then::GoOn
    });
    let held = matches!(set, Set::InWork).then(|| Held::hold(&world.forest));
    let page = world.visitor.password(NEW).unwrap();
    expect(&page, "in_doubt", "unknown");
    // From now on, whoever goes on can write.
    held.into_iter().for_each(Held::let_go);
    // The agent looks how it ended, for longer than the controller has time for a set.
    thread::sleep(LIMIT + LOOKS);
    must_have_looked(world);
    expect(&world.visitor.get("/result").unwrap(), "in_doubt", "unknown");
    (before, still.try_recv().expect("the controller stood still during the set"))
}

/// The agent has looked, and concluded nothing because the controller has neither answered nor hung up.
fn must_have_looked(world: &World) {
    let log = world.stack.directory().join("agent.log");
    for _ in 0..100 {
        if std::fs::read_to_string(&log).unwrap().contains("settle.not_over") {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("the agent has not looked");
}

/// What the person is told is so, and stays so.
fn must_be_settled_as(world: &mut World, before: u32, set: bool, told: &[(&str, &str)]) {
    let known = |page: &testkit::Page| page.step != "waiting" && page.outcome != "in_doubt";
    let page = world.visitor.await_result(SETTLED, known).unwrap();
    let said = (page.outcome.as_str(), page.changed.as_str());
    assert!(told.contains(&said), "{said:?}: {}", page.text);
    // Whatever is to happen has happened by then.
    thread::sleep(LIMIT);
    assert_eq!(world.version() - before, u32::from(set), "sets in the directory");
    world.must_hold(set);
    assert!(world.stack.ended().is_empty(), "nobody else went down");
}

/// The agent has hung up by the time at which the set would be read, so nobody makes it any more.
#[test]
fn a_set_that_nobody_had_read_when_the_controller_stood_still_is_told_as_it_ends() {
    let mut world = World::with_time_limit(LIMIT);
    let (before, Still { all, .. }) = stands_still(&mut world, Set::Unread);
    all.go_on();
    must_be_settled_as(&mut world, before, false, &[("settled_unchanged", "no")]);
    world.must_work_again(before);
}

/// Whoever goes on first answers, before the set is made, that nothing was set.
#[test]
fn a_controller_whose_programs_go_on_one_after_another_has_its_time_for_a_set_anew() {
    let mut world = World::with_time_limit(LIMIT);
    let (before, Still { one, all }) = stands_still(&mut world, Set::InWork);
    all.go_on_but_for(&one);
    thread::sleep(LOOKS);
    expect(&world.visitor.get("/result").unwrap(), "in_doubt", "unknown");
    one.go_on();
    must_be_settled_as(&mut world, before, true, &LATE);
}

/// Whoever else serves LDAP says all the time that nothing was set, for longer than anybody has for a set.
#[test]
fn as_long_as_a_program_has_a_set_in_work_nobody_is_told_that_nothing_was_set() {
    let mut world = World::with_time_limit(LIMIT);
    let (before, Still { one, all }) = stands_still(&mut world, Set::InWork);
    all.go_on_but_for(&one);
    thread::sleep(2 * LIMIT + LOOKS);
    expect(&world.visitor.get("/result").unwrap(), "in_doubt", "unknown");
    one.go_on();
    must_be_settled_as(&mut world, before, true, &LATE);
}
