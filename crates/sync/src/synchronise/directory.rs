//! The directory pass: which objects are linked, to what, and by which rules.
//!
//! First every object, for what does not depend on others: its lineage, the value that it is
//! recognised by, and the hard match. Then those that are still without a link, one by one: another
//! object may have made the metaverse object that they belong to. In this order it does not matter
//! which directory was imported first.

use protocol::Timestamp;
use sqlx::SqliteConnection;

use super::{PAGE, SynchronisationReport, matching};
use crate::row::row;
use crate::rules::{JoinCriterion, LinkType, Rule};
use crate::state::{from_json, to_json};
use crate::{Attributes, SyncError, SyncState};

row! {
    struct DirectoryObject {
        id: i64,
        connector: String,
        source_anchor: String,
        attributes: String,
        match_value: Option<String>,
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
    let all = "SELECT o.id, o.connector, o.source_anchor, o.attributes, o.match_value,
            l.metaverse_id, l.rules
        FROM connector_object o LEFT JOIN link l ON l.object_id = o.id
        WHERE o.connector <> 'cloud' AND o.id > $1 ORDER BY o.id LIMIT $2";
    let unlinked = "SELECT o.id, o.connector, o.source_anchor, o.attributes, o.match_value,
            l.metaverse_id, l.rules
        FROM connector_object o LEFT JOIN link l ON l.object_id = o.id
        WHERE o.connector <> 'cloud' AND l.object_id IS NULL AND o.id > $1
        ORDER BY o.id LIMIT $2";
    for (page, pass) in [(all, Pass::Alone), (unlinked, Pass::AmongOthers)] {
        let mut last = 0;
        loop {
            let objects: Vec<DirectoryObject> =
                sqlx::query_as(page).bind(last).bind(PAGE).fetch_all(&mut *tx).await?;
            let Some(end) = objects.last() else { break };
            last = end.id;
            for object in &objects {
                let attributes = from_json(&object.attributes, "connector space object")?;
                let candidate = Candidate::of(&state.rules, object, &attributes)?;
                match pass {
                    Pass::Alone => candidate.alone(tx, now, report).await?,
                    Pass::AmongOthers => candidate.among_others(tx, now, report).await?,
                }
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Pass {
    Alone,
    AmongOthers,
}

/// An object with the rules in whose scope it is.
struct Candidate<'a> {
    object: &'a DirectoryObject,
    in_scope: Vec<&'a Rule>,
    /// JSON of their identifiers.
    lineage: String,
    match_value: Option<String>,
}

impl<'a> Candidate<'a> {
    fn of(
        rules: &'a [Rule],
        object: &'a DirectoryObject,
        attributes: &Attributes,
    ) -> Result<Self, SyncError> {
        let in_scope: Vec<_> =
            rules.iter().filter(|rule| rule.scope.contains(attributes)).collect();
        let lineage: Vec<_> = in_scope.iter().map(|rule| rule.identifier.as_str()).collect();
        let lineage = to_json(&lineage)?;
        let by_attribute = in_scope.iter().flat_map(|rule| &rule.join).find_map(|criterion| {
            let JoinCriterion::Attribute(name) = criterion else { return None };
            matching::value(attributes, name)
        });
        Ok(Self { object, in_scope, lineage, match_value: by_attribute })
    }

    /// What does not depend on whether others are linked.
    async fn alone(
        &self,
        tx: &mut SqliteConnection,
        now: Timestamp,
        report: &mut SynchronisationReport,
    ) -> Result<(), SyncError> {
        let object = self.object;
        if object.match_value != self.match_value {
            let keep = "UPDATE connector_object SET match_value = $1 WHERE id = $2";
            sqlx::query(keep).bind(&self.match_value).bind(object.id).execute(&mut *tx).await?;
        }
        if object.metaverse_id.is_some() {
            return self.keep_or_cut(tx, report).await;
        }
        if let Some(found) = self.hard_match(tx).await? {
            report.joined += 1;
            self.link(tx, found, now).await?;
        }
        Ok(())
    }

    /// An object without a link finds the metaverse object of another one, or makes its own.
    async fn among_others(
        &self,
        tx: &mut SqliteConnection,
        now: Timestamp,
        report: &mut SynchronisationReport,
    ) -> Result<(), SyncError> {
        let metaverse_id = match self.join(tx).await? {
            Some(found) => {
                report.joined += 1;
                found
            }
            None if self.in_scope.iter().any(|rule| rule.link_type == LinkType::Provision) => {
                report.projected += 1;
                project(tx, self.object).await?
            }
            None => {
                report.disconnectors += 1;
                return Ok(());
            }
        };
        self.link(tx, metaverse_id, now).await
    }

    async fn keep_or_cut(
        &self,
        tx: &mut SqliteConnection,
        report: &mut SynchronisationReport,
    ) -> Result<(), SyncError> {
        if !self.in_scope.iter().any(|rule| makes_links(rule)) {
            report.disconnected += 1;
            let cut = "DELETE FROM link WHERE object_id = $1";
            sqlx::query(cut).bind(self.object.id).execute(tx).await?;
        } else if self.object.rules.as_ref() != Some(&self.lineage) {
            let record = "UPDATE link SET rules = $1 WHERE object_id = $2";
            sqlx::query(record).bind(&self.lineage).bind(self.object.id).execute(tx).await?;
        }
        Ok(())
    }

    async fn hard_match(&self, tx: &mut SqliteConnection) -> Result<Option<i64>, SyncError> {
        let mut criteria = self.in_scope.iter().flat_map(|rule| &rule.join);
        if !criteria.any(|criterion| *criterion == JoinCriterion::SourceAnchor) {
            return Ok(None);
        }
        let same = "SELECT id FROM metaverse WHERE source_anchor = $1";
        let found: Option<(i64,)> =
            sqlx::query_as(same).bind(&self.object.source_anchor).fetch_optional(tx).await?;
        Ok(found.map(|(id,)| id))
    }

    async fn join(&self, tx: &mut SqliteConnection) -> Result<Option<i64>, SyncError> {
        if let Some(found) = self.hard_match(tx).await? {
            return Ok(Some(found));
        }
        let Some(value) = &self.match_value else { return Ok(None) };
        matching::find(tx, self.object.id, &self.object.connector, value).await
    }

    async fn link(
        &self,
        tx: &mut SqliteConnection,
        metaverse_id: i64,
        now: Timestamp,
    ) -> Result<(), SyncError> {
        let link = "INSERT INTO link (object_id, metaverse_id, rules, linked_at)
            VALUES ($1, $2, $3, $4)";
        sqlx::query(link)
            .bind(self.object.id)
            .bind(metaverse_id)
            .bind(&self.lineage)
            .bind(now.as_millis())
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Rules without a join that do not provision only add to a link that another rule made.
fn makes_links(rule: &Rule) -> bool {
    rule.link_type == LinkType::Provision || !rule.join.is_empty()
}

async fn project(tx: &mut SqliteConnection, object: &DirectoryObject) -> Result<i64, SyncError> {
    let project = "INSERT INTO metaverse (source_anchor, attributes) VALUES ($1, '{}')
        ON CONFLICT (source_anchor) DO UPDATE SET source_anchor = excluded.source_anchor
        RETURNING id";
    let (id,): (i64,) = sqlx::query_as(project).bind(&object.source_anchor).fetch_one(tx).await?;
    Ok(id)
}
