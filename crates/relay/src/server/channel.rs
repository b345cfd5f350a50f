//! One control channel: the session of [`crate::session::asking`], and what others see and do of it.

mod renewals;
mod serve;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::CloseFrame;
use protocol::{Clock, InstanceId, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use renewals::Renewals;

use super::access::Pass;
use super::ask::{Reply, Road, Sent, Visitor};
use crate::close::Close;
use crate::entity::Entity;
use crate::frame;
use crate::limits::Limits;
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Response};
use crate::session::asking::{AskingSession, NotQueued, Outgoing};

pub(super) use serve::{run, send};

/// No interval can be nothing.
pub(super) const PING_MIN: Duration = Duration::from_millis(1);

/// How long the pong of a channel that is well takes at most. Another one is only asked later.
const PONG: Duration = Duration::from_secs(2);

/// What is to be written, in order.
pub(super) type Writes = mpsc::UnboundedReceiver<Write>;

/// One thing to be written.
pub(super) enum Write {
    /// What it is, the session knows: a request that is given up leaves nothing but this.
    Request(Uuid),
    Ping,
}

/// What others can see and do of a channel.
pub(super) struct Channel {
    pub(super) entity: Entity,
    /// The process, if its token names one.
    pub(super) instance: Option<InstanceId>,
    /// The name under which the listener found this relay.
    host: String,
    session: Mutex<AskingSession<Reply>>,
    writes: mpsc::UnboundedSender<Write>,
    live: AtomicBool,
    /// As the how-manieth of the relay it became live.
    number: AtomicU64,
    /// By [`Clock::running`].
    opened_at: Duration,
    /// By [`Clock::running`].
    last_sign: Mutex<Duration>,
    /// After this a channel that answers is expected to have shown it.
    prompt: Duration,
    /// After this it does not count any more.
    silence: Duration,
    clock: Arc<dyn Clock>,
    /// Milliseconds since 1970.
    token_expires_at: AtomicI64,
    renewals: Mutex<Renewals>,
    cutting: CancellationToken,
    cut_for: Mutex<Option<Close>>,
}

impl Channel {
    pub(super) fn new(
        entity: Entity,
        host: String,
        pass: Pass,
        limits: &Limits,
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, Writes) {
        let (writes, receiver) = mpsc::unbounded_channel();
        let channel = Self {
            entity,
            instance: pass.instance,
            host,
            session: Mutex::new(AskingSession::new(limits)),
            writes,
            live: AtomicBool::new(false),
            number: AtomicU64::new(0),
            opened_at: clock.running(),
            last_sign: Mutex::new(clock.running()),
            prompt: limits.ping.saturating_add(PONG),
            silence: limits.silence,
            clock,
            token_expires_at: AtomicI64::new(pass.expires_at.as_millis()),
            renewals: Mutex::default(),
            cutting: CancellationToken::new(),
            cut_for: Mutex::new(None),
        };
        (Arc::new(channel), receiver)
    }

    /// Takes a request to be written, or gives back where its answer would have gone. The second id
    /// is the secret of its rendezvous.
    pub(super) fn queue(
        &self,
        (id, secret): (Uuid, Uuid),
        road: Road,
        sent: &Sent,
        reply: Reply,
    ) -> Result<(), (NotQueued, Reply)> {
        let address = self.address("request", secret);
        let announced = frame::request(id, &address, &sent.request, sent.remote);
        let whole = Outgoing { announced, body: sent.request.body.clone() };
        let mut session = self.session();
        if road == Road::Rendezvous {
            session.queue_elsewhere(id, frame::rendezvous(id, &address), Some(whole), reply)?;
        } else {
            session.queue(id, whole, reply)?;
        }
        // Under the session's lock, so that writes keep the order of the queue. It fails only if
        // the channel ends at this moment; then the session's end answers the request.
        let _ = self.writes.send(Write::Request(id));
        Ok(())
    }

    /// Takes the news of a sender that wants a WebSocket, to be written, or gives it back.
    pub(super) fn knock(
        &self,
        (id, secret): (Uuid, Uuid),
        visitor: &Visitor<'_>,
        reply: Reply,
    ) -> Result<(), (NotQueued, Reply)> {
        let Visitor { headers, suffix, query, remote } = *visitor;
        let path = format!("{}{suffix}", self.entity);
        let address = self.address_at(&path, &frame::others(query), ("accept", secret));
        let announced = frame::accept(id, &address, headers, remote);
        let mut session = self.session();
        session.queue_elsewhere(id, announced, None, reply)?;
        let _ = self.writes.send(Write::Request(id));
        Ok(())
    }

    /// What waits at the rendezvous of a request; see [`AskingSession::collect`].
    pub(super) fn collect(&self, id: Uuid) -> Option<Outgoing> {
        self.session().collect(id)
    }

    /// Notes that the listener has come to a request's rendezvous.
    pub(super) fn meet(&self, id: Uuid) {
        self.session().meet(id);
    }

    /// Notes that the answer has begun at a rendezvous.
    pub(super) fn answering(&self, id: Uuid) {
        self.session().answering(id);
    }

    /// Whether the answer to a request has begun.
    pub(super) fn has_begun(&self, id: Uuid) -> bool {
        self.session().has_begun(id)
    }

    /// Ends a request with the answer that its rendezvous brought.
    pub(super) fn settle(&self, id: Uuid, response: Response) {
        if let Some(reply) = self.session().settle(id) {
            let _ = reply.send(Ok(response));
        }
    }

    /// Ends a request whose rendezvous failed, if it is still under way.
    pub(super) fn lost(&self, id: Uuid, why: impl FnOnce(Delivered) -> DeliveryError) {
        if let Some((reply, delivered)) = self.session().lost(id) {
            let _ = reply.send(Err(why(delivered)));
        }
    }

    /// Where the answer to a request goes, taken out as whoever answers it does.
    #[cfg(test)]
    pub(super) fn taken_out(&self, id: Uuid) -> Option<Reply> {
        self.session().settle(id)
    }

    /// Where the listener opens a rendezvous, under the name by which it found this relay.
    fn address(&self, action: &str, secret: Uuid) -> String {
        self.address_at(self.entity.as_str(), "", (action, secret))
    }

    /// The sender's own pairs stand before ours, and what a listener adds comes behind: so they cannot be
    /// taken for each other.
    fn address_at(&self, path: &str, pairs: &str, (action, secret): (&str, Uuid)) -> String {
        let and = if pairs.is_empty() { "" } else { "&" };
        let host = &self.host;
        format!("wss://{host}/$hc/{path}?{pairs}{and}sb-hc-action={action}&sb-hc-id={secret}")
    }

    /// Gives a request up; see [`AskingSession::forget`].
    pub(super) fn forget(&self, id: Uuid) -> Option<Delivered> {
        self.session().forget(id)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.session().in_flight()
    }

    /// Whether it can be asked. One that has not answered pings for [`Limits::silence`] does not
    /// count, whatever its task is busy with.
    pub(super) fn is_live(&self) -> bool {
        self.live.load(Ordering::SeqCst)
            && !self.cutting.is_cancelled()
            && self.silent_for() < self.silence
    }

    pub(super) fn go_live(&self, number: u64) {
        self.sign_of_life();
        self.number.store(number, Ordering::SeqCst);
        self.live.store(true, Ordering::SeqCst);
    }

    pub(super) fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// What makes a channel the better choice, the greatest first: that it answers its pings; then
    /// that it is younger, because it may be there to take the other one's place, which is then closed
    /// while nobody is asked on it.
    pub(super) fn rank(&self) -> (bool, Duration) {
        (self.is_prompt(), self.opened_at)
    }

    /// How long ago the listener last showed that it hears us.
    fn silent_for(&self) -> Duration {
        self.clock.running().saturating_sub(*lock(&self.last_sign))
    }

    /// Ends the channel from outside; false if it is ending already.
    pub(super) fn cut(&self, why: Close) -> bool {
        let mut cut_for = lock(&self.cut_for);
        let is_first = cut_for.is_none();
        cut_for.get_or_insert(why);
        self.cutting.cancel();
        is_first
    }

    /// Ends every request that is under way.
    pub(super) fn end(&self) {
        self.live.store(false, Ordering::SeqCst);
        for (reply, delivered) in self.session().end() {
            let kind = DeliveryErrorKind::ListenerLost;
            let _ = reply.send(Err(DeliveryError { kind, delivered }));
        }
    }

    /// Hears how a listener takes its leave. What crossed the farewell of one that has answered all that
    /// it took is answered as that one would have: it takes nothing more.
    fn hear_farewell(&self, frame: Option<&CloseFrame>) {
        let Close { code, reason } = Close::ALL_ANSWERED;
        if frame.is_none_or(|frame| frame.code != code || frame.reason.as_str() != reason) {
            return;
        }
        // Nobody else is asked on it meanwhile.
        self.live.store(false, Ordering::SeqCst);
        for reply in self.session().untaken() {
            let _ = reply.send(Ok(Response::empty(503)));
        }
    }

    /// Whether its listener answers its pings in time.
    pub(super) fn is_prompt(&self) -> bool {
        self.silent_for() <= self.prompt
    }

    fn sign_of_life(&self) {
        *lock(&self.last_sign) = self.clock.running();
    }

    fn token_expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.token_expires_at.load(Ordering::SeqCst))
    }

    fn session(&self) -> MutexGuard<'_, AskingSession<Reply>> {
        lock(&self.session)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change under these locks is one step: a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
