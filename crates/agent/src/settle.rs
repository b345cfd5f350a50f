//! Settlement: what a crash, cut or silence left open is settled by looking at the directory,
//! never by setting again (SPEC PR-2, DESIGN "journal").
//!
//! ```text
//! begun   nothing was sent                                     → not changed
//! noted   version of unicodePwd above the noted one            → changed (inferred unless it is the
//!                                                                next one, written at the noted
//!                                                                controller)
//!         the noted one, at the noted controller, after the
//!         directory's time limit                               → not changed
//! set     the directory had confirmed it                       → changed
//! ```
//!
//! *Unchanged* waits for the time limit because a modify may still stand in the controller's queue.
//!
//! An answer that is known is recorded by the same task, at once or as soon as the journal takes it;
//! if the process ends before, its entry is settled like every other one.

use std::collections::{HashMap, HashSet};
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use directory::{InvocationId, ObjectGuid, Witness};
use protocol::{Answer, Details, Outcome, RequestId, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::journal::{Before, JournalError, State};
use crate::writeback::{Unrecorded, Writeback};

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long the same is not said again.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// Settles open entries in the background, each by one task.
#[derive(Clone)]
pub(crate) struct Settler {
    writeback: Writeback,
    tasks: TaskTracker,
    stop: CancellationToken,
    settling: Arc<Mutex<HashSet<RequestId>>>,
    unrecorded: Arc<Mutex<HashMap<RequestId, Unrecorded>>>,
}

impl Settler {
    /// A settler that settles nothing yet.
    pub(crate) fn new(writeback: Writeback, tasks: TaskTracker, stop: CancellationToken) -> Self {
        let (settling, unrecorded) = (Arc::default(), Arc::default());
        Self { writeback, tasks, stop, settling, unrecorded }
    }

    /// Settles what the last process left open.
    pub(crate) async fn settle_all(&self) -> Result<usize, JournalError> {
        let open = self.writeback.journal.open_entries().await?;
        for entry in &open {
            self.settle_later(entry.header.request);
        }
        Ok(open.len())
    }

    /// Records an answer in the background.
    pub(crate) fn record_later(&self, unrecorded: Unrecorded) {
        let request = unrecorded.header.request;
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).insert(request, unrecorded);
        self.settle_later(request);
    }

    /// The answer to a request that is known and not recorded yet.
    pub(crate) fn unrecorded(&self, request: RequestId) -> Option<Answer> {
        self.still_to_record(request).map(|unrecorded| unrecorded.answer)
    }

    fn still_to_record(&self, request: RequestId) -> Option<Unrecorded> {
        let unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
        unrecorded.get(&request).cloned()
    }

    /// Settles one entry in the background, unless that is being done.
    pub(crate) fn settle_later(&self, request: RequestId) {
        let begun = {
            let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
            settling.insert(request)
        };
        if !begun {
            return;
        }
        let settler = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = settler.settle(request) => {}
                // What is known is recorded before the process ends, if it can be; it says itself
                // if not.
                () = settler.stop.cancelled() => {
                    let _ = settler.recorded_now(request).await;
                }
            }
            let mut settling = settler.settling.lock().unwrap_or_else(PoisonError::into_inner);
            settling.remove(&request);
        });
    }

    /// Looks until it is settled.
    async fn settle(&self, request: RequestId) {
        let since = self.writeback.clock.now();
        let mut said = Said::default();
        loop {
            match self.look(request, since).await {
                Ok(Look::Settled) => return,
                Ok(Look::Waiting(why)) => {
                    if said.is_due(&why, self.writeback.clock.now()) {
                        why.say(request);
                    }
                }
                Err(error) => {
                    tracing::error!(event = "settle.journal_failed", %request, cause = %error);
                }
            }
            self.writeback.clock.sleep(LOOK_AGAIN).await;
        }
    }

    async fn look(&self, request: RequestId, since: Timestamp) -> Result<Look, JournalError> {
        if self.recorded_now(request).await? {
            return Ok(Look::Settled);
        }
        let Some(entry) = self.writeback.journal.entry(request).await? else {
            return Ok(Look::Settled);
        };
        let conclusion = match (entry.state, &entry.before) {
            (State::Finished, _) => return Ok(Look::Settled),
            (State::Set, _) => Ok((Outcome::SettledChanged, false)),
            (State::Begun, _) | (State::Noted, None) => Ok((Outcome::SettledUnchanged, false)),
            (State::Noted, Some(before)) => self.conclude(before, since).await,
        };
        let (outcome, inferred) = match conclusion {
            Ok(conclusion) => conclusion,
            Err(why) => return Ok(Look::Waiting(why)),
        };
        let details = Details { inferred, ..Details::default() };
        self.writeback.settled(&entry.header, (outcome, details)).await?;
        Ok(Look::Settled)
    }

    /// Records the answer that is known already, if there is one.
    async fn recorded_now(&self, request: RequestId) -> Result<bool, JournalError> {
        let Some(known) = self.still_to_record(request) else { return Ok(false) };
        let recorded = match self.writeback.record(&known.header, &known.answer, &known.trail).await
        {
            Ok(()) => true,
            // Another answer stands there, and counts.
            Err(JournalError::OutOfOrder) => false,
            Err(error) => {
                known.say(&error);
                return Err(error);
            }
        };
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).remove(&request);
        Ok(recorded)
    }

    /// What the directory's metadata says, and whether that is inferred; or why it cannot be known
    /// yet.
    async fn conclude(&self, before: &Before, since: Timestamp) -> Result<(Outcome, bool), Why> {
        let connector = &before.place.connector;
        let Some(connected) = self.writeback.directories.named(connector) else {
            return Err(Why::NoSuchDirectory { connector: connector.clone() });
        };
        let witness = match connected.directory.witness(before.place.guid).await {
            Ok(Some(witness)) => witness,
            // Whether it was set before it was removed nobody can tell; there is no account left
            // that the password could be for.
            Ok(None) => return Ok((Outcome::UserGone, true)),
            Err(error) => return Err(Why::Unreadable { cause: error.to_string() }),
        };
        let conclusion = judge(before, &witness)?;
        let waited = self.writeback.clock.now().since(since);
        let unchanged = conclusion.0 == Outcome::SettledUnchanged;
        if unchanged && waited < connected.settings.set_time_limit {
            return Err(Why::MayStillHappen);
        }
        Ok(conclusion)
    }
}

/// What two readings of the metadata say about the set in between.
fn judge(before: &Before, now: &Witness) -> Result<(Outcome, bool), Why> {
    let noted = InvocationId(ObjectGuid::from_bytes(before.invocation_id));
    if now.version > before.version {
        // The one write that was asked for, where it was asked for. Anything else may have been
        // somebody else's write, before ours or instead of it.
        let ours = now.version - before.version == 1 && now.originator == Some(noted);
        return Ok((Outcome::SettledChanged, !ours));
    }
    if now.controller != before.controller || now.invocation_id != noted {
        let (noted, now) = (before.controller.clone(), now.controller.clone());
        return Err(Why::OtherController { noted, now });
    }
    Ok((Outcome::SettledUnchanged, now.version != before.version))
}

/// What one look at an entry came to.
enum Look {
    /// The answer is recorded.
    Settled,
    /// It cannot be known yet.
    Waiting(Why),
}

/// Why an entry cannot be settled yet.
#[derive(Debug, PartialEq, Eq)]
enum Why {
    /// The configuration no longer has the directory.
    NoSuchDirectory { connector: String },
    /// The directory does not say.
    Unreadable { cause: String },
    /// Unchanged counts only at the controller that was asked.
    OtherController { noted: String, now: String },
    /// A set that was sent may still be carried out.
    MayStillHappen,
}

impl Why {
    fn say(&self, request: RequestId) {
        match self {
            Self::NoSuchDirectory { connector } => tracing::error!(
                event = "settle.no_such_directory",
                %request,
                connector,
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
                "unchanged counts only at the controller that was asked; waiting for it"
            ),
            Self::MayStillHappen => {}
        }
    }
}

/// What was last said about an entry: the same is not said again within [`SAY_AGAIN`].
#[derive(Default)]
struct Said(Option<(Discriminant<Why>, Timestamp)>);

impl Said {
    fn is_due(&mut self, why: &Why, now: Timestamp) -> bool {
        let what = discriminant(why);
        if self.0.is_some_and(|(last, at)| last == what && at.apart(now) < SAY_AGAIN) {
            return false;
        }
        self.0 = Some((what, now));
        true
    }
}

#[cfg(test)]
mod tests;
