//! The cloud's side: joining cloud objects, and working out what the cloud must be told.

use protocol::Timestamp;
use sqlx::SqliteConnection;

use super::{PAGE, SynchronisationReport};
use crate::cloud_user::policy_of;
use crate::row::row;
use crate::rules::{MetaverseAttribute, MetaverseAttributes, OUT_TO_CLOUD_USER_JOIN};
use crate::state::{from_json, to_json};
use crate::{CloudUser, SyncError};

/// Links cloud objects to the metaverse objects with their sourceAnchor: one each, the oldest
/// first. Others stay disconnectors.
pub(super) async fn join(
    tx: &mut SqliteConnection,
    now: Timestamp,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let join = "INSERT INTO link (object_id, metaverse_id, rules, linked_at)
        SELECT min(o.id), m.id, $1, $2
        FROM connector_object o JOIN metaverse m ON m.source_anchor = o.source_anchor
        WHERE o.connector = 'cloud'
        AND NOT EXISTS (SELECT 1 FROM link l WHERE l.object_id = o.id)
        AND NOT EXISTS (
            SELECT 1 FROM link l JOIN connector_object c ON c.id = l.object_id
            WHERE l.metaverse_id = m.id AND c.connector = 'cloud')
        GROUP BY m.id";
    let joined = sqlx::query(join)
        .bind(to_json(&[OUT_TO_CLOUD_USER_JOIN])?)
        .bind(now.as_millis())
        .execute(&mut *tx)
        .await?;
    report.joined += joined.rows_affected();
    // A person who came back before the cloud was told that they had gone.
    let kept = "UPDATE connector_object SET deprovision = 0
        WHERE deprovision = 1 AND id IN (SELECT object_id FROM link)";
    sqlx::query(kept).execute(tx).await?;
    Ok(())
}

row! {
    struct Person {
        id: i64,
        source_anchor: String,
        wanted: String,
        cloud_anchor: Option<String>,
        held_by_cloud: Option<String>,
    }
}

pub(super) async fn rebuild_exports(
    tx: &mut SqliteConnection,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    sqlx::query("DELETE FROM pending_export").execute(&mut *tx).await?;
    // First what goes: it may free a login that somebody else now has.
    let deletes = "INSERT INTO pending_export (kind, source_anchor, cloud_anchor)
        SELECT 'delete', source_anchor, anchor FROM connector_object
        WHERE connector = 'cloud' AND deprovision = 1 ORDER BY id";
    report.pending_deletes = sqlx::query(deletes).execute(&mut *tx).await?.rows_affected();
    let page = "SELECT m.id, m.source_anchor, m.attributes AS wanted,
            c.anchor AS cloud_anchor, c.attributes AS held_by_cloud
        FROM metaverse m LEFT JOIN (
            SELECT l.metaverse_id, o.anchor, o.attributes
            FROM link l JOIN connector_object o ON o.id = l.object_id
            WHERE o.connector = 'cloud') c ON c.metaverse_id = m.id
        WHERE m.id > $1 ORDER BY m.id LIMIT $2";
    let mut last = 0;
    loop {
        let people: Vec<Person> =
            sqlx::query_as(page).bind(last).bind(PAGE).fetch_all(&mut *tx).await?;
        let Some(end) = people.last() else { return Ok(()) };
        last = end.id;
        for person in &people {
            compare(tx, person, report).await?;
        }
    }
}

async fn compare(
    tx: &mut SqliteConnection,
    person: &Person,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let user = wanted(person)?;
    let kind = match &person.held_by_cloud {
        None => {
            report.pending_adds += 1;
            "add"
        }
        Some(held) if *held != to_json(&user.attributes())? => {
            report.pending_updates += 1;
            "update"
        }
        Some(_) => return Ok(()),
    };
    let insert = "INSERT INTO pending_export (kind, source_anchor, cloud_anchor, cloud_user)
        VALUES ($1, $2, $3, $4)";
    sqlx::query(insert)
        .bind(kind)
        .bind(&person.source_anchor)
        .bind(&person.cloud_anchor)
        .bind(to_json(&user)?)
        .execute(tx)
        .await?;
    Ok(())
}

fn wanted(person: &Person) -> Result<CloudUser, SyncError> {
    let attributes: MetaverseAttributes = from_json(&person.wanted, "metaverse object")?;
    let first = |name| attributes.get(&name).and_then(|values: &Vec<String>| values.first());
    let login = first(MetaverseAttribute::UserPrincipalName)
        .or_else(|| first(MetaverseAttribute::SamAccountName));
    let pwd_last_set = first(MetaverseAttribute::PwdLastSet).and_then(|text| text.parse().ok());
    Ok(CloudUser {
        source_anchor: person
            .source_anchor
            .parse()
            .map_err(|_| SyncError::Unreadable("sourceAnchor"))?,
        user_name: login.cloned().unwrap_or_default(),
        display_name: first(MetaverseAttribute::DisplayName).cloned().unwrap_or_default(),
        active: first(MetaverseAttribute::AccountEnabled).is_some(),
        emails: attributes.get(&MetaverseAttribute::Emails).cloned().unwrap_or_default(),
        pwd_last_set: pwd_last_set.map(Timestamp::from_millis),
        policy: policy_of(first(MetaverseAttribute::Policy).map(String::as_str)),
    })
}
