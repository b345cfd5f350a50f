//! Writeback is down: said before a name is asked, and to those who are on their way already.

use lab::Person;
use testkit::Options;

use crate::NEW;
use crate::browser::{NO_SCRIPTING, PHONE};
use crate::walk::{PRESENT, World, at, button, choose, fields, submit, with};

#[test]
fn that_writeback_is_down_is_said_before_a_name_and_a_visit_goes_on_when_it_is_back() {
    let (mut world, people): (_, [Person; 2]) = World::start(Options::default());
    let looks = [PHONE, NO_SCRIPTING];
    let mark = world.stack.outbox().mark();
    // They have passed the gate when it goes down.
    let visits = looks.into_iter().zip(&people).map(|(look, person)| {
        let (profile, tab) = world.visitor(look);
        world.to_password(&tab, person);
        (profile, tab, person)
    });
    let visits = Vec::from_iter(visits);
    world.stack.terminate("agent").unwrap();
    world.stack.await_step("unavailable", None).unwrap();

    let newcomers = looks.map(|look| world.visitor(look));
    for (_, tab) in &newcomers {
        tab.open(&world.url(""));
        let seen = tab.seen();
        assert_eq!((&*seen.step, &*seen.outcome), ("unavailable", "on_premises_unreachable"));
        assert_eq!(seen.fields, [""; 0], "no name is asked");
        assert!(seen.messages[0].contains("Nothing was changed"), "{:?}", seen.messages);
        tab.screenshot("down", "start");
    }
    for (profile, tab, person) in &visits {
        choose(tab, NEW, NEW);
        profile.requests();
        tab.click_until(button(tab), &with("on_premises_unreachable"));
        let seen = tab.seen();
        assert!(seen.messages[0].contains("cannot be reached"), "{:?}", seen.messages);
        assert_eq!(seen.changed, "no");
        // With scripting nothing has left the page but the question whom to seal for.
        assert!(!profile.requests().iter().any(|request| request.path().ends_with("/sealed")));
        assert!(world.accepts(person, PRESENT));
        tab.screenshot("down", "password");
    }

    world.stack.restart("agent").unwrap();
    world.stack.await_step("start", None).unwrap();
    for (_, tab) in &newcomers {
        tab.click_until("main a.button", &at("start"));
        tab.screenshot("down", "back_again");
    }
    for (_, tab, person) in &visits {
        if tab.look.scripting {
            // What was typed is there still.
            tab.click_until(button(tab), &with("password_changed"));
        } else {
            tab.click_until("main a.button", fields(tab)[0]);
            submit(tab, NEW, &with("password_changed"));
        }
        assert!(world.accepts(person, NEW));
        let mails = world.stack.outbox().mails_since(&mark, &person.private_mail);
        assert_eq!(mails.iter().filter(|mail| mail.code().is_some()).count(), 1, "no second code");
    }
}
