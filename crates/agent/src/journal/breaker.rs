//! What the breaker keeps on disk ([`crate::guard::breaker`]): since when it is open, and when it was
//! last released. How many passwords were set stands in the journal's entries anyway.

use std::path::Path;

use protocol::{Changed, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use super::step::changing;
use super::{FILE, Journal, JournalError, SCHEMA, failed, row};
use crate::audit::Event;
use crate::guard::breaker::{Breaker, WINDOW};

/// The table, as a step of the journal's schema.
pub(crate) const TABLE: &str = "
CREATE TABLE breaker (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    opened_at INTEGER,
    released_at INTEGER
);
INSERT INTO breaker (one) VALUES (1);
";

/// How the breaker stands on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    /// Since when it is open; none while it is closed.
    pub(crate) opened_at: Option<Timestamp>,
    /// When an administrator last released it.
    pub(crate) released_at: Option<Timestamp>,
}

impl Kept {
    /// Since when resets count at this moment: since the last release, and for an hour at most.
    fn counts_since(&self, now: Timestamp) -> Timestamp {
        let since = now.before(WINDOW);
        self.released_at.map_or(since, |released| released.max(since))
    }
}

/// How the breaker stands, and when passwords were reset, or may have been, as far as that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What is on disk about it.
    pub(crate) kept: Kept,
    /// In their order.
    pub(crate) resets: Vec<Timestamp>,
}

/// What an administrator is shown; the agent may be running.
pub(crate) struct BreakerFile(SqlitePool);

impl BreakerFile {
    /// Opens the journal of the agent with this state directory, to read.
    ///
    /// # Errors
    /// [`JournalError::Open`].
    pub(crate) async fn open(state_dir: &Path) -> Result<Self, JournalError> {
        Ok(Self(database::open_to_read(&state_dir.join(FILE), SCHEMA).await?))
    }

    /// How things stand.
    ///
    /// # Errors
    /// [`JournalError::Database`], [`JournalError::Unreadable`].
    pub(crate) async fn standing(&self, now: Timestamp) -> Result<Standing, JournalError> {
        standing(&self.0, now).await
    }
}

impl Journal {
    /// How the breaker stands on disk.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub(crate) async fn breaker(&self) -> Result<Kept, JournalError> {
        kept(&self.pool).await
    }

    /// How things stand.
    ///
    /// # Errors
    /// [`JournalError::Database`], [`JournalError::Unreadable`].
    pub(crate) async fn breaker_standing(&self, now: Timestamp) -> Result<Standing, JournalError> {
        standing(&self.pool, now).await
    }

    /// Opens the breaker, and tells audit.
    ///
    /// # Errors
    /// [`JournalError::Database`]: it is not open on disk.
    pub(crate) async fn open_breaker(
        &self,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let open = changing("UPDATE breaker SET opened_at = $1 WHERE opened_at IS NULL");
        let open = sqlx::query(open).bind(now.as_millis());
        match self.change("open the breaker", open).await? {
            Some(step) => step.commit(std::slice::from_ref(event), now).await,
            None => Ok(()),
        }
    }

    /// Closes the breaker if it is open, and tells audit. Whether it was open.
    ///
    /// # Errors
    /// [`JournalError::Database`]: it stands as it did.
    pub(crate) async fn release_breaker(
        &self,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        let release = changing(
            "UPDATE breaker SET opened_at = NULL, released_at = $1 WHERE opened_at IS NOT NULL",
        );
        let release = sqlx::query(release).bind(now.as_millis());
        match self.change("release the breaker", release).await? {
            Some(step) => step.commit(std::slice::from_ref(event), now).await.map(|()| true),
            None => Ok(false),
        }
    }
}

async fn kept(pool: &SqlitePool) -> Result<Kept, JournalError> {
    let row = sqlx::query("SELECT opened_at, released_at FROM breaker").fetch_one(pool).await;
    let row = row.map_err(failed("say how the breaker stands"))?;
    let moment = |column: &str| {
        let at: Option<i64> = row.try_get(column).map_err(|_| JournalError::Unreadable)?;
        Ok::<_, JournalError>(at.map(Timestamp::from_millis))
    };
    Ok(Kept { opened_at: moment("opened_at")?, released_at: moment("released_at")? })
}

async fn standing(pool: &SqlitePool, now: Timestamp) -> Result<Standing, JournalError> {
    let kept = kept(pool).await?;
    Ok(Standing { kept, resets: resets(pool, kept.counts_since(now)).await? })
}

/// An entry counts from its note on, unless it is certain that nothing was changed.
async fn resets(pool: &SqlitePool, after: Timestamp) -> Result<Vec<Timestamp>, JournalError> {
    let rows = sqlx::query("SELECT * FROM entry WHERE noted_at > $1 ORDER BY noted_at")
        .bind(after.as_millis())
        .fetch_all(pool)
        .await
        .map_err(failed("count what was reset"))?;
    let mut resets = Vec::new();
    for found in &rows {
        let entry = row::entry(found)?;
        let counts = Breaker::counts(entry.header.operation)
            && entry.answer.is_none_or(|answer| answer.outcome.changed() != Changed::No);
        if counts {
            let at: i64 = found.try_get("noted_at").map_err(|_| JournalError::Unreadable)?;
            resets.push(Timestamp::from_millis(at));
        }
    }
    Ok(resets)
}
