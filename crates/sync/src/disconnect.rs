//! Breaking the chain of one person on purpose, to see what follows (SPEC W-7).
//!
//! A disconnect lasts until the engine repairs it: links and lineage until the next
//! synchronisation, a deleted AD object until the next import of its directory and the
//! synchronisation after it. It never deletes anybody in the cloud.

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use crate::person::{self, PersonObject};
use crate::rules::is_account_enabled;
use crate::state::{from_json, to_json};
use crate::{ConnectorName, SyncError, SyncState};

/// What to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disconnect {
    /// (a) Deletes the person's AD connector space objects.
    AdObject,
    /// (b) Cuts their links to the metaverse object.
    AdLink,
    /// (c) Cuts the link between the metaverse object and the cloud connector space object.
    CloudLink,
    /// (d) Takes the account-enabled rule out of the lineage of the links.
    AccountEnabledRule,
}

impl SyncState {
    /// Breaks one link of the chain of the person with this login or sourceAnchor.
    ///
    /// # Errors
    /// [`SyncError::NobodyFound`] and [`SyncError::SeveralFound`].
    pub async fn disconnect(&self, who: &str, what: Disconnect) -> Result<(), SyncError> {
        let mut tx = self.write().await?;
        let source_anchor = person::find(&mut tx, who).await?;
        let of_cloud = what == Disconnect::CloudLink;
        for object in person::objects(&mut tx, &source_anchor).await? {
            if object.connector.is_cloud() == of_cloud {
                break_object(&mut tx, &source_anchor, &object, what).await?;
            }
        }
        tx.commit().await?;
        tracing::warn!(source_anchor, what = ?what, "sync.disconnected_by_hand");
        Ok(())
    }
}

async fn break_object(
    tx: &mut SqliteConnection,
    source_anchor: &str,
    object: &PersonObject,
    what: Disconnect,
) -> Result<(), SyncError> {
    match what {
        Disconnect::AdObject => {
            hold(tx, source_anchor, &object.connector).await?;
            let delete = "DELETE FROM connector_object WHERE id = $1";
            sqlx::query(delete).bind(object.id).execute(tx).await?;
        }
        Disconnect::AdLink | Disconnect::CloudLink => {
            let cut = "DELETE FROM link WHERE object_id = $1";
            sqlx::query(cut).bind(object.id).execute(tx).await?;
        }
        Disconnect::AccountEnabledRule => strike_rule(tx, object.id).await?,
    }
    Ok(())
}

/// Keeps the metaverse object until an import has looked again: what was disconnected by hand
/// must never be read as "this person has left".
async fn hold(
    tx: &mut SqliteConnection,
    source_anchor: &str,
    connector: &ConnectorName,
) -> Result<(), SyncError> {
    let hold = "INSERT INTO held (metaverse_id, connector, run)
        SELECT m.id, c.name, c.run FROM metaverse m JOIN connector c ON c.name = $1
        WHERE m.source_anchor = $2
        ON CONFLICT (metaverse_id, connector) DO UPDATE SET run = excluded.run";
    sqlx::query(hold).bind(connector.as_str()).bind(source_anchor).execute(tx).await?;
    Ok(())
}

async fn strike_rule(tx: &mut SqliteConnection, object_id: i64) -> Result<(), SyncError> {
    let recorded = "SELECT rules FROM link WHERE object_id = $1";
    let recorded: Option<(String,)> =
        sqlx::query_as(recorded).bind(object_id).fetch_optional(&mut *tx).await?;
    let Some((recorded,)) = recorded else { return Ok(()) };
    let mut rules: Vec<String> = from_json(&recorded, "lineage")?;
    rules.retain(|rule| !is_account_enabled(rule));
    let strike = "UPDATE link SET rules = $1 WHERE object_id = $2";
    sqlx::query(strike).bind(to_json(&rules)?).bind(object_id).execute(tx).await?;
    Ok(())
}
