//! Settlement: what a crash, cut or silence left open is settled by looking at the directory,
//! never by setting again (SPEC PR-2, DESIGN "journal").
//!
//! ```text
//! begun   nothing was sent                                     → not changed
//! noted   version of unicodePwd above the noted one            → changed (inferred if by more than 1)
//!         the noted one, at the noted controller, after the
//!         directory's time limit                               → not changed
//! set     the directory had confirmed it                       → changed
//! ```
//!
//! *Unchanged* waits for the time limit because a modify may still stand in the controller's queue.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::{Details, Outcome, RequestId, Timestamp};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::journal::{Before, Entry, JournalError, State};
use crate::writeback::Writeback;

/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Settles open entries in the background, each by one task.
#[derive(Clone)]
pub(crate) struct Settler {
    writeback: Writeback,
    tasks: TaskTracker,
    stop: CancellationToken,
    settling: Arc<Mutex<HashSet<RequestId>>>,
}

impl Settler {
    /// A settler that settles nothing yet.
    pub(crate) fn new(writeback: Writeback, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { writeback, tasks, stop, settling: Arc::default() }
    }

    /// Settles what the last process left open.
    pub(crate) async fn settle_all(&self) -> Result<usize, JournalError> {
        let open = self.writeback.journal.open_entries().await?;
        for entry in &open {
            self.settle_later(entry.header.request);
        }
        Ok(open.len())
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
                () = settler.stop.cancelled() => {}
                () = settler.settle(request) => {}
            }
            let mut settling = settler.settling.lock().unwrap_or_else(PoisonError::into_inner);
            settling.remove(&request);
        });
    }

    /// Looks until it is settled.
    async fn settle(&self, request: RequestId) {
        let since = self.writeback.clock.now();
        loop {
            match self.look(request, since).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(event = "settle.journal_failed", %request, cause = %error);
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn look(&self, request: RequestId, since: Timestamp) -> Result<bool, JournalError> {
        let Some(entry) = self.writeback.journal.entry(request).await? else { return Ok(true) };
        let conclusion = match (entry.state, &entry.before) {
            (State::Finished, _) => return Ok(true),
            (State::Set, _) => Some((Outcome::SettledChanged, false)),
            (State::Begun, _) | (State::Noted, None) => Some((Outcome::SettledUnchanged, false)),
            (State::Noted, Some(before)) => self.conclude(&entry, before, since).await,
        };
        let Some((outcome, inferred)) = conclusion else { return Ok(false) };
        let details = Details { inferred, ..Details::default() };
        self.writeback.finish(&entry.header, (outcome, details)).await?;
        Ok(true)
    }

    /// What the directory's metadata says; `None` if it cannot be known yet.
    async fn conclude(
        &self,
        entry: &Entry,
        before: &Before,
        since: Timestamp,
    ) -> Option<(Outcome, bool)> {
        let request = entry.header.request;
        let connected = self.writeback.directories.named(&before.place.connector)?;
        let witness = match connected.directory.witness(before.place.guid).await {
            Ok(Some(witness)) => witness,
            // Whether it was set before it was removed nobody can tell; there is no account left
            // that the password could be for.
            Ok(None) => return Some((Outcome::UserGone, true)),
            Err(error) => {
                tracing::warn!(event = "settle.directory_failed", %request, cause = %error);
                return None;
            }
        };
        if witness.version > before.version {
            return Some((Outcome::SettledChanged, witness.version != before.version + 1));
        }
        let same = witness.controller == before.controller
            && witness.invocation_id.0.to_bytes() == before.invocation_id;
        if !same {
            tracing::warn!(
                event = "settle.other_controller",
                %request,
                noted = before.controller,
                now = witness.controller,
                "unchanged counts only at the controller that was asked; waiting for it"
            );
            return None;
        }
        let waited = self.writeback.clock.now().since(since);
        if waited < connected.settings.set_time_limit {
            return None;
        }
        Some((Outcome::SettledUnchanged, witness.version != before.version))
    }
}
