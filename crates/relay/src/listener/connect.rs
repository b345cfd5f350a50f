//! From a host name to an open control channel or rendezvous: a stream of the transport, and a
//! WebSocket on it.

use protocol::{Clock, Randomness, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self};
use url::Url;

use super::{Listener, ListenerConfig, Met};
use crate::limits::{MESSAGE_MAX, READ_BUFFER, RENDEZVOUS_MAX, WRITE_BUFFER};
use crate::token::sas;
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
    #[error("no connection to the relay came about in time")]
    NoConnection,
    #[error("the relay did not answer in time")]
    Timeout,
    #[error("the relay names another host than its own")]
    Elsewhere,
}

impl ConnectError {
    /// Whether trying again soon is pointless (relay protocol, "Limits and promises").
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Unauthorised | Self::Forbidden)
    }

    /// How far it came. Something on the way may have kept a WebSocket from coming about where what came is
    /// not what a relay of ours says, or nothing came. A proxy that forbids something says so with 403, and
    /// one that does not know what an upgrade is may say 501.
    pub(super) fn met(&self) -> Met {
        match self {
            Self::Unauthorised | Self::UnknownEntity => Met::Refusal,
            Self::Forbidden | Self::WebSocket(_) | Self::Timeout | Self::Status(501 | 505) => {
                Met::Block
            }
            // What fails at the service's side, or before there is a connection, fails over any road.
            Self::Status(status) if *status != 429 && *status < 500 => Met::Block,
            _ => Met::Trouble,
        }
    }
}

/// How many labels two hosts share at least at their end, to be of one relay: its nodes stand
/// beside each other, as in `a.servicebus.windows.net` and `b.servicebus.windows.net`.
const SHARED_LABELS: usize = 3;

/// Opens a control channel.
pub(super) async fn connect(listener: &Listener, token: &str) -> Result<Socket, ConnectError> {
    let config = &listener.config;
    let request = request(config, token, &*listener.randomness)?;
    open(config, &*listener.clock, (&config.url, request), MESSAGE_MAX).await
}

/// Opens a rendezvous, at an address that the relay gave. Whoever knows it may: no token goes with
/// it. The relay can send a listener to itself, not to anybody else.
pub(super) async fn meet(
    config: &ListenerConfig,
    clock: &dyn Clock,
    address: &str,
) -> Result<Socket, ConnectError> {
    let address: Url = address.parse().map_err(|_| ConnectError::Address)?;
    if !is_of_one_relay(&config.url, &address) {
        return Err(ConnectError::Elsewhere);
    }
    let request = address.as_str().into_client_request().map_err(|_| ConnectError::Address)?;
    open(config, clock, (&address, request), RENDEZVOUS_MAX).await
}

/// Whether an address that the relay at `own` gave leads to a relay: the same port, and the same
/// host or one beside it.
fn is_of_one_relay(own: &Url, address: &Url) -> bool {
    let port = |url: &Url| url.port().unwrap_or(443);
    let (Some(here), Some(there)) = (own.host_str(), address.host_str()) else { return false };
    let beside = match (here.split_once('.'), there.split_once('.')) {
        (Some((_, here)), Some((_, there))) if own.domain().is_some() => {
            here.eq_ignore_ascii_case(there) && here.split('.').count() >= SHARED_LABELS
        }
        _ => false,
    };
    address.scheme() == "wss"
        && port(own) == port(address)
        && (here.eq_ignore_ascii_case(there) || beside)
}

/// All of it within [`ListenerConfig::handshake`]. A line that is down and a WebSocket that is kept from
/// coming about both end in silence; what tells them apart is whether there was a connection.
async fn open(
    config: &ListenerConfig,
    clock: &dyn Clock,
    (url, request): (&Url, Request),
    most: usize,
) -> Result<Socket, ConnectError> {
    let name = url.host_str().ok_or(ConnectError::Address)?;
    let port = url.port().unwrap_or(443);
    let begun = clock.running();
    let stream = timeout(clock, config.handshake, config.transport.connect(name, port)).await;
    let stream = stream.map_err(|_| ConnectError::NoConnection)??;
    let left = config.handshake.saturating_sub(clock.running().saturating_sub(begun));
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(limits));
    // With less than half of the time left it is the line that is slow.
    let fair = left * 2 >= config.handshake;
    let silent = || if fair { ConnectError::Timeout } else { ConnectError::NoConnection };
    let opened = timeout(clock, left, opened).await.map_err(|_| silent())?;
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
    // Tokens of shared keys begin with a scheme of their own.
    let scheme = if sas::is_sas(token) { "" } else { "Bearer " };
    let mut value = HeaderValue::try_from(format!("{scheme}{token}")).map_err(unusable)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_can_send_a_listener_to_itself_and_to_nobody_else() {
        let fits = |own: &str, address: &str| {
            is_of_one_relay(&own.parse().unwrap(), &address.parse().unwrap())
        };
        assert!(fits("wss://127.0.0.1:9443/", "wss://127.0.0.1:9443/$hc/e?sb-hc-id=1"));
        assert!(fits("wss://relay.example.org/", "wss://RELAY.example.org:443/$hc/e"));
        let azure = "wss://contoso.servicebus.windows.net/";
        assert!(fits(azure, "wss://g1-prod.servicebus.windows.net/$hc/e"));
        for (own, address) in [
            ("wss://127.0.0.1:9443/", "wss://127.0.0.1:9444/$hc/e"),
            ("wss://127.0.0.1:9443/", "wss://127.0.0.2:9443/$hc/e"),
            ("wss://127.0.0.1:9443/", "ws://127.0.0.1:9443/$hc/e"),
            ("wss://relay.example.org/", "wss://intranet.example.org/"),
            (azure, "wss://servicebus.windows.net/"),
            (azure, "wss://a.b.servicebus.windows.net/"),
            (azure, "wss://x.servicebus.windows.net.example.org/"),
        ] {
            assert!(!fits(own, address), "{own} {address}");
        }
    }
}
