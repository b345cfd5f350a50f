//! From the directory's answers to the outcomes of SPEC 5; what each code means stands in `table`.

pub(crate) mod table;

use protocol::Outcome;

use crate::code::BindRefusal;
use crate::error::{DirectoryError, Refusal, SetError};

/// LDAP's `referral` (RFC 4511 appendix A): a controller of Windows says so of whatever another domain of
/// the forest has (0000202B; MS-ADTS 3.1.1.4.6).
const REFERRAL: u32 = 10;
/// LDAP's `noSuchObject` (RFC 4511 appendix A).
const NO_SUCH_OBJECT: u32 = 32;

impl Refusal {
    /// Whether the policy refused the password: `0000052D`, with whatever result (SPEC D-8).
    pub fn is_policy(&self) -> bool {
        self.outcome() == Outcome::PolicyOther
    }

    /// Whether the object is not there.
    pub const fn is_no_such_object(&self) -> bool {
        self.result == NO_SUCH_OBJECT
    }

    /// Whether the one object that was asked for is not in the controller's domain: nowhere, or in another
    /// one of the forest. Where a base is configured, the latter is a mistake in the configuration.
    pub const fn is_not_in_the_domain(&self) -> bool {
        matches!(self.result, NO_SUCH_OBJECT | REFERRAL)
    }

    /// The outcome, before a mute policy failure is explained by [`explain_refusal`](crate::explain_refusal).
    pub fn outcome(&self) -> Outcome {
        table::of(self)
    }
}

impl BindRefusal {
    /// The outcome of a person's own sign-in, or of a change whose old password was tried by one,
    /// that was refused for this reason. The service account's has one of its own
    /// ([`Outcome::ServiceAccountRefused`]). Before the gates an account that is not there must not
    /// be told from a wrong password (SPEC G-7).
    pub fn outcome(self) -> Outcome {
        let row = table::BINDS.iter().find(|(refusal, _)| *refusal == self);
        row.map_or(Outcome::DirectoryUnknown, |(_, outcome)| *outcome)
    }
}

impl DirectoryError {
    /// The outcome of an operation that this ended before anything was set.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::PdcUnreachable { .. }
            | Self::NoPreferred { .. }
            | Self::Lost { .. }
            | Self::NotComputed { .. } => Outcome::PdcUnreachable,
            Self::Configuration(_) | Self::Unfit { .. } | Self::Unreadable { .. } => {
                Outcome::DirectoryConfiguration
            }
            Self::TooMuch { .. } => Outcome::DirectoryUnknown,
            Self::Certificate { .. } => Outcome::CertificateRefused,
            Self::BindRefused { .. } => Outcome::ServiceAccountRefused,
            Self::Refused(refusal) => refusal.outcome(),
        }
    }
}

/// The outcome of a set that failed. A policy failure is [`Outcome::PolicyOther`] here; ask
/// [`explain_refusal`](crate::explain_refusal) which rule it was.
pub fn outcome(error: &SetError) -> Outcome {
    match error {
        SetError::NotSent(error) => error.outcome(),
        SetError::NoPolicyControl => Outcome::NoPolicyControl,
        SetError::ControllerMoved => Outcome::PdcUnreachable,
        SetError::TooLate => Outcome::Expired,
        // An account is written to by its GUID: it has been moved to another domain.
        SetError::Refused(refusal) if refusal.is_not_in_the_domain() => Outcome::UserGone,
        SetError::Refused(refusal) => refusal.outcome(),
        SetError::Unknown { .. } => Outcome::InDoubt,
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
