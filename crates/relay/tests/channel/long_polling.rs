//! The listener where no WebSocket comes through: over requests that the relay parks.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::join_all;
use relay::limits::BODY_MAX;
use relay::{
    BoxFuture, ByteStream, ListenerConfig, LongPolling, Status, TlsTransport, Transport,
    TransportError,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::hands::Hands;
use crate::port::{by_hand, certificates, held};
use crate::world::{Listening, SHORT, SOON, World, request};

/// What a network does with connections.
trait Network: Send + Sync + 'static {
    /// What it does with the next one.
    fn next(&self) -> Fate;
}

/// What becomes of one connection.
struct Fate {
    /// After so many bytes in either direction it breaks.
    breaks_after: usize,
    /// Whoever asks for a WebSocket is told that there is none, and it is counted.
    blocked: Option<Arc<AtomicUsize>>,
    /// What is said to the service is noted down.
    heard: Option<Arc<Mutex<Vec<u8>>>>,
}

const WHOLE: usize = usize::MAX;
const REFUSAL: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

struct Through<N> {
    over: Arc<dyn Transport>,
    network: N,
}

struct Stream {
    stream: Box<dyn ByteStream>,
    fate: Fate,
    refused: bool,
}

impl<N: Network> Transport for Through<N> {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            let (fate, stream) = (self.network.next(), self.over.connect(host, port).await?);
            Ok(Box::new(Stream { stream, fate, refused: false }) as Box<dyn ByteStream>)
        })
    }
}

impl Stream {
    fn spend(&mut self, count: usize) -> io::Result<()> {
        self.fate.breaks_after = self.fate.breaks_after.saturating_sub(count);
        match self.fate.breaks_after {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.refused) {
            buffer.put_slice(REFUSAL);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let count = buffer.filled().len() - before;
        Poll::Ready(self.spend(count))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(blocked) = &self.fate.blocked
            && bytes.starts_with(b"GET /$hc/")
        {
            blocked.fetch_add(1, Ordering::SeqCst);
            self.refused = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        if let Some(heard) = &self.fate.heard {
            heard.lock().unwrap().extend_from_slice(&bytes[..count]);
        }
        Poll::Ready(self.spend(count).map(|()| count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn direct(world: &World) -> Arc<dyn Transport> {
    Arc::new(TlsTransport::new(&world.tls))
}

fn parked(world: &World, over: Arc<dyn Transport>) -> Arc<dyn Transport> {
    Arc::new(LongPolling::over(over, Arc::<Hands>::clone(&world.clock)))
}

/// Sends bodies of all sizes at the same time; each comes back as it was.
async fn echoes(world: &World, listening: &Listening, count: usize) {
    let sizes = (0..count).map(|number| number * 9_973 % (32 * 1024));
    let asked = sizes.map(|size| async move {
        let body: Vec<u8> = (0..=250).cycle().take(size).collect();
        let sent = request("/", body.clone());
        let answer = world.relay.deliver(&listening.agent.entity, sent, SOON).await.unwrap();
        assert!(answer.body == body, "{size} bytes");
    });
    join_all(asked).await;
}

#[tokio::test]
async fn requests_come_and_answers_go_without_a_web_socket() {
    let world = World::new().await;
    let agent = world.agent(1);
    let transport = parked(&world, direct(&world));
    let config = ListenerConfig { transport, ..world.config(&agent.entity) };
    let mut listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    echoes(&world, &listening, 30).await;
    // The largest that may come this way.
    let body = vec![7; BODY_MAX];
    let sent = request("/", body.clone());
    let answer = world.relay.deliver(&listening.agent.entity, sent, SOON).await.unwrap();
    assert!(answer.body == body);
    listening.stop.cancel();
    (&mut listening.task).await.unwrap();
    crate::world::eventually(|| !world.relay.is_listening(&listening.agent.entity)).await;
}

/// What a proxy that opens TLS writes into its log: the addresses.
struct Logging(Arc<Mutex<Vec<u8>>>);

impl Network for Logging {
    fn next(&self) -> Fate {
        Fate { breaks_after: WHOLE, blocked: None, heard: Some(Arc::clone(&self.0)) }
    }
}

#[tokio::test]
async fn no_address_tells_what_a_tunnel_is_called() {
    let world = World::new().await;
    let agent = world.agent(1);
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let over = Through { over: direct(&world), network: Logging(Arc::clone(&heard)) };
    let transport = parked(&world, Arc::new(over));
    let config = ListenerConfig { transport, ..world.config(&agent.entity) };
    let mut listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    echoes(&world, &listening, 3).await;
    listening.stop.cancel();
    (&mut listening.task).await.unwrap();
    let said = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    let addresses: Vec<&str> = ["GET /$tunnel", "POST /$tunnel"]
        .into_iter()
        .flat_map(|asked| said.split(asked).skip(1))
        .map(|rest| rest.split_once(' ').unwrap().0)
        .collect();
    assert!(addresses.len() > 3, "{addresses:?}");
    for address in addresses {
        let known = ["/bytes?from=", "/bytes?at="];
        let count = known.iter().find_map(|known| address.strip_prefix(known));
        let number = count.is_some_and(|count| count.parse::<u64>().is_ok());
        assert!(address.is_empty() || number, "{address}");
    }
    assert!(said.contains("uthorization: Bearer "), "the name is where logs leave it out");
}

/// Every connection breaks: in heads, in bodies, between a request and its answer.
struct Brittle(Arc<AtomicUsize>);

impl Network for Brittle {
    fn next(&self) -> Fate {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        Fate { breaks_after: 4_000 + number * 7_919 % 30_000, blocked: None, heard: None }
    }
}

#[tokio::test]
async fn nothing_is_lost_or_comes_twice_over_connections_that_break() {
    let world = World::new().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let network = Brittle(Arc::clone(&connections));
    let agent = world.agent(1);
    let transport = parked(&world, Arc::new(Through { over: direct(&world), network }));
    let config = ListenerConfig { transport, ..world.config(&agent.entity) };
    let listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    for size in [1_000, 20_000, 50_000, 3_000] {
        let body: Vec<u8> = (0..=250).cycle().take(size).collect();
        let sent = request("/", body.clone());
        let answer = world.relay.deliver(&listening.agent.entity, sent, SOON).await.unwrap();
        assert!(answer.body == body, "{size} bytes");
    }
    assert!(connections.load(Ordering::SeqCst) > 4, "{connections:?} connections");
    assert_eq!(listening.agent.minted.load(Ordering::SeqCst), 1, "one channel all the time");
}

/// No WebSocket comes through.
struct Blocking(Arc<AtomicUsize>);

impl Network for Blocking {
    fn next(&self) -> Fate {
        Fate { breaks_after: WHOLE, blocked: Some(Arc::clone(&self.0)), heard: None }
    }
}

#[tokio::test]
async fn after_three_handshakes_that_were_blocked_another_way_is_taken() {
    let world = World::new().await;
    let blocked = Arc::new(AtomicUsize::new(0));
    let blocking = || -> Arc<dyn Transport> {
        Arc::new(Through { over: direct(&world), network: Blocking(Arc::clone(&blocked)) })
    };
    let agent = world.agent(1);
    let config = ListenerConfig {
        transport: blocking(),
        where_blocked: Some(parked(&world, blocking())),
        ..world.config(&agent.entity)
    };
    let mut listening = world.listen_with(agent, config);
    listening.until(|status| matches!(status, Status::Connected { .. })).await;
    assert_eq!(blocked.load(Ordering::SeqCst), 3);
    world.listener_is_there(&listening.agent.entity).await;
    echoes(&world, &listening, 5).await;
}

#[tokio::test]
async fn where_the_service_itself_refuses_no_other_way_is_taken() {
    let world = World::new().await;
    let agent = world.agent(1);
    world.known.forget(&agent.entity);
    let counted = Arc::new(AtomicUsize::new(0));
    let network = Brittle(Arc::clone(&counted));
    let config = ListenerConfig {
        where_blocked: Some(Arc::new(Through { over: direct(&world), network })),
        ..world.config(&agent.entity)
    };
    let mut listening = world.listen_with(agent, config);
    for _ in 0..5 {
        let refused = |status: &Status| match status {
            Status::Waiting { reason, .. } => reason.contains("401"),
            _ => false,
        };
        listening.until(refused).await;
        listening.until(|status| matches!(status, Status::Connecting)).await;
    }
    assert_eq!(counted.load(Ordering::SeqCst), 0);
}

/// It lets a WebSocket be opened, passes nothing on, and hangs up a while later.
async fn swallows(port: TcpListener, tls: TlsAcceptor, opened: Arc<AtomicUsize>) {
    loop {
        let socket = by_hand(&port, &tls).await;
        opened.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(2 * SHORT).await;
        drop(socket);
    }
}

#[tokio::test]
async fn a_road_that_swallows_what_is_said_and_hangs_up_is_blocked_too() {
    let world = World::new().await;
    let (tls, client) = certificates();
    let (_held, address) = held();
    let port = TcpListener::bind(address).await.unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let swallowing = tokio::spawn(swallows(port, TlsAcceptor::from(tls), Arc::clone(&opened)));
    let agent = world.agent(1);
    // Some of its pings should have been answered by then.
    let ping = SHORT / 3;
    let swallowing_road = Elsewhere(Arc::new(TlsTransport::new(&client)), address);
    let config = ListenerConfig {
        ping,
        transport: Arc::new(swallowing_road),
        where_blocked: Some(direct(&world)),
        ..world.config(&agent.entity)
    };
    let listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    // More where this machine was too slow to know by one of them.
    assert!(opened.load(Ordering::SeqCst) >= 3);
    echoes(&world, &listening, 5).await;
    swallowing.abort();
}

/// The same road to another address, whichever is asked for.
struct Elsewhere(Arc<dyn Transport>, SocketAddr);

impl Transport for Elsewhere {
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move { self.0.connect(&self.1.ip().to_string(), self.1.port()).await })
    }
}

/// A line that is down for a while: what is dialled is neither taken nor refused.
struct Down(Arc<dyn Transport>, AtomicUsize);

impl Transport for Down {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            if self.1.fetch_add(1, Ordering::SeqCst) < 3 {
                return std::future::pending().await;
            }
            self.0.connect(host, port).await
        })
    }
}

#[tokio::test]
async fn a_line_that_was_down_has_blocked_no_websocket() {
    let world = World::new().await;
    let agent = world.agent(1);
    let other = Arc::new(AtomicUsize::new(0));
    let config = ListenerConfig {
        // For so long each of three attempts is waited for.
        handshake: Duration::from_secs(1),
        transport: Arc::new(Down(direct(&world), AtomicUsize::new(0))),
        where_blocked: Some(Arc::new(Through {
            over: direct(&world),
            network: Brittle(Arc::clone(&other)),
        })),
        ..world.config(&agent.entity)
    };
    let listening = world.listen_with(agent, config);
    world.listener_is_there(&listening.agent.entity).await;
    echoes(&world, &listening, 5).await;
    assert_eq!(other.load(Ordering::SeqCst), 0);
}
