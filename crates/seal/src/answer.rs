//! Answers: signed by the agent identity, then sealed under the answer key, bound to the header
//! of the request, so that the relay can neither read nor invent them (SPEC K-2). All of them have
//! one size, so that the relay cannot guess them either.
//!
//! ```text
//! answer = COSE_Encrypt0 [ << {1: A256GCM} >>, {4: package key id, 5: nonce},
//!            ciphertext( COSE_Sign1 [ << {1: EdDSA} >>, {}, area, signature ] ) ]
//! area   = length of the Answer in bytes (2, big endian) | Answer | zeros up to 160
//! ```

use coset::{CborSerializable as _, CoseEncrypt0Builder, CoseSign1Builder};
use protocol::limits::{ANSWER_AREA, ANSWER_MAX};
use protocol::{Answer, Header, Purpose, Randomness};

use crate::aead::{self, nonce};
use crate::cose::{Encrypt0, a256gcm, decode, eddsa, key_and_nonce, read_sign1};
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
    seal_area(key, identity, header, to_area(answer)?, randomness)
}

fn seal_area(
    key: &PackageKey,
    identity: &SigningKey,
    header: &Header,
    area: Vec<u8>,
    randomness: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    let associated_data = header.associated_data(Purpose::Answer);
    let signed = CoseSign1Builder::new()
        .protected(eddsa())
        .payload(area)
        .create_signature(&associated_data, |message| identity.sign(message))
        .build()
        .to_vec()
        .map_err(|_| SealError::Library("encode"))?;
    let nonce = nonce(randomness);
    let answer_key = key.answer_key()?;
    CoseEncrypt0Builder::new()
        .protected(a256gcm())
        .unprotected(key_and_nonce(key.key_id()?, nonce))
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
    let outer = Encrypt0::read(decode(sealed, ANSWER)?, ANSWER)?;
    if outer.key_id != key.key_id()? {
        return Err(SealError::UnknownKey(ANSWER));
    }
    let answer_key = key.answer_key()?;
    let structure = &outer.structure;
    let signed =
        structure.decrypt_ciphertext(&associated_data, malformed, |ciphertext, data| {
            aead::open(&answer_key, outer.nonce, data, ciphertext, ANSWER)
                .map(|plain| plain.to_vec())
        })?;
    let signed = read_sign1(decode(&signed, ANSWER)?, ANSWER)?;
    signed.verify_signature(&associated_data, |signature, message| {
        identity.verify(message, signature)
    })?;
    from_area(&signed.payload.ok_or_else(malformed)?)
}

/// The area of an answer: what is signed. [`SealError::Size`] if it does not fit (SPEC K-2).
pub(crate) fn to_area(answer: &Answer) -> Result<Vec<u8>, SealError> {
    let encoded = answer.encode();
    let length = u16::try_from(encoded.len()).map_err(|_| SealError::Size(ANSWER))?;
    let mut area = Vec::with_capacity(ANSWER_AREA);
    area.extend_from_slice(&length.to_be_bytes());
    area.extend_from_slice(&encoded);
    // The tests show that every outcome fits; a longer one must not go out in a size of its own.
    if area.len() > ANSWER_AREA {
        return Err(SealError::Size(ANSWER));
    }
    area.resize(ANSWER_AREA, 0);
    Ok(area)
}

/// Reads exactly what [`to_area`] writes; [`SealError::Size`] or [`SealError::Malformed`] for anything else.
pub(crate) fn from_area(area: &[u8]) -> Result<Answer, SealError> {
    let malformed = || SealError::Malformed(ANSWER);
    if area.len() != ANSWER_AREA {
        return Err(SealError::Size(ANSWER));
    }
    let (length, rest) = area.split_first_chunk().ok_or_else(malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (encoded, padding) = rest.split_at_checked(length).ok_or_else(malformed)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(malformed());
    }
    Answer::decode(encoded).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use protocol::{AgentId, Details, KeyId, Operation, Outcome, RequestId, TenantId, Timestamp};

    use super::*;
    use crate::SystemRandomness;

    fn header() -> Header {
        Header {
            tenant: TenantId::from_bytes([1; 16]),
            agent: AgentId::from_bytes([2; 16]),
            request: RequestId::from_bytes([3; 16]),
            operation: Operation::Reset,
            cloud_anchor: "anchor".parse().unwrap(),
            key_id: KeyId::from_bytes([4; 16]),
            issued_at: Timestamp::from_millis(1_795_300_000_000),
            expires_at: Timestamp::from_millis(1_795_300_180_000),
        }
    }

    fn answer(outcome: Outcome, details: Details) -> Answer {
        Answer { outcome, details, finished_at: Timestamp::from_millis(i64::MAX) }
    }

    /// Signs and seals this area as the true agent would, and opens it.
    fn open_signed(area: &[u8]) -> Result<Answer, SealError> {
        let random = SystemRandomness::default();
        let (key, identity) = (PackageKey::generate(&random), SigningKey::generate().unwrap());
        let sealed = seal_area(&key, &identity, &header(), area.to_vec(), &random).unwrap();
        open_answer(&key, &identity.verifying_key(), &header(), &sealed)
    }

    #[test]
    fn every_answer_fits_the_area_with_room_for_longer_ones() {
        let longest = Details {
            minimum_length: Some(u32::MAX),
            history_length: Some(u32::MAX),
            not_before: Some(Timestamp::from_millis(i64::MIN)),
            inferred: true,
        };
        let lengths = Outcome::answers().map(|outcome| answer(outcome, longest).encode().len());
        assert_eq!(lengths.max(), Some(68));
        for outcome in Outcome::answers() {
            for details in [Details::default(), longest] {
                let answer = answer(outcome, details);
                let area = to_area(&answer).unwrap();
                assert_eq!(area.len(), ANSWER_AREA);
                assert_eq!(from_area(&area), Ok(answer));
            }
        }
    }

    #[test]
    fn an_area_with_another_padding_length_or_size_is_refused_although_it_is_signed() {
        let answer = answer(Outcome::PolicyTooShort, Details::default());
        let good = to_area(&answer).unwrap();
        assert_eq!(open_signed(&good), Ok(answer));
        let end = 2 + answer.encode().len();
        for at in end..ANSWER_AREA {
            let mut dirty = good.clone();
            dirty[at] = 1;
            assert_eq!(open_signed(&dirty), Err(SealError::Malformed(ANSWER)), "byte {at}");
        }
        let right = u16::try_from(end - 2).unwrap();
        for length in (0..=u16::MAX).filter(|length| *length != right) {
            let area = [&length.to_be_bytes(), &good[2..]].concat();
            assert_eq!(from_area(&area), Err(SealError::Malformed(ANSWER)), "length {length}");
        }
        for length in [0, right - 1, right + 1, 158, 159, u16::MAX] {
            let area = [&length.to_be_bytes(), &good[2..]].concat();
            assert_eq!(open_signed(&area), Err(SealError::Malformed(ANSWER)), "length {length}");
        }
        for size in [0, 1, 2, end, ANSWER_AREA - 1, ANSWER_AREA + 1, 192] {
            let mut area = good.clone();
            area.resize(size, 0);
            assert_eq!(open_signed(&area), Err(SealError::Size(ANSWER)), "{size} bytes");
        }
        // The answer as it is, as if there were no area.
        assert_eq!(open_signed(&answer.encode()), Err(SealError::Size(ANSWER)));
    }
}
