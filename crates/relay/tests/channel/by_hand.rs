//! What the real listener would never do: connections and channels by hand.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::world::{Agent, Raw, SOON, World, listen_path};

impl World {
    /// A connection that somebody trusts.
    pub(crate) async fn connection(&self) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await.unwrap()
    }

    /// What comes of these bytes until the connection ends, in small letters.
    pub(crate) async fn said(&self, request: &[u8]) -> String {
        let mut stream = self.connection().await;
        stream.write_all(request).await.unwrap();
        let mut said = Vec::new();
        // An end without TLS's farewell is an end all the same.
        let _ = timeout(SOON, stream.read_to_end(&mut said)).await.expect("an end");
        String::from_utf8(said).unwrap().to_lowercase()
    }

    /// Opens a control channel by hand; the status if it is refused.
    pub(crate) async fn open(&self, path_and_query: &str, token: Option<&str>) -> Result<Raw, u16> {
        let stream = self.connection().await;
        let url = format!("wss://{}{path_and_query}", self.address);
        let mut request = url.into_client_request().unwrap();
        if let Some(token) = token {
            let value = token.parse().unwrap();
            request.headers_mut().insert("ServiceBusAuthorization", value);
        }
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Opens a control channel by hand as `agent`, and waits until it can be asked.
    pub(crate) async fn raw(&self, agent: &Agent) -> Raw {
        let token = agent.mint(&agent.claims());
        let raw = self.open(&listen_path(&agent.entity), Some(&token)).await.expect("a channel");
        self.listener_is_there(&agent.entity).await;
        raw
    }
}
