//! What whoever is signed in may read of somebody: by the entries that a new account has, by what it
//! inherits, and by what is taken away.

use std::collections::BTreeSet;

use directory::security::rights::{Judged, LOCKOUT_TIME, PWD_LAST_SET, USER_ACCOUNT_RESTRICTIONS};
use directory::security::{Ace, Control, SecurityDescriptor, mask};
use directory::{Directory, DirectoryError, ObjectGuid, PwdLastSet, Sid};
use directory_fake::Rights;
use lab::{NewPerson, Person};

use crate::suite::{Subject, guid};

/// Of the four property sets that a new account shows to whoever is signed in.
const SHOWN: [&str; 12] = [
    "cn",
    "department",
    "displayname",
    "mail",
    "mobile",
    "objectclass",
    "objectguid",
    "objectsid",
    "othermailbox",
    "samaccountname",
    "telephonenumber",
    "userprincipalname",
];
/// Of other sets or of none: by what the domain head hands down alone.
const HANDED_DOWN: [&str; 6] = [
    "accountexpires",
    "preferredlanguage",
    "pwdlastset",
    "usnchanged",
    "useraccountcontrol",
    "whenchanged",
];

/// A unit with one person in it, of whom there is much to read.
fn somebody_to_read(subject: &dyn Subject) -> (String, Person) {
    let unit = subject.add_unit(Rights::ALL);
    let attributes = ["department", "mobile", "telephoneNumber", "preferredLanguage"];
    let attributes = attributes.map(|name| (name.to_owned(), "nl".to_owned())).to_vec();
    let person = NewPerson { unit: unit.clone(), attributes, ..NewPerson::default() };
    let person = subject.add(&person);
    (unit, person)
}

/// The attributes of whoever is found in a unit, in lower case; nobody, nothing.
async fn read(directory: &dyn Directory, subject: &dyn Subject, unit: &str) -> BTreeSet<String> {
    let base = [format!("{unit},{}", subject.head()).parse().unwrap()];
    let mut names = BTreeSet::new();
    let mut each = |person: directory::PersonEntry| {
        names.extend(person.attributes.iter().map(|(name, _)| name.to_ascii_lowercase()));
    };
    directory.people(&base, 10, &mut each).await.unwrap();
    names
}

fn names<'a>(all: impl IntoIterator<Item = &'a &'a str>) -> BTreeSet<String> {
    all.into_iter().map(|name| (*name).to_owned()).collect()
}

fn inherits_nothing(descriptor: &mut SecurityDescriptor) {
    descriptor.dacl.as_mut().unwrap().entries.retain(|entry| !entry.is_inherited());
    descriptor.control = Control(descriptor.control.0 | Control::DACL_PROTECTED.0);
}

/// Takes the reading of this from whoever is signed in; of nothing in particular, of everything.
fn takes(what: Option<ObjectGuid>) -> impl Fn(&mut SecurityDescriptor) {
    move |descriptor| {
        let denial = Ace::deny(mask::READ_PROPERTY, Sid::authenticated_users());
        let denial = if let Some(what) = what { denial.on(what) } else { denial };
        descriptor.dacl.as_mut().unwrap().add(denial);
    }
}

fn unreadable(attribute: &'static str) -> Option<DirectoryError> {
    Some(DirectoryError::Unreadable { attribute })
}

pub async fn a_new_account_is_read_by_what_the_domain_hands_down(subject: &dyn Subject) {
    let (directory, (unit, person)) = (subject.directory(), somebody_to_read(subject));
    let all = names(SHOWN.iter().chain(&HANDED_DOWN));
    assert_eq!(read(&*directory, subject, &unit).await, all);
    assert!(directory.account(guid(&person)).await.unwrap().is_some());
    // Whoever inherits nothing is seen, and not what it is judged by.
    subject.secure(&person, &inherits_nothing);
    assert_eq!(read(&*directory, subject, &unit).await, names(&SHOWN));
    let groups = Judged::TokenGroups.name();
    assert_eq!(directory.account(guid(&person)).await.err(), unreadable(groups));
    // With each that is granted, one more is seen, until all are.
    let own = subject.sid_of(&subject.service().login);
    let mut errors = Vec::new();
    for judged in Judged::ALL {
        errors.extend(directory.account(guid(&person)).await.err());
        subject.secure(&person, &|descriptor| {
            let read = Ace::allow(mask::READ_PROPERTY, own.clone());
            descriptor.dacl.as_mut().unwrap().add(read.on(judged.property().attribute));
        });
    }
    let missed = |error: &DirectoryError| matches!(error, DirectoryError::Unreadable { .. });
    assert!(errors.len() > 2 && errors.iter().all(missed), "{errors:?}");
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.hidden, directory::Hidden::default());
    assert!(matches!(account.pwd_last_set, PwdLastSet::At(_)));
    let witness = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert!(witness.version > 0, "{witness:?}");
}

pub async fn what_is_denied_of_an_account_is_not_read(subject: &dyn Subject) {
    let directory = subject.directory();
    let all = names(SHOWN.iter().chain(&HANDED_DOWN));
    let without = |gone: &[&str]| &all - &names(gone);

    let (unit, person) = somebody_to_read(subject);
    subject.secure(&person, &takes(Some(PWD_LAST_SET.attribute)));
    assert_eq!(read(&*directory, subject, &unit).await, without(&["pwdlastset"]));
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.pwd_last_set, PwdLastSet::Hidden);

    let (_, person) = somebody_to_read(subject);
    subject.secure(&person, &takes(Some(LOCKOUT_TIME.attribute)));
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(account.hidden.lockout_time && !account.hidden.resultant_pso, "{:?}", account.hidden);

    let (unit, person) = somebody_to_read(subject);
    subject.secure(&person, &takes(Some(USER_ACCOUNT_RESTRICTIONS)));
    let gone = ["accountexpires", "pwdlastset", "useraccountcontrol"];
    assert_eq!(read(&*directory, subject, &unit).await, without(&gone));
    let read_as = directory.account(guid(&person)).await.err();
    let one =
        [Judged::AccountExpires, Judged::UserAccountControl].map(|one| unreadable(one.name()));
    assert!(one.contains(&read_as), "{read_as:?}");

    // Who cannot be read at all is found by no filter, and no account.
    let (unit, person) = somebody_to_read(subject);
    subject.secure(&person, &takes(None));
    assert_eq!(read(&*directory, subject, &unit).await, BTreeSet::new());
    assert!(directory.account(guid(&person)).await.is_err());
}

/// To hide who is in a unit, the right to list what is in it is taken away.
pub async fn whoever_is_in_a_unit_that_lists_nobody_is_not_there(subject: &dyn Subject) {
    let (directory, (unit, person)) = (subject.directory(), somebody_to_read(subject));
    subject.secure_unit(&unit, &|descriptor| {
        let denial = Ace::deny(mask::LIST_CONTENTS, Sid::authenticated_users());
        descriptor.dacl.as_mut().unwrap().add(denial);
    });
    assert_eq!(read(&*directory, subject, &unit).await, BTreeSet::new());
    assert!(directory.account(guid(&person)).await.unwrap().is_none());
    assert_eq!(directory.witness(guid(&person)).await.unwrap(), None);
    let administrator = subject.directory_as(&subject.administrator());
    assert!(administrator.account(guid(&person)).await.is_ok());
}
