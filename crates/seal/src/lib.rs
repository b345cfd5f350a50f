//! All cryptography of packages (SPEC 7), and nothing else: no sockets, no files, no clock.
//!
//! ```text
//! browser or cloud   seal_passwords   password area → inner COSE_Encrypt, for one agent's RSA key
//! cloud              seal_request    inner → package, under that agent's package key
//! agent              open_request    package → header and inner, open_passwords → password
//! agent              seal_answer     answer, signed → sealed under the answer key
//! cloud              open_answer     the reverse, signature checked
//! ```
//!
//! Every layer takes the complete header as associated data, under a label of its own
//! ([`protocol::Purpose`]), so a structure means one thing for one request. Formats are COSE
//! (RFC 9052, RFC 9053, RFC 8230); `docs/package.md` describes them with vectors.
//!
//! Randomness is an argument, except for RSA key generation and OAEP padding, which aws-lc-rs
//! draws itself.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

mod aead;
mod answer;
mod code;
mod cose;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod identity;
mod keys;
mod random;
mod request;
mod vault;

pub use answer::{open_answer, seal_answer};
pub use code::{CodeKey, OneTimeCode};
pub use identity::{SigningKey, VerifyingKey};
pub use keys::{AgentKeys, Generation, KeyPair, PackageKey, PublicKey};
pub use random::SystemRandomness;
pub use request::{
    OpenedRequest, check_inner, claimed_header, open_passwords, open_request, seal_passwords,
    seal_request,
};
pub use vault::MasterKey;

/// Why a structure was not made or not opened. It says which layer, never what was in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Larger than SPEC K-1 allows, or not one of its sizes.
    #[error("the {0} has a size that is not allowed")]
    Size(&'static str),
    /// Not the structure that this project writes.
    #[error("the {0} is malformed")]
    Malformed(&'static str),
    /// The header cannot be read.
    #[error("the header cannot be read: {0}")]
    Header(protocol::DecodeError),
    /// Sealed under a key that is not held here.
    #[error("the {0} is sealed under a key that is not held here")]
    UnknownKey(&'static str),
    /// The key does not open it, or what it is bound to was changed.
    #[error("the {0} does not open: another key, or changed on its way")]
    NotAuthentic(&'static str),
    /// The signature is not the agent's.
    #[error("the answer is not signed by the agent")]
    Signature,
    /// What was sealed is not a password.
    #[error("what was sealed is not a password: {0}")]
    Password(#[from] protocol::PasswordError),
    /// A key cannot be read.
    #[error("the {0} cannot be read")]
    Key(&'static str),
    /// The cryptographic library failed, for example for want of memory.
    #[error("the cryptographic library failed to {0}")]
    Library(&'static str),
}
