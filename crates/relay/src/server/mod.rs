//! The relay itself, to be embedded in a service that owns TLS and the port.

mod channel;
mod handshake;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::{Clock, InstanceId, Randomness, timeout};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::close::Close;
use crate::entity::Entity;
use crate::headers;
use crate::limits::{BODY_MAX, HEADERS_MAX, Limits};
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Request, Response};
use crate::session::asking::NotQueued;
use channel::Channel;
use registry::Registry;

/// How often a draining relay looks whether a channel has become idle.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// Says who may listen where.
pub trait Authority: Send + Sync {
    /// The Ed25519 public keys that may listen on `entity` now. None: nobody knows the entity, or
    /// it was revoked. It is asked at every handshake and every renewal of a token.
    fn listen_keys(&self, entity: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>>;
}

/// The authority cannot say; listeners are told to come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the relay's authority cannot say who may listen: {0}")]
pub struct AuthorityError(pub String);

/// A relay. Clones are the same relay.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

/// What all clones of a [`Relay`] share, and what each of its channels is served with.
pub(crate) struct Inner {
    limits: Limits,
    authority: Arc<dyn Authority>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    registry: Arc<Registry>,
}

impl Relay {
    /// A relay that nobody listens at yet.
    pub fn new(
        limits: Limits,
        authority: Arc<dyn Authority>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        let registry = Arc::new(Registry::default());
        Self { inner: Arc::new(Inner { limits, authority, clock, randomness, registry }) }
    }

    /// The routes of the relay: `GET /$hc/{entity}` for listeners. The server must allow upgrades
    /// of connections, and should set `TCP_NODELAY`.
    pub fn router(&self) -> axum::Router {
        handshake::router(Arc::clone(&self.inner))
    }

    /// Whether somebody listens: a channel that answers its pings.
    pub fn is_listening(&self, entity: &Entity) -> bool {
        !self.inner.registry.live(entity).is_empty()
    }

    /// The processes that listen. Two of one agent raise an alarm (SPEC A-3).
    pub fn instances(&self, entity: &Entity) -> Vec<InstanceId> {
        let mut found: Vec<_> =
            self.inner.registry.live(entity).iter().map(|channel| channel.instance).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns as soon as somebody listens.
    pub async fn wait_for_listener(&self, entity: &Entity) {
        let mut changes = self.inner.registry.changes();
        while !self.is_listening(entity) {
            if changes.changed().await.is_err() {
                // The registry lives as long as this relay; without it nobody can come any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Gives `request` to one channel of `entity` and waits for its answer, at most
    /// `response_limit` and never longer than [`Limits::response`]. Nothing is ever sent twice;
    /// only an answer on the very channel that was asked counts. Dropping the future gives the
    /// request up.
    ///
    /// # Errors
    /// [`DeliveryError`], which also says whether the listener may have seen the request.
    pub async fn deliver(
        &self,
        entity: &Entity,
        request: Request,
        response_limit: Duration,
    ) -> Result<Response, DeliveryError> {
        self.ask(entity, request)?.answer(response_limit).await
    }

    /// The first half of [`Relay::deliver`]: queues `request` at one channel of `entity`. From
    /// then on its first byte may leave at any moment.
    ///
    /// # Errors
    /// [`DeliveryError`] with [`Delivered::No`].
    pub fn ask(&self, entity: &Entity, request: Request) -> Result<Asked, DeliveryError> {
        let not_delivered = |kind| DeliveryError { kind, delivered: Delivered::No };
        if request.body.len() > BODY_MAX || headers::size(&request.headers) > HEADERS_MAX {
            return Err(not_delivered(DeliveryErrorKind::TooBig));
        }
        self.queue(entity, request).map_err(not_delivered)
    }

    /// Cuts every channel of `entity`: it was revoked or offboarded. The authority must have
    /// ceased to name its keys before.
    pub fn disconnect(&self, entity: &Entity) {
        for channel in self.inner.registry.all_of(entity) {
            channel.cut(Close::ENTITY_GONE);
        }
    }

    /// Ends service in good order: no new listeners, no new requests; what is in flight may end,
    /// at most for [`Limits::drain`]; then channels are closed one after the other.
    pub async fn drain(&self) {
        self.inner.registry.begin_draining();
        let clock = &*self.inner.clock;
        let deadline = clock.running().saturating_add(self.inner.limits.drain);
        for channel in self.inner.registry.all() {
            while channel.in_flight() > 0 && clock.running() < deadline {
                clock.sleep(DRAIN_LOOK).await;
            }
            channel.cut(Close::DRAINING);
            clock.sleep(self.inner.limits.drain_pace).await;
        }
        let closed = async {
            while !self.inner.registry.all().is_empty() {
                clock.sleep(DRAIN_LOOK).await;
            }
        };
        // A channel that cannot even be told to close is dropped with the process.
        let _ = timeout(clock, self.inner.limits.slow_listener, closed).await;
    }

    /// Queues the request at the channel that gave the most recent sign of life and has room.
    fn queue(&self, entity: &Entity, request: Request) -> Result<Asked, DeliveryErrorKind> {
        if self.inner.registry.is_draining() {
            return Err(DeliveryErrorKind::Busy);
        }
        let id = self.inner.request_id();
        let (reply, answer) = oneshot::channel();
        let mut ask = Some((request, reply));
        let mut outcome = DeliveryErrorKind::NoListener;
        for channel in self.inner.registry.live(entity) {
            let Some((request, reply)) = ask.take() else { break };
            match channel.queue(id, request, reply) {
                Ok(()) => {
                    let limit = self.inner.limits.response;
                    let clock = Arc::clone(&self.inner.clock);
                    return Ok(Asked { channel, id, answer, limit, clock });
                }
                Err((NotQueued::Full, back)) => {
                    outcome = DeliveryErrorKind::Busy;
                    ask = Some(back);
                }
                Err((NotQueued::Ended, back)) => ask = Some(back),
            }
        }
        Err(outcome)
    }
}

/// What comes of a request.
type Answer = Result<Response, DeliveryError>;

impl Inner {
    /// An id that nobody can guess: an answer to it comes from who was asked.
    fn request_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.randomness.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// A request under way. When it is dropped, its channel forgets it.
pub struct Asked {
    channel: Arc<Channel>,
    id: Uuid,
    answer: oneshot::Receiver<Answer>,
    limit: Duration,
    clock: Arc<dyn Clock>,
}

impl Asked {
    /// The second half of [`Relay::deliver`]: waits for the answer, at most `response_limit` and
    /// never longer than [`Limits::response`].
    ///
    /// # Errors
    /// [`DeliveryError`], which also says whether the listener may have seen the request.
    pub async fn answer(mut self, response_limit: Duration) -> Result<Response, DeliveryError> {
        match timeout(&*self.clock, response_limit.min(self.limit), &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.give_up(DeliveryErrorKind::ListenerLost)),
            Err(_) => Err(self.give_up(DeliveryErrorKind::Timeout)),
        }
    }

    fn give_up(&self, kind: DeliveryErrorKind) -> DeliveryError {
        let delivered = self.channel.forget(self.id).unwrap_or(Delivered::Unknown);
        DeliveryError { kind, delivered }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.channel.forget(self.id);
    }
}
