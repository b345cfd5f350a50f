//! The clock of a world.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use clock::SystemClock;
use protocol::{Clock, ManualClock, Sleep, Timestamp};

/// A clock whose time of day stands still until it is moved, so that tokens expire when a test
/// wants it. Waiting takes real time, because there are real sockets; or, where the clock is all
/// manual, it ends when the test says so.
pub(crate) struct Hands {
    manual: ManualClock,
    waits_really: bool,
    /// How often somebody began to wait, by for how long.
    begun: Mutex<HashMap<Duration, usize>>,
}

impl Hands {
    pub(crate) fn new(waits_really: bool) -> Self {
        let manual = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        Self { manual, waits_really, begun: Mutex::default() }
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.manual.advance(duration);
    }

    /// How long it is until the next who waits is woken, on a clock that is all manual.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        self.manual.until_next()
    }

    /// How often somebody has begun to wait for so long.
    pub(crate) fn begun(&self, duration: Duration) -> usize {
        self.begun.lock().unwrap().get(&duration).copied().unwrap_or_default()
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
        *self.begun.lock().unwrap().entry(duration).or_default() += 1;
        if self.waits_really { SystemClock.sleep(duration) } else { self.manual.sleep(duration) }
    }
}
