//! Synchronisation: from connector spaces to the metaverse, and from there to pending exports.
//!
//! Four passes in one transaction:
//!
//! ```text
//! directory  scope of every object → lineage; join by sourceAnchor, else by the attribute that
//!            people are recognised by, else projection
//! metaverse  attribute flow; what has no directory object any more is removed
//! cloud      cloud objects without a link join by sourceAnchor
//! exports    what the metaverse wants ≠ what the cloud holds → add, update, delete
//! ```
//!
//! Tables are read in pages, so that memory does not grow with the directory, and rows are
//! written only where something changed.

mod cloud;
mod directory;
mod matching;
mod metaverse;

use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::to_json;
use crate::{SyncError, SyncState};

/// Rows that are in memory at a time.
const PAGE: i64 = 1_000;

/// What a synchronisation found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SynchronisationReport {
    /// Directory objects that made a metaverse object.
    pub projected: u64,
    /// Objects, of a directory or of the cloud, that were linked to a metaverse object.
    pub joined: u64,
    /// Links that were taken away because their object left the scope of the rules.
    pub disconnected: u64,
    /// Directory objects without a link.
    pub disconnectors: u64,
    /// Values of the attribute that people are recognised by which stand for several people in
    /// several directories: they should be joined, and are not.
    #[serde(default)]
    pub apart: u64,
    /// Metaverse objects with other values than before.
    pub changed: u64,
    /// Metaverse objects that were removed because their directory object is gone.
    pub removed: u64,
    /// Exports that wait: new people.
    pub pending_adds: u64,
    /// Exports that wait: changed people.
    pub pending_updates: u64,
    /// Exports that wait: people who are gone.
    pub pending_deletes: u64,
}

impl SyncState {
    /// Joins, projects and flows everything, and works out the pending exports anew.
    ///
    /// # Errors
    /// [`SyncError::Database`] and [`SyncError::Unreadable`]; nothing has changed then.
    pub async fn synchronise(&self, now: Timestamp) -> Result<SynchronisationReport, SyncError> {
        let mut report = SynchronisationReport::default();
        let mut tx = self.write().await?;
        directory::join_and_project(self, &mut tx, now, &mut report).await?;
        matching::report_apart(&mut tx, &mut report).await?;
        metaverse::flow_and_remove(self, &mut tx, &mut report).await?;
        cloud::join(&mut tx, now, &mut report).await?;
        cloud::rebuild_exports(&mut tx, &mut report).await?;
        let record = "INSERT INTO synchronisation (id, finished_at, report) VALUES (1, $1, $2)
            ON CONFLICT (id) DO UPDATE SET
             finished_at = excluded.finished_at, report = excluded.report";
        sqlx::query(record).bind(now.as_millis()).bind(to_json(&report)?).execute(&mut *tx).await?;
        tx.commit().await?;
        tracing::info!(
            projected = report.projected,
            joined = report.joined,
            disconnectors = report.disconnectors,
            apart = report.apart,
            removed = report.removed,
            pending_adds = report.pending_adds,
            pending_updates = report.pending_updates,
            pending_deletes = report.pending_deletes,
            "sync.synchronise.finished"
        );
        Ok(report)
    }
}
