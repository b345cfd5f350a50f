//! Fresh tokens on a channel: which is judged when, and of which the judgement counts.
//!
//! Two may be judged at the same time, one as it came and one that waited until the next ping; of these
//! the newer counts, whichever is known first.

use std::time::Duration;

/// A renewal is judged at once where none was for so long.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

/// A token that came to replace the channel's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    number: u64,
    pub(super) token: String,
}

/// Those of one channel.
#[derive(Debug, Default)]
pub(super) struct Renewals {
    /// How many have come.
    came: u64,
    /// The number of the newest that was good.
    good: u64,
    /// The newest, if nobody could judge it when it came, or it came too soon.
    waiting: Option<Renewal>,
    /// When one was judged last, by [`Clock::running`](protocol::Clock::running).
    judged_at: Option<Duration>,
}

impl Renewals {
    /// Takes one that has come; it is given back to be judged, or waits.
    pub(super) fn take(&mut self, token: String, now: Duration) -> Option<Renewal> {
        self.came += 1;
        let renewal = Renewal { number: self.came, token };
        if self.judged_at.is_some_and(|last| now.saturating_sub(last) < JUDGED_EVERY) {
            self.waiting = Some(renewal);
            return None;
        }
        // What waits is older.
        self.waiting = None;
        self.judged_at = Some(now);
        Some(renewal)
    }

    /// The one that waits, to be judged now.
    pub(super) fn take_waiting(&mut self, now: Duration) -> Option<Renewal> {
        let waiting = self.waiting.take()?;
        self.judged_at = Some(now);
        Some(waiting)
    }

    /// Notes that one is good. False if a newer one was before it: then this changes nothing.
    pub(super) fn is_good(&mut self, renewal: &Renewal) -> bool {
        let newest = renewal.number > self.good;
        self.good = self.good.max(renewal.number);
        newest
    }

    /// Whether a newer one was good: what is found out about this one does not matter any more.
    pub(super) const fn is_over(&self, renewal: &Renewal) -> bool {
        renewal.number < self.good
    }

    /// Keeps one that nobody could judge until the next ping, unless a newer one waits or was good.
    pub(super) fn keep(&mut self, renewal: Renewal) {
        let newer_waits = self.waiting.as_ref().is_some_and(|one| one.number > renewal.number);
        if !newer_waits && !self.is_over(&renewal) {
            self.waiting = Some(renewal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_an_older_one_later_does_not_count() {
        let second = Duration::from_secs;
        let mut renewals = Renewals::default();
        let first = renewals.take("first".to_owned(), second(1)).unwrap();
        let newer = renewals.take("newer".to_owned(), second(2)).unwrap();
        assert!(renewals.is_good(&newer) && !renewals.is_good(&first));
        assert!(renewals.is_over(&first) && !renewals.is_over(&newer));
        renewals.keep(first);
        assert_eq!(renewals.take_waiting(second(9)), None);
        renewals.keep(newer);
        assert_eq!(renewals.take_waiting(second(9)).unwrap().token, "newer");
    }

    #[test]
    fn what_waited_and_is_judged_makes_the_next_one_wait() {
        let mut renewals = Renewals::default();
        let at = Duration::from_millis;
        assert!(renewals.take("first".to_owned(), at(0)).is_some());
        assert!(renewals.take("second".to_owned(), at(500)).is_none());
        assert_eq!(renewals.take_waiting(at(900)).unwrap().token, "second");
        assert!(renewals.take("third".to_owned(), at(1_100)).is_none());
        assert!(renewals.take("fourth".to_owned(), at(1_900)).is_some());
        assert_eq!(renewals.take_waiting(at(2_000)), None, "what waited is older");
    }
}
