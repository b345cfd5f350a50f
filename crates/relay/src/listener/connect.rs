//! From a host name to an open control channel: a stream of the transport, and a WebSocket on it.

use protocol::{Randomness, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use url::Url;

use super::{Listener, ListenerConfig};
use crate::limits::{MESSAGE_MAX, READ_BUFFER};
use crate::transport::{ByteStream, TransportError};

/// A control channel as the listener holds it.
pub(super) type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// Why no channel came about, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the relay's address is not one of the form wss://host:port/")]
    Address,
    #[error("no token to listen with: {0}")]
    Token(String),
    #[error("no way to the relay: {0}")]
    Transport(#[from] TransportError),
    #[error("the relay refused the token (401)")]
    Unauthorised,
    #[error("the relay's token check says: not for this agent's path (403)")]
    Forbidden,
    #[error("the relay does not know this agent, or writeback was disabled there (404)")]
    UnknownEntity,
    #[error("the relay answered with status {0}")]
    Status(u16),
    #[error("the relay does not speak the protocol: {0}")]
    WebSocket(tungstenite::Error),
    #[error("the relay did not answer in time")]
    Timeout,
}

impl ConnectError {
    /// Whether trying again soon is pointless (relay protocol, "Limits and promises").
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Unauthorised | Self::Forbidden)
    }
}

/// Opens a control channel.
pub(super) async fn connect(listener: &Listener, token: &str) -> Result<Socket, ConnectError> {
    let config = &listener.config;
    let request = request(config, token, &*listener.randomness)?;
    let opened = timeout(&*listener.clock, config.handshake, open(config, request)).await;
    opened.unwrap_or(Err(ConnectError::Timeout))
}

async fn open(config: &ListenerConfig, request: Request) -> Result<Socket, ConnectError> {
    let name = config.url.host_str().ok_or(ConnectError::Address)?;
    let port = config.url.port().unwrap_or(443);
    let stream = config.transport.connect(name, port).await?;
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
    opened.map(|(socket, _)| socket).map_err(|error| match error {
        tungstenite::Error::Http(response) => match response.status().as_u16() {
            401 => ConnectError::Unauthorised,
            403 => ConnectError::Forbidden,
            404 => ConnectError::UnknownEntity,
            status => ConnectError::Status(status),
        },
        other => ConnectError::WebSocket(other),
    })
}

/// The request that opens the channel. The token is in a header, not in the URL, because URLs
/// are logged.
fn request(
    config: &ListenerConfig,
    token: &str,
    randomness: &dyn Randomness,
) -> Result<Request, ConnectError> {
    let mut request = address(config, randomness)
        .ok_or(ConnectError::Address)?
        .as_str()
        .into_client_request()
        .map_err(|_| ConnectError::Address)?;
    let unusable = |_| ConnectError::Token("it cannot be sent in a header".to_owned());
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(unusable)?;
    value.set_sensitive(true);
    request.headers_mut().insert("ServiceBusAuthorization", value);
    Ok(request)
}

fn address(config: &ListenerConfig, randomness: &dyn Randomness) -> Option<Url> {
    if config.url.scheme() != "wss" {
        return None;
    }
    let mut url = config.url.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/$hc/{}", config.entity));
    let mut id = [0; 16];
    randomness.fill(&mut id);
    let id = uuid::Builder::from_random_bytes(id).into_uuid();
    url.set_query(Some(&format!("sb-hc-action=listen&sb-hc-id={id}")));
    url.set_fragment(None);
    Some(url)
}
