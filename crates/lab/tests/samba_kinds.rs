//! Every kind of account is what it is called, whether the lab brought it or a test made it.
//! Every proof is made by OpenLDAP's clients, which are not ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use lab::{
    Bound, Credentials, Forest, Kind, NewPerson, POLICY_HINTS, Person, Written, change_ldif,
    reset_ldif,
};

/// LDAP result codes (RFC 4511 4.1.9).
const CONSTRAINT_VIOLATION: i32 = 19;
const INSUFFICIENT_ACCESS: i32 = 50;

fn forest() -> Forest {
    Forest::of_running_lab().unwrap()
}

fn sign_in(forest: &Forest, person: &Person) -> Bound {
    forest.bind(&person.login, &person.password).unwrap()
}

fn refused(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

fn change_own(forest: &Forest, person: &Person, new: &str) -> Option<i32> {
    let own = Credentials { login: person.dn.clone(), password: person.password.clone() };
    let ldif = change_ldif(&person.dn, &person.password, new);
    match forest.modify_as(&own, &[], &ldif).unwrap() {
        Written::Done => None,
        Written::Refused { code, .. } => Some(code),
    }
}

#[test]
fn every_kind_of_the_ready_file_has_somebody_who_signs_in_or_is_refused_as_that_kind_is() {
    let forest = forest();
    // The sub-codes of SPEC D-10.
    for (kind, expected) in [
        (Kind::Ordinary, Bound::Accepted),
        (Kind::Disabled, refused("533")),
        (Kind::Locked, refused("775")),
        (Kind::Expired, refused("701")),
        (Kind::MustChange, refused("773")),
        (Kind::CannotChange, Bound::Accepted),
        (Kind::ProtectedNested, Bound::Accepted),
        (Kind::AdmincountOrphan, Bound::Accepted),
        (Kind::TwoForests, Bound::Accepted),
        (Kind::Pso, Bound::Accepted),
        (Kind::EscapedName, Bound::Accepted),
    ] {
        let people: Vec<_> = forest.people.iter().filter(|one| one.kind == kind).collect();
        assert!(!people.is_empty(), "{kind:?}");
        for person in people {
            assert_eq!(sign_in(&forest, person), expected, "{person:?}");
            assert_eq!(person.disabled, kind == Kind::Disabled, "{person:?}");
        }
    }
}

#[test]
fn fresh_accounts_can_be_of_these_kinds_too() {
    let forest = forest();
    let with = |new: NewPerson| sign_in(&forest, &forest.add_person(&new).unwrap());
    assert_eq!(with(NewPerson { locked: true, ..NewPerson::default() }), refused("775"));
    assert_eq!(with(NewPerson { expired: true, ..NewPerson::default() }), refused("701"));
    assert_eq!(with(NewPerson { must_change: true, ..NewPerson::default() }), refused("773"));
    assert_eq!(with(NewPerson { cannot_change: true, ..NewPerson::default() }), Bound::Accepted);
    let locked = NewPerson { locked: true, must_change: true, ..NewPerson::default() };
    assert_eq!(with(locked), refused("775"), "both at once");
}

#[test]
fn the_locked_person_stays_locked_after_a_reset_and_signs_in_after_the_lock_is_lifted() {
    let forest = forest();
    // A copy of what the lab brings, because others look at that one.
    let person = forest.add_person(&NewPerson { locked: true, ..NewPerson::default() }).unwrap();
    let brought = forest.person_of(Kind::Locked).unwrap();
    for locked in [&person, brought] {
        let found = forest.search(&locked.dn, "(objectClass=user)", &["badPwdCount"]).unwrap();
        assert_eq!(found[0].text("badPwdCount"), Some("5"), "{locked:?}");
    }
    let reset = reset_ldif(&person.dn, "Second-Password-2024");
    let done = forest.modify_as(&forest.service, &[POLICY_HINTS], &reset).unwrap();
    assert_eq!(done, Written::Done);
    let person = Person { password: "Second-Password-2024".to_owned(), ..person };
    assert_eq!(sign_in(&forest, &person), refused("775"));
    forest.replace(&person.dn, "lockoutTime", "0").unwrap();
    assert_eq!(sign_in(&forest, &person), Bound::Accepted);
}

#[test]
fn who_cannot_change_the_password_is_refused_with_the_right_old_one() {
    let forest = forest();
    let free = forest.add_person(&NewPerson::default()).unwrap();
    let new = NewPerson { cannot_change: true, ..NewPerson::default() };
    let fresh = forest.add_person(&new).unwrap();
    assert_eq!(change_own(&forest, &free, "Second-Password-2024"), None);
    for bound in [&fresh, forest.person_of(Kind::CannotChange).unwrap()] {
        let code = change_own(&forest, bound, "Second-Password-2024");
        assert!(matches!(code, Some(INSUFFICIENT_ACCESS | CONSTRAINT_VIOLATION)), "{code:?}");
        assert_eq!(sign_in(&forest, bound), Bound::Accepted, "with the password as it was");
    }
}

#[test]
fn names_that_need_escaping_are_found_and_reset_by_the_service_account() {
    let forest = forest();
    let seen = Forest { administrator: forest.service.clone(), ..forest.clone() };
    let people = forest.people.iter().filter(|one| one.kind == Kind::EscapedName);
    let mut units = 0;
    for brought in people.clone() {
        let found = seen.search(&brought.dn, "(objectClass=user)", &["cn", "objectGUID"]).unwrap();
        assert_eq!(found[0].text("cn"), Some(brought.display_name.as_str()));
        assert_eq!(found[0].object_guid().as_ref(), Some(&brought.object_guid));
        let (_, unit) = brought.dn.split_once(",OU=").unwrap();
        let relative = format!("OU={}", unit.split_once(",DC=").unwrap().0);
        units +=
            usize::from(!["OU=Amsterdam,OU=People", "OU=Utrecht,OU=People"].contains(&&*relative));
        // Somebody of the same name elsewhere: nobody else's password is touched.
        let fresh = forest
            .add_person(&NewPerson {
                name: Some(format!("{}{}", brought.display_name.trim_end(), brought.login)),
                unit: relative,
                ..NewPerson::default()
            })
            .unwrap();
        let ldif = reset_ldif(&fresh.dn, "Second-Password-2024");
        let done = forest.modify_as(&forest.service, &[POLICY_HINTS], &ldif).unwrap();
        assert_eq!(done, Written::Done, "{fresh:?}");
        forest.remove(&fresh.dn).unwrap();
    }
    assert!(people.count() >= 10 && units >= 5, "{units} in units with hard names");
}
