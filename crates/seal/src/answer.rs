//! Answers: signed by the agent identity, then sealed under the answer key, bound to the header
//! of the request, so that the relay can neither read nor invent them (SPEC K-2).
//!
//! ```text
//! answer = COSE_Encrypt0 [ << {1: A256GCM} >>, {4: package key id, 5: nonce},
//!            ciphertext( COSE_Sign1 [ << {1: EdDSA} >>, {}, Answer, signature ] ) ]
//! ```

use coset::iana::Algorithm;
use coset::{
    AsCborValue as _, CborSerializable as _, CoseEncrypt0, CoseEncrypt0Builder, CoseSign1,
    CoseSign1Builder, HeaderBuilder,
};
use protocol::limits::ANSWER_MAX;
use protocol::{Answer, Header, Purpose, Randomness};

use crate::aead::{self, nonce};
use crate::request::decode;
use crate::{PackageKey, SealError, SigningKey, VerifyingKey};

const ANSWER: &str = "answer";

/// Signs and seals an answer to the request with this header.
///
/// # Errors
/// [`SealError::Library`].
pub fn seal_answer(
    key: &PackageKey,
    identity: &SigningKey,
    header: &Header,
    answer: &Answer,
    randomness: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    let associated_data = header.associated_data(Purpose::Answer);
    let signed = CoseSign1Builder::new()
        .protected(HeaderBuilder::new().algorithm(Algorithm::EdDSA).build())
        .payload(answer.encode())
        .create_signature(&associated_data, |message| identity.sign(message))
        .build()
        .to_vec()
        .map_err(|_| SealError::Library("encode"))?;
    let nonce = nonce(randomness);
    let answer_key = key.answer_key()?;
    CoseEncrypt0Builder::new()
        .protected(HeaderBuilder::new().algorithm(Algorithm::A256GCM).build())
        .unprotected(
            HeaderBuilder::new()
                .key_id(key.key_id()?.to_bytes().to_vec())
                .iv(nonce.to_vec())
                .build(),
        )
        .try_create_ciphertext(&signed, &associated_data, |plain, data| {
            aead::seal(&answer_key, nonce, data, plain)
        })?
        .build()
        .to_vec()
        .map_err(|_| SealError::Library("encode"))
}

/// Opens an answer to the request with this header and checks the agent's signature.
///
/// # Errors
/// Whatever [`seal_answer`] did not write for this very request under this very key.
pub fn open_answer(
    key: &PackageKey,
    identity: &VerifyingKey,
    header: &Header,
    sealed: &[u8],
) -> Result<Answer, SealError> {
    let malformed = || SealError::Malformed(ANSWER);
    if sealed.len() > ANSWER_MAX {
        return Err(SealError::Size(ANSWER));
    }
    let associated_data = header.associated_data(Purpose::Answer);
    let outer = CoseEncrypt0::from_cbor_value(decode(sealed, ANSWER)?).map_err(|_| malformed())?;
    let unprotected = HeaderBuilder::new()
        .key_id(outer.unprotected.key_id.clone())
        .iv(outer.unprotected.iv.clone())
        .build();
    let a256gcm = HeaderBuilder::new().algorithm(Algorithm::A256GCM).build();
    if outer.protected.header != a256gcm || outer.unprotected != unprotected {
        return Err(malformed());
    }
    if outer.unprotected.key_id != key.key_id()?.to_bytes() {
        return Err(SealError::UnknownKey(ANSWER));
    }
    let answer_key = key.answer_key()?;
    let signed = outer.decrypt_ciphertext(&associated_data, malformed, |ciphertext, data| {
        aead::open(&answer_key, &outer.unprotected.iv, data, ciphertext, ANSWER)
            .map(|plain| plain.to_vec())
    })?;
    let signed = CoseSign1::from_slice(&signed).map_err(|_| malformed())?;
    if signed.protected.header != HeaderBuilder::new().algorithm(Algorithm::EdDSA).build()
        || !signed.unprotected.is_empty()
    {
        return Err(malformed());
    }
    signed.verify_signature(&associated_data, |signature, message| {
        identity.verify(message, signature)
    })?;
    let payload = signed.payload.ok_or_else(malformed)?;
    Answer::decode(&payload).map_err(|_| malformed())
}
