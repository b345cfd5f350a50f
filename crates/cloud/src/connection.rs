//! HTTP on one connection, once its bytes are in clear: after TLS, or through memory in tests.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use relay::{Counting, Taken};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::patience::{Patient, STALLED};

/// How long a TLS handshake and the head of a request may take.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// How much of a request is kept before it is taken, in bytes: its head whole, with twice the headers
/// that the relay takes. Without this it would be 400 KiB of whoever opens a connection.
const HEAD_MAX: usize = 64 * 1024;

/// Where a request came from, as an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remote(pub(crate) SocketAddr);

/// A peer's connection, whose bytes may still be in the clear or not: its peer must take what is written
/// to it, and how much it takes is counted. Below TLS, which takes 64 KiB by itself.
pub(crate) fn watched<S: Unpin>(stream: S) -> (Counting<Patient<S>>, Taken) {
    Counting::over(Patient::new(stream, STALLED))
}

/// Serves one connection to its end; after `stop`, what is in flight on it. `taken` is what its peer
/// takes of it; see [`watched`].
pub(crate) async fn serve(
    (stream, taken): (impl AsyncRead + AsyncWrite + Send + Unpin + 'static, Taken),
    remote: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    serve_within(HANDSHAKE, (stream, taken), remote, router, stop).await;
}

/// The same with a time for the head of a request.
async fn serve_within(
    head: Duration,
    (stream, taken): (impl AsyncRead + AsyncWrite + Send + Unpin + 'static, Taken),
    remote: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let service = tower::service_fn(move |mut request: Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Remote(remote));
        request.extensions_mut().insert(ConnectInfo(remote));
        request.extensions_mut().insert(taken.clone());
        router.clone().call(request)
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD_MAX);
    let served = server
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(served);
    tokio::select! {
        _ = served.as_mut() => return,
        () = stop.cancelled() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

#[cfg(test)]
mod tests {
    use axum::Extension;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_the_peer_takes_is_counted_for_the_relay() {
        let taken = async |Extension(taken): Extension<Taken>| taken.bytes().to_string();
        let router = Router::new().route("/", get(taken));
        let (mut near, far) = duplex(64 * 1024);
        let remote = SocketAddr::from(([192, 0, 2, 1], 4_711));
        let served = tokio::spawn(serve(watched(far), remote, router, CancellationToken::new()));
        near.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut first = Vec::new();
        while !first.ends_with(b"\r\n\r\n0") {
            first.push(near.read_u8().await.unwrap());
        }
        let last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        near.write_all(last).await.unwrap();
        let mut second = Vec::new();
        near.read_to_end(&mut second).await.unwrap();
        assert!(second.ends_with(format!("\r\n\r\n{}", first.len()).as_bytes()));
        served.await.unwrap();
    }

    /// One byte now and then, so that the connection is never still for long.
    #[tokio::test]
    async fn whoever_writes_the_head_of_a_request_for_too_long_is_let_go() {
        let (head, remote) =
            (Duration::from_millis(100), SocketAddr::from(([192, 0, 2, 1], 4_711)));
        let router = Router::new().route("/", get(async || "there"));
        let (mut near, far) = duplex(64 * 1024);
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve_within(head, watched(far), remote, router, stop));
        near.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").await.unwrap();
        while near.write_all(b"x").await.is_ok() {
            tokio::time::sleep(head / 10).await;
        }
        let mut said = Vec::new();
        near.read_to_end(&mut said).await.unwrap();
        assert!(!String::from_utf8(said).unwrap().contains("there"));
        served.await.unwrap();
    }
}
