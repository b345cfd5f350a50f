//! One-time codes of a flow: count, then compare, then consume, each guarded (SPEC G-5).
//!
//! A flow for a name that nobody has gets a code too, so that the same rows are written and the
//! same pages follow.

use protocol::Timestamp;

use crate::flows::{Fact, FlowId};
use crate::row::Typed;
use crate::{Store, StoreError, failed};

/// A try at a code, counted already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spent {
    /// Compare with this keyed hash; so many tries are left after this one.
    Compare {
        /// The keyed hash of the code.
        hash: Vec<u8>,
        /// How many more tries the code has.
        left: u32,
    },
    /// All tries were spent before.
    NoneLeft,
    /// The code has expired.
    Expired,
    /// The code was consumed, or none was issued.
    Gone,
}

impl Store {
    /// Keeps the hash of a code for a flow. A code issued before for the same flow is replaced;
    /// false, and nothing changed, if the flow has had `most` codes or its gate is passed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn issue_code(
        &self,
        flow: FlowId,
        hash: &[u8],
        expires_at: Timestamp,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Spent tries are kept over a new code: else asking for a new one would buy tries.
        let issued = sqlx::query(
            "INSERT INTO code (flow, hash, issued_at, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (flow) DO UPDATE SET hash = excluded.hash, issued_at = excluded.issued_at,
                 expires_at = excluded.expires_at, sent = code.sent + 1
             WHERE code.sent < $5 AND code.consumed_at IS NULL",
        )
        .bind(flow.to_bytes().to_vec())
        .bind(hash.to_vec())
        .bind(now.as_millis())
        .bind(expires_at.as_millis())
        .bind(i64::from(most))
        .execute(&self.pool)
        .await
        .map_err(failed("keep a code"))?;
        Ok(issued.rows_affected() == 1)
    }

    /// Counts a try, and only then gives out what to compare with.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn spend_code(
        &self,
        flow: FlowId,
        most: u32,
        now: Timestamp,
    ) -> Result<Spent, StoreError> {
        let counted = sqlx::query(
            "UPDATE code SET tries = tries + 1
             WHERE flow = $1 AND tries < $2 AND consumed_at IS NULL AND expires_at > $3
             RETURNING hash, tries",
        )
        .bind(flow.to_bytes().to_vec())
        .bind(i64::from(most))
        .bind(now.as_millis())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("count a try"))?;
        if let Some(row) = counted {
            let row = Typed::new(&row, "code");
            let tries = u32::try_from(row.number("tries")?).unwrap_or(u32::MAX);
            return Ok(Spent::Compare {
                hash: row.bytes("hash")?,
                left: most.saturating_sub(tries),
            });
        }
        self.why_not_counted(flow, most).await
    }

    /// How many tries a flow's code has left; none if there is no such code.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tries_left(&self, flow: FlowId, most: u32) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT tries FROM code WHERE flow = $1")
            .bind(flow.to_bytes().to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a code"))?;
        let Some(row) = row else { return Ok(0) };
        let tries = Typed::new(&row, "code").number("tries")?;
        Ok(most.saturating_sub(u32::try_from(tries).unwrap_or(u32::MAX)))
    }

    async fn why_not_counted(&self, flow: FlowId, most: u32) -> Result<Spent, StoreError> {
        let row = sqlx::query("SELECT tries, consumed_at FROM code WHERE flow = $1")
            .bind(flow.to_bytes().to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a code"))?;
        let Some(row) = row else { return Ok(Spent::Gone) };
        let row = Typed::new(&row, "code");
        if row.optional_number("consumed_at")?.is_some() {
            return Ok(Spent::Gone);
        }
        Ok(if row.number("tries")? >= i64::from(most) { Spent::NoneLeft } else { Spent::Expired })
    }

    /// Consumes a code whose comparison succeeded and records the passed gate, both or neither.
    /// False if somebody was faster, or the code expired or was replaced meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn consume_code(
        &self,
        flow: FlowId,
        hash: &[u8],
        fact: &Fact,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = || failed("consume a code");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let consumed = sqlx::query(
            "UPDATE code SET consumed_at = $1
             WHERE flow = $2 AND hash = $3 AND consumed_at IS NULL AND expires_at > $1",
        )
        .bind(now.as_millis())
        .bind(flow.to_bytes().to_vec())
        .bind(hash.to_vec())
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        if consumed.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO fact (flow, method, passed_at) VALUES ($1, $2, $3)
             ON CONFLICT (flow, method) DO NOTHING",
        )
        .bind(flow.to_bytes().to_vec())
        .bind(&fact.method)
        .bind(fact.passed_at.as_millis())
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        transaction.commit().await.map_err(doing())?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flows::Flow;
    use crate::tenants::Tenant;
    use crate::testing::{NOW, Temporary};
    use protocol::TenantId;

    const FLOW: FlowId = FlowId::from_bytes([9; 16]);

    fn fact() -> Fact {
        Fact { method: "email".into(), passed_at: NOW }
    }

    async fn world() -> Temporary {
        let world = Temporary::new().await;
        let tenant = TenantId::from_bytes([1; 16]);
        let of = Tenant { id: tenant, slug: "t".into(), name: "T".into() };
        world.store.create_tenant(&of, NOW).await.unwrap();
        let flow = Flow {
            id: FLOW,
            tenant,
            person: None,
            name: [0; 32],
            locale: "en".into(),
            expires_at: NOW.after(Duration::from_secs(900)),
            ended: false,
        };
        world.store.open_flow(&flow, b"cookie", NOW).await.unwrap();
        let later = NOW.after(Duration::from_secs(300));
        assert!(world.store.issue_code(FLOW, b"hash", later, 3, NOW).await.unwrap());
        world
    }

    #[tokio::test]
    async fn of_64_tries_at_once_exactly_five_are_compared() {
        let world = world().await;
        let tries = (0..64).map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { store.spend_code(FLOW, 5, NOW).await.unwrap() })
        });
        let mut compared = 0;
        for one in tries.collect::<Vec<_>>() {
            compared += usize::from(matches!(one.await.unwrap(), Spent::Compare { .. }));
        }
        assert_eq!(compared, 5);
        assert_eq!(world.store.spend_code(FLOW, 5, NOW).await.unwrap(), Spent::NoneLeft);
    }

    #[tokio::test]
    async fn of_64_who_consume_at_once_one_wins() {
        let world = world().await;
        let tries = (0..64).map(|_| {
            let store = world.store.clone();
            tokio::spawn(
                async move { store.consume_code(FLOW, b"hash", &fact(), NOW).await.unwrap() },
            )
        });
        let mut won = 0;
        for one in tries.collect::<Vec<_>>() {
            won += usize::from(one.await.unwrap());
        }
        assert_eq!(won, 1);
        assert_eq!(world.store.facts(FLOW).await.unwrap(), [fact()]);
        assert_eq!(world.store.spend_code(FLOW, 5, NOW).await.unwrap(), Spent::Gone);
    }

    #[tokio::test]
    async fn an_expired_code_is_neither_compared_nor_consumed() {
        let world = world().await;
        let late = NOW.after(Duration::from_secs(300));
        assert_eq!(world.store.spend_code(FLOW, 5, late).await.unwrap(), Spent::Expired);
        assert!(!world.store.consume_code(FLOW, b"hash", &fact(), late).await.unwrap());
    }

    #[tokio::test]
    async fn a_new_code_replaces_the_old_one_and_buys_no_tries() {
        let world = world().await;
        let later = NOW.after(Duration::from_secs(300));
        world.store.spend_code(FLOW, 5, NOW).await.unwrap();
        assert!(world.store.issue_code(FLOW, b"new", later, 3, NOW).await.unwrap());
        let spent = world.store.spend_code(FLOW, 5, NOW).await.unwrap();
        assert_eq!(spent, Spent::Compare { hash: b"new".to_vec(), left: 3 });
        assert!(!world.store.consume_code(FLOW, b"hash", &fact(), NOW).await.unwrap());
        assert!(world.store.issue_code(FLOW, b"third", later, 3, NOW).await.unwrap());
        assert!(!world.store.issue_code(FLOW, b"fourth", later, 3, NOW).await.unwrap());
    }
}
