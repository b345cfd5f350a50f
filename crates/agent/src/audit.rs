//! The agent's own audit trail (SPEC L-7): what it did with every request, chained by hashes
//! ([`database::chain`]), out of the cloud's reach (THREATS: the cloud cannot suppress on-premises
//! audit).
//!
//! It stands in the journal's file, because both say the same of one step: an entry of the journal
//! and what audit says of it are one transaction, so they cannot disagree, and audit costs no
//! write of its own (docs/decisions/0006). The request id joins it to the cloud's trail.
//!
//! ```text
//! agent.started, agent.stopped
//! breaker.alarm, breaker.opened → breaker.released
//! writeback.enabling, writeback.enabled, writeback.disabled
//! writeback.begun → writeback.noted → writeback.set → writeback.finished    each request
//!                   writeback.refused_by_guard    writeback.unlocked    writeback.minimum_age_unknown
//!                   writeback.history_not_enforced               writeback.history_and_age_not_kept
//!                   writeback.in_doubt → writeback.settled
//!                   writeback.change_asked_later → writeback.finished
//! settle.never_begun                                                        asked for, and void
//! look.concluded                                                            of another agent's
//! intake.package_not_opened, intake.not_for_this_agent, intake.known_request,
//! intake.before_the_horizon, intake.void, intake.password_not_opened
//! audit.forgotten
//! ```
//!
//! `writeback.finished`, `writeback.settled`, `settle.never_begun` and `look.concluded` carry the answer that the
//! cloud is given. No entry holds a secret.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use database::OpenError;
pub use database::chain::Verification;
use database::chain::{Chain, Forgotten, Value};
use directory::Witness;
use protocol::{Answer, Header, RequestId, TenantId, Timestamp};
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use crate::journal::{self, Place};

/// The tables, as a step of the journal's schema.
pub(crate) const TABLES: &str = "
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    tenant BLOB,
    request BLOB,
    event TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
);
CREATE TABLE audit_anchor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
);
";
/// How its entries hang together.
pub(crate) const CHAIN: Chain<5> =
    Chain::new("audit", ["at", "tenant", "request", "event", "detail"]);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The tenant, where it concerns one.
    pub tenant: Option<TenantId>,
    /// The request, where it concerns one.
    pub request: Option<RequestId>,
    /// Its dotted name, for example `writeback.finished`.
    pub name: String,
    /// More, as JSON. Never a secret.
    pub detail: serde_json::Value,
}

/// An event as it stands in the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: i64,
    /// When it was written down, by the agent's clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Its hash, SHA-256, which stands for all entries up to it.
    pub hash: Vec<u8>,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// Those from this moment on.
    pub since: Option<Timestamp>,
    /// Those of one request.
    pub request: Option<RequestId>,
}

/// Why a trail cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The agent has not made one yet, or its file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database failed: file damaged.
    #[error("the audit trail cannot be read: {0}")]
    Database(String),
    /// An entry cannot be read.
    #[error("the audit trail holds an entry that cannot be read")]
    Unreadable,
}

/// The trail of one agent, to be read; the agent may be running.
pub struct Trail {
    pool: SqlitePool,
}

impl Trail {
    /// Opens the trail of the agent with this state directory.
    ///
    /// # Errors
    /// [`AuditError::Open`].
    pub async fn open(state_dir: &Path) -> Result<Self, AuditError> {
        Ok(Self {
            pool: database::open_to_read(&state_dir.join(journal::FILE), journal::SCHEMA).await?,
        })
    }

    /// Looks at every entry, from the beginning.
    ///
    /// # Errors
    /// [`AuditError::Database`].
    pub async fn verify(&self) -> Result<Verification, AuditError> {
        CHAIN.verify(&self.pool).await.map_err(|error| AuditError::Database(error.to_string()))
    }

    /// The first `limit` entries of a selection that stand behind the place `after`.
    ///
    /// # Errors
    /// [`AuditError::Database`], [`AuditError::Unreadable`].
    pub async fn after(
        &self,
        after: i64,
        selection: &Selection,
        limit: i64,
    ) -> Result<Vec<Entry>, AuditError> {
        let rows = sqlx::query(
            "SELECT * FROM audit WHERE seq > $1 AND at >= $2 AND ($3 IS NULL OR request = $3)
             ORDER BY seq LIMIT $4",
        )
        .bind(after)
        .bind(selection.since.map_or(i64::MIN, Timestamp::as_millis))
        .bind(selection.request.map(|id| id.to_bytes().to_vec()))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(|error| AuditError::Database(error.to_string()))?;
        rows.iter().map(entry).collect()
    }

    /// Closes the file.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// All of the trail of the agent with this state directory, and what came out of verifying it.
/// For trails that fit into memory.
///
/// # Errors
/// [`AuditError`].
pub async fn read(state_dir: &Path) -> Result<(Vec<Entry>, Verification), AuditError> {
    let trail = Trail::open(state_dir).await?;
    let verified = trail.verify().await?;
    let entries = trail.after(i64::MIN, &Selection::default(), i64::MAX).await?;
    trail.close().await;
    Ok((entries, verified))
}

impl Event {
    /// An event of the agent as such.
    pub(crate) fn of_agent(name: &str, detail: serde_json::Value) -> Self {
        Self { tenant: None, request: None, name: name.to_owned(), detail }
    }

    /// An event of a request.
    pub(crate) fn of(header: &Header, name: &str, detail: serde_json::Value) -> Self {
        let (tenant, request) = (Some(header.tenant), Some(header.request));
        Self { tenant, request, name: name.to_owned(), detail }
    }

    /// A request was opened, and is for this agent.
    pub(crate) fn begun(header: &Header) -> Self {
        let detail = json!({
            "operation": header.operation.name(),
            "cloud_anchor": header.cloud_anchor,
            "issued_at_ms": header.issued_at,
            "expires_at_ms": header.expires_at,
        });
        Self::of(header, "writeback.begun", detail)
    }

    /// The set is sent next.
    pub(crate) fn noted(header: &Header, place: &Place, witness: &Witness) -> Self {
        let detail = json!({
            "connector": place.connector,
            "object_guid": place.guid.to_string(),
            "controller": witness.controller,
            "version": witness.version,
        });
        Self::of(header, "writeback.noted", detail)
    }

    /// The directory has confirmed the set.
    pub(crate) fn set(header: &Header) -> Self {
        Self::of(header, "writeback.set", json!({}))
    }

    /// The directory has confirmed the unlock.
    pub(crate) fn unlocked(header: &Header) -> Self {
        Self::of(header, "writeback.unlocked", json!({}))
    }

    /// What the cloud is told.
    pub(crate) fn answered(header: &Header, name: &str, answer: &Answer) -> Self {
        let outcome = answer.outcome;
        let mut detail = json!({
            "outcome": outcome.name(),
            "number": outcome.number(),
            "changed": outcome.changed().word(),
            "finished_at_ms": answer.finished_at,
        });
        if answer.details.inferred {
            detail["inferred"] = json!(true);
        }
        Self::of(header, name, detail)
    }

    /// What is hashed and written.
    pub(crate) fn values(&self, now: Timestamp) -> [Value; 5] {
        [
            Value::Number(now.as_millis()),
            Value::or_nothing(self.tenant.map(TenantId::to_bytes)),
            Value::or_nothing(self.request.map(RequestId::to_bytes)),
            Value::Text(self.name.clone()),
            Value::Text(self.detail.to_string()),
        ]
    }
}

/// Forgets entries that are older than `retention`, once a day at most; how many.
pub(crate) async fn forget(
    pool: &SqlitePool,
    retention: Duration,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let noted = |gone: &Forgotten| {
        let detail = json!({ "through": gone.last.seq, "entries": gone.rows });
        Event::of_agent("audit.forgotten", detail).values(now)
    };
    CHAIN.forget(pool, now.before(retention).as_millis(), noted).await
}

fn entry(row: &SqliteRow) -> Result<Entry, AuditError> {
    fn column<'r, T>(row: &'r SqliteRow, name: &str) -> Result<T, AuditError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        row.try_get(name).map_err(|_| AuditError::Unreadable)
    }
    let id = |name| {
        let bytes: Option<Vec<u8>> = column(row, name)?;
        let sixteen = |bytes: Vec<u8>| bytes.try_into().map_err(|_| AuditError::Unreadable);
        bytes.map(sixteen).transpose()
    };
    let detail: String = column(row, "detail")?;
    Ok(Entry {
        seq: column(row, "seq")?,
        at: Timestamp::from_millis(column(row, "at")?),
        event: Event {
            tenant: id("tenant")?.map(TenantId::from_bytes),
            request: id("request")?.map(RequestId::from_bytes),
            name: column(row, "event")?,
            detail: serde_json::from_str(&detail).map_err(|_| AuditError::Unreadable)?,
        },
        hash: column(row, "hash")?,
    })
}

/// How many entries an hour are written of what the relay can have written at will.
const AT_WILL: usize = 1_000;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Keeps a hostile relay from filling the disk with entries: of what does not prove itself, each
/// request is written once an hour, and not more than [`AT_WILL`] of them. The log has all.
#[derive(Debug, Default)]
pub(crate) struct AtWill {
    since: Timestamp,
    written: HashSet<Kind>,
}

/// What counts as the same: the event, the request, and what the cloud is told.
type Kind = (String, Option<RequestId>, Option<String>);

/// How an event stands with what was written at will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It is to be written.
    Now,
    /// It was written within the hour.
    Before,
    /// It may not be written: there were too many others within the hour.
    No,
}

impl AtWill {
    /// Whether the event is to be written.
    pub(crate) fn admits(&mut self, event: &Event, now: Timestamp) -> Admitted {
        if self.since.apart(now) >= HOUR {
            *self = Self { since: now, written: HashSet::new() };
        }
        match self.written.contains(&kind(event)) {
            true => Admitted::Before,
            false if self.written.len() < AT_WILL => Admitted::Now,
            false => Admitted::No,
        }
    }

    /// Takes down that an event that was admitted is written.
    pub(crate) fn wrote(&mut self, event: &Event) {
        self.written.insert(kind(event));
    }

    /// Takes that back: it could not be.
    pub(crate) fn forget(&mut self, event: &Event) {
        self.written.remove(&kind(event));
    }
}

fn kind(event: &Event) -> Kind {
    let outcome = event.detail["outcome"].as_str().map(str::to_owned);
    (event.name.clone(), event.request, outcome)
}

#[cfg(test)]
mod tests;
