//! From the name to the result, with what people do on the way: a wrong code, a password that the
//! policy refuses, reload, back.

use lab::Person;
use testkit::Options;

use crate::browser::{DESKTOP, FOUR, NO_SCRIPTING, PHONE, PHONE_NO_SCRIPTING, Profile, Seen, Tab};
use crate::walk::{
    NEXT, PRESENT, RESEND, START, World, assert_forgotten, at, button, choose, fields, says,
    submit, with,
};
use crate::{NEW, OTHER};

#[test]
fn a_reset_goes_through_on_a_desk_and_a_phone_with_and_without_scripting() {
    let (world, people): (_, [Person; 4]) = World::start(Options::default());
    for (look, person) in FOUR.into_iter().zip(&people) {
        let (profile, tab) = world.visitor(look);
        let picture = |step| tab.screenshot("reset", step);
        tab.open(&world.url(""));
        picture("start");
        let mark = world.stack.outbox().mark();
        tab.fill("#login", &world.stack.login(person));
        tab.click_until(START, &at("code"));
        assert_eq!(tab.seen().focus, "code");
        picture("code");
        tab.fill("#code", &world.stack.outbox().await_code(&mark, &person.private_mail).unwrap());
        tab.click_until(NEXT, &at("password"));
        choose(&tab, NEW, NEW);
        picture("password");
        let there = tab.seen().fields;
        let wanted = fields(&tab).map(|selector| &selector[1..]);
        assert!(wanted.iter().all(|id| there.iter().any(|one| one == id)), "{there:?}");
        submit(&tab, NEW, &at("result"));
        picture("result");
        let seen = tab.seen();
        assert_eq!((&*seen.outcome, &*seen.changed), ("password_changed", "yes"), "{look:?}");
        assert!(world.accepts(person, NEW) && !world.accepts(person, PRESENT), "{look:?}");
        assert_eq!(tab.complaints(), [""; 0], "{look:?}");
        let posted = profile.requests();
        let mut posted = posted.iter().filter(|request| request.method == "POST");
        let clear = posted.any(|request| request.path().ends_with("/password"));
        assert_eq!(clear, !look.scripting, "who seals");
    }
}

#[test]
fn after_a_wrong_code_the_right_one_still_counts() {
    let (world, people): (_, [Person; 2]) = World::start(Options::default());
    for (look, person) in [PHONE, NO_SCRIPTING].into_iter().zip(&people) {
        let (_profile, tab) = world.visitor(look);
        let code = world.to_code(&tab, person);
        let wrong = if code == "123456" { "654321" } else { "123456" };
        for left in ["4 tries are left", "3 tries are left"] {
            tab.fill("#code", wrong);
            tab.click_until(NEXT, &format!("{}:has-text('{left}')", with("code_wrong")));
            let seen = tab.seen();
            assert_eq!((&*seen.step, &*seen.changed), ("code", "no"));
            assert_eq!(seen.messages, ["That is not the code. Nothing was changed."]);
            // Ready for the next try, and what was wrong is not typed there again.
            assert_eq!((&*seen.focus, &*seen.fields), ("code", &["code".to_owned()][..]));
        }
        tab.screenshot("wrong_code", "code");
        tab.fill("#code", &code);
        tab.click_until(NEXT, &at("password"));
        submit(&tab, NEW, &with("password_changed"));
        assert!(world.accepts(person, NEW), "{look:?}");
    }
}

#[test]
fn what_the_policy_refuses_is_corrected_in_the_same_place_without_another_code() {
    let (world, people): (_, [Person; 2]) = World::start(Options::default());
    for (look, person) in [DESKTOP, PHONE_NO_SCRIPTING].into_iter().zip(&people) {
        let (profile, tab) = world.visitor(look);
        let mark = world.stack.outbox().mark();
        world.to_password(&tab, person);
        let (before, place) = (world.last_set(person), tab.seen().url);
        if look.scripting {
            rules_are_marked_while_somebody_types(&tab);
        }
        profile.requests();
        for (password, outcome, named) in [
            ("Ab1!", "policy_too_short", "at least 7 characters"),
            ("only lower case words", "policy_not_complex", "three kinds of characters"),
            (PRESENT, "policy_history", "remembers the last 24"),
        ] {
            submit(&tab, password, &with(outcome));
            tab.wait(fields(&tab)[0]);
            let seen = tab.seen();
            assert_eq!((&*seen.step, &*seen.changed, &*seen.url), ("password", "no", &*place));
            assert!(seen.messages[0].contains(named), "{:?}", seen.messages);
            assert_forgotten(&seen);
            tab.screenshot("policy", outcome);
        }
        assert_eq!(world.last_set(person), before, "what is refused sets nothing");
        submit(&tab, NEW, &with("password_changed"));
        tab.screenshot("policy", "result");
        assert!(world.accepts(person, NEW), "{look:?}");
        let asked = profile.requests();
        assert!(!asked.iter().any(|request| request.path().ends_with("/code")), "{look:?}");
        let codes = world.stack.outbox().mails_since(&mark, &person.private_mail);
        assert_eq!(codes.iter().filter(|mail| mail.code().is_some()).count(), 1, "{look:?}");
    }
}

/// SPEC W-3: live, and as the controller judges that the agent asks, which counts "€" and takes "é"
/// for a small letter.
fn rules_are_marked_while_somebody_types(tab: &Tab) {
    let marked = |rule: &str, met: bool| {
        let state = if met { ".met" } else { ":not(.met)" };
        tab.wait(&format!("[data-rule={rule}]{state}"));
    };
    for (typed, length, complexity) in [
        ("aé1", false, false),
        ("aÉ1", false, true),
        ("aaaaaa é 1", true, false),
        ("aaaaaa€1", true, true),
        ("😀😀😀1", true, false),
        ("", false, false),
    ] {
        tab.fill("#new", typed);
        marked("length", length);
        marked("complexity", complexity);
    }
}

#[test]
fn a_page_that_is_loaded_again_keeps_its_place_and_posts_nothing() {
    let (world, [person]) = World::start(Options::default());
    let (profile, tab) = world.visitor(DESKTOP);
    let mark = world.stack.outbox().mark();
    tab.open(&world.url(""));
    reload(&profile, &tab, "start");
    tab.fill("#login", " ");
    tab.click_until(START, &with("name_malformed"));
    reload(&profile, &tab, "start_refused");
    world.to_code(&tab, &person);
    reload(&profile, &tab, "code");
    tab.fill("#code", "00000");
    tab.click_until(NEXT, &with("code_wrong"));
    reload(&profile, &tab, "code_wrong");
    reload(&profile, &tab, "code_wrong");
    let resent = world.stack.outbox().mark();
    tab.click_until(RESEND, &at("code][data-outcome=''"));
    let code = world.stack.outbox().await_code(&resent, &person.private_mail).unwrap();
    reload(&profile, &tab, "code_resent");
    let mails = world.stack.outbox().mails_since(&mark, &person.private_mail);
    assert_eq!(mails.len(), 2, "loading a page again sends no code");
    tab.fill("#code", "00000");
    tab.click_until(NEXT, &says("3 tries are left"));
    tab.fill("#code", &code);
    tab.click_until(NEXT, &at("password"));
    reload(&profile, &tab, "password");
    submit(&tab, PRESENT, &with("policy_history"));
    reload(&profile, &tab, "password_refused");
    submit(&tab, NEW, &with("password_changed"));
    let set = world.last_set(&person);
    reload(&profile, &tab, "result");
    reload(&profile, &tab, "result");
    assert_eq!(world.last_set(&person), set);
}

#[test]
fn without_scripting_a_page_that_is_loaded_again_posts_no_password() {
    let (world, [person]) = World::start(Options::default());
    let (profile, tab) = world.visitor(NO_SCRIPTING);
    world.to_password(&tab, &person);
    choose(&tab, NEW, OTHER);
    tab.click_until(button(&tab), &with("passwords_differ"));
    assert_forgotten(&tab.seen());
    reload(&profile, &tab, "password_differs");
    submit(&tab, NEW, &with("password_changed"));
    reload(&profile, &tab, "result");
}

/// How long a page's script may take to show what it has to show: ten seconds.
const SCRIPT_TRIES: usize = 100;
const SCRIPT_BEAT: std::time::Duration = std::time::Duration::from_millis(100);

/// For so many beats a page must stay as it is to be taken for the whole of it.
const SCRIPT_STILL: usize = 10;

/// The page with everything that its script shows, however late that comes.
fn whole(tab: &Tab) -> Seen {
    let (mut seen, mut still) = (tab.seen(), 0);
    for _ in 0..SCRIPT_TRIES {
        if still == SCRIPT_STILL {
            break;
        }
        std::thread::sleep(SCRIPT_BEAT);
        let now = tab.seen();
        still = if now.text == seen.text { still + 1 } else { 0 };
        seen = now;
    }
    seen
}

/// Twice the same page, and nothing but GET.
fn reload(profile: &Profile, tab: &Tab, step: &str) {
    let before = whole(tab);
    profile.requests();
    tab.reload();
    // What the page's script shows comes a moment later.
    let mut after = tab.seen();
    for _ in 0..SCRIPT_TRIES {
        if after.text == before.text {
            break;
        }
        std::thread::sleep(SCRIPT_BEAT);
        after = tab.seen();
    }
    assert_eq!(
        (&after.url, &after.step, &after.outcome, &after.text),
        (&before.url, &before.step, &before.outcome, &before.text)
    );
    let asked = profile.requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.method == "GET"), "{asked:?}");
    tab.screenshot("reload", step);
}

#[test]
fn on_the_way_back_from_the_result_stands_the_result_and_nothing_is_set_again() {
    let (world, people): (_, [Person; 4]) = World::start(Options::default());
    for (look, person) in FOUR.into_iter().zip(&people) {
        let (profile, tab) = world.visitor(look);
        world.to_password(&tab, person);
        submit(&tab, NEW, &with("password_changed"));
        let set = world.last_set(person);
        profile.requests();
        tab.back();
        tab.wait_there(&with("password_changed"));
        let seen = tab.seen();
        assert_eq!((&*seen.step, &*seen.changed), ("result", "yes"), "{look:?}: {}", seen.url);
        assert_forgotten(&seen);
        tab.screenshot("back", "result");
        assert!(profile.requests().iter().all(|request| request.method == "GET"));
        assert_eq!(world.last_set(person), set, "{look:?}");
        assert!(world.accepts(person, NEW) && !world.accepts(person, OTHER));
    }
}
