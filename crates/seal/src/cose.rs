//! The few COSE structures of packages and answers (RFC 9052), each in one form only.
//!
//! Reading a structure ends with writing it again from what was understood and comparing: other
//! orders of a map, longer forms of a number, an empty map where nothing is expected, or headers
//! that nobody asked for are all refused by that one comparison. Headers outside the protected
//! ones are not authenticated, so without it whoever carries a package could change its bytes.

use ciborium::Value;
use coset::iana::Algorithm;
use coset::{
    AsCborValue, CoseEncrypt, CoseEncrypt0, CoseRecipient, CoseSign1, Header, HeaderBuilder,
    ProtectedHeader,
};
use protocol::KeyId;

use crate::SealError;
use crate::aead::NONCE_LENGTH;

/// Length of a content key wrapped with RSA-2048, in bytes.
const WRAPPED_LENGTH: usize = 256;

/// The protected header of everything encrypted.
pub(crate) fn a256gcm() -> Header {
    HeaderBuilder::new().algorithm(Algorithm::A256GCM).build()
}

/// The protected header of a signed answer.
pub(crate) fn eddsa() -> Header {
    HeaderBuilder::new().algorithm(Algorithm::EdDSA).build()
}

/// The unprotected header of a `COSE_Encrypt0`.
pub(crate) fn key_and_nonce(key: KeyId, nonce: [u8; NONCE_LENGTH]) -> Header {
    HeaderBuilder::new().key_id(key.to_bytes().to_vec()).iv(nonce.to_vec()).build()
}

/// The unprotected header of the inner structure.
pub(crate) fn nonce_alone(nonce: [u8; NONCE_LENGTH]) -> Header {
    HeaderBuilder::new().iv(nonce.to_vec()).build()
}

/// The one recipient of an inner structure.
pub(crate) fn recipient(key: KeyId, wrapped: Vec<u8>) -> CoseRecipient {
    let unprotected = HeaderBuilder::new()
        .algorithm(Algorithm::RSAES_OAEP_SHA_256)
        .key_id(key.to_bytes().to_vec())
        .build();
    CoseRecipient { unprotected, ciphertext: Some(wrapped), ..CoseRecipient::default() }
}

/// The outer layer of a package, or of an answer.
pub(crate) struct Encrypt0 {
    pub(crate) structure: CoseEncrypt0,
    pub(crate) key_id: KeyId,
    pub(crate) nonce: [u8; NONCE_LENGTH],
}

impl Encrypt0 {
    /// Reads a `COSE_Encrypt0` (RFC 9052, 5.2) that is exactly as this project writes it: A256GCM,
    /// a key id, a nonce, and nothing besides. [`SealError::Malformed`] with `what` for any other.
    pub(crate) fn read(value: Value, what: &'static str) -> Result<Self, SealError> {
        let malformed = || SealError::Malformed(what);
        let read = CoseEncrypt0::from_cbor_value(value.clone()).map_err(|_| malformed())?;
        let key_id = key_id(&read.unprotected).ok_or_else(malformed)?;
        let nonce = nonce(&read.unprotected).ok_or_else(malformed)?;
        let written = CoseEncrypt0 {
            protected: protected(a256gcm()),
            unprotected: key_and_nonce(key_id, nonce),
            ciphertext: read.ciphertext,
        };
        let structure = same(written, &value).ok_or_else(malformed)?;
        Ok(Self { structure, key_id, nonce })
    }
}

/// The inner layer of a package.
pub(crate) struct Encrypt {
    pub(crate) structure: CoseEncrypt,
    pub(crate) key_id: KeyId,
    pub(crate) nonce: [u8; NONCE_LENGTH],
    pub(crate) wrapped: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

impl Encrypt {
    /// Reads a `COSE_Encrypt` (RFC 9052, 5.1) that is exactly as this project writes it: A256GCM, a
    /// nonce, and one recipient with a key wrapped by RSA-OAEP. [`SealError::Malformed`] with
    /// `what` for any other.
    pub(crate) fn read(value: Value, what: &'static str) -> Result<Self, SealError> {
        let malformed = || SealError::Malformed(what);
        let read = CoseEncrypt::from_cbor_value(value.clone()).map_err(|_| malformed())?;
        let [only] = read.recipients.as_slice() else { return Err(malformed()) };
        let key_id = key_id(&only.unprotected).ok_or_else(malformed)?;
        let nonce = nonce(&read.unprotected).ok_or_else(malformed)?;
        let wrapped = only.ciphertext.clone().ok_or_else(malformed)?;
        let ciphertext = read.ciphertext.ok_or_else(malformed)?;
        if wrapped.len() != WRAPPED_LENGTH {
            return Err(malformed());
        }
        let written = CoseEncrypt {
            protected: protected(a256gcm()),
            unprotected: nonce_alone(nonce),
            ciphertext: Some(ciphertext.clone()),
            recipients: vec![recipient(key_id, wrapped.clone())],
        };
        let structure = same(written, &value).ok_or_else(malformed)?;
        Ok(Self { structure, key_id, nonce, wrapped, ciphertext })
    }
}

/// Reads a signed answer.
pub(crate) fn read_sign1(value: Value, what: &'static str) -> Result<CoseSign1, SealError> {
    let malformed = || SealError::Malformed(what);
    let read = CoseSign1::from_cbor_value(value.clone()).map_err(|_| malformed())?;
    let written = CoseSign1 {
        protected: protected(eddsa()),
        unprotected: Header::default(),
        payload: read.payload,
        signature: read.signature,
    };
    same(written, &value).ok_or_else(malformed)
}

/// The bytes of a value in CBOR (RFC 8949), with every number and length in its shortest form.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// Decodes one item with nothing behind it and every number and length in its shortest form.
pub(crate) fn decode(bytes: &[u8], what: &'static str) -> Result<Value, SealError> {
    let mut rest = bytes;
    let value: Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, 16)
        .map_err(|_| SealError::Malformed(what))?;
    if !rest.is_empty() || encode(&value) != bytes {
        return Err(SealError::Malformed(what));
    }
    Ok(value)
}

/// The structure, if it is written as `value` and in no other way.
fn same<T: AsCborValue + Clone>(written: T, value: &Value) -> Option<T> {
    let again = written.clone().to_cbor_value().ok()?;
    (again == *value).then_some(written)
}

const fn protected(header: Header) -> ProtectedHeader {
    ProtectedHeader { original_data: None, header }
}

fn key_id(header: &Header) -> Option<KeyId> {
    header.key_id.as_slice().try_into().ok().map(KeyId::from_bytes)
}

fn nonce(header: &Header) -> Option<[u8; NONCE_LENGTH]> {
    header.iv.as_slice().try_into().ok()
}
