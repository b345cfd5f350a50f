//! Two tabs of one browser, and two browsers of one person. (Two visits in two tabs: `samba_browser.rs`.)

use crate::browser::{DESKTOP, NO_SCRIPTING};
use crate::walk::{SET, SET_UNSEALED, World, assert_forgotten, at, choose, signal, submit, with};
use crate::{NEW, OTHER, THIRD, hasty};

#[test]
fn of_two_tabs_of_one_visit_one_sets_the_password_and_the_other_says_that_it_did_not() {
    let (mut world, [person]) = World::start(hasty());
    let agent = world.pid("agent");
    let profile = world.browser.profile(DESKTOP);
    let (first, second) = (profile.tab(), profile.tab());
    world.to_password(&first, &person);
    second.open(&world.url("/password"));
    choose(&second, OTHER, OTHER);

    signal(agent, "STOP");
    submit(&first, NEW, &at("waiting"));
    second.click_until(SET, &with("already_in_flight"));
    let seen = second.seen();
    assert!(seen.messages[0].contains("Nothing was changed by this one"), "{:?}", seen.messages);
    second.screenshot("two_tabs", "in_flight");
    signal(agent, "CONT");
    first.wait(&with("password_changed"));
    let set = world.last_set(&person);

    second.click_until(SET, &with("password_changed"));
    let seen = second.seen();
    assert_eq!((&*seen.step, &*seen.changed), ("password", "yes"));
    let told = "What you typed just now was not set";
    assert!(seen.messages[0].starts_with(told), "{:?}", seen.messages);
    assert_forgotten(&seen);
    second.screenshot("two_tabs", "ended");
    second.reload();
    assert_eq!(second.seen().step, "result");
    assert!(world.accepts(&person, NEW) && !world.accepts(&person, OTHER));
    assert_eq!(world.last_set(&person), set, "one set");
}

#[test]
fn without_scripting_the_second_of_two_tabs_sets_nothing_either() {
    let (world, [person]) = World::start(hasty());
    let profile = world.browser.profile(NO_SCRIPTING);
    let (first, second) = (profile.tab(), profile.tab());
    world.to_password(&first, &person);
    second.open(&world.url("/password"));
    submit(&first, NEW, &with("password_changed"));
    let set = world.last_set(&person);
    choose(&second, OTHER, OTHER);
    second.click_until(SET_UNSEALED, &with("password_changed"));
    let seen = second.seen();
    let told = "What you typed just now was not set";
    assert!(seen.messages.iter().any(|said| said.starts_with(told)), "{:?}", seen.messages);
    second.screenshot("two_tabs", "ended");
    assert!(world.accepts(&person, NEW) && !world.accepts(&person, OTHER));
    assert_eq!(world.last_set(&person), set, "one set");
}

#[test]
fn of_two_visits_of_one_person_one_sets_the_password_and_the_other_says_that_it_did_not() {
    let (world, [person]) = World::start(hasty());
    for (look, mine, other) in [(DESKTOP, NEW, OTHER), (NO_SCRIPTING, THIRD, OTHER)] {
        let (_late, late) = world.visitor(look);
        world.to_password(&late, &person);
        let (_quick, quick) = world.visitor(DESKTOP);
        world.to_password(&quick, &person);
        submit(&quick, mine, &with("password_changed"));
        let set = world.last_set(&person);

        submit(&late, other, &with("changed_elsewhere"));
        let seen = late.seen();
        assert_eq!((&*seen.step, &*seen.changed), ("result", "no"));
        assert!(seen.messages[0].contains("Nothing was changed by this step"), "{seen:?}");
        assert_forgotten(&seen);
        late.screenshot("two_visits", if look.scripting { "ended" } else { "ended_unsealed" });
        late.reload();
        assert_eq!(late.seen().outcome, "changed_elsewhere", "it stays so");
        late.open(&world.url("/password"));
        assert_eq!(late.seen().step, "result", "nothing can be chosen there any more");
        assert!(world.accepts(&person, mine) && !world.accepts(&person, other));
        assert_eq!(world.last_set(&person), set, "one set");
    }
}
