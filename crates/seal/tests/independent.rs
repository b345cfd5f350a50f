//! The format is what docs/package.md says, not what one implementation does: a second one, in
//! Python, shares no code with it. Each opens what the other makes, and both refuse the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::low_level::{open_answer_layer, seal_answer_layer, sign_answer_area};
use common::{
    Agent, Seeded, Vectors, answer_from_json, answer_json, header_from_json, header_json, hex,
    text, unhex, variants,
};
use protocol::{Answer, ClearPassword, Details, Outcome, Passwords, Purpose, Timestamp};
use seal::{
    AgentKeys, SealError, open_answer, open_passwords, open_request, seal_answer, seal_passwords,
    seal_request,
};
use serde_json::{Value, json};

const PASSWORDS: [&str; 4] = ["x", "Correct Horse 7", "Größe-密碼-Ω-e\u{301}-😀", "\u{1}\u{ffff}"];

#[test]
fn python_opens_the_vectors() {
    let vectors = Vectors::read();
    let opened = python("open", &vectors.json);
    for (vector, opened) in vectors.packages().zip(results(&opened, "packages", 4)) {
        assert_eq!(opened["password"], vector["password"], "{opened}");
        assert_eq!(opened["header"], vector["header"]);
    }
    for (vector, opened) in vectors.answers().zip(results(&opened, "answers", 2)) {
        assert_eq!(opened["answer"], vector["answer"], "{opened}");
    }
}

/// The script compares every step with the vector; this shows that it really does.
#[test]
fn python_stops_at_a_vector_with_a_wrong_step() {
    let vectors = Vectors::read();
    for name in ["header_cbor", "area", "password_associated_data", "outer_nonce", "inner"] {
        let mut wrong = vectors.json.clone();
        wrong["packages"][0][name] = json!("00");
        let error = run("open", &wrong).expect_err(name);
        assert!(error.contains(name), "{name}: {error}");
    }
    for name in ["answer_associated_data", "nonce", "signed", "answer_area", "answer_cbor"] {
        let mut wrong = vectors.json.clone();
        wrong["answers"][0][name] = json!("00");
        let error = run("open", &wrong).expect_err(name);
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn packages_made_by_python_open() {
    let vectors = Vectors::read();
    let header = header_json(&vectors.agent.header());
    let longest = ["a".repeat(191), "a".repeat(192), "😀".repeat(128)];
    let passwords: Vec<_> = PASSWORDS.map(str::to_owned).into_iter().chain(longest).collect();
    let wanted: Vec<_> =
        passwords.iter().map(|one| json!({ "header": header, "password": one })).collect();
    let made = python("make", &json!({ "keys": vectors.json["keys"], "packages": wanted }));
    for (made, password) in results(&made, "packages", passwords.len()).zip(&passwords) {
        let package = unhex(text(made, "package"));
        let request = open_request(&vectors.agent.keys, &package).unwrap();
        assert_eq!(request.header, header_from_json(&header));
        let opened = open_passwords(&vectors.agent.keys, &request).unwrap();
        assert_eq!(opened.new_one().unwrap().to_text().as_str(), password);
    }
}

/// A layer bound to another header than the one in clear: any of the nine labels, either layer.
#[test]
fn packages_that_python_binds_to_another_header_are_refused() {
    let vectors = Vectors::read();
    let header = header_json(&vectors.agent.header());
    let moves: Vec<_> =
        ["password", "request"].into_iter().flat_map(|of| (1..=9).map(move |n| (of, n))).collect();
    let wanted: Vec<_> = moves
        .iter()
        .map(|(layer, label)| {
            let moved = json!({ "layer": layer, "label": label });
            json!({ "header": header, "password": "Correct Horse 7", "moved": moved })
        })
        .collect();
    let made = python("make", &json!({ "keys": vectors.json["keys"], "packages": wanted }));
    for (made, (layer, label)) in results(&made, "packages", moves.len()).zip(&moves) {
        let package = unhex(text(made, "package"));
        let layer_that_refuses = match open_request(&vectors.agent.keys, &package) {
            Err(SealError::NotAuthentic("package")) => "request",
            Err(other) => panic!("{layer}, label {label}: {other}"),
            Ok(request) => match open_passwords(&vectors.agent.keys, &request).err() {
                Some(SealError::NotAuthentic("inner layer")) => "password",
                other => panic!("{layer}, label {label}: {other:?}"),
            },
        };
        assert_eq!(layer_that_refuses, *layer, "label {label}");
    }
}

#[test]
fn answers_made_by_python_are_accepted_and_moved_ones_refused() {
    let vectors = Vectors::read();
    let agent = &vectors.agent;
    let header = agent.header();
    let answers: Vec<_> =
        Outcome::answers().flat_map(|outcome| [true, false].map(|d| answer(outcome, d))).collect();
    let entry =
        |answer: &Answer| json!({ "header": header_json(&header), "answer": answer_json(answer) });
    let mut wanted: Vec<_> = answers.iter().map(entry).collect();
    for label in 1..=9 {
        let mut moved = entry(&answers[0]);
        moved["moved"] = json!({ "layer": "answer", "label": label });
        wanted.push(moved);
    }
    let made = python("make", &json!({ "keys": vectors.json["keys"], "answers": wanted }));
    let sealed: Vec<_> =
        results(&made, "answers", wanted.len()).map(|made| unhex(text(made, "sealed"))).collect();
    let identity = agent.identity.verifying_key();
    let open = |sealed: &[u8]| open_answer(agent.package_key(), &identity, &header, sealed);
    let (good, moved) = sealed.split_at(answers.len());
    for (sealed, answer) in good.iter().zip(&answers) {
        assert_eq!(open(sealed).unwrap(), *answer);
    }
    for (sealed, label) in moved.iter().zip(1..) {
        assert_eq!(open(sealed), Err(SealError::NotAuthentic("answer")), "label {label}");
    }
}

#[test]
fn python_opens_what_rust_makes_under_fresh_keys() {
    let random = Seeded::new(40);
    let agent = Agent::new(&random);
    let header = agent.header();
    let packages: Vec<_> = PASSWORDS
        .iter()
        .map(|password| package(&agent, password, &random))
        .map(|package| json!({ "package": hex(&package) }))
        .collect();
    let answers: Vec<_> =
        Outcome::answers().flat_map(|outcome| [true, false].map(|d| answer(outcome, d))).collect();
    let sealed: Vec<_> = answers
        .iter()
        .map(|answer| {
            let (key, identity) = (agent.package_key(), &agent.identity);
            let sealed = seal_answer(key, identity, &header, answer, &random).unwrap();
            json!({ "header": header_json(&header), "sealed": hex(&sealed) })
        })
        .collect();
    let given = json!({ "keys": keys(&agent), "packages": packages, "answers": sealed });
    let opened = python("open", &given);
    for (opened, password) in results(&opened, "packages", PASSWORDS.len()).zip(PASSWORDS) {
        assert_eq!(opened["password"], password, "{opened}");
        assert_eq!(header_from_json(&opened["header"]), header);
    }
    for (opened, answer) in results(&opened, "answers", answers.len()).zip(&answers) {
        assert_eq!(answer_from_json(&opened["answer"]), *answer);
    }
}

/// What the page lists as refused is refused by both.
#[test]
fn python_refuses_the_same_second_forms() {
    let random = Seeded::new(41);
    let agent = Agent::new(&random);
    let good = package(&agent, "Correct Horse 7", &random);
    let refused = variants::of_package(&good);
    let packages: Vec<_> = refused.iter().map(|(_, bad)| json!({ "package": hex(bad) })).collect();
    let sealed = seal_answer(
        agent.package_key(),
        &agent.identity,
        &agent.header(),
        &answer(Outcome::Fault, true),
        &random,
    )
    .unwrap();
    let outer = variants::of_encrypt0(&variants::value(&sealed));
    let outer = outer.into_iter().map(|(what, bad)| (what, variants::bytes(&bad)));
    let header = header_json(&agent.header());
    let areas = wrong_answer_areas(&agent, &sealed);
    let refused_answers: Vec<_> =
        variants::of_any(&sealed).into_iter().chain(outer).chain(areas).collect();
    let answers: Vec<_> = refused_answers
        .iter()
        .map(|(_, bad)| json!({ "header": header, "sealed": hex(bad) }))
        .collect();
    let given = json!({ "keys": keys(&agent), "packages": packages, "answers": answers });
    let opened = python("open", &given);
    for (opened, (what, _)) in results(&opened, "packages", refused.len()).zip(&refused) {
        assert!(opened["refused"].is_string(), "package, {what}: {opened}");
    }
    for (opened, (what, _)) in
        results(&opened, "answers", refused_answers.len()).zip(&refused_answers)
    {
        assert!(opened["refused"].is_string(), "answer, {what}: {opened}");
        // A wrong area is refused for what it is, not for a signature that does not verify.
        if what.starts_with("area: ") {
            let reason = text(opened, "refused");
            let area = ["area", "length", "padding", "not CBOR", "not canonical"];
            let fits = area.iter().any(|one| reason.starts_with(&format!("answer: {one}")));
            assert!(fits, "{what}: {reason}");
        }
    }
}

/// Sealed answers with a wrong area, each signed as the agent would.
fn wrong_answer_areas(agent: &Agent, sealed: &[u8]) -> Vec<variants::Variant> {
    let key = agent.package_key();
    let data = agent.header().associated_data(Purpose::Answer);
    let signed = variants::value(&open_answer_layer(key, &data, sealed));
    let good = signed.as_array().unwrap()[2].as_bytes().unwrap();
    let seal = |area: &[u8]| {
        seal_answer_layer(key, &data, &sign_answer_area(&agent.identity, &data, area))
    };
    variants::of_answer_area(good)
        .into_iter()
        .map(|(what, bad)| (format!("area: {what}"), seal(&bad)))
        .collect()
}

fn package(agent: &Agent, password: &str, random: &Seeded) -> Vec<u8> {
    let header = agent.header();
    let password = Passwords::New(ClearPassword::from_text(password).unwrap());
    let public = agent.keys.current().pair.public();
    let inner = seal_passwords(public, &header, &password, random).unwrap();
    seal_request(agent.package_key(), &header, &inner, random).unwrap()
}

fn answer(outcome: Outcome, with_details: bool) -> Answer {
    let details = Details {
        minimum_length: Some(14),
        history_length: Some(24),
        not_before: Some(Timestamp::from_millis(1_795_386_400_000)),
        inferred: true,
    };
    Answer {
        outcome,
        details: if with_details { details } else { Details::default() },
        finished_at: Timestamp::from_millis(1_795_300_004_321),
    }
}

/// An agent's keys as the script reads them.
fn keys(agent: &Agent) -> Value {
    let keys: &AgentKeys = &agent.keys;
    json!({
        "rsa_pkcs8": hex(keys.current().pair.to_pkcs8()),
        "identity_pkcs8": hex(agent.identity.to_pkcs8()),
        "package_key": hex(agent.package_key().as_bytes()),
    })
}

/// The results of one kind, of which there must be `count`.
fn results<'a>(all: &'a Value, kind: &str, count: usize) -> impl Iterator<Item = &'a Value> {
    let results = all[kind].as_array().unwrap();
    assert_eq!(results.len(), count, "{kind}");
    results.iter()
}

fn python(action: &str, given: &Value) -> Value {
    run(action, given).unwrap_or_else(|error| {
        panic!(
            "independent.py {action}: {error}\n\
             It needs /usr/bin/python3 with python3-cbor2 and python3-cryptography; \
             `cargo xtask test` installs them."
        )
    })
}

/// Runs the script; an error is what it wrote on its standard error.
fn run(action: &str, given: &Value) -> Result<Value, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/independent.py");
    let mut child = Command::new("/usr/bin/python3")
        .args(["-I", script, action])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // The script reads all of its input before it writes anything. If it ends before that, its
    // standard error says why.
    let _ = child.stdin.take().unwrap().write_all(given.to_string().as_bytes());
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
