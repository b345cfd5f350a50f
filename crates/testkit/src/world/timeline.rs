//! What was wrong, and from when to when, by the world's own time: the invariants of settlement ask for
//! the first moment from which everything that is needed was right for long enough.

use std::collections::BTreeMap;

use protocol::Timestamp;

/// What may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Matter {
    /// The cloud service is not there.
    Cloud,
    /// Its clock is not the world's.
    CloudClock,
    /// A relay of somebody else's is not there.
    Relay,
    /// The relay is in other hands, which do something to what it carries.
    Hands,
    /// The relay is in other hands, which keep packages back, or forge: told as a story, to its end.
    Trick,
    /// The directory does not answer.
    Directory,
    /// It does not answer at once.
    SlowDirectory,
    /// An agent is not there.
    Agent(&'static str),
    /// An agent was revoked: its word counts no more.
    Revoked(&'static str),
    /// Something happens to what agent and cloud service say to each other.
    Road(&'static str),
    /// Some of it is altered.
    Altering,
    /// An agent's clock is not the world's.
    Clock(&'static str),
    /// An agent cannot write its journal.
    Disk(&'static str),
}

/// After the end of what can be known.
pub(super) const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// From when to when something was wrong.
pub(super) type Span = (Timestamp, Timestamp);

/// What was wrong so far.
#[derive(Debug, Default)]
pub(super) struct Timeline(BTreeMap<Matter, Vec<Span>>);

impl Timeline {
    /// From now on it is wrong, if it was not already.
    pub(super) fn goes_wrong(&mut self, matter: Matter, now: Timestamp) {
        let spans = self.0.entry(matter).or_default();
        if spans.last().is_none_or(|(_, to)| *to != NEVER) {
            spans.push((now, NEVER));
        }
    }

    /// From that moment on it is right again.
    pub(super) fn is_right(&mut self, matter: Matter, at: Timestamp) {
        let last = self.0.get_mut(&matter).and_then(|spans| spans.last_mut());
        if let Some((_, to)) = last.filter(|(_, to)| *to == NEVER) {
            *to = at;
        }
    }

    /// Whether anything was ever wrong but that a process was not there.
    pub(super) fn was_unsteady(&self) -> bool {
        self.0.keys().any(|matter| !matches!(matter, Matter::Cloud | Matter::Agent(_)))
    }

    /// When it was wrong.
    pub(super) fn wrong(&self, matter: Matter) -> impl Iterator<Item = Span> {
        self.0.get(&matter).into_iter().flatten().copied()
    }
}

/// The first moment from `from` on at which nothing is wrong for as long as `lasting` says of that
/// moment; none if there is none.
pub(super) fn first_calm(
    wrong: &[Span],
    from: Timestamp,
    lasting: impl Fn(Timestamp) -> std::time::Duration,
) -> Option<Timestamp> {
    let mut at = from;
    loop {
        let end = at.after(lasting(at));
        let during = wrong.iter().filter(|(begins, ends)| *begins < end && *ends > at);
        match during.map(|(_, ends)| *ends).max() {
            None => return Some(at),
            Some(NEVER) => return None,
            Some(ends) => at = ends,
        }
    }
}

/// What is not within any of the spans, which are of something that was right.
pub(super) fn outside(right: &[Span]) -> Vec<Span> {
    let mut right = right.to_vec();
    right.sort_unstable();
    let (mut since, mut wrong) = (Timestamp::from_millis(i64::MIN), Vec::new());
    for (from, to) in right {
        if from > since {
            wrong.push((since, from));
        }
        since = since.max(to);
    }
    wrong.push((since, NEVER));
    wrong
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_moment_counts_from_which_everything_is_right_for_long_enough() {
        let minute = |_| Duration::from_secs(60);
        let mut timeline = Timeline::default();
        for (matter, from, to) in
            [(Matter::Cloud, 10, 20), (Matter::Directory, 75, 100), (Matter::Cloud, 300, 310)]
        {
            timeline.goes_wrong(matter, at(from));
            timeline.goes_wrong(matter, at(from + 1));
            timeline.is_right(matter, at(to));
            timeline.is_right(matter, at(to + 1));
        }
        let wrong: Vec<_> =
            timeline.wrong(Matter::Cloud).chain(timeline.wrong(Matter::Directory)).collect();
        assert_eq!(first_calm(&wrong, at(0), minute), Some(at(100)), "20 is too short");
        assert_eq!(first_calm(&wrong, at(0), |_| Duration::from_secs(10)), Some(at(0)));
        assert_eq!(first_calm(&wrong, at(240), minute), Some(at(240)), "it ends as that begins");
        assert_eq!(first_calm(&wrong, at(241), minute), Some(at(310)));
        timeline.goes_wrong(Matter::Road("agent-1"), at(400));
        let wrong: Vec<_> = timeline.wrong(Matter::Road("agent-1")).collect();
        assert_eq!(first_calm(&wrong, at(390), minute), None);
    }

    #[test]
    fn a_moment_of_something_wrong_ends_a_calm_that_it_is_in_and_none_that_it_begins() {
        let cut = [(at(30), at(30))];
        assert_eq!(first_calm(&cut, at(0), |_| Duration::from_secs(60)), Some(at(30)));
        assert_eq!(first_calm(&cut, at(30), |_| Duration::from_secs(60)), Some(at(30)));
    }

    #[test]
    fn what_is_outside_of_overlapping_spans_is_found() {
        let beginning = Timestamp::from_millis(i64::MIN);
        let spans = [(at(40), at(50)), (at(10), at(30)), (at(20), at(25))];
        let expected = [(beginning, at(10)), (at(30), at(40)), (at(50), NEVER)];
        assert_eq!(outside(&spans), expected);
        assert_eq!(outside(&[]), [(beginning, NEVER)]);
        assert_eq!(outside(&[(at(5), NEVER)])[0], (beginning, at(5)));
    }
}
