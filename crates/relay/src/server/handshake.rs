//! Who may open a control channel, and how the others are told.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, RETRY_AFTER};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use protocol::timeout;

use super::Inner;
use super::access::{Asked, Refusal, host_of, parameter, token_of};
use super::channel::{self, Channel};
use super::patience::Wire;
use super::registry::Place;
use super::{connect, rendezvous, sender};
use crate::limits::{MESSAGE_MAX, READ_BUFFER, WRITE_BUFFER};
use crate::taken::Taken;
use crate::token::Right;
use crate::tunnel::{self, Listens};

/// When to come back, in seconds, for those who are refused for now.
pub(super) const COME_BACK: HeaderValue = HeaderValue::from_static("5");
/// Where those who watch over the service ask whether it takes anything new. No entity can have
/// this path.
const HEALTH: &str = "/$health";

pub(super) fn router(relay: Arc<Inner>) -> Router {
    let inside = Router::new().route("/$hc/{*entity}", get(open)).with_state(Arc::clone(&relay));
    around(&relay, inside).layer(middleware::from_fn(name_one_host))
}

pub(super) fn standalone_router(relay: Arc<Inner>) -> Router {
    let inside = Router::new().route("/$hc/{*entity}", get(open_any));
    let inside = inside.with_state(Arc::clone(&relay));
    let all = around(&relay, inside).merge(Router::new().fallback(sender::send).with_state(relay));
    all.layer(middleware::from_fn(name_one_host))
}

/// Refuses what names no host, or several (RFC 9112, 3.2): a token is good for one host, and a server in
/// front of this one may have gone by another than the first. A health check of HTTP/1.0 names none.
async fn name_one_host(request: Request, next: Next) -> Response {
    let named = request.headers().get_all(HOST).iter().count();
    if named == 1 || (named == 0 && request.version() == Version::HTTP_10) {
        return next.run(request).await;
    }
    (StatusCode::BAD_REQUEST, "a request names one host").into_response()
}

/// `inside`, with the way for listeners whose network lets no WebSocket through, and the answer for
/// those who watch.
fn around(relay: &Arc<Inner>, inside: Router) -> Router {
    let (clock, randomness) = (Arc::clone(&relay.clock), Arc::clone(&relay.randomness));
    let refuse = middleware::from_fn_with_state(Arc::clone(relay), dig_no_more);
    let dug = inside.clone().layer(middleware::from_fn(name_one_host));
    let channels = relay.limits.listeners_per_entity;
    let tunnels = tunnel::server::router(dug, channels, clock, randomness).layer(refuse);
    let watched = Router::new().route(HEALTH, get(health)).with_state(Arc::clone(relay));
    inside.merge(tunnels).merge(watched)
}

/// Whether it takes anything new, in one word.
async fn health(State(relay): State<Arc<Inner>>) -> Response {
    let mut response = match relay.registry.is_draining() {
        false => "serving\n".into_response(),
        true => unavailable("draining\n".to_owned()),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Refuses new tunnels while the relay drains. Those that are there end with what is inside.
async fn dig_no_more(State(relay): State<Arc<Inner>>, request: Request, next: Next) -> Response {
    let digs = request.method() == Method::POST && request.uri().path() == tunnel::PATH;
    if digs && relay.registry.is_draining() {
        return unavailable(Refusal::Unavailable.to_string());
    }
    next.run(request).await
}

/// "Not now", with when to come back.
pub(super) fn unavailable(text: String) -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    response.headers_mut().insert(RETRY_AFTER, COME_BACK);
    response
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// A control channel, a rendezvous, or a sender that wants a WebSocket.
async fn open_any(
    State(relay): State<Arc<Inner>>,
    path: Path<String>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Upgrade,
) -> Response {
    let query = uri.query().unwrap_or_default();
    match (parameter(query, "sb-hc-action").as_deref(), upgrade) {
        (Some("request" | "accept"), Ok(upgrade)) => {
            rendezvous::open(&relay, query, (&headers, &extensions), upgrade)
        }
        (Some("connect"), Ok(upgrade)) => {
            let remote = sender::remote(&extensions);
            connect::open(relay, (&uri, &headers), (remote, taken_of(&extensions)), upgrade).await
        }
        (_, upgrade) => {
            let query = RawQuery(Some(query.to_owned()));
            open(State(relay), path, query, headers, extensions, upgrade).await
        }
    }
}

/// How much of what is written on a request's connection is taken, if the server that owns the
/// port counts it.
pub(super) fn taken_of(extensions: &Extensions) -> Taken {
    extensions.get::<Taken>().cloned().unwrap_or_default()
}

async fn open(
    State(relay): State<Arc<Inner>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Upgrade,
) -> Response {
    let asked = async {
        let upgrade = upgrade.map_err(|_| Refusal::Malformed)?;
        let place = relay.admit(&path, &query.unwrap_or_default(), &headers).await?;
        Ok((upgrade, place))
    };
    let admitted = timeout(&*relay.clock, relay.limits.handshake, asked).await;
    let (upgrade, place) = match admitted.unwrap_or(Err(Refusal::Unavailable)) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            tracing::info!(%refusal, "relay.listen.refused");
            return match relay.hold_back_listener(refusal).await {
                refusal @ Refusal::Unavailable => unavailable(refusal.to_string()),
                refusal => (refusal.status(), refusal.to_string()).into_response(),
            };
        }
    };
    let (taken, entity) = (taken_of(&extensions), place.0.channel().entity.clone());
    let mut response = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| channel::run(Wire { socket, taken }, place, relay));
    response.extensions_mut().insert(Listens(entity));
    response
}

impl Inner {
    /// Checks a request to listen, and gives it a place.
    async fn admit(
        &self,
        path: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<(Place, channel::Writes), Refusal> {
        if self.registry.is_draining() {
            return Err(Refusal::Unavailable);
        }
        if parameter(query, "sb-hc-action").as_deref() != Some("listen") {
            return Err(Refusal::Malformed);
        }
        let token = token_of(query, headers).ok_or(Refusal::Token)?;
        let host = host_of(headers);
        let (entity, pass) = self.admitted(path, &token, (host, Right::Listen)).await?;
        let (channel, writes) = {
            let clock = Arc::clone(&self.clock);
            Channel::new(entity.clone(), host.to_owned(), pass, &self.limits, clock)
        };
        let most = self.limits.listeners_per_entity;
        let place = self.registry.enter(channel, most).ok_or(Refusal::Unavailable)?;
        // A revocation between the first look at the keys and the place in the registry would
        // have found no channel to cut: look again, now that it would find one.
        self.check(&token, Asked { entity: &entity, host, right: Right::Listen }).await?;
        Ok((place, writes))
    }
}
