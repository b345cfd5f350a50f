//! A machine's clock that shows another time than the others'.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use protocol::{Clock, ManualClock, Sleep, Timestamp};

/// The world's clock, wrong by so many milliseconds. Waiting is not affected.
pub(super) struct Skewed {
    world: ManualClock,
    by: AtomicI64,
    /// How long ago it believes to be, in milliseconds: what it says to have passed has not.
    ago: AtomicI64,
}

impl Skewed {
    pub(super) const fn new(world: ManualClock) -> Self {
        Self { world, by: AtomicI64::new(0), ago: AtomicI64::new(0) }
    }

    /// Lets it believe that it is `then`, and that nothing has passed since; or what is true. Nobody
    /// can notice by comparing what it says with how long it has run: a bug on purpose, and no wrong
    /// clock.
    pub(super) fn believe(&self, then: Option<Timestamp>) {
        let now = self.world.now();
        let ago = then.map_or(0, |then| now.as_millis() - then.as_millis());
        self.ago.store(ago, Ordering::SeqCst);
    }

    fn ago(&self) -> i64 {
        self.ago.load(Ordering::SeqCst)
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
        Timestamp::from_millis(self.world.now().as_millis() + self.ahead() - self.ago())
    }

    fn running(&self) -> Duration {
        let ago = Duration::from_millis(self.ago().unsigned_abs());
        self.world.running().saturating_sub(ago)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.world.sleep(duration)
    }
}
