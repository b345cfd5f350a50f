//! A machine's clock that shows another time than the others'.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use protocol::{Clock, ManualClock, Sleep, Timestamp};

/// The world's clock, wrong by so many milliseconds. Waiting is not affected.
pub(super) struct Skewed {
    world: ManualClock,
    by: AtomicI64,
}

impl Skewed {
    pub(super) const fn new(world: ManualClock) -> Self {
        Self { world, by: AtomicI64::new(0) }
    }

    /// Puts it ahead by so many milliseconds, or behind.
    pub(super) fn put_ahead(&self, millis: i64) {
        self.by.store(millis, Ordering::SeqCst);
    }

    /// How many milliseconds it is ahead.
    pub(super) fn ahead(&self) -> i64 {
        self.by.load(Ordering::SeqCst)
    }
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.world.now().as_millis() + self.ahead())
    }

    fn running(&self) -> Duration {
        self.world.running()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.world.sleep(duration)
    }
}
