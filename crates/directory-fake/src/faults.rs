//! What goes wrong because a test wants it to.

use std::collections::VecDeque;
use std::time::Duration;

use directory::{ObjectGuid, Refusal};
use protocol::Timestamp;
use tokio::sync::oneshot;

use crate::answer::Refused;
use crate::modify::{Modification, Token};
use crate::state::State;

/// What happens to one set. Each is used up by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives: nothing is set, no answer comes, the connection is lost.
    RequestLost,
    /// It is set, and the answer never arrives: the connection is lost.
    AnswerLost,
    /// The connection is lost at once, and it is set that much later: for a while nothing can be
    /// seen of it.
    SetLater(Duration),
    /// The controller works on it for so long, and keeps the connection meanwhile; whatever else it is asked
    /// it answers at once.
    Slow(Duration),
    /// The controller refuses.
    Refuse(Refusal),
}

/// What is wrong at present.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Every answer takes that long.
    pub(crate) slow: Duration,
    /// What will happen to the next sets, in this order.
    pub(crate) next: VecDeque<Fault>,
    /// Whoever looks for an object by its SID is told that the controller is busy.
    pub(crate) busy_about_sids: bool,
    /// From when to when a controller worked on the sets that met [`Fault::Slow`].
    pub(crate) held: Vec<(Timestamp, Timestamp)>,
    /// Sets that nobody waits for any more.
    later: Vec<Later>,
}

/// A set that arrived and is still to be made.
#[derive(Debug)]
struct Later {
    asked_at: Timestamp,
    due: Timestamp,
    controller: usize,
    token: Token,
    target: ObjectGuid,
    modification: Modification,
    answer: Option<Answer>,
}

/// Whoever waits to hear what became of a set.
type Answer = oneshot::Sender<Result<(), Refused>>;

/// What became of a set that was sent.
pub(crate) enum Sent {
    /// The controller answered.
    Answered(Result<(), Refused>),
    /// The controller answered, because a test wants it to.
    Refused(Refusal),
    /// The connection broke; how.
    Lost(&'static str),
    /// The controller is slow: an answer, and how long it takes.
    Waiting(oneshot::Receiver<Result<(), Refused>>, Duration),
}

impl State {
    /// Lets a set arrive at a controller from somebody, with whatever goes wrong.
    pub(crate) fn deliver(
        &mut self,
        (controller, token): (usize, &Token),
        target: ObjectGuid,
        asked: Modification,
        now: Timestamp,
    ) -> Sent {
        let slow = self.faults.slow;
        match self.faults.next.pop_front() {
            Some(Fault::RequestLost) => Sent::Lost("the connection broke"),
            Some(Fault::AnswerLost) => {
                let _ = self.modify(controller, token, target, &asked, now);
                Sent::Lost("the controller closed the connection")
            }
            Some(Fault::SetLater(delay)) => {
                self.set_later((now, delay), (controller, token), target, asked, None);
                Sent::Lost("the connection broke")
            }
            Some(Fault::Refuse(refusal)) => Sent::Refused(refusal),
            None if slow.is_zero() => {
                Sent::Answered(self.modify(controller, token, target, &asked, now))
            }
            Some(Fault::Slow(slow)) => {
                self.faults.held.push((now, now.after(slow)));
                self.wait((now, slow), (controller, token), target, asked)
            }
            None => self.wait((now, slow), (controller, token), target, asked),
        }
    }

    fn wait(
        &mut self,
        (now, slow): (Timestamp, Duration),
        by: (usize, &Token),
        target: ObjectGuid,
        asked: Modification,
    ) -> Sent {
        let (answer, waiting) = oneshot::channel();
        self.set_later((now, slow), by, target, asked, Some(answer));
        Sent::Waiting(waiting, slow)
    }

    /// Makes the sets whose time has come, and lets everything arrive at other controllers.
    pub(crate) fn arrive(&mut self, now: Timestamp) {
        let (mut due, later): (Vec<Later>, Vec<Later>) =
            self.faults.later.drain(..).partition(|one| one.due <= now);
        self.faults.later = later;
        due.sort_by_key(|one| one.due);
        for Later { asked_at, due, controller, token, target, modification, answer } in due {
            self.replicate_due(due);
            let made = self.journal.len();
            let done = self.modify(controller, &token, target, &modification, due);
            self.journal.iter_mut().skip(made).for_each(|set| set.asked_at = asked_at);
            if let Some(answer) = answer {
                // Whoever has stopped waiting does not hear of it.
                let _ = answer.send(done);
            }
        }
        self.replicate_due(now);
    }

    fn set_later(
        &mut self,
        (asked_at, delay): (Timestamp, Duration),
        (controller, token): (usize, &Token),
        target: ObjectGuid,
        modification: Modification,
        answer: Option<Answer>,
    ) {
        let (token, due) = (token.clone(), asked_at.after(delay));
        self.faults.later.push(Later {
            asked_at,
            due,
            controller,
            token,
            target,
            modification,
            answer,
        });
    }
}
