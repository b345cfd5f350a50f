//! What two readings of an account's metadata say about the set in between.

use std::time::Duration;

use directory::{InvocationId, ObjectGuid, Witness};
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{Header, Outcome, Timestamp};

use super::{Conclusion, Waited, Why};
use crate::clocks::{BETWEEN_CONTROLLERS, PUT_RIGHT, midway};
use crate::directories::Connected;
use crate::journal::Before;
use crate::writeback::Writeback;

/// Controllers date what they write to the second, and say what time it is to the second; the rest is
/// for the way there and back.
const GRAIN: Duration = Duration::from_secs(5);

/// What two readings of the metadata say about the set in between.
pub(super) fn judge(before: &Before, now: &Witness) -> Result<(Outcome, bool), Why> {
    if now.version > before.version {
        // The one write that was asked for, where it was asked for. Behind anything else stands
        // somebody else's write: what the directory holds now is theirs, and ours may have been before
        // it, or not at all.
        let ours = now.version - before.version == 1 && now.originator == Some(noted(before));
        let outcome = if ours { Outcome::SettledChanged } else { Outcome::CannotBeKnown };
        return Ok((outcome, false));
    }
    is_noted(before, now)?;
    Ok((Outcome::SettledUnchanged, now.version != before.version))
}

/// What was read is of the controller that was asked: another one may not have heard of it yet.
pub(super) fn is_noted(before: &Before, now: &Witness) -> Result<(), Why> {
    if now.controller == before.controller && now.invocation_id == noted(before) {
        return Ok(());
    }
    let (noted, now) = (before.controller.clone(), now.controller.clone());
    Err(Why::OtherController { noted, now })
}

/// The copy of the database that was asked for the set.
pub(super) fn noted(before: &Before) -> InvocationId {
    InvocationId(ObjectGuid::from_bytes(before.invocation_id))
}

/// What the controller says that was asked for the set, where another one has the role now; if it does
/// not say, `otherwise`.
pub(super) async fn at_the_noted_one(
    connected: &Connected,
    before: &Before,
    otherwise: Why,
) -> Conclusion {
    match there(connected, before, otherwise).await? {
        Some(witness) => judge(before, &witness),
        // Whether it was set before it was removed nobody can tell; there is no account left that the
        // password could be for.
        None => Ok((Outcome::UserGone, true)),
    }
}

/// Whether the account is gone, of which the controller that has the role now knows nothing. If the one
/// that was asked does not say, it is where that would have heard of it: `is_replicated`.
pub(super) async fn is_gone(
    connected: &Connected,
    before: &Before,
    is_replicated: bool,
) -> Conclusion {
    match there(connected, before, Why::not_there(before)).await {
        Ok(Some(_)) => Err(Why::not_there(before)),
        Err(why) if !is_replicated => Err(why),
        Ok(None) | Err(_) => Ok((Outcome::UserGone, true)),
    }
}

/// How the password stands since the set: at whoever has the role, or, where that has not heard of the
/// set, at the controller that was asked. None if the account is gone.
pub(super) async fn since_the_set(
    connected: &Connected,
    before: &Before,
) -> Result<Option<Witness>, Why> {
    match connected.directory.witness(before.place.guid).await? {
        Some(witness) if witness.version > before.version => Ok(Some(witness)),
        _ => there(connected, before, Why::not_there(before)).await,
    }
}

async fn there(
    connected: &Connected,
    before: &Before,
    otherwise: Why,
) -> Result<Option<Witness>, Why> {
    let witness = connected.directory.witness_at(&before.controller, before.place.guid).await;
    witness.map_err(|error| {
        tracing::info!(event = "settle.noted_controller", cause = %error);
        otherwise
    })
}

/// Whether what looks like our set was written while it could have been: the controller may have been
/// given another one since, by the helpdesk that was called because of the silence.
///
/// Ours was sent before anybody began to look how it ended, `waited` ago, and before it expired by this
/// agent's clock; from then on the controller may work on it for as long as its time limit.
pub(super) async fn was_written_in_time(
    writeback: &Writeback,
    connected: &Connected,
    header: &Header,
    before: &Before,
    waited: Duration,
) -> Result<bool, Why> {
    let Some(witness) = since_the_set(connected, before).await? else { return Ok(true) };
    let Some(written_at) = witness.written_at else { return Ok(true) };
    // It is dated by the controller that was asked; what time it is says the one that has the role now.
    let now = connected.directory.witness(before.place.guid).await?;
    let is_same = now.is_some_and(|now| now.controller == before.controller);
    let apart = if is_same { Duration::ZERO } else { BETWEEN_CONTROLLERS };
    let clocks = Clocks::compared(writeback, connected).await?;
    // The agent's clock may have been behind the cloud's when it was sent.
    let expired = clocks.of(header.expires_at).after(CLOCK_DIFFERENCE_MAX).after(clocks.unknown);
    let began_to_look = clocks.now.before(waited);
    let sent = expired.min(began_to_look);
    Ok(written_at <= sent.after(connected.settings.set_time_limit).after(GRAIN).after(apart))
}

/// Whether an account that is locked may have been locked out after the request was issued, and so after
/// it was unlocked. A lockout is dated by the controller at which the wrong passwords were typed.
pub(super) async fn may_be_locked_since(
    writeback: &Writeback,
    connected: &Connected,
    header: &Header,
    locked_at: Timestamp,
) -> Result<bool, Why> {
    let clocks = Clocks::compared(writeback, connected).await?;
    let issued = clocks.of(header.issued_at).before(PUT_RIGHT);
    Ok(locked_at >= issued.before(GRAIN).before(BETWEEN_CONTROLLERS))
}

/// The clock of the controller that has the role, and how far it is ahead of the cloud's, in milliseconds.
struct Clocks {
    now: Timestamp,
    ahead: i64,
    /// By how much more that may be wrong: it is not known how this agent's clock stands now.
    unknown: Duration,
}

impl Clocks {
    async fn compared(writeback: &Writeback, connected: &Connected) -> Result<Self, Why> {
        let asked = writeback.clock.now();
        let now = connected.directory.time().await?;
        let here = midway(asked, writeback.clock.now());
        let ahead_of_here = now.as_millis().saturating_sub(here.as_millis());
        let (ahead_of_cloud, unknown) = match writeback.clock_difference.known() {
            Some(ahead) => (ahead, Duration::ZERO),
            None => (0, CLOCK_DIFFERENCE_MAX),
        };
        Ok(Self { now, ahead: ahead_of_here.saturating_add(ahead_of_cloud), unknown })
    }

    /// A moment of the cloud's clock, by the controller's.
    fn of(&self, moment: Timestamp) -> Timestamp {
        Timestamp::from_millis(moment.as_millis().saturating_add(self.ahead))
    }
}

/// A conclusion that nothing was changed counts once a modify no longer stands in a queue.
pub(super) fn at_last(
    connected: &Connected,
    waited: Waited,
    conclusion: (Outcome, bool),
) -> Conclusion {
    if waited.unchanged < connected.settings.set_time_limit {
        Err(Why::MayStillHappen)
    } else {
        Ok(conclusion)
    }
}

/// What is concluded of a set that was given up: it may still be made. Which controller would know that it
/// was not made by now does not matter.
pub(super) fn given_up(conclusion: Conclusion) -> Conclusion {
    match conclusion {
        Ok((Outcome::SettledUnchanged, _)) | Err(Why::OtherController { .. }) => {
            Ok((Outcome::CannotBeKnown, false))
        }
        conclusion => conclusion,
    }
}
