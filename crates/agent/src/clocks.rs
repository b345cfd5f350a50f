//! How far the agent's clock is from the cloud's (SPEC W-11): measured at every heartbeat, and with
//! it at every opening of the channel. Above 120 seconds no password is set.
//!
//! A measurement counts for as long as the channel does over which requests come. A machine that was
//! paused has both of its clocks stopped, so that nothing here shows how late it is; its channel does
//! not outlive that. So a measurement is old as soon as a channel opens, before anything comes over it, and
//! one that was on its way by then is, too. A request that comes when there is none asks for one, and so does
//! one that would be refused because of the last: somebody may have corrected either clock since.

use std::sync::Arc;
use std::time::Duration;

use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{Clock, Timestamp, timeout};
use tokio::sync::{Notify, watch};

/// How long a process that has just started may take to measure the clocks.
pub(crate) const FIRST_MEASUREMENT: Duration = Duration::from_secs(10);

/// For how long a difference that is too large, or was measured too slowly, is told without measuring again.
const LARGE_HOLDS: Duration = Duration::from_secs(10);

/// By so much a difference may be wrong at most for moments to be compared by the second.
pub(crate) const CERTAIN: Duration = Duration::from_secs(1);

/// By how much the cloud's clock may have been put right since it issued a request: agents take requests from
/// one that is so far ahead of theirs, or behind, and compare it again when they look how a request ended.
pub(crate) const PUT_RIGHT: Duration = Duration::from_secs(2 * CLOCK_DIFFERENCE_MAX.as_secs());

/// How far the clocks of two controllers may be apart: with more, they do not replicate (Kerberos, the
/// default of "Maximum tolerance for computer clock synchronization").
pub(crate) const BETWEEN_CONTROLLERS: Duration = Duration::from_secs(5 * 60);

/// The last measurement, if there was one, and what the clock has done since.
pub(crate) struct ClockDifference {
    clock: Arc<dyn Clock>,
    state: watch::Sender<State>,
    asked: Notify,
}

#[derive(Clone, Copy, Default)]
struct State {
    last: Option<Measurement>,
    /// The last one by which moments can be compared by the second: one that took long may hide a step.
    last_certain: Option<Measurement>,
    /// When the last measurement was made that showed the cloud's clock to have been put to another time.
    cloud_stepped: Option<Duration>,
    /// How often a channel was opened or lost. A number, because two of them may come between two looks.
    channels: u64,
}

impl State {
    fn fresh(&self) -> Option<Measurement> {
        self.last.filter(|last| last.channels == self.channels)
    }
}

/// A measurement that has begun: counts if no channel is opened or lost until it ends.
#[derive(Clone, Copy)]
pub(crate) struct Measuring(u64);

/// A difference, and how the clock stood when it was measured.
#[derive(Clone, Copy)]
struct Measurement {
    millis: i64,
    /// By how much it may be wrong: half of the time that it took.
    uncertain: Duration,
    now: Timestamp,
    running: Duration,
    /// [`State::channels`] when it began.
    channels: u64,
}

impl ClockDifference {
    /// Not measured yet.
    pub(crate) fn unknown(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: watch::Sender::default(), asked: Notify::new() }
    }

    /// A measurement begins.
    pub(crate) fn measures(&self) -> Measuring {
        Measuring(self.state.borrow().channels)
    }

    /// Keeps a measurement that began at `begun`, in milliseconds, and by how much it may be wrong.
    pub(crate) fn measured_since(
        &self,
        Measuring(channels): Measuring,
        (millis, uncertain): (i64, Duration),
    ) {
        let (now, running) = (self.clock.now(), self.clock.running());
        let new = Measurement { millis, uncertain, now, running, channels };
        self.state.send_modify(|state| {
            let before = state.last_certain.or(state.last);
            if before.is_some_and(|before| self.is_step(before, new)) {
                state.cloud_stepped = Some(running);
            }
            state.last = Some(new);
            if uncertain <= CERTAIN {
                state.last_certain = Some(new);
            }
        });
    }

    /// Whether the cloud's clock was put to another time between two measurements. What this one was put
    /// ahead by in between is known; a machine that was paused looks the same as a step.
    fn is_step(&self, last: Measurement, new: Measurement) -> bool {
        let off = Duration::from_millis(new.millis.abs_diff(self.since(last)));
        off > CERTAIN + last.uncertain + new.uncertain
    }

    /// Whether this process has seen the cloud's clock put to another time since a moment of the clock here.
    /// One that was put there and back between two measurements nobody sees.
    pub(crate) fn cloud_stepped_since(&self, moment: Timestamp) -> bool {
        let passed = self.clock.now().since(moment);
        let stepped = self.state.borrow().cloud_stepped;
        stepped.is_some_and(|at| self.clock.running().saturating_sub(at) <= passed)
    }

    /// The same of one that took no time.
    #[cfg(test)]
    pub(crate) fn measured(&self, millis: i64) {
        self.measured_since(self.measures(), (millis, Duration::ZERO));
    }

    /// A channel was lost: what comes over the next one waits for the next measurement.
    pub(crate) fn grow_old(&self) {
        self.state.send_modify(|state| state.channels = state.channels.wrapping_add(1));
    }

    /// A channel is open, and nothing has come over it yet: the clocks are to be measured.
    pub(crate) fn channel_opens(&self) {
        self.grow_old();
        self.asked.notify_one();
    }

    /// Waits until somebody waits for a measurement who has none that is good enough.
    pub(crate) async fn is_asked_for(&self) {
        loop {
            self.asked.notified().await;
            if self.good(*self.state.borrow()).is_none() {
                return;
            }
        }
    }

    /// A measurement by which somebody may be served, or refused: of one that refuses, or that took long, a
    /// fresh one.
    fn good(&self, state: State) -> Option<Measurement> {
        state.fresh().filter(|last| {
            let age = self.clock.running().saturating_sub(last.running);
            (is_small(self.since(*last)) && last.uncertain <= CERTAIN) || age < LARGE_HOLDS
        })
    }

    /// Whether there was a measurement and the difference is within the limit.
    pub(crate) fn is_known_to_be_small(&self) -> bool {
        self.known().is_some_and(is_small)
    }

    /// The same of the last measurement, however old: of a request whose time was looked at already,
    /// when the channel over which it came may be gone.
    pub(crate) fn is_still_small(&self) -> bool {
        let last = self.state.borrow().last;
        last.is_some_and(|last| is_small(self.since(last)))
    }

    /// How far this clock is ahead of the cloud's by now, in milliseconds; none before the first
    /// measurement, or the first one since a channel was opened or lost.
    pub(crate) fn known(&self) -> Option<i64> {
        self.known_within().map(|(millis, _)| millis)
    }

    /// The same, and by how much that may be wrong.
    pub(crate) fn known_within(&self) -> Option<(i64, Duration)> {
        let fresh = self.state.borrow().fresh();
        fresh.map(|last| (self.since(last), last.uncertain))
    }

    /// Whether passwords may be set. A process that has just started, has a new channel, or believes the
    /// clocks to be too far apart, is given `limit` for a measurement; without one nothing may be set.
    pub(crate) async fn is_small_within(&self, limit: Duration) -> bool {
        let mut measurements = self.state.subscribe();
        if self.good(*measurements.borrow()).is_none() {
            self.asked.notify_one();
        }
        let good = measurements.wait_for(|state| self.good(*state).is_some());
        let last = match timeout(&*self.clock, limit, good).await {
            Ok(Ok(state)) => state.fresh(),
            _ => None,
        };
        last.is_some_and(|last| is_small(self.since(last)))
    }

    /// A clock that was put forward or back since the measurement is that much more wrong, until
    /// the next one: the time that it says to have passed is not the time that it has run.
    fn since(&self, last: Measurement) -> i64 {
        let says = self.clock.now().as_millis().saturating_sub(last.now.as_millis());
        let ran = self.clock.running().saturating_sub(last.running);
        let jump = says.saturating_sub(i64::try_from(ran.as_millis()).unwrap_or(i64::MAX));
        last.millis.saturating_add(jump)
    }
}

/// The middle between two moments of one clock: when another clock was read in between, this is what
/// it is compared with.
pub(crate) fn midway(before: Timestamp, after: Timestamp) -> Timestamp {
    let (before, after) = (before.as_millis(), after.as_millis());
    Timestamp::from_millis(before + (after - before) / 2)
}

/// Whether so many milliseconds are within the limit.
pub(crate) fn is_small(millis: i64) -> bool {
    Duration::from_millis(millis.unsigned_abs()) <= CLOCK_DIFFERENCE_MAX
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::ManualClock;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// What comes of something that waits for a measurement, and nobody measures: time passes for it.
    pub(crate) async fn in_vain<T>(clock: &ManualClock, waits: impl Future<Output = T>) -> T {
        let mut waits = std::pin::pin!(waits);
        loop {
            tokio::select! {
                done = &mut waits => return done,
                () = tokio::time::sleep(Duration::from_millis(5)) => clock.advance(LIMIT),
            }
        }
    }

    fn unknown() -> (ManualClock, Arc<ClockDifference>) {
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        (clock.clone(), Arc::new(ClockDifference::unknown(Arc::new(clock))))
    }

    #[test]
    fn that_the_cloud_s_clock_was_put_to_another_time_is_seen_and_not_what_happens_to_this_one() {
        let (clock, difference) = unknown();
        let begun = clock.now();
        let second = Duration::from_secs(1);
        let measured = |millis: i64, uncertain| {
            clock.advance(30 * second);
            difference.measured_since(difference.measures(), (millis, uncertain));
        };
        measured(5_000, Duration::ZERO);
        measured(5_900, Duration::ZERO);
        // It took three seconds, and may be off by half of that.
        measured(8_000, second * 3 / 2);
        measured(6_800, Duration::ZERO);
        assert!(!difference.cloud_stepped_since(begun));
        // This one is put back by an hour, and right again.
        clock.put_to(clock.now().before(3_600 * second));
        measured(6_800 - 3_600_000, Duration::ZERO);
        clock.put_to(clock.now().after(3_600 * second));
        measured(6_800, Duration::ZERO);
        assert!(!difference.cloud_stepped_since(begun));
        // A step that one that took long does not show.
        measured(-2_000, 10 * second);
        assert!(!difference.cloud_stepped_since(begun));
        measured(-2_000, Duration::ZERO);
        assert!(difference.cloud_stepped_since(begun));
        let begun = clock.now().after(second);
        clock.advance(2 * second);
        assert!(!difference.cloud_stepped_since(begun));
        measured(-3_001, Duration::ZERO);
        assert!(difference.cloud_stepped_since(begun));
        let since = clock.now();
        assert!(difference.cloud_stepped_since(since));
        measured(-3_001, Duration::ZERO);
        assert!(difference.cloud_stepped_since(since));
        assert!(!difference.cloud_stepped_since(since.after(Duration::from_millis(1))));
        // However this one is put meanwhile.
        clock.put_to(clock.now().after(3_600 * second));
        assert!(!difference.cloud_stepped_since(clock.now().before(10 * second)));
    }

    #[tokio::test]
    async fn a_new_process_waits_for_its_first_measurement_and_not_for_ever() {
        let (clock, difference) = unknown();
        let waiting = || {
            let difference = Arc::clone(&difference);
            tokio::spawn(async move { difference.is_small_within(LIMIT).await })
        };
        let in_vain = waiting();
        tokio::task::yield_now().await;
        clock.advance(LIMIT);
        assert!(!in_vain.await.unwrap());
        let served = waiting();
        tokio::task::yield_now().await;
        difference.measured(-120_000);
        assert!(served.await.unwrap());
    }

    /// A virtual machine that was paused for an hour: no clock of its own has moved.
    #[tokio::test]
    async fn over_a_new_channel_nothing_is_set_before_the_clocks_were_measured_again() {
        let (clock, difference) = unknown();
        difference.measured(0);
        difference.grow_old();
        assert!(!difference.is_known_to_be_small() && difference.known().is_none());
        assert!(difference.is_still_small(), "for what was looked at before");
        let waiting = {
            let difference = Arc::clone(&difference);
            tokio::spawn(async move { difference.is_small_within(LIMIT).await })
        };
        difference.is_asked_for().await;
        assert!(!waiting.is_finished());
        difference.measured(-3_600_000);
        assert!(!waiting.await.unwrap());
        difference.grow_old();
        let in_vain = {
            let difference = Arc::clone(&difference);
            tokio::spawn(async move { difference.is_small_within(LIMIT).await })
        };
        tokio::task::yield_now().await;
        clock.advance(LIMIT);
        assert!(!in_vain.await.unwrap(), "no heartbeat landed");
        difference.measured(0);
        assert!(difference.is_known_to_be_small());
    }

    /// One of two channels, or one that came and went between two looks at how it stands: what counts is
    /// that it was opened.
    #[tokio::test]
    async fn a_channel_that_opens_makes_what_was_measured_or_is_being_measured_old() {
        let (_, difference) = unknown();
        difference.measured(0);
        let begun = difference.measures();
        difference.channel_opens();
        assert!(difference.known().is_none());
        difference.measured_since(begun, (0, Duration::ZERO));
        assert!(
            difference.known().is_none(),
            "it may have been on its way while the machine was paused"
        );
        difference.is_asked_for().await;
        difference.measured_since(difference.measures(), (0, Duration::ZERO));
        assert!(difference.is_known_to_be_small());
    }

    #[tokio::test]
    async fn above_120_seconds_either_way_nothing_may_be_set() {
        for (millis, small) in [(0, true), (120_000, true), (120_001, false), (-120_001, false)] {
            let (_, difference) = unknown();
            assert!(!difference.is_known_to_be_small(), "nothing is known yet");
            difference.measured(millis);
            assert_eq!(difference.is_known_to_be_small(), small, "{millis}");
            assert_eq!(difference.is_small_within(LIMIT).await, small, "{millis}");
        }
        assert!(!is_small(i64::MIN));
    }

    /// The cloud's clock was put right again, or this one: nobody waits for the next heartbeat to be served.
    #[tokio::test]
    async fn a_difference_that_is_too_large_is_measured_again_before_it_refuses_and_not_all_the_time()
     {
        let (clock, difference) = unknown();
        difference.measured(130_000);
        assert!(!difference.is_small_within(LIMIT).await, "measured this moment");
        clock.advance(LARGE_HOLDS);
        let waiting = {
            let difference = Arc::clone(&difference);
            tokio::spawn(async move { difference.is_small_within(LIMIT).await })
        };
        difference.is_asked_for().await;
        assert!(!waiting.is_finished());
        difference.measured(0);
        assert!(waiting.await.unwrap());
        clock.advance(Duration::from_secs(3_600));
        assert!(difference.is_small_within(LIMIT).await, "one that serves is as good as ever");
        // One that took long serves, and is not good enough for long.
        difference.measured_since(difference.measures(), (0, 2 * CERTAIN));
        assert!(difference.is_small_within(LIMIT).await);
        clock.advance(LARGE_HOLDS);
        let waiting = {
            let difference = Arc::clone(&difference);
            tokio::spawn(async move { difference.is_small_within(LIMIT).await })
        };
        difference.is_asked_for().await;
        difference.measured(0);
        assert!(waiting.await.unwrap());
    }

    #[test]
    fn a_clock_that_was_put_forward_or_back_is_noticed_without_a_measurement() {
        for jump in [-121_000, 121_000] {
            let (clock, difference) = unknown();
            difference.measured(0);
            clock.advance(Duration::from_secs(3_600));
            assert!(difference.is_known_to_be_small(), "time passes as it should");
            clock.put_to(Timestamp::from_millis(clock.now().as_millis() + jump));
            assert!(!difference.is_known_to_be_small(), "{jump}");
            difference.measured(0);
            assert!(difference.is_known_to_be_small());
        }
    }
}
