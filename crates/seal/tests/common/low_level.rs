//! The answer's layers one by one, for making answers that no agent makes.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::signature::Ed25519KeyPair;
use ciborium::Value;
use seal::{PackageKey, SigningKey};

use super::variants::{bytes, value};

/// HKDF-SHA-256 without salt, 32 bytes.
pub(crate) fn derive(key: &PackageKey, label: &str) -> [u8; 32] {
    let info = [label.as_bytes()];
    let mut derived = [0; 32];
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(key.as_bytes());
    extracted.expand(&info, HKDF_SHA256).unwrap().fill(&mut derived).unwrap();
    derived
}

/// What is signed, taken out of a sealed answer.
pub(crate) fn open_answer_layer(key: &PackageKey, data: &[u8], sealed: &[u8]) -> Vec<u8> {
    let parts = value(sealed).into_array().unwrap();
    let nonce = parts[1].as_map().unwrap()[1].1.as_bytes().unwrap().as_slice();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    let mut signed = parts[2].as_bytes().unwrap().clone();
    let aad = Aad::from(enc_structure(data));
    let length = answer_key(key).open_in_place(nonce, aad, &mut signed).unwrap().len();
    signed.truncate(length);
    signed
}

/// A sealed answer around whatever is said to be signed.
pub(crate) fn seal_answer_layer(key: &PackageKey, data: &[u8], signed: &[u8]) -> Vec<u8> {
    let nonce = [7; 12];
    let mut ciphertext = signed.to_vec();
    let aad = Aad::from(enc_structure(data));
    answer_key(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut ciphertext)
        .unwrap();
    let key_id = key.key_id().unwrap().to_bytes().to_vec();
    let unprotected = vec![
        (Value::from(4), Value::Bytes(key_id)),
        (Value::from(5), Value::Bytes(nonce.to_vec())),
    ];
    bytes(&Value::Array(vec![
        Value::Bytes(vec![0xa1, 0x01, 0x03]),
        Value::Map(unprotected),
        Value::Bytes(ciphertext),
    ]))
}

/// Whatever is said to be an area, signed by the agent (RFC 9052, 4.4).
pub(crate) fn sign_answer_area(identity: &SigningKey, data: &[u8], area: &[u8]) -> Vec<u8> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(identity.to_pkcs8()).unwrap();
    let protected = Value::Bytes(vec![0xa1, 0x01, 0x27]);
    let area = Value::Bytes(area.to_vec());
    let message = bytes(&Value::Array(vec![
        Value::Text("Signature1".to_owned()),
        protected.clone(),
        Value::Bytes(data.to_vec()),
        area.clone(),
    ]));
    let signature = Value::Bytes(pair.sign(&message).as_ref().to_vec());
    bytes(&Value::Array(vec![protected, Value::Map(Vec::new()), area, signature]))
}

fn answer_key(key: &PackageKey) -> LessSafeKey {
    let key = derive(key, "passback v1 answer key");
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap())
}

/// RFC 9052, 5.3.
fn enc_structure(data: &[u8]) -> Vec<u8> {
    bytes(&Value::Array(vec![
        Value::Text("Encrypt0".to_owned()),
        Value::Bytes(vec![0xa1, 0x01, 0x03]),
        Value::Bytes(data.to_vec()),
    ]))
}
