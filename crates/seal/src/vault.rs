//! Encryption at rest (SPEC K-5, A-7): secrets are wrapped under a master key that is kept
//! outside the database, each bound to the name of its place.

use protocol::Randomness;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::SealError;
use crate::aead::{self, NONCE_LENGTH, derive};
use crate::code::CodeKey;

/// The master key: 32 bytes from a file or a systemd credential.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Takes the key as it stands in its file.
    ///
    /// # Errors
    /// [`SealError::Key`] unless it has 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Ok(Self(bytes.try_into().map_err(|_| SealError::Key("master key"))?))
    }

    /// Wraps a secret for the place that `place` names (for example `agent 7f… package key`).
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn wrap(
        &self,
        place: &str,
        secret: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<Vec<u8>, SealError> {
        let key = derive(&self.0, "passback v1 wrap")?;
        let nonce = aead::nonce(randomness);
        let sealed = aead::seal(&key, nonce, place.as_bytes(), secret)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Unwraps what was wrapped for the same place.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`] for another place, another key, or any change.
    pub fn unwrap(&self, place: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        const SECRET: &str = "stored secret";
        let (nonce, sealed) =
            wrapped.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Malformed(SECRET))?;
        let key = derive(&self.0, "passback v1 wrap")?;
        aead::open(&key, *nonce, place.as_bytes(), sealed, SECRET)
    }

    /// The key that one-time codes are hashed with.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn code_key(&self) -> Result<CodeKey, SealError> {
        Ok(CodeKey::new(&*derive(&self.0, "passback v1 code hash")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandomness;

    #[test]
    fn a_secret_opens_only_in_its_own_place_and_unchanged() {
        let key = MasterKey::from_bytes(&[1; 32]).unwrap();
        let random = SystemRandomness::default();
        let wrapped = key.wrap("here", b"secret", &random).unwrap();
        assert_eq!(key.unwrap("here", &wrapped).unwrap().as_slice(), b"secret");
        assert!(key.unwrap("there", &wrapped).is_err());
        assert!(MasterKey::from_bytes(&[2; 32]).unwrap().unwrap("here", &wrapped).is_err());
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            assert!(key.unwrap("here", &changed).is_err(), "byte {at}");
        }
        assert!(key.unwrap("here", &wrapped[..5]).is_err());
    }
}
