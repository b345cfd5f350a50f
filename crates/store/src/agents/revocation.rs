//! Revoking an agent (SPEC A-3).

use protocol::{AgentId, Timestamp};

use super::{Agent, agent};
use crate::audit::{Event, append};
use crate::row::Typed;
use crate::{Store, StoreError, failed};

/// What came of revoking an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is revoked.
    Done,
    /// It is the last one of its tenant that passwords can be sealed for; it was left alone.
    IsLast,
    /// It was revoked before, or is not there.
    NotThere,
}

impl Store {
    /// Revokes an agent, and writes `event` to the audit trail: both or neither (SPEC A-3). The last one
    /// of its tenant that passwords can be sealed for is revoked only if `the_last_too`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn revoke_agent(
        &self,
        agent: AgentId,
        the_last_too: bool,
        event: &Event,
        now: Timestamp,
    ) -> Result<Revocation, StoreError> {
        let doing = || failed("revoke an agent");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let row = sqlx::query(
            "SELECT EXISTS (SELECT 1 FROM agent_key k
                 WHERE k.agent = a.id AND k.confirmed_at IS NOT NULL) AS enabled,
             EXISTS (SELECT 1 FROM agent o JOIN agent_key k ON k.agent = o.id
                 WHERE o.tenant = a.tenant AND o.id <> a.id AND o.revoked_at IS NULL
                     AND k.confirmed_at IS NOT NULL) AS others
             FROM agent a WHERE a.id = $1 AND a.revoked_at IS NULL",
        )
        .bind(agent.to_bytes().to_vec())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(doing())?;
        let Some(row) = row else { return Ok(Revocation::NotThere) };
        let row = Typed::new(&row, "agent");
        let is_last = row.number("enabled")? != 0 && row.number("others")? == 0;
        if is_last && !the_last_too {
            return Ok(Revocation::IsLast);
        }
        sqlx::query("UPDATE agent SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(now.as_millis())
            .bind(agent.to_bytes().to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(doing())?;
        append(&mut transaction, None, event, now).await?;
        transaction.commit().await.map_err(doing())?;
        Ok(Revocation::Done)
    }

    /// Every agent that was revoked, of all tenants.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn revoked_agents(&self) -> Result<Vec<Agent>, StoreError> {
        let rows = sqlx::query("SELECT * FROM agent WHERE revoked_at IS NOT NULL")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the revoked agents"))?;
        rows.iter().map(|row| agent(&Typed::new(row, "agent"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::TenantId;

    use super::*;
    use crate::agents::tests::{key, world};
    use crate::testing::NOW;

    async fn revoke(store: &Store, id: AgentId, the_last_too: bool) -> Revocation {
        let event = Event { name: "agent.revoked".to_owned(), ..Event::default() };
        store.revoke_agent(id, the_last_too, &event, NOW).await.unwrap()
    }

    async fn enrolled(store: &Store, tenant: TenantId, number: u8, enabled: bool) -> AgentId {
        let (id, code) = (AgentId::from_bytes([number; 16]), format!("code {number}"));
        store.issue_enrol_code(tenant, &code, NOW.after(Duration::from_secs(9))).await.unwrap();
        store.enrol_agent(&code, id, "a", [0; 32], NOW).await.unwrap();
        store.offer_keys(id, &key(number), NOW).await.unwrap();
        if enabled {
            store.confirm_keys(id, key(number).key_id, NOW).await.unwrap();
        }
        id
    }

    #[tokio::test]
    async fn an_agent_is_revoked_once_with_its_line_in_the_trail_and_the_last_one_only_if_meant() {
        let (world, tenant) = world().await;
        let store = &world.store;
        let first = enrolled(store, tenant, 1, true).await;
        let without_keys = enrolled(store, tenant, 2, false).await;
        assert_eq!(revoke(store, first, false).await, Revocation::IsLast, "the other has no keys");
        assert!(store.revoked_agents().await.unwrap().is_empty());
        assert!(store.agent_key(first).await.unwrap().is_some());
        let second = enrolled(store, tenant, 3, true).await;
        assert_eq!(revoke(store, first, false).await, Revocation::Done);
        assert!(store.agent_key(first).await.unwrap().is_none(), "its keys count no more");
        assert_eq!(revoke(store, first, true).await, Revocation::NotThere, "a second time");
        assert_eq!(revoke(store, second, false).await, Revocation::IsLast);
        assert_eq!(revoke(store, without_keys, false).await, Revocation::Done, "nobody's last");
        assert_eq!(revoke(store, second, true).await, Revocation::Done);
        let nobody = AgentId::from_bytes([9; 16]);
        assert_eq!(revoke(store, nobody, true).await, Revocation::NotThere);
        let revoked = store.revoked_agents().await.unwrap();
        let mut revoked: Vec<_> = revoked.iter().map(|one| (one.id, one.revoked_at)).collect();
        revoked.sort_unstable();
        assert_eq!(revoked, [first, without_keys, second].map(|id| (id, Some(NOW))));
        let (trail, wrong) = store.audit_trail().await.unwrap();
        assert_eq!((trail.len(), wrong), (3, None), "{trail:?}");
    }

    #[tokio::test]
    async fn of_two_agents_that_are_revoked_at_once_one_stays() {
        let (world, tenant) = world().await;
        let ids = [
            enrolled(&world.store, tenant, 1, true).await,
            enrolled(&world.store, tenant, 2, true).await,
        ];
        let both = ids.map(|id| {
            let store = world.store.clone();
            tokio::spawn(async move { revoke(&store, id, false).await })
        });
        let mut done = 0;
        for one in both {
            done += usize::from(one.await.unwrap() == Revocation::Done);
        }
        assert_eq!(done, 1);
    }
}
