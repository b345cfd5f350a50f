//! From the cloudAnchor of a request to the one AD account that is meant (SPEC W-7).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::scim::PolicyReference;
use protocol::{CloudAnchor, SourceAnchor};
use serde::{Serialize, Serializer};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use crate::connector::object_guid;
use crate::row::row;
use crate::rules::is_account_enabled;
use crate::state::from_json;
use crate::{ConnectorName, SyncError, SyncState};

/// An account of a directory, as the last import saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdAccount {
    /// The directory.
    pub connector: ConnectorName,
    /// The object, whatever it is called by now: to be preferred to the name.
    #[serde(serialize_with = "as_base64")]
    pub object_guid: [u8; 16],
    /// Its distinguished name at the last import.
    pub dn: String,
    /// Its sourceAnchor.
    pub source_anchor: SourceAnchor,
    /// The effective policy at the last import; none if that wrote none down.
    pub policy: Option<PolicyReference>,
}

/// Which AD account a cloudAnchor stands for, or which of the conditions of SPEC W-7 fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "account")]
pub enum Resolution {
    /// Exactly this one.
    Account(AdAccount),
    /// (a) There is no AD connector space object.
    NoAdObject,
    /// (b) The AD connector space object is not joined to a metaverse object.
    NotJoined,
    /// (c) No metaverse object is joined to the cloud connector space object, or there is none.
    NoCloudLink,
    /// (d) The link of the AD object does not carry the account-enabled rule. A disabled account
    /// ends here as well: that is what the rule is about. With all that are joined: at least one.
    NoAccountEnabledRule(Vec<AdAccount>),
    /// Two or more AD accounts match: never a guess.
    Several(Vec<AdAccount>),
}

row! {
    struct Joined {
        connector: String,
        anchor: String,
        dn: String,
        source_anchor: String,
        policy: Option<String>,
        rules: String,
    }
}

impl SyncState {
    /// Walks from the cloud connector space through the metaverse to the AD connector space.
    ///
    /// # Errors
    /// [`SyncError::Database`] and [`SyncError::Unreadable`].
    pub async fn resolve(&self, anchor: &CloudAnchor) -> Result<Resolution, SyncError> {
        // Nearly always there is exactly one account, and one statement sees all of it at one
        // moment. Why there is none is looked at in a transaction.
        let mut enabled = enabled(joined_of_anchor(&self.pool, anchor.as_str()).await?);
        if let (Some(account), true) = (enabled.pop(), enabled.is_empty()) {
            return Ok(Resolution::Account(account));
        }
        let mut tx = self.read().await?;
        resolve(&mut tx, anchor.as_str()).await
    }
}

/// [`SyncState::resolve`] inside a transaction that the caller has open. `cloud_anchor` is the text
/// of the cloudAnchor; one that nobody has gives [`Resolution::NoCloudLink`].
pub(crate) async fn resolve(
    tx: &mut SqliteConnection,
    cloud_anchor: &str,
) -> Result<Resolution, SyncError> {
    let cloud = "SELECT o.source_anchor, o.deprovision, l.metaverse_id
        FROM connector_object o LEFT JOIN link l ON l.object_id = o.id
        WHERE o.connector = 'cloud' AND o.anchor = $1";
    let cloud: Option<(String, bool, Option<i64>)> =
        sqlx::query_as(cloud).bind(cloud_anchor).fetch_optional(&mut *tx).await?;
    let Some((source_anchor, deprovision, metaverse_id)) = cloud else {
        return Ok(Resolution::NoCloudLink);
    };
    let Some(metaverse_id) = metaverse_id else {
        // The metaverse object went because the AD object did: that is the cause to name.
        return if deprovision {
            without_joined(tx, &source_anchor).await
        } else {
            Ok(Resolution::NoCloudLink)
        };
    };
    let joined = joined(tx, metaverse_id).await?;
    if joined.is_empty() {
        return without_joined(tx, &source_anchor).await;
    }
    let mut enabled = enabled(joined.clone());
    Ok(match enabled.len() {
        0 => Resolution::NoAccountEnabledRule(joined.into_iter().map(|(one, _)| one).collect()),
        1 => Resolution::Account(enabled.remove(0)),
        _ => Resolution::Several(enabled),
    })
}

/// The joined AD accounts, each with whether its link carries the account-enabled rule.
async fn joined(
    tx: &mut SqliteConnection,
    metaverse_id: i64,
) -> Result<Vec<(AdAccount, bool)>, SyncError> {
    let joined = "SELECT o.connector, o.anchor, o.dn, o.source_anchor,
            o.attributes ->> '$.policy[0]' AS policy, l.rules
        FROM link l JOIN connector_object o ON o.id = l.object_id
        WHERE l.metaverse_id = $1 AND o.connector <> 'cloud' ORDER BY o.connector, o.anchor";
    let rows: Vec<Joined> = sqlx::query_as(joined).bind(metaverse_id).fetch_all(tx).await?;
    rows.into_iter().map(Joined::read).collect()
}

/// The same, all the way from the cloudAnchor; nothing where a link on the way is missing.
async fn joined_of_anchor(
    pool: &SqlitePool,
    cloud_anchor: &str,
) -> Result<Vec<(AdAccount, bool)>, SyncError> {
    let joined = "SELECT o.connector, o.anchor, o.dn, o.source_anchor,
            o.attributes ->> '$.policy[0]' AS policy, l.rules
        FROM connector_object cloud
            JOIN link up ON up.object_id = cloud.id
            JOIN link l ON l.metaverse_id = up.metaverse_id
            JOIN connector_object o ON o.id = l.object_id
        WHERE cloud.connector = 'cloud' AND cloud.anchor = $1 AND o.connector <> 'cloud'";
    let rows: Vec<Joined> = sqlx::query_as(joined).bind(cloud_anchor).fetch_all(pool).await?;
    rows.into_iter().map(Joined::read).collect()
}

/// Those whose link carries the account-enabled rule.
fn enabled(joined: Vec<(AdAccount, bool)>) -> Vec<AdAccount> {
    joined.into_iter().filter(|(_, enabled)| *enabled).map(|(account, _)| account).collect()
}

/// (a) or (b): is there an AD object that could have been joined?
async fn without_joined(
    tx: &mut SqliteConnection,
    source_anchor: &str,
) -> Result<Resolution, SyncError> {
    let there = "SELECT EXISTS (SELECT 1 FROM connector_object
        WHERE source_anchor = $1 AND connector <> 'cloud')";
    let (there,): (bool,) = sqlx::query_as(there).bind(source_anchor).fetch_one(tx).await?;
    Ok(if there { Resolution::NotJoined } else { Resolution::NoAdObject })
}

impl Joined {
    fn read(self) -> Result<(AdAccount, bool), SyncError> {
        let rules: Vec<String> = from_json(&self.rules, "lineage")?;
        let source_anchor =
            self.source_anchor.parse().map_err(|_| SyncError::Unreadable("sourceAnchor"))?;
        let account = AdAccount {
            connector: ConnectorName::stored(self.connector),
            object_guid: object_guid(&self.anchor)?,
            dn: self.dn,
            source_anchor,
            policy: self.policy.and_then(|text| serde_json::from_str(&text).ok()),
        };
        Ok((account, rules.iter().any(|rule| is_account_enabled(rule))))
    }
}

fn as_base64<S: Serializer>(bytes: &[u8; 16], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&BASE64.encode(bytes))
}
