//! One durable step of the journal, and what the audit trail says of it.

use database::writer::{self, Writing};
use protocol::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};

use super::{Journal, JournalError, failed};
use crate::audit::{CHAIN, Event};

/// A step on its way: nothing of it counts before it is committed.
pub(super) struct DurableStep<'j> {
    writing: Writing<'j>,
    doing: &'static str,
    /// The last row of the trail.
    last: SqliteRow,
}

impl Journal {
    /// Makes one change to one row, by a statement of [`changing`]. Nothing if there is no such row.
    pub(super) async fn change(
        &self,
        doing: &'static str,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<DurableStep<'_>>, JournalError> {
        let (writing, row) = self.writer.begin(statement).await.map_err(failed(doing))?;
        match row {
            Some(last) => Ok(Some(DurableStep { writing, doing, last })),
            None => writing.roll_back().await.map(|()| None).map_err(failed(doing)),
        }
    }

    /// A step that changes nothing but the trail.
    pub(super) async fn trail_only(
        &self,
        doing: &'static str,
    ) -> Result<DurableStep<'_>, JournalError> {
        let last = writer::first(&format!("SELECT {}", CHAIN.last_row()));
        self.change(doing, sqlx::query(last)).await?.ok_or(JournalError::Unreadable)
    }
}

impl DurableStep<'_> {
    /// Makes the step durable, together with what audit says of it.
    pub(super) async fn commit(self, trail: &[Event], now: Timestamp) -> Result<(), JournalError> {
        let rows = trail.iter().map(|event| event.values(now)).collect();
        let appended = CHAIN.append_and_commit(self.writing, &self.last, rows).await;
        appended.map_err(failed(self.doing))
    }
}

/// A statement that changes a row, so that a step begins with it and it gives back the trail's last row.
pub(super) fn changing(statement: &str) -> AssertSqlSafe<String> {
    writer::first(&format!("{statement} RETURNING {}", CHAIN.last_row()))
}
