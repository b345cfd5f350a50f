//! The port of a relay: TLS on loopback, and who is trusted.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use relay::Counting;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tower::Service as _;

/// A place on loopback at which nobody listens, and which nobody else is given, listening or not, for as
/// long as the socket lives: one that the kernel gave and that was let go may be anybody's a moment later.
pub(crate) fn held() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    // So that a listener beside it may have it.
    socket.set_reuseaddr(true).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

pub(crate) async fn accept(
    port: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: axum::Router,
) {
    let mut connections = JoinSet::new();
    loop {
        let (tcp, remote) = port.accept().await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let (tls, router) = (TlsAcceptor::from(Arc::clone(&tls)), router.clone());
        connections.spawn(async move {
            // Below TLS, which takes 64 KiB by itself.
            let (tcp, taken) = Counting::over(tcp);
            let Ok(stream) = tls.accept(tcp).await else { return };
            let service = tower::service_fn(move |mut request: hyper::Request<_>| {
                request.extensions_mut().insert(ConnectInfo(remote));
                request.extensions_mut().insert(taken.clone());
                router.clone().call(request)
            });
            let service = TowerToHyperService::new(service);
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

/// The next WebSocket that somebody opens at a port, taken as nobody's relay takes it: whatever it is for.
pub(crate) async fn by_hand(
    port: &TcpListener,
    tls: &TlsAcceptor,
) -> WebSocketStream<TlsStream<TcpStream>> {
    let (tcp, _) = port.accept().await.unwrap();
    let stream = tls.accept(tcp).await.unwrap();
    tokio_tungstenite::accept_async(stream).await.unwrap()
}

pub(crate) fn certificates() -> (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}
