//! One durable step of the journal, and what the audit trail says of it.

use protocol::Timestamp;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Transaction};
use tokio::sync::MutexGuard;

use super::{JournalError, failed};
use crate::audit::{CHAIN, Event};

/// A step on its way: nothing of it counts before it is committed.
pub(super) struct DurableStep<'j> {
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) doing: &'static str,
    /// The last row of the trail, if a change gave it back: one thing less that the person waits for.
    pub(super) last: Option<SqliteRow>,
    pub(super) _alone: MutexGuard<'j, ()>,
}

impl DurableStep<'_> {
    /// Makes one change to one row, by a statement that ends with [`returning_last`]. Whether there was
    /// such a row.
    pub(super) async fn change(
        &mut self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<bool, JournalError> {
        let row = statement.fetch_optional(&mut *self.transaction).await;
        self.last = row.map_err(self.failed())?;
        Ok(self.last.is_some())
    }

    /// Makes the step durable, together with what audit says of it.
    pub(super) async fn commit(
        mut self,
        trail: &[Event],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let rows = trail.iter().map(|event| event.values(now)).collect();
        let appended = CHAIN.append(&mut self.transaction, self.last.as_ref(), rows).await;
        let failed = self.failed();
        appended.map_err(failed)?;
        self.transaction.commit().await.map_err(failed)
    }

    pub(super) fn failed(&self) -> impl FnOnce(sqlx::Error) -> JournalError + Copy + use<> {
        failed(self.doing)
    }
}

/// A statement that changes a row, so that it gives back the trail's last row.
pub(super) fn returning_last(statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{statement} RETURNING {}", CHAIN.last_row()))
}
