//! `permissions` where it touches what other tests rely on: rights on the root of the domain, taken back;
//! a second controller that replicates late. Each test has a lab of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test reports a broken expectation by panicking; the module is private, and shared"
)]

mod permissions;

use std::time::Duration;

use directory::security::rights::{Permission, RESET_PASSWORD, USER};
use directory::security::{Ace, mask};
use lab::{Forest, LabOptions, NewPerson};
use permissions::{Place, Said, add_unit, start};

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

fn entries(place: &Place, dn: &str) -> Vec<Ace> {
    place.dacl(dn).dacl.unwrap().entries
}

/// What these entries hold and the others do not, and the other way round.
fn difference(these: &[Ace], others: &[Ace]) -> (Vec<Ace>, Vec<Ace>) {
    let without = |some: &[Ace], more: &[Ace]| {
        some.iter().filter(|one| !more.contains(one)).cloned().collect()
    };
    (without(these, others), without(others, these))
}

/// The number in `objectSid` by which entries name the service account.
fn service(forest: &Forest) -> directory::Sid {
    let filter = format!("(sAMAccountName={})", forest.service.login);
    let found = forest.search(&forest.base_dn, &filter, &["objectSid"]).unwrap();
    directory::Sid::from_value(found[0].value("objectSid").unwrap()).unwrap()
}

#[test]
fn what_was_granted_is_taken_back_from_unit_and_root_and_nothing_else_is() {
    let lab = start(LabOptions::default());
    let place = Place::within("revoke", lab.forest().clone());
    let person = place.person(NewPerson::default());
    let (root, unit) = (place.forest.base_dn.clone(), place.unit.clone());
    let unexpire = Permission::UnexpirePassword.entry(service(&place.forest));
    let (root_before, unit_before) = (entries(&place, &root), place.dacl(&unit));
    let place = place.granted();
    let explain = ["explain", &person.login];
    good(&place.agent(&explain));
    assert_eq!(
        difference(&entries(&place, &unit), &unit_before.dacl.clone().unwrap().entries).0.len(),
        4
    );

    let back = place.as_administrator(&["permissions", "revoke"]);
    good(&back);
    for dn in [&unit, &root] {
        assert!(back.out.contains(&format!("On {dn}:\n  - ")), "{}", back.out);
    }
    assert!(
        back.out.contains("\nTaken back. Next: passback-agent permissions check"),
        "{}",
        back.out
    );
    assert_eq!(place.dacl(&unit), unit_before, "as nobody had ever granted anything");
    let (new, gone) = difference(&entries(&place, &root), &root_before);
    assert_eq!((new, gone), (vec![], vec![unexpire.clone()]));
    assert_eq!(place.agent(&explain).code, 1);
    let check = place.agent(&["permissions", "check"]);
    assert_eq!(check.code, 1);
    // Of Unexpire Password, a new domain's root grants enough to everybody who is signed in.
    assert!(check.line(0).contains(&format!("lacks on the unit {unit}")), "{}", check.out);
    let again = place.as_administrator(&["permissions", "revoke"]);
    assert_eq!((again.code, again.out.as_str()), (0, "There is nothing to do.\n"));

    // On the root: there and back, too, with what stood there before.
    good(&place.as_administrator(&["permissions", "grant", "--root"]));
    good(&place.agent(&explain));
    let (new, gone) = difference(&entries(&place, &root), &root_before);
    assert_eq!((new.len(), gone), (4, vec![unexpire.clone()]));
    good(&place.as_administrator(&["permissions", "revoke", "--root"]));
    let (new, gone) = difference(&entries(&place, &root), &root_before);
    assert_eq!((new, gone), (vec![], vec![unexpire]));
    place.agent(&["permissions", "check"]).fixes().iter().for_each(|fix| place.carry_out(fix));
    good(&place.agent(&["permissions", "check"]));
    good(&place.agent(&explain));
}

/// NTDSDSA_OPT_DISABLE_INBOUND_REPL (MS-ADTS 6.1.1.2.2.1.2.1.1): a controller takes nothing from others.
const TAKE_NOTHING: &str = "2";

/// Says so to a controller, or takes it back.
fn set_options(there: &Forest, options: &str) {
    let root = there.root(&["dsServiceName"]).unwrap();
    there.replace(root.text("dsServiceName").unwrap(), "options", options).unwrap();
}

/// Waits until a controller knows an object.
fn arrived(there: &Forest, dn: &str) {
    for _ in 0..600 {
        if there.search(dn, "(objectClass=*)", &["cn"]).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{dn} did not come within a minute");
}

#[test]
fn whoever_waits_is_told_which_controller_has_not_caught_up_and_when_it_has() {
    let lab = start(LabOptions { controllers: 2, ..LabOptions::default() });
    let forest = lab.forest().clone();
    let [first, second] = [0, 1].map(|index| forest.controllers[index].name.clone());
    let place = Place::within("late", forest.clone());
    let person = place.person(NewPerson::default());
    arrived(&forest.at(1), &person.dn);
    set_options(&forest.at(1), TAKE_NOTHING);
    let place = place.granted();
    let after = place.person(NewPerson::default());
    good(&place.agent(&["permissions", "check"]));

    let wait = ["permissions", "check", "--wait", "1", "--pause", "1"];
    let said = place.agent(&wait);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let late = format!("corp: {second} has not caught up with {first}: ");
    assert!(said.line(0).starts_with(&late), "{}", said.out);
    assert!(said.line(0).contains(&format!("lacks on the unit {}", place.unit)), "{}", said.out);
    let json = place.agent(&[&wait[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let other = &value["directories"][0]["other_controllers"][0];
    assert_eq!((&value["good"], &other["state"]), (&false.into(), &"behind".into()));
    assert_eq!(
        (&other["controller"], &other["absent"][0]),
        (&second.into(), &after.dn.clone().into())
    );

    let patient = ["permissions", "check", "--wait", "120", "--pause", "1"];
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| place.agent(&patient));
        set_options(&forest.at(1), "0");
        said.fixes().iter().for_each(|fix| place.carry_out(fix));
        let said = waiting.join().unwrap();
        good(&said);
        let there = format!("{} has all that {first} has.", forest.controllers[1].name);
        assert!(said.out.contains(&there), "{}", said.out);
    });

    a_fault_below_the_unit_that_each_controller_has_puts_none_of_them_behind(&forest);

    forest.stop_controller(1).unwrap();
    let said = place.agent(&wait);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let down = format!("corp: {} could not be asked: ", forest.controllers[1].name);
    assert!(said.line(0).starts_with(&down), "{}", said.out);
}

/// To replicate would change nothing, and whoever waited for that would wait for ever.
fn a_fault_below_the_unit_that_each_controller_has_puts_none_of_them_behind(forest: &Forest) {
    let place = Place::within("same", forest.clone()).granted();
    let base = format!(",{}", place.forest.base_dn);
    for name in ["Off", "Denied"] {
        let inner = format!("OU={name},{}", place.unit);
        add_unit(&place.forest, &inner);
        let unit = inner.strip_suffix(&base).unwrap().to_owned();
        place.forest.add_person(&NewPerson { unit, ..NewPerson::default() }).unwrap();
    }
    let [off, denied] = ["Off", "Denied"].map(|name| format!("OU={name},{}", place.unit));
    place.inherits_nothing(&off);
    place.spoil(&denied, |_, list| {
        let denial = Ace::deny(mask::CONTROL_ACCESS, place.service());
        assert!(list.add(denial.on(RESET_PASSWORD).below(Some(USER))));
    });
    place.forest.replicate().unwrap();

    let wait = ["permissions", "check", "--wait", "1", "--pause", "1"];
    let said = place.agent(&wait);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for named in [format!("inheritance is off on the unit {off}"), format!("on the unit {denied}")]
    {
        assert!(said.out.contains(&named), "{named}: {}", said.out);
    }
    let [first, second] = [0, 1].map(|index| &place.forest.controllers[index].name);
    let same = format!("{second} has all that {first} has.");
    assert!(said.out.contains(&same) && !said.out.contains("caught up"), "{}", said.out);
    let json = place.agent(&[&wait[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let other = &value["directories"][0]["other_controllers"][0];
    assert_eq!((&value["good"], &other["state"]), (&false.into(), &"complete".into()));
}
