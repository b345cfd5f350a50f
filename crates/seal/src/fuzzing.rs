//! What holds of each reader whatever it is given: one function for all of them.
//!
//! Tests with edited packages call it, and so does the coverage-guided one in `fuzz/`, which asks for the
//! feature `fuzzing`; no other build has it. It holds the keys of the vectors, so that those are true packages
//! and answers to it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold is reported by panicking"
)]

use std::sync::LazyLock;

use ciborium::Value;
use coset::AsCborValue;
use protocol::{Header, Randomness, RequestId};

use crate::answer::{from_area, to_area};
use crate::cose::{Encrypt, Encrypt0, decode, encode, read_sign1};
use crate::{
    AgentKeys, KeyPair, OpenedRequest, PackageKey, VerifyingKey, check_inner, claimed_header,
    open_answer, open_passwords, open_request, seal_request,
};

const VECTORS: &str = include_str!("../vectors/v1.json");
/// What is wrong with the bytes is somebody else's to say.
const WHAT: &str = "input";

/// What the two sides of the relay hold, and the header of the first package.
struct Scene {
    keys: AgentKeys,
    identity: VerifyingKey,
    header: Header,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let pair = KeyPair::from_pkcs8(&vector("rsa_pkcs8")).expect("the vectors have a pair");
    let key = PackageKey::from_bytes(&vector("package_key")).expect("the vectors have a key");
    Scene {
        keys: AgentKeys::new(pair, key),
        identity: VerifyingKey::from_bytes(&vector("identity_public"))
            .expect("the vectors have an identity"),
        header: Header::decode(&vector("header_cbor")).expect("the vectors have a header"),
    }
});

/// The first thing of this name in the vectors.
fn vector(name: &str) -> Vec<u8> {
    let (_, rest) = VECTORS.split_once(&format!("\"{name}\": \"")).expect("it stands there");
    let digits = rest.split('"').next().unwrap_or_default().as_bytes();
    let number = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(number).collect::<Option<_>>().expect("it is hexadecimal")
}

/// What a hostile relay can hand to an agent, or to the cloud service: what is read is written as these
/// very bytes, layer by layer, and nothing opens but what was sealed so. Says whether it is a layer of a
/// package or an answer.
///
/// # Panics
/// If it does not hold.
pub fn package(bytes: &[u8]) -> bool {
    [request(bytes), inner(bytes), sealed_answer(bytes), signed(bytes), area(bytes)].contains(&true)
}

/// A package, as an agent takes it.
fn request(bytes: &[u8]) -> bool {
    let claimed = claimed_header(bytes);
    if let Some(header) = &claimed {
        let header = header.encode();
        assert!(bytes.windows(header.len()).any(|part| part == header), "{bytes:x?}");
    }
    let Ok(opened) = open_request(&SCENE.keys, bytes) else { return claimed.is_some() };
    assert_eq!(claimed.as_ref(), Some(&opened.header));
    let parts = decode(bytes, WHAT).ok().and_then(|package| package.into_array().ok());
    let sealed = parts.and_then(|mut parts| parts.pop()).expect("it was opened");
    let nonce = Encrypt0::read(sealed, WHAT).expect("it was opened").nonce;
    let key = SCENE.keys.package_key(opened.package_key_id).expect("it was opened with it");
    if let Ok(again) = seal_request(key, &opened.header, &opened.inner, &Same(nonce)) {
        assert_eq!(again, bytes);
    }
    if let Ok(passwords) = open_passwords(&SCENE.keys, &opened) {
        assert!(passwords.fit(opened.header.operation));
    }
    true
}

/// An inner structure, as the cloud service takes it from a browser, and then the agent.
fn inner(bytes: &[u8]) -> bool {
    let read = decode(bytes, WHAT).and_then(|value| Encrypt::read(value, WHAT));
    let taken = check_inner(bytes);
    let Ok(read) = read else {
        assert!(taken.is_err(), "{bytes:x?}");
        return false;
    };
    assert_eq!(written(&read.structure), bytes);
    let header = Header { key_id: read.key_id, ..SCENE.header.clone() };
    let current = SCENE.keys.current();
    let key = &current.package_key;
    // By itself, and around it the layer of the cloud service, which takes no other.
    match seal_request(key, &header, bytes, &Same(read.nonce)) {
        Ok(package) => {
            assert!(taken.is_ok(), "{bytes:x?}");
            let opened = open_request(&SCENE.keys, &package).expect("it was sealed");
            assert_eq!((&opened.header, opened.inner.as_slice()), (&header, bytes));
            let _ = open_passwords(&SCENE.keys, &opened);
        }
        Err(_) => {
            let package_key_id = key.key_id().expect("a key has an id");
            let opened = OpenedRequest { header, inner: bytes.to_vec(), package_key_id };
            assert!(open_passwords(&SCENE.keys, &opened).is_err(), "{bytes:x?}");
        }
    }
    true
}

/// An answer, as the cloud service takes it.
fn sealed_answer(bytes: &[u8]) -> bool {
    let key = &SCENE.keys.current().package_key;
    let opened = open_answer(key, &SCENE.identity, &SCENE.header, bytes);
    let Ok(outer) = decode(bytes, WHAT).and_then(|value| Encrypt0::read(value, WHAT)) else {
        assert!(opened.is_err(), "{bytes:x?}");
        return false;
    };
    assert_eq!(written(&outer.structure), bytes);
    if opened.is_ok() {
        // It is the answer to one request, and to no other.
        let another = Header { request: RequestId::from_bytes([0; 16]), ..SCENE.header.clone() };
        assert!(open_answer(key, &SCENE.identity, &another, bytes).is_err(), "{bytes:x?}");
    }
    true
}

/// What is signed in an answer.
fn signed(bytes: &[u8]) -> bool {
    let read = decode(bytes, WHAT).and_then(|value| read_sign1(value, WHAT));
    read.is_ok_and(|read| {
        assert_eq!(written(&read), bytes);
        true
    })
}

/// The area of an answer.
fn area(bytes: &[u8]) -> bool {
    from_area(bytes).is_ok_and(|answer| {
        assert_eq!(to_area(&answer).as_deref(), Ok(bytes));
        true
    })
}

fn written<T: AsCborValue + Clone>(structure: &T) -> Vec<u8> {
    let value: Value = structure.clone().to_cbor_value().expect("what was read can be written");
    encode(&value)
}

/// Gives out the same bytes.
struct Same([u8; 12]);

impl Randomness for Same {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use generated::seeds;

    use super::*;

    #[test]
    fn every_seed_is_taken_as_its_name_says() {
        seeds::take("package", package);
    }

    #[test]
    fn whatever_becomes_of_the_seeds_is_read_or_refused() {
        seeds::spoil("package", package);
    }

    #[test]
    fn the_seeds_are_true_packages_and_answers() {
        let opened = open_request(&SCENE.keys, &vector("package")).unwrap();
        assert!(open_passwords(&SCENE.keys, &opened).is_ok());
        let key = &SCENE.keys.current().package_key;
        let answer = open_answer(key, &SCENE.identity, &SCENE.header, &vector("sealed"));
        assert!(answer.is_ok());
    }
}
