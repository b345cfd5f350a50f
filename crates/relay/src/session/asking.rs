//! The relay's side of a control channel: which requests are under way, how far each came, and
//! what the listener's messages mean for them.
//!
//! ```text
//! queue → begin_writing → written → text (→ binary) → answered
//!    └─────────── forget (sender gave up), end (channel lost) at any time
//! ```
//!
//! What is too large for the channel is only announced there (`queue_elsewhere`), waits until the
//! listener comes to its rendezvous (`collect`), and is answered there (`answering`, `settle`).

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::close::Close;
use crate::frame::{self, FromListener, ResponseHead};
use crate::limits::{BODY_MAX, Limits};
use crate::message::{Delivered, Response};

/// Where the answer to a request goes.
pub(crate) trait Awaits {
    /// Is told as soon as the first byte of the request may leave.
    fn leaves(&self);
}

/// What a message from the listener means. `R` is where the answer to a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<R> {
    /// Nothing to do.
    Nothing,
    /// An answer, complete.
    Answered(R, Response),
    /// An answer that cannot be carried; the channel goes on.
    Unusable(R),
    /// A fresh token for the channel.
    RenewToken(String),
}

/// The listener broke a rule, and the channel ends. If the message was the answer to a request,
/// that request ends with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation<R> {
    pub(crate) close: Close,
    pub(crate) reply: Option<R>,
}

/// A request as it is written: its frame and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) announced: String,
    pub(crate) body: Bytes,
}

/// Why a request was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotQueued {
    /// Too much waits already.
    Full,
    /// The channel has ended.
    Ended,
}

/// One channel as the relay sees it.
#[derive(Debug)]
pub(crate) struct AskingSession<R> {
    waiting: HashMap<Uuid, Waiting<R>>,
    queued_requests: usize,
    /// The memory that senders can make this channel hold.
    queued_bytes: usize,
    /// The same of requests that wait to be collected.
    parked_bytes: usize,
    most_requests: usize,
    most_bytes: usize,
    /// A body is the next message: of this answer, or of one that nobody waits for.
    answering: Option<Option<(Uuid, ResponseHead)>>,
    pings_sent: u64,
    pings_answered: u64,
    ended: bool,
}

#[derive(Debug)]
struct Waiting<R> {
    reply: R,
    stage: Stage,
    road: Road,
    /// Its listener has come to its rendezvous, to which it may bring the answer.
    met: bool,
}

/// How a request travels.
#[derive(Debug, PartialEq, Eq)]
enum Road {
    /// On the channel, where it may be answered too.
    Channel,
    /// By a rendezvous, where alone it may be answered; with what waits there to be collected.
    Rendezvous(Option<Outgoing>),
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Queued(Outgoing),
    Writing,
    /// On its way, behind so many pings.
    Written {
        pings: u64,
    },
    /// On its way at the rendezvous.
    Collected,
    Answering,
}

impl<R: Awaits> AskingSession<R> {
    /// A channel that nothing was asked on. Of the limits it keeps the queue's: how many requests,
    /// and how many bytes of them, may wait to be written.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            waiting: HashMap::new(),
            queued_requests: 0,
            queued_bytes: 0,
            parked_bytes: 0,
            most_requests: limits.queue_requests,
            most_bytes: limits.queue_bytes,
            answering: None,
            pings_sent: 0,
            pings_answered: 0,
            ended: false,
        }
    }

    /// Takes a request that shall be written, or gives back where its answer would have gone.
    pub(crate) fn queue(
        &mut self,
        id: Uuid,
        outgoing: Outgoing,
        reply: R,
    ) -> Result<(), (NotQueued, R)> {
        self.enqueue(
            id,
            outgoing,
            Waiting { reply, stage: Stage::Writing, road: Road::Channel, met: false },
        )
    }

    /// Takes what shall be announced on the channel and answered elsewhere; `parcel` waits there
    /// until it is collected. One parcel always has room: its size has a limit of its own.
    pub(crate) fn queue_elsewhere(
        &mut self,
        id: Uuid,
        announced: String,
        parcel: Option<Outgoing>,
        reply: R,
    ) -> Result<(), (NotQueued, R)> {
        let size = parcel.as_ref().map_or(0, Outgoing::size);
        let total = self.parked_bytes.saturating_add(size);
        if self.parked_bytes > 0 && total > self.most_bytes {
            return Err((NotQueued::Full, reply));
        }
        let outgoing = Outgoing { announced, body: Bytes::new() };
        let road = Road::Rendezvous(parcel);
        self.enqueue(id, outgoing, Waiting { reply, stage: Stage::Writing, road, met: false })?;
        self.parked_bytes = total;
        Ok(())
    }

    fn enqueue(
        &mut self,
        id: Uuid,
        outgoing: Outgoing,
        waiting: Waiting<R>,
    ) -> Result<(), (NotQueued, R)> {
        if self.ended {
            return Err((NotQueued::Ended, waiting.reply));
        }
        let total = self.queued_bytes.saturating_add(outgoing.size());
        if self.queued_requests >= self.most_requests || total > self.most_bytes {
            return Err((NotQueued::Full, waiting.reply));
        }
        self.queued_requests += 1;
        self.queued_bytes = total;
        self.waiting.insert(id, Waiting { stage: Stage::Queued(outgoing), ..waiting });
        Ok(())
    }

    /// What waits at a rendezvous, if it is still wanted; from here on some of it may have been
    /// written.
    pub(crate) fn collect(&mut self, id: Uuid) -> Option<Outgoing> {
        let waiting = self.waiting.get_mut(&id)?;
        let Road::Rendezvous(parcel) = &mut waiting.road else { return None };
        let parcel = parcel.take()?;
        self.parked_bytes -= parcel.size();
        waiting.reply.leaves();
        if let Stage::Queued(announced) = std::mem::replace(&mut waiting.stage, Stage::Collected) {
            // Collected before it was announced: there is nothing left to announce.
            self.left_queue(&announced);
        }
        Some(parcel)
    }

    /// Notes that the answer to a request has begun at its rendezvous.
    pub(crate) fn answering(&mut self, id: Uuid) {
        if let Some(waiting) = self.waiting.get_mut(&id)
            && !matches!(waiting.stage, Stage::Queued(_))
        {
            waiting.stage = Stage::Answering;
        }
    }

    /// Whether the answer to a request has begun, but not ended.
    pub(crate) fn has_begun(&self, id: Uuid) -> bool {
        self.waiting.get(&id).is_some_and(|waiting| waiting.stage == Stage::Answering)
    }

    /// Ends a request that a rendezvous answered: where its answer goes.
    pub(crate) fn settle(&mut self, id: Uuid) -> Option<R> {
        self.remove(id)
    }

    /// Ends a request whose rendezvous was lost: where to say so, and whether the listener has
    /// seen it.
    pub(crate) fn lost(&mut self, id: Uuid) -> Option<(R, Delivered)> {
        let delivered = self.delivered(self.waiting.get(&id)?);
        Some((self.remove(id)?, delivered))
    }

    /// What is to be written for a queued request, if it is still wanted; from here on some of it
    /// may have been written.
    pub(crate) fn begin_writing(&mut self, id: Uuid) -> Option<Outgoing> {
        let waiting = self.waiting.get_mut(&id)?;
        match std::mem::replace(&mut waiting.stage, Stage::Writing) {
            Stage::Queued(outgoing) => {
                if !matches!(waiting.road, Road::Rendezvous(Some(_))) {
                    waiting.reply.leaves();
                }
                self.left_queue(&outgoing);
                Some(outgoing)
            }
            later => {
                waiting.stage = later;
                None
            }
        }
    }

    /// Notes that all of a request was written.
    pub(crate) fn written(&mut self, id: Uuid) {
        if let Some(waiting) = self.waiting.get_mut(&id)
            && waiting.stage == Stage::Writing
        {
            waiting.stage = Stage::Written { pings: self.pings_sent };
        }
    }

    /// The number of the ping that is about to be written.
    pub(crate) fn next_ping(&mut self) -> u64 {
        self.pings_sent += 1;
        self.pings_sent
    }

    /// Takes a pong; says whether it answers a ping of ours. Others are tolerated.
    pub(crate) fn pong(&mut self, payload: &[u8]) -> bool {
        let Ok(number) = payload.try_into().map(u64::from_be_bytes) else { return false };
        if number <= self.pings_answered || number > self.pings_sent {
            return false;
        }
        self.pings_answered = number;
        true
    }

    /// Takes a text message.
    pub(crate) fn text(&mut self, text: &str) -> Result<Heard<R>, Violation<R>> {
        if let Some(answer) = self.answering.take() {
            // Nothing comes between an answer and its body.
            let reply = answer.and_then(|(id, _)| self.remove(id));
            return Err(Violation { close: Close::MALFORMED, reply });
        }
        let frame = frame::from_listener(text)
            .map_err(|error| Violation { close: error.into(), reply: None })?;
        match frame {
            FromListener::Response(head) => Ok(self.response(head)),
            FromListener::Unusable { request, body } => Ok(self.unusable(request, body)),
            FromListener::RenewToken(token) => Ok(Heard::RenewToken(token)),
            FromListener::Other => Ok(Heard::Nothing),
        }
    }

    /// Takes a binary message.
    pub(crate) fn binary(&mut self, body: Bytes) -> Result<Heard<R>, Violation<R>> {
        let Some(answer) = self.answering.take() else {
            if body.is_empty() {
                // Published listeners for Node write one after an answer without a body.
                return Ok(Heard::Nothing);
            }
            return Err(Violation { close: Close::MALFORMED, reply: None });
        };
        let answer = answer.map(|(id, head)| (self.remove(id), head));
        if body.len() > BODY_MAX {
            let reply = answer.and_then(|(reply, _)| reply);
            return Err(Violation { close: Close::TOO_BIG, reply });
        }
        Ok(answer.map_or(Heard::Nothing, |(reply, head)| answered(reply, head, body)))
    }

    /// Gives a request up, and says whether the listener has seen it; nothing if it is no longer
    /// under way. An answer that comes later is dropped.
    pub(crate) fn forget(&mut self, id: Uuid) -> Option<Delivered> {
        let delivered = self.delivered(self.waiting.get(&id)?);
        self.remove(id);
        Some(delivered)
    }

    /// Notes that the listener has come to a request's rendezvous.
    pub(crate) fn meet(&mut self, id: Uuid) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.met = true;
        }
    }

    /// Takes out what a listener has not taken that says that it has answered all that it took. What is
    /// fetched, or answered, on a road of its own is not among it: those words may be faster.
    pub(crate) fn untaken(&mut self) -> Vec<R> {
        let untaken = |waiting: &Waiting<R>| {
            waiting.road == Road::Channel
                && !waiting.met
                && matches!(waiting.stage, Stage::Writing | Stage::Written { .. })
        };
        let all = self.waiting.iter().filter(|(_, waiting)| untaken(waiting));
        let ids: Vec<Uuid> = all.map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Ends the channel: every request under way, and whether the listener has seen it.
    pub(crate) fn end(&mut self) -> Vec<(R, Delivered)> {
        self.ended = true;
        (self.queued_requests, self.queued_bytes, self.parked_bytes) = (0, 0, 0);
        let all = std::mem::take(&mut self.waiting);
        all.into_values()
            .map(|waiting| (self.delivered(&waiting), waiting.reply))
            .map(|(delivered, reply)| (reply, delivered))
            .collect()
    }

    /// How many requests are under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    fn response(&mut self, head: ResponseHead) -> Heard<R> {
        // An id that is not under way here: late, or guessed. Its body, if any, is dropped too.
        let id = head.request.filter(|id| self.is_asked(*id));
        if head.body {
            if let Some(waiting) = id.and_then(|id| self.waiting.get_mut(&id)) {
                waiting.stage = Stage::Answering;
            }
            self.answering = Some(id.map(|id| (id, head)));
            return Heard::Nothing;
        }
        let reply = id.and_then(|id| self.remove(id));
        answered(reply, head, Bytes::new())
    }

    /// Ends the request that such an answer is to, if it is under way here. Its body is dropped.
    fn unusable(&mut self, request: Option<Uuid>, body: bool) -> Heard<R> {
        if body {
            self.answering = Some(None);
        }
        let id = request.filter(|id| self.is_asked(*id));
        id.and_then(|id| self.remove(id)).map_or(Heard::Nothing, Heard::Unusable)
    }

    /// A request that was not yet written cannot have been answered by who knows it honestly; one
    /// that waits elsewhere is answered there.
    fn is_asked(&self, id: Uuid) -> bool {
        self.waiting.get(&id).is_some_and(|waiting| {
            waiting.road == Road::Channel && !matches!(waiting.stage, Stage::Queued(_))
        })
    }

    fn remove(&mut self, id: Uuid) -> Option<R> {
        let waiting = self.waiting.remove(&id)?;
        if let Stage::Queued(outgoing) = &waiting.stage {
            self.left_queue(outgoing);
        }
        if let Road::Rendezvous(Some(parcel)) = &waiting.road {
            self.parked_bytes -= parcel.size();
        }
        Some(waiting.reply)
    }

    fn left_queue(&mut self, outgoing: &Outgoing) {
        self.queued_requests -= 1;
        self.queued_bytes -= outgoing.size();
    }

    fn delivered(&self, Waiting { stage, road, .. }: &Waiting<R>) -> Delivered {
        if matches!(road, Road::Rendezvous(Some(_))) {
            // Announced perhaps, but not a byte of it has left.
            return Delivered::No;
        }
        match stage {
            Stage::Queued(_) => Delivered::No,
            Stage::Answering => Delivered::Yes,
            // Messages keep their order: whoever answers a later ping has read the request.
            Stage::Written { pings } if self.pings_answered > *pings => Delivered::Yes,
            Stage::Writing | Stage::Written { .. } | Stage::Collected => Delivered::Unknown,
        }
    }
}

impl Outgoing {
    /// How many bytes it takes, frame and body.
    pub(crate) fn size(&self) -> usize {
        self.announced.len() + self.body.len()
    }
}

fn answered<R>(reply: Option<R>, head: ResponseHead, body: Bytes) -> Heard<R> {
    let ResponseHead { status, reason, headers, .. } = head;
    match reply {
        Some(reply) => Heard::Answered(reply, Response { status, reason, headers, body }),
        None => Heard::Nothing,
    }
}

#[cfg(any(test, feature = "fuzzing"))]
#[path = "asking_model.rs"]
pub(crate) mod model;
#[cfg(test)]
#[path = "asking_tests.rs"]
mod tests;
