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

    /// By how much the cloud's clock was put to another time at most, from one moment to another.
    pub(super) fn jumps_of_the_cloud(&self, from: Timestamp, to: Timestamp) -> Duration {
        let (cloud, mut most) = (self.skews_of(CLOUD), Duration::ZERO);
        for one in aheads(&cloud, from, to) {
            for other in aheads(&cloud, from, to) {
                most = most.max(Duration::from_millis(one.abs_diff(other)));
            }
        }
        most
    }

    /// The latest moment at which the cloud may believe that it is `shown`, if it has waited for that
    /// since a moment: see [`latest`].
    pub(super) fn latest(&self, since: Timestamp, shown: Timestamp) -> Timestamp {
        latest(&self.skews_of(CLOUD), since, shown)
    }

    /// When something happened that the cloud dates by its clock, the last time that it can have been
    /// before another moment.
    pub(super) fn last_shown(&self, shown: Timestamp, before: Timestamp) -> Timestamp {
        last_shown(&self.skews_of(CLOUD), shown, before)
    }

    fn skews_of(&self, whom: &str) -> Vec<(Timestamp, i64)> {
        let of_them = self.skews.iter().filter(|(_, name, _)| name == whom);
        of_them.map(|(at, _, ahead)| (*at, *ahead)).collect()
    }

    /// At which moments somebody's clock has shown these, one after the other: each at the first
    /// moment that is possible.
    pub(super) fn when_shown(
        &self,
        whom: &str,
        shown: impl Iterator<Item = Timestamp>,
    ) -> Vec<Timestamp> {
        let pieces = pieces(&self.skews_of(whom));
        let mut last = Timestamp::from_millis(i64::MIN);
        let when = |shown: Timestamp| {
            let possible = pieces.iter().map(|(from, to, ahead)| {
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

/// How far a clock was ahead from when to when, in milliseconds, whose skews these are.
fn pieces(skews: &[(Timestamp, i64)]) -> Vec<(Timestamp, Timestamp, i64)> {
    let begins = [(Timestamp::from_millis(i64::MIN), 0)].into_iter().chain(skews.iter().copied());
    let ends = skews.iter().map(|(at, _)| *at).chain([NEVER]);
    begins.zip(ends).map(|((from, ahead), to)| (from, to, ahead)).collect()
}

/// How far it was ahead at any time from one moment to another.
fn aheads(
    skews: &[(Timestamp, i64)],
    begins: Timestamp,
    ends: Timestamp,
) -> impl Iterator<Item = i64> {
    let pieces = pieces(skews).into_iter();
    pieces.filter(move |(from, to, _)| *from <= ends && *to > begins).map(|(.., ahead)| ahead)
}

/// The latest moment at which somebody may believe that it is `shown`, who has waited for that since
/// a moment: whoever waits looks at the clock at the beginning, and now and then. What it showed before
/// that and after bears on nobody.
fn latest(skews: &[(Timestamp, i64)], since: Timestamp, shown: Timestamp) -> Timestamp {
    let mut at = since;
    loop {
        let least = aheads(skews, since, at).min().unwrap_or(0);
        let end = Timestamp::from_millis(shown.as_millis() - least);
        if end <= at {
            return at;
        }
        at = end;
    }
}

/// The last moment before another one at which the clock can have shown this.
fn last_shown(skews: &[(Timestamp, i64)], shown: Timestamp, before: Timestamp) -> Timestamp {
    let possible = pieces(skews).into_iter().filter_map(|(from, to, ahead)| {
        let at = Timestamp::from_millis(shown.as_millis() - ahead);
        (at >= from && at <= to && at <= before).then_some(at)
    });
    possible.max().unwrap_or(before)
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// A clock that is 100 s behind from 1,000 s on, and right again from 1,060 s on.
    const BEHIND: [(Timestamp, i64); 2] = [(at(1_000), -100_000), (at(1_060), 0)];

    #[test]
    fn a_clock_that_was_wrong_makes_nobody_wait_longer_who_waits_before_or_after() {
        assert_eq!(latest(&[], at(100), at(280)), at(280));
        assert_eq!(latest(&BEHIND, at(100), at(280)), at(280), "before");
        assert_eq!(latest(&BEHIND, at(1_060), at(1_240)), at(1_240), "after");
        assert_eq!(latest(&BEHIND, at(900), at(999)), at(999), "it was over by then");
    }

    #[test]
    fn whoever_waits_while_a_clock_is_behind_may_wait_for_as_long() {
        assert_eq!(latest(&BEHIND, at(900), at(1_080)), at(1_180), "it is put back meanwhile");
        assert_eq!(latest(&BEHIND, at(1_010), at(910 + 180)), at(1_190), "it was when they began");
        let ahead = [(at(1_000), 100_000)];
        assert_eq!(latest(&ahead, at(900), at(1_080)), at(1_080), "who sleeps does not notice");
        assert_eq!(latest(&ahead, at(1_000), at(1_280)), at(1_180), "issued by it");
        let twice = [(at(1_000), -100_000), (at(1_150), -200_000)];
        assert_eq!(latest(&twice, at(900), at(1_080)), at(1_280), "again, in what that prolongs");
    }

    #[test]
    fn what_the_clock_showed_twice_was_the_last_time_before() {
        assert_eq!(last_shown(&BEHIND, at(950), at(970)), at(950));
        assert_eq!(last_shown(&BEHIND, at(950), at(1_055)), at(1_050));
        assert_eq!(last_shown(&BEHIND, at(1_100), at(1_200)), at(1_100));
        assert_eq!(last_shown(&BEHIND, at(1_030), at(1_020)), at(1_020), "it cannot have been");
    }
}
