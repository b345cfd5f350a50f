//! The package as a whole: what is sealed opens, has one of two sizes, and opens for nobody and
//! nothing else (SPEC K-1, K-2).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod common;

use std::collections::BTreeSet;

use ciborium::Value;
use common::{Agent, Seeded, headers_that_differ_in_one_field, variants};
use protocol::limits::{PACKAGE_MAX, PACKAGE_SMALL_MAX};
use protocol::{Answer, ClearPassword, Details, Header, KeyId, Outcome, Passwords, Timestamp};
use seal::{
    AgentKeys, KeyPair, OpenedRequest, PackageKey, PublicKey, SealError, SigningKey, open_answer,
    open_passwords, open_request, seal_answer, seal_passwords, seal_request,
};

fn text(password: &str) -> Passwords {
    Passwords::New(ClearPassword::from_text(password).unwrap())
}

fn package(agent: &Agent, header: &Header, password: &Passwords, random: &Seeded) -> Vec<u8> {
    let public = agent.keys.current().pair.public();
    let inner = seal_passwords(public, header, password, random).unwrap();
    seal_request(agent.package_key(), header, &inner, random).unwrap()
}

/// Both layers, as an agent opens them.
fn open(keys: &AgentKeys, package: &[u8]) -> Result<(Header, String), SealError> {
    let request = open_request(keys, package)?;
    let passwords = open_passwords(keys, &request)?;
    Ok((request.header, passwords.new_one().unwrap().to_text().to_string()))
}

fn answer(outcome: Outcome) -> Answer {
    let details = Details {
        minimum_length: Some(u32::MAX),
        history_length: Some(u32::MAX),
        not_before: Some(Timestamp::from_millis(i64::MIN)),
        inferred: true,
    };
    Answer { outcome, details, finished_at: Timestamp::from_millis(i64::MAX) }
}

#[test]
fn what_is_sealed_opens_with_its_header() {
    let random = Seeded::new(1);
    let agent = Agent::new(&random);
    let header = agent.header();
    let passwords = [
        "x".to_owned(),
        "Correct Horse 7".to_owned(),
        // Two forms of the same letter: nothing is normalised.
        "\u{e9}e\u{301}".to_owned(),
        "päßwörd 密碼 😀\u{1}\u{ffff}".to_owned(),
        "a".repeat(191),
        "a".repeat(192),
        "😀".repeat(128),
        "密".repeat(256),
    ];
    for password in passwords {
        let package = package(&agent, &header, &text(&password), &random);
        let (bound_to, opened) = open(&agent.keys, &package).unwrap();
        assert_eq!(opened, password);
        assert_eq!(bound_to, header);
    }
}

/// The sizes are those of the table in docs/package.md.
#[test]
fn a_package_has_one_of_two_sizes_whatever_the_password() {
    let random = Seeded::new(2);
    let agent = Agent::new(&random);
    let usual = agent.header();
    let shortest = Header { cloud_anchor: "x".parse().unwrap(), ..usual.clone() };
    let longest = Header {
        cloud_anchor: "x".repeat(64).parse().unwrap(),
        issued_at: Timestamp::from_millis(i64::MIN),
        expires_at: Timestamp::from_millis(i64::MAX),
        ..usual.clone()
    };
    for (header, measured) in
        [(shortest, [867, 1_635]), (usual, [903, 1_671]), (longest, [931, 1_699])]
    {
        for units in 1..=256 {
            for letter in ["a", "密"] {
                let password = text(&letter.repeat(units));
                let large = usize::from(units > 191);
                let package = package(&agent, &header, &password, &random);
                assert!(package.len() <= [PACKAGE_SMALL_MAX, PACKAGE_MAX][large], "{units} units");
                assert_eq!(package.len(), measured[large], "{units} units");
            }
        }
    }
}

#[test]
fn every_answer_opens_and_all_have_one_size() {
    let random = Seeded::new(3);
    let agent = Agent::new(&random);
    let header = agent.header();
    let mut sizes = BTreeSet::new();
    for outcome in Outcome::answers() {
        let bare = Answer { details: Details::default(), ..answer(outcome) };
        for answer in [bare, answer(outcome)] {
            let key = agent.package_key();
            let sealed = seal_answer(key, &agent.identity, &header, &answer, &random).unwrap();
            let identity = agent.identity.verifying_key();
            assert_eq!(open_answer(key, &identity, &header, &sealed).unwrap(), answer);
            sizes.insert(sealed.len());
        }
    }
    assert_eq!(sizes, BTreeSet::from([290]));
}

#[test]
fn a_package_with_one_header_field_replaced_is_refused() {
    let random = Seeded::new(4);
    let agent = Agent::new(&random);
    let header = agent.header();
    let package = package(&agent, &header, &text("Correct Horse 7"), &random);
    let (_, outer) = variants::parts(&package);
    for (field, other) in headers_that_differ_in_one_field(&header) {
        let moved = variants::package(&other.encode(), &outer);
        let refusal = open_request(&agent.keys, &moved).err();
        assert_eq!(refusal, Some(SealError::NotAuthentic("package")), "{field}");
    }
}

#[test]
fn every_label_of_the_header_is_bound() {
    let random = Seeded::new(5);
    let agent = Agent::new(&random);
    let package = package(&agent, &agent.header(), &text("Correct Horse 7"), &random);
    let (header, outer) = variants::parts(&package);
    let labels = variants::value(&header).into_map().unwrap();
    assert_eq!(labels.len(), 9);
    for at in 0..labels.len() {
        let mut changed = labels.clone();
        changed[at].1 = match changed[at].1.clone() {
            Value::Integer(number) => Value::from(i64::try_from(number).unwrap() + 1),
            Value::Bytes(bytes) => Value::Bytes(bytes.into_iter().rev().map(|b| b ^ 1).collect()),
            Value::Text(text) => Value::Text(text + "x"),
            other => panic!("no field has the form of {other:?}"),
        };
        let moved = variants::package(&variants::bytes(&Value::Map(changed)), &outer);
        assert!(open_request(&agent.keys, &moved).is_err(), "label {}", at + 1);
    }
}

/// Whoever holds the package key (the cloud service, or a thief of it) can write an outer layer,
/// but cannot use a person's password for another person, request or time.
#[test]
fn a_sealed_password_cannot_be_moved_below_another_header() {
    let random = Seeded::new(6);
    let agent = Agent::new(&random);
    let header = agent.header();
    let public = agent.keys.current().pair.public();
    let inner = seal_passwords(public, &header, &text("Correct Horse 7"), &random).unwrap();
    let moved = |header: &Header| {
        let package = seal_request(agent.package_key(), header, &inner, &random)?;
        open_request(&agent.keys, &package)
    };
    for (field, other) in headers_that_differ_in_one_field(&header) {
        let request = match moved(&other) {
            // Refused before it is in a package; a thief of the key would not be that careful.
            Err(SealError::NotAuthentic("inner layer")) if field == "key id" => OpenedRequest {
                header: other,
                inner: inner.clone(),
                package_key_id: agent.package_key().key_id().unwrap(),
            },
            moved => moved.unwrap(),
        };
        let refusal = open_passwords(&agent.keys, &request).err();
        assert_eq!(refusal, Some(SealError::NotAuthentic("inner layer")), "{field}");
    }
}

/// So the cloud service sees a mix-up of agents, or of an agent's generations, before it sends.
#[test]
fn an_inner_structure_for_another_key_than_the_header_names_is_not_put_into_a_package() {
    let random = Seeded::new(15);
    let (agent, other) = (Agent::new(&random), Agent::new(&random));
    let header = agent.header();
    let seal = |public: &PublicKey| {
        let inner = seal_passwords(public, &header, &text("Correct Horse 7"), &random).unwrap();
        seal_request(agent.package_key(), &header, &inner, &random)
    };
    assert!(seal(agent.keys.current().pair.public()).is_ok());
    let refusal = seal(other.keys.current().pair.public()).err();
    assert_eq!(refusal, Some(SealError::NotAuthentic("inner layer")));
}

#[test]
fn an_answer_counts_only_for_its_own_request() {
    let random = Seeded::new(7);
    let agent = Agent::new(&random);
    let header = agent.header();
    let (key, identity) = (agent.package_key(), agent.identity.verifying_key());
    let answer = answer(Outcome::PasswordChanged);
    let sealed = seal_answer(key, &agent.identity, &header, &answer, &random).unwrap();
    for (field, other) in headers_that_differ_in_one_field(&header) {
        let refusal = open_answer(key, &identity, &other, &sealed).err();
        assert_eq!(refusal, Some(SealError::NotAuthentic("answer")), "{field}");
    }
}

#[test]
fn an_answer_that_another_agent_signed_or_sealed_is_refused() {
    let random = Seeded::new(8);
    let agent = Agent::new(&random);
    let header = agent.header();
    let (key, identity) = (agent.package_key(), agent.identity.verifying_key());
    let answer = answer(Outcome::PasswordChanged);
    let other_identity = SigningKey::generate().unwrap();
    let sealed = seal_answer(key, &other_identity, &header, &answer, &random).unwrap();
    assert_eq!(open_answer(key, &identity, &header, &sealed).err(), Some(SealError::Signature));
    let other_key = PackageKey::generate(&random);
    let sealed = seal_answer(&other_key, &agent.identity, &header, &answer, &random).unwrap();
    let refusal = open_answer(key, &identity, &header, &sealed).err();
    assert_eq!(refusal, Some(SealError::UnknownKey("answer")));
}

/// The relay carries packages in the one direction and answers in the other: neither is ever
/// taken for the other.
#[test]
fn a_package_is_no_answer_and_an_answer_no_package() {
    let random = Seeded::new(9);
    let agent = Agent::new(&random);
    let header = agent.header();
    let (key, identity) = (agent.package_key(), agent.identity.verifying_key());
    let package = package(&agent, &header, &text("Correct Horse 7"), &random);
    let (_, outer) = variants::parts(&package);
    let reflected = open_answer(key, &identity, &header, &variants::bytes(&outer)).err();
    assert_eq!(reflected, Some(SealError::NotAuthentic("answer")));
    let answer = answer(Outcome::PasswordChanged);
    let sealed = seal_answer(key, &agent.identity, &header, &answer, &random).unwrap();
    let reflected = variants::package(&header.encode(), &variants::value(&sealed));
    let refusal = open_request(&agent.keys, &reflected).err();
    assert_eq!(refusal, Some(SealError::NotAuthentic("package")));
}

#[test]
fn a_stranger_who_knows_the_public_key_cannot_make_a_package() {
    let random = Seeded::new(10);
    let agent = Agent::new(&random);
    let header = agent.header();
    // All that a page shows: the public key, its id, and a header.
    let public = PublicKey::from_spki(agent.keys.current().pair.public().spki()).unwrap();
    let inner = seal_passwords(&public, &header, &text("Chosen by me 1"), &random).unwrap();
    let strange_key = PackageKey::generate(&random);
    let package = seal_request(&strange_key, &header, &inner, &random).unwrap();
    let refusal = open_request(&agent.keys, &package).err();
    assert_eq!(refusal, Some(SealError::UnknownKey("package")));

    // The id of the true key is no secret, so it may as well be there.
    let (bytes, outer) = variants::parts(&package);
    let nonce = outer.as_array().unwrap()[1].as_map().unwrap()[1].clone();
    let true_id = agent.package_key().key_id().unwrap().to_bytes().to_vec();
    let named = vec![(Value::from(4), Value::Bytes(true_id)), nonce];
    let outer = variants::with(&outer, &[1], Value::Map(named));
    let refusal = open_request(&agent.keys, &variants::package(&bytes, &outer)).err();
    assert_eq!(refusal, Some(SealError::NotAuthentic("package")));

    // Nor does the inner structure do without an outer one.
    let bare = variants::package(&bytes, &variants::value(&inner));
    assert_eq!(open_request(&agent.keys, &bare).err(), Some(SealError::Malformed("package")));
    assert_eq!(open_request(&agent.keys, &inner).err(), Some(SealError::Malformed("package")));
}

#[test]
fn a_package_for_another_agent_is_refused() {
    let random = Seeded::new(11);
    let (agent, other) = (Agent::new(&random), Agent::new(&random));
    let for_agent = package(&agent, &agent.header(), &text("Correct Horse 7"), &random);
    assert_eq!(open(&other.keys, &for_agent), Err(SealError::UnknownKey("package")));
    // Even under a package key that both were given, the password stays closed.
    let pair = KeyPair::from_pkcs8(other.keys.current().pair.to_pkcs8()).unwrap();
    let keys = AgentKeys::new(pair, agent.package_key().clone());
    assert_eq!(open(&keys, &for_agent), Err(SealError::UnknownKey("inner layer")));
    let request = open_request(&keys, &for_agent).unwrap();
    let renamed = Header { key_id: keys.current().pair.public().key_id(), ..request.header };
    let request = OpenedRequest { header: renamed, ..request };
    let refusal = open_passwords(&keys, &request).err();
    assert_eq!(refusal, Some(SealError::NotAuthentic("inner layer")));
}

#[test]
fn the_previous_generation_opens_until_it_is_destroyed() {
    let random = Seeded::new(12);
    let old = Agent::new(&random);
    let package = package(&old, &old.header(), &text("Correct Horse 7"), &random);
    let old_id = old.package_key().key_id().unwrap();

    let (pair, key) = (KeyPair::generate().unwrap(), PackageKey::generate(&random));
    let previous = KeyPair::from_pkcs8(old.keys.current().pair.to_pkcs8()).unwrap();
    let rolled = AgentKeys::new(pair, key).with_previous(previous, old.package_key().clone());
    assert_eq!(open(&rolled, &package).unwrap().1, "Correct Horse 7");
    // The answer goes back under the generation that the package came under.
    let request = open_request(&rolled, &package).unwrap();
    assert_eq!(request.package_key_id, old_id);
    let answer_key = rolled.package_key(request.package_key_id).unwrap();
    let answer = answer(Outcome::PasswordChanged);
    let sealed = seal_answer(answer_key, &old.identity, &request.header, &answer, &random).unwrap();
    let identity = old.identity.verifying_key();
    assert!(open_answer(old.package_key(), &identity, &old.header(), &sealed).is_ok());

    let (pair, key) = (KeyPair::generate().unwrap(), PackageKey::generate(&random));
    let destroyed = AgentKeys::new(pair, key);
    assert_eq!(open(&destroyed, &package), Err(SealError::UnknownKey("package")));
    assert!(destroyed.package_key(old_id).is_none());
}

#[test]
fn two_packages_of_one_password_have_nothing_in_common_but_the_header() {
    let random = Seeded::new(13);
    let agent = Agent::new(&random);
    let [one, two] = [(); 2]
        .map(|()| package(&agent, &agent.header(), &text("Correct Horse 7"), &random))
        .map(|package| variants::parts(&package).1);
    let part = |outer: &Value, index: usize| variants::bytes(&outer.as_array().unwrap()[index]);
    assert_ne!(part(&one, 1), part(&two, 1), "nonce");
    let (one, two) = (part(&one, 2), part(&two, 2));
    let alike = one.iter().zip(&two).filter(|(a, b)| a == b).count();
    assert!(alike < one.len() / 16, "{alike} of {} bytes are the same", one.len());
}

#[test]
fn a_key_id_is_half_a_hash_and_never_the_key() {
    let random = Seeded::new(14);
    let agent = Agent::new(&random);
    let public = agent.keys.current().pair.public();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, public.spki());
    assert_eq!(public.key_id(), KeyId::from_bytes(hash.as_ref()[..16].try_into().unwrap()));
    let key = agent.package_key();
    let plain = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
    assert_ne!(key.key_id().unwrap().to_bytes(), plain.as_ref()[..16]);
}
