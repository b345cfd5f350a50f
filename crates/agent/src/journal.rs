//! The journal: what makes a request change a password exactly once or not at all (SPEC W-12,
//! PR-2).
//!
//! ```text
//! begin → note_before (controller, invocationId, version of unicodePwd, pwdLastSet)
//!       → set → finish
//! ```
//!
//! Each step is durable before the next is taken (SQLite, `synchronous=FULL`), together with what
//! the audit trail says of it ([`crate::audit`]): one transaction, so that there is never one
//! without the other, and a step that audit cannot be told of is not taken. An entry is written
//! only after its package was opened, so that a hostile relay cannot burn request ids. A request
//! that was begun once is never begun again: its recorded answer is replayed. That a password was
//! changed may be told while it is being recorded (docs/decisions/0009). What a crash left open is
//! settled by looking at the directory ([`crate::settle`]), never by trying again.
//!
//! The journal knows of every request that was issued after its *horizon*: the moment at which it
//! was made, or before which it has forgotten entries. That an older request has no entry says
//! nothing about it. It also keeps by when a request had expired of which the cloud was told that it was
//! never begun: none of those is begun any more, whatever the clock shows later.

pub(crate) mod breaker;
mod error;
pub(crate) mod guesses;
mod row;
mod step;
mod whole;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use database::writer::Writer;
use directory::{ObjectGuid, Witness};
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{Answer, Header, RequestId, Timestamp};
use sqlx::sqlite::SqlitePool;

use crate::audit::{self, Event};

pub use error::JournalError;
use step::changing;

/// The steps of the file's schema. A step is never edited after it was released.
pub(crate) static SCHEMA: &[&str] = &[
    "
CREATE TABLE about (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    horizon INTEGER NOT NULL
);
CREATE TABLE entry (
    request BLOB PRIMARY KEY,
    header BLOB NOT NULL,
    state TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    connector TEXT,
    object_guid BLOB,
    controller TEXT,
    invocation_id BLOB,
    version INTEGER,
    pwd_last_set INTEGER,
    noted_at INTEGER,
    set_at INTEGER,
    answer BLOB,
    finished_at INTEGER
);
CREATE INDEX entry_open ON entry (state) WHERE state <> 'finished';
",
    audit::TABLES,
    breaker::TABLE,
    // What expires by this moment is void unless it was begun.
    "ALTER TABLE about ADD COLUMN void_until INTEGER NOT NULL DEFAULT 0;",
];

/// The name of the file in the state directory.
pub(crate) const FILE: &str = "journal.db";

/// By how much more than what was asked for is made void at once.
pub(crate) const VOID_STEP: Duration = Duration::from_secs(1);

/// The journal of one agent.
#[derive(Clone)]
pub struct Journal {
    pool: SqlitePool,
    writer: Arc<Writer>,
}

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing was noted, so nothing was sent to the directory.
    Begun,
    /// The state before is noted; a set may have been sent.
    Noted,
    /// The directory has confirmed the set.
    Set,
    /// The answer is recorded.
    Finished,
}

/// An account as the journal names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The directory's connector.
    pub connector: String,
    /// The account.
    pub guid: ObjectGuid,
}

/// Whether the state before a set was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Noted {
    /// It was; the set may be sent.
    Yes,
    /// It was not: another request for the same account is open. Two at once could not be told
    /// apart by the account's metadata.
    AnotherIsOpen,
}

/// What is looked at when an entry is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The account.
    pub place: Place,
    /// The controller that was asked.
    pub controller: String,
    /// Its invocationId.
    pub invocation_id: [u8; 16],
    /// The version of `unicodePwd` there.
    pub version: u32,
}

/// An entry.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What the request was bound to.
    pub header: Header,
    /// How far it is.
    pub state: State,
    /// What was noted before the set, if that far.
    pub before: Option<Before>,
    /// The recorded answer, if finished.
    pub answer: Option<Answer>,
}

impl Journal {
    /// Makes the journal, or opens the one that is there. One that is made at `now` knows nothing
    /// of what was issued before. A damaged one is put aside, and a new one made.
    ///
    /// # Errors
    /// [`JournalError::Open`]; [`JournalError::Database`] if it cannot be made, or a damaged one cannot be put
    /// aside.
    pub async fn create(state_dir: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE);
        let damaged = matches!(whole::is_whole(&path).await, Err(JournalError::Damaged { .. }));
        if damaged || !path.exists() {
            whole::put_aside(&path, now)?;
        }
        let pool = database::open(&path, SCHEMA).await?;
        sqlx::query("INSERT INTO about (one, horizon) VALUES (1, $1) ON CONFLICT (one) DO NOTHING")
            .bind(now.as_millis())
            .execute(&pool)
            .await
            .map_err(failed("note since when it knows"))?;
        Ok(Self { writer: Arc::new(Writer::of(&pool)), pool })
    }

    /// Whether there is a journal in a state directory, and whole.
    pub async fn is_whole(state_dir: &Path) -> bool {
        whole::is_whole(&state_dir.join(FILE)).await.is_ok()
    }

    /// Opens the journal that onboarding made. Makes none, and makes nothing that is empty into one.
    ///
    /// # Errors
    /// [`JournalError::Gone`] if it is not there, or what stands there does not say since when it knows:
    /// a file of no bytes is a database without tables to SQLite. [`JournalError::Damaged`] if its pages are
    /// not as they have to be.
    pub async fn open(state_dir: &Path) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE);
        whole::is_whole(&path).await?;
        let pool = database::open(&path, SCHEMA).await?;
        Ok(Self { writer: Arc::new(Writer::of(&pool)), pool })
    }

    /// Whether a request that was issued at this moment, and has no entry, was never begun.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub async fn knows_since(&self, issued_at: Timestamp) -> Result<bool, JournalError> {
        let horizon: i64 = sqlx::query_scalar("SELECT horizon FROM about")
            .fetch_one(&self.pool)
            .await
            .map_err(failed("say since when it knows"))?;
        Ok(issued_at > Timestamp::from_millis(horizon))
    }

    /// Makes void what expires by a moment that has passed for [`VOID_STEP`] at least, and up to that much
    /// more: unless it was begun it never is, also when the clock is put back. One moment for all of them:
    /// whoever makes one after the other void makes nothing grow, and writes once in that time.
    ///
    /// # Errors
    /// [`JournalError::Database`]: nothing is void that was not.
    pub async fn make_void(
        &self,
        expired_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let until = expired_at.after(VOID_STEP);
        let void = changing("UPDATE about SET void_until = $1 WHERE void_until < $2");
        let void = sqlx::query(void).bind(until.as_millis()).bind(expired_at.as_millis());
        match self.change("make void what has expired", void).await? {
            Some(step) => step.commit(&[], now).await,
            None => Ok(()),
        }
    }

    /// Begins an entry. False if the request was begun before, or may have been and was forgotten: it
    /// was issued before the horizon, also by clocks that are as far apart as they may be. No entry was
    /// made then, and [`Journal::knows_since`] says so of it. False, too, if it is void
    /// ([`Journal::make_void`]).
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub async fn begin(&self, header: &Header, now: Timestamp) -> Result<bool, JournalError> {
        let begin = changing(
            "INSERT INTO entry (request, header, state, begun_at)
             SELECT $1, $2, 'begun', $3 FROM about WHERE horizon <= $4 AND void_until < $5
             ON CONFLICT (request) DO NOTHING",
        );
        let begin = sqlx::query(begin)
            .bind(header.request.to_bytes().to_vec())
            .bind(header.encode())
            .bind(now.as_millis())
            .bind(header.issued_at.after(CLOCK_DIFFERENCE_MAX).as_millis())
            .bind(header.expires_at.as_millis());
        match self.change("begin an entry", begin).await? {
            Some(step) => step.commit(&[Event::begun(header)], now).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Notes the state before the set. May be repeated while nothing was sent (another controller
    /// has become the PDC emulator). Refused while another request may have set, or may still set,
    /// a password for the same account: the version of one account's password settles one set.
    ///
    /// # Errors
    /// [`JournalError::OutOfOrder`] unless the entry is begun or noted.
    pub async fn note_before(
        &self,
        header: &Header,
        place: &Place,
        witness: &Witness,
        told: &[Event],
        now: Timestamp,
    ) -> Result<Noted, JournalError> {
        // One statement: of two requests at once, one is noted.
        let note = changing(
            "UPDATE entry SET state = 'noted', connector = $1, object_guid = $2, controller = $3,
                 invocation_id = $4, version = $5, pwd_last_set = $6, noted_at = $7
             WHERE request = $8 AND state IN ('begun', 'noted') AND NOT EXISTS (
                 SELECT 1 FROM entry AS other
                 WHERE other.state <> 'finished' AND other.state IN ('noted', 'set')
                   AND other.connector = $1 AND other.object_guid = $2 AND other.request <> $8)",
        );
        let note = sqlx::query(note)
            .bind(&place.connector)
            .bind(place.guid.to_bytes().to_vec())
            .bind(&witness.controller)
            .bind(witness.invocation_id.0.to_bytes().to_vec())
            .bind(i64::from(witness.version))
            .bind(match witness.pwd_last_set {
                directory::PwdLastSet::Never => Some(0),
                directory::PwdLastSet::At(moment) => Some(moment.as_millis()),
                directory::PwdLastSet::Hidden => None,
            })
            .bind(now.as_millis())
            .bind(header.request.to_bytes().to_vec());
        if let Some(step) = self.change("note the state before a set", note).await? {
            let noted = [&[Event::noted(header, place, witness)], told].concat();
            step.commit(&noted, now).await?;
            return Ok(Noted::Yes);
        }
        match self.entry(header.request).await?.map(|entry| entry.state) {
            Some(State::Begun | State::Noted) => Ok(Noted::AnotherIsOpen),
            _ => Err(JournalError::OutOfOrder),
        }
    }

    /// Records that the directory confirmed the set, where something else is to be done before the
    /// answer (SPEC D-4, must change); else [`Journal::finish`] records both at once.
    ///
    /// # Errors
    /// [`JournalError::OutOfOrder`] unless the entry is noted.
    pub async fn set(&self, header: &Header, now: Timestamp) -> Result<(), JournalError> {
        let set = changing(
            "UPDATE entry SET state = 'set', set_at = $1 WHERE request = $2 AND state = 'noted'",
        );
        let request = header.request.to_bytes().to_vec();
        let set = sqlx::query(set).bind(now.as_millis()).bind(request);
        let step = self.change("record a set", set).await?.ok_or(JournalError::OutOfOrder)?;
        step.commit(&[Event::set(header)], now).await
    }

    /// Records the answer. From then on it is the one that is given, whoever asks. `trail` is what
    /// audit is told with it.
    ///
    /// # Errors
    /// [`JournalError::OutOfOrder`] if the entry is finished or not there.
    pub async fn finish(
        &self,
        request: RequestId,
        answer: &Answer,
        trail: &[Event],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let finish = changing(
            "UPDATE entry SET state = 'finished', answer = $1, finished_at = $2
             WHERE request = $3 AND state <> 'finished'",
        );
        let request = request.to_bytes().to_vec();
        let finish = sqlx::query(finish).bind(answer.encode()).bind(now.as_millis()).bind(request);
        let step =
            self.change("record an answer", finish).await?.ok_or(JournalError::OutOfOrder)?;
        step.commit(trail, now).await
    }

    /// Writes to the audit trail what is no step of an entry.
    ///
    /// # Errors
    /// [`JournalError::Database`]: nothing was written.
    pub async fn record(&self, trail: &[Event], now: Timestamp) -> Result<(), JournalError> {
        self.trail_only("write to the audit trail").await?.commit(trail, now).await
    }

    /// The entry of a request, if it was ever begun.
    ///
    /// # Errors
    /// [`JournalError::Database`], [`JournalError::Unreadable`].
    pub async fn entry(&self, request: RequestId) -> Result<Option<Entry>, JournalError> {
        let row = sqlx::query("SELECT * FROM entry WHERE request = $1")
            .bind(request.to_bytes().to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find an entry"))?;
        row.as_ref().map(row::entry).transpose()
    }

    /// Every entry that is not finished.
    ///
    /// # Errors
    /// [`JournalError::Database`], [`JournalError::Unreadable`].
    pub async fn open_entries(&self) -> Result<Vec<Entry>, JournalError> {
        let rows = sqlx::query("SELECT * FROM entry WHERE state <> 'finished' ORDER BY begun_at")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the open entries"))?;
        rows.iter().map(row::entry).collect()
    }

    /// Forgets finished entries that are older than `retention`, and raises the horizon to there;
    /// how many. The retention is far longer than any message lives, so none of them can come back.
    ///
    /// # Errors
    /// [`JournalError::Database`]: nothing was forgotten.
    pub async fn prune(&self, retention: Duration, now: Timestamp) -> Result<u64, JournalError> {
        let failed = || failed("forget old entries");
        let horizon = now.before(retention);
        // A request is begun anew where it was issued later than the horizon less the difference of the
        // clocks, by the cloud's, which may be ahead of the one here by as much: it may have been finished
        // before it was issued. None that would be begun may be forgotten.
        let forgotten = horizon.before(CLOCK_DIFFERENCE_MAX * 2);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed())?;
        sqlx::query("UPDATE about SET horizon = max(horizon, $1)")
            .bind(horizon.as_millis())
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        // Where something was sent the clock was right when it began, and may be wrong when it is settled.
        let prune =
            "DELETE FROM entry WHERE state = 'finished' AND finished_at < $1 AND begun_at < $1";
        let pruned = sqlx::query(prune)
            .bind(forgotten.as_millis())
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(pruned.rows_affected())
    }

    /// Forgets what stands in the audit trail for longer than `retention`; how many entries. What
    /// is left still verifies.
    ///
    /// # Errors
    /// [`JournalError::Database`]; what was forgotten before it stays so.
    pub async fn forget_trail(
        &self,
        retention: Duration,
        now: Timestamp,
    ) -> Result<u64, JournalError> {
        let forgotten = audit::forget(&self.pool, retention, now).await;
        forgotten.map_err(failed("forget old audit entries"))
    }

    /// Waits for what is running and closes the file.
    pub async fn close(&self) {
        self.writer.close().await;
        self.pool.close().await;
    }
}

fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> JournalError + Copy {
    move |cause| JournalError::Database { doing, cause: cause.to_string() }
}

#[cfg(test)]
mod power_tests;
#[cfg(test)]
pub(crate) mod tests;
