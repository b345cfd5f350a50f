//! The sender's side, over HTTPS: one request to one entity of a relay of somebody else's, with a
//! token of a shared key, and what is known of it afterwards.
//!
//! Each request has a connection of its own. One that is kept may have been closed by the other side
//! at the very moment at which the next request goes out, and nobody could tell then whether it
//! arrived: the person would be told "we do not know" for nothing.
//!
//! ```text
//! no key, no connection, no first byte              not delivered
//! answered by the relay itself (no Via)             as its Relay-Error says; without one, see verdict
//! answered by the listener (Via)                    that is the answer
//! anything else once a byte may have left           unknown, and never sent again
//! ```

mod verdict;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::ext::ReasonPhrase;
use hyper::header::{HOST, HeaderValue, VIA};
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use protocol::{Clock, timeout};

use crate::address::RelayAddress;
use crate::entity::Entity;
use crate::first_byte::FirstByte;
use crate::limits::{BODY_MAX, HEADERS_MAX, RENDEZVOUS_MAX};
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Request, Response};
use crate::token::{KeyFile, KeyFileError};
use crate::transport::{Transport, TransportError};
use watched::Watched;

/// How long a token to send with holds. Each request has its own; the time is for clocks that
/// differ, and as long as published clients take.
const TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Sends to the entities of one relay.
pub struct HttpSender {
    /// Where the relay is.
    pub address: RelayAddress,
    /// The rule with the right to send, and where its key stands.
    pub key: KeyFile,
    /// How bytes get there.
    pub transport: Arc<dyn Transport>,
    /// What time it is, and how to wait.
    pub clock: Arc<dyn Clock>,
    /// How long dialling and TLS may take together.
    pub connect: Duration,
}

/// Why a request got no answer of its listener, and whether that may have seen it.
#[derive(Debug, thiserror::Error)]
#[error("{kind} (delivered: {delivered})")]
pub struct SendError {
    /// What went wrong.
    pub kind: SendErrorKind,
    /// Whether the listener may have seen the request.
    pub delivered: Delivered,
    /// That this is the word of a relay that is not ours. It may be wrong, or a lie.
    pub hearsay: bool,
}

/// What went wrong with sending, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SendErrorKind {
    /// What a relay of this kind says.
    #[error(transparent)]
    Delivery(DeliveryErrorKind),
    /// The relay has no such entity.
    #[error("the relay has no such entity (404)")]
    NoEndpoint,
    /// There is no key to make a token with.
    #[error("no token to send with: {0}")]
    Key(KeyFileError),
    /// The relay does not take the token: the rule, its key, its right, or one of the clocks.
    #[error("the relay refuses the token to send with ({0})")]
    Refused(u16),
    /// No connection.
    #[error("no way to the relay: {0}")]
    Unreachable(TransportError),
    /// No connection in time.
    #[error("no way to the relay: it did not take the connection in time")]
    Late,
    /// The connection broke, or what came over it is not HTTP.
    #[error("the connection to the relay broke: {0}")]
    Broken(String),
    /// The relay said something else by itself.
    #[error("the relay itself answered with status {0}")]
    Status(u16),
    /// The request cannot be written as one of HTTP.
    #[error("not a request of HTTP")]
    Malformed,
}

impl From<DeliveryError> for SendError {
    fn from(error: DeliveryError) -> Self {
        let DeliveryError { kind, delivered } = error;
        Self { kind: SendErrorKind::Delivery(kind), delivered, hearsay: false }
    }
}

impl From<SendErrorKind> for SendError {
    /// Nothing of the request was written.
    fn from(kind: SendErrorKind) -> Self {
        Self { kind, delivered: Delivered::No, hearsay: false }
    }
}

impl HttpSender {
    /// Gives `request` to the relay, for the listener of the entity that is `own` with us, and waits
    /// for its answer, at most `limit` and never longer than that in all. Nothing is ever sent twice.
    /// Dropping the future gives the request up. `first_byte`, fresh, is told when it leaves.
    ///
    /// # Errors
    /// [`SendError`], which also says whether the listener may have seen the request.
    pub async fn send(
        &self,
        own: &Entity,
        request: Request,
        limit: Duration,
        first_byte: &FirstByte,
    ) -> Result<Response, SendError> {
        let (address, entity) = (&self.address, self.address.entity(own));
        let request = self.request(&entity, request)?;
        let connected = self.transport.connect(address.host(), address.port());
        let began = self.clock.running();
        let connected = timeout(&*self.clock, self.connect.min(limit), connected).await;
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(SendErrorKind::Unreachable(error).into()),
            Err(_) => return Err(SendErrorKind::Late.into()),
        };
        let stream = Watched::over(stream, first_byte.clone());
        let left = limit.saturating_sub(self.clock.running().saturating_sub(began));
        let exchanged = timeout(&*self.clock, left, exchange(stream, request)).await;
        let broken = |kind| {
            let delivered =
                if first_byte.may_have_left() { Delivered::Unknown } else { Delivered::No };
            SendError { kind, delivered, hearsay: false }
        };
        match exchanged {
            Ok(Ok(answered)) => answered,
            Ok(Err(error)) => Err(broken(SendErrorKind::Broken(chain(&error)))),
            Err(_) => Err(broken(SendErrorKind::Delivery(DeliveryErrorKind::Timeout))),
        }
    }

    /// The request as it is written.
    fn request(
        &self,
        entity: &Entity,
        request: Request,
    ) -> Result<hyper::Request<Full<Bytes>>, SendErrorKind> {
        if request.body.len() > BODY_MAX || crate::headers::size(&request.headers) > HEADERS_MAX {
            return Err(SendErrorKind::Delivery(DeliveryErrorKind::TooBig));
        }
        let expires_at = self.clock.now().after(TOKEN_LIFETIME);
        let token = self.key.token(&self.address.resource(entity), expires_at);
        let token = HeaderValue::try_from(token.map_err(SendErrorKind::Key)?);
        let mut token = token.map_err(|_| SendErrorKind::Malformed)?;
        token.set_sensitive(true);
        let mut written = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(format!("/{entity}{}", request.target))
            .header(HOST, self.address.authority())
            .header("ServiceBusAuthorization", token);
        for (name, value) in &request.headers {
            written = written.header(name, value);
        }
        written.body(Full::new(request.body)).map_err(|_| SendErrorKind::Malformed)
    }
}

type Answer = Result<Response, SendError>;

/// Writes the request and reads what comes back.
async fn exchange(
    stream: Watched,
    request: hyper::Request<Full<Bytes>>,
) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driven = async {
        // What ends it is told to who waits for the answer.
        let _ = connection.await;
        std::future::pending::<std::convert::Infallible>().await
    };
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        if !head.headers.contains_key(VIA) {
            return Ok(Err(verdict::of(head.status, &head.headers)));
        }
        let body = Limited::new(body, RENDEZVOUS_MAX).collect().await;
        // Whatever was in it: the listener has answered.
        let lost =
            DeliveryError { kind: DeliveryErrorKind::ListenerLost, delivered: Delivered::Yes };
        Ok(body.map(|body| response(head, body.to_bytes())).map_err(|_| lost.into()))
    };
    tokio::select! {
        answer = answered => answer,
        never = driven => match never {},
    }
}

fn response(head: Parts, body: Bytes) -> Response {
    let reason = head.extensions.get::<ReasonPhrase>();
    let reason = reason.map_or(String::new(), |one| String::from_utf8_lossy(one.as_bytes()).into());
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    Response { status: head.status.as_u16(), reason, headers: headers.collect(), body }
}

/// The whole chain of causes: the last one is the one that helps.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
