//! Agents: enrolment, keys, heartbeat (SPEC ).

mod revocation;

use protocol::{AgentId, KeyId, TenantId, Timestamp};

use crate::row::Typed;
use crate::{Store, StoreError, failed, hash_of_secret};

pub use revocation::Revocation;

/// An agent as the cloud knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, for administrators.
    pub name: String,
    /// The public half of its identity, Ed25519.
    pub identity_key: [u8; 32],
    /// When it was revoked; it then counts for nothing.
    pub revoked_at: Option<Timestamp>,
    /// Its last heartbeat.
    pub heartbeat_at: Option<Timestamp>,
    /// The version in that heartbeat.
    pub version: Option<String>,
    /// The agent's clock less the cloud's at that heartbeat, in milliseconds.
    pub clock_difference_ms: Option<i64>,
    /// Whether the agent reached its directory then.
    pub directory_reachable: bool,
    /// Whether its breaker was open then (SPEC A-5); none where it did not say.
    pub breaker_open: Option<bool>,
}

/// The cloud's halves of what onboarding made (SPEC A-2).
#[derive(Clone, PartialEq, Eq)]
pub struct AgentKey {
    /// The id of the RSA key.
    pub key_id: KeyId,
    /// Its SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// The package key, wrapped under the master key.
    pub package_key: Vec<u8>,
    /// The public half of the key that may listen, Ed25519.
    pub listen_key: [u8; 32],
}

/// What a heartbeat brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The agent's version.
    pub version: String,
    /// The agent's clock less the cloud's, in milliseconds.
    pub clock_difference_ms: i64,
    /// Whether the agent reached its directory.
    pub directory_reachable: bool,
    /// Whether its breaker is open; none where it does not say.
    pub breaker_open: Option<bool>,
}

const KEY: &str = "key of an agent";

impl Store {
    /// Keeps an enrolment code, as a hash.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn issue_enrol_code(
        &self,
        tenant: TenantId,
        code: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO enrol_code (hash, tenant, expires_at) VALUES ($1, $2, $3)")
            .bind(hash_of_secret(code.as_bytes()))
            .bind(tenant.to_bytes().to_vec())
            .bind(expires_at.as_millis())
            .execute(&self.pool)
            .await
            .map_err(failed("keep an enrolment code"))?;
        Ok(())
    }

    /// Spends an enrolment code and adds the agent, both or neither. `None` if the code is not
    /// known, was used, or has expired.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn enrol_agent(
        &self,
        code: &str,
        id: AgentId,
        name: &str,
        identity_key: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<TenantId>, StoreError> {
        let doing = || failed("enrol an agent");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let row = sqlx::query(
            "UPDATE enrol_code SET used_at = $1
             WHERE hash = $2 AND used_at IS NULL AND expires_at > $1 RETURNING tenant",
        )
        .bind(now.as_millis())
        .bind(hash_of_secret(code.as_bytes()))
        .fetch_optional(&mut *transaction)
        .await
        .map_err(doing())?;
        let Some(row) = row else { return Ok(None) };
        let tenant = Typed::new(&row, "enrolment code").bytes16("tenant")?;
        sqlx::query(
            "INSERT INTO agent (id, tenant, name, identity_key, created_at)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id.to_bytes().to_vec())
        .bind(tenant.to_vec())
        .bind(name)
        .bind(identity_key.to_vec())
        .bind(now.as_millis())
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        transaction.commit().await.map_err(doing())?;
        Ok(Some(TenantId::from_bytes(tenant)))
    }

    /// The agent with this id, revoked or not.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        let row = sqlx::query("SELECT * FROM agent WHERE id = $1")
            .bind(id.to_bytes().to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find an agent"))?;
        row.as_ref().map(|row| agent(&Typed::new(row, "agent"))).transpose()
    }

    /// The agents of a tenant, oldest first, revoked ones included.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn agents(&self, tenant: TenantId) -> Result<Vec<Agent>, StoreError> {
        let rows = sqlx::query("SELECT * FROM agent WHERE tenant = $1 ORDER BY created_at, id")
            .bind(tenant.to_bytes().to_vec())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the agents"))?;
        rows.iter().map(|row| agent(&Typed::new(row, "agent"))).collect()
    }

    /// Keeps the keys that an agent offers; they count once it has confirmed them.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn offer_keys(
        &self,
        agent: AgentId,
        keys: &AgentKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO agent_key (agent, key_id, spki, package_key, listen_key, offered_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(agent.to_bytes().to_vec())
        .bind(keys.key_id.to_bytes().to_vec())
        .bind(&keys.spki)
        .bind(&keys.package_key)
        .bind(keys.listen_key.to_vec())
        .bind(now.as_millis())
        .execute(&self.pool)
        .await
        .map_err(failed("keep an agent's keys"))?;
        Ok(())
    }

    /// Makes offered keys the current ones and forgets the ones before. False if nothing with
    /// this id was offered, or it was confirmed before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn confirm_keys(
        &self,
        agent: AgentId,
        key_id: KeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let doing = || failed("confirm an agent's keys");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let confirmed = sqlx::query(
            "UPDATE agent_key SET confirmed_at = $1
             WHERE agent = $2 AND key_id = $3 AND confirmed_at IS NULL",
        )
        .bind(now.as_millis())
        .bind(agent.to_bytes().to_vec())
        .bind(key_id.to_bytes().to_vec())
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        if confirmed.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM agent_key WHERE agent = $1 AND key_id <> $2")
            .bind(agent.to_bytes().to_vec())
            .bind(key_id.to_bytes().to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(doing())?;
        transaction.commit().await.map_err(doing())?;
        Ok(true)
    }

    /// Forgets all keys of an agent (offboarding).
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_keys(&self, agent: AgentId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM agent_key WHERE agent = $1")
            .bind(agent.to_bytes().to_vec())
            .execute(&self.pool)
            .await
            .map_err(failed("forget an agent's keys"))?;
        Ok(())
    }

    /// The confirmed keys of an agent that is not revoked.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn agent_key(&self, agent: AgentId) -> Result<Option<AgentKey>, StoreError> {
        let row = sqlx::query(
            "SELECT k.* FROM agent_key k JOIN agent a ON a.id = k.agent
             WHERE k.agent = $1 AND k.confirmed_at IS NOT NULL AND a.revoked_at IS NULL
             ORDER BY k.offered_at DESC LIMIT 1",
        )
        .bind(agent.to_bytes().to_vec())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find an agent's keys"))?;
        let Some(row) = row else { return Ok(None) };
        let row = Typed::new(&row, KEY);
        Ok(Some(AgentKey {
            key_id: KeyId::from_bytes(row.bytes16("key_id")?),
            spki: row.bytes("spki")?,
            package_key: row.bytes("package_key")?,
            listen_key: row.bytes32("listen_key")?,
        }))
    }

    /// Records a heartbeat.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn record_heartbeat(
        &self,
        agent: AgentId,
        heartbeat: &Heartbeat,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE agent SET heartbeat_at = $1, version = $2, clock_difference_ms = $3,
                 directory_reachable = $4, breaker_open = $5 WHERE id = $6",
        )
        .bind(now.as_millis())
        .bind(&heartbeat.version)
        .bind(heartbeat.clock_difference_ms)
        .bind(i64::from(heartbeat.directory_reachable))
        .bind(heartbeat.breaker_open.map(i64::from))
        .bind(agent.to_bytes().to_vec())
        .execute(&self.pool)
        .await
        .map_err(failed("record a heartbeat"))?;
        Ok(())
    }
}

fn agent(row: &Typed<'_>) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: AgentId::from_bytes(row.bytes16("id")?),
        tenant: TenantId::from_bytes(row.bytes16("tenant")?),
        name: row.text("name")?,
        identity_key: row.bytes32("identity_key")?,
        revoked_at: row.optional_moment("revoked_at")?,
        heartbeat_at: row.optional_moment("heartbeat_at")?,
        version: row.optional_text("version")?,
        clock_difference_ms: row.optional_number("clock_difference_ms")?,
        directory_reachable: row.number("directory_reachable")? != 0,
        breaker_open: row.optional_number("breaker_open")?.map(|open| open != 0),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tenants::Tenant;
    use crate::testing::{NOW, Temporary};

    pub(super) async fn world() -> (Temporary, TenantId) {
        let world = Temporary::new().await;
        let id = TenantId::from_bytes([1; 16]);
        let tenant = Tenant { id, slug: "contoso".into(), name: "Contoso".into() };
        world.store.create_tenant(&tenant, NOW).await.unwrap();
        (world, id)
    }

    pub(super) fn key(number: u8) -> AgentKey {
        AgentKey {
            key_id: KeyId::from_bytes([number; 16]),
            spki: vec![number],
            package_key: vec![number],
            listen_key: [number; 32],
        }
    }

    #[tokio::test]
    async fn of_many_who_spend_one_enrolment_code_at_once_one_wins() {
        let (world, tenant) = world().await;
        let later = NOW.after(Duration::from_secs(60));
        world.store.issue_enrol_code(tenant, "code", later).await.unwrap();
        let tries = (0..16_u8).map(|number| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let id = AgentId::from_bytes([number; 16]);
                store.enrol_agent("code", id, "dc", [0; 32], NOW).await.unwrap()
            })
        });
        let mut won = 0;
        for one in tries.collect::<Vec<_>>() {
            won += usize::from(one.await.unwrap() == Some(tenant));
        }
        assert_eq!(won, 1);
        assert_eq!(world.store.agents(tenant).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_expired_or_unknown_enrolment_code_adds_nobody() {
        let (world, tenant) = world().await;
        world.store.issue_enrol_code(tenant, "code", NOW).await.unwrap();
        let id = AgentId::from_bytes([3; 16]);
        assert_eq!(world.store.enrol_agent("code", id, "a", [0; 32], NOW).await.unwrap(), None);
        assert_eq!(world.store.enrol_agent("other", id, "a", [0; 32], NOW).await.unwrap(), None);
        assert_eq!(world.store.agent(id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_heartbeat_is_kept_as_it_came_and_what_it_does_not_say_is_not_known() {
        let (world, tenant) = world().await;
        let (store, id) = (&world.store, AgentId::from_bytes([3; 16]));
        store.issue_enrol_code(tenant, "c", NOW.after(Duration::from_secs(9))).await.unwrap();
        store.enrol_agent("c", id, "a", [0; 32], NOW).await.unwrap();
        assert_eq!(store.agent(id).await.unwrap().unwrap().breaker_open, None);
        for breaker_open in [Some(true), Some(false), None] {
            let heartbeat = Heartbeat {
                version: "1.2.3".to_owned(),
                clock_difference_ms: -7,
                directory_reachable: true,
                breaker_open,
            };
            store.record_heartbeat(id, &heartbeat, NOW).await.unwrap();
            let agent = store.agent(id).await.unwrap().unwrap();
            assert_eq!((agent.heartbeat_at, agent.breaker_open), (Some(NOW), breaker_open));
            assert_eq!((agent.clock_difference_ms, agent.directory_reachable), (Some(-7), true));
        }
    }

    #[tokio::test]
    async fn keys_count_from_their_confirmation() {
        let (world, tenant) = world().await;
        let (store, id) = (&world.store, AgentId::from_bytes([3; 16]));
        store.issue_enrol_code(tenant, "c", NOW.after(Duration::from_secs(9))).await.unwrap();
        store.enrol_agent("c", id, "a", [0; 32], NOW).await.unwrap();
        store.offer_keys(id, &key(1), NOW).await.unwrap();
        assert!(store.agent_key(id).await.unwrap().is_none());
        assert!(!store.confirm_keys(id, KeyId::from_bytes([9; 16]), NOW).await.unwrap());
        assert!(store.confirm_keys(id, key(1).key_id, NOW).await.unwrap());
        store.offer_keys(id, &key(2), NOW).await.unwrap();
        assert!(store.agent_key(id).await.unwrap() == Some(key(1)));
        assert!(store.confirm_keys(id, key(2).key_id, NOW).await.unwrap());
        assert!(store.agent_key(id).await.unwrap() == Some(key(2)));
    }
}
