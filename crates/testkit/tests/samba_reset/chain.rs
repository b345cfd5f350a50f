//! The four conditions of SPEC W-7, each with an outcome of its own.

use crate::world::{GOOD, World, expect, expect_changed, forest, ordinary};

#[test]
fn each_missing_link_of_the_chain_has_its_own_outcome_and_a_synchronisation_repairs_it() {
    let forest = forest();
    let someone = ordinary(&forest);
    let world = World::start(forest);
    let login = world.stack.login(&someone);
    let mut visitor = world.cleared(&someone);
    for (what, outcome) in [
        ("ad-object", "user_not_found_no_object"),
        ("ad-link", "user_not_found_not_joined"),
        ("cloud-link", "user_not_found_no_cloud_link"),
        ("account-enabled-rule", "user_not_found_no_rule"),
    ] {
        world.stack.agent(&["sync", "disconnect", &login, "--what", what]).unwrap();
        let page = visitor.password(GOOD).unwrap();
        expect(&page, "result", outcome, "33002", "no");
        assert!(world.holds(&someone, &someone.password), "{what}");
        world.stack.synchronise().unwrap();
    }
    expect_changed(&visitor.password(GOOD).unwrap());
    assert!(world.holds(&someone, GOOD));
}

#[test]
fn somebody_who_came_after_the_last_synchronisation_can_be_reset_after_the_next() {
    let world = World::start(forest());
    let late = ordinary(&world.forest);
    let mark = world.outbox.mark();
    let mut visitor = world.stack.visitor().unwrap();
    assert_eq!(visitor.start(&world.stack.login(&late)).unwrap().step, "code");
    world.stack.synchronise().unwrap();
    let mut visitor = world.cleared(&late);
    expect_changed(&visitor.password(GOOD).unwrap());
    // One code and one "changed": the first visit, before they were known, got none.
    world.await_subject(&mark, &late, "changed");
    assert_eq!(world.outbox.mails_since(&mark, &late.private_mail).len(), 2);
}

#[test]
fn two_enabled_accounts_of_one_person_are_never_guessed_between() {
    let forest = forest();
    let someone = ordinary(&forest);
    let mut world = World::start(forest);
    // The same directory once more under another name: two objects with one sourceAnchor.
    let path = world.stack.directory().join("agent/agent.toml");
    let mut settings: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let directories = settings.get_mut("directory").unwrap().as_array_mut().unwrap();
    let mut second = directories[0].clone();
    second.as_table_mut().unwrap().insert("name".to_owned(), "second".into());
    directories.push(second);
    std::fs::write(&path, settings.to_string()).unwrap();
    world.stack.terminate("agent").unwrap();
    world.stack.synchronise().unwrap();
    world.stack.restart("agent").unwrap();
    world.stack.await_step("start", None).unwrap();
    let page = world.cleared(&someone).password(GOOD).unwrap();
    expect(&page, "result", "several_matches", "33003", "no");
    assert!(world.holds(&someone, &someone.password));
}
