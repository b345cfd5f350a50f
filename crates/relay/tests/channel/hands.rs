//! The clock of a world.

use std::time::Duration;

use clock::SystemClock;
use protocol::{Clock, ManualClock, Sleep, Timestamp};

/// A clock whose time of day stands still until it is moved, so that tokens expire when a test
/// wants it. Waiting takes real time, because there are real sockets; or, where the clock is all
/// manual, it ends when the test says so.
pub(crate) struct Hands {
    manual: ManualClock,
    waits_really: bool,
}

impl Hands {
    pub(crate) fn new(waits_really: bool) -> Self {
        let manual = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        Self { manual, waits_really }
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.manual.advance(duration);
    }

    /// How long it is until the next who waits is woken, on a clock that is all manual.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        self.manual.until_next()
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.manual.now()
    }

    fn running(&self) -> Duration {
        if self.waits_really { SystemClock.running() } else { self.manual.running() }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if self.waits_really { SystemClock.sleep(duration) } else { self.manual.sleep(duration) }
    }
}
