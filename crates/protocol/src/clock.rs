//! Time as an argument: nothing in Passback asks the system what time it is, or waits, but by a
//! [`Clock`].

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01T00:00:00Z, as on the wire and in databases.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many milliseconds after 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The moment `duration` later; the latest possible one if there is none.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The moment `duration` earlier; the earliest possible one if there is none.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; nothing if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// How far the two moments are apart, whichever is first.
    pub fn apart(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A wait that ends when its time has come, and never before.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Says what time it is, and waits. The machine's clock is in the crate `clock`, so that nothing
/// here has a runtime.
pub trait Clock: Send + Sync {
    /// The present moment, as people and other machines have it. It may be put forward and back.
    fn now(&self) -> Timestamp;

    /// How long this clock has run since some moment of its own. It never goes back, whatever is
    /// done to [`Clock::now`]: for how long something has taken.
    fn running(&self) -> Duration;

    /// Waits for `duration`, as [`Clock::running`] counts it.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The time was over before the work was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// Gives `work` at most `limit`.
///
/// # Errors
/// [`Elapsed`]: the work is dropped where it stood. Work that is done at that very moment counts.
pub async fn timeout<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    // Much of what is limited is done at once, and needs no timer.
    let mut over = None;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => {
            let over: &mut Sleep = over.get_or_insert_with(|| clock.sleep(limit));
            over.as_mut().poll(context).map(|()| Err(Elapsed))
        }
    })
    .await
}

/// A clock that a test sets and moves. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<Mutex<Hands>>);

#[derive(Debug, Default)]
struct Hands {
    now: Timestamp,
    running: Duration,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    sleeps: u64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Hands { now, ..Hands::default() })))
    }

    /// Moves the clock forward and wakes whoever waited for that, in the order of their times.
    pub fn advance(&self, duration: Duration) {
        let woken: Vec<Waker> = {
            let mut hands = self.hands();
            hands.now = hands.now.after(duration);
            let running = hands.running.saturating_add(duration);
            hands.running = running;
            let later = hands.sleepers.split_off(&(running, u64::MAX));
            std::mem::replace(&mut hands.sleepers, later).into_values().collect()
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Puts the clock to another time, as an operator or a time server does; nobody is woken.
    pub fn put_to(&self, now: Timestamp) {
        self.hands().now = now;
    }

    /// How long it is until the next waiting one is to be woken; none if nobody waits.
    pub fn until_next(&self) -> Option<Duration> {
        let hands = self.hands();
        let ((deadline, _), _) = hands.sleepers.first_key_value()?;
        Some(deadline.saturating_sub(hands.running))
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        // Each change under the lock is one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands().now
    }

    fn running(&self) -> Duration {
        self.hands().running
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut hands = self.hands();
        hands.sleeps += 1;
        let until = (hands.running.saturating_add(duration), hands.sleeps);
        Box::pin(Sleeper { clock: self.clone(), until })
    }
}

/// A wait on a [`ManualClock`].
struct Sleeper {
    clock: ManualClock,
    /// When, and which of those at the same time.
    until: (Duration, u64),
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.hands();
        if hands.running >= self.until.0 {
            return Poll::Ready(());
        }
        let replaced = hands.sleepers.insert(self.until, context.waker().clone());
        drop(hands);
        // Not under the lock: with a waker its task may end, and with that another sleep.
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let removed = self.clock.hands().sleepers.remove(&self.until);
        drop(removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_another_is_no_time_after_it() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(4_000));
        assert_eq!(late.since(early), Duration::from_secs(3));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.apart(late), Duration::from_secs(3));
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.after(Duration::MAX), end);
        assert_eq!(Timestamp::from_millis(i64::MIN).before(Duration::MAX).as_millis(), i64::MIN);
    }

    /// Polls once; who is woken is counted.
    fn poll(sleep: &mut Sleep, woken: &Arc<Count>) -> Poll<()> {
        sleep.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
    }

    #[derive(Default)]
    struct Count(std::sync::atomic::AtomicU32);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    fn count(woken: &Count) -> u32 {
        woken.0.load(std::sync::atomic::Ordering::SeqCst)
    }

    #[test]
    fn who_sleeps_is_woken_when_the_time_has_come_and_not_before() {
        let (clock, woken) = (ManualClock::default(), Arc::new(Count::default()));
        let mut sleep = clock.sleep(Duration::from_secs(5));
        assert_eq!(poll(&mut sleep, &woken), Poll::Pending);
        clock.advance(Duration::from_secs(4));
        assert_eq!((count(&woken), clock.until_next()), (0, Some(Duration::from_secs(1))));
        clock.advance(Duration::from_secs(1));
        assert_eq!((count(&woken), clock.until_next()), (1, None));
        assert_eq!(poll(&mut sleep, &woken), Poll::Ready(()));
    }

    #[test]
    fn a_sleep_that_is_given_up_wakes_nobody() {
        let (clock, woken) = (ManualClock::default(), Arc::new(Count::default()));
        let mut sleep = clock.sleep(Duration::from_secs(5));
        assert_eq!(poll(&mut sleep, &woken), Poll::Pending);
        drop(sleep);
        assert_eq!(clock.until_next(), None);
    }

    #[test]
    fn putting_the_clock_to_another_time_lets_nobody_sleep_longer_or_shorter() {
        let clock = ManualClock::at(Timestamp::from_millis(10_000));
        let mut sleep = clock.sleep(Duration::from_secs(5));
        let woken = Arc::new(Count::default());
        clock.put_to(Timestamp::from_millis(100_000));
        assert_eq!(poll(&mut sleep, &woken), Poll::Pending);
        clock.put_to(Timestamp::from_millis(0));
        clock.advance(Duration::from_secs(5));
        assert_eq!(poll(&mut sleep, &woken), Poll::Ready(()));
        assert_eq!(clock.running(), Duration::from_secs(5));
    }

    #[test]
    fn work_that_is_done_in_time_is_not_cut_off() {
        let clock = ManualClock::default();
        let mut done = pin!(timeout(&clock, Duration::ZERO, async { 7 }));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(done.as_mut().poll(&mut context), Poll::Ready(Ok(7)));
        let mut never = pin!(timeout(&clock, Duration::from_secs(1), std::future::pending::<()>()));
        assert!(never.as_mut().poll(&mut context).is_pending());
        clock.advance(Duration::from_secs(1));
        assert_eq!(never.as_mut().poll(&mut context), Poll::Ready(Err(Elapsed)));
    }
}
