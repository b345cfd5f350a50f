//! People who inherit nothing, on a real Active Directory: those whom a group protects, those whom none
//! protects any more, and those of whom nobody can say.
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

use directory::security::{Ace, mask};
use directory::{ObjectGuid, Sid};
use lab::NewPerson;
use permissions::{Place, Said};

const CHECK: [&str; 2] = ["permissions", "check"];

/// `schemaIDGUID` of `adminCount` (MS-ADA1).
const ADMIN_COUNT: &str = "bf967918-0de6-11d0-a285-00aa003049e2";

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// Lets everybody with an account read this of an object, and no more: one attribute, or all.
fn readable(place: &Place, dn: &str, attribute: Option<&str>) {
    place.spoil(dn, |_, list| {
        let read = Ace::allow(mask::READ_PROPERTY, Sid::authenticated_users());
        list.add(match attribute {
            Some(attribute) => read.on(attribute.parse::<ObjectGuid>().unwrap()),
            None => read,
        });
    });
}

#[test]
fn an_admin_count_left_over_where_nothing_is_inherited_is_put_right_at_once() {
    let place = Place::new("count-off").granted();
    let left_over = |shown: &[&str]| {
        let person = place.person(NewPerson { admin_count: true, ..NewPerson::default() });
        place.inherits_nothing(&person.dn);
        shown.iter().for_each(|attribute| readable(&place, &person.dn, Some(attribute)));
        person
    };
    // The service account sees neither `adminCount` nor `tokenGroups`.
    let hidden = left_over(&[]);
    place.named_and_fixed(&CHECK, &["inheritance is off on the person", &hidden.dn]);
    let hidden = left_over(&[]);
    let explain = ["explain", &hidden.login];
    place.named_and_fixed(&explain, &["cannot be reset", "inheritance is off on the person"]);
    // It sees that it is marked, and not whether a group protects it.
    let marked = left_over(&[ADMIN_COUNT]);
    place.named_and_fixed(&CHECK, &["tokenGroups of the person", &marked.dn, "is hidden"]);
    let marked = left_over(&[ADMIN_COUNT]);
    let explain = ["explain", &marked.login];
    place.named_and_fixed(&explain, &["cannot be reset", "tokenGroups is hidden"]);
    // It sees everything, and may do nothing.
    let seen = left_over(&[]);
    readable(&place, &seen.dn, None);
    let explain = ["explain", &seen.login];
    place.named_and_fixed(&explain, &["cannot be reset", "adminCount is left over"]);
}

#[test]
fn somebody_marked_of_whom_groups_are_hidden_keeps_nobody_from_looking_and_granting() {
    let place = Place::new("marked").granted();
    let person = place.person(NewPerson { admin_count: true, ..NewPerson::default() });
    place.inherits_nothing(&person.dn);
    readable(&place, &person.dn, Some(ADMIN_COUNT));
    let said = place.agent(&CHECK);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let again = place.as_administrator(&["permissions", "grant"]);
    assert_eq!((again.code, again.out.as_str()), (0, "There is nothing to do.\n"), "{}", again.err);
}

/// Samba marks nobody (seen with 4.24): whoever is in a protected group by way of one for mail, which is not
/// in tokenGroups, is not marked again. Windows would: `fake_permissions_people.rs`.
#[test]
fn a_mark_is_left_over_at_samba_also_where_a_group_for_mail_leads_to_a_protected_one() {
    let place = Place::new("by-mail").granted();
    let mail = format!("CN=Mail {},{}", std::process::id(), place.unit);
    let base = &place.forest.base_dn;
    let add = format!(
        "dn: {mail}\nchangetype: add\nobjectClass: group\ngroupType: 2\nsAMAccountName: mail-{}\n",
        std::process::id()
    );
    place.forest.modify(&add).unwrap();
    let member = |group: &str, who: &str| {
        let ldif = format!("dn: {group}\nchangetype: modify\nadd: member\nmember: {who}\n-\n");
        place.forest.modify(&ldif).unwrap();
    };
    member(&format!("CN=Print Operators,CN=Builtin,{base}"), &mail);
    let person = place.person(NewPerson { admin_count: true, ..NewPerson::default() });
    member(&mail, &person.dn);
    place.inherits_nothing(&person.dn);
    readable(&place, &person.dn, None);
    place.named_and_fixed(&CHECK, &["adminCount is left over on the person", &person.dn]);
    good(&place.agent(&["explain", &person.login]));
}

/// As AdminSDHolder's descriptor is put on an account that a group protects: nothing is inherited, and
/// everybody may read.
#[test]
fn what_a_protected_account_lacks_by_design_is_told_as_that() {
    let place = Place::new("by-design").granted();
    let member_of = vec!["Helpdesk Leads".to_owned()];
    let new = NewPerson { admin_count: true, member_of, ..NewPerson::default() };
    let person = place.person(new);
    place.inherits_nothing(&person.dn);
    readable(&place, &person.dn, None);
    good(&place.agent(&CHECK));
    let said = place.agent(&["explain", &person.login]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let protected = "cannot be reset: it is in the protected group Domain Admins";
    assert!(said.line(0).contains(protected), "{}", said.out);
    assert!(!said.out.contains("neither here nor on a unit above"), "{}", said.out);
    let right = format!(
        "        Reset Password: inheritance is off, as on every protected account: what {} grants does not reach it\n",
        place.unit
    );
    assert!(said.out.contains(&right), "{}", said.out);
    let off =
        "\nInheritance\n        inheritance is off on the account, as on every protected one\n";
    assert!(said.out.contains(off), "{}", said.out);
    // Nobody is told to give back what the directory takes away again.
    let inherit = place.as_administrator(&["permissions", "grant", "--inherit", &person.dn]);
    assert_eq!(inherit.code, 1, "{}{}", inherit.out, inherit.err);
    assert!(inherit.err.contains("is protected by a group"), "{}", inherit.err);
}
