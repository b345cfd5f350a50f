//! The whole chain of one person, for an administrator to look at (SPEC X-2).

use protocol::Timestamp;
use serde::Serialize;
use sqlx::SqliteConnection;

use crate::resolve::resolve;
use crate::row::row;
use crate::rules::{MetaverseAttributes, Rule};
use crate::state::from_json;
use crate::{Attributes, ConnectorName, Resolution, SyncError, SyncState, person};

/// From the directory to the cloud, with the rules that made the links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// Who it is.
    pub source_anchor: String,
    /// Their objects in the connector spaces of directories.
    pub directory: Vec<LineageObject>,
    /// Their metaverse object.
    pub metaverse: Option<LineageMetaverse>,
    /// Their objects in the cloud's connector space.
    pub cloud: Vec<LineageCloudObject>,
}

/// An object of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageObject {
    /// The directory.
    pub connector: ConnectorName,
    /// The objectGUID in base64.
    pub anchor: String,
    /// The distinguished name.
    pub dn: String,
    /// What the last import read.
    pub attributes: Attributes,
    /// The link to the metaverse; none: the object is a disconnector.
    pub link: Option<LineageLink>,
}

/// A link between a connector space object and a metaverse object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageLink {
    /// The metaverse object.
    pub metaverse_id: i64,
    /// The rules in whose scope the object was.
    pub rules: Vec<LineageRule>,
    /// Since when.
    pub linked_at: Timestamp,
}

/// A rule that is recorded on a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageRule {
    /// What names it.
    pub identifier: String,
    /// What administrators see; the identifier once more if the rule is not there any longer.
    pub title: String,
}

/// A metaverse object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageMetaverse {
    /// What names it in this database.
    pub id: i64,
    /// Its values.
    pub attributes: MetaverseAttributes,
}

/// An object of the cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageCloudObject {
    /// The cloudAnchor.
    pub cloud_anchor: String,
    /// What the cloud holds, as last exported or imported.
    pub attributes: Attributes,
    /// Whether an import has confirmed the last export.
    pub confirmed: bool,
    /// The link to the metaverse.
    pub link: Option<LineageLink>,
    /// What a request with this cloudAnchor comes to.
    pub resolution: Resolution,
}

row! {
    struct ObjectRow {
        connector: String,
        anchor: String,
        dn: String,
        attributes: String,
        confirmed: bool,
        metaverse_id: Option<i64>,
        rules: Option<String>,
        linked_at: Option<i64>,
    }
}

impl SyncState {
    /// The chain of the person with this login (userPrincipalName or sAMAccountName) or
    /// sourceAnchor.
    ///
    /// # Errors
    /// [`SyncError::NobodyFound`] and [`SyncError::SeveralFound`].
    pub async fn lineage(&self, who: &str) -> Result<Lineage, SyncError> {
        let mut tx = self.read().await?;
        let source_anchor = person::find(&mut tx, who).await?;
        let objects = "SELECT o.connector, o.anchor, o.dn, o.attributes, o.confirmed,
                l.metaverse_id, l.rules, l.linked_at
            FROM connector_object o LEFT JOIN link l ON l.object_id = o.id
            WHERE o.source_anchor = $1 OR l.metaverse_id = (
                SELECT id FROM metaverse WHERE source_anchor = $1)
            ORDER BY o.connector, o.anchor";
        let objects: Vec<ObjectRow> =
            sqlx::query_as(objects).bind(&source_anchor).fetch_all(&mut *tx).await?;
        let (mut directory, mut cloud) = (Vec::new(), Vec::new());
        for row in objects {
            let connector = ConnectorName::stored(row.connector.clone());
            let link = row.link(&self.rules)?;
            let attributes = from_json(&row.attributes, "connector space object")?;
            if connector.is_cloud() {
                let resolution = resolve(&mut tx, &row.anchor).await?;
                let (cloud_anchor, confirmed) = (row.anchor, row.confirmed);
                cloud.push(LineageCloudObject {
                    cloud_anchor,
                    attributes,
                    confirmed,
                    link,
                    resolution,
                });
            } else {
                let (anchor, dn) = (row.anchor, row.dn);
                directory.push(LineageObject { connector, anchor, dn, attributes, link });
            }
        }
        let metaverse = metaverse(&mut tx, &source_anchor).await?;
        Ok(Lineage { source_anchor, directory, metaverse, cloud })
    }
}

impl ObjectRow {
    fn link(&self, rules: &[Rule]) -> Result<Option<LineageLink>, SyncError> {
        let (Some(metaverse_id), Some(recorded), Some(linked_at)) =
            (self.metaverse_id, &self.rules, self.linked_at)
        else {
            return Ok(None);
        };
        let recorded: Vec<String> = from_json(recorded, "lineage")?;
        let named = |identifier: String| {
            let rule = rules.iter().find(|rule| rule.identifier == identifier);
            let title = rule.map_or_else(|| identifier.clone(), |rule| rule.title.clone());
            LineageRule { identifier, title }
        };
        let rules = recorded.into_iter().map(named).collect();
        let linked_at = Timestamp::from_millis(linked_at);
        Ok(Some(LineageLink { metaverse_id, rules, linked_at }))
    }
}

async fn metaverse(
    tx: &mut SqliteConnection,
    source_anchor: &str,
) -> Result<Option<LineageMetaverse>, SyncError> {
    let object = "SELECT id, attributes FROM metaverse WHERE source_anchor = $1";
    let object: Option<(i64, String)> =
        sqlx::query_as(object).bind(source_anchor).fetch_optional(tx).await?;
    object
        .map(|(id, text)| {
            let attributes = from_json(&text, "metaverse object")?;
            Ok(LineageMetaverse { id, attributes })
        })
        .transpose()
}
