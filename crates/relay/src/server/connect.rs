//! Senders of raw WebSockets: the listener is told, comes to a rendezvous or declines there, and
//! the two sockets are piped into each other.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use protocol::timeout;
use tokio::sync::oneshot;

use super::access::{Refusal, host_of, parameter, token_of};
use super::ask::{Knock, Visitor};
use super::handshake::taken_of;
use super::patience::Wire;
use super::sender::{Trouble, call, forwarded, from_relay, via};
use super::{Inner, pipe, rendezvous};
use crate::entity::Entity;
use crate::frame;
use crate::headers;
use crate::limits::HEADERS_MAX;
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind};
use crate::taken::Taken;
use crate::token::Right;

/// What a listener does about a sender that wants a WebSocket.
pub(super) enum Arrival {
    /// It is there, and speaks this subprotocol.
    Accepted { protocol: Option<HeaderValue>, socket: oneshot::Receiver<Wire> },
    /// It will not.
    Declined { status: StatusCode, description: String },
}

/// A sender that wants a WebSocket.
pub(super) async fn open(
    relay: Arc<Inner>,
    (uri, headers): (&Uri, &HeaderMap),
    (remote, taken): (Option<SocketAddr>, Taken),
    upgrade: WebSocketUpgrade,
) -> Response {
    let host = host_of(headers).to_owned();
    let admitted = relay.admit_connect(uri, headers, &host);
    let admitted = timeout(&*relay.clock, relay.limits.handshake, admitted).await;
    let (entity, suffix) = match admitted.unwrap_or(Err(Refusal::Unavailable)) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            return from_relay(&Trouble::Refused(relay.hold_back_sender(refusal).await));
        }
    };
    let Some(place) = relay.rooms.socket(&relay.rooms.share(&entity)) else {
        return from_relay(&Trouble::not_delivered(DeliveryErrorKind::Busy));
    };
    let mut shown = forwarded(headers, false);
    // Extensions are between neighbours (RFC 6455, 9): this relay has none.
    shown.retain(|(name, _)| !name.eq_ignore_ascii_case("sec-websocket-extensions"));
    shown.push(("Via".to_owned(), via(&host)));
    if headers::size(&shown) > HEADERS_MAX {
        return from_relay(&Trouble::TooMuchHeader);
    }
    let query = uri.query().unwrap_or_default();
    let visitor = Visitor { headers: &shown, suffix: &suffix, query, remote };
    let expected = relay.pipes.expect(entity.clone());
    let knock = match relay.knock(&entity, &visitor) {
        Ok(knock) => knock,
        Err(kind) => return from_relay(&Trouble::not_delivered(kind)),
    };
    match relay.arrival(knock).await {
        Ok(Arrival::Accepted { protocol, socket }) => {
            let entered = expected.enters();
            let upgrade = rendezvous::bounded(upgrade).protocols(named(protocol.as_ref()));
            upgrade.on_upgrade(async move |sender| {
                let Ok(Ok(listener)) = timeout(&*relay.clock, relay.limits.handshake, socket).await
                else {
                    return;
                };
                pipe::run(entered, listener, Wire { socket: sender, taken }, relay).await;
                drop(place);
            })
        }
        Ok(Arrival::Declined { status, description }) => {
            let mut answer = (status, description.clone()).into_response();
            call(&mut answer, description);
            if let Ok(via) = HeaderValue::try_from(via(&host)) {
                answer.headers_mut().insert(header::VIA, via);
            }
            answer
        }
        Err(error) => from_relay(&Trouble::Delivery(error)),
    }
}

/// A listener at the rendezvous for a WebSocket: it accepts or declines.
pub(super) fn meet(
    sender: oneshot::Sender<Arrival>,
    query: &str,
    (headers, extensions): (&HeaderMap, &Extensions),
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Some((status, description)) = declined(query) {
        let _ = sender.send(Arrival::Declined { status, description });
        return (StatusCode::GONE, "the sender was told").into_response();
    }
    let name = HeaderName::from_static("sec-websocket-protocol");
    let protocol = headers.get(name).cloned();
    let (socket_to, socket) = oneshot::channel();
    if sender.send(Arrival::Accepted { protocol: protocol.clone(), socket }).is_err() {
        return (StatusCode::FORBIDDEN, "the sender is gone").into_response();
    }
    let upgrade = rendezvous::bounded(upgrade).protocols(named(protocol.as_ref()));
    let taken = taken_of(extensions);
    upgrade.on_upgrade(async move |socket| {
        // If the sender is gone by now, the socket is dropped.
        let _ = socket_to.send(Wire { socket, taken });
    })
}

/// How a listener declines, if it does. Published clients for Node leave the prefix away, and add their
/// pairs at the end: what stands before the id is the sender's (see `Channel::address_at`).
fn declined(query: &str) -> Option<(StatusCode, String)> {
    let (_, added) = query.rsplit_once("sb-hc-id=").unwrap_or_default();
    let either =
        |name: &str| parameter(query, &format!("sb-hc-{name}")).or_else(|| parameter(added, name));
    let status = either("statusCode")?;
    let status = status.parse::<u16>().ok().filter(|status| (300..600).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let description = frame::reason(either("statusDescription").unwrap_or_default());
    Some((status.unwrap_or(StatusCode::BAD_GATEWAY), description))
}

/// The one subprotocol of a listener: the first that it names.
fn named(protocol: Option<&HeaderValue>) -> Option<String> {
    let all = protocol?.to_str().ok()?;
    let first = all.split(',').next()?.trim();
    (!first.is_empty()).then(|| first.to_owned())
}

impl Inner {
    /// The entity that a sender may send to, and what follows it in the path.
    async fn admit_connect(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        host: &str,
    ) -> Result<(Entity, String), Refusal> {
        let path = uri.path().strip_prefix("/$hc/").ok_or(Refusal::Malformed)?;
        let token = token_of(uri.query().unwrap_or_default(), headers).ok_or(Refusal::Token)?;
        let (entity, _) = self.admitted(path, &token, (host, Right::Send)).await?;
        let suffix = path.get(entity.as_str().len()..).unwrap_or_default().to_owned();
        Ok((entity, suffix))
    }

    /// Waits until the listener does something about it.
    async fn arrival(&self, knock: Knock) -> Result<Arrival, DeliveryError> {
        let Knock { asked, arrival, lost } = knock;
        let lost_meanwhile =
            DeliveryError { kind: DeliveryErrorKind::ListenerLost, delivered: Delivered::Unknown };
        let waited = timeout(&*self.clock, self.limits.rendezvous, async {
            tokio::select! {
                biased;
                arrived = arrival => arrived.map_err(|_| lost_meanwhile),
                lost = lost => Err(lost.ok().and_then(Result::err).unwrap_or(lost_meanwhile)),
            }
        });
        match waited.await {
            Ok(arrived) => arrived,
            Err(_) => {
                let delivered = asked.forget().unwrap_or(Delivered::Unknown);
                Err(DeliveryError { kind: DeliveryErrorKind::Timeout, delivered })
            }
        }
    }
}
