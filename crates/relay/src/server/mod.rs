//! The relay itself, to be embedded in a service that owns TLS and the port.

mod access;
mod ask;
mod channel;
mod connect;
mod farewell;
mod handshake;
mod patience;
mod pipe;
mod refused;
mod registry;
mod rendezvous;
mod room;
mod sender;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::{Clock, InstanceId, Randomness, timeout};
use tokio::sync::Semaphore;

use crate::close::Close;
use crate::entity::Entity;
use crate::headers;
use crate::limits::{BODY_MAX, HEADERS_MAX, Limits};
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Request, Response};
use crate::taken::Taken;
use crate::token::sas::Rule;
use ask::{Road, Sent};
use patience::Patience;
use pipe::Pipes;
use registry::Registry;
use rendezvous::Rendezvous;
use room::Rooms;

pub use ask::Asked;

/// How often a draining relay looks whether a channel has become idle.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// Says who may listen where.
pub trait Authority: Send + Sync {
    /// The Ed25519 public keys that may listen on `entity` now. None: nobody knows the entity, or
    /// it was revoked. It is asked at every handshake and every renewal of a token.
    fn listen_keys(&self, entity: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>>;

    /// The rules of shared keys that hold for `entity` now, for relays that take such tokens.
    /// None unless an authority says otherwise: whoever can check a shared key can also use it
    /// (SPEC W-5).
    fn rules(&self, entity: &Entity) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        let _ = entity;
        Box::pin(std::future::ready(Ok(Arc::default())))
    }

    /// The rules that hold at every path, whether there is an entity or not: only who has a token
    /// of one of them is told that there is none. None unless an authority says otherwise.
    fn rules_everywhere(&self) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        Box::pin(std::future::ready(Ok(Arc::default())))
    }

    /// The host names of this relay, without port. A token of a shared key is for a host, and without
    /// any names here that is whichever the request itself says that it was sent to: a token that was
    /// made for another relay with the same key is good at this one, too, if its bearer wants it.
    fn names(&self) -> &[String] {
        &[]
    }
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
    rendezvous: Arc<Rendezvous>,
    pipes: Arc<Pipes>,
    rooms: Rooms,
    /// Room for those who are refused, and wait for it; senders take none from listeners.
    refused_listeners: Semaphore,
    refused_senders: Semaphore,
}

impl Relay {
    /// A relay that nobody listens at yet.
    pub fn new(
        limits: Limits,
        authority: Arc<dyn Authority>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        let refused = limits.refused_waiting.min(Semaphore::MAX_PERMITS);
        let registry = Arc::new(Registry::default());
        let rendezvous = Arc::new(Rendezvous::default());
        let (pipes, rooms) = (Arc::<Pipes>::default(), Rooms::new(&limits));
        Self {
            inner: Arc::new(Inner {
                limits,
                authority,
                clock,
                randomness,
                registry,
                rendezvous,
                pipes,
                rooms,
                refused_listeners: Semaphore::new(refused),
                refused_senders: Semaphore::new(refused),
            }),
        }
    }

    /// The routes of the relay: `GET /$hc/{entity}` for listeners. The server must allow upgrades
    /// of connections, and should set `TCP_NODELAY`.
    pub fn router(&self) -> axum::Router {
        handshake::router(Arc::clone(&self.inner))
    }

    /// The routes of a relay that stands alone: besides `/$hc/{entity}`, which listeners also open
    /// for rendezvous, every other path is a sender's. Listeners are told where senders are if
    /// the server puts a [`ConnectInfo`](axum::extract::ConnectInfo) of a
    /// [`SocketAddr`](std::net::SocketAddr) into the extensions of requests.
    pub fn standalone_router(&self) -> axum::Router {
        handshake::standalone_router(Arc::clone(&self.inner))
    }

    /// Whether somebody listens: a channel that answers its pings.
    pub fn is_listening(&self, entity: &Entity) -> bool {
        !self.inner.registry.live(entity).is_empty()
    }

    /// Whether whoever listens answers its pings in time. One that is late with one may be gone: until
    /// it counts as that, somebody else is the better choice.
    pub fn is_prompt(&self, entity: &Entity) -> bool {
        self.inner.registry.live(entity).first().is_some_and(|channel| channel.is_prompt())
    }

    /// How many channels listen. Two of one process are usual where a service has several nodes: one
    /// is about to take the other one's place.
    pub fn channels(&self, entity: &Entity) -> usize {
        self.inner.registry.live(entity).len()
    }

    /// The processes that listen. Two of one agent raise an alarm (SPEC A-3).
    pub fn instances(&self, entity: &Entity) -> Vec<InstanceId> {
        let mut found: Vec<_> =
            self.inner.registry.live(entity).iter().filter_map(|one| one.instance).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns as soon as somebody listens.
    pub async fn wait_for_listener(&self, entity: &Entity) {
        self.wait_for_newer(entity, 0).await;
    }

    /// A number that rises with every channel, for [`Relay::wait_for_newer`].
    pub fn newest(&self) -> u64 {
        self.inner.registry.newest()
    }

    /// Returns as soon as somebody listens on a channel that was opened after [`Relay::newest`] was
    /// `than`, whoever listened before.
    pub async fn wait_for_newer(&self, entity: &Entity, than: u64) {
        let registry = &self.inner.registry;
        let mut changes = registry.changes();
        while !registry.live(entity).iter().any(|channel| channel.number() > than) {
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
        let sent = Sent { request, remote: None };
        self.inner.ask(entity, sent, Road::Channel).map_err(not_delivered)
    }

    /// Cuts every channel of `entity`: it is not known any more. The authority must have ceased to
    /// name its keys before. Whether there was a channel that was not ending already.
    pub fn disconnect(&self, entity: &Entity) -> bool {
        self.cut(entity, Close::ENTITY_GONE)
    }

    /// The same for an agent that was revoked, which is told so.
    pub fn revoke(&self, entity: &Entity) -> bool {
        self.cut(entity, Close::REVOKED)
    }

    fn cut(&self, entity: &Entity, why: Close) -> bool {
        let mut any = false;
        for channel in self.inner.registry.all_of(entity) {
            any |= channel.cut(why);
        }
        self.inner.pipes.end(entity, why);
        self.inner.rooms.forget(entity);
        any
    }

    /// Ends service in good order: no new listeners, no new requests; what is in flight may end,
    /// at most for [`Limits::drain`]; then channels are closed one after the other. A sender's
    /// WebSocket is in flight for as long as it stands.
    pub async fn drain(&self) {
        self.inner.registry.begin_draining();
        let clock = &*self.inner.clock;
        let deadline = clock.running().saturating_add(self.inner.limits.drain);
        let (mut left, pipes) = (self.inner.registry.all(), &self.inner.pipes);
        let pace = self.inner.drain_pace(left.len() + pipes.left());
        while !left.is_empty() {
            let over = clock.running() >= deadline;
            let Some(at) = left.iter().position(|one| over || one.in_flight() == 0) else {
                clock.sleep(DRAIN_LOOK).await;
                continue;
            };
            left.swap_remove(at).cut(Close::DRAINING);
            clock.sleep(pace).await;
        }
        while pipes.left() > 0 && clock.running() < deadline {
            clock.sleep(DRAIN_LOOK).await;
        }
        pipes.close(Close::DRAINING);
        while pipes.end_one(Close::DRAINING) {
            clock.sleep(pace).await;
        }
        let closed = async {
            while !self.inner.registry.all().is_empty() || pipes.left() > 0 {
                clock.sleep(DRAIN_LOOK).await;
            }
        };
        // A channel that cannot even be told to close is dropped with the process.
        let _ = timeout(clock, self.inner.limits.slow_listener, closed).await;
    }
}

impl Inner {
    /// What is borne with while something is written to a peer that takes so much.
    fn patience<'a>(&'a self, taken: &'a Taken) -> Patience<'a> {
        Patience { clock: &*self.clock, limits: &self.limits, taken }
    }

    /// How far apart a draining relay closes so many channels: not so far that they would not all
    /// be closed in [`Limits::drain`].
    fn drain_pace(&self, count: usize) -> Duration {
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        self.limits.drain_pace.min(self.limits.drain / count)
    }
}

/// What comes of a request.
type Answer = Result<Response, DeliveryError>;
