//! Why an entry cannot be settled yet, how often that is said, and when it is looked at again.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use directory::{DirectoryError, DistinguishedName};
use protocol::{Outcome, RequestId, Timestamp};

use crate::journal::Before;

/// How long to wait before looking again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long at most: each look may be a new connection. When the directory is there again, this and the time
/// limit of a set pass before it is known that nothing was changed, well within a minute (THREATS I7).
const LOOK_SELDOM: Duration = Duration::from_secs(20);
/// How long the same is not said again.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Why an entry cannot be settled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// The configuration no longer has the directory.
    NoSuchDirectory { connector: String },
    /// The directory does not say.
    Unreadable { cause: String },
    /// Unchanged counts only at the controller that was asked.
    OtherController { noted: String, now: String },
    /// Where the role is now there is no such account, and only the controller that was asked knows
    /// whether it is gone.
    NotThere { noted: String },
    /// A set that was sent may still be carried out.
    MayStillHappen,
    /// The controller has neither answered the set nor hung up: it may be working on it.
    NotOver { noted: String },
}

impl From<DirectoryError> for Why {
    fn from(error: DirectoryError) -> Self {
        Self::Unreadable { cause: error.to_string() }
    }
}

impl Why {
    pub(super) fn not_there(before: &Before) -> Self {
        Self::NotThere { noted: before.controller.clone() }
    }

    pub(super) fn not_over(before: &Before) -> Self {
        Self::NotOver { noted: before.controller.clone() }
    }

    /// Whether it is waited for what only the controller knows that was asked.
    pub(super) const fn is_for_the_noted_one(&self) -> bool {
        matches!(self, Self::OtherController { .. } | Self::NotThere { .. })
    }

    /// Whether it is waited for the set itself, which may still be made.
    pub(super) const fn is_of_the_set(&self) -> bool {
        matches!(self, Self::MayStillHappen | Self::NotOver { .. })
    }

    /// How long to wait before the next look, having waited for so long: a tenth of that, where it is
    /// not known what is waited for.
    pub(super) fn pause(&self, waited: Duration) -> Duration {
        match self {
            _ if self.is_of_the_set() => LOOK_AGAIN,
            _ => (waited / 10).clamp(LOOK_AGAIN, LOOK_SELDOM),
        }
    }

    pub(super) fn say(&self, request: RequestId) {
        match self {
            Self::NoSuchDirectory { connector } => tracing::error!(
                event = "settle.no_such_directory",
                %request,
                connector,
                outcome = Outcome::DirectoryNotEnabled.name(),
                number = Outcome::DirectoryNotEnabled.number(),
                "a password may have been set in this directory and nobody can look; put the [[directory]] with this name back into the configuration and start the agent again"
            ),
            Self::Unreadable { cause } => {
                tracing::warn!(event = "settle.directory_failed", %request, cause);
            }
            Self::OtherController { noted, now } => tracing::warn!(
                event = "settle.other_controller",
                %request,
                noted,
                now,
                "unchanged counts only at the controller that was asked, and it cannot be asked; waiting for it"
            ),
            Self::NotThere { noted } => tracing::warn!(
                event = "settle.not_there",
                %request,
                noted,
                "the PDC emulator does not have the account; whether it is gone, or new and not replicated yet, only the controller that was asked knows, and it cannot be asked; waiting for it"
            ),
            Self::NotOver { noted } => tracing::warn!(
                event = "settle.not_over",
                %request,
                noted,
                "the controller has neither answered nor hung up, and may still set the password; waiting for it, a quarter of an hour at most. Where a balancer or proxy between here and there passes nothing on, it is over as soon as that hangs up"
            ),
            Self::MayStillHappen => {}
        }
    }
}

/// Tells the operator why nobody can know how an unlock ended.
pub(super) fn say_lockout_is_hidden(request: RequestId, dn: &DistinguishedName) {
    tracing::warn!(
        event = "settle.lockout_hidden",
        %request,
        %dn,
        "the service account may not read lockoutTime, so nobody can know whether the account was unlocked; `passback-agent permissions check` says what is missing"
    );
}

/// What was last said about an entry: the same is not said again within [`SAY_AGAIN`].
#[derive(Default)]
pub(super) struct Said(Option<(Discriminant<Why>, Timestamp)>);

impl Said {
    pub(super) fn is_due(&mut self, why: &Why, now: Timestamp) -> bool {
        let what = discriminant(why);
        if self.0.is_some_and(|(last, at)| last == what && at.apart(now) < SAY_AGAIN) {
            return false;
        }
        self.0 = Some((what, now));
        true
    }
}
