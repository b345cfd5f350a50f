//! What a visitor must pass, and what one cannot find out.

use lab::NewPerson;
use testkit::{Page, StackError};

use crate::world::{GOOD, World, expect, expect_changed, forest, ordinary, person};

/// A code that is not the right one.
fn another(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

#[test]
fn protected_disabled_and_formerly_protected_accounts_are_told_apart_after_the_gate_only() {
    let forest = forest();
    let normal = NewPerson::default;
    let group = "Helpdesk Leads".to_owned();
    let protected = person(&forest, NewPerson { member_of: vec![group], ..normal() });
    let disabled = person(&forest, NewPerson { disabled: true, ..normal() });
    let orphan = person(&forest, NewPerson { admin_count: true, ..normal() });
    let world = World::start(forest);
    for (someone, outcome, number) in [
        (&protected, "protected", "33004"),
        (&disabled, "disabled", "33005"),
        (&orphan, "admin_count_left_behind", "33004"),
    ] {
        let mut visitor = world.cleared(someone);
        expect(&visitor.password(GOOD).unwrap(), "result", outcome, number, "no");
    }
    assert!(world.holds(&protected, &protected.password));
    assert!(world.holds(&orphan, &orphan.password));
    // Still switched off, and with the old password (533; a wrong one would be 52e).
    let bound = world.forest.bind(&disabled.login, &disabled.password).unwrap();
    assert_eq!(bound, lab::Bound::Refused { sub_code: "533".to_owned() });
}

/// All that a visitor gets to see, without what is random for everybody.
fn seen(page: &Page) -> (u16, String, Vec<(String, String)>, String) {
    let flow = page.fields.get("flow").map_or("", String::as_str);
    assert!(!flow.is_empty() || page.step != "code");
    let mut html = page.html.replace(&page.support_code, "SUPPORT");
    if !flow.is_empty() {
        html = html.replace(flow, "FLOW");
    }
    let headers = page.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
    (page.status, page.path.clone(), headers, html)
}

#[test]
fn a_name_that_nobody_has_is_answered_with_the_same_bytes_until_all_tries_are_spent() {
    let forest = forest();
    let someone = ordinary(&forest);
    let world = World::start(forest);
    let mark = world.outbox.mark();
    let (mut known, code) = world.started(&someone);
    let mut unknown = world.stack.visitor().unwrap();
    let nobody = format!("nobody-{}", world.stack.login(&someone));
    unknown.start(&nobody).unwrap();
    let both = |known: Page, unknown: Page| {
        assert_eq!(seen(&known), seen(&unknown));
        known
    };
    both(known.get("/code").unwrap(), unknown.get("/code").unwrap());
    both(known.get("/password").unwrap(), unknown.get("/password").unwrap());
    let wrong = another(&code);
    for left in ["4 tries are left", "3 tries are left", "2 tries are left", "One try is left"] {
        let page = both(known.code(wrong).unwrap(), unknown.code(wrong).unwrap());
        expect(&page, "code", "code_wrong", "34020", "no");
        assert!(page.text.contains(left), "{left}: {}", page.text);
    }
    let page = both(known.code(wrong).unwrap(), unknown.code(wrong).unwrap());
    assert_eq!(page.outcome, "code_tries_spent", "{}", page.text);
    let page = both(known.code(&code).unwrap(), unknown.code(&code).unwrap());
    assert_eq!(page.outcome, "code_tries_spent", "the right code is too late: {}", page.text);
    assert!(known.ticket().is_err() && unknown.ticket().is_err());
    both(known.resend().unwrap(), unknown.resend().unwrap());
    let fresh = world.outbox.mails_since(&mark, &someone.private_mail);
    assert!(!fresh.is_empty(), "the one who exists has a mail");
    assert!(world.outbox.mails_since(&mark, &nobody).is_empty());
}

#[test]
fn no_step_is_reached_without_its_code_and_a_code_counts_in_its_own_browser_only() {
    let forest = forest();
    let someone = ordinary(&forest);
    let world = World::start(forest);
    let mut stranger = world.stack.visitor().unwrap();
    for step in ["/code", "/password", "/result"] {
        expect(&stranger.get(step).unwrap(), "error", "flow_expired", "34024", "no");
    }
    assert!(stranger.ticket().is_err());

    let (mut first, old) = world.started(&someone);
    assert!(matches!(first.ticket(), Err(StackError::NotUnderstood(_))));
    assert_eq!(first.password_in_clear(GOOD, GOOD).unwrap().step, "code");
    assert_eq!(first.get("/result").unwrap().step, "code");

    let (mut second, theirs) = world.started(&someone);
    if old != theirs {
        assert_eq!(second.code(&old).unwrap().outcome, "code_wrong");
        assert_eq!(first.code(&theirs).unwrap().outcome, "code_wrong");
    }
    let mark = world.outbox.mark();
    assert_eq!(first.resend().unwrap().step, "code");
    let new = world.outbox.await_code(&mark, &someone.private_mail).unwrap();
    if old != new {
        assert_eq!(first.code(&old).unwrap().outcome, "code_wrong", "the newest code counts");
    }
    assert_eq!(first.code(&new).unwrap().step, "password");
    expect_changed(&first.password(GOOD).unwrap());
    assert!(world.holds(&someone, GOOD));
    assert!(second.ticket().is_err(), "the other browser is where it was");
}
