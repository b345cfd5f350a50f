//! The audit trail (SPEC L-7): every step of every flow, chained by hashes so that a row that was
//! changed or taken out is noticed ([`database::chain`]).

use std::time::Duration;

use database::chain::{Chain, Forgotten, Value, Verification};
use protocol::{RequestId, TenantId, Timestamp};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::flows::FlowId;
use crate::row::Typed;
use crate::{Store, StoreError, failed};

const CHAIN: Chain<6> = Chain::new("audit", ["at", "tenant", "request", "flow", "event", "detail"]);

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
    /// Its hash, SHA-256, which stands for all entries up to it.
    pub hash: Vec<u8>,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// Those from this moment on.
    pub since: Option<Timestamp>,
    /// Those of one tenant.
    pub tenant: Option<TenantId>,
}

/// Appends an event within a transaction: what it says and what it is about happen both or neither.
/// `last` is what a statement of the transaction gave back as [`last_row`], if one did.
pub(crate) async fn append(
    transaction: &mut SqliteConnection,
    last: Option<&SqliteRow>,
    event: &Event,
    now: Timestamp,
) -> Result<(), StoreError> {
    let appended = CHAIN.append(transaction, last, vec![values(event, now)]).await;
    appended.map(drop).map_err(failed("write to the audit trail"))
}

/// See [`Chain::last_row`].
pub(crate) fn last_row() -> String {
    CHAIN.last_row()
}

impl Store {
    /// Appends an event.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn record(&self, event: &Event, now: Timestamp) -> Result<(), StoreError> {
        let doing = || failed("write to the audit trail");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(doing())?;
        append(&mut transaction, None, event, now).await?;
        transaction.commit().await.map_err(doing())
    }

    /// The trail from the beginning, with the number of the first entry that is not what was
    /// written there. For trails that fit into memory; see [`Store::audit_after`].
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Unreadable`].
    pub async fn audit_trail(&self) -> Result<(Vec<Entry>, Option<i64>), StoreError> {
        let verified = self.verify_audit().await?;
        let entries = self.audit_after(i64::MIN, &Selection::default(), i64::MAX).await?;
        Ok((entries, verified.wrong))
    }

    /// Looks at every entry of the trail, from the beginning.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn verify_audit(&self) -> Result<Verification, StoreError> {
        CHAIN.verify(&self.pool).await.map_err(failed("verify the audit trail"))
    }

    /// The first `limit` entries of a selection that stand behind the place `after`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Unreadable`].
    pub async fn audit_after(
        &self,
        after: i64,
        selection: &Selection,
        limit: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM audit WHERE seq > $1 AND at >= $2 AND ($3 IS NULL OR tenant = $3)
             ORDER BY seq LIMIT $4",
        )
        .bind(after)
        .bind(selection.since.map_or(i64::MIN, Timestamp::as_millis))
        .bind(selection.tenant.map(|id| id.to_bytes().to_vec()))
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(failed("read the audit trail"))?;
        rows.iter().map(entry).collect()
    }

    /// What a support code stands for: the entries whose request or flow begins with these bytes,
    /// and all others of the same visits.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Unreadable`].
    pub async fn audit_of(&self, beginning: [u8; 5]) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM audit WHERE substr(request, 1, 5) = $1 OR flow IN (
                 SELECT flow FROM audit
                 WHERE substr(request, 1, 5) = $1 OR substr(flow, 1, 5) = $1)
             ORDER BY seq",
        )
        .bind(beginning.to_vec())
        .fetch_all(&self.pool)
        .await
        .map_err(failed("find what a support code stands for"))?;
        rows.iter().map(entry).collect()
    }

    /// Forgets entries that are older than `retention`, once a day at most; how many. That they were
    /// forgotten is an entry itself, and the trail still verifies ([`Chain::forget`]).
    ///
    /// # Errors
    /// [`StoreError::Database`]; what was forgotten before it stays so.
    pub async fn forget_audit(
        &self,
        retention: Duration,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let noted = |gone: &Forgotten| {
            let event = Event {
                name: "audit.forgotten".to_owned(),
                detail: json!({ "through": gone.last.seq, "entries": gone.rows }),
                ..Event::default()
            };
            values(&event, now)
        };
        let before = now.before(retention).as_millis();
        let forgotten = CHAIN.forget(&self.pool, before, noted).await;
        forgotten.map_err(failed("forget old audit entries"))
    }
}

fn values(event: &Event, now: Timestamp) -> [Value; 6] {
    [
        Value::Number(now.as_millis()),
        Value::or_nothing(event.tenant.map(TenantId::to_bytes)),
        Value::or_nothing(event.request.map(RequestId::to_bytes)),
        Value::or_nothing(event.flow.map(FlowId::to_bytes)),
        Value::Text(event.name.clone()),
        Value::Text(event.detail.to_string()),
    ]
}

fn entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let row = Typed::new(row, "audit entry");
    let event = Event {
        tenant: row.optional_bytes16("tenant")?.map(TenantId::from_bytes),
        request: row.optional_bytes16("request")?.map(RequestId::from_bytes),
        flow: row.optional_bytes16("flow")?.map(FlowId::from_bytes),
        name: row.text("event")?,
        detail: serde_json::from_str(&row.text("detail")?).map_err(|_| row.unreadable())?,
    };
    Ok(Entry { seq: row.number("seq")?, at: row.moment("at")?, event, hash: row.bytes("hash")? })
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

    /// The first entry as the first released version wrote it.
    #[tokio::test]
    async fn what_stands_in_existing_databases_verifies() {
        let world = Temporary::new().await;
        let event = Event {
            tenant: Some(TenantId::from_bytes([1; 16])),
            request: Some(RequestId::from_bytes([2; 16])),
            flow: None,
            name: "operation.answered".into(),
            detail: json!({ "changed": "yes" }),
        };
        world.store.record(&event, NOW).await.unwrap();
        let entries = world.store.audit_trail().await.unwrap().0;
        let hash: String = entries[0].hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "5469b2759a24a6e899faf986e2fb0e3e81745ebd84bb0c6286d0d83d0e238898");
        assert_eq!((&entries[0].event, entries[0].at), (&event, NOW));
    }

    #[tokio::test]
    async fn a_support_code_leads_to_everything_of_the_visit() {
        let world = Temporary::new().await;
        let of = |name: &str, flow: u8, request: Option<u8>| Event {
            flow: Some(FlowId::from_bytes([flow; 16])),
            request: request.map(|request| RequestId::from_bytes([request; 16])),
            name: name.into(),
            ..Event::default()
        };
        let late = Event { flow: None, ..of("d", 1, Some(7)) };
        for event in [of("a", 1, None), of("b", 2, Some(9)), of("c", 1, Some(7)), late] {
            world.store.record(&event, NOW).await.unwrap();
        }
        let names = async |beginning| {
            let found = world.store.audit_of([beginning; 5]).await.unwrap();
            found.into_iter().map(|entry| entry.event.name).collect::<String>()
        };
        assert_eq!(names(7).await, "acd", "the request's code");
        assert_eq!(names(1).await, "ac", "the flow's code");
        assert_eq!(names(9).await, "b");
        assert_eq!(names(8).await, "");
    }

    #[tokio::test]
    async fn a_selection_is_by_place_time_and_tenant() {
        let world = Temporary::new().await;
        let second = |seconds| NOW.after(Duration::from_secs(seconds));
        for (seconds, tenant) in [(0, 1), (1, 2), (2, 1), (3, 1)] {
            let tenant = Some(TenantId::from_bytes([tenant; 16]));
            let event = Event { tenant, ..Event::default() };
            world.store.record(&event, second(seconds)).await.unwrap();
        }
        let places = async |after, since, tenant: Option<u8>, limit| {
            let tenant = tenant.map(|tenant| TenantId::from_bytes([tenant; 16]));
            let selection = Selection { since, tenant };
            let found = world.store.audit_after(after, &selection, limit).await.unwrap();
            found.iter().map(|entry| entry.seq).collect::<Vec<_>>()
        };
        assert_eq!(places(0, None, None, 9).await, [1, 2, 3, 4]);
        assert_eq!(places(1, None, None, 2).await, [2, 3]);
        assert_eq!(places(0, Some(second(1)), Some(1), 9).await, [3, 4]);
        assert_eq!(places(0, Some(second(4)), None, 9).await, [0; 0]);
    }

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[tokio::test]
    async fn what_is_old_is_forgotten_and_the_rest_still_verifies() {
        let world = Temporary::new().await;
        let day = |days: u64| NOW.after(DAY * u32::try_from(days).unwrap());
        for days in 0..4 {
            world.store.record(&Event::default(), day(days)).await.unwrap();
        }
        let forget = |now| world.store.forget_audit(DAY * 10, now);
        assert_eq!(forget(day(11)).await.unwrap(), 0, "not yet a day beyond");
        assert_eq!(forget(day(12)).await.unwrap(), 2);
        let (entries, wrong) = world.store.audit_trail().await.unwrap();
        assert_eq!(wrong, None);
        let last = entries.last().unwrap();
        assert_eq!(last.event.name, "audit.forgotten");
        assert_eq!(last.event.detail, json!({ "through": 2, "entries": 2 }));
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 4, 5]);
        let change = sqlx::query("UPDATE audit SET event = 'x' WHERE seq = 3");
        change.execute(&world.store.pool).await.unwrap();
        assert_eq!(world.store.audit_trail().await.unwrap().1, Some(3));
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
