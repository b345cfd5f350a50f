//! The metaverse pass: attribute flow, and the end of people whose directory object is gone.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use super::{PAGE, SynchronisationReport};
use crate::row::row;
use crate::rules::{Contribution, Rule, flow_all, is_account_enabled};
use crate::state::{from_json, to_json};
use crate::{Attributes, ConnectorName, SyncError, SyncState};

row! {
    struct LinkedObject {
        metaverse_id: i64,
        connector: String,
        attributes: String,
        rules: String,
    }
}

struct Contributor {
    connector: ConnectorName,
    attributes: Attributes,
    identifiers: Vec<String>,
}

pub(super) async fn flow_and_remove(
    state: &SyncState,
    tx: &mut SqliteConnection,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let page = "SELECT id, attributes FROM metaverse WHERE id > $1 ORDER BY id LIMIT $2";
    let mut last = 0;
    loop {
        let people: Vec<(i64, String)> =
            sqlx::query_as(page).bind(last).bind(PAGE).fetch_all(&mut *tx).await?;
        let Some((end, _)) = people.last() else { break };
        let contributors = contributors(tx, last, *end).await?;
        last = *end;
        for (id, stored) in &people {
            // Without a directory object: removed below, or held as it is.
            let Some(contributors) = contributors.get(id) else { continue };
            let wanted = to_json(&flow(state, contributors))?;
            if wanted != *stored {
                report.changed += 1;
                let change = "UPDATE metaverse SET attributes = $1 WHERE id = $2";
                sqlx::query(change).bind(wanted).bind(id).execute(&mut *tx).await?;
            }
        }
    }
    remove(tx, report).await
}

fn flow(state: &SyncState, contributors: &[Contributor]) -> crate::rules::MetaverseAttributes {
    let recorded =
        |contributor: &Contributor, rule: &Rule| contributor.identifiers.contains(&rule.identifier);
    let contributions: Vec<_> = contributors
        .iter()
        .map(|contributor| Contribution {
            connector: &contributor.connector,
            attributes: &contributor.attributes,
            rules: state.rules.iter().filter(|rule| recorded(contributor, rule)).collect(),
        })
        .collect();
    flow_all(&contributions, &state.options.rules)
}

/// The linked directory objects by metaverse object. Where there are several, the enabled account
/// speaks for the person and the others are silent: it is the one whose password is written (SPEC
/// W-7 (d)). Nothing that it lacks is filled in from an account that is switched off, least of all
/// an address to which codes go. Where several or none are enabled all of them speak, in the order
/// of their directories' names.
async fn contributors(
    tx: &mut SqliteConnection,
    after: i64,
    to: i64,
) -> Result<BTreeMap<i64, Vec<Contributor>>, SyncError> {
    let linked = "SELECT l.metaverse_id, o.connector, o.attributes, l.rules
        FROM link l JOIN connector_object o ON o.id = l.object_id
        WHERE o.connector <> 'cloud' AND l.metaverse_id > $1 AND l.metaverse_id <= $2
        ORDER BY l.metaverse_id, o.connector, o.anchor";
    let rows: Vec<LinkedObject> = sqlx::query_as(linked).bind(after).bind(to).fetch_all(tx).await?;
    let mut found: BTreeMap<i64, Vec<Contributor>> = BTreeMap::new();
    for row in rows {
        let contributor = Contributor {
            connector: ConnectorName::stored(row.connector),
            attributes: from_json(&row.attributes, "connector space object")?,
            identifiers: from_json(&row.rules, "lineage")?,
        };
        found.entry(row.metaverse_id).or_default().push(contributor);
    }
    let enabled = |one: &Contributor| one.identifiers.iter().any(|id| is_account_enabled(id));
    for several in found.values_mut() {
        if several.iter().any(enabled) {
            several.retain(enabled);
        }
    }
    Ok(found)
}

async fn remove(
    tx: &mut SqliteConnection,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let deprovision = "UPDATE connector_object SET deprovision = 1
        WHERE connector = 'cloud' AND id IN (
            SELECT l.object_id FROM link l WHERE l.metaverse_id IN (
                SELECT m.id FROM metaverse m
                WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.metaverse_id = m.id)
                AND NOT EXISTS (
                    SELECT 1 FROM link d JOIN connector_object o ON o.id = d.object_id
                    WHERE d.metaverse_id = m.id AND o.connector <> 'cloud')))";
    sqlx::query(deprovision).execute(&mut *tx).await?;
    let remove = "DELETE FROM metaverse
        WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.metaverse_id = metaverse.id)
        AND NOT EXISTS (
            SELECT 1 FROM link d JOIN connector_object o ON o.id = d.object_id
            WHERE d.metaverse_id = metaverse.id AND o.connector <> 'cloud')";
    report.removed = sqlx::query(remove).execute(tx).await?.rows_affected();
    Ok(())
}
