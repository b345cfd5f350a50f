//! One durable step of the journal, and what the audit trail says of it.

use protocol::Timestamp;
use sqlx::Transaction;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use tokio::sync::MutexGuard;

use super::{JournalError, failed};
use crate::audit::{CHAIN, Event};

/// A step on its way: nothing of it counts before it is committed.
pub(super) struct DurableStep<'j> {
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) doing: &'static str,
    pub(super) _alone: MutexGuard<'j, ()>,
}

impl DurableStep<'_> {
    /// Makes the step durable, together with what audit says of it.
    pub(super) async fn commit(
        mut self,
        trail: &[Event],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let rows = trail.iter().map(|event| event.values(now)).collect();
        CHAIN.append(&mut self.transaction, rows).await.map_err(self.failed())?;
        let failed = self.failed();
        self.transaction.commit().await.map_err(failed)
    }

    /// [`DurableStep::commit`] after a statement that gave back [`CHAIN`]'s last row: one thing less
    /// that the person waits for.
    pub(super) async fn commit_after(
        mut self,
        last: &SqliteRow,
        trail: &[Event],
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let rows = trail.iter().map(|event| event.values(now)).collect();
        let appended = CHAIN.append_after(last, &mut self.transaction, rows).await;
        let failed = self.failed();
        appended.map_err(failed)?;
        self.transaction.commit().await.map_err(failed)
    }

    /// What a statement that changes at most one row gives back.
    pub(super) async fn one_row(
        &mut self,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<SqliteRow>, JournalError> {
        let row = statement.fetch_optional(&mut *self.transaction).await;
        row.map_err(self.failed())
    }

    pub(super) fn failed(&self) -> impl FnOnce(sqlx::Error) -> JournalError + Copy + use<> {
        failed(self.doing)
    }
}
