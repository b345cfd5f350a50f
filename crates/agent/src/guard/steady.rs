//! Time that nobody puts forward: what is counted over an hour is counted by how long the clock has run,
//! not by what it says.

use protocol::{Clock, Timestamp};

/// Moments that begin where the clock stood, and go on as it runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steady {
    from: Timestamp,
    running: std::time::Duration,
}

impl Steady {
    /// From now on.
    pub(crate) fn begin(clock: &dyn Clock) -> Self {
        Self { from: clock.now(), running: clock.running() }
    }

    /// The present moment.
    pub(crate) fn now(&self, clock: &dyn Clock) -> Timestamp {
        self.from.after(clock.running().saturating_sub(self.running))
    }

    /// What the clock calls `moment` now: as long ago as it says. What is still to come was just now.
    pub(crate) fn at(&self, clock: &dyn Clock, moment: Timestamp) -> Timestamp {
        self.now(clock).before(clock.now().since(moment))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::ManualClock;

    use super::*;

    #[test]
    fn an_hour_that_somebody_adds_to_the_clock_has_not_passed() {
        let start = Timestamp::from_millis(1_800_000_000_000);
        let clock = ManualClock::at(start);
        let steady = Steady::begin(&clock);
        let minute = Duration::from_secs(60);
        clock.advance(minute);
        assert_eq!(steady.now(&clock), start.after(minute));
        let forward = start.after(minute * 61);
        clock.put_to(forward);
        assert_eq!(steady.now(&clock), start.after(minute));
        // What is dated by the clock that was put forward was as long ago as that clock says.
        assert_eq!(steady.at(&clock, forward.before(minute)), start);
        assert_eq!(steady.at(&clock, forward.after(minute)), start.after(minute));
    }
}
