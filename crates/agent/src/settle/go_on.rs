//! What is done after the directory has taken a set, to what the person would have been told at once.

use directory::LATE_AWAITED;
use protocol::{Header, Operation, Outcome, RequestId};
use serde_json::json;

use super::judge::{is_gone, is_noted};
use super::stands::expired_at_once;
use super::{Conclusion, Settler, Waited, Why};
use crate::audit::Event;
use crate::directories::Connected;
use crate::journal::{Before, JournalError, State};
use crate::writeback::{CHANGE_ASKED_LATER, Required};

impl Settler {
    /// Goes on with what the directory has taken, to what the person would have been told at once.
    pub(super) async fn go_on(&self, header: &Header, before: &Before) -> Conclusion {
        let connected = self.directory(before)?;
        match header.operation {
            Operation::Reset | Operation::Change => expired_at_once(connected, before).await,
            Operation::ResetByAdministrator => self.go_on_with(header, connected, before).await,
            Operation::Unlock => Ok((Outcome::SettledChanged, false)),
        }
    }

    /// The same, for no longer than a quarter of an hour where nothing is left but to have the password changed:
    /// it was set, and its person is barred while this lasts.
    pub(super) async fn go_on_in_time(
        &self,
        header: &Header,
        before: &Before,
        waited: Waited,
    ) -> Conclusion {
        match self.go_on(header, before).await {
            Err(_)
                if header.operation == Operation::ResetByAdministrator
                    && waited.in_all >= LATE_AWAITED =>
            {
                Ok((Outcome::MustChangeNotSet, true))
            }
            conclusion => conclusion,
        }
    }

    /// A reset by an administrator is to be changed at the next sign-in, unless that was asked for and
    /// done since.
    async fn go_on_with(
        &self,
        header: &Header,
        connected: &Connected,
        before: &Before,
    ) -> Conclusion {
        let changed = Ok((Outcome::SettledChanged, false));
        let Some(witness) = connected.directory.witness(before.place.guid).await? else {
            return is_gone(connected, before, self.is_replicated(header)).await;
        };
        if witness.version <= before.version {
            // It was set: another controller has not heard of it yet.
            is_noted(before, &witness)?;
        }
        if witness.version != before.version.saturating_add(1) {
            return changed;
        }
        match connected.directory.account(before.place.guid).await? {
            Some(account) if account.password_never_expires() => {
                return Ok((Outcome::ResetChangeNotAsked, false));
            }
            _ => {}
        }
        match self.writeback.require_change(header, connected, before.place.guid).await {
            Required::Yes => changed,
            Required::Refused => Ok((Outcome::MustChangeNotSet, false)),
            Required::Unanswered => {
                let cause = "no answer to the password's being changed at the next sign-in";
                Err(Why::Unreadable { cause: cause.to_owned() })
            }
        }
    }

    /// Asks on for a password's being changed at the next sign-in, where the answer that is out says that the
    /// directory has not answered that. Why that is still to be done; nothing where it is not, or nobody waits
    /// any longer.
    pub(super) async fn asks_on(
        &self,
        request: RequestId,
        waited: Waited,
    ) -> Result<Option<Why>, JournalError> {
        if !self.still_to_record(request).is_some_and(|known| known.asks_on()) {
            return Ok(None);
        }
        let Some(entry) = self.writeback.journal.entry(request).await? else { return Ok(None) };
        let (State::Set, Some(before)) = (entry.state, &entry.before) else { return Ok(None) };
        let ended = match self.go_on(&entry.header, before).await {
            Err(why) if waited.in_all < LATE_AWAITED => return Ok(Some(why)),
            // What is out stays true: it could not be confirmed.
            Err(_) => Outcome::MustChangeNotSet,
            Ok((outcome, _)) => outcome,
        };
        let later = json!({ "outcome": ended.name() });
        tracing::info!(event = CHANGE_ASKED_LATER, %request, outcome = ended.name());
        self.told_later(request, Event::of(&entry.header, CHANGE_ASKED_LATER, later));
        Ok(None)
    }
}
