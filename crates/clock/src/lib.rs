//! The machine's clock: the one place that asks the system what time it is, and that waits by the
//! runtime's timers. It is no part of `protocol`, which has no runtime.
//!
//! Both programs make one [`SystemClock`] in their command line and hand it on as a
//! [`Clock`]; tests hand on a `ManualClock`.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::{Clock, Sleep, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a broken machine; 0 makes every message look long expired.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(0).after(since)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn running(&self) -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        FIRST.get_or_init(Instant::now).elapsed()
    }

    /// Needs a runtime of tokio's with its timers on, when it is first polled at the latest.
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_takes_its_time_and_the_clock_runs_meanwhile() {
        let (clock, limit) = (SystemClock, Duration::from_millis(20));
        let (started, began) = (clock.running(), clock.now());
        clock.sleep(limit).await;
        assert!(clock.running() - started >= limit);
        assert!(clock.now() > began);
        assert!(clock.now() > Timestamp::from_millis(1_700_000_000_000));
    }
}
