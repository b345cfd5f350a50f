//! What the journal's entries say of changes: how often a present password was tried for an account
//! ([`crate::guard::guesses`]).

use protocol::{Operation, Outcome, Timestamp};
use sqlx::Row as _;

use super::{Journal, JournalError, Place, failed, row};

/// A change that was noted, and so may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// The account.
    pub(crate) place: Place,
    /// When it was noted.
    pub(crate) at: Timestamp,
    /// How it ended; none if it is open.
    pub(crate) outcome: Option<Outcome>,
}

impl Journal {
    /// The changes that were noted after `after`, in their order.
    ///
    /// # Errors
    /// [`JournalError::Database`], [`JournalError::Unreadable`].
    pub(crate) async fn changes_since(&self, after: Timestamp) -> Result<Vec<Tried>, JournalError> {
        let rows = sqlx::query("SELECT * FROM entry WHERE noted_at > $1 ORDER BY noted_at")
            .bind(after.as_millis())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("count what was tried"))?;
        let mut changes = Vec::new();
        for found in &rows {
            let entry = row::entry(found)?;
            let Some(before) = entry.before else { continue };
            if entry.header.operation != Operation::Change {
                continue;
            }
            let at: i64 = found.try_get("noted_at").map_err(|_| JournalError::Unreadable)?;
            changes.push(Tried {
                place: before.place,
                at: Timestamp::from_millis(at),
                outcome: entry.answer.map(|answer| answer.outcome),
            });
        }
        Ok(changes)
    }
}
