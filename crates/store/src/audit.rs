//! The audit trail (SPEC L-7): every step of every flow, chained by hashes so that a row that was
//! changed or taken out is noticed.
//!
//! `hash = SHA-256(previous hash | seq | at | tenant | request | flow | event | detail)`, each
//! with its length before it.

use aws_lc_rs::digest::{Context, SHA256};
use protocol::{RequestId, TenantId, Timestamp};

use crate::flows::FlowId;
use crate::row::Typed;
use crate::{Store, StoreError, failed};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// The tenant, where it concerns one.
    pub tenant: Option<TenantId>,
    /// The request, where it concerns one.
    pub request: Option<RequestId>,
    /// The flow, where it concerns one.
    pub flow: Option<FlowId>,
    /// Its dotted name, for example `gate.email.passed`.
    pub name: String,
    /// More, as JSON. Never a secret, never a password, never a code.
    pub detail: serde_json::Value,
}

/// An event as it stands in the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

impl Store {
    /// Appends an event.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn record(&self, event: &Event, now: Timestamp) -> Result<(), StoreError> {
        let doing = || failed("write to the audit trail");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        let last = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(&mut *transaction)
            .await
            .map_err(doing())?;
        let (seq, previous) = match last {
            None => (1, Vec::new()),
            Some(row) => {
                let row = Typed::new(&row, "audit entry");
                (row.number("seq")? + 1, row.bytes("hash")?)
            }
        };
        let detail = event.detail.to_string();
        let hash = hash(&previous, seq, now, event, &detail);
        sqlx::query(
            "INSERT INTO audit (seq, at, tenant, request, flow, event, detail, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(seq)
        .bind(now.as_millis())
        .bind(event.tenant.map(|id| id.to_bytes().to_vec()))
        .bind(event.request.map(|id| id.to_bytes().to_vec()))
        .bind(event.flow.map(|id| id.to_bytes().to_vec()))
        .bind(&event.name)
        .bind(detail)
        .bind(hash)
        .execute(&mut *transaction)
        .await
        .map_err(doing())?;
        transaction.commit().await.map_err(doing())
    }

    /// The trail from the beginning, with the number of the first entry whose hash is wrong.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn audit_trail(&self) -> Result<(Vec<Entry>, Option<i64>), StoreError> {
        let rows = sqlx::query("SELECT * FROM audit ORDER BY seq")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the audit trail"))?;
        let (mut entries, mut broken) = (Vec::with_capacity(rows.len()), None);
        let mut previous = Vec::new();
        for (expected, row) in (1..).zip(&rows) {
            let row = Typed::new(row, "audit entry");
            let (entry, detail) = entry(&row)?;
            let stored = row.bytes("hash")?;
            let calculated = hash(&previous, entry.seq, entry.at, &entry.event, &detail);
            if broken.is_none() && (entry.seq != expected || stored != calculated) {
                broken = Some(expected);
            }
            previous = stored;
            entries.push(entry);
        }
        Ok((entries, broken))
    }
}

fn entry(row: &Typed<'_>) -> Result<(Entry, String), StoreError> {
    let detail = row.text("detail")?;
    let event = Event {
        tenant: row.optional_bytes16("tenant")?.map(TenantId::from_bytes),
        request: row.optional_bytes16("request")?.map(RequestId::from_bytes),
        flow: row.optional_bytes16("flow")?.map(FlowId::from_bytes),
        name: row.text("event")?,
        detail: serde_json::from_str(&detail).map_err(|_| row.unreadable())?,
    };
    Ok((Entry { seq: row.number("seq")?, at: row.moment("at")?, event }, detail))
}

fn hash(previous: &[u8], seq: i64, at: Timestamp, event: &Event, detail: &str) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    let mut field = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    field(previous);
    field(&seq.to_be_bytes());
    field(&at.as_millis().to_be_bytes());
    field(event.tenant.map(TenantId::to_bytes).as_ref().map_or(&[], |id| id));
    field(event.request.map(RequestId::to_bytes).as_ref().map_or(&[], |id| id));
    field(event.flow.map(FlowId::to_bytes).as_ref().map_or(&[], |id| id));
    field(event.name.as_bytes());
    field(detail.as_bytes());
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, Temporary};

    async fn three() -> Temporary {
        let world = Temporary::new().await;
        for name in ["one", "two", "three"] {
            let event = Event { name: name.into(), ..Event::default() };
            world.store.record(&event, NOW).await.unwrap();
        }
        world
    }

    #[tokio::test]
    async fn an_untouched_trail_verifies() {
        let (entries, broken) = three().await.store.audit_trail().await.unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(broken, None);
    }

    #[tokio::test]
    async fn a_row_that_was_changed_or_taken_out_is_named() {
        let world = three().await;
        let change = sqlx::query("UPDATE audit SET detail = '1' WHERE seq = 2");
        change.execute(&world.store.pool).await.unwrap();
        assert_eq!(world.store.audit_trail().await.unwrap().1, Some(2));
        let world = three().await;
        sqlx::query("DELETE FROM audit WHERE seq = 2").execute(&world.store.pool).await.unwrap();
        assert_eq!(world.store.audit_trail().await.unwrap().1, Some(2));
    }
}
