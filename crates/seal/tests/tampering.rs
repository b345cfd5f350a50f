//! Whatever is changed on the way is refused, and nothing that arrives makes a reader panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod common;

use std::sync::LazyLock;

use ciborium::Value;
use common::{Agent, Seeded, low_level, variants};
use proptest::prelude::*;
use protocol::{Answer, ClearPassword, Details, Header, Outcome, Passwords, Purpose, Timestamp};
use seal::{
    OpenedRequest, SealError, VerifyingKey, open_answer, open_passwords, open_request, seal_answer,
    seal_passwords, seal_request,
};

/// One agent with a package of each size and an answer.
struct Scene {
    agent: Agent,
    header: Header,
    identity: VerifyingKey,
    inner: [Vec<u8>; 2],
    packages: [Vec<u8>; 2],
    answer: Vec<u8>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let random = Seeded::new(20);
    let agent = Agent::new(&random);
    let header = agent.header();
    let public = agent.keys.current().pair.public();
    let inner = ["Correct Horse 7".to_owned(), "😀".repeat(128)].map(|password| {
        let password = Passwords::New(ClearPassword::from_text(&password).unwrap());
        seal_passwords(public, &header, &password, &random).unwrap()
    });
    let key = agent.package_key();
    let packages = [0, 1].map(|at| seal_request(key, &header, &inner[at], &random).unwrap());
    let details = Details { minimum_length: Some(14), ..Details::default() };
    let finished_at = Timestamp::from_millis(1_795_300_004_000);
    let answer = Answer { outcome: Outcome::PolicyTooShort, details, finished_at };
    let answer = seal_answer(key, &agent.identity, &header, &answer, &random).unwrap();
    let identity = agent.identity.verifying_key();
    Scene { agent, header, identity, inner, packages, answer }
});

impl Scene {
    /// Both layers, as an agent opens them.
    fn open(&self, package: &[u8]) -> Result<Passwords, SealError> {
        open_passwords(&self.agent.keys, &open_request(&self.agent.keys, package)?)
    }

    /// The inner layer alone, as if the outer one had been opened.
    fn open_inner(&self, inner: &[u8]) -> Result<Passwords, SealError> {
        let request = OpenedRequest {
            header: self.header.clone(),
            inner: inner.to_vec(),
            package_key_id: self.agent.package_key().key_id().unwrap(),
        };
        open_passwords(&self.agent.keys, &request)
    }

    fn open_answer(&self, sealed: &[u8]) -> Result<Answer, SealError> {
        open_answer(self.agent.package_key(), &self.identity, &self.header, sealed)
    }
}

/// Every way to flip one bit.
fn flipped(good: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..8 * good.len()).map(|bit| {
        let mut bad = good.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        (bit, bad)
    })
}

#[test]
fn every_flipped_bit_of_a_package_is_refused() {
    for package in &SCENE.packages {
        assert!(SCENE.open(package).is_ok());
        for (bit, bad) in flipped(package) {
            assert!(SCENE.open(&bad).is_err(), "bit {bit}");
        }
    }
}

/// The inner layer stands on its own: it does not lean on the outer one for being unchanged.
#[test]
fn every_flipped_bit_of_an_inner_structure_is_refused() {
    for inner in &SCENE.inner {
        assert!(SCENE.open_inner(inner).is_ok());
        for (bit, bad) in flipped(inner) {
            assert!(SCENE.open_inner(&bad).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn every_flipped_bit_of_an_answer_is_refused() {
    assert!(SCENE.open_answer(&SCENE.answer).is_ok());
    for (bit, bad) in flipped(&SCENE.answer) {
        assert!(SCENE.open_answer(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn a_package_cut_short_or_continued_is_refused() {
    for package in &SCENE.packages {
        for length in 0..package.len() {
            assert!(SCENE.open(&package[..length]).is_err(), "{length} bytes");
        }
        for more in [&[0_u8][..], &[0xf6], &[0; 4_000]] {
            assert!(SCENE.open(&[package, more].concat()).is_err(), "{} more", more.len());
        }
    }
    for length in 0..SCENE.answer.len() {
        assert!(SCENE.open_answer(&SCENE.answer[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_second_form_of_a_package_is_refused() {
    for package in &SCENE.packages {
        for (what, bad) in variants::of_package(package) {
            assert_ne!(&bad, package, "{what}");
            assert!(SCENE.open(&bad).is_err(), "{what}");
        }
    }
}

/// Refused by the cloud service, so that it never reaches an agent, and by the agent.
#[test]
fn a_second_form_of_an_inner_structure_is_refused_by_both_sides() {
    let key = SCENE.agent.package_key();
    for inner in &SCENE.inner {
        for (what, bad) in variants::of_inner(inner) {
            assert_ne!(&bad, inner, "{what}");
            assert!(SCENE.open_inner(&bad).is_err(), "agent, {what}");
            let random = Seeded::new(21);
            assert!(seal_request(key, &SCENE.header, &bad, &random).is_err(), "cloud, {what}");
        }
    }
}

#[test]
fn a_second_form_of_an_answer_is_refused() {
    let outer = variants::of_encrypt0(&variants::value(&SCENE.answer));
    let outer = outer.into_iter().map(|(what, bad)| (what, variants::bytes(&bad)));
    for (what, bad) in variants::of_any(&SCENE.answer).into_iter().chain(outer) {
        assert_ne!(bad, SCENE.answer, "{what}");
        assert!(SCENE.open_answer(&bad).is_err(), "{what}");
    }
}

/// The signed part of the answer, and the same sealed again: only the agent and the cloud
/// service can do that, and still there is one form.
#[test]
fn a_second_form_of_what_is_signed_is_refused() {
    let key = SCENE.agent.package_key();
    let data = SCENE.header.associated_data(Purpose::Answer);
    let signed = low_level::open_answer_layer(key, &data, &SCENE.answer);
    let seal = |signed: &[u8]| low_level::seal_answer_layer(key, &data, signed);
    assert!(SCENE.open_answer(&seal(&signed)).is_ok());

    let structure = variants::value(&signed);
    let mut bad = variants::of_any(&signed);
    let more = [
        ("unprotected header", 1, Value::Map(vec![(Value::from(4), Value::Bytes(vec![1]))])),
        ("no payload", 2, Value::Null),
        ("no signature", 3, Value::Bytes(Vec::new())),
        ("signature of zeros", 3, Value::Bytes(vec![0; 64])),
    ]
    .map(|(what, at, value)| (what.to_owned(), variants::with(&structure, &[at], value)));
    let protected = variants::of_protected(&structure).into_iter().chain(more);
    bad.extend(protected.map(|(what, value)| (what, variants::bytes(&value))));
    for (what, bad) in bad {
        assert!(SCENE.open_answer(&seal(&bad)).is_err(), "{what}");
    }
    for (bit, bad) in flipped(&signed) {
        assert!(SCENE.open_answer(&seal(&bad)).is_err(), "bit {bit}");
    }
}

/// What only the agent itself could write: its signature is right, the area is not.
#[test]
fn a_second_form_of_an_answer_area_is_refused() {
    let key = SCENE.agent.package_key();
    let data = SCENE.header.associated_data(Purpose::Answer);
    let signed = low_level::open_answer_layer(key, &data, &SCENE.answer);
    let area = variants::value(&signed).as_array().unwrap()[2].as_bytes().unwrap().clone();
    let sealed = |area: &[u8]| {
        let signed = low_level::sign_answer_area(&SCENE.agent.identity, &data, area);
        low_level::seal_answer_layer(key, &data, &signed)
    };
    assert!(SCENE.open_answer(&sealed(&area)).is_ok());
    for (what, bad) in variants::of_answer_area(&area) {
        assert_ne!(bad, area, "{what}");
        let refusal = SCENE.open_answer(&sealed(&bad)).err();
        let expected = [SealError::Size("answer"), SealError::Malformed("answer")];
        assert!(refusal.as_ref().is_some_and(|one| expected.contains(one)), "{what}: {refusal:?}");
    }
}

/// One thing that can happen to bytes on their way.
#[derive(Debug, Clone)]
enum Edit {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let index = any::<prop::sample::Index>;
    let edit = prop_oneof![
        4 => (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        2 => index().prop_map(Edit::Remove),
        1 => index().prop_map(Edit::Cut),
        1 => (index(), index()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ];
    prop::collection::vec(edit, 1..6)
}

fn edited(good: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for edit in edits {
        let length = bytes.len().max(1);
        match edit {
            Edit::Insert(at, byte) => bytes.insert(at.index(bytes.len() + 1), *byte),
            _ if bytes.is_empty() => {}
            Edit::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Edit::Remove(at) => drop(bytes.remove(at.index(length))),
            Edit::Cut(at) => bytes.truncate(at.index(length)),
            Edit::Repeat(from, to) => {
                let (from, to) = (from.index(length), to.index(length));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
        }
    }
    bytes
}

proptest! {
    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2_100)) {
        prop_assert!(SCENE.open(&bytes).is_err());
        prop_assert!(SCENE.open_inner(&bytes).is_err());
        prop_assert!(SCENE.open_answer(&bytes).is_err());
    }

    /// Random bytes seldom get past the first byte; these have the right shape around them.
    #[test]
    fn reading_any_contents_in_the_right_shape_never_panics(
        header in prop::collection::vec(any::<u8>(), 0..200),
        protected in prop::collection::vec(any::<u8>(), 0..8),
        nonce in prop::collection::vec(any::<u8>(), 0..20),
        ciphertext in prop::collection::vec(any::<u8>(), 0..500),
    ) {
        let key_id = SCENE.agent.package_key().key_id().unwrap().to_bytes().to_vec();
        let map = vec![
            (Value::from(4), Value::Bytes(key_id)),
            (Value::from(5), Value::Bytes(nonce)),
        ];
        let outer = vec![Value::Bytes(protected), Value::Map(map), Value::Bytes(ciphertext)];
        let outer = Value::Array(outer);
        prop_assert!(SCENE.open(&variants::package(&header, &outer)).is_err());
        let good_header = SCENE.header.encode();
        prop_assert!(SCENE.open(&variants::package(&good_header, &outer)).is_err());
        prop_assert!(SCENE.open_answer(&variants::bytes(&outer)).is_err());
    }

    #[test]
    fn an_edited_package_is_refused(edits in edits(), large in any::<bool>()) {
        let good = &SCENE.packages[usize::from(large)];
        let bad = edited(good, &edits);
        prop_assert_eq!(SCENE.open(&bad).is_ok(), bad == *good);
    }

    #[test]
    fn an_edited_inner_structure_is_refused(edits in edits(), large in any::<bool>()) {
        let good = &SCENE.inner[usize::from(large)];
        let bad = edited(good, &edits);
        prop_assert_eq!(SCENE.open_inner(&bad).is_ok(), bad == *good);
    }

    #[test]
    fn an_edited_answer_is_refused(edits in edits()) {
        let bad = edited(&SCENE.answer, &edits);
        prop_assert_eq!(SCENE.open_answer(&bad).is_ok(), bad == SCENE.answer);
    }
}
