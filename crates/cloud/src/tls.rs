//! Serving over TLS (SPEC K-1: TLS 1.2 or newer): handshakes happen beside each other and are
//! given up after a while, so that a slow one holds nobody up.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clock::SystemClock;
use protocol::{Clock, timeout};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::StartError;
use crate::connection::{self, HANDSHAKE};
use crate::shares::{Refusals, Shares, network};

/// What is in flight when the port is given up has so long at least: an answer is being written.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Reads certificate and key. `prefix` is what stands before their names in the configuration.
pub(crate) fn config(
    prefix: &str,
    certificate: &Path,
    key: &Path,
) -> Result<Arc<ServerConfig>, StartError> {
    let named = |name: &str, path: &Path, error: &dyn std::fmt::Display| {
        StartError::new(format!("cannot use `{prefix}{name}` {}: {error}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| named("certificate", certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named("key", key, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StartError::new)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| named("certificate", certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A port, and how many connections it takes that speak HTTP, or have not said anything yet.
pub(crate) struct Port {
    /// Where they come in.
    pub(crate) listener: TcpListener,
    /// How many there may be.
    pub(crate) connections: usize,
    /// How many of one address, or of one /64 of IPv6.
    pub(crate) of_one: usize,
}

/// Serves `router` until `stop`, and goes on for as long as `leave` takes: whoever comes meanwhile
/// is told by the router to come back. Then the port is given up, and what is in flight may end, at
/// most `limit` after `stop`. Where all places of the port are taken, others wait for one; whoever is
/// above the share of one address is refused at once. WebSockets have no such place: who has one has
/// shown a token, and the relay counts those.
pub(crate) async fn serve(
    port: Port,
    config: Arc<ServerConfig>,
    router: Router,
    (stop, limit): (CancellationToken, Duration),
    leave: impl Future<Output = ()> + Send + 'static,
) {
    let closing = CancellationToken::new();
    let close = closing.clone().drop_guard();
    let left = tokio::spawn(async move {
        stop.cancelled().await;
        let since = SystemClock.running();
        leave.await;
        drop(close);
        limit.saturating_sub(SystemClock.running().saturating_sub(since)).max(LAST_WORDS)
    });
    let connections = accept_until(port, config, router, (closing, Arc::new(SystemClock))).await;
    let limit = left.await.unwrap_or(LAST_WORDS);
    let _ = tokio::time::timeout(limit, connections.wait()).await;
}

/// Serves connections until `closing`; gives back those that are open then.
async fn accept_until(
    Port { listener, connections: most, of_one }: Port,
    config: Arc<ServerConfig>,
    router: Router,
    (closing, clock): (CancellationToken, Arc<dyn Clock>),
) -> TaskTracker {
    let acceptor = TlsAcceptor::from(config);
    let connections = TaskTracker::new();
    let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let (shares, mut refusals) = (Shares::of(of_one), Refusals::default());
    let mut told = false;
    loop {
        // Said again only after there has been room for some time, and not for each one that waits.
        told &= room.available_permits() <= most / 8;
        let Some(place) = place(&room, &closing, &mut told).await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files: let some end before the next try.
                tracing::warn!(event = "http.accept_failed", cause = %error);
                clock.sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(share) = shares.take(remote.ip()) else {
            drop(stream);
            if let Some(refused) = refusals.count(clock.running()) {
                let network = network(remote.ip());
                tracing::warn!(
                    event = "http.address_full",
                    %network,
                    refused,
                    "one address has all of its connections: `connections_per_address`"
                );
            }
            continue;
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        let (closing, clock) = (closing.clone(), Arc::clone(&clock));
        connections.spawn(async move {
            accept((stream, remote), acceptor, router, (closing, &*clock)).await;
            drop((place, share));
        });
    }
    connections.close();
    connections
}

/// Room for another connection, as soon as there is some; none once it is `closing`. Whoever looks after
/// the service is told that there is none, unless they were `told`.
async fn place(
    room: &Arc<Semaphore>,
    closing: &CancellationToken,
    told: &mut bool,
) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(room).try_acquire_owned() {
        return Some(place);
    }
    if !std::mem::replace(told, true) {
        tracing::warn!(event = "http.connections_full", "new ones wait: `connections`");
    }
    tokio::select! {
        place = Arc::clone(room).acquire_owned() => place.ok(),
        () = closing.cancelled() => None,
    }
}

async fn accept(
    (stream, remote): (TcpStream, SocketAddr),
    acceptor: TlsAcceptor,
    router: Router,
    (stop, clock): (CancellationToken, &dyn Clock),
) {
    let _ = stream.set_nodelay(true);
    let (stream, taken) = connection::watched(stream);
    let Ok(Ok(stream)) = timeout(clock, HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    connection::serve((stream, taken), remote, router, stop).await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use futures_util::poll;
    use protocol::ManualClock;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::testing::Folder;

    const HOST: &str = "127.0.0.1";

    /// What a server and its clients need for TLS.
    fn certificates() -> (Arc<ServerConfig>, TlsConnector) {
        let folder = Folder::of("tls");
        let authority = lab::Authority::create().unwrap();
        let server = authority.server(&[HOST]).unwrap();
        let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, server.certificate).unwrap();
        std::fs::write(&key, server.key).unwrap();
        let server = config("server.", &certificate, &key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider);
        let client = client.with_safe_default_protocol_versions().unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        (server, TlsConnector::from(Arc::new(client)))
    }

    /// Waits until something is to happen in so much time, and nothing before.
    async fn waits_for(clock: &ManualClock, time: Duration) {
        let looks = async {
            while clock.until_next() != Some(time) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), looks).await;
        assert!(found.is_ok(), "not {time:?} but {:?}", clock.until_next());
    }

    #[tokio::test]
    async fn whoever_never_ends_a_handshake_is_let_go_after_10_seconds_and_others_have_the_place() {
        let (server, connector) = certificates();
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let port = Port { listener, connections: 1, of_one: 2 };
        let router = Router::new().route("/", get(async || "there"));
        let (clock, closing) = (ManualClock::default(), CancellationToken::new());
        let on: Arc<dyn Clock> = Arc::new(clock.clone());
        let serving = tokio::spawn(accept_until(port, server, router, (closing.clone(), on)));
        let mut mute = TcpStream::connect(address).await.unwrap();
        // It begins a record, and goes on now and then.
        mute.write_all(&[22, 3, 1, 1, 0]).await.unwrap();
        waits_for(&clock, Duration::from_secs(10)).await;
        let other = tokio::spawn(async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from(HOST).unwrap();
            let mut stream = connector.connect(name, stream).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
            String::from_utf8(said).unwrap()
        });
        for left in (1..10).rev() {
            clock.advance(Duration::from_secs(1));
            mute.write_all(&[1]).await.unwrap();
            waits_for(&clock, Duration::from_secs(left)).await;
        }
        assert!(!other.is_finished(), "there is one place");
        clock.advance(Duration::from_secs(1));
        let mut nothing = [0; 1];
        // Bytes that it had not read make it a reset.
        assert!(matches!(mute.read(&mut nothing).await, Ok(0) | Err(_)));
        assert!(other.await.unwrap().ends_with("there"));
        closing.cancel();
        assert!(serving.await.unwrap().is_closed());
    }

    #[tokio::test]
    async fn whoever_comes_when_all_places_are_taken_waits_for_one_or_for_the_end() {
        let (room, closing) = (Arc::new(Semaphore::new(2)), CancellationToken::new());
        let (mut told, mut told_before) = (false, true);
        let first = place(&room, &closing, &mut told).await;
        let second = place(&room, &closing, &mut told).await;
        assert!(first.is_some() && second.is_some() && !told);
        let mut third = Box::pin(place(&room, &closing, &mut told));
        assert!(poll!(third.as_mut()).is_pending());
        drop(first);
        let third = third.await;
        assert!(third.is_some() && told);
        let mut fourth = std::pin::pin!(place(&room, &closing, &mut told_before));
        assert!(poll!(fourth.as_mut()).is_pending());
        closing.cancel();
        assert!(fourth.await.is_none());
    }
}
