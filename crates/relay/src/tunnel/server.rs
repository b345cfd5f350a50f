//! The relay's end of tunnels.

mod room;

use std::collections::HashMap;
use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Query, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, StatusCode};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::{Buf as _, BytesMut};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::{Clock, Randomness, timeout};
use serde::Deserialize;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, ReadHalf,
    WriteHalf, duplex, split,
};
use tokio::sync::{Mutex as Turn, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{BYTES, Listens, PARKED, PATH, PIECE, SILENCE};
use crate::entity::Entity;
use crate::taken::Counting;

/// How often it is looked whether a tunnel has fallen silent.
const LOOK: Duration = Duration::from_secs(5);
/// How long the head of a request inside may take, the handshake of a listener among them.
const HEAD: Duration = Duration::from_secs(10);
/// By then a listener has shown its token inside, or the tunnel is given up: two handshakes' time.
const UNPROVED_TIME: Duration = Duration::from_secs(25);
/// How long what was said last can still be fetched once the inside has ended.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long bytes that arrived may wait to be taken on the relay's side.
const TAKEN: Duration = Duration::from_secs(5);

/// All tunnels of one relay.
pub(crate) struct Tunnels {
    open: Mutex<HashMap<String, Arc<Tunnel>>>,
    /// How many were dug so far.
    dug: AtomicU64,
    /// How many one entity may have in which somebody listens.
    of_entity: usize,
    /// What is served inside.
    inside: Router,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

/// One tunnel, from the side of whoever dug it.
struct Tunnel {
    down: Turn<Down>,
    up: Turn<Up>,
    /// Which request for bytes is the newest.
    newest: watch::Sender<u64>,
    /// When it was last asked about, by `Clock::running`.
    asked: Mutex<Duration>,
    /// Those that were dug later have higher ones.
    number: u64,
    /// The network that it was dug from.
    from: Option<IpAddr>,
    /// A connection was upgraded inside: somebody has shown a token.
    proved: AtomicBool,
    /// Whose channel that is, if it is one.
    listens: OnceLock<Entity>,
    /// The inside has ended.
    over: CancellationToken,
    end: CancellationToken,
}

/// The inner end of a tunnel, which tells when nobody has it any more.
struct Inner {
    stream: DuplexStream,
    _over: DropGuard,
}

/// What goes to the listener.
struct Down {
    stream: ReadHalf<DuplexStream>,
    /// What was read and not acknowledged; the first of it is the byte number `from`.
    kept: BytesMut,
    from: u64,
    ended: bool,
}

/// What comes from the listener.
struct Up {
    stream: WriteHalf<DuplexStream>,
    taken: u64,
}

#[derive(Deserialize)]
struct From {
    from: u64,
}

#[derive(Deserialize)]
struct At {
    at: u64,
}

/// The routes of tunnels to whatever `inside` serves, to a relay at which one entity may have so many
/// `channels`.
pub(crate) fn router(
    inside: Router,
    channels: usize,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> Router {
    let (open, dug) = (Mutex::default(), AtomicU64::new(0));
    let of_entity = channels.saturating_add(room::ENDING);
    routes(Arc::new(Tunnels { open, dug, of_entity, inside, clock, randomness }))
}

fn routes(tunnels: Arc<Tunnels>) -> Router {
    let one = get(receive).post(send).delete(close);
    Router::new()
        .route(PATH, post(open))
        .route(BYTES, one)
        .layer(DefaultBodyLimit::max(PIECE))
        .layer(middleware::map_response(not_to_be_kept))
        .with_state(tunnels)
}

/// No cache may keep an answer: by its address alone it is nobody's.
async fn not_to_be_kept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The name of a tunnel that a request shows.
struct Name(String);

impl<S: Sync> FromRequestParts<S> for Name {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let shown = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let name = shown.and_then(|value| value.strip_prefix("Bearer "));
        name.map(|name| Self(name.to_owned())).ok_or(StatusCode::UNAUTHORIZED)
    }
}

async fn open(State(tunnels): State<Arc<Tunnels>>, extensions: Extensions) -> Response {
    let from = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| room::network(info.0.ip()));
    match tunnels.dig(from) {
        Some(name) => (StatusCode::CREATED, name).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn receive(
    State(tunnels): State<Arc<Tunnels>>,
    Name(name): Name,
    Query(From { from }): Query<From>,
) -> Response {
    let Some(tunnel) = tunnels.asked(&name) else { return StatusCode::GONE.into_response() };
    tunnel.receive(from, &*tunnels.clock).await
}

async fn send(
    State(tunnels): State<Arc<Tunnels>>,
    Name(name): Name,
    Query(At { at }): Query<At>,
    body: Bytes,
) -> Response {
    let Some(tunnel) = tunnels.asked(&name) else { return StatusCode::GONE.into_response() };
    tunnel.send(at, body, &*tunnels.clock).await.into_response()
}

async fn close(State(tunnels): State<Arc<Tunnels>>, Name(name): Name) -> StatusCode {
    match tunnels.lock().remove(&name) {
        Some(tunnel) => tunnel.end.cancel(),
        None => return StatusCode::GONE,
    }
    StatusCode::NO_CONTENT
}

impl Tunnels {
    /// Digs a tunnel, and gives its name; none if there are too many.
    fn dig(self: &Arc<Self>, from: Option<IpAddr>) -> Option<String> {
        let mut bytes = [0; 16];
        self.randomness.fill(&mut bytes);
        let name = uuid::Builder::from_random_bytes(bytes).into_uuid().simple().to_string();
        let (near, far) = duplex(PIECE);
        let (read, write) = split(near);
        let tunnel = Arc::new(Tunnel {
            down: Turn::new(Down { stream: read, kept: BytesMut::new(), from: 0, ended: false }),
            up: Turn::new(Up { stream: write, taken: 0 }),
            newest: watch::Sender::new(0),
            asked: Mutex::new(self.clock.running()),
            number: self.dug.fetch_add(1, Ordering::SeqCst),
            from,
            proved: AtomicBool::new(false),
            listens: OnceLock::new(),
            over: CancellationToken::new(),
            end: CancellationToken::new(),
        });
        {
            let mut open = self.lock();
            if !room::make(&mut open, from) {
                return None;
            }
            open.insert(name.clone(), Arc::clone(&tunnel));
        }
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let inner = Inner { stream: far, _over: tunnel.over.clone().drop_guard() };
        let (inner, taken) = Counting::over(inner);
        let (tunnels, noted) = (Arc::clone(self), Arc::clone(&tunnel));
        let note = middleware::map_response(move |response: Response| {
            tunnels.note(&noted, &response);
            ready(response)
        });
        let served = self.inside.clone().layer(Extension(taken)).layer(note);
        let service = TowerToHyperService::new(served);
        let served = server.serve_connection(TokioIo::new(inner), service).with_upgrades();
        let inside = Arc::clone(&tunnel);
        tokio::spawn(async move {
            tokio::select! {
                // It ends with its end of the stream, or hands it over.
                _ = served => {
                    inside.proved.store(!inside.over.is_cancelled(), Ordering::SeqCst);
                }
                // Whoever made room keeps nothing here.
                () = inside.end.cancelled() => {}
            }
        });
        tokio::spawn(Arc::clone(self).watch(name.clone(), tunnel));
        Some(name)
    }

    /// Notes whose channel is opened inside, if one is. So many of one entity's count for nothing any
    /// more that those above go: its older channels have ended, or are about to.
    fn note(&self, tunnel: &Tunnel, response: &Response) {
        if let Some(Listens(entity)) = response.extensions().get() {
            let _ = tunnel.listens.set(entity.clone());
            room::bound(&mut self.lock(), entity, self.of_entity);
        }
    }

    /// Forgets a tunnel once nobody asks about it any more.
    async fn watch(self: Arc<Self>, name: String, tunnel: Arc<Tunnel>) {
        let dug = self.clock.running();
        loop {
            tokio::select! {
                () = tunnel.end.cancelled() => break,
                () = tunnel.over.cancelled() => {
                    let _ = timeout(&*self.clock, LAST_WORDS, tunnel.end.cancelled()).await;
                    break;
                }
                () = self.clock.sleep(LOOK) => {}
            }
            let age = self.clock.running().saturating_sub(dug);
            if !tunnel.proved.load(Ordering::SeqCst) && age >= UNPROVED_TIME {
                break;
            }
            let asked = *tunnel.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if self.clock.running().saturating_sub(asked) >= SILENCE {
                tracing::info!("relay.tunnel.silent");
                break;
            }
        }
        tunnel.end.cancel();
        self.lock().remove(&name);
    }

    /// The tunnel of that name, noting that somebody asked about it.
    fn asked(&self, name: &str) -> Option<Arc<Tunnel>> {
        let tunnel = self.lock().get(name).map(Arc::clone)?;
        *tunnel.asked.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.running();
        Some(tunnel)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Tunnel>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tunnel {
    /// The bytes from `from` on.
    async fn receive(&self, from: u64, clock: &dyn Clock) -> Response {
        self.newest.send_modify(|number| *number += 1);
        let mut newest = self.newest.subscribe();
        let mut down = tokio::select! {
            biased;
            () = self.end.cancelled() => return StatusCode::GONE.into_response(),
            down = self.down.lock() => down,
        };
        if !down.acknowledge(from) {
            return StatusCode::BAD_REQUEST.into_response();
        }
        if down.kept.is_empty() && !down.ended {
            let more = tokio::select! {
                biased;
                () = self.end.cancelled() => return StatusCode::GONE.into_response(),
                more = timeout(clock, PARKED, down.more()) => more,
                _ = newest.changed() => return StatusCode::CONFLICT.into_response(),
            };
            if more.is_err() {
                return StatusCode::NO_CONTENT.into_response();
            }
        }
        match down.kept.is_empty() {
            true => {
                self.end.cancel();
                StatusCode::GONE.into_response()
            }
            false => Bytes::copy_from_slice(&down.kept).into_response(),
        }
    }

    /// Takes bytes of which the first is number `at`.
    async fn send(&self, at: u64, mut body: Bytes, clock: &dyn Clock) -> StatusCode {
        let taken = timeout(clock, TAKEN, async {
            let mut up = self.up.lock().await;
            let Some(known) = up.taken.checked_sub(at) else { return StatusCode::BAD_REQUEST };
            body.advance(usize::try_from(known).unwrap_or(usize::MAX).min(body.len()));
            while !body.is_empty() {
                match up.stream.write_buf(&mut body).await {
                    Ok(written @ 1..) => up.taken += written as u64,
                    _ => return StatusCode::GONE,
                }
            }
            StatusCode::NO_CONTENT
        });
        tokio::select! {
            () = self.end.cancelled() => StatusCode::GONE,
            // What was taken is counted; the rest comes again.
            taken = taken => taken.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

impl AsyncRead for Inner {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Inner {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Down {
    /// Drops what has arrived; false if that cannot be.
    fn acknowledge(&mut self, from: u64) -> bool {
        let arrived = from.checked_sub(self.from).and_then(|count| usize::try_from(count).ok());
        let Some(arrived) = arrived.filter(|count| *count <= self.kept.len()) else {
            return false;
        };
        self.kept.advance(arrived);
        self.from = from;
        true
    }

    /// Reads something, or notices the end. Nothing is lost if it is given up.
    async fn more(&mut self) {
        self.kept.reserve(PIECE);
        match self.stream.read_buf(&mut self.kept).await {
            Ok(1..) => {}
            _ => self.ended = true,
        }
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
