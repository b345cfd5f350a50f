//! What the tests of the package format share with each other and with the example that makes
//! the vectors.
#![allow(dead_code, reason = "every file that includes this uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports a broken expectation by panicking"
)]

pub(crate) mod low_level;
pub(crate) mod variants;

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use protocol::{
    AgentId, Answer, Details, Header, KeyId, Operation, Outcome, Randomness, RequestId, TenantId,
    Timestamp,
};
use seal::{AgentKeys, KeyPair, PackageKey, SigningKey};
use serde_json::{Value, json};

/// The same bytes in every run: SHA-256 of the seed and a counter.
pub(crate) struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for block in bytes.chunks_mut(32) {
            let count = self.drawn.fetch_add(1, Ordering::SeqCst);
            let hash = digest(&SHA256, &[self.seed.to_be_bytes(), count.to_be_bytes()].concat());
            block.copy_from_slice(&hash.as_ref()[..block.len()]);
        }
    }
}

/// Gives out the bytes that a vector was made with, and no others.
pub(crate) struct Replay(std::sync::Mutex<Vec<u8>>);

impl Replay {
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        Self(std::sync::Mutex::new(parts.concat()))
    }
}

impl Randomness for Replay {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.0.lock().unwrap();
        let rest = left.split_off(bytes.len());
        bytes.copy_from_slice(&left);
        *left = rest;
    }
}

/// What one agent holds.
pub(crate) struct Agent {
    pub(crate) keys: AgentKeys,
    pub(crate) identity: SigningKey,
}

impl Agent {
    pub(crate) fn new(random: &dyn Randomness) -> Self {
        let keys = AgentKeys::new(KeyPair::generate().unwrap(), PackageKey::generate(random));
        Self { keys, identity: SigningKey::generate().unwrap() }
    }

    pub(crate) fn package_key(&self) -> &PackageKey {
        &self.keys.current().package_key
    }

    pub(crate) fn header(&self) -> Header {
        header(self.keys.current().pair.public().key_id())
    }
}

/// A header as the cloud service writes it: its cloudAnchor is a UUID.
pub(crate) fn header(key_id: KeyId) -> Header {
    Header {
        tenant: TenantId::from_bytes([0x11; 16]),
        agent: AgentId::from_bytes([0x22; 16]),
        request: RequestId::from_bytes([0x33; 16]),
        operation: Operation::Reset,
        cloud_anchor: "0f6e7a3c-5a51-4c0e-9d2f-7b8a90c1d2e3".parse().unwrap(),
        key_id,
        issued_at: Timestamp::from_millis(1_795_300_000_000),
        expires_at: Timestamp::from_millis(1_795_300_180_000),
    }
}

/// The same header with one field changed, for every field. Taking the header apart by name makes a new
/// field a compile error in this function.
pub(crate) fn headers_that_differ_in_one_field(header: &Header) -> Vec<(&'static str, Header)> {
    let Header { tenant, agent, request, operation, cloud_anchor, key_id, issued_at, expires_at } =
        header.clone();
    let flip = |mut bytes: [u8; 16]| {
        bytes[15] ^= 1;
        bytes
    };
    let later = |moment: Timestamp| Timestamp::from_millis(moment.as_millis() + 1);
    // Another one that has the same passwords.
    assert_eq!(operation, Operation::Reset);
    let by_administrator = Operation::ResetByAdministrator;
    let same = || header.clone();
    let other_anchor = cloud_anchor.as_str().replace('0', "1").parse().unwrap();
    vec![
        ("tenant", Header { tenant: TenantId::from_bytes(flip(tenant.to_bytes())), ..same() }),
        ("agent", Header { agent: AgentId::from_bytes(flip(agent.to_bytes())), ..same() }),
        ("request", Header { request: RequestId::from_bytes(flip(request.to_bytes())), ..same() }),
        ("operation", Header { operation: by_administrator, ..same() }),
        ("cloudAnchor", Header { cloud_anchor: other_anchor, ..same() }),
        ("key id", Header { key_id: KeyId::from_bytes(flip(key_id.to_bytes())), ..same() }),
        ("issued at", Header { issued_at: later(issued_at), ..same() }),
        ("expires at", Header { expires_at: later(expires_at), ..same() }),
    ]
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2) && text.is_ascii(), "not hexadecimal: {text}");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// The header as the vectors write it.
pub(crate) fn header_json(header: &Header) -> Value {
    json!({
        "version": protocol::version::CURRENT,
        "tenant": header.tenant.to_string(),
        "agent": header.agent.to_string(),
        "request": header.request.to_string(),
        "operation": header.operation.number(),
        "cloud_anchor": header.cloud_anchor.as_str(),
        "key_id": header.key_id.to_string(),
        "issued_at": header.issued_at.as_millis(),
        "expires_at": header.expires_at.as_millis(),
    })
}

/// Reads what [`header_json`] writes.
pub(crate) fn header_from_json(json: &Value) -> Header {
    let text = |name: &str| json[name].as_str().unwrap();
    let moment = |name: &str| Timestamp::from_millis(json[name].as_i64().unwrap());
    assert_eq!(json["version"], protocol::version::CURRENT);
    Header {
        tenant: text("tenant").parse().unwrap(),
        agent: text("agent").parse().unwrap(),
        request: text("request").parse().unwrap(),
        operation: Operation::from_number(json["operation"].as_u64().unwrap()).unwrap(),
        cloud_anchor: text("cloud_anchor").parse().unwrap(),
        key_id: KeyId::from_bytes(unhex(text("key_id")).try_into().unwrap()),
        issued_at: moment("issued_at"),
        expires_at: moment("expires_at"),
    }
}

/// The answer as the vectors write it.
pub(crate) fn answer_json(answer: &Answer) -> Value {
    json!({
        "outcome": answer.outcome.name(),
        "finished_at": answer.finished_at.as_millis(),
        "minimum_length": answer.details.minimum_length,
        "history_length": answer.details.history_length,
        "not_before": answer.details.not_before.map(Timestamp::as_millis),
        "inferred": answer.details.inferred,
    })
}

/// Reads what [`answer_json`] writes.
pub(crate) fn answer_from_json(json: &Value) -> Answer {
    let number = |name: &str| json[name].as_u64().map(|number| u32::try_from(number).unwrap());
    Answer {
        outcome: Outcome::from_name(json["outcome"].as_str().unwrap()).unwrap(),
        finished_at: Timestamp::from_millis(json["finished_at"].as_i64().unwrap()),
        details: Details {
            minimum_length: number("minimum_length"),
            history_length: number("history_length"),
            not_before: json["not_before"].as_i64().map(Timestamp::from_millis),
            inferred: json["inferred"].as_bool().unwrap(),
        },
    }
}

/// A text of a JSON object.
pub(crate) fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("no text {name}"))
}

/// The vectors that are checked in, with the keys in them.
pub(crate) struct Vectors {
    pub(crate) json: Value,
    pub(crate) agent: Agent,
}

impl Vectors {
    pub(crate) fn read() -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/v1.json");
        let json: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let key = |name: &str| unhex(text(&json["keys"], name));
        let pair = KeyPair::from_pkcs8(&key("rsa_pkcs8")).unwrap();
        let package_key = PackageKey::from_bytes(&key("package_key")).unwrap();
        let identity = SigningKey::from_pkcs8(&key("identity_pkcs8")).unwrap();
        Self { agent: Agent { keys: AgentKeys::new(pair, package_key), identity }, json }
    }

    pub(crate) fn packages(&self) -> impl Iterator<Item = &Value> {
        self.json["packages"].as_array().unwrap().iter()
    }

    pub(crate) fn answers(&self) -> impl Iterator<Item = &Value> {
        self.json["answers"].as_array().unwrap().iter()
    }
}
