//! `explain` of kinds of account that the lab has nobody of, or that nobody resets, on a real Active Directory.
//! `fake_permissions_people.rs` has the same snapshots.
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

use directory::Sid;
use lab::NewPerson;
use permissions::Place;
use permissions::told::OUTSIDE;

#[test]
fn other_kinds_of_account_are_explained_as_the_snapshots_say() {
    let place = Place::new("others").granted();
    let told = |name: &str, user: &str, called: &str| place.told(name, user, called, str::to_owned);
    let (forest, process) = (&place.forest, std::process::id());
    // NORMAL_ACCOUNT, with SMARTCARD_REQUIRED and DONT_EXPIRE_PASSWORD (MS-ADTS 2.2.16).
    for (name, flags) in [("smart_card_only", "262656"), ("password_never_expires", "66048")] {
        let person = place.person(NewPerson::default());
        forest.replace(&person.dn, "userAccountControl", flags).unwrap();
        told(name, &person.login, &person.login);
    }
    let add = |name: &str, rest: &str| {
        let dn = format!("CN={name},{}", place.unit);
        forest.modify(&format!("dn: {dn}\nchangetype: add\n{rest}")).unwrap();
        dn
    };
    let computer = format!("machine-{process}");
    let login = format!("{computer}$");
    add(
        &computer,
        &format!("objectClass: computer\nsAMAccountName: {login}\nuserAccountControl: 4096\n"),
    );
    told("computer", &login, &computer);

    let inez = format!("inez-{process}");
    let person = "objectClass: inetOrgPerson\nsn: Inez\nuserAccountControl: 544\n";
    add(&inez, &format!("{person}sAMAccountName: {inez}\n"));
    told("inet_org_person", &inez, &inez);

    let member = place.person(NewPerson::default());
    let board = format!("Board {process}");
    let group = format!("objectClass: group\nsAMAccountName: {board}\nmember: {}\n", member.dn);
    let dn = add(&board, &group);
    let found = forest.search(&dn, "(objectClass=group)", &["objectSid"]).unwrap();
    let sid = Sid::from_value(found[0].value("objectSid").unwrap()).unwrap();
    place.reconfigure("ous = ", &format!("protected_groups = ['{sid}']\nous = "));
    told("protected_locally", &member.login, &member.login);
    for (name, user) in OUTSIDE {
        told(name, user, user);
    }
}
