//! How the engine stands, in numbers.

use protocol::Timestamp;
use serde::Serialize;
use sqlx::SqliteConnection;

use crate::row::row;
use crate::state::from_json;
use crate::{ConnectorName, ImportReport, SyncError, SyncState, SynchronisationReport};

/// The engine's state; no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Every connector that an import was ever begun for, the cloud's among them.
    pub connectors: Vec<ConnectorStatus>,
    /// People in the metaverse.
    pub metaverse_objects: u64,
    /// What the last synchronisation left for the cloud.
    pub pending: PendingCounts,
    /// Cloud objects whose last export no import has confirmed yet.
    pub unconfirmed: u64,
    /// When the last synchronisation ended.
    pub synchronised_at: Option<Timestamp>,
    /// What it did.
    pub synchronisation: Option<SynchronisationReport>,
}

/// One connector space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectorStatus {
    /// Which one.
    pub name: ConnectorName,
    /// Its objects.
    pub objects: u64,
    /// Those without a link to the metaverse.
    pub disconnectors: u64,
    /// When an import was last finished.
    pub imported_at: Option<Timestamp>,
    /// What it changed.
    pub import: Option<ImportReport>,
}

/// Pending exports by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PendingCounts {
    /// New people.
    pub adds: u64,
    /// Changed people.
    pub updates: u64,
    /// People who are gone.
    pub deletes: u64,
}

impl SyncState {
    /// Counts what there is.
    ///
    /// # Errors
    /// [`SyncError::Database`] and [`SyncError::Unreadable`].
    pub async fn status(&self) -> Result<Status, SyncError> {
        let mut tx = self.read().await?;
        let last = "SELECT finished_at, report FROM synchronisation";
        let last: Option<(i64, String)> = sqlx::query_as(last).fetch_optional(&mut *tx).await?;
        let synchronised_at = last.as_ref().map(|(at, _)| Timestamp::from_millis(*at));
        let synchronisation =
            last.map(|(_, text)| from_json(&text, "synchronisation report")).transpose()?;
        let pending = "SELECT coalesce(sum(kind = 'add'), 0), coalesce(sum(kind = 'update'), 0),
                coalesce(sum(kind = 'delete'), 0) FROM pending_export";
        let (adds, updates, deletes): (i64, i64, i64) =
            sqlx::query_as(pending).fetch_one(&mut *tx).await?;
        let pending = PendingCounts {
            adds: adds.unsigned_abs(),
            updates: updates.unsigned_abs(),
            deletes: deletes.unsigned_abs(),
        };
        let unconfirmed =
            "SELECT count(*) FROM connector_object WHERE connector = 'cloud' AND confirmed = 0";
        Ok(Status {
            connectors: connectors(&mut tx).await?,
            metaverse_objects: count(&mut tx, "SELECT count(*) FROM metaverse").await?,
            pending,
            unconfirmed: count(&mut tx, unconfirmed).await?,
            synchronised_at,
            synchronisation,
        })
    }
}

row! {
    struct ConnectorRow {
        name: String,
        finished_at: Option<i64>,
        report: Option<String>,
        objects: i64,
        linked: i64,
    }
}

async fn connectors(tx: &mut SqliteConnection) -> Result<Vec<ConnectorStatus>, SyncError> {
    let rows = "SELECT c.name, c.finished_at, c.report,
            count(o.id) AS objects, count(l.object_id) AS linked
        FROM connector c LEFT JOIN connector_object o ON o.connector = c.name
        LEFT JOIN link l ON l.object_id = o.id GROUP BY c.name ORDER BY c.name";
    let rows: Vec<ConnectorRow> = sqlx::query_as(rows).fetch_all(tx).await?;
    let read = |row: ConnectorRow| {
        let import = row.report.map(|text| from_json(&text, "import report")).transpose()?;
        Ok(ConnectorStatus {
            name: ConnectorName::stored(row.name),
            objects: row.objects.unsigned_abs(),
            disconnectors: (row.objects - row.linked).unsigned_abs(),
            imported_at: row.finished_at.map(Timestamp::from_millis),
            import,
        })
    };
    rows.into_iter().map(read).collect()
}

async fn count(tx: &mut SqliteConnection, query: &'static str) -> Result<u64, SyncError> {
    let (count,): (i64,) = sqlx::query_as(query).fetch_one(tx).await?;
    Ok(count.unsigned_abs())
}
