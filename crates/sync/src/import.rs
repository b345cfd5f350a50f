//! Import runs: what was read on the other side goes into its connector space.

use protocol::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::connector::{anchor_of, folded, object_guid, values};
use crate::state::to_json;
use crate::{ConnectorName, ImportedObject, SyncError, SyncState};

/// Objects in one transaction: enough that the disk's flush does not count, few enough that a
/// reader's snapshot stays fresh.
const BATCH: usize = 500;

/// What an import changed in its connector space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// Objects that were not there before.
    pub added: u64,
    /// Objects of which the name, the sourceAnchor or an attribute is another.
    pub updated: u64,
    /// Objects that were seen as they were.
    pub unchanged: u64,
    /// Objects that the run did not see.
    pub deleted: u64,
    /// Objects that are there and could not be read: they stay as they were.
    #[serde(default)]
    pub left_out: u64,
}

/// A full import that is under way.
///
/// Dropping it abandons the run: what it saw may be kept, but nothing is deleted.
#[derive(Debug)]
pub struct ImportRun {
    state: SyncState,
    connector: ConnectorName,
    run: i64,
    batch: Vec<ImportedObject>,
    report: ImportReport,
}

impl SyncState {
    /// Begins a full import of one directory, or of the cloud.
    ///
    /// # Errors
    /// [`SyncError::Database`].
    pub async fn begin_import(&self, connector: &ConnectorName) -> Result<ImportRun, SyncError> {
        let begin = "INSERT INTO connector (name, run) VALUES ($1, 1)
            ON CONFLICT (name) DO UPDATE SET run = run + 1 RETURNING run";
        let (run,): (i64,) =
            sqlx::query_as(begin).bind(connector.as_str()).fetch_one(&self.pool).await?;
        Ok(ImportRun {
            state: self.clone(),
            connector: connector.clone(),
            run,
            batch: Vec::with_capacity(BATCH),
            report: ImportReport::default(),
        })
    }
}

impl ImportRun {
    /// Takes an object that the import read.
    ///
    /// # Errors
    /// [`SyncError::Anchor`] for a directory's object whose anchor is not an objectGUID, and
    /// [`SyncError::Database`].
    pub async fn see(&mut self, object: ImportedObject) -> Result<(), SyncError> {
        if !self.connector.is_cloud() {
            object_guid(&object.anchor)?;
        }
        self.batch.push(object);
        if self.batch.len() < BATCH { Ok(()) } else { self.write_batch().await }
    }

    /// Takes note of an object that is there and that the import could not read: if it was there before,
    /// it stays as it was.
    ///
    /// # Errors
    /// Those of [`ImportRun::see`].
    pub async fn leave_out(&mut self, guid: [u8; 16]) -> Result<(), SyncError> {
        let seen = "UPDATE connector_object SET seen_run = max(seen_run, $1)
            WHERE connector = $2 AND anchor = $3";
        let mut tx = self.state.write().await?;
        sqlx::query(seen)
            .bind(self.run)
            .bind(self.connector.as_str())
            .bind(anchor_of(guid))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.report.left_out += 1;
        Ok(())
    }

    /// Ends the run: what it did not see is no longer there. To be called only if the other side
    /// was read to its end.
    ///
    /// # Errors
    /// [`SyncError::Database`].
    pub async fn finish(mut self, now: Timestamp) -> Result<ImportReport, SyncError> {
        self.write_batch().await?;
        let mut tx = self.state.write().await?;
        // Objects that a later run or a confirmed export put there carry a higher number.
        let unseen = "DELETE FROM connector_object WHERE connector = $1 AND seen_run < $2";
        let name = self.connector.as_str();
        let gone = sqlx::query(unseen).bind(name).bind(self.run).execute(&mut *tx).await?;
        self.report.deleted = gone.rows_affected();
        // This run was begun after whatever was disconnected by hand before, and has looked.
        let looked = "DELETE FROM held WHERE connector = $1 AND run < $2";
        sqlx::query(looked).bind(name).bind(self.run).execute(&mut *tx).await?;
        let record = "UPDATE connector SET finished_at = $1, report = $2 WHERE name = $3";
        sqlx::query(record)
            .bind(now.as_millis())
            .bind(to_json(&self.report)?)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        tracing::info!(
            connector = name,
            added = self.report.added,
            updated = self.report.updated,
            unchanged = self.report.unchanged,
            deleted = self.report.deleted,
            left_out = self.report.left_out,
            "sync.import.finished"
        );
        Ok(self.report)
    }

    async fn write_batch(&mut self) -> Result<(), SyncError> {
        let mut tx = self.state.write().await?;
        for object in self.batch.drain(..) {
            let row = Row::of(&self.connector, &object)?;
            match row.write(&mut tx, self.run).await? {
                Seen::New => self.report.added += 1,
                Seen::Changed => self.report.updated += 1,
                Seen::Same => self.report.unchanged += 1,
            }
        }
        tx.commit().await?;
        Ok(())
    }
}

enum Seen {
    New,
    Changed,
    Same,
}

/// An object as the table holds it.
pub(crate) struct Row<'a> {
    connector: &'a ConnectorName,
    object: &'a ImportedObject,
    login: Option<String>,
    account_name: Option<String>,
    attributes: String,
}

impl<'a> Row<'a> {
    /// Takes what the table keeps beside the object itself: its login names, folded for comparison,
    /// and its attributes as JSON. An error if these cannot be written as JSON.
    pub(crate) fn of(
        connector: &'a ConnectorName,
        object: &'a ImportedObject,
    ) -> Result<Self, SyncError> {
        let first = |name: &str| values(&object.attributes, name).first().map(|text| folded(text));
        let login = if connector.is_cloud() { "userName" } else { "userPrincipalName" };
        Ok(Self {
            connector,
            object,
            login: first(login),
            account_name: first("sAMAccountName"),
            attributes: to_json(&object.attributes)?,
        })
    }

    async fn write(&self, tx: &mut SqliteConnection, run: i64) -> Result<Seen, SyncError> {
        let known = "SELECT dn, source_anchor, attributes FROM connector_object
            WHERE connector = $1 AND anchor = $2";
        let known: Option<(String, String, String)> = sqlx::query_as(known)
            .bind(self.connector.as_str())
            .bind(&self.object.anchor)
            .fetch_optional(&mut *tx)
            .await?;
        let Some((dn, source_anchor, attributes)) = known else {
            self.store(tx, run, true).await?;
            return Ok(Seen::New);
        };
        let same = dn == self.object.dn
            && source_anchor == self.object.source_anchor.as_str()
            && attributes == self.attributes;
        if same {
            let seen = "UPDATE connector_object SET seen_run = max(seen_run, $1), confirmed = 1
                WHERE connector = $2 AND anchor = $3";
            sqlx::query(seen)
                .bind(run)
                .bind(self.connector.as_str())
                .bind(&self.object.anchor)
                .execute(&mut *tx)
                .await?;
            return Ok(Seen::Same);
        }
        if source_anchor != self.object.source_anchor.as_str() {
            // SPEC Y-3 calls it immutable. A link that is there stays; it is worth a look.
            tracing::warn!(connector = %self.connector, anchor = %self.object.anchor,
                "sync.import.source_anchor_changed");
        }
        self.store(tx, run, true).await?;
        Ok(Seen::Changed)
    }

    /// Puts the object there, or in the place of its earlier state; links stay.
    pub(crate) async fn store(
        &self,
        tx: &mut SqliteConnection,
        run: i64,
        confirmed: bool,
    ) -> Result<(), SyncError> {
        let store = "INSERT INTO connector_object
            (connector, anchor, dn, source_anchor, login, account_name, attributes, seen_run,
             confirmed)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (connector, anchor) DO UPDATE SET
             dn = excluded.dn, source_anchor = excluded.source_anchor, login = excluded.login,
             account_name = excluded.account_name, attributes = excluded.attributes,
             seen_run = max(seen_run, excluded.seen_run), confirmed = excluded.confirmed";
        sqlx::query(store)
            .bind(self.connector.as_str())
            .bind(&self.object.anchor)
            .bind(&self.object.dn)
            .bind(self.object.source_anchor.as_str())
            .bind(&self.login)
            .bind(&self.account_name)
            .bind(&self.attributes)
            .bind(run)
            .bind(confirmed)
            .execute(tx)
            .await?;
        Ok(())
    }
}
