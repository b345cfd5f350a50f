//! Every page in Chromium: it explains itself, on a desk and on a phone, in the light and in the
//! dark, in every language, and axe-core finds nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod browser;
mod walk;

use std::process::Command;

use browser::{DESKTOP, Look, PHONE, Seen, Tab};
use lab::Person;
use testkit::Options;
use walk::{NEXT, PRESENT, RESEND, SET, START, World, at, choose, says, with};

const NEW: &str = "Meadow-Lantern-2025";
const DESK: (u32, u32) = (1280, 800);
/// What a phone shows; a desk at 400 % shows no more (WCAG 2.2, 1.4.10).
const NARROW: (u32, u32) = (320, 640);

#[test]
fn every_page_up_to_the_result_explains_itself_and_axe_finds_nothing() {
    let (world, [anna]) = World::start(options());
    let (_profile, tab) = world.visitor(PHONE);
    tab.open(&world.url(""));
    assert_page(&tab, "start", ("start", ""));
    tab.fill("#login", " ");
    tab.click_until(START, &with("name_malformed"));
    assert_page(&tab, "start-refused", ("start", "name_malformed"));
    let code = world.to_code(&tab, &anna);
    assert_page(&tab, "code", ("code", ""));
    tab.fill("#code", "00000");
    tab.click_until(NEXT, &with("code_wrong"));
    assert_page(&tab, "code-wrong", ("code", "code_wrong"));
    tab.fill("#code", &code);
    tab.click_until(NEXT, &at("password"));
    tab.wait("#new");
    assert_page(&tab, "password", ("password", ""));
    choose(&tab, "Meadow-Lantern", "Meadow-Lantem");
    tab.click(SET);
    tab.wait("#problem");
    assert_page(&tab, "password-differs", ("password", ""));
    choose(&tab, PRESENT, PRESENT);
    tab.click_until(SET, &with("policy_history"));
    tab.wait("#new");
    assert_page(&tab, "password-refused", ("password", "policy_history"));
    choose(&tab, NEW, NEW);
    tab.click_until(SET, &at("result"));
    assert_page(&tab, "result", ("result", "password_changed"));
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn every_page_off_the_way_explains_itself_and_axe_finds_nothing() {
    let (mut world, [bert, carl]) = World::start(options());
    what_ends_a_visit(&world, &bert);
    where_there_is_nothing(&world);
    in_another_language(&world, &bert);
    let agent = pid_of(&mut world, "agent");
    while_the_agent_is_silent(&world, &carl, agent);
}

/// An organisation with a helpdesk, and pages that soon follow an operation by themselves.
fn options() -> Options {
    Options {
        name: "Tulip Works".to_owned(),
        cloud: "[flow]\nwait_for_answer_seconds = 1\n\
                [pages]\nhelpdesk = \"mailto:helpdesk@passback.test\"\n"
            .to_owned(),
        ..Options::default()
    }
}

fn what_ends_a_visit(world: &World, person: &Person) {
    let (_profile, tab) = world.visitor(PHONE);
    tab.open(&world.url("/password"));
    assert_page(&tab, "error-expired", ("error", "flow_expired"));
    world.to_code(&tab, person);
    tab.click_until(RESEND, &says("another code is on its way"));
    assert_page(&tab, "code-resent", ("code", ""));
    for left in ["4 tries", "3 tries", "2 tries", "One try"] {
        tab.fill("#code", "00000");
        tab.click_until(NEXT, &says(left));
    }
    tab.fill("#code", "00000");
    tab.click_until(NEXT, &with("code_tries_spent"));
    assert_page(&tab, "error-tries", ("error", "code_tries_spent"));
    world.to_code(&tab, person);
    tab.click_until(RESEND, &says("another code is on its way"));
    tab.reload();
    tab.click_until(RESEND, "main:has([id=code]), main[data-outcome=throttled]");
    tab.wait(&with("throttled"));
    assert_page(&tab, "error-throttled", ("error", "throttled"));
}

fn where_there_is_nothing(world: &World) {
    let (_profile, tab) = world.visitor(DESKTOP);
    for (url, name) in [
        (format!("{}/nothing", world.stack.cloud_url()), "not-found"),
        (format!("{}/t/nobody/reset", world.stack.cloud_url()), "not-found-organisation"),
    ] {
        tab.open(&url);
        assert_page(&tab, name, ("error", ""));
    }
}

/// Links to another language stay on the page, wherever it was come to.
fn in_another_language(world: &World, person: &Person) {
    let (_profile, tab) = world.visitor(Look { language: "nl-NL", ..DESKTOP });
    tab.open(&world.url(""));
    assert_eq!(tab.seen().language, "nl");
    assert_page(&tab, "start-nl", ("start", ""));
    world.to_code(&tab, person);
    assert_page(&tab, "code-nl", ("code", ""));
    tab.click_until(RESEND, &says("een nieuwe code"));
    for (tag, heading) in [("en", "Enter the code"), ("nl", "Vul de code in")] {
        tab.click_until(&format!("footer a[hreflang={tag}]"), &format!("html[lang={tag}]"));
        let seen = tab.seen();
        assert_eq!((&*seen.step, &*seen.heading), ("code", heading));
    }
}

fn while_the_agent_is_silent(world: &World, person: &Person, agent: u32) {
    let (profile, tab) = world.visitor(PHONE);
    // The same page in a tab that does not follow, so that it can be looked at.
    let still = profile.tab();
    still.refuse("**/assets/*/follow.js");
    world.to_password(&tab, person);
    choose(&tab, NEW, NEW);
    signal(agent, "STOP");
    tab.click_until(SET, &at("waiting"));
    still.open(&world.url("/result"));
    assert_page(&still, "waiting", ("waiting", ""));
    signal(agent, "CONT");
    tab.wait(&with("password_changed"));
    assert!(world.accepts(person, NEW));

    world.to_password(&tab, person);
    choose(&tab, "Harbour-Lantern-2026", "Harbour-Lantern-2026");
    signal(agent, "STOP");
    tab.click_until(SET, &at("waiting"));
    signal(agent, "KILL");
    tab.wait(&with("in_doubt"));
    still.open(&world.url("/result"));
    assert_page(&still, "in-doubt", ("result", "in_doubt"));
    still.open(&world.url(""));
    assert_page(&still, "unavailable", ("unavailable", "on_premises_unreachable"));
}

/// A page looked at in every light and size: what it says, and what axe-core says.
fn assert_page(tab: &Tab<'_>, name: &str, (step, outcome): (&str, &str)) {
    let seen = tab.seen();
    assert_eq!((&*seen.step, &*seen.outcome), (step, outcome), "{name}: {}", seen.text);
    assert_explained(&seen, name);
    let phone = (390, 844);
    for (size, scheme, label) in
        [(DESK, "light", "desktop"), (phone, "dark", "phone-dark"), (phone, "light", "phone")]
    {
        tab.look(size, scheme);
        let examined = tab.examine();
        assert!(examined.passed > 10, "{name}: axe-core looked at {}", examined.passed);
        tab.screenshot(&format!("{name}-{label}"));
        assert!(examined.findings.is_empty(), "{name}, {label}: {:#?}", examined.findings);
        assert!(!tab.seen().wider_than_screen, "{name}, {label}: must be scrolled sideways");
    }
    tab.look(NARROW, "light");
    assert!(!tab.seen().wider_than_screen, "{name}: is wider than {NARROW:?}");
    tab.look(phone, "light");
}

/// Something says where one is, what happened, and what to do.
fn assert_explained(seen: &Seen, name: &str) {
    assert!(!seen.heading.is_empty() && seen.title.starts_with(&seen.heading), "{name}: {seen:?}");
    assert!(["en", "nl"].contains(&&*seen.language), "{name}: language {}", seen.language);
    let beyond = seen.text.len() - seen.heading.len();
    assert!(beyond > 40, "{name} says nothing more than its heading: {}", seen.text);
    if seen.outcome.is_empty() {
        return;
    }
    assert!(!seen.number.is_empty() && !seen.messages.is_empty(), "{name}: {seen:?}");
    let told = seen.messages.join(" ");
    let expected = match &*seen.changed {
        "yes" => "Your new password works",
        "no" => "Nothing was changed",
        _ => "we do not know yet",
    };
    assert!(told.contains(expected), "{name}: {told}");
    assert!(seen.text.contains(&seen.support_code), "{name}: {}", seen.text);
}

fn pid_of(world: &mut World, name: &str) -> u32 {
    let ready = world.stack.ready().unwrap();
    ready.processes.iter().find(|process| process.name == name).unwrap().pid
}

fn signal(process: u32, name: &str) {
    let done = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(done.unwrap().success());
}
