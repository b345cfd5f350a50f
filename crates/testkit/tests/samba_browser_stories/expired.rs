//! A visit that has lived its time.

use lab::Person;
use testkit::Options;

use crate::NEW;
use crate::browser::{NO_SCRIPTING, PHONE};
use crate::walk::{NEXT, PRESENT, World, at, button, choose, with};

/// Enough to come to the password page on a busy machine.
const LIFETIME: u32 = 15;

#[test]
fn an_expired_visit_says_so_sets_nothing_and_leads_to_a_new_one() {
    let cloud = format!("[flow]\nlifetime_seconds = {LIFETIME}\n");
    let (world, people): (_, [Person; 4]) = World::start(Options { cloud, ..Options::default() });
    let [anna, bert, carl, dora] = &people;
    let visits = [(PHONE, anna, bert), (NO_SCRIPTING, carl, dora)].map(|(look, one, other)| {
        let ((_, at_code), (profile, at_password)) = (world.visitor(look), world.visitor(look));
        let code = world.to_code(&at_code, one);
        at_code.fill("#code", &code);
        world.to_password(&at_password, other);
        choose(&at_password, NEW, NEW);
        // A tab that looks whether it is over.
        let watch = profile.tab();
        watch.open(&world.url("/password"));
        (at_code, profile, at_password, watch, other)
    });
    for (at_code, profile, at_password, watch, person) in &visits {
        watch.reload_until(&with("flow_expired"), LIFETIME + 10);
        at_code.click_until(NEXT, &with("flow_expired"));
        profile.requests();
        at_password.click_until(button(at_password), &with("flow_expired"));
        assert!(!profile.requests().iter().any(|request| request.path().ends_with("/sealed")));
        for (tab, step) in [(at_code, "code"), (at_password, "password")] {
            let seen = tab.seen();
            assert_eq!(seen.changed, "no");
            assert!(seen.messages[0].contains("This visit has expired"), "{:?}", seen.messages);
            tab.screenshot("expired", step);
        }
        assert!(world.accepts(person, PRESENT));
        at_code.click_until("main a.button", &at("start"));
    }
}
