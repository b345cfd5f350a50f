//! AES-256-GCM with random 96-bit nonces, and HKDF-SHA-256.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use protocol::Randomness;
use zeroize::Zeroizing;

use crate::SealError;

/// Length of a nonce in bytes. A key rolls over long before 2³⁰ packages (SPEC K-2), so random
/// nonces do not collide.
pub(crate) const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const KEY_LENGTH: usize = 32;

/// Draws the nonce of one package, to be used with [`seal`] once.
pub(crate) fn nonce(randomness: &dyn Randomness) -> [u8; NONCE_LENGTH] {
    let mut nonce = [0; NONCE_LENGTH];
    randomness.fill(&mut nonce);
    nonce
}

/// Encrypts with AES-256-GCM (RFC 5116); gives the ciphertext with the 16 bytes of the tag behind
/// it. `associated_data` is not part of it, but must be the same to open it. [`SealError::Library`]
/// if the cryptographic library fails.
pub(crate) fn seal(
    key: &[u8; KEY_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    associated_data: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let failed = |_| SealError::Library("encrypt");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(failed)?);
    let mut sealed = Vec::with_capacity(plaintext.len() + TAG_LENGTH);
    sealed.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::from(associated_data), &mut sealed).map_err(failed)?;
    Ok(sealed)
}

/// Decrypts what [`seal`] gave; the plaintext is wiped when dropped. [`SealError::NotAuthentic`]
/// with `what` unless key, nonce, associated data and ciphertext are those of one [`seal`].
pub(crate) fn open(
    key: &[u8; KEY_LENGTH],
    nonce: [u8; NONCE_LENGTH],
    associated_data: &[u8],
    ciphertext: &[u8],
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SealError::Library("decrypt"))?;
    let key = LessSafeKey::new(unbound);
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = key
        .open_in_place(nonce, Aad::from(associated_data), &mut buffer)
        .map_err(|_| SealError::NotAuthentic(what))?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

/// HKDF-SHA-256 without salt (RFC 5869), 32 bytes, for the purpose that `label` names.
pub(crate) fn derive(
    key: &[u8; KEY_LENGTH],
    label: &str,
) -> Result<Zeroizing<[u8; KEY_LENGTH]>, SealError> {
    let failed = |_| SealError::Library("derive a key");
    let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(key);
    let info = [label.as_bytes()];
    let mut derived = Zeroizing::new([0; KEY_LENGTH]);
    let output = pseudo_random.expand(&info, hkdf::HKDF_SHA256).map_err(failed)?;
    output.fill(derived.as_mut()).map_err(failed)?;
    Ok(derived)
}
