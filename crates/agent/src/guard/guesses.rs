//! Who tries present passwords is stopped before the directory is asked: a change proves nothing until
//! AD has compared the old password, and each wrong one is a guess. AD counts them, and the account would
//! be locked for its owner (SPEC G-6); where no lockout is set, nothing else stops the guessing.
//!
//! ```text
//! the limit     3, and at least two fewer than lock the account, but never none
//! over          an hour, or as long as AD counts them, if that is longer; a day at most
//! ```
//!
//! By itself that does not lock an account, unless its policy locks it at the first wrong one. Each agent
//! counts its own: several of them together send up to that many each (decision 0017).
//!
//! A change that succeeds proves that the old password is known, and clears what was counted. What is in
//! doubt counts: the directory may have compared it. It is counted from the journal's entries when it is
//! first asked for, so that a restart forgets nothing, and in memory from then on.

use std::collections::HashMap;
use std::time::Duration;

use protocol::{Clock, Outcome, PasswordPolicy, Timestamp};
use tokio::sync::Mutex;

use super::steady::Steady;
use crate::journal::guesses::Tried;
use crate::journal::{Journal, JournalError, Place};

/// So many wrong ones are sent at most. A person mistypes once or twice.
const MOST: u32 = 3;
/// So many below the number that locks the account it ends: one for the sign-in at which the person
/// mistypes as well, one to stay below.
const LEFT: u32 = 2;
/// So many where it is not known how many lock the account.
const UNKNOWN: u32 = 2;
/// How long a wrong one counts at least.
const WINDOW: Duration = Duration::from_secs(60 * 60);
/// How long at most, whatever the policy says.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The wrong present passwords of one agent.
#[derive(Default)]
pub(crate) struct Guesses(Mutex<Option<Known>>);

struct Known {
    steady: Steady,
    tries: HashMap<Place, Vec<Timestamp>>,
}

impl Guesses {
    /// Counts what was tried before, if that was not done yet. Done before a change is noted: its own
    /// entry does not count.
    ///
    /// # Errors
    /// [`JournalError`]: it is not known how many there were, and nothing may be sent.
    pub(crate) async fn count(
        &self,
        journal: &Journal,
        clock: &dyn Clock,
    ) -> Result<(), JournalError> {
        let mut known = self.0.lock().await;
        if known.is_none() {
            let tried = journal.changes_since(clock.now().before(LONGEST)).await?;
            *known = Some(Known::of(tried, clock));
        }
        Ok(())
    }

    /// Whether one more present password may be tried for the account. Not before it was counted.
    pub(crate) async fn may_try(
        &self,
        place: &Place,
        rules: Option<&PasswordPolicy>,
        clock: &dyn Clock,
    ) -> bool {
        let mut known = self.0.lock().await;
        known.as_mut().is_some_and(|known| known.within(place, window(rules), clock) < limit(rules))
    }

    /// Keeps how a change ended that was sent; none is doubt.
    pub(crate) async fn ended(&self, place: &Place, outcome: Option<Outcome>, clock: &dyn Clock) {
        if let Some(known) = self.0.lock().await.as_mut() {
            let now = known.steady.now(clock);
            known.ended(place, outcome, now);
        }
    }
}

impl Known {
    fn of(tried: Vec<Tried>, clock: &dyn Clock) -> Self {
        let mut known = Self { steady: Steady::begin(clock), tries: HashMap::new() };
        for Tried { place, at, outcome } in tried {
            let at = known.steady.at(clock, at);
            known.ended(&place, outcome, at);
        }
        known
    }

    fn ended(&mut self, place: &Place, outcome: Option<Outcome>, at: Timestamp) {
        match outcome {
            Some(Outcome::ChangedByPerson | Outcome::SettledChanged | Outcome::SetButExpired) => {
                self.tries.remove(place);
            }
            // Sent, and it did not go through, for whatever reason.
            None
            | Some(
                Outcome::WrongOldPassword
                | Outcome::InDoubt
                | Outcome::SettledUnchanged
                | Outcome::CannotBeKnown,
            ) => self.tries.entry(place.clone()).or_default().push(at),
            Some(_) => {}
        }
    }

    fn within(&mut self, place: &Place, window: Duration, clock: &dyn Clock) -> u32 {
        let now = self.steady.now(clock);
        self.tries.retain(|_, tries| {
            tries.retain(|at| *at > now.before(LONGEST));
            !tries.is_empty()
        });
        let tries = self.tries.get(place).into_iter().flatten();
        let count = tries.filter(|at| **at > now.before(window)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// How many wrong ones are sent; an account that is never locked has a threshold of 0.
fn limit(rules: Option<&PasswordPolicy>) -> u32 {
    match rules.and_then(|rules| rules.lockout_threshold) {
        None => UNKNOWN,
        Some(0) => MOST,
        Some(threshold) => threshold.saturating_sub(LEFT).clamp(1, MOST),
    }
}

fn window(rules: Option<&PasswordPolicy>) -> Duration {
    let counted = rules.and_then(|rules| rules.lockout_window_seconds).map(Duration::from_secs);
    counted.unwrap_or_default().clamp(WINDOW, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(threshold: u32, window: u64) -> PasswordPolicy {
        PasswordPolicy {
            lockout_threshold: Some(threshold),
            lockout_window_seconds: Some(window),
            ..PasswordPolicy::default()
        }
    }

    #[test]
    fn what_one_agent_sends_stays_two_below_what_locks_the_account_or_is_one() {
        for (threshold, most) in
            [(0, 3), (1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (10, 3), (u32::MAX, 3)]
        {
            assert_eq!(limit(Some(&rules(threshold, 1))), most, "{threshold}");
        }
        assert_eq!(limit(None), 2);
    }

    #[test]
    fn a_wrong_one_counts_as_long_as_the_directory_counts_it() {
        for (seconds, expected) in
            [(0, 3_600), (1_800, 3_600), (7_200, 7_200), (99 * 86_400, 86_400)]
        {
            assert_eq!(window(Some(&rules(5, seconds))), Duration::from_secs(expected));
        }
        assert_eq!(window(None), WINDOW);
    }
}
