//! The breaker (SPEC A-5): one agent's resets above a rate stop, whoever asks for them. It is what is left
//! when everything in front of it has failed: whoever takes the cloud service over sets passwords at this
//! rate by each agent, and no faster (THREATS). No agent counts what another one resets, of which it could
//! hear from the cloud service alone: by N agents, passwords are set at N times the rate until the last
//! breaker opens, and each is released by itself (`docs/breaker.md`).
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
//! and in memory from then on: a reset is kept waiting for no further write. The hour is one that the
//! clock has run ([`Steady`]), so that nobody gets another sixty by putting it forward; over a restart
//! only what the clock says is left to go by.

use std::time::Duration;

use protocol::{Clock, Operation, Timestamp};
use serde_json::json;
use sync::SyncState;
use tokio::sync::Mutex;

use super::steady::Steady;
use crate::audit::Event;
use crate::journal::breaker::{Kept, Standing};
use crate::journal::{Journal, JournalError};

/// What the rate is counted over.
pub(crate) const WINDOW: Duration = Duration::from_secs(60 * 60);
/// How long a count of the people in scope is believed.
const PEOPLE_FRESH: Duration = Duration::from_secs(10 * 60);

/// The limits, from the configuration alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many resets an hour are always let through, by this agent.
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
    /// What all moments here are of, but for the release.
    steady: Steady,
    resets: Vec<Timestamp>,
    open: bool,
    /// When the alarm was last raised: a rate near its mark is told of once an hour.
    alarmed_at: Option<Timestamp>,
    /// The release after which is counted, as it stands on disk.
    released_at: Option<Timestamp>,
    /// That it opened, where the disk has not taken that yet.
    unwritten: Option<Event>,
}

impl Counted {
    fn of(Standing { kept, resets }: Standing, clock: &dyn Clock) -> Self {
        let (open, steady) = (kept.opened_at.is_some(), Steady::begin(clock));
        let resets = resets.into_iter().map(|at| steady.at(clock, at)).collect();
        Self { steady, resets, open, released_at: kept.released_at, ..Self::default() }
    }

    /// How many resets the hour before `now` has; those before it are let go of.
    fn in_the_hour(&mut self, now: Timestamp) -> u64 {
        let since = now.before(WINDOW);
        self.resets.retain(|at| *at > since);
        u64::try_from(self.resets.len()).unwrap_or(u64::MAX)
    }

    /// An administrator has released it: what was asked for after that counts.
    fn released(&mut self, kept: &Kept, since: Option<Timestamp>) {
        self.resets.retain(|at| since.is_none_or(|since| *at > since));
        (self.open, self.released_at) = (kept.opened_at.is_some(), kept.released_at);
    }

    fn judge(&mut self, limits: &BreakerSettings, limit: u64, now: Timestamp) -> Verdict {
        if self.open {
            return Verdict::Open;
        }
        let before = self.in_the_hour(now);
        if before >= limit {
            self.open = true;
            return Verdict::Opens { limit };
        }
        self.resets.push(now);
        let count = before.saturating_add(1);
        let told = self.alarmed_at.is_some_and(|at| at.apart(now) < WINDOW);
        if told || count < limits.alarm(limit) {
            return Verdict::Pass;
        }
        self.alarmed_at = Some(now);
        Verdict::PassWithAlarm { count, limit }
    }
}

/// What is counted, from the journal where that was not done yet.
async fn known<'c>(
    counted: &'c mut Option<Counted>,
    journal: &Journal,
    clock: &dyn Clock,
) -> Result<&'c mut Counted, JournalError> {
    Ok(match counted {
        Some(known) => known,
        None => {
            let standing = journal.breaker_standing(clock.now()).await?;
            counted.insert(Counted::of(standing, clock))
        }
    })
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

    /// Counts what was reset before, if that was not done yet. Done before a reset is noted: its own
    /// entry is counted by [`Breaker::ask`].
    ///
    /// # Errors
    /// [`JournalError`]: it is not known how many there were, and nothing may be sent.
    pub(crate) async fn count(
        &self,
        journal: &Journal,
        clock: &dyn Clock,
    ) -> Result<(), JournalError> {
        known(&mut self.state.lock().await.counted, journal, clock).await.map(|_| ())
    }

    /// Whether it is open. A release is an administrator's word on disk; that it opened is known in memory
    /// also where the disk did not take it.
    ///
    /// # Errors
    /// [`JournalError`]: nobody knows.
    pub(crate) async fn is_open(&self, journal: &Journal) -> Result<bool, JournalError> {
        let kept = journal.breaker().await?;
        let state = self.state.lock().await;
        let in_memory = state
            .counted
            .as_ref()
            .is_some_and(|counted| counted.open && counted.released_at == kept.released_at);
        Ok(in_memory || kept.opened_at.is_some())
    }

    /// Asks for one more reset, which is about to be sent; and when that was, to give it back by. What it
    /// says stands in log and audit trail by then.
    ///
    /// # Errors
    /// [`JournalError`]: it is not known how many there were, and nothing may be sent.
    pub(crate) async fn ask(
        &self,
        journal: &Journal,
        sync: &SyncState,
        clock: &dyn Clock,
    ) -> Result<(Verdict, Timestamp), JournalError> {
        let mut state = self.state.lock().await;
        let State { counted, people } = &mut *state;
        let counted = known(counted, journal, clock).await?;
        let (dated, now) = (clock.now(), counted.steady.now(clock));
        if counted.open {
            write_down(counted, journal, dated).await;
            let kept = journal.breaker().await?;
            if kept.released_at != counted.released_at {
                let since = kept.released_at.map(|at| counted.steady.at(clock, at));
                counted.released(&kept, since);
            }
        }
        let next = counted.in_the_hour(now).saturating_add(1);
        let certain = self.limits.alarm(self.limits.resets_per_hour);
        // Who is below what is always let through need not know how many people there are.
        let limit = if next < certain {
            self.limits.resets_per_hour
        } else {
            self.limits.limit(fresh(people, sync, now).await)
        };
        let verdict = counted.judge(&self.limits, limit, now);
        match verdict {
            Verdict::PassWithAlarm { count, limit } => alarmed(journal, count, limit, dated).await,
            Verdict::Opens { limit } => {
                counted.unwritten = Some(opened(limit));
                write_down(counted, journal, dated).await;
            }
            Verdict::Pass | Verdict::Open => {}
        }
        Ok((verdict, now))
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

/// Tells the operator that it opened, and gives what audit is to be told.
fn opened(limit: u64) -> Event {
    let outcome = protocol::Outcome::BreakerOpen;
    tracing::error!(
        event = "breaker.opened",
        outcome = outcome.name(),
        number = outcome.number(),
        limit,
        operator = outcome.operator_text(),
    );
    Event::of_agent("breaker.opened", json!({ "limit": limit }))
}

/// Writes down that it opened, if that is still to be done. It is open in memory whatever the disk
/// says: that a disk is full must not close it.
async fn write_down(counted: &mut Counted, journal: &Journal, now: Timestamp) {
    let Some(event) = &counted.unwritten else { return };
    match journal.open_breaker(event, now).await {
        Ok(()) => counted.unwritten = None,
        Err(error) => tracing::error!(event = "breaker.not_written", cause = %error),
    }
}

#[cfg(test)]
mod tests;
