//! Every page in Chromium, in every way: it explains itself, and axe-core finds nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod browser;
mod pages;
mod walk;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use browser::{DESKTOP, Tab};
use lab::NewPerson;
use pages::{Page, Ways};
use protocol::Outcome;
use testkit::Options;
use walk::{NEXT, PRESENT, RESEND, SET, START, World, at, button, choose, signal, submit, with};

const NEW: &str = "Meadow-Lantern-2025";

/// Those that a visit comes to before the gate is passed.
const UP_TO_THE_GATE: [Page; 5] =
    [Page::Start, Page::StartRefused, Page::Code, Page::CodeWrong, Page::CodeResent];
/// Those behind it.
const BEHIND_THE_GATE: [Page; 4] =
    [Page::Password, Page::PasswordDiffers, Page::PasswordRefused, Page::Changed];
/// Those that end a visit, or that nobody is led to.
const OFF_THE_WAY: [Page; 4] = [Page::Ended, Page::NotFound, Page::TurnedAway, Page::Unchanged];
/// Those that tell of an agent that does not answer.
const WITHOUT_AN_AGENT: [Page; 4] =
    [Page::Waiting, Page::InDoubt, Page::Unavailable, Page::TryAgain];

#[test]
fn every_page_up_to_the_gate_explains_itself_and_axe_finds_nothing() {
    let more = "[code]\ntries = 40\nsends = 20\n";
    let (world, [anna]) = World::start(options(more));
    let mut ways = Ways::of(&world);
    ways.visit(Page::Start, |tab| tab.open(&world.url("")));
    ways.visit(Page::StartRefused, |tab| {
        tab.fill("#login", " ");
        tab.click_until(START, &with("name_malformed"));
    });
    let (profile, guide) = world.visitor(DESKTOP);
    world.to_code(&guide, &anna);
    ways.follow(&profile);
    ways.visit(Page::Code, |tab| tab.open(&world.url("/code")));
    ways.visit(Page::CodeWrong, |tab| {
        tab.fill("#code", "00000");
        tab.click_until(NEXT, &with("code_wrong"));
    });
    ways.visit(Page::CodeResent, |tab| {
        tab.click_until(RESEND, "main[data-step=code][data-outcome='']");
    });
    ways.assert_visited(&UP_TO_THE_GATE);
}

#[test]
fn every_page_behind_the_gate_explains_itself_and_axe_finds_nothing() {
    let (world, [anna]) = World::start(options(""));
    let mut ways = Ways::of(&world);
    let (profile, guide) = world.visitor(DESKTOP);
    world.to_password(&guide, &anna);
    ways.follow(&profile);
    ways.visit(Page::Password, |tab| tab.open(&world.url("/password")));
    ways.visit(Page::PasswordDiffers, differ);
    submit(&guide, PRESENT, &with("policy_history"));
    ways.visit(Page::PasswordRefused, |tab| tab.open(&world.url("/password")));
    submit(&guide, NEW, &with("password_changed"));
    ways.visit(Page::Changed, |tab| tab.open(&world.url("/result")));
    assert!(world.accepts(&anna, NEW));
    ways.assert_visited(&BEHIND_THE_GATE);
}

fn differ(tab: &Tab) {
    choose(tab, "Meadow-Lantern", "Meadow-Lantem");
    if tab.look.scripting {
        tab.click(SET);
        tab.wait("#problem");
    } else {
        tab.click_until(button(tab), &with("passwords_differ"));
    }
}

#[test]
fn every_page_off_the_way_explains_itself_and_axe_finds_nothing() {
    let disabled = NewPerson { disabled: true, ..NewPerson::default() };
    let (world, [someone]) = World::of(options(""), [disabled]);
    let mut ways = Ways::of(&world);
    ways.visit(Page::Ended, |tab| tab.open(&world.url("/password")));
    let nothing = format!("{}/nothing", world.stack.cloud_url());
    let nobody = format!("{}/t/nobody/reset", world.stack.cloud_url());
    // Chromium itself says in its console that it got a 404, or a 403.
    let mut others = Ways::of(&world);
    others.visit(Page::NotFound, |tab| {
        tab.open(&nobody);
        assert_eq!(tab.seen().step, "error");
        tab.open(&nothing);
    });
    // A form of another site: it has nobody's address as its origin.
    let foreign = format!("<form method=post action={}><button>Win</button></form>", world.url(""));
    others.visit(Page::TurnedAway, |tab| {
        tab.open(&format!("data:text/html,{foreign}"));
        tab.click_until("button", &with("foreign_request"));
    });
    let (profile, guide) = world.visitor(DESKTOP);
    world.to_password(&guide, &someone);
    submit(&guide, NEW, &with("disabled"));
    ways.follow(&profile);
    ways.visit(Page::Unchanged, |tab| tab.open(&world.url("/result")));
    ways.assert_visited(&[Page::Ended, Page::Unchanged]);
}

#[test]
fn every_page_without_an_agent_explains_itself_and_axe_finds_nothing() {
    // Enough to look at the page that waits in all ways, for as long as an answer is waited for; and
    // not much more before "not changed" is certain.
    let more = "[flow]\nwait_for_answer_seconds = 1\n[message]\nlifetime_seconds = 25\n";
    let options =
        Options { agent: "[directory]\nset_time_limit_seconds = 3\n".to_owned(), ..options(more) };
    let (mut world, [anna]) = World::start(options);
    let agent = world.pid("agent");
    let (profile, guide) = world.visitor(DESKTOP);
    world.to_password(&guide, &anna);
    signal(agent, "STOP");
    submit(&guide, NEW, &at("waiting"));
    let mut ways = Ways::of(&world);
    ways.follow(&profile);
    let result = world.url("/result");
    ways.visit(Page::Waiting, |tab| tab.open(&result));
    signal(agent, "KILL");
    guide.wait(&with("in_doubt"));
    ways.visit(Page::InDoubt, |tab| await_outcome(tab, "in_doubt"));
    let mut others = Ways::of(&world);
    others.visit(Page::Unavailable, |tab| tab.open(&world.url("")));
    world.stack.restart("agent").unwrap();
    // It had not begun when it was killed.
    guide.wait(&with("expired"));
    assert!(world.accepts(&anna, PRESENT));
    ways.visit(Page::TryAgain, |tab| await_outcome(tab, "expired"));
    ways.assert_visited(&[Page::Waiting, Page::InDoubt, Page::TryAgain]);
}

/// With scripting the page follows by itself; without, one looks again.
fn await_outcome(tab: &Tab, outcome: &str) {
    if tab.look.scripting {
        tab.wait(&with(outcome));
    } else {
        tab.click_until("main a.button", &with(outcome));
    }
}

/// An organisation with a helpdesk.
fn options(more: &str) -> Options {
    Options {
        name: "Tulip Works".to_owned(),
        cloud: format!("[pages]\nhelpdesk = \"mailto:helpdesk@passback.test\"\n{more}"),
        ..Options::default()
    }
}

#[test]
fn there_is_no_other_page() {
    let told: BTreeSet<_> = Page::ALL.iter().map(|page| page.template()).collect();
    let templates = fs::read_dir(cloud("templates")).unwrap().flatten();
    let names = templates.map(|entry| entry.file_name().into_string().unwrap());
    // Around the others; no page by itself.
    let templates: BTreeSet<_> = names.filter(|name| name != "layout.html").collect();
    assert_eq!(told, templates.iter().map(String::as_str).collect());
    let steps: BTreeSet<_> = Page::ALL.iter().map(|page| page.step().to_owned()).collect();
    assert_eq!(steps, steps_of_the_source(), "the values of data-step");
    let looked_at =
        [&UP_TO_THE_GATE[..], &BEHIND_THE_GATE, &OFF_THE_WAY, &WITHOUT_AN_AGENT].concat();
    for page in Page::ALL {
        assert!(looked_at.contains(page), "nobody looks at {page:?}");
        let told = Outcome::from_name(page.outcome()).and_then(Page::that_tells);
        assert!(told.is_none_or(|told| told == *page), "{page:?} tells of another's outcome");
    }
}

/// What the service's source can put into `data-step`.
fn steps_of_the_source() -> BTreeSet<String> {
    let files = fs::read_dir(cloud("src/http")).unwrap().flatten();
    let mut steps = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file.path()).unwrap();
        for before in ["Frame::new(visit, \"", "step: \""] {
            let after = text.split(before).skip(1).filter_map(|rest| rest.split_once('"'));
            steps.extend(after.map(|(step, _)| step.to_owned()));
        }
    }
    steps
}

fn cloud(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cloud").join(path)
}
