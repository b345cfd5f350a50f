//! The directory pass: which objects are linked, to what, and by which rules.

use protocol::Timestamp;
use sqlx::SqliteConnection;

use super::{PAGE, SynchronisationReport};
use crate::row::row;
use crate::rules::{JoinCriterion, LinkType, Rule};
use crate::state::{from_json, to_json};
use crate::{Attributes, SyncError, SyncState};

row! {
    struct DirectoryObject {
        id: i64,
        source_anchor: String,
        attributes: String,
        metaverse_id: Option<i64>,
        rules: Option<String>,
    }
}

pub(super) async fn join_and_project(
    state: &SyncState,
    tx: &mut SqliteConnection,
    now: Timestamp,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let page = "SELECT o.id, o.source_anchor, o.attributes, l.metaverse_id, l.rules
        FROM connector_object o LEFT JOIN link l ON l.object_id = o.id
        WHERE o.connector <> 'cloud' AND o.id > $1 ORDER BY o.id LIMIT $2";
    let mut last = 0;
    loop {
        let objects: Vec<DirectoryObject> =
            sqlx::query_as(page).bind(last).bind(PAGE).fetch_all(&mut *tx).await?;
        let Some(end) = objects.last() else { return Ok(()) };
        last = end.id;
        for object in &objects {
            connect(&state.rules, tx, now, object, report).await?;
        }
    }
}

async fn connect(
    rules: &[Rule],
    tx: &mut SqliteConnection,
    now: Timestamp,
    object: &DirectoryObject,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let attributes: Attributes = from_json(&object.attributes, "connector space object")?;
    let in_scope: Vec<_> = rules.iter().filter(|rule| rule.scope.contains(&attributes)).collect();
    let lineage: Vec<_> = in_scope.iter().map(|rule| rule.identifier.as_str()).collect();
    let lineage = to_json(&lineage)?;
    let links = in_scope.iter().any(|rule| makes_links(rule));
    if object.metaverse_id.is_some() {
        if !links {
            report.disconnected += 1;
            report.disconnectors += 1;
            let cut = "DELETE FROM link WHERE object_id = $1";
            sqlx::query(cut).bind(object.id).execute(tx).await?;
        } else if object.rules.as_ref() != Some(&lineage) {
            let record = "UPDATE link SET rules = $1 WHERE object_id = $2";
            sqlx::query(record).bind(lineage).bind(object.id).execute(tx).await?;
        }
        return Ok(());
    }
    let metaverse_id = match join(&in_scope, tx, object).await? {
        Some(found) => {
            report.joined += 1;
            found
        }
        None if in_scope.iter().any(|rule| rule.link_type == LinkType::Provision) => {
            report.projected += 1;
            project(tx, object).await?
        }
        None => {
            report.disconnectors += 1;
            return Ok(());
        }
    };
    let link = "INSERT INTO link (object_id, metaverse_id, rules, linked_at)
        VALUES ($1, $2, $3, $4)";
    sqlx::query(link)
        .bind(object.id)
        .bind(metaverse_id)
        .bind(lineage)
        .bind(now.as_millis())
        .execute(tx)
        .await?;
    Ok(())
}

/// Rules without a join that do not provision only add to a link that another rule made.
fn makes_links(rule: &Rule) -> bool {
    rule.link_type == LinkType::Provision || !rule.join.is_empty()
}

async fn join(
    in_scope: &[&Rule],
    tx: &mut SqliteConnection,
    object: &DirectoryObject,
) -> Result<Option<i64>, SyncError> {
    for criterion in in_scope.iter().flat_map(|rule| &rule.join) {
        let found: Option<(i64,)> = match criterion {
            JoinCriterion::SourceAnchor => {
                let same = "SELECT id FROM metaverse WHERE source_anchor = $1";
                sqlx::query_as(same).bind(&object.source_anchor).fetch_optional(&mut *tx).await?
            }
        };
        if let Some((id,)) = found {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

async fn project(tx: &mut SqliteConnection, object: &DirectoryObject) -> Result<i64, SyncError> {
    let project = "INSERT INTO metaverse (source_anchor, attributes) VALUES ($1, '{}')
        ON CONFLICT (source_anchor) DO UPDATE SET source_anchor = excluded.source_anchor
        RETURNING id";
    let (id,): (i64,) = sqlx::query_as(project).bind(&object.source_anchor).fetch_one(tx).await?;
    Ok(id)
}
