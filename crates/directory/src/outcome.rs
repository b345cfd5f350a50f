//! From the directory's answers to the outcomes of SPEC 5: one table for all of them.

use protocol::policy::{AccountNames, Rule};
use protocol::{ClearPassword, Details, Outcome, Timestamp};

use crate::account::{Account, PwdLastSet};
use crate::code::AdCode;
use crate::error::{DirectoryError, Refusal, SetError};
use crate::policy::EffectivePolicy;

/// LDAP result codes (RFC 4511 appendix A) that mean something of their own here.
mod result {
    pub(super) const STRONGER_AUTH_REQUIRED: u32 = 8;
    pub(super) const REFERRAL: u32 = 10;
    pub(super) const UNAVAILABLE_CRITICAL_EXTENSION: u32 = 12;
    pub(super) const CONFIDENTIALITY_REQUIRED: u32 = 13;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    pub(super) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub(super) const BUSY: u32 = 51;
    pub(super) const UNAVAILABLE: u32 = 52;
}

impl Refusal {
    /// Whether the policy refused the password: `0000052D`, with whatever result (SPEC D-8).
    pub fn is_policy(&self) -> bool {
        self.code == Some(AdCode::PASSWORD_RESTRICTION)
    }

    /// Whether the object is not there.
    pub const fn is_no_such_object(&self) -> bool {
        self.result == result::NO_SUCH_OBJECT
    }

    /// The outcome, before a mute policy failure is explained by [`explain_refusal`].
    pub fn outcome(&self) -> Outcome {
        match self.code {
            Some(AdCode::PASSWORD_RESTRICTION) => return Outcome::PolicyOther,
            Some(AdCode::ACCESS_DENIED | AdCode::INSUFFICIENT_RIGHTS) => {
                return Outcome::PermissionMissing;
            }
            Some(AdCode::GENERAL_FAILURE) => return Outcome::DirectoryConfiguration,
            _ => {}
        }
        match self.result {
            result::UNAVAILABLE_CRITICAL_EXTENSION => Outcome::NoPolicyControl,
            result::NO_SUCH_OBJECT => Outcome::UserGone,
            result::INSUFFICIENT_ACCESS_RIGHTS => Outcome::PermissionMissing,
            result::STRONGER_AUTH_REQUIRED
            | result::REFERRAL
            | result::CONFIDENTIALITY_REQUIRED => Outcome::DirectoryConfiguration,
            // It is there and says that it cannot work: for everybody the same as not there.
            result::BUSY | result::UNAVAILABLE => Outcome::PdcUnreachable,
            _ => Outcome::DirectoryUnknown,
        }
    }
}

impl DirectoryError {
    /// The outcome of an operation that this ended before anything was set.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::PdcUnreachable { .. } | Self::Lost { .. } => Outcome::PdcUnreachable,
            Self::Configuration(_)
            | Self::Certificate { .. }
            | Self::BindRefused { .. }
            | Self::Unreadable { .. } => Outcome::DirectoryConfiguration,
            Self::Refused(refusal) => refusal.outcome(),
        }
    }
}

/// The outcome of a set that failed. A policy failure is [`Outcome::PolicyOther`] here; ask
/// [`explain_refusal`] which rule it was.
pub fn outcome(error: &SetError) -> Outcome {
    match error {
        SetError::NotSent(error) => error.outcome(),
        SetError::NoPolicyControl => Outcome::NoPolicyControl,
        SetError::ControllerMoved => Outcome::PdcUnreachable,
        SetError::TooLate => Outcome::Expired,
        SetError::Refused(refusal) => refusal.outcome(),
        SetError::Unknown { .. } => Outcome::InDoubt,
    }
}

/// Which rule a mute `0000052D` was about (SPEC D-8), by elimination.
///
/// A rule that the password certainly breaks is named first. If it breaks none, history is the
/// only rule left that a policy states; what remains is a password filter.
pub fn explain_refusal(
    policy: &EffectivePolicy,
    account: &Account,
    password: &ClearPassword,
) -> (Outcome, Details) {
    let mut details = Details::default();
    let Some(rules) = &policy.rules else { return (Outcome::PolicyOther, details) };
    let mut broken = rules.broken_rules(password, &account.names());
    broken.retain(|rule| *rule != Rule::ContainsName || policy.names_judged);
    let outcome = match broken.first() {
        Some(Rule::TooShort) => {
            details.minimum_length = Some(rules.minimum_length);
            Outcome::PolicyTooShort
        }
        Some(Rule::TooFewKinds | Rule::ContainsName) => Outcome::PolicyNotComplex,
        None if rules.history_length > 0 => {
            details.history_length = Some(rules.history_length);
            Outcome::PolicyHistory
        }
        None => Outcome::PolicyOther,
    };
    (outcome, details)
}

/// From when a change is possible, if the present password is too young (SPEC D-2, D-8). An account
/// that must change its password at the next sign-in is never too young.
pub fn too_young(policy: &EffectivePolicy, account: &Account, now: Timestamp) -> Option<Timestamp> {
    let rules = policy.rules.as_ref()?;
    let PwdLastSet::At(last_set) = account.pwd_last_set else { return None };
    let not_before = last_set.after(rules.minimum_age());
    (rules.minimum_age_seconds > 0 && not_before > now).then_some(not_before)
}

impl Account {
    /// The names that a complex password must not contain.
    pub fn names(&self) -> AccountNames {
        AccountNames {
            account_name: self.sam_account_name.clone(),
            display_name: self.display_name.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
