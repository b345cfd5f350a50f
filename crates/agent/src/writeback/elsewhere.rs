//! How another agent's request ended, as far as the directory shows it (SPEC PR-2). Writes nothing.
//!
//! This agent has no note of how the password stood before. It knows when the request was issued, by
//! the cloud's clock, and reads when the password was last written, by the controller's; both clocks
//! are compared with its own. Written since, where it was asked for and while it could have been: the
//! request, or somebody else meanwhile, which is why whatever is concluded here is told as inferred.
//! Written later, or at another controller: by somebody else, after ours or instead of it. This agent
//! cannot know then; the one that was asked may, from its note. It has a day to come back.
//!
//! The cloud's clock may have been ahead when the request was issued, and have been put right since: then a
//! write of the request is dated before it. What was written within the minutes by which that may be is
//! nobody's for certain, and is left to the agent that was asked as well. Where this agent has seen the cloud's
//! clock put to another time since, the same counts for the minutes afterwards: it may have been behind.
//!
//! That nothing was changed, or that the account is gone, counts only where the controller that says so has
//! had the PDC role since before the request was issued: another one was asked for the set otherwise, and
//! this one may not have heard of it, nor of an account that is new.
//!
//! An unlock shows in nothing but the account's not being locked. Where it is locked and was locked out
//! since the request was issued, it may have been unlocked in between.
//!
//! Anything counts once the message has expired by every clock that may be used, and the controller's
//! time limit for a set has passed too: by then nobody sets it any more.

use std::time::Duration;

use directory::{Account, Directory, ObjectGuid, PwdLastSet, ROLE_CHECK};
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{Details, Header, Operation, Outcome, RequestId, Timestamp};
use sync::{AdAccount, Resolution};

use super::Writeback;
use crate::clocks::{BETWEEN_CONTROLLERS, CERTAIN, FIRST_MEASUREMENT, PUT_RIGHT, midway};
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
    /// It took too long to say what time it is for moments to be compared.
    #[error("a clock was read too slowly to be compared")]
    SlowClock,
    /// Somebody else may have written it, before the request, after it or instead of it.
    #[error("somebody else may have written it: the agent that was asked may know")]
    OfSomebodyElse,
    /// The account is locked since the request was issued; it may have been unlocked in between.
    #[error("the account was locked out since: the agent that was asked may know")]
    LockedSince,
    /// The controller that was asked may be another one, or it is not known since when this one has the
    /// role.
    #[error("the PDC role may have moved since: only the controller that was asked knows")]
    RoleMoved,
    /// Since when it has it may not be read: nobody can ever say then that nothing was changed.
    #[error(
        "the service account may not read replPropertyMetaData of the domain's root, which says since when the PDC role is where it is"
    )]
    RoleHidden,
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

impl Unseen {
    /// Whether it is waited for the agent that was asked, which may know, and for no longer than a day.
    const fn is_for_the_note(&self) -> bool {
        matches!(
            self,
            Self::SlowClock
                | Self::OfSomebodyElse
                | Self::LockedSince
                | Self::RoleMoved
                | Self::RoleHidden
                | Self::Hidden
        )
    }
}

impl Unseen {
    /// Tells the operator; louder where somebody has to do something about it.
    pub(crate) fn say(&self, request: RequestId) {
        match self {
            Self::RoleHidden | Self::Hidden => {
                tracing::warn!(event = "look.not_concluded", %request, cause = %self);
            }
            _ => tracing::info!(event = "look.not_concluded", %request, cause = %self),
        }
    }
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
        let guid = ObjectGuid::from_bytes(found.object_guid);
        let seen = match header.operation {
            Operation::Unlock => self.unlocked(connected, guid, header).await,
            _ => self.written(connected, guid, header).await,
        };
        let outcome = match seen {
            // Nor will whoever was asked ever say it.
            Err(why) if why.is_for_the_note() && self.is_late(header) => Outcome::CannotBeKnown,
            seen => seen?,
        };
        // That a password is not to be changed is read, and not concluded.
        let inferred = outcome != Outcome::MustChangeNotSet;
        Ok((outcome, Details { inferred, ..Details::default() }))
    }

    /// Whether the agent that was asked is not waited for any longer.
    fn is_late(&self, header: &Header) -> bool {
        self.clock.now() >= header.expires_at.after(NOTE_AWAITED)
    }

    /// Whether the password was written since a request was issued, by the cloud's clock.
    async fn written(
        &self,
        connected: &Connected,
        guid: ObjectGuid,
        header: &Header,
    ) -> Result<Outcome, Unseen> {
        let directory = &*connected.directory;
        let ahead = self.ahead_of_cloud(directory).await?;
        let issued_at = ahead.of(header.issued_at);
        let earliest = issued_at.before(PUT_RIGHT);
        let Some(standing) = directory.standing(guid).await? else {
            return holds_since(directory, earliest, Outcome::UserGone).await;
        };
        let witness = standing.witness;
        let Some(account) = standing.account.await? else {
            return holds_since(directory, earliest, Outcome::UserGone).await;
        };
        let written = witness.written_at.filter(|written| *written >= earliest.before(GRAIN));
        let Some(written) = written else {
            return holds_since(directory, earliest, Outcome::SettledElsewhereUnchanged).await;
        };
        // Where the cloud was put forward, what was written just before the request looks like its set, too.
        let issued_here = ahead.of_this_one(header.issued_at).before(PUT_RIGHT);
        let certain = match self.clock_difference.cloud_stepped_since(issued_here) {
            true => issued_at.after(PUT_RIGHT),
            false => issued_at.before(GRAIN),
        };
        if written < certain {
            return Err(Unseen::OfSomebodyElse);
        }
        let asked = header.operation == Operation::ResetByAdministrator;
        // Where it is hidden nobody knows; what is told is that it was set.
        let to_be_changed =
            !matches!(witness.pwd_last_set, PwdLastSet::At(_)) || account.password_never_expires();
        // The agent that was asked may have been behind the cloud's clock.
        let limit = connected.settings.set_time_limit;
        let last = ahead.of(header.expires_at).after(CLOCK_DIFFERENCE_MAX).after(limit);
        let ours = witness.originator == Some(witness.invocation_id);
        Ok(match ours && written <= last.after(MARGIN) {
            false => return Err(Unseen::OfSomebodyElse),
            // Nobody is left to ask for that, and the operator is to know.
            true if asked && !to_be_changed => Outcome::MustChangeNotSet,
            true if !asked && witness.expired_when_set() && !account.is_never_asked_to_change() => {
                Outcome::SetButExpired
            }
            true => Outcome::SettledElsewhereChanged,
        })
    }

    /// Whether the account is locked, which is all that an unlock changes.
    async fn unlocked(
        &self,
        connected: &Connected,
        guid: ObjectGuid,
        header: &Header,
    ) -> Result<Outcome, Unseen> {
        let directory = &*connected.directory;
        let locked_at = match directory.account(guid).await? {
            Some(account) if account.is_unlocked() => return Ok(Outcome::Unlocked),
            Some(account) if account.hidden.lockout_time => return Err(Unseen::Hidden),
            Some(Account { lockout_time, .. }) => Some(lockout_time),
            None => None,
        };
        let ahead = self.ahead_of_cloud(directory).await?;
        let earliest = ahead.of(header.issued_at).before(PUT_RIGHT);
        match locked_at {
            None => holds_since(directory, earliest, Outcome::UserGone).await,
            // It is dated by the controller at which the wrong passwords were typed.
            Some(locked_at) if locked_at >= Some(just_before(earliest)) => Err(Unseen::LockedSince),
            Some(_) => holds_since(directory, earliest, Outcome::SettledElsewhereUnchanged).await,
        }
    }

    /// How far the clock of the controller that has the role is ahead of the cloud's.
    async fn ahead_of_cloud(&self, directory: &dyn Directory) -> Result<Ahead, Unseen> {
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
            return Err(Unseen::SlowClock);
        }
        let there = ahead_of_cloud + there.as_millis() - here.as_millis();
        Ok(Ahead { there, here: ahead_of_cloud })
    }
}

/// How far a controller's clock is ahead of the cloud's, and this agent's, in milliseconds.
struct Ahead {
    there: i64,
    here: i64,
}

impl Ahead {
    /// A moment of the cloud's clock, by the controller's.
    fn of(&self, moment: Timestamp) -> Timestamp {
        Timestamp::from_millis(moment.as_millis() + self.there)
    }

    /// The same by this agent's.
    fn of_this_one(&self, moment: Timestamp) -> Timestamp {
        Timestamp::from_millis(moment.as_millis() + self.here)
    }
}

/// What another controller dates from then on may have been after a moment of this one's clock.
fn just_before(moment: Timestamp) -> Timestamp {
    moment.before(GRAIN).before(BETWEEN_CONTROLLERS)
}

/// What is concluded from a controller's not knowing of a set, if it has had the role since before the
/// earliest moment at which the request may have been issued, by its clock. Looked at afterwards: who has been given the role in between says so.
async fn holds_since(
    directory: &dyn Directory,
    earliest: Timestamp,
    outcome: Outcome,
) -> Result<Outcome, Unseen> {
    // For so long whoever was asked may have gone by an older word about the role.
    let before = just_before(earliest).before(ROLE_CHECK);
    match directory.role_given().await? {
        Some(given) if given < before => Ok(outcome),
        Some(_) => Err(Unseen::RoleMoved),
        None => Err(Unseen::RoleHidden),
    }
}
