//! How often an agent is heard: a good one has something to say every five minutes (SPEC A-4), and
//! whatever else holds the keys of one must not keep the store's only writer busy, behind which the
//! resets of every organisation stand.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::AgentId;
use store::agents::Heartbeat;

use crate::agent_api::Problem;
use crate::shares::Refusals;

/// So many messages of one agent are heard at once: changes of its health and of its channels that
/// follow each other closely.
const AT_ONCE: u32 = 10;
/// And then one in so long.
const EACH: Duration = Duration::from_secs(1);
/// By so much the difference of the clocks has changed where that is news, in milliseconds.
const NEWS_MS: u64 = 1_000;

/// What is known of agents' messages in this process: a few bytes of each agent that there is, because
/// who they are is checked before. All times are by [`Clock::running`](protocol::Clock::running).
#[derive(Default)]
pub(crate) struct Pace(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// When all that they have said would have been said, one by one.
    heartbeats: HashMap<AgentId, Duration>,
    onboardings: HashMap<AgentId, Duration>,
    /// The heartbeat of each that the store has, and since when.
    kept: HashMap<AgentId, (Heartbeat, Duration)>,
    refusals: Refusals,
}

impl Pace {
    /// Counts a heartbeat.
    ///
    /// # Errors
    /// [`Problem`] with when to come back: it is one too many.
    pub(super) fn heartbeat(&self, agent: AgentId, now: Duration) -> Result<(), Problem> {
        let mut known = self.lock();
        let waits = count(&mut known.heartbeats, agent, now);
        refused_if(waits, known, agent, now)
    }

    /// Counts a step of onboarding or offboarding; these are counted by themselves.
    ///
    /// # Errors
    /// As for [`Pace::heartbeat`].
    pub(super) fn onboarding(&self, agent: AgentId, now: Duration) -> Result<(), Problem> {
        let mut known = self.lock();
        let waits = count(&mut known.onboardings, agent, now);
        refused_if(waits, known, agent, now)
    }

    /// Whether the store is to be told of a heartbeat: it says something else than the one that stands
    /// there, or that one is not of this second.
    pub(super) fn is_news(&self, agent: AgentId, heartbeat: &Heartbeat, now: Duration) -> bool {
        let known = self.lock();
        let Some((kept, since)) = known.kept.get(&agent) else { return true };
        let apart = heartbeat.clock_difference_ms.abs_diff(kept.clock_difference_ms);
        let same = Heartbeat { clock_difference_ms: kept.clock_difference_ms, ..heartbeat.clone() };
        now.saturating_sub(*since) >= EACH || apart >= NEWS_MS || same != *kept
    }

    /// Notes that a heartbeat stands in the store.
    pub(super) fn kept(&self, agent: AgentId, heartbeat: Heartbeat, now: Duration) {
        self.lock().kept.insert(agent, (heartbeat, now));
    }

    /// Each change under this lock is one step: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a message; how long it should have waited, if it is one too many. It is not counted then.
fn count(all: &mut HashMap<AgentId, Duration>, agent: AgentId, now: Duration) -> Option<Duration> {
    let said = all.entry(agent).or_default();
    let next = (*said).max(now).saturating_add(EACH);
    let early = next.saturating_sub(now).saturating_sub(EACH * AT_ONCE);
    if early.is_zero() {
        *said = next;
        return None;
    }
    Some(early)
}

fn refused_if(
    waits: Option<Duration>,
    mut known: MutexGuard<'_, Known>,
    agent: AgentId,
    now: Duration,
) -> Result<(), Problem> {
    let Some(waits) = waits else { return Ok(()) };
    if let Some(refused) = known.refusals.count(now) {
        tracing::warn!(
            event = "agent.too_many_messages",
            %agent,
            refused,
            "an agent says more than one does that is well: look at its log, or revoke it"
        );
    }
    Err(Problem::too_many(waits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AgentId = AgentId::from_bytes([1; 16]);
    const OTHER: AgentId = AgentId::from_bytes([2; 16]);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn ten_messages_at_once_are_heard_and_then_one_a_second_of_each_agent() {
        let mut all = HashMap::new();
        for _ in 0..AT_ONCE {
            assert_eq!(count(&mut all, ONE, millis(5_000)), None);
        }
        assert_eq!(count(&mut all, ONE, millis(5_000)), Some(EACH));
        assert_eq!(count(&mut all, ONE, millis(5_250)), Some(millis(750)));
        assert_eq!(count(&mut all, OTHER, millis(5_250)), None);
        assert_eq!(count(&mut all, ONE, millis(6_000)), None);
        assert_eq!(count(&mut all, ONE, millis(6_000)), Some(EACH));
        for _ in 0..AT_ONCE {
            assert_eq!(count(&mut all, ONE, millis(60_000)), None);
        }
    }

    #[test]
    fn a_heartbeat_is_news_once_a_second_or_where_it_says_something_else() {
        let pace = Pace::default();
        let said = Heartbeat {
            version: "1".to_owned(),
            clock_difference_ms: -3,
            directory_reachable: true,
            breaker_open: None,
        };
        assert!(pace.is_news(ONE, &said, millis(0)));
        pace.kept(ONE, said.clone(), millis(0));
        assert!(!pace.is_news(ONE, &said, millis(999)) && pace.is_news(ONE, &said, millis(1_000)));
        assert!(pace.is_news(OTHER, &said, millis(0)));
        let differs = |millis| Heartbeat { clock_difference_ms: millis, ..said.clone() };
        assert!(!pace.is_news(ONE, &differs(900), millis(1)));
        assert!(pace.is_news(ONE, &differs(997), millis(1)));
        for other in [
            Heartbeat { version: "2".to_owned(), ..said.clone() },
            Heartbeat { directory_reachable: false, ..said.clone() },
            Heartbeat { breaker_open: Some(false), ..said.clone() },
        ] {
            assert!(pace.is_news(ONE, &other, millis(1)), "{other:?}");
        }
    }
}
