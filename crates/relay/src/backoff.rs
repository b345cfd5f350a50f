//! When a listener that lost its channel tries again (SPEC A-6; relay protocol, "Limits and
//! promises"). It never gives up.

use std::time::Duration;

/// How a listener reconnects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    /// During the first time of an outage each attempt waits anything from nothing to this.
    pub early: Duration,
    /// How long that first time is.
    pub early_for: Duration,
    /// Afterwards each attempt waits anything from nothing to this.
    pub late: Duration,
    /// A channel that held so long ends the outage.
    pub stable_after: Duration,
    /// The least wait after the relay refused the token (401 or 403): it will not like the next
    /// one better until somebody has done something.
    pub refused: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            early: Duration::from_secs(10),
            early_for: Duration::from_secs(10 * 60),
            late: Duration::from_secs(30),
            stable_after: Duration::from_secs(30),
            refused: Duration::from_secs(30),
        }
    }
}

impl Reconnect {
    /// How long to wait before the next attempt, `outage` after the last stable channel, if the
    /// last attempt was `refused` or not. `random` is uniform over all its values; without it all
    /// agents would come back at the same moment.
    pub fn delay(&self, outage: Duration, refused: bool, random: u64) -> Duration {
        let most = if outage < self.early_for { self.early } else { self.late };
        let least = if refused { self.refused } else { Duration::ZERO };
        least.saturating_add(share(most, random))
    }
}

/// The part of `whole` that `random` is of all its values.
fn share(whole: Duration, random: u64) -> Duration {
    let whole = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    let millis = (u128::from(whole) * u128::from(random)) >> 64;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = 1 << 63;

    #[test]
    fn early_attempts_wait_up_to_ten_seconds_and_later_ones_up_to_thirty() {
        let policy = Reconnect::default();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(policy.delay(minutes(0), false, 0), Duration::ZERO);
        assert_eq!(policy.delay(minutes(9), false, HALF), Duration::from_secs(5));
        assert_eq!(policy.delay(minutes(9), false, u64::MAX), Duration::from_millis(9_999));
        assert_eq!(policy.delay(minutes(10), false, HALF), Duration::from_secs(15));
        assert_eq!(policy.delay(Duration::MAX, false, u64::MAX), Duration::from_millis(29_999));
    }

    #[test]
    fn after_a_refusal_at_least_thirty_seconds_pass_and_not_the_same_for_all() {
        let policy = Reconnect::default();
        assert_eq!(policy.delay(Duration::ZERO, true, 0), Duration::from_secs(30));
        assert_eq!(policy.delay(Duration::ZERO, true, HALF), Duration::from_secs(35));
    }

    #[test]
    fn absurd_settings_do_not_overflow() {
        let policy =
            Reconnect { late: Duration::MAX, refused: Duration::MAX, ..Reconnect::default() };
        assert_eq!(policy.delay(Duration::MAX, true, u64::MAX), Duration::MAX);
    }
}
