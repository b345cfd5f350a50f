//! One relay on a port of its own, the keys it knows, and two kinds of listeners: the real one,
//! and a raw WebSocket for everything that the real one would never do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::{AgentId, Clock, InstanceId, Randomness, TenantId, Timestamp};
use relay::token::{self, Claims, Right};
use relay::{
    Authority, BoxFuture, Entity, Handler, Limits, ListenerConfig, Reconnect, Relay, Request,
    Response, Status, TlsTransport, TokenSource,
};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::hands::Hands;
use crate::known::Known;
use crate::port::{accept, certificates, held};

/// Longer than anything takes that these tests wait for, on a machine that has much else to do.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// Long enough for a request, short enough for a test.
pub(crate) const SHORT: Duration = Duration::from_millis(150);

/// How long a side may be silent where that is what a test is about.
pub(crate) const HASTY: Duration = Duration::from_millis(400);
/// Longer than any test: that a machine is slow is no reason to give anybody up.
const NEVER: Duration = Duration::from_secs(600);

/// Limits on real time: what they end soon a test waits for, and what it does not wait for they never end.
pub(crate) fn limits() -> Limits {
    Limits {
        ping: Duration::from_millis(40),
        silence: NEVER,
        refused_listen: Duration::from_millis(1),
        drain: SOON,
        drain_pace: Duration::from_millis(1),
        ..Limits::default()
    }
}

/// Numbers that nobody needs to guess here, but that never repeat.
#[derive(Default)]
pub(crate) struct Counted(AtomicU64);

impl Randomness for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            let mixed = (next ^ (next >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// One agent: its path and its listen key.
pub(crate) struct Agent {
    pub(crate) entity: Entity,
    id: AgentId,
    pkcs8: Vec<u8>,
    clock: Arc<Hands>,
    pub(crate) lifetime: Duration,
    pub(crate) minted: AtomicUsize,
}

impl Agent {
    pub(crate) fn claims(&self) -> Claims {
        Claims {
            issuer: self.id,
            audience: self.entity.as_str().to_owned(),
            right: Some(Right::Listen),
            not_before: self.clock.now(),
            expires_at: self.clock.now().after(self.lifetime),
            instance: InstanceId::from_bytes([9; 16]),
        }
    }

    pub(crate) fn mint(&self, claims: &Claims) -> String {
        token::mint(&self.pkcs8, claims).unwrap()
    }
}

impl TokenSource for Agent {
    fn token(&self) -> Result<(String, Timestamp), String> {
        self.minted.fetch_add(1, Ordering::SeqCst);
        let claims = self.claims();
        Ok((self.mint(&claims), claims.expires_at))
    }
}

/// Answers with what it was sent, unless the target says otherwise.
#[derive(Default)]
pub(crate) struct Echo {
    /// How many requests it has begun.
    pub(crate) begun: AtomicUsize,
    /// How many channels were opened.
    pub(crate) opened: AtomicUsize,
    /// Opened for requests to `/wait`.
    pub(crate) gate: tokio::sync::Notify,
}

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        async move {
            if request.target.ends_with("/wait") {
                self.gate.notified().await;
            }
            assert!(!request.target.ends_with("/panic"), "as the test asked for");
            let body = match request.target.rsplit_once("/bytes/") {
                Some((_, count)) => Bytes::from(vec![b'x'; count.parse().unwrap()]),
                None => request.body,
            };
            let mut headers = request.headers;
            headers.push(("X-Target".to_owned(), format!("{} {}", request.method, request.target)));
            Response { headers, body, ..Response::empty(200) }
        }
        .boxed()
    }

    fn opens(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) known: Arc<Known>,
    pub(crate) clock: Arc<Hands>,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    server_tls: Arc<rustls::ServerConfig>,
    limits: Limits,
    alone: bool,
    accepting: JoinHandle<()>,
    /// Its port, also while it is stopped.
    _held: TcpSocket,
}

/// The real listener, running.
pub(crate) struct Listening {
    pub(crate) echo: Arc<Echo>,
    pub(crate) agent: Arc<Agent>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) type Raw = WebSocketStream<TlsStream<TcpStream>>;

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(limits()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::serving(limits, Hands::new(true), false).await
    }

    /// A relay that stands alone, with senders of its own.
    pub(crate) async fn alone(limits: Limits) -> Self {
        Self::serving(limits, Hands::new(true), true).await
    }

    /// A relay whose whole time is the test's.
    pub(crate) async fn on_manual_time(limits: Limits) -> Self {
        Self::serving(limits, Hands::new(false), false).await
    }

    /// A relay that stands alone, whose whole time is the test's.
    pub(crate) async fn alone_on_manual_time(limits: Limits) -> Self {
        Self::serving(limits, Hands::new(false), true).await
    }

    async fn serving(limits: Limits, hands: Hands, alone: bool) -> Self {
        let (server_tls, tls) = certificates();
        let known = Arc::new(Known::default());
        let clock = Arc::new(hands);
        let relay = new_relay(&limits, &known, &clock);
        let (held, address) = held();
        let port = TcpListener::bind(address).await.unwrap();
        let router = if alone { relay.standalone_router() } else { relay.router() };
        let accepting = tokio::spawn(accept(port, Arc::clone(&server_tls), router));
        Self {
            relay,
            known,
            clock,
            address,
            tls,
            server_tls,
            limits,
            alone,
            accepting,
            _held: held,
        }
    }

    /// Another node of the same service: a relay on a port of its own, with the same agents and on
    /// the same time.
    pub(crate) async fn beside(&self) -> Self {
        let (known, clock) = (Arc::clone(&self.known), Arc::clone(&self.clock));
        let (server_tls, tls) = (Arc::clone(&self.server_tls), Arc::clone(&self.tls));
        let limits = self.limits.clone();
        let relay = new_relay(&limits, &known, &clock);
        let (held, address) = held();
        let port = TcpListener::bind(address).await.unwrap();
        let accepting = tokio::spawn(accept(port, Arc::clone(&server_tls), relay.router()));
        let alone = false;
        Self {
            relay,
            known,
            clock,
            address,
            tls,
            server_tls,
            limits,
            alone,
            accepting,
            _held: held,
        }
    }

    /// The relay ends as on SIGTERM, and another one takes its port.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    pub(crate) async fn stop(&mut self) {
        self.relay.drain().await;
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }

    pub(crate) async fn start(&mut self) {
        let port = TcpListener::bind(self.address).await.unwrap();
        self.relay = new_relay(&self.limits, &self.known, &self.clock);
        let router = if self.alone { self.relay.standalone_router() } else { self.relay.router() };
        self.accepting = tokio::spawn(accept(port, Arc::clone(&self.server_tls), router));
    }

    /// An agent whose key the relay knows.
    pub(crate) fn agent(&self, number: u8) -> Agent {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap();
        let id = AgentId::from_bytes([number; 16]);
        let entity = Entity::of(TenantId::from_bytes([1; 16]), id);
        let public = pair.public_key().as_ref().try_into().unwrap();
        self.known.keys.lock().unwrap().insert(entity.clone(), vec![public]);
        Agent {
            entity,
            id,
            pkcs8: pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            clock: Arc::clone(&self.clock),
            lifetime: Duration::from_secs(3_600),
            minted: AtomicUsize::new(0),
        }
    }

    pub(crate) fn url(&self) -> Url {
        format!("wss://{}/", self.address).parse().unwrap()
    }

    pub(crate) fn config(&self, entity: &Entity) -> ListenerConfig {
        let url = self.url();
        ListenerConfig {
            ping: Duration::from_millis(40),
            silence: NEVER,
            drain: SOON,
            reconnect: Reconnect {
                early: Duration::from_millis(30),
                refused: Duration::from_millis(60),
                ..Reconnect::default()
            },
            ..ListenerConfig::new(url, entity.clone(), Arc::new(TlsTransport::new(&self.tls)))
        }
    }

    /// Starts the real listener.
    pub(crate) fn listen_with(&self, agent: Agent, config: ListenerConfig) -> Listening {
        let agent = Arc::new(agent);
        self.listen_by(Arc::clone(&agent) as Arc<dyn TokenSource>, agent, config)
    }

    /// Starts the real listener with tokens from elsewhere.
    pub(crate) fn listen_by(
        &self,
        tokens: Arc<dyn TokenSource>,
        agent: Arc<Agent>,
        config: ListenerConfig,
    ) -> Listening {
        let echo = Arc::new(Echo::default());
        let (sender, status) = watch::channel(Status::Connecting);
        let stop = CancellationToken::new();
        let task = tokio::spawn(relay::listen(
            config,
            tokens,
            Arc::clone(&echo) as Arc<dyn Handler>,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(Counted::default()),
            sender,
            stop.clone(),
        ));
        Listening { echo, agent, status, stop, task }
    }

    /// Starts the real listener of agent 1 and waits until it listens.
    pub(crate) async fn listening(&self) -> Listening {
        let agent = self.agent(1);
        let config = self.config(&agent.entity);
        let listening = self.listen_with(agent, config);
        self.listener_is_there(&listening.agent.entity).await;
        listening
    }

    pub(crate) async fn listener_is_there(&self, entity: &Entity) {
        timeout(SOON, self.relay.wait_for_listener(entity)).await.expect("a listener");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listening {
    /// Waits for a status.
    pub(crate) async fn until(&mut self, wanted: impl FnMut(&Status) -> bool) -> Status {
        timeout(SOON, self.status.wait_for(wanted)).await.expect("that status").unwrap().clone()
    }

    /// Waits until so many requests have been begun.
    pub(crate) async fn begun(&self, count: usize) {
        eventually(|| self.echo.begun.load(Ordering::SeqCst) >= count).await;
    }
}

/// Waits until something holds.
pub(crate) async fn eventually(mut holds: impl FnMut() -> bool) {
    let look = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, look).await.expect("it never came to hold");
}

pub(crate) fn listen_path(entity: &Entity) -> String {
    format!("/$hc/{entity}?sb-hc-action=listen&sb-hc-id=test")
}

pub(crate) fn request(target: &str, body: impl Into<Bytes>) -> Request {
    Request {
        method: "POST".to_owned(),
        target: target.to_owned(),
        headers: vec![("X-Sent".to_owned(), "yes".to_owned())],
        body: body.into(),
    }
}

/// The next text message as JSON; control frames are answered meanwhile.
pub(crate) async fn next_json<S>(raw: &mut WebSocketStream<S>) -> Value
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match timeout(SOON, raw.next()).await.expect("a message").unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
}

/// The code that the relay closes with.
pub(crate) async fn close_code(raw: &mut Raw) -> Option<u16> {
    loop {
        match timeout(SOON, raw.next()).await.expect("an end") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

/// Answers the request of that id by hand, without body.
pub(crate) async fn answer(raw: &mut Raw, id: &Value, status: u16) {
    let frame = json!({"response": {"requestId": id, "statusCode": status, "body": false}});
    raw.send(Message::text(frame.to_string())).await.unwrap();
}

fn new_relay(limits: &Limits, known: &Arc<Known>, clock: &Arc<Hands>) -> Relay {
    let authority = Arc::clone(known) as Arc<dyn Authority>;
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Relay::new(limits.clone(), authority, clock, Arc::new(Counted::default()))
}
