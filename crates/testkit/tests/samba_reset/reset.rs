//! Resets that succeed, and those that the directory's policy refuses.

use lab::{Bound, NewPerson};

use crate::world::{GOOD, World, expect, expect_changed, forest, ordinary, person};

#[test]
fn a_sealed_reset_sets_the_password_unlocks_the_account_and_tells_the_person() {
    let forest = forest();
    let locked = ordinary(&forest);
    let world = World::start(forest);
    for _ in 0..5 {
        assert!(!world.holds(&locked, "Wrong-Password-1"));
    }
    let bound = world.forest.bind(&locked.login, &locked.password).unwrap();
    assert_eq!(bound, Bound::Refused { sub_code: "775".to_owned() }, "five tries lock it");

    let mut visitor = world.cleared(&locked);
    let mark = world.outbox.mark();
    let page = visitor.password(GOOD).unwrap();
    expect_changed(&page);
    assert!(world.holds(&locked, GOOD));
    assert!(!world.holds(&locked, &locked.password));
    world.await_subject(&mark, &locked, "changed");

    let again = visitor.get("/result").unwrap();
    expect_changed(&again);
    assert_eq!(again.support_code, page.support_code, "a reload shows the same");
    let over = visitor.get("/password").unwrap();
    expect_changed(&over);
}

#[test]
fn without_scripting_the_form_sets_the_password_when_both_entries_agree() {
    let forest = forest();
    let someone = ordinary(&forest);
    let world = World::start(forest);
    let mut visitor = world.cleared(&someone);
    let page = visitor.password_in_clear(GOOD, "Meadow-Lantern-2026").unwrap();
    expect(&page, "password", "passwords_differ", "34026", "no");
    let page = visitor.password_in_clear("", "").unwrap();
    expect(&page, "password", "password_malformed", "32003", "no");
    assert!(world.holds(&someone, &someone.password));
    let page = visitor.password_in_clear(GOOD, GOOD).unwrap();
    expect_changed(&page);
    assert!(world.holds(&someone, GOOD));
}

#[test]
fn a_refusal_by_policy_names_the_rule_keeps_the_form_and_the_next_password_is_set() {
    let forest = forest();
    let someone = ordinary(&forest);
    let world = World::start(forest);
    let mut visitor = world.cleared(&someone);
    for (password, outcome, said) in [
        ("Ab1-x", "policy_too_short", "7"),
        ("onlylowercaseletters", "policy_not_complex", ""),
        (someone.password.as_str(), "policy_history", "24"),
    ] {
        let page = visitor.password(password).unwrap();
        expect(&page, "password", outcome, "33008", "no");
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let page = visitor.password_in_clear("Ab1-x", "Ab1-x").unwrap();
    expect(&page, "password", "policy_too_short", "33008", "no");
    assert!(world.holds(&someone, &someone.password), "nothing has changed so far");
    expect_changed(&visitor.password(GOOD).unwrap());
    assert!(world.holds(&someone, GOOD));
}

#[test]
fn a_password_that_is_too_young_is_refused_with_the_moment_from_which_it_is_not() {
    let forest = forest();
    let group = "Young Passwords Group".to_owned();
    let young = person(&forest, NewPerson { member_of: vec![group], ..NewPerson::default() });
    let world = World::start(forest);
    let mut visitor = world.cleared(&young);
    let page = visitor.password(GOOD).unwrap();
    // The result, not the form: another password would not help.
    expect(&page, "result", "policy_too_young", "33008", "no");
    assert!(page.text.contains("UTC"), "{}", page.text);
    assert!(world.holds(&young, &young.password));
}

#[test]
fn every_password_that_can_be_one_is_set_unit_by_unit() {
    let forest = forest();
    let long = format!("Aa1-{}", "x".repeat(252));
    let passwords =
        [" Blank before and after 1 ", "\"Quote'<&>%+\\/;:2025", "Zoë 😀 ünïcode-2025", &long];
    let people = passwords.map(|_| ordinary(&forest));
    let world = World::start(forest);
    for (password, someone) in passwords.into_iter().zip(people) {
        let mut visitor = world.cleared(&someone);
        let page = visitor.password(password).unwrap();
        assert_eq!(page.outcome, "password_changed", "{password}: {}", page.text);
        assert!(world.holds(&someone, password), "{password}");
    }
}
