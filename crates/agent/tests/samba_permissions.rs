//! `permissions` and `explain` on a real Active Directory: each planted fault is named in the first
//! line, and the fix that is printed below it works when it is carried out.
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

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use directory::security::rights::{LOCKOUT_TIME, RESET_PASSWORD};
use directory::security::{Ace, mask};
use lab::{Forest, Kind, NewPerson, Written};
use permissions::{Changed, Place, Said, add_unit};

const CHECK: [&str; 2] = ["permissions", "check"];

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn a_unit_without_rights_is_given_exactly_those_and_they_are_taken_back() {
    let place = Place::new("grant");
    place.person(NewPerson::default());
    let before = place.dacl(&place.unit);
    let said = place.agent(&CHECK);
    let all = "Reset Password, Change Password, write lockoutTime, write pwdLastSet";
    assert!(
        said.line(0).contains(&format!("lacks on the unit {}: {all}", place.unit)),
        "{}",
        said.out
    );
    place.snapshot("check_nothing.txt", &said.out);
    place.snapshot("check_nothing.json", &place.agent(&["permissions", "check", "--json"]).out);
    place.named_and_fixed(&CHECK, &[&place.unit]);
    let granted = place.dacl(&place.unit).dacl.unwrap().entries;
    let old = before.dacl.clone().unwrap().entries;
    let new: Vec<&Ace> = granted.iter().filter(|entry| !old.contains(entry)).collect();
    assert_eq!((new.len(), granted.len()), (4, old.len() + 4));
    let again = place.as_administrator(&["permissions", "grant"]);
    assert_eq!((again.code, again.out.as_str()), (0, "There is nothing to do.\n"));
    place.snapshot("check_good.txt", &place.agent(&CHECK).out);
    place.snapshot("check_good.json", &pretty(&place.agent(&["permissions", "check", "--json"])));
    // Taking back the entry on the root of the domain would take it from other tests.
    let back = place.agent(&["permissions", "revoke", "--ou", &place.unit, "--print", "ldif"]);
    good(&back);
    let (ours, _) = back.out.split_once("\n\n").unwrap();
    let who = &place.forest.administrator;
    assert_eq!(place.forest.modify_as(who, &[], ours).unwrap(), Written::Done);
    assert_eq!(place.dacl(&place.unit), before);
}

#[test]
fn a_right_that_is_missing_on_one_unit_is_named_and_every_printed_form_restores_it() {
    let place = Place::new("one");
    let other = format!("OU=Other {},{}", std::process::id(), place.unit);
    add_unit(&place.forest, &other);
    let place = place.granted();
    for form in ["grant", "ldif", "samba-tool"] {
        place.spoil(&place.unit, |_, list| {
            let about = |entry: &Ace| {
                let right = entry.access().and_then(|access| access.object_type);
                right == Some(LOCKOUT_TIME.attribute) && !entry.is_inherited()
            };
            list.entries.retain(|entry| !about(entry));
        });
        if form == "grant" {
            let named = ["lacks on the unit", &place.unit, ": write lockoutTime;"];
            place.named_and_fixed(&CHECK, &named);
            continue;
        }
        assert_eq!(place.agent(&CHECK).code, 1);
        let printed = place.agent(&["permissions", "grant", "--print", form]);
        good(&printed);
        assert_eq!(place.agent(&CHECK).code, 1, "printing changes nothing");
        if form == "ldif" {
            let who = &place.forest.administrator;
            assert_eq!(place.forest.modify_as(who, &[], &printed.out).unwrap(), Written::Done);
        } else {
            place.carry_out(&printed.out);
        }
        good(&place.agent(&CHECK));
    }
    let dsacls = place.agent(&["permissions", "revoke", "--ou", &other, "--print", "dsacls"]);
    good(&dsacls);
}

#[test]
fn inheritance_off_on_one_person_is_named_by_both_and_turned_on_by_the_fix() {
    let place = Place::new("person").granted();
    let person = place.person(NewPerson::default());
    let off = || place.inherits_nothing(&person.dn);
    off();
    let named = ["inheritance is off on the person", &person.dn];
    let explain = ["explain", &person.login];
    let said = without(&place.agent(&explain).out, &person.login);
    place.snapshot("explain_inheritance_off.txt", &said);
    let said = pretty(&place.agent(&[&explain[..], &["--json"]].concat()));
    place.snapshot("explain_inheritance_off.json", &without(&said, &person.login));
    place.named_and_fixed(&CHECK, &named);
    off();
    place.named_and_fixed(&["explain", &person.login], &["cannot be reset", "inheritance is off"]);
}

#[test]
fn inheritance_off_on_a_unit_below_is_named() {
    let place = Place::new("below");
    let below = format!("OU=Below,{}", place.unit);
    add_unit(&place.forest, &below);
    let place = place.granted();
    place.inherits_nothing(&below);
    // Nobody may read it any more, neither: that is given first.
    place.spoil(&below, |_, list| {
        let everybody = directory::Sid::authenticated_users();
        let read = mask::READ_CONTROL | mask::READ_PROPERTY | mask::LIST_CONTENTS;
        list.add(Ace::allow(read | mask::LIST_OBJECT, everybody));
    });
    place.named_and_fixed(&CHECK, &["inheritance is off on the unit", &below, "Reset Password"]);
}

#[test]
fn a_denial_on_the_unit_is_named_with_whom_it_is_about_and_taken_away() {
    let place = Place::new("denied").granted();
    place.spoil(&place.unit, |_, list| {
        let denial = Ace::deny(mask::CONTROL_ACCESS, directory::Sid::authenticated_users());
        list.add(denial.on(RESET_PASSWORD).below(None));
    });
    place.named_and_fixed(
        &CHECK,
        &["is denied on the unit", "Authenticated Users", "Reset Password"],
    );
}

#[test]
fn an_admin_count_that_is_left_over_is_named_and_taken_away() {
    let place = Place::new("count").granted();
    let person = place.person(NewPerson { admin_count: true, ..NewPerson::default() });
    place.named_and_fixed(&CHECK, &["adminCount is left over on the person", &person.dn]);
    place.forest.replace(&person.dn, "adminCount", "1").unwrap();
    place
        .named_and_fixed(&["explain", &person.dn], &["cannot be reset", "adminCount is left over"]);
}

#[test]
fn user_cannot_change_is_named_and_taken_away() {
    let place = Place::new("cannot").granted();
    let person = place.person(NewPerson { cannot_change: true, ..NewPerson::default() });
    place.named_and_fixed(
        &["explain", &person.object_guid],
        &["cannot be reset", "user cannot change password"],
    );
    place.forest.forbid_change(&person.dn).unwrap();
    place.named_and_fixed(&CHECK, &["user cannot change password", &person.dn]);
}

#[test]
fn disabled_and_expired_accounts_are_named_and_the_fix_works() {
    let place = Place::new("state").granted();
    let off = place.person(NewPerson { disabled: true, ..NewPerson::default() });
    // NORMAL_ACCOUNT, PASSWD_NOTREQD and ACCOUNTDISABLE (MS-ADTS 2.2.16).
    place.forest.replace(&off.dn, "userAccountControl", "546").unwrap();
    let named = ["cannot be reset", "disabled"];
    let changed = place.named_and_changed(&["explain", &off.login], &named);
    assert_eq!(changed, [Changed::of(&off.dn, "userAccountControl", "546", "544")]);
    let over = place.person(NewPerson { expired: true, ..NewPerson::default() });
    let end = place.forest.search(&over.dn, "(objectClass=*)", &["accountExpires"]).unwrap();
    let end = end[0].text("accountExpires").unwrap();
    let named = ["cannot be reset", "has expired"];
    let changed = place.named_and_changed(&["explain", &over.login], &named);
    assert_eq!(changed, [Changed::of(&over.dn, "accountExpires", end, "0")]);
}

/// A lock and a password that has to be changed keep nobody from being reset, and are told of.
#[test]
fn a_lock_is_told_of_and_the_fix_unlocks_and_a_chain_of_groups_is_left_by_the_fix() {
    let place = Place::new("lock").granted();
    let locked = place.person(NewPerson { locked: true, ..NewPerson::default() });
    let said = place.agent(&["explain", &locked.login]);
    good(&said);
    assert!(said.line(0).contains("can be reset; not as it should be: locked out"), "{}", said.out);
    let changed = place.changed(|| place.carry_out(&said.fixes()[0]));
    let changed: Vec<_> = changed.iter().map(|one| (&*one.dn, &*one.attribute)).collect();
    assert_eq!(changed, ["badPwdCount", "lockoutTime"].map(|name| (&*locked.dn, name)));
    let said = place.agent(&["explain", &locked.login]);
    assert!(said.line(0).ends_with(" can be reset."), "{}", said.out);
    assert!(said.out.contains("\n  good  not locked out\n"), "{}", said.out);

    let member_of = vec!["Helpdesk Leads".to_owned()];
    let lead = place.person(NewPerson { member_of, ..NewPerson::default() });
    let said = place.agent(&["explain", &lead.login]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.line(0).contains(" Domain Admins, by way of Helpdesk Leads, "), "{}", said.out);
    let check = place.agent(&CHECK);
    assert!(
        check.out.contains(" 2 people looked at, 1 of them good, 1 protected"),
        "{}",
        check.out
    );
    assert!(said.line(1).ends_with("not be protected out of Helpdesk Leads"), "{}", said.out);
    let changed = place.changed(|| place.carry_out(said.line(2).trim()));
    let changed: Vec<_> = changed.iter().map(|one| (&*one.dn, &*one.attribute)).collect();
    assert_eq!(changed, [(&*lead.dn, "memberOf")]);
    good(&place.agent(&["explain", &lead.login]));
}

#[test]
fn a_smart_card_is_named_and_the_fix_lets_the_account_sign_in_with_a_password() {
    let place = Place::new("card").granted();
    let person = place.person(NewPerson::default());
    // NORMAL_ACCOUNT and SMARTCARD_REQUIRED (MS-ADTS 2.2.16).
    place.forest.replace(&person.dn, "userAccountControl", "262656").unwrap();
    let named = ["cannot be reset", "the account signs in with a smart card only"];
    let changed = place.named_and_changed(&["explain", &person.login], &named);
    assert_eq!(changed, [Changed::of(&person.dn, "userAccountControl", "262656", "512")]);
}

#[test]
fn somebody_out_of_scope_is_named_and_taken_in_by_what_is_printed() {
    let place = Place::new("scope");
    let inner = format!("OU=Inner,{}", place.unit);
    add_unit(&place.forest, &inner);
    place.configure(&[&inner], place.forest.ldaps_port);
    let place = place.granted();
    let person = place.person(NewPerson::default());
    let explain = ["explain", &person.login];
    let said = place.agent(&explain);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.line(0).ends_with("it is below no OU of the configuration."), "{}", said.out);
    let unit = said.line(1).split('"').nth(1).unwrap();
    assert_eq!(unit, place.unit);
    place.configure(&[unit], place.forest.ldaps_port);
    place.named_and_fixed(&explain, &["cannot be reset", "Reset Password", &place.unit]);
}

#[test]
fn a_user_principal_name_finds_an_account() {
    let place = Place::new("names").granted();
    let person = place.person(NewPerson::default());
    let principal = format!("{}@{}", person.login, place.forest.domain);
    let said = place.agent(&["explain", &principal]);
    good(&said);
    assert_eq!(said.line(0), format!("corp: {} can be reset.", person.login));
    let other = format!("{}@elsewhere.test", person.login);
    assert_eq!(place.agent(&["explain", &other]).code, 1);
    place.forest.replace(&person.dn, "userPrincipalName", &other).unwrap();
    good(&place.agent(&["explain", &other]));
    // The directory takes its login at its domain all the same.
    good(&place.agent(&["explain", &principal]));
}

#[test]
fn every_kind_of_account_is_explained_as_the_snapshots_say() {
    let forest = Forest::of_running_lab().unwrap();
    let people = format!("OU=People,{}", forest.base_dn);
    let place = Place::over("kinds", forest.clone(), &[&people]);
    for (kind, good) in [
        (Kind::Ordinary, true),
        (Kind::Disabled, false),
        (Kind::Locked, true),
        (Kind::Expired, false),
        (Kind::MustChange, true),
        (Kind::CannotChange, false),
        (Kind::ProtectedNested, false),
        (Kind::AdmincountOrphan, false),
        (Kind::TwoForests, true),
        (Kind::Pso, false),
        (Kind::EscapedName, true),
    ] {
        let person = forest.person_of(kind).unwrap();
        let said = place.agent(&["explain", &person.object_guid]);
        assert_eq!(said.code == 0, good, "{kind:?}: {}{}", said.out, said.err);
        let name = serde_json::to_value(kind).unwrap();
        let name = format!("explain_{}", name.as_str().unwrap());
        place.snapshot(&format!("{name}.txt"), &said.out);
        let json = place.agent(&["explain", &person.object_guid, "--json"]);
        let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!((&value["version"], &value["can_be_reset"]), (&1.into(), &good.into()));
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        place.snapshot(&format!("{name}.json"), &pretty.replace(&person.object_guid, "GUID"));
    }
    let by_name = place.agent(&["explain", "CORP\\anna"]);
    assert!(by_name.out.starts_with("corp: anna can be reset."), "{}", by_name.out);
    place.snapshot("show.txt", &place.agent(&["permissions", "show"]).out);
    place.snapshot("show.json", &place.agent(&["permissions", "show", "--json"]).out);
}

#[test]
fn whoever_waits_is_told_when_the_rights_have_arrived_and_when_they_have_not() {
    let place = Place::new("wait");
    let wait = ["permissions", "check", "--wait", "60", "--pause", "1"];
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| place.agent(&wait));
        good(&place.as_administrator(&["permissions", "grant"]));
        good(&waiting.join().unwrap());
    });
    place.spoil(&place.unit, |_, list| list.entries.retain(Ace::is_inherited));
    let short = place.agent(&["permissions", "check", "--wait", "2", "--pause", "1"]);
    assert_ne!(short.code, 0, "{}{}", short.out, short.err);
}

/// `script` gives the agent a terminal, and shows what stands on it.
#[test]
fn a_typed_password_is_taken_and_never_shown() {
    let place = Place::new("typed");
    let password = &place.forest.administrator.password;
    let grant = format!(
        "{} --config {} permissions grant --yes --login {}@{}",
        env!("CARGO_BIN_EXE_passback-agent"),
        place.dir.join("agent.toml").display(),
        place.forest.administrator.login,
        place.forest.domain
    );
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--command", &grant, "/dev/null"])
        .env("RUST_LOG", "error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (terminal.stdin.take().unwrap(), terminal.stdout.take().unwrap());
    let mut shown = Vec::new();
    // Typed before, it would be the terminal that shows it.
    while !String::from_utf8_lossy(&shown).contains("Password of") {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap();
        shown.push(byte[0]);
    }
    keys.write_all(format!("{password}\r").as_bytes()).unwrap();
    screen.read_to_end(&mut shown).unwrap();
    let shown = String::from_utf8_lossy(&shown);
    assert!(terminal.wait().unwrap().success(), "{shown}");
    assert!(shown.contains("Granted. Next:") && !shown.contains(password), "{shown}");
    good(&place.agent(&CHECK));
}

#[test]
fn exit_codes_say_who_must_act() {
    let place = Place::new("codes");
    let code = |arguments: &[&str]| place.agent(arguments).code;
    assert_eq!(code(&["explain", "nobody-is-called-that"]), 1);
    assert_eq!(code(&["permissions", "grant", "--ou", &format!("OU=None,{}", place.unit)]), 1);
    assert_eq!(code(&["permissions", "grant"]), 2, "there is nobody to ask");
    let unasked = place.agent(&["permissions", "grant", "--yes", "--login", "somebody"]);
    let nowhere = "passback-agent: there is no terminal to ask at: add --password-file\n";
    assert_eq!((unasked.code, unasked.err.as_str()), (2, nowhere));
    assert_eq!(code(&["permissions", "check", "--directory", "other"]), 2);
    assert_eq!(code(&["permissions", "grant", "--print", "notepad"]), 2);
    place.configure(&[&place.unit], 1);
    assert_eq!(code(&CHECK), 3);
    place.configure(&["nothing"], 636);
    assert_eq!(code(&CHECK), 4);
}

/// What was told to programs, for people to compare.
fn pretty(said: &Said) -> String {
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// A text without the name that a test made up.
fn without(text: &str, name: &str) -> String {
    text.replace(name, "PERSON")
}
