//! Flows: one visit to the reset pages, for a person or for a name that nobody has (SPEC G-6).

use protocol::{CloudAnchor, Randomness, TenantId, Timestamp};

use crate::people::{self, Person};
use crate::row::Typed;
use crate::{Store, StoreError, failed, hash_of_secret};

/// The public handle of a flow: in hidden fields, in audit, in the support code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlowId([u8; 16]);

impl FlowId {
    /// A new random handle.
    pub fn random(randomness: &dyn Randomness) -> Self {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes);
        Self(bytes)
    }

    /// The handle that these bytes are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// A flow that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Its handle.
    pub id: FlowId,
    /// The tenant on whose pages it runs.
    pub tenant: TenantId,
    /// For whom; absent for a decoy. Nothing may tell the difference before all gates are passed.
    pub person: Option<CloudAnchor>,
    /// A pseudonym of the name that was typed, under which tries and mails are counted.
    pub name: [u8; 32],
    /// The language of its pages and messages.
    pub locale: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// Whether it has ended with a password that was set, here or meanwhile in another visit.
    pub ended: bool,
}

/// That a gate was passed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The method's stable name.
    pub method: String,
    /// When.
    pub passed_at: Timestamp,
}

/// What is known of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Which of its gates were passed.
    pub facts: Vec<Fact>,
    /// Its person, if there is one.
    pub person: Option<Person>,
}

impl Store {
    /// Opens a flow. `cookie` is the browser's secret; only its hash is kept.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn open_flow(
        &self,
        flow: &Flow,
        cookie: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO flow (id, cookie_hash, tenant, person, name, locale, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(flow.id.0.to_vec())
        .bind(hash_of_secret(cookie))
        .bind(flow.tenant.to_bytes().to_vec())
        .bind(flow.person.as_ref().map(|person| person.as_str().to_owned()))
        .bind(flow.name.to_vec())
        .bind(&flow.locale)
        .bind(now.as_millis())
        .bind(flow.expires_at.as_millis())
        .execute(&self.pool)
        .await
        .map_err(failed("open a flow"))?;
        Ok(())
    }

    /// The flow of the browser with this cookie, on this tenant's pages, unless it has expired, with what
    /// is known of it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn known_flow(
        &self,
        tenant: TenantId,
        cookie: &[u8],
        now: Timestamp,
    ) -> Result<Option<(Flow, Known)>, StoreError> {
        // One statement for all of it: a person waits for it.
        let rows = sqlx::query(
            "SELECT flow.*, fact.method, fact.passed_at,
                 person.resource AS person_resource, person.version AS person_version
             FROM flow LEFT JOIN fact ON fact.flow = flow.id
                 LEFT JOIN person ON person.id = flow.person AND person.tenant = flow.tenant
             WHERE flow.cookie_hash = $1 AND flow.tenant = $2 AND flow.expires_at > $3
             ORDER BY fact.method",
        )
        .bind(hash_of_secret(cookie))
        .bind(tenant.to_bytes().to_vec())
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await
        .map_err(failed("find a flow, its passed gates and its person"))?;
        let Some(first) = rows.first().map(|row| Typed::new(row, "flow")) else { return Ok(None) };
        let flow = flow(&first)?;
        let person = people::of_flow(&flow, &first)?;
        let facts = rows.iter().map(|row| Typed::new(row, "passed gate"));
        let facts = facts.filter_map(|row| passed(&row).transpose());
        Ok(Some((flow, Known { facts: facts.collect::<Result<_, _>>()?, person })))
    }

    /// The flow of the browser with this cookie, on this tenant's pages, if it expires after
    /// `after`: now for a step, earlier for the result of an operation that was submitted in time.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn flow(
        &self,
        tenant: TenantId,
        cookie: &[u8],
        after: Timestamp,
    ) -> Result<Option<Flow>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM flow WHERE cookie_hash = $1 AND tenant = $2 AND expires_at > $3",
        )
        .bind(hash_of_secret(cookie))
        .bind(tenant.to_bytes().to_vec())
        .bind(after.as_millis())
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find a flow"))?;
        row.as_ref().map(|row| flow(&Typed::new(row, "flow"))).transpose()
    }

    /// The flow with this handle, expired or not: for messages about its operation.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn flow_by_id(&self, id: FlowId) -> Result<Option<Flow>, StoreError> {
        let row = sqlx::query("SELECT * FROM flow WHERE id = $1")
            .bind(id.0.to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a flow"))?;
        row.as_ref().map(|row| flow(&Typed::new(row, "flow"))).transpose()
    }

    /// The gates that were passed in a flow.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn facts(&self, flow: FlowId) -> Result<Vec<Fact>, StoreError> {
        let rows = sqlx::query("SELECT * FROM fact WHERE flow = $1 ORDER BY method")
            .bind(flow.0.to_vec())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the passed gates"))?;
        rows.iter().filter_map(|row| passed(&Typed::new(row, "passed gate")).transpose()).collect()
    }
}

/// The gate of a row; none in the row of a flow without any.
fn passed(row: &Typed<'_>) -> Result<Option<Fact>, StoreError> {
    let Some(method) = row.optional_text("method")? else { return Ok(None) };
    Ok(Some(Fact { method, passed_at: row.moment("passed_at")? }))
}

fn flow(row: &Typed<'_>) -> Result<Flow, StoreError> {
    let person = row.optional_text("person")?;
    Ok(Flow {
        id: FlowId(row.bytes16("id")?),
        tenant: TenantId::from_bytes(row.bytes16("tenant")?),
        person: person.map(|id| id.parse()).transpose().map_err(|_| row.unreadable())?,
        name: row.bytes32("name")?,
        locale: row.text("locale")?,
        expires_at: row.moment("expires_at")?,
        ended: row.optional_number("ended_at")?.is_some(),
    })
}
