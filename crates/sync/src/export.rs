//! Pending exports, and what the cloud answered to them.
//!
//! A confirmed answer is what the cloud *said*; that it holds what it was told is known after the
//! next import of the cloud (SPEC Y-1), which also finds exports whose answer was lost.

use protocol::{CloudAnchor, SourceAnchor};
use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::import::Row;
use crate::row::row;
use crate::rules::OUT_TO_CLOUD_USER_JOIN;
use crate::state::{from_json, to_json};
use crate::{CloudUser, ConnectorName, ImportedObject, SyncError, SyncState};

/// Something that the cloud must be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PendingExport {
    /// A new person; [`SyncState::confirm_added`] takes the answer.
    Add {
        /// Who it is.
        user: CloudUser,
    },
    /// A changed person; [`SyncState::confirm_updated`] takes the answer.
    Update {
        /// Who it is in the cloud.
        cloud_anchor: CloudAnchor,
        /// Who it is to be.
        user: CloudUser,
    },
    /// A person who is gone; [`SyncState::confirm_deleted`] takes the answer.
    Delete {
        /// Who it was in the cloud.
        cloud_anchor: CloudAnchor,
        /// Who it was in the directory.
        source_anchor: SourceAnchor,
    },
}

row! {
    struct PendingRow {
        kind: String,
        source_anchor: String,
        cloud_anchor: Option<String>,
        cloud_user: Option<String>,
    }
}

impl SyncState {
    /// What the last synchronisation found that the cloud must be told and that is not confirmed
    /// yet; deletions first, because they may free a login.
    ///
    /// # Errors
    /// [`SyncError::TooManyDeletions`] above the threshold (SPEC Y-4): then nothing may be
    /// exported, additions and changes neither.
    pub async fn pending_exports(&self) -> Result<Vec<PendingExport>, SyncError> {
        let all =
            "SELECT kind, source_anchor, cloud_anchor, cloud_user FROM pending_export ORDER BY id";
        let rows: Vec<PendingRow> = sqlx::query_as(all).fetch_all(&self.pool).await?;
        let pending = rows.iter().filter(|row| row.kind == "delete").count();
        let pending = u64::try_from(pending).unwrap_or(u64::MAX);
        let threshold = self.options.deletion_threshold;
        if pending > threshold {
            tracing::error!(pending, threshold, "sync.export.too_many_deletions");
            return Err(SyncError::TooManyDeletions { pending, threshold });
        }
        rows.into_iter().map(PendingRow::read).collect()
    }

    /// The cloud made the person and gave them a cloudAnchor: the cloud object is linked to the
    /// metaverse object, so that the person can be resolved at once. May be repeated.
    ///
    /// # Errors
    /// [`SyncError::Database`] and [`SyncError::Unreadable`].
    pub async fn confirm_added(
        &self,
        source_anchor: &SourceAnchor,
        cloud_anchor: &CloudAnchor,
    ) -> Result<(), SyncError> {
        let mut tx = self.write().await?;
        let added = "DELETE FROM pending_export WHERE kind = 'add' AND source_anchor = $1
            RETURNING cloud_user";
        let added: Option<(Option<String>,)> =
            sqlx::query_as(added).bind(source_anchor.as_str()).fetch_optional(&mut *tx).await?;
        let known = "SELECT id FROM connector_object WHERE connector = 'cloud' AND anchor = $1";
        let known: Option<(i64,)> =
            sqlx::query_as(known).bind(cloud_anchor.as_str()).fetch_optional(&mut *tx).await?;
        let user = added.and_then(|(user,)| user);
        let user: Option<CloudUser> =
            user.map(|text| from_json(&text, "pending export")).transpose()?;
        if user.is_some() || known.is_none() {
            // What was sent is not known any more if a synchronisation came in between; then
            // nothing is taken as sent, and the next one asks for an update.
            let object = match &user {
                Some(user) => ImportedObject::of_cloud(cloud_anchor, user),
                None => unknown_content(source_anchor, cloud_anchor),
            };
            store_exported(&mut tx, &object).await?;
        }
        link_added(&mut tx, source_anchor, cloud_anchor).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The cloud took the change of a person.
    ///
    /// # Errors
    /// [`SyncError::Database`] and [`SyncError::Unreadable`].
    pub async fn confirm_updated(&self, cloud_anchor: &CloudAnchor) -> Result<(), SyncError> {
        let mut tx = self.write().await?;
        let updated = "DELETE FROM pending_export WHERE kind = 'update' AND cloud_anchor = $1
            RETURNING cloud_user";
        let updated: Option<(Option<String>,)> =
            sqlx::query_as(updated).bind(cloud_anchor.as_str()).fetch_optional(&mut *tx).await?;
        if let Some(text) = updated.and_then(|(user,)| user) {
            let user: CloudUser = from_json(&text, "pending export")?;
            store_exported(&mut tx, &ImportedObject::of_cloud(cloud_anchor, &user)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The cloud deleted a person, or did not have them any more.
    ///
    /// # Errors
    /// [`SyncError::Database`].
    pub async fn confirm_deleted(&self, cloud_anchor: &CloudAnchor) -> Result<(), SyncError> {
        let mut tx = self.write().await?;
        for gone in [
            "DELETE FROM pending_export WHERE kind = 'delete' AND cloud_anchor = $1",
            // Only what was to be deleted: a person who came back meanwhile stays linked, and the
            // next import of the cloud shows what it holds.
            "DELETE FROM connector_object
             WHERE connector = 'cloud' AND anchor = $1 AND deprovision = 1",
        ] {
            sqlx::query(gone).bind(cloud_anchor.as_str()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

impl PendingRow {
    fn read(self) -> Result<PendingExport, SyncError> {
        let broken = || SyncError::Unreadable("pending export");
        let cloud_anchor =
            self.cloud_anchor.map(|text| text.parse()).transpose().map_err(|_| broken())?;
        let user = self.cloud_user.map(|text| from_json(&text, "pending export")).transpose()?;
        match (self.kind.as_str(), cloud_anchor, user) {
            ("add", None, Some(user)) => Ok(PendingExport::Add { user }),
            ("update", Some(cloud_anchor), Some(user)) => {
                Ok(PendingExport::Update { cloud_anchor, user })
            }
            ("delete", Some(cloud_anchor), None) => {
                let source_anchor = self.source_anchor.parse().map_err(|_| broken())?;
                Ok(PendingExport::Delete { cloud_anchor, source_anchor })
            }
            _ => Err(broken()),
        }
    }
}

fn unknown_content(source_anchor: &SourceAnchor, cloud_anchor: &CloudAnchor) -> ImportedObject {
    ImportedObject {
        anchor: cloud_anchor.as_str().to_owned(),
        dn: String::new(),
        attributes: crate::Attributes::new(),
        source_anchor: source_anchor.clone(),
    }
}

/// Puts a cloud object there as it was exported, not yet confirmed by an import. It counts as
/// seen by the run that is under way, which may have read the cloud before the export.
async fn store_exported(
    tx: &mut SqliteConnection,
    object: &ImportedObject,
) -> Result<(), SyncError> {
    let cloud = ConnectorName::cloud();
    let run = "INSERT INTO connector (name, run) VALUES ($1, 0)
        ON CONFLICT (name) DO UPDATE SET run = run RETURNING run";
    let (run,): (i64,) = sqlx::query_as(run).bind(cloud.as_str()).fetch_one(&mut *tx).await?;
    Row::of(&cloud, object)?.store(tx, run, false).await
}

/// Links the new cloud object, unless its metaverse object has gone since: then the person is to
/// be deleted in the cloud again.
async fn link_added(
    tx: &mut SqliteConnection,
    source_anchor: &SourceAnchor,
    cloud_anchor: &CloudAnchor,
) -> Result<(), SyncError> {
    let link = "INSERT INTO link (object_id, metaverse_id, rules, linked_at)
        SELECT o.id, m.id, $1, coalesce((SELECT finished_at FROM synchronisation), 0)
        FROM connector_object o JOIN metaverse m ON m.source_anchor = $2
        WHERE o.connector = 'cloud' AND o.anchor = $3
        AND NOT EXISTS (
            SELECT 1 FROM link l JOIN connector_object c ON c.id = l.object_id
            WHERE l.metaverse_id = m.id AND c.connector = 'cloud')
        ON CONFLICT (object_id) DO NOTHING";
    sqlx::query(link)
        .bind(to_json(&[OUT_TO_CLOUD_USER_JOIN])?)
        .bind(source_anchor.as_str())
        .bind(cloud_anchor.as_str())
        .execute(&mut *tx)
        .await?;
    let orphan = "UPDATE connector_object SET deprovision = 1
        WHERE connector = 'cloud' AND anchor = $1
        AND NOT EXISTS (SELECT 1 FROM metaverse m WHERE m.source_anchor = $2)
        AND NOT EXISTS (SELECT 1 FROM link l WHERE l.object_id = connector_object.id)";
    sqlx::query(orphan)
        .bind(cloud_anchor.as_str())
        .bind(source_anchor.as_str())
        .execute(tx)
        .await?;
    Ok(())
}
