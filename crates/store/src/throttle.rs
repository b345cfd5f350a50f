//! Counters of SPEC G-6: so many times in so much time, per subject.

use std::time::Duration;

use protocol::Timestamp;

use crate::row::Typed;
use crate::{Store, StoreError, failed};

/// A throttle: its name, how often, in what time.
#[derive(Debug, Clone, Copy)]
pub struct Throttle {
    /// The name under which it is counted.
    pub name: &'static str,
    /// How often in one window.
    pub most: u64,
    /// The window. It starts with the first time that is counted.
    pub window: Duration,
}

impl Store {
    /// Counts one time for `subject`, and says whether it is still within the limit. `Err` holds
    /// the moment from which it is possible again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn spend(
        &self,
        throttle: Throttle,
        subject: &str,
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO throttle (name, subject, since, spent) VALUES ($1, $2, $3, 1)
             ON CONFLICT (name, subject) DO UPDATE SET
                 spent = CASE WHEN throttle.since <= $4 THEN 1 ELSE throttle.spent + 1 END,
                 since = CASE WHEN throttle.since <= $4 THEN $3 ELSE throttle.since END
             RETURNING since, spent",
        )
        .bind(throttle.name)
        .bind(subject)
        .bind(now.as_millis())
        .bind(now.before(throttle.window).as_millis())
        .fetch_one(&self.pool)
        .await
        .map_err(failed("count against a throttle"))?;
        let row = Typed::new(&row, "throttle");
        let spent = u64::try_from(row.number("spent")?).unwrap_or(u64::MAX);
        let again = row.moment("since")?.after(throttle.window);
        Ok(if spent <= throttle.most { Ok(()) } else { Err(again) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, Temporary};

    const THROTTLE: Throttle = Throttle { name: "start", most: 3, window: Duration::from_secs(60) };

    #[tokio::test]
    async fn a_window_starts_with_its_first_time_and_ends() {
        let world = Temporary::new().await;
        for _ in 0..3 {
            assert_eq!(world.store.spend(THROTTLE, "a", NOW).await.unwrap(), Ok(()));
        }
        let end = NOW.after(Duration::from_secs(60));
        let later = NOW.after(Duration::from_secs(59));
        assert_eq!(world.store.spend(THROTTLE, "a", later).await.unwrap(), Err(end));
        assert_eq!(world.store.spend(THROTTLE, "b", later).await.unwrap(), Ok(()));
        assert_eq!(world.store.spend(THROTTLE, "a", end).await.unwrap(), Ok(()));
    }
}
