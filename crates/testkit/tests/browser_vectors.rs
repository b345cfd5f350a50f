//! The vectors of the package format in Chromium: the script that seals in people's browsers makes
//! the same areas and structures as Rust, and Rust opens what it makes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod browser;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{ClearPassword, Header, Passwords, Purpose};
use seal::{
    AgentKeys, KeyPair, PackageKey, SystemRandomness, open_passwords, open_request, seal_request,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The wrapped content key: OAEP is random. It stands at the very end.
const WRAPPED: usize = 256;

/// One run of the script.
#[derive(Deserialize)]
struct Made {
    areas: Vec<Area>,
    sealed: Vec<Sealed>,
}

#[derive(Deserialize)]
struct Area {
    problem: Option<String>,
    area: Option<String>,
    refused: Option<String>,
}

#[derive(Deserialize)]
struct Sealed {
    /// With the vector's content key and nonce.
    replayed: String,
    /// As the page posts it, twice.
    posted: [Posted; 2],
}

#[derive(Deserialize)]
struct Posted {
    request_id: String,
    agents: Vec<PostedFor>,
}

#[derive(Deserialize)]
struct PostedFor {
    agent_id: String,
    sealed: String,
}

#[test]
fn chromium_makes_the_vectors_again_and_rust_opens_what_it_seals() {
    let vectors = vectors();
    let keys = agent_keys(&vectors["keys"]);
    let packages = vectors["packages"].as_array().unwrap();
    let seal: Vec<Value> = packages.iter().map(|vector| asked(vector, &vectors["keys"])).collect();
    let passwords = packages.iter().map(|vector| units(text(vector, "password")));
    let made = run(&json!({ "passwords": Vec::from_iter(passwords), "seal": seal }));
    assert_eq!((made.areas.len(), made.sealed.len()), (packages.len(), packages.len()));
    for ((vector, area), sealed) in packages.iter().zip(&made.areas).zip(&made.sealed) {
        let name = text(vector, "name");
        assert_eq!(area.problem, None, "{name}");
        let area = unbase64(area.area.as_ref().unwrap());
        assert_eq!(area, unhex(text(vector, "area")), "{name}: area");

        let (expected, replayed) = (unhex(text(vector, "inner")), unbase64(&sealed.replayed));
        let before = expected.len() - WRAPPED;
        assert_eq!(replayed.len(), expected.len(), "{name}: size");
        assert_eq!(replayed[..before], expected[..before], "{name}: all but the wrapped key");
        assert_ne!(replayed[before..], expected[before..], "{name}: OAEP pads at random");
        assert_eq!(opened(&keys, vector, &replayed), text(vector, "password"), "{name}");

        let both = sealed.posted.each_ref().map(|posted| {
            assert_eq!(posted.request_id, text(&vector["header"], "request"), "{name}");
            assert_eq!(posted.agents[0].agent_id, text(&vector["header"], "agent"), "{name}");
            unbase64(&posted.agents[0].sealed)
        });
        for one in &both {
            assert_eq!(opened(&keys, vector, one), text(vector, "password"), "{name}: posted");
            assert_ne!(one[..before], expected[..before], "{name}: another nonce and content key");
        }
        assert_ne!(both[0][..before], both[1][..before], "{name}: one for each posting");
    }
}

#[test]
fn chromium_and_rust_agree_on_what_can_be_a_password() {
    let [high, low] = [0xd83d, 0xde00];
    let passwords: Vec<(Vec<u16>, Option<&str>)> = vec![
        (vec![], Some("empty")),
        (units("x"), None),
        (units(&"x".repeat(191)), None),
        (units(&"x".repeat(192)), None),
        (units(&"😀".repeat(128)), None),
        (units(&format!("{}x", "😀".repeat(128))), Some("tooLong")),
        (units("e\u{301} é \u{212b} \u{1} \u{feff}"), None),
        (units("pass\u{0}word"), Some("notWellFormed")),
        (units("\u{0}"), Some("notWellFormed")),
        (vec![high], Some("notWellFormed")),
        (vec![low], Some("notWellFormed")),
        (vec![low, high], Some("notWellFormed")),
        ([units("pass"), vec![high]].concat(), Some("notWellFormed")),
        (vec![high, high, low], Some("notWellFormed")),
    ];
    let asked: Vec<&Vec<u16>> = passwords.iter().map(|(units, _)| units).collect();
    let made = run(&json!({ "passwords": asked, "seal": [] }));
    assert_eq!(made.areas.len(), passwords.len());
    for ((units, problem), made) in passwords.iter().zip(made.areas) {
        assert_eq!(made.problem.as_deref(), *problem, "{units:x?}");
        assert_eq!(made.refused.as_deref(), *problem, "{units:x?}: nothing is made of it");
        let rust = String::from_utf16(units).ok().map(|text| ClearPassword::from_text(&text));
        match rust {
            Some(Ok(password)) => {
                assert_eq!(
                    unbase64(&made.area.unwrap()),
                    *Passwords::New(password).to_area(),
                    "{units:x?}"
                );
            }
            _ => assert!(problem.is_some(), "Rust refuses {units:x?}"),
        }
    }
}

/// A ticket as the cloud service would issue it, and what the vector was made with.
fn asked(vector: &Value, keys: &Value) -> Value {
    let header = header(vector);
    assert_eq!(header.encode(), unhex(text(vector, "header_cbor")));
    let agent = json!({
        "agent_id": header.agent.to_string(),
        "key_id": base64(&header.key_id.to_bytes()),
        "spki": base64(&unhex(text(keys, "rsa_spki"))),
        "associated_data": base64(&header.associated_data(Purpose::Password)),
    });
    json!({
        "ticket": { "request_id": header.request.to_string(), "agents": [agent] },
        "units": units(text(vector, "password")),
        "content_key": base64(&unhex(text(vector, "content_key"))),
        "nonce": base64(&unhex(text(vector, "inner_nonce"))),
    })
}

/// What the agent finds in an inner structure that came with the vector's header.
fn opened(keys: &AgentKeys, vector: &Value, inner: &[u8]) -> String {
    let key = &keys.current().package_key;
    let package = seal_request(key, &header(vector), inner, &SystemRandomness::default()).unwrap();
    let request = open_request(keys, &package).unwrap();
    open_passwords(keys, &request).unwrap().new_one().unwrap().to_text().as_str().to_owned()
}

fn run(asked: &Value) -> Made {
    let mut asked = asked.clone();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cloud/assets/seal.js");
    asked["script"] = json!(script);
    let tools = browser::tools();
    let mut child = Command::new(&tools.node)
        .arg(tools.scripts.join("vectors.mjs"))
        .arg(&tools.chromium)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the script ended with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn vectors() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seal/vectors/v1.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn agent_keys(keys: &Value) -> AgentKeys {
    let pair = KeyPair::from_pkcs8(&unhex(text(keys, "rsa_pkcs8"))).unwrap();
    AgentKeys::new(pair, PackageKey::from_bytes(&unhex(text(keys, "package_key"))).unwrap())
}

fn header(vector: &Value) -> Header {
    Header::decode(&unhex(text(vector, "header_cbor"))).unwrap()
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unbase64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
