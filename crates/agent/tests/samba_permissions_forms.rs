//! What `check`, `grant` and `revoke` say, form by form, on a real Active Directory: everybody of every kind,
//! two units side by side, every preview and every tool's commands.
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

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::Sid;
use directory::security::rights::{CHANGE_PASSWORD, LOCKOUT_TIME, PWD_LAST_SET, RESET_PASSWORD};
use directory::security::{Ace, Aliases, SecurityDescriptor, mask};
use lab::{Forest, NewPerson, Written};
use permissions::{Place, Said, add_unit};

const CHECK: [&str; 2] = ["permissions", "check"];
const FORMS: [&str; 3] = ["dsacls", "ldif", "samba-tool"];

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

fn pretty(said: &Said) -> String {
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// LDIF with what stands in base64 as text.
fn readable(ldif: &str) -> String {
    let mut text = String::new();
    for line in ldif.lines() {
        let value = line.split_once(":: ").filter(|(name, _)| !name.starts_with("control"));
        let shown = value.map(|(name, value)| {
            let bytes = STANDARD.decode(value).unwrap();
            let plain = match name {
                "nTSecurityDescriptor" => {
                    let read = SecurityDescriptor::from_value(&bytes).unwrap();
                    read.to_sddl(&Aliases::without_domain()).unwrap().replace(")(", ")\n    (")
                }
                _ => String::from_utf8(bytes).unwrap(),
            };
            format!("{name}: {plain}")
        });
        text += &shown.unwrap_or_else(|| line.to_owned());
        text.push('\n');
    }
    text
}

#[test]
fn a_right_that_is_missing_on_one_of_two_units_is_named_there_alone() {
    let place = Place::new("siblings");
    let [whole, lacking] = ["Whole", "Lacking"].map(|name| format!("OU={name},{}", place.unit));
    [&whole, &lacking].iter().for_each(|unit| add_unit(&place.forest, unit));
    place.configure(&[&whole, &lacking], place.forest.ldaps_port);
    let place = place.granted();
    let someone = |unit: &str| {
        let unit = unit.strip_suffix(&format!(",{}", place.forest.base_dn)).unwrap().to_owned();
        place.forest.add_person(&NewPerson { unit, ..NewPerson::default() }).unwrap()
    };
    let (of_whole, of_lacking) = (someone(&whole), someone(&lacking));
    for (entry, right, stops) in [
        (RESET_PASSWORD, "Reset Password", Some(true)),
        // Everybody may change a password with the old one, by an entry of the person's own.
        (CHANGE_PASSWORD, "Change Password", None),
        (LOCKOUT_TIME.attribute, "write lockoutTime", Some(true)),
        (PWD_LAST_SET.attribute, "write pwdLastSet", Some(false)),
    ] {
        place.spoil(&lacking, |_, list| {
            let before = list.entries.len();
            let is_it =
                |one: &Ace| one.access().and_then(|access| access.object_type) == Some(entry);
            list.entries.retain(|one| one.is_inherited() || !is_it(one));
            assert_eq!(list.entries.len(), before - 1, "{right}");
        });
        let said = place.agent(&CHECK);
        let named =
            format!("lacks on the unit {lacking}: {right}; no entry there or above grants it.");
        assert!(said.code == 1 && said.line(0).ends_with(&named), "{right}: {}", said.out);
        assert!(!said.out.contains(&whole), "{right}: {}", said.out);
        assert_eq!(said.err, "passback-agent: 1 finding\n", "{right}");
        good(&place.agent(&["explain", &of_whole.login]));
        let explain = place.agent(&["explain", &of_lacking.login]);
        let first = match stops {
            Some(true) => format!("cannot be reset: {right}: "),
            Some(false) => format!("can be reset; not as it should be: {right}: "),
            None => "can be reset.".to_owned(),
        };
        let first = format!("corp: {} {first}", of_lacking.login);
        assert!(explain.line(0).starts_with(&first), "{right}: {}", explain.out);
        if stops.is_some() {
            assert_eq!(explain.fixes(), said.fixes(), "{right}: {}", explain.out);
        }
        said.fixes().iter().for_each(|fix| place.carry_out(fix));
        good(&place.agent(&CHECK));
        let explain = place.agent(&["explain", &of_lacking.login]);
        good(&explain);
        assert!(explain.line(0).ends_with(" can be reset."), "{right}: {}", explain.out);
    }
}

#[test]
fn everybody_of_every_kind_is_checked_as_the_snapshots_say() {
    let forest = Forest::of_running_lab().unwrap();
    let people = format!("OU=People,{}", forest.base_dn);
    let place = Place::over("kinds-checked", forest, &[&people]);
    let check = ["permissions", "check", "--people", "1000"];
    let said = place.agent(&check);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    place.snapshot("check_kinds.txt", &said.out);
    place.snapshot("check_kinds.json", &pretty(&place.agent(&[&check[..], &["--json"]].concat())));
}

#[test]
fn every_preview_and_every_printed_form_is_as_the_snapshots_say() {
    let place = Place::new("forms");
    let only = ["--ou", &place.unit];
    // Nobody is there to answer: what would be done is shown, and nothing is.
    let shown = |command: &str| {
        let said = place.agent(&[&["permissions", command], &only[..]].concat());
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        said.out
    };
    let printed = |command: &str, form: &str| {
        let said =
            place.agent(&[&["permissions", command], &only[..], &["--print", form]].concat());
        good(&said);
        said.out
    };
    for command in ["grant", "revoke"] {
        if command == "revoke" {
            good(&place.as_administrator(&[&["permissions", "grant"], &only[..]].concat()));
        }
        place.snapshot(&format!("preview_{command}.txt"), &shown(command));
        let json = place.agent(&[&["permissions", command, "--json"], &only[..]].concat());
        good(&json);
        place.snapshot(&format!("preview_{command}.json"), &pretty(&json));
        for form in FORMS {
            let text = printed(command, form);
            let text = if form == "ldif" { readable(&text) } else { text };
            place.snapshot(&format!("print_{command}_{form}.txt"), &text);
        }
    }
    let person = place.person(NewPerson { admin_count: true, ..NewPerson::default() });
    place.inherits_nothing(&person.dn);
    place.spoil(&person.dn, |_, list| {
        list.add(Ace::allow(mask::READ_PROPERTY, Sid::authenticated_users()));
    });
    for form in FORMS {
        let said = place.agent(&["permissions", "grant", "--inherit", &person.dn, "--print", form]);
        good(&said);
        let text = if form == "dsacls" { said.out } else { readable(&said.out) };
        place
            .snapshot(&format!("print_inherit_{form}.txt"), &text.replace(&person.login, "PERSON"));
    }
    let samba = ["permissions", "grant", "--inherit", &person.dn, "--print", "samba-tool"];
    let said = place.agent(&samba);
    place.carry_out(said.out.trim_end());
    good(&place.agent(&["explain", &person.login]));
}

#[test]
fn what_is_hidden_is_said_beside_what_is_printed() {
    let place = Place::new("beside").granted();
    let person = place.person(NewPerson { admin_count: true, ..NewPerson::default() });
    place.inherits_nothing(&person.dn);
    let said = place.agent(&["permissions", "grant", "--inherit", &person.dn, "--print", "ldif"]);
    good(&said);
    let hidden = format!("passback-agent: tokenGroups of {} is hidden from the", person.dn);
    assert!(said.err.starts_with(&hidden), "{}", said.err);
    let who = &place.forest.administrator;
    assert_eq!(place.forest.modify_as(who, &[], &said.out).unwrap(), Written::Done);
    place.named_and_fixed(&CHECK, &["adminCount is left over on the person", &person.dn]);
}

#[test]
fn a_denial_that_would_win_is_told_of_beside_what_is_printed() {
    let place = Place::new("print-denied");
    place.spoil(&place.unit, |_, list| {
        let denial = Ace::deny(mask::CONTROL_ACCESS, Sid::authenticated_users());
        assert!(list.add(denial.on(RESET_PASSWORD).below(None)));
    });
    let printed = place.agent(&["permissions", "grant", "--print", "samba-tool"]);
    good(&printed);
    assert!(printed.out.lines().all(|line| line.starts_with("samba-tool ")), "{}", printed.out);
    let told = "passback-agent: What was to be granted is printed, and is denied all the same:\n";
    assert!(printed.err.starts_with(told), "{}", printed.err);
    let named = format!("is denied on the unit {}: Reset Password; by an entry for", place.unit);
    assert!(printed.err.contains(&named), "{}", printed.err);
}
