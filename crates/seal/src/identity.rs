//! Ed25519 keys: the agent identity, and the key that may listen at the relay (SPEC A-2, W-5).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::SealError;

/// The private half. It is made on the agent and never leaves it.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn generate() -> Result<Self, SealError> {
        let failed = |_| SealError::Library("make a signing key");
        let pair = Ed25519KeyPair::generate().map_err(failed)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(failed)?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()) })
    }

    /// Reads a private key (PKCS #8, DER).
    ///
    /// # Errors
    /// [`SealError::Key`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SealError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
            .map_err(|_| SealError::Key("signing key"))?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8.to_vec()) })
    }

    /// The private key as PKCS #8 (DER), for the vault and for signing tokens.
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(bytes)
    }

    /// The Ed25519 signature of a message (RFC 8032): 64 bytes, the same ones for the same message.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// The public half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Takes the 32 bytes of a public key (RFC 8032).
    ///
    /// # Errors
    /// [`SealError::Key`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Ok(Self(bytes.try_into().map_err(|_| SealError::Key("verifying key"))?))
    }

    /// The 32 bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// [`SealError::Signature`] unless this key's private half signed exactly this message (RFC
    /// 8032).
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SealError> {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(message, signature).map_err(|_| SealError::Signature)
    }
}
