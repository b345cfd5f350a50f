//! What controllers tell each other, and when.
//!
//! Whatever is written at a controller goes to each other one as the object stands at that moment,
//! and arrives after the delay, if both are up; else as soon as they are. Whoever takes it in hands
//! it on. There is no order between objects but that of time, as there is none in AD.

use std::time::Duration;

use directory::ObjectGuid;
use protocol::Timestamp;

use crate::object::Object;
use crate::replica::Arrival;
use crate::state::State;

/// What is under way between controllers.
#[derive(Debug, Default)]
pub(crate) struct Replication {
    /// How long what is written from now on takes.
    pub(crate) delay: Duration,
    under_way: Vec<Update>,
}

/// Something that one controller tells another.
#[derive(Debug)]
struct Update {
    due: Timestamp,
    from: usize,
    to: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Changed(Box<Object>),
    Removed(ObjectGuid),
}

impl State {
    /// Everything arrives whose time has come.
    pub(crate) fn replicate_due(&mut self, now: Timestamp) {
        self.replicate(now, |due| due <= now);
    }

    /// Everything arrives, whenever its time is.
    pub(crate) fn replicate_all(&mut self, now: Timestamp) {
        self.replicate(now, |_| true);
    }

    /// The new holder of the role hears of it at once from the one that hands it over, with what
    /// else was written at the domain head.
    pub(crate) fn hand_over(&mut self, from: usize, to: usize, now: Timestamp) {
        let giver = &self.replicas[from];
        if let Some(head) = giver.named(&giver.head).cloned() {
            self.replicas[to].take_in(&head, now);
        }
    }

    fn replicate(&mut self, now: Timestamp, is_due: impl Fn(Timestamp) -> bool) {
        loop {
            self.send();
            self.replication.under_way.sort_by_key(|update| update.due);
            let mut moved = false;
            for update in std::mem::take(&mut self.replication.under_way) {
                let up = [update.from, update.to].iter().all(|&one| self.controllers[one].up);
                if up && is_due(update.due) && self.arrives(&update, now) {
                    moved = true;
                } else {
                    self.replication.under_way.push(update);
                }
            }
            // What came may be handed on, and may be what something else has waited for.
            if !moved {
                break;
            }
        }
    }

    /// Sends on its way what was written.
    pub(crate) fn send(&mut self) {
        let count = self.controllers.len();
        for from in 0..count {
            for (guid, at) in self.replicas[from].take_fresh() {
                if count == 1 {
                    continue;
                }
                let what = match self.replicas[from].object(guid) {
                    Some(object) => What::Changed(Box::new(object.clone())),
                    None => What::Removed(guid),
                };
                let due = at.after(self.replication.delay);
                for to in (0..count).filter(|to| *to != from) {
                    let update = Update { due, from, to, what: what.clone() };
                    self.replication.under_way.push(update);
                }
            }
        }
    }

    /// False: it has no place yet.
    fn arrives(&mut self, update: &Update, now: Timestamp) -> bool {
        let (replica, at) = (&mut self.replicas[update.to], update.due.min(now));
        let arrival = match &update.what {
            What::Changed(object) => replica.take_in(object, at),
            What::Removed(guid) => replica.take_away(*guid, at),
        };
        arrival != Arrival::Early
    }
}
