//! Whether what was submitted is taken: only for its own visit, once, in time, and not where it could be
//! confused with another operation of the same person.
//!
//! A look at the directory tells a set by its moment alone (decision 0003). A request that was issued
//! before another one of the same person was known to have ended would be told from it by nothing.

use std::sync::LazyLock;

use protocol::{AgentId, Changed, Details, Operation, Outcome, RequestId, Timestamp};
use sqlx::AssertSqlSafe;

use crate::audit::{self, Event};
use crate::flows::FlowId;
use crate::operations::{DOUBT, State};
use crate::{Store, StoreError, failed};

/// How a submission ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It waits to be sent.
    Accepted,
    /// The person has another operation in flight or in doubt, or one of which nobody can know how it
    /// ended has ended since this ticket was issued.
    InFlight,
    /// The person's password was set in another visit, since this one began.
    ChangedElsewhere,
    /// The ticket is unknown, used, of another flow, expired, or the flow has ended.
    TicketVoid,
}

/// How the person of `operation` has another one in doubt: one that is being settled (its message expired
/// after `$1`), or one that ended as unknown after this ticket was issued.
const IN_DOUBT: &str = "EXISTS (SELECT 1 FROM operation o WHERE o.person = operation.person
    AND (o.state = 'unknown' AND o.expires_at > $1
        OR o.state = 'answered' AND o.outcome = 'cannot_be_known'
            AND o.settled_at >= operation.issued_at))";

/// How the person of `operation` has set a password in another visit since this one began. An unlock sets none.
static CHANGED_ELSEWHERE: LazyLock<String> = LazyLock::new(|| {
    let changed = Outcome::ALL.iter().filter(|outcome| outcome.changed() == Changed::Yes);
    let changed: Vec<String> = changed.map(|outcome| format!("'{}'", outcome.name())).collect();
    format!(
        "EXISTS (SELECT 1 FROM operation o JOIN flow began ON began.id = operation.flow
            WHERE o.person = operation.person AND o.flow <> operation.flow
                AND o.state = 'answered' AND o.operation <> {unlock}
                AND o.settled_at >= began.created_at AND o.outcome IN ({changed}))",
        unlock = Operation::Unlock.number(),
        changed = changed.join(", "),
    )
});

/// Every submission asks this, and somebody waits for it: all of it is found by indexes.
pub(super) static SUBMIT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE operation SET state = $5, agent = $6, submitted_at = $4
         WHERE request = $2 AND flow = $3 AND state = 'ticketed' AND expires_at > $4
             AND EXISTS (SELECT 1 FROM flow f WHERE f.id = $3 AND f.ended_at IS NULL
                 AND f.expires_at > $4)
             AND NOT {IN_DOUBT} AND NOT {}
         RETURNING {}",
        *CHANGED_ELSEWHERE,
        audit::last_row()
    )
});

/// What is in the way of an operation that was not taken: one in doubt, a password that was set elsewhere.
static WHY_NOT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {IN_DOUBT}, {} FROM operation
         WHERE request = $2 AND flow = $3 AND state = 'ticketed'",
        *CHANGED_ELSEWHERE
    )
});

impl Store {
    /// `ticketed → waiting`, or `→ sent` to an agent that listens already, if the ticket belongs to
    /// this flow, the flow has not ended, nothing has expired, and nothing else of the person is in the way.
    /// Then, and only then, `event` stands in the audit trail.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn submit_operation(
        &self,
        request: RequestId,
        flow: FlowId,
        sent_to: Option<AgentId>,
        event: &Event,
        now: Timestamp,
    ) -> Result<Submitted, StoreError> {
        let doing = || failed("submit an operation");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let submitted = sqlx::query(AssertSqlSafe(SUBMIT.as_str()))
            .bind(now.before(DOUBT).as_millis())
            .bind(request.to_bytes().to_vec())
            .bind(flow.to_bytes().to_vec())
            .bind(now.as_millis())
            .bind(if sent_to.is_some() { State::Sent } else { State::Waiting }.word())
            .bind(sent_to.map(|agent| agent.to_bytes().to_vec()))
            .fetch_optional(&mut *transaction)
            .await;
        match submitted {
            Ok(Some(last)) => {
                audit::append(&mut transaction, Some(&last), event, now).await?;
                transaction.commit().await.map_err(doing())?;
                return Ok(Submitted::Accepted);
            }
            Ok(None) => {}
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Ok(Submitted::InFlight);
            }
            Err(error) => return Err(doing()(error)),
        }
        // In the same transaction: what was in the way has not ended since.
        let found: Option<(bool, bool)> = sqlx::query_as(AssertSqlSafe(WHY_NOT.as_str()))
            .bind(now.before(DOUBT).as_millis())
            .bind(request.to_bytes().to_vec())
            .bind(flow.to_bytes().to_vec())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(doing())?;
        Ok(match found {
            Some((_, true)) => Submitted::ChangedElsewhere,
            Some((true, _)) => Submitted::InFlight,
            _ => Submitted::TicketVoid,
        })
    }

    /// `ticketed → refused`, where the password was set in another visit; this visit ends with it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_changed_elsewhere(
        &self,
        request: RequestId,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let result = (Outcome::ChangedElsewhere, Details::default());
        self.end(request, (State::Refused, &["ticketed"]), result, event, now).await
    }
}
