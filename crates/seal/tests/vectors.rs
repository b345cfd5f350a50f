//! The vectors that are checked in open, and whatever is not random in them is made again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod common;

use std::collections::BTreeSet;

use common::low_level::{derive, open_answer_layer};
use common::{Replay, Vectors, answer_from_json, header_from_json, hex, text, unhex, variants};
use protocol::{ClearPassword, Outcome, Passwords, Purpose};
use seal::{PublicKey, open_answer, open_passwords, open_request, seal_answer, seal_passwords};
use seal::{VerifyingKey, seal_request};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/package.md");

fn bytes(json: &Value, name: &str) -> Vec<u8> {
    unhex(text(json, name))
}

#[test]
fn the_keys_of_the_vectors_have_the_ids_and_derived_keys_that_stand_there() {
    let vectors = Vectors::read();
    let keys = &vectors.json["keys"];
    let public = vectors.agent.keys.current().pair.public();
    assert_eq!(hex(public.spki()), text(keys, "rsa_spki"));
    assert_eq!(public.key_id().to_string(), text(keys, "rsa_key_id"));
    let identity = vectors.agent.identity.verifying_key();
    assert_eq!(hex(&identity.to_bytes()), text(keys, "identity_public"));
    let key = vectors.agent.package_key();
    let fingerprint = derive(key, "passback v1 key fingerprint");
    assert_eq!(hex(&fingerprint), text(keys, "package_key_fingerprint"));
    assert_eq!(key.key_id().unwrap().to_string(), text(keys, "package_key_id"));
    assert_eq!(hex(&derive(key, "passback v1 answer key")), text(keys, "answer_key"));
}

#[test]
fn the_packages_of_the_vectors_open() {
    let vectors = Vectors::read();
    for vector in vectors.packages() {
        let keys = &vectors.agent.keys;
        let request = open_request(keys, &bytes(vector, "package")).unwrap();
        assert_eq!(request.header, header_from_json(&vector["header"]));
        assert_eq!(hex(&request.inner), text(vector, "inner"));
        assert_eq!(request.package_key_id, vectors.agent.package_key().key_id().unwrap());
        let passwords = open_passwords(keys, &request).unwrap();
        assert_eq!(passwords.new_one().unwrap().to_text().as_str(), text(vector, "password"));
    }
}

#[test]
fn the_packages_of_the_vectors_are_made_again_but_for_the_padding_of_oaep() {
    let vectors = Vectors::read();
    let public = PublicKey::from_spki(&bytes(&vectors.json["keys"], "rsa_spki")).unwrap();
    for vector in vectors.packages() {
        let header = header_from_json(&vector["header"]);
        assert_eq!(hex(&header.encode()), text(vector, "header_cbor"));
        for (purpose, name) in [
            (Purpose::Password, "password_associated_data"),
            (Purpose::Request, "request_associated_data"),
        ] {
            assert_eq!(hex(&header.associated_data(purpose)), text(vector, name));
        }
        let password = ClearPassword::from_text(text(vector, "password")).unwrap();
        let password = Passwords::New(password);
        assert_eq!(hex(&password.to_area()), text(vector, "area"));

        let drawn = Replay::of(&[&bytes(vector, "content_key"), &bytes(vector, "inner_nonce")]);
        let again = seal_passwords(&public, &header, &password, &drawn).unwrap();
        let inner = bytes(vector, "inner");
        assert_eq!(without_wrapped_key(&again), without_wrapped_key(&inner));

        let drawn = Replay::of(&[&bytes(vector, "outer_nonce")]);
        let key = vectors.agent.package_key();
        let package = seal_request(key, &header, &inner, &drawn).unwrap();
        assert_eq!(hex(&package), text(vector, "package"));
    }
}

#[test]
fn the_answers_of_the_vectors_open_and_are_made_again() {
    let vectors = Vectors::read();
    let (key, identity) = (vectors.agent.package_key(), &vectors.agent.identity);
    let public = bytes(&vectors.json["keys"], "identity_public");
    let public = VerifyingKey::from_bytes(&public).unwrap();
    for vector in vectors.answers() {
        let header = header_from_json(&vector["header"]);
        let data = header.associated_data(Purpose::Answer);
        assert_eq!(hex(&data), text(vector, "answer_associated_data"));
        let answer = answer_from_json(&vector["answer"]);
        let sealed = bytes(vector, "sealed");
        assert_eq!(open_answer(key, &public, &header, &sealed).unwrap(), answer);
        let encoded = answer.encode();
        assert_eq!(hex(&encoded), text(vector, "answer_cbor"));
        let signed = open_answer_layer(key, &data, &sealed);
        assert_eq!(hex(&signed), text(vector, "signed"));
        let area = variants::value(&signed).as_array().unwrap()[2].as_bytes().unwrap().clone();
        assert_eq!(hex(&area), text(vector, "answer_area"));
        assert_eq!(area[2..2 + encoded.len()], encoded);
        // Ed25519 signs without randomness, so the whole answer comes out the same.
        let drawn = Replay::of(&[&bytes(vector, "nonce")]);
        let again = seal_answer(key, identity, &header, &answer, &drawn).unwrap();
        assert_eq!(hex(&again), text(vector, "sealed"));
    }
}

/// Somebody who implements the format looks for the hard cases here.
#[test]
fn the_vectors_have_the_hard_cases() {
    let vectors = Vectors::read();
    let units: Vec<_> = vectors
        .packages()
        .map(|vector| ClearPassword::from_text(text(vector, "password")).unwrap().units())
        .collect();
    assert_eq!(units, [17, 256, 191, 192]);
    let large = text(vectors.packages().nth(1).unwrap(), "password");
    assert!(large.contains('😀') && large.contains('密') && large.contains('\u{301}'));
    let full = vectors.answers().next().unwrap()["answer"].as_object().unwrap();
    assert!(full.values().all(|value| !value.is_null() && *value != false));
}

/// The page shows the keys, the small package and the full answer in every step.
#[test]
fn the_page_shows_the_vectors() {
    let vectors = Vectors::read();
    let shown: String = PAGE.chars().filter(|character| !character.is_whitespace()).collect();
    let objects = [
        &vectors.json["keys"],
        vectors.packages().next().unwrap(),
        vectors.answers().next().unwrap(),
    ];
    for (name, value) in objects.into_iter().flat_map(|object| object.as_object().unwrap()) {
        if let Some(value) = value.as_str().filter(|_| name != "name") {
            let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
            assert!(shown.contains(&value), "docs/package.md does not show {name}: {value}");
        }
    }
    for vector in vectors.packages() {
        let size = bytes(vector, "package").len();
        assert!(PAGE.contains(&format!("| {} | {size} |", text(vector, "name"))));
    }
    for vector in vectors.answers() {
        let size = bytes(vector, "sealed").len();
        assert!(PAGE.contains(&format!("| {} | {size} |", text(vector, "name"))));
    }
}

#[test]
fn the_page_lists_the_outcomes_of_an_answer_and_no_others() {
    let (_, after) = PAGE.split_once("### Outcomes").unwrap();
    let (section, _) = after.split_once("\n### ").unwrap();
    let listed: BTreeSet<_> = section.split('`').skip(1).step_by(2).collect();
    assert_eq!(listed, Outcome::answers().map(Outcome::name).collect());
}

/// An inner structure with zeros for the wrapped key, which differs every time.
fn without_wrapped_key(inner: &[u8]) -> Vec<u8> {
    let zeros = ciborium::Value::Bytes(vec![0; 256]);
    variants::bytes(&variants::with(&variants::value(inner), &[3, 0, 2], zeros))
}
