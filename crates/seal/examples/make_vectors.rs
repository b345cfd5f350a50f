//! Prints the vectors of the package format, as they stand in `vectors/v1.json`.
//!
//! RSA keys, the agent identity and OAEP padding are drawn anew by the cryptographic library, so
//! every run gives other vectors; those checked in are one run, kept for ever. Everything else is
//! seeded, and the tests in `tests/vectors.rs` make it again.
#![allow(missing_docs, reason = "an example has no items for others")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::error::Error;
use std::io::Write as _;

use common::low_level::{derive, open_answer_layer};
use common::{Agent, Replay, Seeded, hex, variants};
use protocol::{
    Answer, ClearPassword, Details, Header, Outcome, Passwords, Purpose, Randomness as _, Timestamp,
};
use seal::{seal_answer, seal_passwords, seal_request};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let random = Seeded::new(1);
    let agent = Agent::new(&random);
    let usual = agent.header();
    // A cloudAnchor of the greatest length, and times whose numbers are short.
    let unusual = Header {
        cloud_anchor: "~".repeat(64).parse()?,
        issued_at: Timestamp::from_millis(-1),
        expires_at: Timestamp::from_millis(179_999),
        ..usual.clone()
    };
    let large = format!("Größe-密碼-Ω-e\u{301}-{}ab", "😀".repeat(120));
    let packages = [
        package(&agent, "small", &usual, "Correct Horse 7 é", &random)?,
        package(&agent, "large", &usual, &large, &random)?,
        package(&agent, "longest in the small area", &unusual, &"密".repeat(191), &random)?,
        package(&agent, "shortest in the large area", &unusual, &"x".repeat(192), &random)?,
    ];
    let full = Answer {
        outcome: Outcome::PolicyTooYoung,
        details: Details {
            minimum_length: Some(14),
            history_length: Some(24),
            not_before: Some(Timestamp::from_millis(1_795_386_400_000)),
            inferred: true,
        },
        finished_at: Timestamp::from_millis(1_795_300_004_321),
    };
    let bare = Answer { outcome: Outcome::PasswordChanged, details: Details::default(), ..full };
    let answers = [
        answer(&agent, "all details", &usual, &full, &random)?,
        answer(&agent, "no details", &unusual, &bare, &random)?,
    ];
    let vectors = json!({ "keys": keys(&agent)?, "packages": packages, "answers": answers });
    writeln!(std::io::stdout(), "{vectors:#}")?;
    Ok(())
}

fn keys(agent: &Agent) -> Result<Value, Box<dyn Error>> {
    let pair = &agent.keys.current().pair;
    let package_key = agent.package_key();
    Ok(json!({
        "rsa_pkcs8": hex(pair.to_pkcs8()),
        "rsa_spki": hex(pair.public().spki()),
        "rsa_key_id": hex(&pair.public().key_id().to_bytes()),
        "identity_pkcs8": hex(agent.identity.to_pkcs8()),
        "identity_public": hex(&agent.identity.verifying_key().to_bytes()),
        "package_key": hex(package_key.as_bytes()),
        "package_key_fingerprint": hex(&derive(package_key, "passback v1 key fingerprint")),
        "package_key_id": hex(&package_key.key_id()?.to_bytes()),
        "answer_key": hex(&derive(package_key, "passback v1 answer key")),
    }))
}

fn package(
    agent: &Agent,
    name: &str,
    header: &Header,
    text: &str,
    random: &Seeded,
) -> Result<Value, Box<dyn Error>> {
    let password = Passwords::New(ClearPassword::from_text(text)?);
    let (mut content_key, mut inner_nonce, mut outer_nonce) = ([0; 32], [0; 12], [0; 12]);
    random.fill(&mut content_key);
    random.fill(&mut inner_nonce);
    random.fill(&mut outer_nonce);
    let public = agent.keys.current().pair.public();
    let drawn = Replay::of(&[&content_key, &inner_nonce]);
    let inner = seal_passwords(public, header, &password, &drawn)?;
    let package = seal_request(agent.package_key(), header, &inner, &Replay::of(&[&outer_nonce]))?;
    Ok(json!({
        "name": name,
        "header": common::header_json(header),
        "header_cbor": hex(&header.encode()),
        "password": text,
        "area": hex(&password.to_area()),
        "password_associated_data": hex(&header.associated_data(Purpose::Password)),
        "content_key": hex(&content_key),
        "inner_nonce": hex(&inner_nonce),
        "inner": hex(&inner),
        "request_associated_data": hex(&header.associated_data(Purpose::Request)),
        "outer_nonce": hex(&outer_nonce),
        "package": hex(&package),
    }))
}

fn answer(
    agent: &Agent,
    name: &str,
    header: &Header,
    answer: &Answer,
    random: &Seeded,
) -> Result<Value, Box<dyn Error>> {
    let mut nonce = [0; 12];
    random.fill(&mut nonce);
    let drawn = Replay::of(&[&nonce]);
    let sealed = seal_answer(agent.package_key(), &agent.identity, header, answer, &drawn)?;
    let data = header.associated_data(Purpose::Answer);
    let signed = open_answer_layer(agent.package_key(), &data, &sealed);
    let structure = variants::value(&signed);
    let area = structure.as_array().and_then(|parts| parts[2].as_bytes()).ok_or("no area")?;
    Ok(json!({
        "name": name,
        "header": common::header_json(header),
        "answer": common::answer_json(answer),
        "answer_cbor": hex(&answer.encode()),
        "answer_area": hex(area),
        "answer_associated_data": hex(&data),
        "signed": hex(&signed),
        "nonce": hex(&nonce),
        "sealed": hex(&sealed),
    }))
}
