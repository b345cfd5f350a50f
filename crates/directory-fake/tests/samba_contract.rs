//! The contract suite on a real Active Directory: the lab's Samba domain controller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

#[macro_use]
mod suite;

mod samba_subject;

use std::collections::HashMap;
use std::sync::Arc;

use clock::SystemClock;
use directory::{DistinguishedName, ObjectGuid, SetError};
use directory_fake::FakePolicy;
use lab::{Bound, Credentials, Forest, Person};
use protocol::Randomness as _;
use samba_subject::Samba;
use suite::matrix::cells::Edition;
use suite::seeded::Seeded;
use suite::{LATER, Subject, guid, password, somebody};

contract! { samba() }

async fn samba() -> Samba {
    Samba::of(Forest::of_running_lab().unwrap(), Edition::Samba)
}

/// Everything by which a person is told from another, but the GUID.
fn told(people: &[Person]) -> Vec<(String, String, DistinguishedName, String, String, String)> {
    let told = |person: &Person| {
        let person = person.clone();
        let special = format!("{:?} {} {}", person.kind, person.disabled, person.password);
        let dn = person.dn.parse().unwrap();
        (person.login, person.display_name, dn, person.mail, person.private_mail, special)
    };
    people.iter().map(told).collect()
}

#[tokio::test]
async fn the_fake_has_the_lab_s_people() {
    let (lab, fake) = (samba().await, suite::fake::direct().await);
    assert_eq!(told(&fake.people()), told(&lab.people()));
    assert_eq!(
        (fake.population.service.clone(), fake.head()),
        (lab.forest.service.clone(), lab.head())
    );
    assert_eq!(fake.population.administrator, lab.forest.administrator);
}

/// The numbers by which entries of a descriptor name attributes and classes.
#[tokio::test]
async fn the_fake_names_attributes_as_the_lab_s_schema() {
    let forest = samba().await.forest;
    let schema = format!("CN=Schema,CN=Configuration,{}", forest.base_dn);
    let asked = ["lDAPDisplayName", "schemaIDGUID", "attributeSecurityGUID"];
    let there = forest.search(&schema, "(objectClass=attributeSchema)", &asked).unwrap();
    let guid = |entry: &lab::Entry, name| {
        entry.value(name).map(|value| ObjectGuid::from_value(value).unwrap())
    };
    let there: HashMap<_, _> = there
        .iter()
        .map(|one| {
            let (attribute, set) = (guid(one, "schemaIDGUID"), guid(one, "attributeSecurityGUID"));
            (one.text("lDAPDisplayName").unwrap(), (attribute.unwrap(), set))
        })
        .collect();
    let mut known = 0;
    for (name, property) in directory_fake::properties() {
        assert_eq!(there.get(name), Some(&(property.attribute, property.set)), "{name}");
        known += 1;
    }
    assert!(known > 60, "{known}");
}

fn number(seeded: &Seeded, below: usize) -> usize {
    let mut bytes = [0; 4];
    seeded.fill(&mut bytes);
    u32::from_le_bytes(bytes) as usize % below
}

/// A password of a few characters that are likely to decide something.
fn made_up(seeded: &Seeded) -> String {
    const PARTS: [&str; 14] =
        ["a", "b", "A", "Z", "1", "9", "!", "\"", " ", "é", "É", "密", "😀", "test"];
    let length = 1 + number(seeded, 12);
    (0..length).map(|_| PARTS[number(seeded, PARTS.len())]).collect()
}

/// One person on each side lives through the same: the same are taken, the same are refused, and
/// with the same result.
#[tokio::test]
async fn the_fake_and_samba_judge_the_same_passwords_alike() {
    const SEED: u64 = 20_241;
    let (lab, fake) = (samba().await, suite::fake::served().await);
    let policies = [
        None,
        Some(FakePolicy { history_length: 2, minimum_length: 3, ..FakePolicy::default() }),
        Some(FakePolicy {
            complexity: false,
            minimum_length: 5,
            history_length: 0,
            ..FakePolicy::default()
        }),
    ];
    for (place, policy) in policies.iter().enumerate() {
        let seeded = Seeded::new(SEED + place as u64);
        let people = [somebody(&lab), somebody(&fake)];
        for (subject, person) in [&lab as &dyn Subject, &fake].into_iter().zip(&people) {
            if let Some(policy) = policy {
                subject.add_settings(policy, 20, &person.login);
            }
        }
        let clients = [lab.directory(), fake.directory()];
        let mut earlier: Vec<String> = Vec::new();
        for step in 0..60 {
            // Every third one is one of the last few.
            let text = match number(&seeded, 3) {
                0 if !earlier.is_empty() => {
                    earlier[earlier.len() - 1 - number(&seeded, earlier.len().min(4))].clone()
                }
                _ => made_up(&seeded),
            };
            let mut answers = Vec::new();
            for (client, person) in clients.iter().zip(&people) {
                let set = client.set_password(guid(person), &password(&text), LATER).await;
                answers.push(match set {
                    Ok(()) => None,
                    Err(SetError::Refused(refusal)) => Some((refusal.result, refusal.code)),
                    Err(error) => panic!("{error}"),
                });
            }
            assert_eq!(
                answers[0], answers[1],
                "seed {SEED}, policy {place}, step {step}, {text:?}"
            );
            if answers[0].is_none() {
                earlier.push(text);
            }
        }
    }
}

/// OpenLDAP's clients, which are not ours, take the fake for a directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openldap_s_clients_can_work_with_the_fake() {
    let population =
        directory_fake::Population::corp(Arc::new(SystemClock), Arc::new(Seeded::new(3))).unwrap();
    let authority = lab::Authority::create().unwrap();
    let served = directory_fake::Served::start(&population.domain, &authority).await.unwrap();
    let ca_file = std::env::temp_dir().join(format!("passback-fake-{}.pem", std::process::id()));
    let forest = served.forest(&population, &ca_file).unwrap();
    // This blocks the test's own thread; the fake answers on the others.
    let anna = forest.people[0].clone();
    assert_eq!(forest.bind(&anna.login, &anna.password).unwrap(), Bound::Accepted);
    let wrong = Bound::Refused { sub_code: "52e".to_owned() };
    assert_eq!(forest.bind(&anna.login, "wrong").unwrap(), wrong);
    let reset = lab::reset_ldif(&anna.dn, "Second-Password-1");
    let hints = [lab::POLICY_HINTS];
    let set = |who| forest.modify_as(who, &hints, &reset).unwrap();
    assert_eq!(set(&forest.service), lab::Written::Done);
    // It is the present one now.
    let lab::Written::Refused { code, text } = set(&forest.service) else { panic!("done") };
    assert!(code == 53 && text.contains("0000052D"), "{code} {text}");
    let change = lab::change_ldif(&anna.dn, "Second-Password-1", "Third-Password-1");
    let own = Credentials { login: anna.login, password: "Second-Password-1".to_owned() };
    assert_eq!(forest.modify_as(&own, &[], &change).unwrap(), lab::Written::Done);
    let filter = "(&(objectCategory=person)(displayName=*zoë*))";
    let found = forest.search(&forest.base_dn, filter, &["sAMAccountName"]).unwrap();
    let logins: Vec<_> = found.iter().filter_map(|one| one.text("sAMAccountName")).collect();
    assert_eq!(logins, ["zoe", "alles"]);
    forest.replace(&anna.dn, "description", "changed").unwrap();
    let found = forest.search(&anna.dn, "(objectClass=*)", &[]).unwrap();
    assert_eq!(found[0].text("description"), Some("changed"));
    std::fs::remove_file(ca_file).unwrap();
}
