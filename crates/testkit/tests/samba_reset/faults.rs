//! Processes that are down, killed, and back: the person is told what is true (SPEC PR-2).

use std::thread;
use std::time::Duration;

use testkit::Options;

use crate::world::{GOOD, World, expect, expect_changed, forest, ordinary};

/// Enough for a killed agent to come back and settle what it left open.
const SETTLING: Duration = Duration::from_secs(40);

/// The controller here answers at once, so that little time need pass before "not changed" is
/// certain. What an agent never began is settled when it has expired, and not before.
fn hasty() -> Options {
    let cloud = "[flow]\nwait_for_answer_seconds = 2\n[message]\nlifetime_seconds = 6\n";
    let agent = "[directory]\nset_time_limit_seconds = 3\n";
    Options { cloud: cloud.to_owned(), agent: agent.to_owned(), ..Options::default() }
}

#[test]
fn that_nobody_is_there_is_said_before_a_name_and_alike_for_every_name() {
    let forest = forest();
    let someone = ordinary(&forest);
    let mut world = World::start(forest);
    let mark = world.outbox.mark();
    world.stack.terminate("agent").unwrap();
    world.stack.await_step("unavailable", None).unwrap();
    let mut visitor = world.stack.visitor().unwrap();
    let page = visitor.open().unwrap();
    expect(&page, "unavailable", "on_premises_unreachable", "SSPR_0030", "no");
    assert_eq!(page.status, 503);
    let known = visitor.start(&world.stack.login(&someone)).unwrap();
    let unknown = visitor.start("nobody@corp.passback.test").unwrap();
    assert_eq!(known.html, unknown.html);
    assert_eq!(known.step, "unavailable");
    assert!(world.outbox.mails_since(&mark, &someone.private_mail).is_empty());

    world.stack.restart("agent").unwrap();
    world.stack.await_step("start", None).unwrap();
    expect_changed(&world.cleared(&someone).password(GOOD).unwrap());
}

#[test]
fn a_visit_goes_on_where_it_was_when_the_cloud_service_was_killed() {
    let forest = forest();
    let someone = ordinary(&forest);
    let mut world = World::start(forest);
    let (mut visitor, code) = world.started(&someone);
    world.stack.kill("cloud").unwrap();
    assert!(visitor.get("/code").is_err());
    world.stack.restart("cloud").unwrap();
    world.stack.await_step("start", None).unwrap();
    assert_eq!(visitor.code(&code).unwrap().step, "password");
    world.stack.kill("cloud").unwrap();
    world.stack.restart("cloud").unwrap();
    world.stack.await_step("start", None).unwrap();
    expect_changed(&visitor.password(GOOD).unwrap());
    assert!(world.holds(&someone, GOOD));
}

#[test]
fn an_agent_that_is_killed_at_any_moment_leaves_nobody_with_a_wrong_answer() {
    let forest = forest();
    let delays = [0, 10, 25, 40, 60, 90].map(Duration::from_millis);
    let people = delays.map(|_| ordinary(&forest));
    let mut world = World::with(forest, hasty());
    for (delay, someone) in delays.into_iter().zip(people) {
        let mut visitor = world.cleared(&someone);
        let sealed = visitor.ticket().unwrap().seal(GOOD).unwrap();
        let posting = thread::spawn(move || (visitor.post_sealed(&sealed), visitor));
        thread::sleep(delay);
        world.stack.kill("agent").unwrap();
        world.stack.restart("agent").unwrap();
        let (answer, mut visitor) = posting.join().unwrap();
        answer.unwrap();
        let page = visitor.settled(SETTLING).unwrap();
        let told = match page.changed.as_str() {
            "yes" => true,
            "no" => false,
            other => panic!("{other}: {}", page.text),
        };
        assert_eq!(world.holds(&someone, GOOD), told, "{delay:?}: {}", page.outcome);
        assert_eq!(world.holds(&someone, &someone.password), !told, "{delay:?}");
        world.stack.await_step("start", None).unwrap();
    }
}

#[test]
fn a_message_that_an_agent_took_along_when_it_died_is_in_doubt_and_then_settled() {
    let forest = forest();
    let someone = ordinary(&forest);
    let mut world = World::with(forest, hasty());
    let mut visitor = world.cleared(&someone);
    let sealed = visitor.ticket().unwrap().seal(GOOD).unwrap();
    let mark = world.outbox.mark();
    // Standing still, it takes the message off the wire as far as its socket, and no further.
    world.stack.signal("agent", "STOP").unwrap();
    let answer = visitor.post_sealed(&sealed).unwrap();
    assert_eq!((answer.state.as_str(), answer.changed.as_str()), ("waiting", "unknown"));
    world.stack.kill("agent").unwrap();
    let page = visitor.await_result(SETTLING, |page| page.step == "result").unwrap();
    expect(&page, "result", "in_doubt", "34007", "unknown");
    world.stack.restart("agent").unwrap();
    let page = visitor.settled(SETTLING).unwrap();
    expect(&page, "result", "expired", "34008", "no");
    assert!(world.holds(&someone, &someone.password));
    world.await_subject(&mark, &someone, "not changed");
}
