//! Forgetting what nobody needs any more, so that no table grows without bound.

use std::time::Duration;

use protocol::Timestamp;

use crate::{Store, StoreError, failed};

/// How long a flow is kept after its expiry: its operation may be looked at.
pub const KEPT_FLOW: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an ended operation is kept. The audit trail keeps what counts.
pub const KEPT_OPERATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Store {
    /// Forgets old counters, tickets that were never used, flows that have long expired, and
    /// operations that have long ended. Gives back how many rows.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let (flows, operations) = (now.before(KEPT_FLOW), now.before(KEPT_OPERATION));
        // In this order: a row goes before what it refers to.
        let statements = [
            ("DELETE FROM throttle WHERE since < $1", flows),
            (
                "DELETE FROM ticket WHERE request IN (SELECT request FROM operation
                     WHERE state = 'ticketed' AND expires_at < $1)",
                flows,
            ),
            ("DELETE FROM operation WHERE state = 'ticketed' AND expires_at < $1", flows),
            (
                "DELETE FROM ticket WHERE request IN (SELECT request FROM operation
                     WHERE state IN ('answered', 'expired', 'refused') AND settled_at < $1)",
                operations,
            ),
            (
                "DELETE FROM operation
                     WHERE state IN ('answered', 'expired', 'refused') AND settled_at < $1",
                operations,
            ),
            (
                "DELETE FROM fact WHERE flow IN (SELECT id FROM flow WHERE expires_at < $1
                     AND NOT EXISTS (SELECT 1 FROM operation WHERE operation.flow = flow.id))",
                flows,
            ),
            (
                "DELETE FROM code WHERE flow IN (SELECT id FROM flow WHERE expires_at < $1
                     AND NOT EXISTS (SELECT 1 FROM operation WHERE operation.flow = flow.id))",
                flows,
            ),
            (
                "DELETE FROM flow WHERE expires_at < $1
                     AND NOT EXISTS (SELECT 1 FROM operation WHERE operation.flow = flow.id)",
                flows,
            ),
            ("DELETE FROM enrol_code WHERE expires_at < $1", operations),
        ];
        let mut swept = 0;
        for (statement, before) in statements {
            let done = sqlx::query(statement)
                .bind(before.as_millis())
                .execute(&self.pool)
                .await
                .map_err(failed("forget old rows"))?;
            swept += done.rows_affected();
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Operation, RequestId, TenantId};

    use super::*;
    use crate::audit::Event;
    use crate::flows::{Flow, FlowId};
    use crate::operations::{OperationRecord, State};
    use crate::tenants::Tenant;
    use crate::testing::{NOW, Temporary};

    #[tokio::test]
    async fn what_is_old_goes_and_what_is_young_or_undecided_stays() {
        let world = Temporary::new().await;
        let store = &world.store;
        let tenant = TenantId::from_bytes([1; 16]);
        let of = Tenant { id: tenant, slug: "t".into(), name: "T".into() };
        store.create_tenant(&of, NOW).await.unwrap();
        for number in [1, 2, 3] {
            let flow = Flow {
                id: FlowId::from_bytes([number; 16]),
                tenant,
                person: Some("p".parse().unwrap()),
                name: [0; 32],
                locale: "en".into(),
                expires_at: NOW.after(Duration::from_secs(900)),
                ended: false,
            };
            store.open_flow(&flow, &[number], NOW).await.unwrap();
            store.issue_code(flow.id, b"hash", flow.expires_at, 3, NOW).await.unwrap();
            let operation = OperationRecord {
                request: RequestId::from_bytes([number; 16]),
                tenant,
                flow: flow.id,
                person: "p".parse().unwrap(),
                operation: Operation::Reset,
                state: State::Ticketed,
                issued_at: NOW,
                expires_at: flow.expires_at,
                agent: None,
                result: None,
            };
            store.issue_ticket(&operation, &[]).await.unwrap();
        }
        // The second was submitted, and is still in flight.
        let (request, flow) = (RequestId::from_bytes([2; 16]), FlowId::from_bytes([2; 16]));
        store.submit_operation(request, flow, None, &Event::default(), NOW).await.unwrap();
        // The third was refused.
        let refused = RequestId::from_bytes([3; 16]);
        assert!(store.mark_changed_elsewhere(refused, &Event::default(), NOW).await.unwrap());
        assert_eq!(store.sweep(NOW).await.unwrap(), 0);
        let late = NOW.after(KEPT_OPERATION).after(Duration::from_millis(1));
        let gone = store.sweep(late).await.unwrap();
        assert_eq!(gone, 6, "operation, code, flow: of the ticketed and of the refused one");
        assert!(store.operation(refused).await.unwrap().is_none());
        assert!(store.operation(request).await.unwrap().is_some());
        assert!(store.flow_by_id(flow).await.unwrap().is_some());
    }
}
