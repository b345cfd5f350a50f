//! How time passes: to the next moment at which somebody waits for it, whenever nobody works.

use std::thread;
use std::time::Duration;

use protocol::Clock as _;

use super::{World, quiet};

/// Longer than anything that a test waits for: beyond it somebody waits for something that will
/// never come.
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);

/// Something that is to happen.
pub(super) type Plan = Box<dyn FnOnce(&mut World)>;

/// A visit, on a thread of its own.
pub type Visit<T> = Box<dyn FnOnce() -> T + Send>;

impl World {
    /// Lets something happen `delay` from now, whenever time passes until then.
    pub fn after(&mut self, delay: Duration, plan: impl FnOnce(&mut Self) + 'static) {
        let due = self.clock.running() + delay;
        let at = self.plans.partition_point(|(other, _)| *other <= due);
        self.plans.insert(at, (due, Box::new(plan)));
    }

    /// Lets one visit take place, on a thread of its own, and time pass until it is done.
    ///
    /// # Panics
    /// If the visit panics, or never ends.
    pub fn attend<T: Send + 'static>(&mut self, visit: impl FnOnce() -> T + Send + 'static) -> T {
        let mut done = self.attend_all(vec![Box::new(visit)]);
        done.pop().expect("one visit")
    }

    /// Lets visits take place at the same time; what each of them gave, in their order.
    ///
    /// # Panics
    /// If one of them panics, or never ends.
    pub fn attend_all<T: Send + 'static>(&mut self, visits: Vec<Visit<T>>) -> Vec<T> {
        let began = self.clock.running();
        let threads: Vec<_> = visits.into_iter().map(thread::spawn).collect();
        loop {
            self.settle_down();
            if threads.iter().all(thread::JoinHandle::is_finished) {
                break;
            }
            self.step(None);
            assert!(self.clock.running() - began < LONGEST, "a visit of the world never ends");
        }
        let joined = threads.into_iter().map(thread::JoinHandle::join);
        joined.map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.clock.running() + time;
        loop {
            self.settle_down();
            let left = end.saturating_sub(self.clock.running());
            if left.is_zero() {
                return;
            }
            self.step(Some(left));
        }
    }

    /// Waits until nobody works, and buries who has died meanwhile.
    fn settle_down(&mut self) {
        loop {
            quiet::wait();
            let due = self.plans.first().is_some_and(|(due, _)| *due <= self.clock.running());
            if due {
                let (_, plan) = self.plans.remove(0);
                plan(self);
            } else if !self.bury() {
                return;
            }
        }
    }

    /// Moves the clock to the next moment at which something is to happen, at most by `most`.
    fn step(&mut self, most: Option<Duration>) {
        let running = self.clock.running();
        let planned = self.plans.first().map(|(due, _)| due.saturating_sub(running));
        let next = [self.clock.until_next(), planned, most].into_iter().flatten().min();
        let next = next.expect("nobody waits for anything: a visit of the world hangs");
        self.clock.advance(next);
    }
}
