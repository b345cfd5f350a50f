//! How bytes get from the agent to the cloud service: over TCP and TLS, where it must be through an
//! HTTP proxy; or, in tests, through memory.

mod proxy;
mod trust;

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use self::proxy::{Proxy, ProxyError};
pub use self::trust::{TrustError, trust};

/// A connection: bytes in both directions, in order, or an error.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Why there is no connection, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No name that a certificate could have.
    #[error("{0} is no host name")]
    Name(String),
    /// Name not resolved, port closed, no route.
    #[error("no TCP connection: {0}")]
    Tcp(io::Error),
    /// The proxy is not there, or opens no tunnel.
    #[error("no way through the proxy {proxy}: {cause}")]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// What it said, or did not.
        cause: String,
    },
    /// The service opens no tunnel of requests.
    #[error("no tunnel through HTTPS requests: {0}")]
    Tunnel(String),
    /// Not who it should be, or no TLS at all.
    #[error("no TLS connection: {0}")]
    Tls(io::Error),
}

/// Opens connections.
pub trait Transport: Send + Sync {
    /// A new connection to `host`, a name or an IP address (an IPv6 one with or without the
    /// brackets that URLs have). Waits as long as it takes: the caller has the deadline.
    ///
    /// # Errors
    /// [`TransportError`].
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>>;
}

/// TLS over TCP, verified (SPEC K-1), through a proxy where there is one. It offers HTTP/1.1, in which
/// a WebSocket begins.
pub struct TlsTransport {
    connector: TlsConnector,
    proxy: Option<Proxy>,
}

impl TlsTransport {
    /// `trust` says whom to believe.
    pub fn new(trust: &ClientConfig) -> Self {
        let mut config = trust.clone();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { connector: TlsConnector::from(Arc::new(config)), proxy: None }
    }

    /// The same through a proxy (SPEC A-6). The proxy looks the host's name up: this machine may not
    /// be able to.
    #[must_use]
    pub fn through(self, proxy: Option<Proxy>) -> Self {
        Self { proxy, ..self }
    }
}

impl Transport for TlsTransport {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            // Neither certificates nor resolvers have the brackets.
            let host = host.trim_matches(['[', ']']);
            let server = ServerName::try_from(host.to_owned())
                .map_err(|_| TransportError::Name(host.to_owned()))?;
            let stream: Box<dyn ByteStream> = match &self.proxy {
                Some(proxy) => proxy.tunnel(host, port).await?,
                None => Box::new(tcp(host, port).await.map_err(TransportError::Tcp)?),
            };
            let tls = self.connector.connect(server, stream).await.map_err(TransportError::Tls)?;
            Ok(Box::new(tls) as Box<dyn ByteStream>)
        })
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // Small messages that are waited for: collecting them would cost a round trip.
    stream.set_nodelay(true)?;
    Ok(stream)
}
