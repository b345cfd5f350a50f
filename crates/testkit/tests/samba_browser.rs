//! The pages in Chromium, with the whole stack behind them: what leaves the browser, what the
//! pages say and do, and whether everybody can use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod browser;
mod walk;

use std::fs;

use browser::{DESKTOP, NO_SCRIPTING, PHONE, Profile, Request, Seen, Tab, artefact};
use lab::Person;
use serde_json::json;
use testkit::Options;
use testkit::canary::Canary;
use walk::{
    NEXT, PRESENT, RESEND, SET, SET_UNSEALED, START, World, assert_forgotten, at, choose, says,
    with,
};

/// Letters, marks and signs that every encoding writes in its own way.
const NEW: [&str; 3] =
    ["Sealed \"Zoë\" 100% + 😀/2025", "Téléphone & <Größe> 密碼 'ok'", "Unsealed: \\Zoë\\ = 50%?"];
/// It would do, but for its kinds of characters.
const PLAIN: &str = "only lower case words";

#[test]
fn no_request_of_the_browser_carries_the_password_and_the_directory_has_it() {
    let (world, people): (_, [Person; 3]) = World::start(Options::default());
    let [anna, bert, carl] = &people;
    let mut figures = Vec::new();
    for (look, person, new) in [(DESKTOP, anna, NEW[0]), (PHONE, bert, NEW[1])] {
        let (profile, tab) = world.visitor(look);
        world.to_password(&tab, person);
        let mut requests = profile.requests();
        nothing_is_sent_if_the_entries_differ(&tab, &profile, new);
        refusals_name_their_rule(&tab);
        choose(&tab, new, new);
        let millis = tab.click_until(SET, &at("result"));
        figures.push(json!({ "size": look.size, "click_to_result_ms": millis }));
        let seen = tab.seen();
        assert_eq!((&*seen.outcome, &*seen.changed), ("password_changed", "yes"), "{}", seen.text);
        assert!(world.accepts(person, new) && !world.accepts(person, PRESENT));
        requests.extend(profile.requests());
        assert_sealed(&requests, &[new, &new[1..], PRESENT, PLAIN]);
        assert_eq!(tab.complaints(), [""; 0]);
    }
    fs::write(artefact("figures.json"), json!(figures).to_string()).unwrap();
    a_script_that_leaks_is_found_out(&world, carl);
    without_scripting_the_search_finds_the_password(&world, carl);
}

fn nothing_is_sent_if_the_entries_differ(tab: &Tab, profile: &Profile, new: &str) {
    tab.wait("#new");
    profile.requests();
    for (password, again, told) in [
        (new, &new[1..], "The two entries are not the same."),
        (&*"x".repeat(257), &*"x".repeat(257), "A password has at most 256 characters."),
    ] {
        choose(tab, password, again);
        tab.click(SET);
        tab.wait("#problem");
        tab.pause(200);
        assert_eq!(tab.seen().messages, [told]);
    }
    let sent = profile.requests();
    assert!(sent.is_empty(), "{sent:?}");
}

/// What the directory refuses can be corrected there and then.
fn refusals_name_their_rule(tab: &Tab) {
    for (password, outcome, named) in [
        ("Ab1!", "policy_too_short", "at least 7 characters"),
        (PLAIN, "policy_not_complex", "three kinds of characters"),
        (PRESENT, "policy_history", "remembers the last 24"),
    ] {
        choose(tab, password, password);
        tab.click_until(SET, &with(outcome));
        tab.wait("#new");
        let seen = tab.seen();
        assert_eq!((&*seen.step, &*seen.changed), ("password", "no"));
        assert!(seen.messages.iter().any(|message| message.contains(named)), "{seen:?}");
        assert_eq!(seen.fields, ["new", "again", "show"]);
        assert_forgotten(&seen);
    }
}

/// None of the requests has one of the passwords anywhere, in any form.
fn assert_sealed(requests: &[Request], passwords: &[&str]) {
    let posted = |end: &str| {
        let posts = requests.iter().filter(|request| request.method == "POST");
        posts.filter(|request| request.path().ends_with(end)).count()
    };
    // Three that the directory refused, and one that it took.
    assert_eq!((posted("/ticket"), posted("/sealed"), posted("/password")), (4, 4, 0));
    for request in requests.iter().filter(|request| request.method == "POST") {
        assert!(!request.body().is_empty(), "the recorder missed the body of {}", request.url);
    }
    for password in passwords {
        let canary = Canary::new(password);
        for request in requests {
            let found = canary.in_bytes(&request.bytes());
            assert_eq!(found, None, "{password} is in {} {}", request.method, request.url);
        }
    }
}

/// A hostile script, in place of ours: the recorder and the search see every leak of it.
fn a_script_that_leaks_is_found_out(world: &World, person: &Person) {
    const SCRIPT: &str = include_str!("../../cloud/assets/password.js");
    const BEFORE: &str = "const ticket = await post(";
    const LEAKS: &str = r#"
        const leak = first.value;
        const units = Uint16Array.from({ length: leak.length }, (_, at) => leak.charCodeAt(at));
        const utf16 = new Uint8Array(units.buffer);
        const utf8 = new TextEncoder().encode(leak);
        const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
        const send = (body, headers) => fetch("/leak", { method: "POST", body, headers });
        await fetch("/leak?" + encodeURIComponent(leak));
        await send(new URLSearchParams({ leak }));
        await send(JSON.stringify({ leak }));
        await send(leak);
        await send(utf16);
        await send(base64(Uint8Array.of(1, ...utf16)));
        await send("", { "x-leak": base64(utf8) });
        navigator.sendBeacon("/leak", leak);
        throw leak;
        "#;
    assert_eq!(SCRIPT.matches(BEFORE).count(), 1);
    let (profile, tab) = world.visitor(DESKTOP);
    tab.serve("**/assets/*/password.js", &SCRIPT.replace(BEFORE, &format!("{LEAKS}{BEFORE}")));
    world.to_password(&tab, person);
    choose(&tab, NEW[2], NEW[2]);
    tab.click(SET);
    tab.wait("#problem");
    tab.pause(200);
    let canary = Canary::new(NEW[2]);
    let requests = profile.requests();
    let leaks = requests.iter().filter(|request| request.path().starts_with("/leak"));
    let found: Vec<_> = leaks.map(|request| canary.in_bytes(&request.bytes())).collect();
    let expected = [
        "percent-escaped",
        "percent-escaped",
        "JSON-escaped",
        "UTF-8",
        "UTF-16LE",
        "base64 of UTF-16LE",
        "base64 of UTF-8",
        "UTF-8",
    ];
    assert_eq!(found, expected.map(Some));
    assert!(world.accepts(person, PRESENT));
}

/// The form without scripting posts the password to the service: this proves that the recorder
/// and the search would have seen it.
fn without_scripting_the_search_finds_the_password(world: &World, person: &Person) {
    let (profile, tab) = world.visitor(NO_SCRIPTING);
    world.to_password(&tab, person);
    tab.wait("#password");
    let seen = tab.seen();
    assert_eq!(seen.fields, ["password", "password_again"], "and not the form that seals");
    assert!(seen.text.contains("this service seals the password for you"), "{}", seen.text);
    tab.screenshot("secrecy", "password");
    for (again, step, outcome) in
        [("something else", "password", "passwords_differ"), (NEW[2], "result", "password_changed")]
    {
        tab.fill("#password", NEW[2]);
        tab.fill("#password_again", again);
        tab.click_until(SET_UNSEALED, &with(outcome));
        let seen = tab.seen();
        assert_eq!(seen.step, step);
        assert_forgotten(&seen);
    }
    assert!(world.accepts(person, NEW[2]));
    let requests = profile.requests();
    let canary = Canary::new(NEW[2]);
    let found: Vec<_> = requests
        .iter()
        .filter_map(|request| Some((request.path(), canary.in_bytes(&request.bytes())?)))
        .collect();
    let path = format!("{}/password", world.stack.start_path());
    assert_eq!(found, [(&*path, "percent-escaped"), (&*path, "percent-escaped")]);
}

#[test]
fn slow_scripts_old_tabs_and_the_back_button_never_send_show_or_set_a_password() {
    let (world, people): (_, [Person; 3]) = World::start(Options::default());
    let [anna, bert, carl] = &people;
    for script in ["password.js", "rules.js", "seal.js"] {
        before_its_script_has_run_no_password_can_be_sent(&world, anna, script);
    }
    a_wrong_code_and_an_unknown_name_lead_to_the_same_pages(&world, carl);
    the_older_of_two_tabs_says_so_and_does_nothing(&world, bert);
}

/// SPEC W-4: a slow script never posts clear text.
fn before_its_script_has_run_no_password_can_be_sent(world: &World, person: &Person, script: &str) {
    let (profile, tab) = world.visitor(DESKTOP);
    let code = world.to_code(&tab, person);
    profile.silence(&format!("**/assets/*/{script}"));
    tab.fill("#code", &code);
    tab.click_until(NEXT, "#sealing");
    tab.pause(1_500);
    let seen = tab.seen();
    assert_eq!((&*seen.step, seen.fields.len()), ("password", 0), "{seen:?}");
    assert!(seen.text.contains("reload this page"), "it explains itself: {}", seen.text);
    tab.screenshot("slow", &script.replace(".js", "_js_missing"));
    // Neither what is typed into nothing, nor a form that something else has shown.
    tab.press("x", 3);
    tab.press("Enter", 1);
    tab.unhide("#sealing");
    choose(&tab, NEW[0], NEW[0]);
    tab.press("Enter", 1);
    tab.pause(1_000);
    let secret = Canary::new(NEW[0]);
    let requests = profile.requests();
    for request in &requests {
        assert_eq!(secret.in_bytes(&request.bytes()), None, "{request:?}");
    }
    let posts = requests.iter().filter(|request| request.method == "POST");
    let steps: Vec<_> = posts.map(Request::path).collect();
    let start = world.stack.start_path();
    assert_eq!(steps, [start.clone(), format!("{start}/code")], "name and code, nothing else");
    assert!(world.accepts(person, PRESENT));
}

/// SPEC G-7: nobody finds out whether an account exists.
fn a_wrong_code_and_an_unknown_name_lead_to_the_same_pages(world: &World, person: &Person) {
    let known = world.stack.login(person);
    let unknown = format!("x{}", &known[1..]);
    let pages = [known, unknown].map(|login| {
        let (_profile, tab) = world.visitor(PHONE);
        tab.open(&world.url(""));
        tab.fill("#login", &login);
        tab.click_until(START, &at("code"));
        let mut pages = vec![tab.seen()];
        for left in ["4 tries are left", "3 tries are left"] {
            // Five digits are a code that nobody has.
            tab.fill("#code", "00 00 0");
            tab.click_until(NEXT, &says(left));
            pages.push(tab.seen());
        }
        tab.click_until(RESEND, &says("another code is on its way"));
        pages.push(tab.seen());
        pages
    });
    let [known, unknown] = &pages;
    for (known, unknown) in known.iter().zip(unknown) {
        assert_eq!(neutral(known), neutral(unknown));
    }
    let outcomes: Vec<_> = known.iter().map(|seen| &*seen.outcome).collect();
    assert_eq!(outcomes, ["", "code_wrong", "code_wrong", ""]);
}

/// The page without what is random in it.
fn neutral(seen: &Seen) -> String {
    assert!(!seen.support_code.is_empty());
    let (before, rest) = seen.markup.split_once("name=\"flow\" value=\"").unwrap();
    let (flow, _) = rest.split_once('"').unwrap();
    assert!(before.contains("<header>"));
    seen.markup.replace(flow, "FLOW").replace(&seen.support_code, "CODE")
}

fn the_older_of_two_tabs_says_so_and_does_nothing(world: &World, person: &Person) {
    let profile = world.browser.profile(DESKTOP);
    let (oldest, older, newest) = (profile.tab(), profile.tab(), profile.tab());
    let code = world.to_code(&oldest, person);
    world.to_password(&older, person);
    world.to_password(&newest, person);
    let before = world.last_set(person);
    profile.requests();

    oldest.fill("#code", &code);
    oldest.click_until(NEXT, &with("flow_replaced"));
    assert_eq!(oldest.seen().step, "error");
    choose(&older, NEW[0], NEW[0]);
    older.click_until(SET, &with("flow_replaced"));
    let seen = older.seen();
    assert!(seen.messages[0].contains("started again in another tab"), "{seen:?}");
    assert!(!profile.requests().iter().any(|request| request.path().ends_with("/sealed")));
    assert_eq!(world.last_set(person), before);

    choose(&newest, NEW[1], NEW[1]);
    // Somebody impatient: one submission all the same.
    newest.press("Enter", 3);
    newest.wait(&at("result"));
    assert_eq!(newest.seen().outcome, "password_changed");
    assert!(world.accepts(person, NEW[1]));
    let sealed = profile.requests();
    assert_eq!(sealed.iter().filter(|request| request.path().ends_with("/sealed")).count(), 1);
    going_back_shows_and_sets_nothing(world, person, &profile, &newest);
}

fn going_back_shows_and_sets_nothing(world: &World, person: &Person, profile: &Profile, tab: &Tab) {
    let set = world.last_set(person);
    for _ in 0..3 {
        tab.reload();
        assert_eq!(tab.seen().outcome, "password_changed");
    }
    for _ in 0..2 {
        tab.back();
        assert_forgotten(&tab.seen());
        tab.reload();
        let seen = tab.seen();
        assert_forgotten(&seen);
        // Every page of an ended visit is its result.
        assert_eq!((&*seen.step, &*seen.changed), ("result", "yes"), "{}", seen.url);
    }
    assert!(profile.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(world.last_set(person), set);
}
