//! How far the agent's clock is from the cloud's (SPEC W-11): measured at every heartbeat, and with
//! it at every opening of the channel. Above 120 seconds no password is set.

use std::time::Duration;

use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{Clock, timeout};
use tokio::sync::watch;

/// How long a process that has just started may take to measure the clocks.
pub(crate) const FIRST_MEASUREMENT: Duration = Duration::from_secs(10);

/// The last measurement, if there was one.
pub(crate) struct ClockDifference(watch::Sender<Option<i64>>);

impl ClockDifference {
    /// Not measured yet.
    pub(crate) fn unknown() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Keeps a measurement, in milliseconds.
    pub(crate) fn measured(&self, millis: i64) {
        self.0.send_replace(Some(millis));
    }

    /// Whether there was a measurement and it was within the limit.
    pub(crate) fn is_known_to_be_small(&self) -> bool {
        self.0.borrow().is_some_and(is_small)
    }

    /// Whether passwords may be set. A process that has just started is given `limit` for its
    /// first measurement; without one nothing may be set.
    pub(crate) async fn is_small_within(&self, limit: Duration, clock: &dyn Clock) -> bool {
        let mut measurements = self.0.subscribe();
        let first = timeout(clock, limit, measurements.wait_for(Option::is_some)).await;
        let millis = match first {
            Ok(Ok(millis)) => *millis,
            _ => None,
        };
        millis.is_some_and(is_small)
    }
}

/// Whether so many milliseconds are within the limit.
pub(crate) fn is_small(millis: i64) -> bool {
    Duration::from_millis(millis.unsigned_abs()) <= CLOCK_DIFFERENCE_MAX
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clock::SystemClock;
    use protocol::ManualClock;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_new_process_waits_for_its_first_measurement_and_not_for_ever() {
        let difference = Arc::new(ClockDifference::unknown());
        assert!(!difference.is_small_within(Duration::ZERO, &ManualClock::default()).await);
        let waiting = tokio::spawn({
            let difference = Arc::clone(&difference);
            async move { difference.is_small_within(LIMIT, &SystemClock).await }
        });
        tokio::task::yield_now().await;
        difference.measured(-120_000);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn above_120_seconds_either_way_nothing_may_be_set() {
        for (millis, small) in [(0, true), (120_000, true), (120_001, false), (-120_001, false)] {
            let difference = ClockDifference::unknown();
            assert!(!difference.is_known_to_be_small(), "nothing is known yet");
            difference.measured(millis);
            assert_eq!(difference.is_known_to_be_small(), small, "{millis}");
            assert_eq!(difference.is_small_within(LIMIT, &SystemClock).await, small, "{millis}");
        }
        assert!(!is_small(i64::MIN));
    }
}
