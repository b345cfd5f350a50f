//! Operations and their states (DESIGN "dispatcher"):
//!
//! ```text
//! ticketed → waiting → sent → answered
//!    │          ↑  │     │ ↘ unknown → answered
//!    ↘ refused  └──┼─────┘ (certainly not delivered)
//!                  ↘ expired
//! ```
//!
//! Where an agent listens already, `ticketed → waiting → sent` is one step. Every arrow is one
//! guarded update. `waiting` and `sent` are in flight, and a person has at most
//! one such operation (SPEC W-12). One that is `unknown` keeps the person from another for
//! [`DOUBT`]: by then no agent holds a connection any more over which it may still be made, and one that never
//! comes back must not lock anybody out. What was `refused` came after the password had been set in another
//! visit.

mod record;
mod submitting;

use std::time::Duration;

use protocol::settlement::{NOT_YET_COUNTS, OTHERS_LOOK_AFTER};
use protocol::{AgentId, Answer, Changed, Details, KeyId, Outcome, RequestId, Timestamp};

use crate::audit::{self, Event};
use crate::flows::FlowId;
use crate::row::Typed;
use crate::{Store, StoreError, failed};

use record::StoredDetails;
pub use record::{OperationRecord, State, TicketAgent};
pub use submitting::Submitted;

/// How long after its message's expiry an operation in doubt stands in the way of another one.
pub const DOUBT: Duration = OTHERS_LOOK_AFTER.saturating_add(NOT_YET_COUNTS);

impl Store {
    /// Issues a ticket: an operation that nothing was submitted for yet.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn issue_ticket(
        &self,
        operation: &OperationRecord,
        agents: &[TicketAgent],
    ) -> Result<(), StoreError> {
        let doing = || failed("issue a ticket");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        sqlx::query(
            "INSERT INTO operation
                 (request, tenant, flow, person, operation, state, issued_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, 'ticketed', $6, $7)",
        )
        .bind(operation.request.to_bytes().to_vec())
        .bind(operation.tenant.to_bytes().to_vec())
        .bind(operation.flow.to_bytes().to_vec())
        .bind(operation.person.as_str())
        .bind(i64::try_from(operation.operation.number()).unwrap_or(0))
        .bind(operation.issued_at.as_millis())
        .bind(operation.expires_at.as_millis())
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        for one in agents {
            sqlx::query("INSERT INTO ticket (request, agent, key_id) VALUES ($1, $2, $3)")
                .bind(operation.request.to_bytes().to_vec())
                .bind(one.agent.to_bytes().to_vec())
                .bind(one.key_id.to_bytes().to_vec())
                .execute(&mut *transaction)
                .await
                .map_err(doing())?;
        }
        transaction.commit().await.map_err(doing())
    }

    /// The agents that a ticket was issued for.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ticket_agents(&self, request: RequestId) -> Result<Vec<TicketAgent>, StoreError> {
        let rows = sqlx::query("SELECT agent, key_id FROM ticket WHERE request = $1")
            .bind(request.to_bytes().to_vec())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read a ticket"))?;
        rows.iter()
            .map(|row| {
                let row = Typed::new(row, "ticket");
                Ok(TicketAgent {
                    agent: AgentId::from_bytes(row.bytes16("agent")?),
                    key_id: KeyId::from_bytes(row.bytes16("key_id")?),
                })
            })
            .collect()
    }

    /// `waiting → sent`, just before the first byte leaves for this agent.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_sent(
        &self,
        request: RequestId,
        agent: AgentId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sent = sqlx::query(
            "UPDATE operation SET state = 'sent', agent = $1
             WHERE request = $2 AND state = 'waiting' AND expires_at > $3",
        )
        .bind(agent.to_bytes().to_vec())
        .bind(request.to_bytes().to_vec())
        .bind(now.as_millis())
        .execute(&self.pool)
        .await
        .map_err(failed("mark an operation as sent"))?;
        Ok(sent.rows_affected() == 1)
    }

    /// `sent → waiting`, when certainly nothing was delivered.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_waiting_again(&self, request: RequestId) -> Result<bool, StoreError> {
        self.step(request, "sent", "waiting").await
    }

    /// `sent → unknown`, when no answer came. As with every end, `event` stands in the audit trail
    /// if and only if the state has changed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_unknown(
        &self,
        request: RequestId,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = || failed("move an operation on");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let moved = "UPDATE operation SET state = 'unknown' WHERE request = $1 AND state = 'sent'";
        let moved = sqlx::query(moved)
            .bind(request.to_bytes().to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(doing())?;
        if moved.rows_affected() != 1 {
            return Ok(false);
        }
        audit::append(&mut transaction, None, event, now).await?;
        transaction.commit().await.map_err(doing())?;
        Ok(true)
    }

    /// `waiting → expired`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_expired(
        &self,
        request: RequestId,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let result = (Outcome::Expired, Details::default());
        self.end(request, (State::Expired, &["waiting"]), result, event, now).await
    }

    /// `sent | unknown → answered`, with what the agent said.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mark_answered(
        &self,
        request: RequestId,
        answer: &Answer,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let result = (answer.outcome, answer.details);
        self.end(request, (State::Answered, &["sent", "unknown"]), result, event, now).await
    }

    /// The operation with this request id.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn operation(
        &self,
        request: RequestId,
    ) -> Result<Option<OperationRecord>, StoreError> {
        let row = sqlx::query("SELECT * FROM operation WHERE request = $1")
            .bind(request.to_bytes().to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find an operation"))?;
        row.as_ref().map(|row| record::read(&Typed::new(row, "operation"))).transpose()
    }

    /// The operation that was submitted last in a flow.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_operation(
        &self,
        flow: FlowId,
    ) -> Result<Option<OperationRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM operation WHERE flow = $1 AND state <> 'ticketed'
             ORDER BY submitted_at DESC, issued_at DESC LIMIT 1",
        )
        .bind(flow.to_bytes().to_vec())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find an operation"))?;
        row.as_ref().map(|row| record::read(&Typed::new(row, "operation"))).transpose()
    }

    /// Every operation that is in doubt.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn unknown_operations(&self) -> Result<Vec<OperationRecord>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM operation WHERE state = 'unknown' ORDER BY issued_at")
                .fetch_all(&self.pool)
                .await
                .map_err(failed("list the operations in doubt"))?;
        rows.iter().map(|row| record::read(&Typed::new(row, "operation"))).collect()
    }

    /// After a restart: sealed passwords were in memory only, so what waited was never sent and
    /// has expired; what was sent is in doubt. Gives back which, as they stand now; `event` says what
    /// the audit trail has about each.
    ///
    /// # Errors
    /// [`StoreError::Database`]: nothing has changed.
    pub async fn recover_operations(
        &self,
        now: Timestamp,
        event: impl Fn(&OperationRecord) -> Event,
    ) -> Result<Vec<OperationRecord>, StoreError> {
        let doing = || failed("recover the operations");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let mut rows = sqlx::query(
            "UPDATE operation SET state = 'expired', outcome = $1, details = '{}', settled_at = $2
             WHERE state = 'waiting' RETURNING *",
        )
        .bind(Outcome::Expired.name())
        .bind(now.as_millis())
        .fetch_all(&mut *transaction)
        .await
        .map_err(doing())?;
        let unknown = "UPDATE operation SET state = 'unknown' WHERE state = 'sent' RETURNING *";
        rows.extend(sqlx::query(unknown).fetch_all(&mut *transaction).await.map_err(doing())?);
        let records = rows.iter().map(|row| record::read(&Typed::new(row, "operation")));
        let records: Vec<OperationRecord> = records.collect::<Result<_, _>>()?;
        for record in &records {
            audit::append(&mut transaction, None, &event(record), now).await?;
        }
        transaction.commit().await.map_err(doing())?;
        Ok(records)
    }

    async fn step(&self, request: RequestId, from: &str, to: &str) -> Result<bool, StoreError> {
        let moved =
            sqlx::query("UPDATE operation SET state = $1 WHERE request = $2 AND state = $3")
                .bind(to)
                .bind(request.to_bytes().to_vec())
                .bind(from)
                .execute(&self.pool)
                .await
                .map_err(failed("move an operation on"))?;
        Ok(moved.rows_affected() == 1)
    }

    /// Ends an operation, and with a password that was set, here or in another visit, its flow too, both or
    /// neither: the gates of that flow clear nothing any more.
    async fn end(
        &self,
        request: RequestId,
        (to, from): (State, &[&str]),
        (outcome, details): (Outcome, Details),
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = || failed("end an operation");
        let details = serde_json::to_string(&StoredDetails::of(details))
            .map_err(|_| StoreError::Unreadable("operation"))?;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let ended = sqlx::query(
            "UPDATE operation SET state = $1, outcome = $2, details = $3, settled_at = $4,
                 submitted_at = coalesce(submitted_at, $4)
             WHERE request = $5 AND state IN ($6, $7)",
        )
        .bind(to.word())
        .bind(outcome.name())
        .bind(details)
        .bind(now.as_millis())
        .bind(request.to_bytes().to_vec())
        .bind(from.first().copied())
        .bind(from.last().copied())
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        if ended.rows_affected() != 1 {
            return Ok(false);
        }
        audit::append(&mut transaction, None, event, now).await?;
        if outcome.changed() == Changed::Yes || to == State::Refused {
            sqlx::query(
                "UPDATE flow SET ended_at = $1 WHERE ended_at IS NULL
                     AND id = (SELECT flow FROM operation WHERE request = $2)",
            )
            .bind(now.as_millis())
            .bind(request.to_bytes().to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(doing())?;
        }
        transaction.commit().await.map_err(doing())?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
