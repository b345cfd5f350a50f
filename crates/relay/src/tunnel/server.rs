//! The relay's end of tunnels.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::{Buf as _, BytesMut};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::{Clock, Randomness, timeout};
use serde::Deserialize;
use tokio::io::{
    AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::sync::{Mutex as Turn, watch};
use tokio_util::sync::CancellationToken;

use super::{PARKED, PATH, PIECE, SILENCE, TUNNELS_MAX};

/// How often it is looked whether a tunnel has fallen silent.
const LOOK: Duration = Duration::from_secs(5);
/// How long the head of a request inside may take, the handshake of a listener among them.
const HEAD: Duration = Duration::from_secs(10);
/// How long bytes that arrived may wait to be taken on the relay's side.
const TAKEN: Duration = Duration::from_secs(5);

/// All tunnels of one relay.
pub(crate) struct Tunnels {
    open: Mutex<HashMap<String, Arc<Tunnel>>>,
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
    end: CancellationToken,
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

/// The routes of tunnels to whatever `inside` serves.
pub(crate) fn router(
    inside: Router,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> Router {
    let tunnels = Arc::new(Tunnels { open: Mutex::default(), inside, clock, randomness });
    let one = get(receive).post(send).delete(close);
    Router::new()
        .route(PATH, post(open))
        .route(&format!("{PATH}/{{name}}"), one)
        .layer(DefaultBodyLimit::max(PIECE))
        .with_state(tunnels)
}

async fn open(State(tunnels): State<Arc<Tunnels>>) -> Response {
    match tunnels.dig() {
        Some(name) => (StatusCode::CREATED, name).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn receive(
    State(tunnels): State<Arc<Tunnels>>,
    Path(name): Path<String>,
    Query(From { from }): Query<From>,
) -> Response {
    let Some(tunnel) = tunnels.asked(&name) else { return StatusCode::GONE.into_response() };
    tunnel.receive(from, &*tunnels.clock).await
}

async fn send(
    State(tunnels): State<Arc<Tunnels>>,
    Path(name): Path<String>,
    Query(At { at }): Query<At>,
    body: Bytes,
) -> Response {
    let Some(tunnel) = tunnels.asked(&name) else { return StatusCode::GONE.into_response() };
    tunnel.send(at, body, &*tunnels.clock).await.into_response()
}

async fn close(State(tunnels): State<Arc<Tunnels>>, Path(name): Path<String>) -> StatusCode {
    match tunnels.lock().remove(&name) {
        Some(tunnel) => tunnel.end.cancel(),
        None => return StatusCode::GONE,
    }
    StatusCode::NO_CONTENT
}

impl Tunnels {
    /// Digs a tunnel, and gives its name; none if there are too many.
    fn dig(self: &Arc<Self>) -> Option<String> {
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
            end: CancellationToken::new(),
        });
        {
            let mut open = self.lock();
            if open.len() >= TUNNELS_MAX {
                return None;
            }
            open.insert(name.clone(), Arc::clone(&tunnel));
        }
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let service = TowerToHyperService::new(self.inside.clone());
        let served = server.serve_connection(TokioIo::new(far), service).with_upgrades();
        tokio::spawn(async move {
            // It ends with either end of the stream.
            let _ = served.await;
        });
        tokio::spawn(Arc::clone(self).watch(name.clone(), tunnel));
        Some(name)
    }

    /// Forgets a tunnel once nobody asks about it any more.
    async fn watch(self: Arc<Self>, name: String, tunnel: Arc<Tunnel>) {
        loop {
            tokio::select! {
                () = tunnel.end.cancelled() => break,
                () = self.clock.sleep(LOOK) => {}
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
            // A parked request must not be ended by its own number.
            newest.mark_unchanged();
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
