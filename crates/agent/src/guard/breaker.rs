//! The breaker (SPEC A-5): resets above a rate stop, whoever asks for them. It is what is left when
//! everything in front of it has failed: whoever takes the cloud service over sets passwords at this
//! rate, and no faster (THREATS).
//!
//! ```text
//! closed ──the hour's resets reach the limit──▶ open ──`passback-agent breaker release`──▶ closed
//! ```
//!
//! An open breaker stays open however long it takes: an hour later nobody would have looked at what
//! opened it. The cloud service can neither release it nor change its limits. After a release
//! counting begins anew.
//!
//! Resets alone count, by the person or by an administrator. A change proves that the old password is
//! known, and an unlock hands no account to anybody.
//!
//! What was set in the last hour is counted from the journal's entries when it is first asked for,
//! and in memory from then on: a reset is kept waiting for no further write.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::{Operation, Timestamp};
use serde_json::json;
use sync::SyncState;
use tokio::sync::Mutex;

use crate::audit::Event;
use crate::journal::{Journal, JournalError};

/// What the rate is counted over.
pub(crate) const WINDOW: Duration = Duration::from_secs(60 * 60);
/// How long a count of the people in scope is believed.
const PEOPLE_FRESH: Duration = Duration::from_secs(10 * 60);

/// The limits, from the configuration alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many resets an hour are always let through.
    pub resets_per_hour: u64,
    /// So many of a hundred people in scope may be reset within an hour.
    pub percent_of_people: u64,
    /// At so many of a hundred of the limit the alarm is raised.
    pub alarm_percent: u64,
}

impl BreakerSettings {
    /// How many resets an hour are let through where so many people are in scope.
    pub(crate) fn limit(&self, people: u64) -> u64 {
        self.resets_per_hour.max(people.saturating_mul(self.percent_of_people) / 100)
    }

    /// The number of the reset that raises the alarm.
    pub(crate) fn alarm(&self, limit: u64) -> u64 {
        limit.saturating_mul(self.alarm_percent).div_ceil(100).max(1)
    }
}

/// What becomes of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// It is let through, and counted.
    Pass,
    /// It is let through, and the first one at which the alarm is raised.
    PassWithAlarm {
        /// How many of the last hour's there are with it.
        count: u64,
        /// Of how many.
        limit: u64,
    },
    /// It is the first one that is not.
    Opens {
        /// How many there are.
        limit: u64,
    },
    /// The breaker was open before.
    Open,
}

/// What of the last hour is known.
#[derive(Debug, Default)]
struct Counted {
    resets: VecDeque<Timestamp>,
    open: bool,
    alarmed: bool,
    /// The release after which is counted.
    released_at: Option<Timestamp>,
}

impl Counted {
    /// Lets go of what is older than an hour.
    fn forget(&mut self, now: Timestamp) {
        let since = now.before(WINDOW);
        self.resets.retain(|at| *at > since);
    }

    fn judge(&mut self, limits: &BreakerSettings, limit: u64, now: Timestamp) -> Verdict {
        if self.open {
            return Verdict::Open;
        }
        self.forget(now);
        let before = self.count();
        if before >= limit {
            self.open = true;
            return Verdict::Opens { limit };
        }
        self.resets.push_back(now);
        let (count, alarm) = (before.saturating_add(1), limits.alarm(limit));
        if count < alarm {
            self.alarmed = false;
            return Verdict::Pass;
        }
        let first = !std::mem::replace(&mut self.alarmed, true);
        if first { Verdict::PassWithAlarm { count, limit } } else { Verdict::Pass }
    }

    fn count(&self) -> u64 {
        u64::try_from(self.resets.len()).unwrap_or(u64::MAX)
    }
}

/// The breaker of one agent.
pub(crate) struct Breaker {
    limits: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// None until the journal was asked.
    counted: Option<Counted>,
    people: Option<(Timestamp, u64)>,
}

impl Breaker {
    /// Nothing is read yet.
    pub(crate) fn new(limits: BreakerSettings) -> Self {
        Self { limits, state: Mutex::default() }
    }

    /// Whether it counts operations of this kind.
    pub(crate) const fn counts(operation: Operation) -> bool {
        matches!(operation, Operation::Reset | Operation::ResetByAdministrator)
    }

    /// Asks for one more reset, which is about to be sent. What it says stands in log and audit trail
    /// by then.
    ///
    /// # Errors
    /// [`JournalError`]: it is not known how many there were, and nothing may be sent.
    pub(crate) async fn ask(
        &self,
        journal: &Journal,
        sync: &SyncState,
        now: Timestamp,
    ) -> Result<Verdict, JournalError> {
        let mut state = self.state.lock().await;
        let State { counted, people } = &mut *state;
        let counted = match counted {
            Some(known) => {
                if known.open {
                    let kept = journal.breaker().await?;
                    if kept.released_at != known.released_at {
                        *known = read(journal, now).await?;
                    } else if kept.opened_at.is_none() {
                        // The disk did not take it before.
                        opened(journal, known.count(), now).await;
                    }
                }
                known
            }
            None => counted.insert(read(journal, now).await?),
        };
        counted.forget(now);
        let next = counted.count().saturating_add(1);
        let certain = self.limits.alarm(self.limits.resets_per_hour);
        // Who is below what is always let through need not know how many people there are.
        let limit = if next < certain {
            self.limits.resets_per_hour
        } else {
            self.limits.limit(fresh(people, sync, now).await)
        };
        let verdict = counted.judge(&self.limits, limit, now);
        match verdict {
            Verdict::PassWithAlarm { count, limit } => alarmed(journal, count, limit, now).await,
            Verdict::Opens { limit } => opened(journal, limit, now).await,
            Verdict::Pass | Verdict::Open => {}
        }
        Ok(verdict)
    }

    /// Takes back what was asked for at `at`: it is certain that no password was changed.
    pub(crate) async fn give_back(&self, at: Timestamp) {
        let mut state = self.state.lock().await;
        let Some(counted) = &mut state.counted else { return };
        if let Some(place) = counted.resets.iter().rposition(|one| *one == at) {
            counted.resets.remove(place);
        }
    }
}

/// How things stand by the journal.
async fn read(journal: &Journal, now: Timestamp) -> Result<Counted, JournalError> {
    let kept = journal.breaker().await?;
    let since =
        kept.released_at.unwrap_or(Timestamp::from_millis(i64::MIN)).max(now.before(WINDOW));
    let resets = journal.resets(since).await?;
    Ok(Counted {
        resets: resets.into(),
        open: kept.opened_at.is_some(),
        alarmed: false,
        released_at: kept.released_at,
    })
}

/// How many people are in scope; where that cannot be read, none, so that the fixed number counts.
async fn fresh(people: &mut Option<(Timestamp, u64)>, sync: &SyncState, now: Timestamp) -> u64 {
    if let Some((at, count)) = *people
        && at.apart(now) < PEOPLE_FRESH
    {
        return count;
    }
    match sync.status().await {
        Ok(status) => {
            *people = Some((now, status.metaverse_objects));
            status.metaverse_objects
        }
        Err(error) => {
            tracing::error!(event = "breaker.people_unknown", cause = %error);
            0
        }
    }
}

async fn alarmed(journal: &Journal, count: u64, limit: u64, now: Timestamp) {
    let outcome = protocol::Outcome::BreakerAlarm;
    tracing::warn!(
        event = "breaker.alarm",
        outcome = outcome.name(),
        number = outcome.number(),
        count,
        limit,
        operator = outcome.operator_text(),
    );
    let event = Event::of_agent("breaker.alarm", json!({ "count": count, "limit": limit }));
    if let Err(error) = journal.record(&[event], now).await {
        tracing::error!(event = "audit.not_written", names = "breaker.alarm", cause = %error);
    }
}

/// It is open in memory whatever the disk says: that a disk is full must not close it.
async fn opened(journal: &Journal, limit: u64, now: Timestamp) {
    let outcome = protocol::Outcome::BreakerOpen;
    tracing::error!(
        event = "breaker.opened",
        outcome = outcome.name(),
        number = outcome.number(),
        limit,
        operator = outcome.operator_text(),
    );
    let event = Event::of_agent("breaker.opened", json!({ "limit": limit }));
    if let Err(error) = journal.open_breaker(&event, now).await {
        tracing::error!(event = "breaker.not_written", cause = %error);
    }
}

#[cfg(test)]
mod tests;
