//! Asking a listener: a channel is chosen for good, and its answer awaited.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::{Clock, timeout};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::channel::Channel;
use super::connect::Arrival;
use super::rendezvous::{Awaited, Ticket};
use super::{Answer, Inner};
use crate::entity::Entity;
use crate::first_byte::FirstByte;
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Request, Response};
use crate::session::asking::{Awaits, NotQueued};

/// How a request and its answer travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// Both on the channel.
    Channel,
    /// The request on the channel, the answer there or at a rendezvous.
    Either,
    /// Both at a rendezvous.
    Rendezvous,
}

/// Where the answer to a request goes.
pub(super) struct Reply {
    pub(super) answer: oneshot::Sender<Answer>,
    pub(super) first_byte: FirstByte,
}

impl Reply {
    /// Answers; gives the answer back if nobody waits for it any more.
    pub(super) fn send(self, answer: Answer) -> Result<(), Answer> {
        self.answer.send(answer)
    }
}

impl Awaits for Reply {
    fn leaves(&self) {
        self.first_byte.leaves();
    }
}

/// A request, and where its sender is, as far as it is known.
pub(super) struct Sent {
    pub(super) request: Request,
    pub(super) remote: Option<SocketAddr>,
}

/// A sender that wants a WebSocket, as its listener is told.
pub(super) struct Visitor<'a> {
    pub(super) headers: &'a [(String, String)],
    /// What follows the entity in the sender's path.
    pub(super) suffix: &'a str,
    pub(super) query: &'a str,
    pub(super) remote: Option<SocketAddr>,
}

impl Inner {
    /// Queues the request at one channel of `entity`.
    pub(super) fn ask(
        &self,
        entity: &Entity,
        sent: Sent,
        road: Road,
    ) -> Result<Asked, DeliveryErrorKind> {
        let id = self.random_id();
        // An address that nobody else knows; on the channel alone it leads nowhere.
        let secret = if road == Road::Channel { id } else { self.random_id() };
        let (reply, answer, first_byte) = awaited();
        let asked = self.pick(entity, reply, |channel, reply| {
            let meets = road != Road::Channel;
            let ticket = meets.then(|| self.await_at(secret, channel, id, None));
            channel.queue((id, secret), road, &sent, reply).map(|()| ticket)
        });
        let (channel, ticket) = asked?;
        let (limit, clock) = (self.limits.response, Arc::clone(&self.clock));
        Ok(Asked { channel, id, answer, first_byte, limit, clock, _ticket: ticket })
    }

    /// Tells one listener of `entity` that a sender wants a WebSocket.
    pub(super) fn knock(
        &self,
        entity: &Entity,
        visitor: &Visitor<'_>,
    ) -> Result<Knock, DeliveryErrorKind> {
        let (id, secret) = (self.random_id(), self.random_id());
        let (reply, lost, _) = awaited();
        let knocked = self.pick(entity, reply, |channel, reply| {
            let (sender, arrival) = oneshot::channel();
            let ticket = self.await_at(secret, channel, id, Some(sender));
            channel.knock((id, secret), visitor, reply).map(|()| (ticket, arrival))
        });
        let (channel, (ticket, arrival)) = knocked?;
        Ok(Knock { asked: Knocked { channel, id, _ticket: ticket }, arrival, lost })
    }

    /// Tries the channels of `entity`, the best one first, until one has room.
    fn pick<T>(
        &self,
        entity: &Entity,
        mut reply: Reply,
        attempt: impl Fn(&Arc<Channel>, Reply) -> Result<T, (NotQueued, Reply)>,
    ) -> Result<(Arc<Channel>, T), DeliveryErrorKind> {
        if self.registry.is_draining() {
            return Err(DeliveryErrorKind::Busy);
        }
        let mut outcome = DeliveryErrorKind::NoListener;
        for channel in self.registry.live(entity) {
            match attempt(&channel, reply) {
                Ok(taken) => return Ok((channel, taken)),
                Err((why, back)) => {
                    reply = back;
                    if why == NotQueued::Full {
                        outcome = DeliveryErrorKind::Busy;
                    }
                }
            }
        }
        Err(outcome)
    }

    fn await_at(
        &self,
        secret: Uuid,
        channel: &Arc<Channel>,
        id: Uuid,
        sender: Option<oneshot::Sender<Arrival>>,
    ) -> Ticket {
        let awaited = Awaited {
            channel: Arc::clone(channel),
            id,
            since: self.clock.running(),
            gone: CancellationToken::new(),
            sender,
        };
        self.rendezvous.await_at(secret, awaited)
    }

    /// An id that nobody can guess: an answer to it comes from who was asked.
    fn random_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.randomness.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// Where an answer goes, where it is awaited, and whether what is answered has left.
fn awaited() -> (Reply, oneshot::Receiver<Answer>, FirstByte) {
    let (answer, awaited) = oneshot::channel();
    let first_byte = FirstByte::default();
    (Reply { answer, first_byte: first_byte.clone() }, awaited, first_byte)
}

/// A request under way. When it is dropped, its channel forgets it.
pub struct Asked {
    channel: Arc<Channel>,
    id: Uuid,
    answer: oneshot::Receiver<Answer>,
    first_byte: FirstByte,
    limit: Duration,
    clock: Arc<dyn Clock>,
    /// For as long as it is awaited, the listener may come to a rendezvous.
    _ticket: Option<Ticket>,
}

impl Asked {
    /// Whether the first byte of the request may have left for the listener.
    pub const fn first_byte(&self) -> &FirstByte {
        &self.first_byte
    }

    /// The second half of [`Relay::deliver`](super::Relay::deliver): waits for the answer, at most
    /// `response_limit` and never longer than [`Limits::response`](crate::Limits::response).
    ///
    /// # Errors
    /// [`DeliveryError`], which also says whether the listener may have seen the request.
    pub async fn answer(mut self, response_limit: Duration) -> Result<Response, DeliveryError> {
        match timeout(&*self.clock, response_limit.min(self.limit), &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.lost()),
            Err(_) => self.give_up().await,
        }
    }

    /// Waits for the answer as [`Asked::answer`] does, but gives it [`Limits::response`] to begin,
    /// and as much again to end.
    ///
    /// [`Limits::response`]: crate::Limits::response
    pub(super) async fn begun_answer(mut self) -> Result<Response, DeliveryError> {
        let waited = timeout(&*self.clock, self.limit, &mut self.answer).await;
        if waited.is_err() && self.channel.has_begun(self.id) {
            let limit = self.limit;
            return self.answer(limit).await;
        }
        match waited {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.lost()),
            Err(_) => self.give_up().await,
        }
    }

    /// Ends a request whose time is over. One that its channel does not know any more is being answered
    /// in this instant: whoever took out where its answer goes gives it, or lets go of it, without
    /// waiting for anything.
    async fn give_up(&mut self) -> Answer {
        let kind = DeliveryErrorKind::Timeout;
        match self.channel.forget(self.id) {
            Some(delivered) => Err(DeliveryError { kind, delivered }),
            None => {
                let lost = Err(DeliveryError { kind, delivered: Delivered::Unknown });
                (&mut self.answer).await.unwrap_or(lost)
            }
        }
    }

    /// That the channel has let go of where the answer goes.
    fn lost(&self) -> DeliveryError {
        let delivered = self.channel.forget(self.id).unwrap_or(Delivered::Unknown);
        DeliveryError { kind: DeliveryErrorKind::ListenerLost, delivered }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.channel.forget(self.id);
    }
}

/// A sender that waits for a WebSocket.
pub(super) struct Knock {
    pub(super) asked: Knocked,
    pub(super) arrival: oneshot::Receiver<Arrival>,
    /// Says so if the channel is lost meanwhile.
    pub(super) lost: oneshot::Receiver<Answer>,
}

/// What a channel was told about such a sender. When it is dropped, the channel forgets it.
pub(super) struct Knocked {
    channel: Arc<Channel>,
    id: Uuid,
    _ticket: Ticket,
}

impl Knocked {
    /// Gives it up; says whether the listener has seen it.
    pub(super) fn forget(&self) -> Option<Delivered> {
        self.channel.forget(self.id)
    }
}

impl Drop for Knocked {
    fn drop(&mut self) {
        self.channel.forget(self.id);
    }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
