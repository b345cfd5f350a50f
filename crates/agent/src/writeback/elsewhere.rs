//! How another agent's request ended, as far as the directory shows it (SPEC PR-2). Writes nothing.
//!
//! This agent has no note of how the password stood before. It knows when the request was issued, by
//! the cloud's clock, and reads when the password was last written, by the controller's; both clocks
//! are compared with its own. Written since, where it was asked for and while it could have been: the
//! request, or somebody else meanwhile, which is why whatever is concluded here is told as inferred.
//! Written later, or at another controller: by somebody else, after ours or instead of it. This agent
//! cannot know then; the one that was asked may, from its note. It has a day to come back.
//!
//! Anything counts once the message has expired by every clock that may be used, and the controller's
//! time limit for a set has passed too: by then nobody sets it any more.

use std::time::Duration;

use directory::PwdLastSet;
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{Details, Header, Operation, Outcome, Timestamp};
use sync::{AdAccount, Resolution};

use super::Writeback;
use crate::clocks::{CERTAIN, FIRST_MEASUREMENT, midway};
use crate::directories::Connected;

/// Controllers date what they write to the second, and say what time it is to the second. Nobody gets
/// from the end of one operation to the submission of the next in that time.
const GRAIN: Duration = Duration::from_secs(2);
/// By so much later than is certain by this agent's own clock it concludes. It covers a step of the
/// clock in between.
const MARGIN: Duration = Duration::from_secs(5);

/// How long the agent that was asked is waited for where it may know what this one cannot.
const NOTE_AWAITED: Duration = Duration::from_secs(24 * 60 * 60);

/// Why nothing can be concluded, now or at all.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// A set may still be under way.
    #[error("it may still happen")]
    MayStillHappen,
    /// How far this agent's clock is from the cloud's is not known, or too far.
    #[error("this agent's clock cannot be compared with the cloud's")]
    Clock,
    /// Somebody else may have written it, after the request or instead of it.
    #[error("somebody else may have written it: the agent that was asked may know")]
    OfSomebodyElse,
    /// Nobody, or not exactly one account, is meant as far as this agent knows.
    #[error("the person has no account in a directory of this agent")]
    NoAccount,
    /// Who is meant cannot be looked up.
    #[error("who is meant cannot be looked up: {0}")]
    Sync(String),
    /// Whether the account is locked may not be read.
    #[error("the service account may not read lockoutTime")]
    Hidden,
    /// The directory does not say.
    #[error("the directory does not say: {0}")]
    Directory(String),
}

impl From<directory::DirectoryError> for Unseen {
    fn from(error: directory::DirectoryError) -> Self {
        Self::Directory(error.to_string())
    }
}

impl Writeback {
    /// What the directory shows of a request that another agent was given.
    ///
    /// # Errors
    /// [`Unseen`]: nothing is concluded.
    pub(crate) async fn seen(&self, header: &Header) -> Result<(Outcome, Details), Unseen> {
        let found = self.sync.resolve(&header.cloud_anchor).await;
        match found.map_err(|error| Unseen::Sync(error.to_string()))? {
            Resolution::Account(account) => self.seen_of(header, &account).await,
            // Disabled since, or before: how its password stands says the same.
            Resolution::NoAccountEnabledRule(accounts) => match accounts.as_slice() {
                [account] => self.seen_of(header, account).await,
                _ => Err(Unseen::NoAccount),
            },
            _ => Err(Unseen::NoAccount),
        }
    }

    /// The same of the account that was meant.
    pub(super) async fn seen_of(
        &self,
        header: &Header,
        found: &AdAccount,
    ) -> Result<(Outcome, Details), Unseen> {
        let connected = self.directories.named(found.connector.as_str());
        let connected = connected.ok_or(Unseen::NoAccount)?;
        // The agent that was asked may be behind the cloud's clock, and this one ahead of it.
        let clocks = CLOCK_DIFFERENCE_MAX * 2;
        let limit = connected.settings.set_time_limit;
        let over = header.expires_at.after(clocks).after(limit).after(MARGIN);
        if self.clock.now() < over {
            return Err(Unseen::MayStillHappen);
        }
        let guid = directory::ObjectGuid::from_bytes(found.object_guid);
        let outcome = match header.operation {
            Operation::Unlock => match unlocked(connected, guid).await {
                // Nor will whoever was asked ever know it.
                Err(Unseen::Hidden) if self.is_late(header) => Outcome::CannotBeKnown,
                unlocked => unlocked?,
            },
            _ => self.written(connected, guid, header).await?,
        };
        Ok((outcome, Details { inferred: true, ..Details::default() }))
    }

    /// Whether the agent that was asked is not waited for any longer.
    fn is_late(&self, header: &Header) -> bool {
        self.clock.now() >= header.expires_at.after(NOTE_AWAITED)
    }

    /// Whether the password was written since a request was issued, by the cloud's clock.
    async fn written(
        &self,
        connected: &Connected,
        guid: directory::ObjectGuid,
        header: &Header,
    ) -> Result<Outcome, Unseen> {
        let directory = &connected.directory;
        if !self.clock_difference.is_small_within(FIRST_MEASUREMENT).await {
            return Err(Unseen::Clock);
        }
        let (ahead_of_cloud, uncertain) =
            self.clock_difference.known_within().ok_or(Unseen::Clock)?;
        let (before, began) = (self.clock.now(), self.clock.running());
        let there = directory.time().await?;
        let here = midway(before, self.clock.now());
        // What was slow to say what time it is may have meant any moment meanwhile.
        if uncertain + self.clock.running().saturating_sub(began) / 2 > CERTAIN {
            return if self.is_late(header) {
                Ok(Outcome::CannotBeKnown)
            } else {
                Err(Unseen::Clock)
            };
        }
        let Some(standing) = directory.standing(guid).await? else { return Ok(Outcome::UserGone) };
        let witness = standing.witness;
        let Some(account) = standing.account.await? else { return Ok(Outcome::UserGone) };
        let Some(written) = witness.written_at else {
            return Ok(Outcome::SettledElsewhereUnchanged);
        };
        let asked = header.operation == Operation::ResetByAdministrator;
        // Where it is hidden nobody knows; what is told is that it was set.
        let to_be_changed =
            !matches!(witness.pwd_last_set, PwdLastSet::At(_)) || account.password_never_expires();
        let ahead_of_here = there.as_millis() - here.as_millis();
        let by_the_controller = |moment: Timestamp| {
            Timestamp::from_millis(moment.as_millis() + ahead_of_cloud + ahead_of_here)
        };
        if written < by_the_controller(header.issued_at).before(GRAIN) {
            return Ok(Outcome::SettledElsewhereUnchanged);
        }
        // The agent that was asked may have been behind the cloud's clock.
        let limit = connected.settings.set_time_limit;
        let last = by_the_controller(header.expires_at).after(CLOCK_DIFFERENCE_MAX).after(limit);
        let ours = witness.originator == Some(witness.invocation_id);
        Ok(match ours && written <= last.after(MARGIN) {
            false if self.is_late(header) => Outcome::CannotBeKnown,
            false => return Err(Unseen::OfSomebodyElse),
            // Nobody is left to ask for that, and the operator is to know.
            true if asked && !to_be_changed => Outcome::MustChangeNotSet,
            true if !asked && witness.expired_when_set() && !account.is_never_asked_to_change() => {
                Outcome::SetButExpired
            }
            true => Outcome::SettledElsewhereChanged,
        })
    }
}

/// Whether the account is locked, which is all that an unlock changes.
async fn unlocked(connected: &Connected, guid: directory::ObjectGuid) -> Result<Outcome, Unseen> {
    Ok(match connected.directory.account(guid).await? {
        None => Outcome::UserGone,
        Some(account) if account.is_unlocked() => Outcome::Unlocked,
        Some(account) if account.hidden.lockout_time => return Err(Unseen::Hidden),
        Some(_) => Outcome::SettledElsewhereUnchanged,
    })
}
