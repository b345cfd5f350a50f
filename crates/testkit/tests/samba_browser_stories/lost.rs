//! The agent is lost after the password was submitted: the page says what is known, and settles.

use std::fs::OpenOptions;
use std::process::{Child, Command};
use std::time::Duration;

use testkit::Options;

use crate::browser::{NO_SCRIPTING, PHONE, Tab};
use crate::walk::{PRESENT, World, at, signal, submit, with};
use crate::{NEW, OTHER, hasty};

const MAIL: Duration = Duration::from_secs(20);

#[test]
fn a_message_that_died_with_the_agent_is_in_doubt_then_settled_and_can_be_tried_again() {
    let (mut world, [person]) = World::start(hasty());
    let agent = world.pid("agent");
    let (_profile, tab) = world.visitor(PHONE);
    world.to_password(&tab, &person);
    let before = world.last_set(&person);
    let mark = world.stack.outbox().mark();
    // Standing still, it takes the message off the wire as far as its socket, and no further.
    signal(agent, "STOP");
    submit(&tab, NEW, &at("waiting"));
    tab.screenshot("lost", "waiting");
    signal(agent, "KILL");
    // The page follows by itself.
    tab.wait(&with("in_doubt"));
    tell_doubt(&tab);
    tab.reload();
    tell_doubt(&tab);

    world.stack.restart("agent").unwrap();
    tab.wait(&with("expired"));
    let seen = tab.seen();
    assert_eq!((&*seen.step, &*seen.changed), ("result", "no"));
    tab.screenshot("lost", "settled");
    assert!(world.accepts(&person, PRESENT) && world.last_set(&person) == before);
    let told = world
        .stack
        .outbox()
        .await_mail(&mark, &person.private_mail, MAIL, |mail| mail.subject.contains("not changed"));
    told.unwrap();

    tab.click_until("main a.button", &at("password"));
    submit(&tab, OTHER, &with("password_changed"));
    assert!(world.accepts(&person, OTHER) && !world.accepts(&person, NEW));
}

#[test]
fn an_agent_killed_right_after_the_set_is_in_doubt_and_then_it_did_go_through() {
    let (mut world, [person]) = World::start(Options { agent: String::new(), ..hasty() });
    let mut crashing = crash_after_the_set(&mut world);
    let (_profile, tab) = world.visitor(NO_SCRIPTING);
    world.to_password(&tab, &person);
    let before = world.last_set(&person);
    submit(&tab, NEW, "main[data-step=waiting], main[data-outcome=in_doubt]");
    assert!(!crashing.wait().unwrap().success(), "it was killed");
    tab.reload_until(&with("in_doubt"), 20);
    tell_doubt(&tab);
    let set = world.last_set(&person);
    assert_ne!(set, before, "the directory had taken it");

    world.stack.restart("agent").unwrap();
    tab.reload_until(&with("settled_changed"), 60);
    let seen = tab.seen();
    assert!(seen.messages[0].contains("it did go through"), "{:?}", seen.messages);
    assert_eq!(seen.changed, "yes");
    tab.screenshot("lost", "settled");
    assert!(world.accepts(&person, NEW));
    assert_eq!(world.last_set(&person), set, "one set");
}

fn tell_doubt(tab: &Tab) {
    let seen = tab.seen();
    assert_eq!((&*seen.outcome, &*seen.changed), ("in_doubt", "unknown"));
    assert!(seen.messages[0].contains("we do not know yet"), "{:?}", seen.messages);
    assert_eq!(seen.fields, [""; 0], "nobody is asked for a password now");
    tab.screenshot("lost", "in_doubt");
}

/// The agent's program replaced by one that is killed as soon as the directory has confirmed a set.
fn crash_after_the_set(world: &mut World) -> Child {
    let ready = world.stack.ready().unwrap();
    let agent = ready.processes.iter().find(|one| one.name == "agent").unwrap();
    world.stack.terminate("agent").unwrap();
    world.stack.await_step("unavailable", None).unwrap();
    let log = OpenOptions::new().append(true).create(true).open(&agent.log).unwrap();
    let mut killed = Command::new("setpriv");
    killed.args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_passback-agent-crashing")]);
    killed.arg(agent::steps::Step::Applied.name());
    killed.args(&agent.argv[1..]).env_clear().envs(&agent.env).stderr(log);
    let child = killed.spawn().unwrap();
    world.stack.await_step("start", None).unwrap();
    child
}
