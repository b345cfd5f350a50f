//! Which processes of one agent live, by their heartbeats alone: where nobody says who listens, that is
//! all that is heard of them.
//!
//! One that is started anew is another process, and the one before is not heard any more. Whoever is
//! heard again after another one was heard for the first time lived beside it: two processes have one
//! identity (SPEC A-3).

use std::time::Duration;

use protocol::InstanceId;

/// For how long a process counts after its heartbeat: two of them are due in that time (SPEC A-4).
const COUNTS: Duration = Duration::from_secs(11 * 60);
/// As many are known of one agent. Who holds its key could make up any number.
const KNOWN_MOST: usize = 8;

/// The processes of one agent, in the order in which they were first heard.
#[derive(Default)]
pub(super) struct Processes(Vec<Process>);

struct Process {
    instance: InstanceId,
    /// When it was last heard, by `Clock::running`.
    last: Duration,
    /// It was heard again after another one had come.
    lived_beside: bool,
}

impl Processes {
    /// Takes a heartbeat down.
    pub(super) fn hear(&mut self, instance: InstanceId, now: Duration) {
        self.0.retain(|one| now.saturating_sub(one.last) < COUNTS);
        if let [alone] = &mut self.0[..] {
            // Whoever it lived beside is not there any more: the next one that comes is it, started anew.
            alone.lived_beside = false;
        }
        let youngest = self.0.len().saturating_sub(1);
        match self.0.iter_mut().enumerate().find(|(_, one)| one.instance == instance) {
            Some((at, known)) => {
                known.last = now;
                known.lived_beside |= at < youngest;
            }
            None => {
                if self.0.len() == KNOWN_MOST {
                    self.0.remove(0);
                }
                self.0.push(Process { instance, last: now, lived_beside: false });
            }
        }
    }

    /// Those that live: the one that came last, and all others as soon as one was seen to live beside it.
    pub(super) fn living(&self, now: Duration) -> Vec<InstanceId> {
        let known = || self.0.iter().filter(|one| now.saturating_sub(one.last) < COUNTS);
        let first = match known().any(|one| one.lived_beside) {
            true => 0,
            false => known().count().saturating_sub(1),
        };
        known().skip(first).map(|one| one.instance).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    const fn id(number: u8) -> InstanceId {
        InstanceId::from_bytes([number; 16])
    }

    /// Who lives after heartbeats of these, 5 minutes apart.
    fn living(heard: &[u8]) -> Vec<InstanceId> {
        let (mut processes, mut now) = (Processes::default(), Duration::ZERO);
        for number in heard {
            now += 5 * MINUTE;
            processes.hear(id(*number), now);
        }
        processes.living(now)
    }

    #[test]
    fn a_process_that_was_started_anew_is_one_and_two_that_take_turns_are_two() {
        assert_eq!(living(&[1, 1, 1]), [id(1)]);
        assert_eq!(living(&[1, 2, 2]), [id(2)], "one after the other");
        assert_eq!(living(&[1, 2, 3]), [id(3)]);
        assert_eq!(living(&[1, 2, 1]), [id(1), id(2)]);
        assert_eq!(living(&[1, 2, 1, 2]), [id(1), id(2)]);
        assert_eq!(living(&[1, 2, 1, 3]), [id(1), id(2), id(3)], "one of them was started anew");
        assert_eq!(
            living(&[1, 2, 1, 3, 3]),
            [id(1), id(3)],
            "the second one is not heard any more"
        );
        let left = [1, 2, 1, 1, 1, 1];
        assert_eq!(living(&left), [id(1)], "the copy is not heard any more");
        let started = [&left[..], &[3]].concat();
        assert_eq!(living(&started), [id(3)], "the one that was left was started anew");
        assert_eq!(living(&[&started[..], &[3]].concat()), [id(3)]);
        assert_eq!(living(&[&started[..], &[1]].concat()), [id(1), id(3)], "a copy again");
    }

    #[test]
    fn one_that_is_not_heard_any_more_is_forgotten_after_11_minutes() {
        let mut processes = Processes::default();
        for (number, at) in [(1, 0), (2, 1), (1, 5), (2, 6), (2, 11)] {
            processes.hear(id(number), at * MINUTE);
        }
        assert_eq!(processes.living(16 * MINUTE - MINUTE / 60), [id(1), id(2)]);
        assert_eq!(processes.living(16 * MINUTE), [id(2)]);
        processes.hear(id(2), 16 * MINUTE);
        assert_eq!(processes.living(16 * MINUTE), [id(2)]);
        assert!(processes.living(27 * MINUTE).is_empty());
    }

    #[test]
    fn whoever_makes_processes_up_fills_no_memory() {
        let mut processes = Processes::default();
        for number in 0..=u8::MAX {
            processes.hear(id(number), MINUTE);
        }
        assert_eq!(processes.0.len(), KNOWN_MOST);
        processes.hear(id(250), MINUTE);
        assert_eq!(processes.living(MINUTE).len(), KNOWN_MOST);
    }
}
