//! What can go wrong between the agent and the directory.
//!
//! The texts are for the operator: they name controllers and never contain a password.

use crate::code::{AdCode, BindRefusal};
use crate::outcome::table;

/// A failure of a read, or of what comes before any operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The configuration cannot be worked with.
    #[error("the configuration of the directory: {0}")]
    Configuration(String),
    /// The PDC emulator was not found or does not answer (SPEC W-8).
    #[error("the PDC emulator cannot be reached: {cause}")]
    PdcUnreachable {
        /// Where it failed, and how.
        cause: String,
    },
    /// The controller's certificate was not accepted. Nothing was sent to it.
    #[error("the certificate of {controller} was refused: {cause}")]
    Certificate {
        /// The controller's DNS name.
        controller: String,
        /// What is wrong with it.
        cause: String,
    },
    /// What answers cannot be used as a controller until somebody repairs it or the configuration.
    #[error("{controller} cannot be used: {cause}")]
    Unfit {
        /// The controller's DNS name and address.
        controller: String,
        /// What was seen, and what to do.
        cause: String,
    },
    /// None of the controllers at which people are to be read can be reached, and no other one may be
    /// asked ([`crate::DirectoryConfig::only_preferred`]).
    #[error("none of the preferred controllers can be used, and only they may be: {cause}")]
    NoPreferred {
        /// How each of them failed.
        cause: String,
    },
    /// An attribute has more values than are taken, or answers about it have no end.
    #[error("{attribute} has more than is taken: {limit}")]
    TooMuch {
        /// Its name.
        attribute: String,
        /// What is taken at most.
        limit: String,
    },
    /// The controller did not take the service account's name and password.
    #[error("{controller} refused to bind {name}: {}{}", .refusal.text(), said(*.refusal, .diagnostic))]
    BindRefused {
        /// The controller's DNS name.
        controller: String,
        /// The configured name.
        name: String,
        /// Why.
        refusal: BindRefusal,
        /// The diagnostic text as it came; in the text where nothing else says the reason.
        diagnostic: String,
    },
    /// The connection was lost, or no answer came in time.
    #[error("the connection to the PDC emulator was lost: {cause}")]
    Lost {
        /// How it ended.
        cause: String,
    },
    /// The controller answered with an error.
    #[error("the directory refused: {0}")]
    Refused(Refusal),
    /// An attribute that the service account may read, and that the controller works out for whoever asks,
    /// is absent all the same.
    #[error(
        "the controller did not work out {attribute}: for that, a global catalog of the forest has to answer it"
    )]
    NotComputed {
        /// Its name.
        attribute: &'static str,
    },
    /// An attribute that must be there is absent, or has a form that it cannot have. Mostly a
    /// missing right to read.
    #[error("{attribute} cannot be read: does the service account have the right to?")]
    Unreadable {
        /// Its name.
        attribute: &'static str,
    },
}

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// LDAP's result code (RFC 4511 appendix A).
    pub result: u32,
    /// The Win32 code in the diagnostic text.
    pub code: Option<AdCode>,
    /// The diagnostic text as it came, for the log only.
    pub diagnostic: String,
}

/// A controller's diagnostic text as it is shown.
fn shown(diagnostic: &str) -> String {
    diagnostic.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// What a controller said to a bind, where the reason is not known.
fn said(refusal: BindRefusal, diagnostic: &str) -> String {
    match (refusal, shown(diagnostic)) {
        (BindRefusal::Other, text) if text.is_empty() => {
            ", and the controller says none".to_owned()
        }
        (BindRefusal::Other, text) => format!(", \"{text}\""),
        _ => String::new(),
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = shown(&self.diagnostic);
        let name = table::name_of(self.result);
        write!(f, "result {} ({name}), \"{shown}\"", self.result)
    }
}

/// Why a password was not set, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It failed before anything was sent: the password is unchanged.
    #[error("nothing was sent: {0}")]
    NotSent(#[source] DirectoryError),
    /// The controller offers no policy-hints control, so history would not be enforced (SPEC D-2).
    /// Nothing was sent, or the controller refused the control.
    #[error("the controller offers no policy-hints control")]
    NoPolicyControl,
    /// The role moved between the note in the journal and the set. Nothing was sent.
    #[error("the PDC emulator is another controller than the one that was noted")]
    ControllerMoved,
    /// The time until which it might be set passed before it was sent. Nothing was sent.
    #[error("the time to set the password passed before it was sent")]
    TooLate,
    /// The directory answered with an error: the password is unchanged.
    #[error("the directory refused the set: {0}")]
    Refused(Refusal),
    /// The request may have left and no answer came: the password may be changed or not. Settle by
    /// the witness, never by a second set.
    #[error("it is not known whether the password was set: {cause}")]
    Unknown {
        /// How the connection ended, or that the time limit passed.
        cause: String,
    },
}
