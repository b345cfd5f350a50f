//! A machine's clock that shows another time than the others'.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use protocol::{Clock, ManualClock, Sleep, Timestamp};

use super::World;
use super::installation::AGENTS;
use super::timeline::NEVER;

/// How much later than a heartbeat is due it may have told how far the clocks are apart.
const LEARNS: Duration = Duration::from_secs(10);

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

/// Whom the cloud service's clock is noted for.
pub(super) const CLOUD: &str = "cloud";

impl World {
    /// How far somebody's clock was ahead at a moment, in milliseconds.
    pub(super) fn clock_ahead(&self, whom: &str, at: Timestamp) -> i64 {
        let mut of_them = self.skews.iter().filter(|(_, name, _)| name == whom);
        let last = of_them.rfind(|(since, ..)| *since <= at);
        last.map_or(0, |(_, _, ahead)| *ahead)
    }

    /// How far a clock that is so much ahead is off the cloud's. An agent learns with a heartbeat
    /// that the cloud's was put to another time: until then what it was before counts too.
    pub(super) fn off_the_cloud(&self, ahead: i64, at: Timestamp) -> i64 {
        let interval = self.folder.agent(AGENTS[0]).heartbeat_interval;
        let known = at.before(interval + LEARNS);
        let meanwhile = self
            .skews
            .iter()
            .filter(|(since, name, _)| name == CLOUD && *since > known && *since <= at);
        let clouds = meanwhile.map(|(_, _, ahead)| *ahead);
        let offs = clouds.chain([self.clock_ahead(CLOUD, known)]).map(|cloud| ahead - cloud);
        offs.min_by_key(|off| off.unsigned_abs()).unwrap_or(ahead)
    }

    /// By how much the cloud's clock was ever put to another time at most.
    pub(super) fn jumps_of_the_cloud(&self) -> Duration {
        let (least, most) = self.extremes_of_the_cloud();
        Duration::from_millis(most.abs_diff(least))
    }

    /// The latest moment at which the cloud's clock may have shown this one.
    pub(super) fn latest(&self, shown: Timestamp) -> Timestamp {
        let (least, _) = self.extremes_of_the_cloud();
        Timestamp::from_millis(shown.as_millis() - least)
    }

    fn extremes_of_the_cloud(&self) -> (i64, i64) {
        let clouds = self.skews.iter().filter(|(_, name, _)| name == CLOUD);
        clouds.fold((0, 0), |(least, most), (_, _, ahead)| (least.min(*ahead), most.max(*ahead)))
    }

    /// At which moments somebody's clock has shown these, one after the other: each at the first
    /// moment that is possible.
    pub(super) fn when_shown(
        &self,
        whom: &str,
        shown: impl Iterator<Item = Timestamp>,
    ) -> Vec<Timestamp> {
        let jumps: Vec<_> = self.skews.iter().filter(|(_, name, _)| name == whom).collect();
        let begins = [(Timestamp::from_millis(i64::MIN), 0)].into_iter();
        let begins: Vec<_> =
            begins.chain(jumps.iter().map(|(at, _, ahead)| (*at, *ahead))).collect();
        let ends = begins.iter().skip(1).map(|(at, _)| *at).chain([NEVER]);
        let pieces: Vec<_> = begins.iter().copied().zip(ends).collect();
        let mut last = Timestamp::from_millis(i64::MIN);
        let when = |shown: Timestamp| {
            let possible = pieces.iter().map(|((from, ahead), to)| {
                (Timestamp::from_millis(shown.as_millis() - ahead), *from, *to)
            });
            let mut possible =
                possible.filter(|(at, from, to)| at >= from && at <= to && *at >= last);
            last = possible.next().map_or(last.max(shown), |(at, ..)| at);
            last
        };
        shown.map(when).collect()
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
