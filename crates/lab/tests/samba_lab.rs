//! The lab is what it says it is. Every proof is made by OpenLDAP's clients, which are not ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::net::UdpSocket;
use std::time::Duration;

use lab::{
    Authority, Bound, Credentials, Forest, Kind, NewPerson, POLICY_HINTS, Person, Written,
    change_ldif, reset_ldif,
};

/// LDAP result codes (RFC 4511 4.1.9).
const CRITICAL_EXTENSION_UNAVAILABLE: i32 = 12;
const CONSTRAINT_VIOLATION: i32 = 19;
const INSUFFICIENT_ACCESS: i32 = 50;
const UNWILLING: i32 = 53;

fn forest() -> Forest {
    Forest::of_running_lab().unwrap()
}

fn fresh(forest: &Forest) -> Person {
    forest.add_person(&NewPerson::default()).unwrap()
}

fn wrong(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

fn reset_as_service(forest: &Forest, dn: &str, password: &str, controls: &[&str]) -> Written {
    forest.modify_as(&forest.service, controls, &reset_ldif(dn, password)).unwrap()
}

fn code(written: &Written) -> i32 {
    match written {
        Written::Done => 0,
        Written::Refused { code, .. } => *code,
    }
}

#[test]
fn ordinary_people_and_the_service_account_sign_in_with_the_passwords_that_the_forest_names() {
    let forest = forest();
    let ordinary = forest.people.iter().filter(|person| person.kind == Kind::Ordinary);
    assert_eq!(ordinary.clone().count(), 12);
    for person in ordinary {
        let bound = forest.bind(&person.login, &person.password).unwrap();
        assert_eq!(bound, Bound::Accepted, "{person:?}");
    }
    let service = &forest.service;
    assert_eq!(forest.bind(&service.login, &service.password).unwrap(), Bound::Accepted);
}

#[test]
fn a_wrong_password_and_an_unknown_person_are_refused_with_their_sub_codes() {
    let forest = forest();
    let person = fresh(&forest);
    assert_eq!(forest.bind(&person.login, "Wrong-Password-1").unwrap(), wrong("52e"));
    assert_eq!(forest.bind(&person.dn, &person.password).unwrap(), Bound::Accepted);
    let nobody = forest.bind("nobody-at-all", "Wrong-Password-1").unwrap();
    assert!(matches!(nobody, Bound::Refused { .. }), "{nobody:?}");
}

#[test]
fn five_wrong_passwords_lock_an_account() {
    let forest = forest();
    let person = fresh(&forest);
    for _ in 0..5 {
        assert_eq!(forest.bind(&person.login, "Wrong-Password-1").unwrap(), wrong("52e"));
    }
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), wrong("775"));
    forest.replace(&person.dn, "lockoutTime", "0").unwrap();
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
}

#[test]
fn the_service_account_resets_a_password_and_the_old_one_is_refused_at_once() {
    let forest = forest();
    let person = fresh(&forest);
    let done = reset_as_service(&forest, &person.dn, "Second-Password-2024", &[POLICY_HINTS]);
    assert_eq!(done, Written::Done);
    assert_eq!(forest.bind(&person.login, "Second-Password-2024").unwrap(), Bound::Accepted);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), wrong("52e"));
}

#[test]
fn history_is_enforced_with_the_control_and_ignored_without_it() {
    let forest = forest();
    let person = fresh(&forest);
    let again = &person.password;
    let hinted = reset_as_service(&forest, &person.dn, again, &[POLICY_HINTS]);
    assert_eq!(code(&hinted), UNWILLING, "{hinted:?}");
    assert_eq!(reset_as_service(&forest, &person.dn, again, &[]), Written::Done);
}

#[test]
fn an_unknown_critical_control_is_refused_so_that_the_known_one_proves_something() {
    let forest = forest();
    let person = fresh(&forest);
    let unknown = ["!1.2.840.113556.1.4.9999=MAMCAQE="];
    let answer = reset_as_service(&forest, &person.dn, "Second-Password-2024", &unknown);
    assert_eq!(code(&answer), CRITICAL_EXTENSION_UNAVAILABLE, "{answer:?}");
}

#[test]
fn the_service_account_may_unlock_and_demand_a_change_and_nothing_else() {
    let forest = forest();
    let person = fresh(&forest);
    let write = |attribute: &str, value: &str| {
        let dn = &person.dn;
        let ldif = format!(
            "dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n-\n"
        );
        forest.modify_as(&forest.service, &[], &ldif).unwrap()
    };
    assert_eq!(write("lockoutTime", "0"), Written::Done);
    assert_eq!(write("pwdLastSet", "0"), Written::Done);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), wrong("773"));
    assert_eq!(code(&write("description", "mine")), INSUFFICIENT_ACCESS);
    assert_eq!(code(&write("userAccountControl", "514")), INSUFFICIENT_ACCESS);
}

#[test]
fn the_service_account_has_no_right_over_the_administrator_or_itself() {
    let forest = forest();
    let base = &forest.base_dn;
    for dn in [
        format!("CN=Administrator,CN=Users,{base}"),
        format!("CN=Passback service account,OU=Service,{base}"),
    ] {
        let answer = reset_as_service(&forest, &dn, "Second-Password-2024", &[]);
        assert_eq!(code(&answer), INSUFFICIENT_ACCESS, "{dn}: {answer:?}");
    }
}

#[test]
fn a_person_changes_a_password_with_the_old_one_only() {
    let forest = forest();
    let person = fresh(&forest);
    let own = Credentials { login: person.login.clone(), password: person.password.clone() };
    let change = |old: &str| {
        let ldif = change_ldif(&person.dn, old, "Second-Password-2024");
        forest.modify_as(&own, &[], &ldif).unwrap()
    };
    assert_eq!(code(&change("Wrong-Password-1")), CONSTRAINT_VIOLATION);
    assert_eq!(change(&person.password), Written::Done);
    assert_eq!(forest.bind(&person.login, "Second-Password-2024").unwrap(), Bound::Accepted);
}

#[test]
fn the_fine_grained_policy_applies_and_the_password_under_it_is_too_young() {
    let forest = forest();
    let young = forest.person_of(Kind::Pso).unwrap();
    let hinted = reset_as_service(&forest, &young.dn, "Second-Password-2024", &[POLICY_HINTS]);
    assert_eq!(code(&hinted), UNWILLING, "{hinted:?}");
    assert_eq!(forest.bind(&young.login, &young.password).unwrap(), Bound::Accepted);
    let seen = Forest { administrator: forest.service.clone(), ..forest.clone() };
    let found = seen.search(&young.dn, "(objectClass=user)", &["msDS-ResultantPSO"]).unwrap();
    let settings = found[0].text("msDS-ResultantPSO").unwrap();
    let attribute = "msDS-MinimumPasswordAge";
    let policy = seen.search(settings, "(objectClass=*)", &[attribute]).unwrap();
    assert_eq!(policy[0].text(attribute), Some("-864000000000"), "a day, read by the service");
}

#[test]
fn people_of_special_kinds_are_in_the_directory_what_they_are_called() {
    let forest = forest();
    let value = |kind, attribute: &str| {
        let dn = &forest.person_of(kind).unwrap().dn;
        let found = forest.search(dn, "(objectClass=user)", &[attribute]).unwrap();
        found[0].text(attribute).map(str::to_owned)
    };
    assert_eq!(value(Kind::AdmincountOrphan, "adminCount").as_deref(), Some("1"));
    assert_eq!(value(Kind::AdmincountOrphan, "memberOf"), None);
    assert_eq!(value(Kind::ProtectedNested, "adminCount"), None);
    let admins = format!("CN=Domain Admins,CN=Users,{}", forest.base_dn);
    // LDAP_MATCHING_RULE_IN_CHAIN: members by way of other groups too (MS-ADTS 3.1.1.3.4.4.3).
    let filter = format!("(memberOf:1.2.840.113556.1.4.1941:={admins})");
    let nested = &forest.person_of(Kind::ProtectedNested).unwrap().dn;
    assert_eq!(forest.search(nested, &filter, &["cn"]).unwrap().len(), 1);
    let anna = forest.person("anna").unwrap();
    let found = forest.search(&anna.dn, "(objectClass=user)", &["otherMailbox", "mail"]).unwrap();
    assert_eq!(found[0].text("otherMailbox"), Some(anna.private_mail.as_str()));
    assert_eq!(found[0].text("mail"), Some(anna.mail.as_str()));
}

#[test]
fn fresh_accounts_can_be_special_and_have_any_name() {
    let forest = forest();
    let with = |new: NewPerson| forest.add_person(&new).unwrap();
    let disabled = with(NewPerson { disabled: true, ..NewPerson::default() });
    assert_eq!(forest.bind(&disabled.login, &disabled.password).unwrap(), wrong("533"));
    let due = with(NewPerson { must_change: true, ..NewPerson::default() });
    assert_eq!(forest.bind(&due.login, &due.password).unwrap(), wrong("773"));
    let name = format!(r#" Zoë, "+#<>;=/\ {} "#, due.login);
    let named = with(NewPerson {
        name: Some(name.clone()),
        admin_count: true,
        member_of: vec!["Helpdesk Leads".to_owned()],
        ..NewPerson::default()
    });
    assert_eq!(forest.bind(&named.dn, &named.password).unwrap(), Bound::Accepted);
    let filter = format!("(sAMAccountName={})", named.login);
    let attributes = ["cn", "adminCount", "memberOf", "objectGUID"];
    let found = forest.search(&forest.base_dn, &filter, &attributes).unwrap();
    assert_eq!(found[0].text("cn"), Some(name.as_str()));
    assert_eq!(found[0].text("adminCount"), Some("1"));
    assert!(found[0].text("memberOf").unwrap().starts_with("CN=Helpdesk Leads,"));
    assert_eq!(found[0].object_guid(), Some(named.object_guid));
}

#[test]
fn a_password_against_the_policy_makes_no_account() {
    let weak = NewPerson { password: "short".to_owned(), ..NewPerson::default() };
    assert!(forest().add_person(&weak).is_err());
}

#[test]
fn another_authority_does_not_vouch_for_the_controller() {
    let forest = forest();
    let file = std::env::temp_dir().join(format!("lab-other-ca-{}.pem", std::process::id()));
    std::fs::write(&file, Authority::create().unwrap().pem()).unwrap();
    let fooled = Forest { ca_file: file.clone(), ..forest.clone() };
    let Credentials { login, password } = &forest.administrator;
    let answer = fooled.bind(login, password);
    std::fs::remove_file(&file).unwrap();
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(forest.bind(login, password).unwrap(), Bound::Accepted);
}

#[test]
fn its_dns_names_the_controller_that_holds_the_pdc_role() {
    let forest = forest();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // One question for SRV (type 33, class 1), recursion not desired (RFC 1035 4.1).
    let mut question = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in format!("_ldap._tcp.pdc._msdcs.{}", forest.domain).split('.') {
        question.push(u8::try_from(label.len()).unwrap());
        question.extend(label.bytes());
    }
    question.extend([0, 0, 33, 0, 1]);
    socket.send_to(&question, forest.dns_address).unwrap();
    let mut answer = [0; 512];
    let (length, _) = socket.recv_from(&mut answer).unwrap();
    assert_eq!(answer[3] & 0x0f, 0, "no error");
    assert!(u16::from_be_bytes([answer[6], answer[7]]) >= 1, "at least one answer");
    let names = String::from_utf8_lossy(&answer[question.len()..length]).to_lowercase();
    assert!(names.contains("dc1"), "{names}");
}
