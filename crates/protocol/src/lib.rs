//! What the cloud service and the agent must agree on.
//!
//! Everything here is pure: no sockets, no files, no clock of its own, no cryptography. A type
//! belongs here if a cloud service of one version and an agent of another could disagree about
//! it. Whatever travels is decoded strictly: one value has one encoding, lengths are checked
//! before bytes are taken, and a property test shows that decoding never panics.
//!
//! ```text
//! header    what a package is bound to                      (SPEC K-2)
//! password  1 to 256 UTF-16 units in one of two plain areas (SPEC K-1)
//! answer    what the agent says happened                    (SPEC 5)
//! outcome   the one enumeration from AD's code to the page  (SPEC 5)
//! policy    the rules that pages show and the agent checks  (SPEC W-3, D-8)
//! ```
//!
//! To add an outcome: one row in its room of [`outcome`], one message per language in the cloud
//! service's `locales`; a test there names the message that is missing.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

pub mod answer;
pub mod area;
mod cbor;
pub mod clock;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod header;
pub mod ids;
pub mod limits;
pub mod onboarding;
pub mod operation;
pub mod outcome;
pub mod password;
pub mod policy;
pub mod randomness;
pub mod scim;
pub mod settlement;
pub mod version;

pub use answer::{Answer, Changed, Details};
pub use area::Passwords;
pub use clock::{Clock, Elapsed, ManualClock, Sleep, Timestamp, timeout};
pub use header::{Header, Purpose};
pub use ids::{AgentId, CloudAnchor, InstanceId, KeyId, RequestId, SourceAnchor, TenantId};
pub use operation::Operation;
pub use outcome::Outcome;
pub use password::{ClearPassword, PasswordError};
pub use policy::PasswordPolicy;
pub use randomness::Randomness;

/// What decoding refuses: the bytes are not what this version of the protocol writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not CBOR, cut short, or followed by more bytes.
    #[error("the bytes are not one complete CBOR item")]
    Malformed,
    /// CBOR, but not in the one encoding that this project writes.
    #[error("the bytes are not in the canonical encoding")]
    NotCanonical,
    /// A field is missing, has another type, or a value that it cannot have.
    #[error("field {0} is missing or has a value that it cannot have")]
    Field(&'static str),
    /// Written by a version that this one does not know.
    #[error("protocol version {0} is not known here")]
    Version(u64),
}
