//! Gates: methods by which a person proves who they are (SPEC G-1).
//!
//! A gate is issued, spent, answered, consumed, in that order; only then is it recorded as
//! passed. [`GatePassed`] cannot be made outside this module.

pub(crate) mod email;

use protocol::Timestamp;
use store::flows::Fact;

/// A method of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// A code sent to an address that the organisation knows.
    Email,
}

impl Method {
    /// The stable name, in the store and in audit.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
        }
    }
}

/// The proof that a gate was passed.
pub(crate) struct GatePassed {
    method: Method,
    at: Timestamp,
}

impl GatePassed {
    /// What is recorded of it.
    pub(crate) fn fact(&self) -> Fact {
        Fact { method: self.method.name().to_owned(), passed_at: self.at }
    }
}
