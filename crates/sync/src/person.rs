//! Finding one person by what an administrator types.

use sqlx::SqliteConnection;

use crate::connector::folded;
use crate::{ConnectorName, SyncError};

/// The sourceAnchor of the one person with this login (userPrincipalName or sAMAccountName,
/// whatever the case) or this sourceAnchor. Connector spaces are asked, not the metaverse, so
/// that a person whose chain is broken is found too.
///
/// # Errors
/// [`SyncError::NobodyFound`] and [`SyncError::SeveralFound`].
pub(crate) async fn find(tx: &mut SqliteConnection, who: &str) -> Result<String, SyncError> {
    // An object whose sourceAnchor was changed belongs to the person that it is linked to.
    let find = "SELECT coalesce(m.source_anchor, o.source_anchor)
        FROM connector_object o LEFT JOIN link l ON l.object_id = o.id
        LEFT JOIN metaverse m ON m.id = l.metaverse_id
        WHERE o.source_anchor = $1 OR o.login = $2 OR o.account_name = $2
        UNION SELECT source_anchor FROM metaverse WHERE source_anchor = $1";
    let found: Vec<(String,)> =
        sqlx::query_as(find).bind(who).bind(folded(who)).fetch_all(tx).await?;
    match found.as_slice() {
        [] => Err(SyncError::NobodyFound),
        [(one,)] => Ok(one.clone()),
        several => match several.iter().find(|(anchor,)| anchor == who) {
            Some((exact,)) => Ok(exact.clone()),
            None => Err(SyncError::SeveralFound(several.len())),
        },
    }
}

/// The connector space objects of the person with this sourceAnchor: those that carry it, and
/// those that are linked to the metaverse object that does.
pub(crate) async fn objects(
    tx: &mut SqliteConnection,
    source_anchor: &str,
) -> Result<Vec<PersonObject>, SyncError> {
    let objects = "SELECT o.id, o.connector FROM connector_object o
        WHERE o.source_anchor = $1 OR o.id IN (
            SELECT l.object_id FROM link l JOIN metaverse m ON m.id = l.metaverse_id
            WHERE m.source_anchor = $1)
        ORDER BY o.connector, o.anchor";
    let rows: Vec<(i64, String)> =
        sqlx::query_as(objects).bind(source_anchor).fetch_all(tx).await?;
    let object = |(id, connector)| PersonObject { id, connector: ConnectorName::stored(connector) };
    Ok(rows.into_iter().map(object).collect())
}

/// A connector space object of a person.
pub(crate) struct PersonObject {
    pub(crate) id: i64,
    pub(crate) connector: ConnectorName,
}
