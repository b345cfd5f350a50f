//! "User cannot change password" against a real Active Directory: what is read out of an account's
//! DACL is what the directory does when the person tries to change the password.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::security::rights::USER;
use directory::security::{
    Ace, Acl, CHANGE_PASSWORD, CONTROL_ACCESS, Control, SecurityDescriptor, mask,
};
use directory::{Account, Directory as _, LdapDirectory, Sid};
use lab::{Credentials, Forest, NewPerson, Person, Written};
use world::{agent, forest, guid, password, somebody};

const SELF: &str = "S-1-5-10";
const EVERYONE: &str = "S-1-1-0";
const AUTHENTICATED_USERS: &str = "S-1-5-11";
const SYSTEM: &str = "S-1-5-18";
/// Send to ("Send-As"): a control access right that has nothing to do with passwords.
const SEND_AS: &str = "ab721a54-1e2f-11d0-9819-00aa0040529b";
/// Listing, reading attributes, listing the object; and reading the descriptor.
const READ: u32 = mask::LIST_CONTENTS | mask::READ_PROPERTY | mask::LIST_OBJECT;
const READ_DESCRIPTOR: u32 = mask::READ_CONTROL;
/// The SD-flags control with the DACL only, as `ldapmodify -e` takes it.
const DACL_ONLY: &str = "!1.2.840.113556.1.4.801=MAMCAQQ=";
/// The same with the owner only.
const OWNER_ONLY: &str = "!1.2.840.113556.1.4.801=MAMCAQE=";
/// What is inherited, and that nothing is.
const INHERITING: Control = Control(0);
const PROTECTED: Control = Control::DACL_PROTECTED;

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

fn allow(who: &str) -> Ace {
    Ace::allow(CONTROL_ACCESS, sid(who)).on(CHANGE_PASSWORD)
}

fn deny(who: &str) -> Ace {
    Ace::deny(CONTROL_ACCESS, sid(who)).on(CHANGE_PASSWORD)
}

/// Gives the account a DACL of these entries, as the administrator. Those who run the domain keep
/// full control, and everybody may read what `readable` says.
fn set_dacl(forest: &Forest, account: &Account, control: Control, readable: u32, more: &[Ace]) {
    let kept = [
        Ace::allow(mask::FULL_CONTROL, account.sid.domain().unwrap().with_rid(512).unwrap()),
        Ace::allow(mask::FULL_CONTROL, sid(SYSTEM)),
        Ace::allow(readable, Sid::authenticated_users()),
    ];
    let mut descriptor =
        SecurityDescriptor::of_dacl(Acl { revision: 4, entries: [more, &kept].concat() });
    descriptor.control.0 |= control.0;
    write(forest, account, DACL_ONLY, &descriptor);
}

/// Writes a part of an account's descriptor, as the administrator.
fn write(forest: &Forest, account: &Account, part: &str, descriptor: &SecurityDescriptor) {
    let ldif = format!(
        "dn: {}\nchangetype: modify\nreplace: nTSecurityDescriptor\nnTSecurityDescriptor:: {}\n-\n",
        account.dn,
        STANDARD.encode(descriptor.to_value().unwrap())
    );
    let written = forest.modify_as(&forest.administrator, &[part], &ldif).unwrap();
    assert_eq!(written, Written::Done);
}

/// The person changes the password with the old one, over LDAP (SPEC D-3).
fn change(forest: &Forest, person: &Person, to: &str) -> Written {
    let value = |text: &str| STANDARD.encode(password(text).to_unicode_pwd());
    let ldif = format!(
        "dn: {}\nchangetype: modify\ndelete: unicodePwd\nunicodePwd:: {}\n-\nadd: unicodePwd\nunicodePwd:: {}\n-\n",
        person.dn,
        value(&person.password),
        value(to)
    );
    let who = Credentials { login: person.login.clone(), password: person.password.clone() };
    forest.modify_as(&who, &[], &ldif).unwrap()
}

async fn read(directory: &LdapDirectory, person: &Person) -> Account {
    directory.account(guid(person)).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_read_is_what_the_directory_does() {
    let forest = forest();
    let directory = agent(&forest);
    let send_as = SEND_AS.parse().unwrap();
    for (what, entries) in [
        ("granted to both", vec![allow(SELF), allow(EVERYONE)]),
        ("as tools deny it", vec![deny(SELF), deny(EVERYONE), allow(SELF), allow(EVERYONE)]),
        ("denied to Self", vec![deny(SELF), allow(SELF), allow(EVERYONE)]),
        ("denied to Everyone", vec![deny(EVERYONE), allow(SELF), allow(EVERYONE)]),
        ("granted to Self alone", vec![allow(SELF)]),
        ("granted to everybody with an account", vec![allow(AUTHENTICATED_USERS)]),
        ("granted to nobody", vec![]),
        ("all rights are granted to Self", vec![Ace::allow(CONTROL_ACCESS, sid(SELF))]),
        ("all rights are denied to Self", vec![Ace::deny(CONTROL_ACCESS, sid(SELF)), allow(SELF)]),
        (
            "another right is denied",
            vec![Ace::deny(CONTROL_ACCESS, sid(SELF)).on(send_as), allow(SELF)],
        ),
    ] {
        let person = somebody(&forest);
        let account = read(&directory, &person).await;
        assert!(!account.cannot_change_password, "as accounts are made");
        set_dacl(&forest, &account, INHERITING, READ | READ_DESCRIPTOR, &entries);
        let fixed = read(&directory, &person).await.cannot_change_password;
        let refused = change(&forest, &person, "Second-Password-1") != Written::Done;
        assert_eq!(fixed, refused, "{what}");
    }
}

/// Samba looks at neither: an entry for the class of the account is about no control access right there, and
/// one for whoever owns the account about nobody (seen with 4.24).
#[tokio::test]
async fn entries_for_the_class_and_for_the_owner_are_read_as_the_directory_heeds_them() {
    let forest = forest();
    let directory = agent(&forest);
    let class = |entry: fn(u32, Sid) -> Ace| entry(CONTROL_ACCESS, sid(SELF)).on(USER);
    let denied = Ace::deny(CONTROL_ACCESS, Sid::owner_rights()).on(CHANGE_PASSWORD);
    for (what, entries, expected) in [
        ("denied to the class", vec![class(Ace::deny), allow(SELF)], false),
        ("granted to the class", vec![class(Ace::allow)], true),
        ("denied to the owner", vec![denied, allow(SELF)], false),
        ("granted to the owner", vec![allow("S-1-3-4")], true),
    ] {
        let person = somebody(&forest);
        let account = read(&directory, &person).await;
        set_dacl(&forest, &account, INHERITING, READ | READ_DESCRIPTOR, &entries);
        let list = Acl { revision: 4, entries: Vec::new() };
        let owner = Some(account.sid.clone());
        let owned = SecurityDescriptor { owner, ..SecurityDescriptor::of_dacl(list) };
        write(&forest, &account, OWNER_ONLY, &owned);
        let fixed = read(&directory, &person).await.cannot_change_password;
        let refused = change(&forest, &person, "Second-Password-1") != Written::Done;
        assert_eq!((fixed, refused), (expected, expected), "{what}");
    }
}

#[tokio::test]
async fn a_denial_binds_the_person_and_not_whoever_resets() {
    // So that the guard is all that keeps such an account from being reset.
    let forest = forest();
    let directory = agent(&forest);
    let person = somebody(&forest);
    let account = read(&directory, &person).await;
    let denied = [deny(SELF), deny(EVERYONE)];
    set_dacl(&forest, &account, INHERITING, READ | READ_DESCRIPTOR, &denied);
    assert!(read(&directory, &person).await.cannot_change_password);
    let later = protocol::Timestamp::from_millis(i64::MAX);
    directory.set_password(guid(&person), &password("Second-Password-1"), later).await.unwrap();
}

#[tokio::test]
async fn an_account_whose_descriptor_is_hidden_is_read_as_one_that_may_change() {
    let forest = forest();
    let directory = agent(&forest);
    let person = somebody(&forest);
    let account = read(&directory, &person).await;
    let denied = [deny(SELF), deny(EVERYONE)];
    set_dacl(&forest, &account, PROTECTED, READ | READ_DESCRIPTOR, &denied);
    assert!(read(&directory, &person).await.cannot_change_password, "as long as it can be seen");
    set_dacl(&forest, &account, PROTECTED, READ, &denied);
    assert!(!read(&directory, &person).await.cannot_change_password);
}

#[tokio::test]
async fn the_lab_s_own_way_of_ticking_it_is_recognised() {
    let forest = forest();
    let directory = agent(&forest);
    let new = NewPerson { cannot_change: true, ..NewPerson::default() };
    let person = forest.add_person(&new).unwrap();
    assert!(read(&directory, &person).await.cannot_change_password);
}
