//! The agent's key pair and its package key (SPEC A-2, K-1).
//!
//! Rotation is current + previous ([`AgentKeys`]): a package sealed for the previous pair opens
//! until the previous one is destroyed, at least one message lifetime after the change.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use protocol::{KeyId, Randomness};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::SealError;
use crate::aead::derive;

const FINGERPRINT_LABEL: &str = "passback v1 key fingerprint";
const ANSWER_LABEL: &str = "passback v1 answer key";

/// The public half of an agent's RSA-2048 pair.
pub struct PublicKey {
    spki: Vec<u8>,
    key: OaepPublicEncryptingKey,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (DER).
    ///
    /// # Errors
    /// [`SealError::Key`] if it is not an RSA key of 2,048 bits.
    pub fn from_spki(spki: &[u8]) -> Result<Self, SealError> {
        let unreadable = SealError::Key("public key");
        let key = PublicEncryptingKey::from_der(spki).map_err(|_| unreadable.clone())?;
        if key.key_size_bits() != 2_048 {
            return Err(unreadable);
        }
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| unreadable)?;
        Ok(Self { spki: spki.to_vec(), key })
    }

    /// The SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The first 16 bytes of SHA-256 of the SubjectPublicKeyInfo.
    pub fn key_id(&self) -> KeyId {
        first_16(digest(&SHA256, &self.spki).as_ref())
    }

    /// RSA-OAEP with SHA-256 and an empty label (RFC 8230).
    pub(crate) fn encrypt(&self, key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        let length = self
            .key
            .encrypt(&OAEP_SHA256_MGF1SHA256, key, &mut wrapped, None)
            .map_err(|_| SealError::Library("wrap a key"))?
            .len();
        wrapped.truncate(length);
        Ok(wrapped)
    }
}

/// An agent's RSA-2048 pair. The private half never leaves the agent.
pub struct KeyPair {
    private: OaepPrivateDecryptingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl KeyPair {
    /// Makes a new pair. Takes some tenths of a second.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn generate() -> Result<Self, SealError> {
        let failed = |_| SealError::Library("make a key pair");
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(failed)?;
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(failed)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    /// Reads a private key (PKCS #8, DER).
    ///
    /// # Errors
    /// [`SealError::Key`] if it is not an RSA key of 2,048 bits.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SealError> {
        let unreadable = SealError::Key("private key");
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| unreadable.clone())?;
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(&key.public_key())
            .map_err(|_| unreadable.clone())?;
        let public = PublicKey::from_spki(spki.as_ref())?;
        let private = OaepPrivateDecryptingKey::new(key).map_err(|_| unreadable)?;
        Ok(Self { private, pkcs8: Zeroizing::new(pkcs8.to_vec()), public })
    }

    /// The private key as PKCS #8 (DER), for the vault only.
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Unwraps the 32-byte content key of the inner layer (RSA-OAEP with SHA-256, SPEC K-1).
    /// [`SealError::NotAuthentic`] if it was wrapped for another key, or is none.
    pub(crate) fn decrypt(&self, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let refused = || SealError::NotAuthentic("key of the inner layer");
        let mut buffer = Zeroizing::new(vec![0; self.private.min_output_size()]);
        let key = self
            .private
            .decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut buffer, None)
            .map_err(|_| refused())?;
        Ok(Zeroizing::new(<[u8; 32]>::try_from(&*key).map_err(|_| refused())?))
    }
}

/// The AES-256-GCM key that cloud and agent share (SPEC K-1, step 2).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PackageKey([u8; 32]);

impl PackageKey {
    /// Makes a new key.
    pub fn generate(randomness: &dyn Randomness) -> Self {
        let mut key = Self([0; 32]);
        randomness.fill(&mut key.0);
        key
    }

    /// Takes a key as it is stored or travels at onboarding.
    ///
    /// # Errors
    /// [`SealError::Key`] unless it has 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Ok(Self(bytes.try_into().map_err(|_| SealError::Key("package key"))?))
    }

    /// The bytes of the key, for the vault and for onboarding only.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 bytes of SHA-256 of a fingerprint derived with HKDF.
    ///
    /// # Errors
    /// [`SealError::Library`].
    pub fn key_id(&self) -> Result<KeyId, SealError> {
        let fingerprint = derive(&self.0, FINGERPRINT_LABEL)?;
        Ok(first_16(digest(&SHA256, fingerprint.as_ref()).as_ref()))
    }

    /// The key of the answers' direction (SPEC K-2).
    pub(crate) fn answer_key(&self) -> Result<Zeroizing<[u8; 32]>, SealError> {
        derive(&self.0, ANSWER_LABEL)
    }
}

/// One generation of what onboarding makes on the agent.
pub struct Generation {
    /// The RSA pair.
    pub pair: KeyPair,
    /// The package key.
    pub package_key: PackageKey,
}

/// The keys that an agent opens packages with: the current ones, and until they are destroyed
/// the previous ones.
pub struct AgentKeys {
    current: Generation,
    previous: Option<Generation>,
}

impl AgentKeys {
    /// Keys without a previous generation.
    pub fn new(pair: KeyPair, package_key: PackageKey) -> Self {
        Self { current: Generation { pair, package_key }, previous: None }
    }

    /// The same with the generation before, which still opens.
    #[must_use]
    pub fn with_previous(mut self, pair: KeyPair, package_key: PackageKey) -> Self {
        self.previous = Some(Generation { pair, package_key });
        self
    }

    /// What the agent offers at onboarding and answers with when it knows no better.
    pub fn current(&self) -> &Generation {
        &self.current
    }

    /// The RSA pair with this id, of the current generation or the previous one.
    pub(crate) fn pair(&self, id: KeyId) -> Option<&KeyPair> {
        self.all().map(|one| &one.pair).find(|pair| pair.public().key_id() == id)
    }

    /// The package key with this id.
    pub fn package_key(&self, id: KeyId) -> Option<&PackageKey> {
        self.all().map(|one| &one.package_key).find(|key| key.key_id() == Ok(id))
    }

    fn all(&self) -> impl Iterator<Item = &Generation> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

fn first_16(hash: &[u8]) -> KeyId {
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    KeyId::from_bytes(id)
}
