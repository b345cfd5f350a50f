//! One control channel: the session of [`crate::session::asking`] with its socket.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{Clock, InstanceId, Timestamp, timeout};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Inner;
use super::access::{Asked, Pass, Refusal};
use super::ask::{Reply, Road, Sent, Visitor};
use super::farewell::{FAREWELL, broken_answer, farewell_for, say_farewell};
use super::patience::{Patience, Wire};
use super::registry::Place;
use crate::close::Close;
use crate::entity::Entity;
use crate::frame;
use crate::limits::{Limits, WRITE_BUFFER};
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Response};
use crate::session::asking::{AskingSession, Heard, NotQueued, Outgoing, Violation};
use crate::token::Right;

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

/// Serves a channel until it ends.
pub(super) async fn run(
    Wire { socket, taken }: Wire,
    (place, mut writes): (Place, Writes),
    relay: Arc<Inner>,
) {
    let channel = Arc::clone(place.channel());
    let patience = relay.patience(&taken);
    let (mut sink, mut stream) = socket.split();
    place.go_live();
    tracing::info!(entity = %channel.entity, "relay.channel.opened");
    let ended = tokio::select! {
        biased;
        () = channel.cutting.cancelled() => lock(&channel.cut_for).or(Some(Close::INTERNAL)),
        ended = read(&channel, &mut stream, &relay) => ended,
        ended = write(&channel, &mut sink, &mut writes, &patience) => ended,
        ended = tick(&channel, &relay) => Some(ended),
    };
    // Senders learn of the end before the listener does: nobody shall wait for a farewell.
    drop(place);
    tracing::info!(entity = %channel.entity, code = ended.map(|end| end.code), "relay.channel.closed");
    let _ = timeout(&*relay.clock, FAREWELL, say_farewell(sink, stream, ended)).await;
}

/// Reads until the channel is to end, and says why; nothing if there is nobody left to be told.
async fn read(
    channel: &Channel,
    stream: &mut SplitStream<WebSocket>,
    relay: &Inner,
) -> Option<Close> {
    loop {
        let patience = channel.silence.saturating_sub(channel.silent_for());
        let message = match timeout(&*relay.clock, patience, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return farewell_for(error),
            Ok(None) | Err(_) => return None,
        };
        let heard = match message {
            Message::Text(text) => channel.session().text(&text),
            Message::Binary(body) => channel.session().binary(body),
            Message::Pong(payload) => {
                if channel.session().pong(&payload) {
                    channel.sign_of_life();
                }
                continue;
            }
            Message::Ping(_) => continue,
            Message::Close(frame) => {
                channel.hear_farewell(frame.as_ref());
                return None;
            }
        };
        match heard {
            Ok(Heard::Nothing) => {}
            Ok(Heard::Answered(reply, response)) => {
                channel.sign_of_life();
                let _ = reply.send(Ok(response));
            }
            Ok(Heard::RenewToken(token)) => {
                if let Err(close) = renew(channel, &token, relay).await {
                    return Some(close);
                }
            }
            Err(Violation { close, reply }) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(broken_answer(close)));
                }
                return Some(close);
            }
        }
    }
}

/// Puts a fresh token in the place of the channel's, or says how the channel ends.
async fn renew(channel: &Channel, token: &str, relay: &Inner) -> Result<(), Close> {
    let (entity, host) = (&channel.entity, channel.host.as_str());
    let checked = relay.check(token, Asked { entity, host, right: Right::Listen });
    let checked = timeout(&*relay.clock, relay.limits.handshake, checked).await;
    match checked.unwrap_or(Err(Refusal::Unavailable)) {
        Ok(pass) => {
            channel.token_expires_at.store(pass.expires_at.as_millis(), Ordering::SeqCst);
            Ok(())
        }
        // Nobody can say now. What was there holds for as long as it would have.
        Err(Refusal::Unavailable) => Ok(()),
        Err(Refusal::Malformed | Refusal::Token | Refusal::Forbidden) => Err(Close::TOKEN_REFUSED),
        Err(Refusal::UnknownEntity) => Err(Close::ENTITY_GONE),
    }
}

/// Writes until the listener takes nothing more.
async fn write(
    channel: &Channel,
    sink: &mut SplitSink<WebSocket, Message>,
    writes: &mut Writes,
    patience: &Patience<'_>,
) -> Option<Close> {
    while let Some(first) = writes.recv().await {
        if channel.in_flight() > 1 {
            // Whoever else is about to ask may come along: one record and one wake-up for all.
            tokio::task::yield_now().await;
        }
        let batch = write_batch(channel, sink, first, writes);
        if !matches!(patience.write(batch).await, Some(Ok(()))) {
            return None;
        }
    }
    None
}

/// Writes what waits, `first` before the rest; of that no more than fills one record, so that what
/// comes first does not wait for long.
async fn write_batch(
    channel: &Channel,
    sink: &mut SplitSink<WebSocket, Message>,
    first: Write,
    writes: &mut Writes,
) -> Result<(), axum::Error> {
    let (mut next, mut size, mut on_their_way) = (Some(first), 0, Vec::new());
    while let Some(write) = next {
        match write {
            Write::Ping => {
                let number = channel.session().next_ping();
                sink.feed(Message::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))).await?;
            }
            Write::Request(id) => {
                let wanted = channel.session().begin_writing(id);
                if let Some(outgoing) = wanted {
                    size += outgoing.size();
                    feed(sink, outgoing).await?;
                    on_their_way.push(id);
                }
            }
        }
        next = if size < WRITE_BUFFER { writes.try_recv().ok() } else { None };
    }
    sink.flush().await?;
    let mut session = channel.session();
    on_their_way.into_iter().for_each(|id| session.written(id));
    Ok(())
}

/// Writes a request, without waiting until it has left; nothing comes between its two messages,
/// because one task writes them all.
async fn feed(
    sink: &mut SplitSink<WebSocket, Message>,
    Outgoing { announced, body }: Outgoing,
) -> Result<(), axum::Error> {
    sink.feed(Message::text(announced)).await?;
    if body.is_empty() { Ok(()) } else { sink.feed(Message::Binary(body)).await }
}

/// Writes a request.
pub(super) async fn send(
    sink: &mut SplitSink<WebSocket, Message>,
    outgoing: Outgoing,
) -> Result<(), axum::Error> {
    feed(sink, outgoing).await?;
    sink.flush().await
}

/// Pings, and watches the token's expiry.
async fn tick(channel: &Channel, relay: &Inner) -> Close {
    let every = relay.limits.ping.max(PING_MIN);
    loop {
        relay.clock.sleep(every).await;
        if relay.clock.now() >= channel.token_expires_at().after(relay.limits.grace) {
            return Close::TOKEN_EXPIRED;
        }
        let _ = channel.writes.send(Write::Ping);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change under these locks is one step: a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
