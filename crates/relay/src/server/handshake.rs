//! Who may open a control channel, and how the others are told.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Extensions, HeaderMap, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use protocol::timeout;

use super::Inner;
use super::access::{Asked, Refusal, host_of, parameter, token_of};
use super::channel::{self, Channel};
use super::registry::Place;
use super::{connect, rendezvous, sender};
use crate::limits::{MESSAGE_MAX, READ_BUFFER};
use crate::token::Right;
use crate::tunnel;

pub(super) fn router(relay: Arc<Inner>) -> Router {
    let inside = Router::new().route("/$hc/{*entity}", get(open)).with_state(Arc::clone(&relay));
    let tunnels = tunnels(&relay, &inside);
    inside.merge(tunnels)
}

pub(super) fn standalone_router(relay: Arc<Inner>) -> Router {
    let inside = Router::new().route("/$hc/{*entity}", get(open_any));
    let inside = inside.with_state(Arc::clone(&relay));
    let tunnels = tunnels(&relay, &inside);
    inside.merge(tunnels).merge(Router::new().fallback(sender::send).with_state(relay))
}

/// The way for listeners whose network lets no WebSocket through.
fn tunnels(relay: &Inner, inside: &Router) -> Router {
    let (clock, randomness) = (Arc::clone(&relay.clock), Arc::clone(&relay.randomness));
    tunnel::server::router(inside.clone(), clock, randomness)
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
            rendezvous::open(&relay, query, &headers, upgrade)
        }
        (Some("connect"), Ok(upgrade)) => {
            let remote = sender::remote(&extensions);
            connect::open(relay, (&uri, &headers), remote, upgrade).await
        }
        (_, upgrade) => {
            let query = RawQuery(Some(query.to_owned()));
            open(State(relay), path, query, headers, upgrade).await
        }
    }
}

async fn open(
    State(relay): State<Arc<Inner>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
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
            relay.clock.sleep(relay.limits.refused_listen).await;
            return (refusal.status(), refusal.to_string()).into_response();
        }
    };
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
        .on_upgrade(move |socket| channel::run(socket, place, relay))
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
        // Who has no token learns nothing about entities.
        let token = token_of(query, headers).ok_or(Refusal::Token)?;
        let entity = self.entity_of(path).await?;
        let host = host_of(headers);
        let asked = Asked { entity: &entity, host, right: Right::Listen };
        let pass = self.check(&token, asked).await?;
        let (channel, writes) = {
            let clock = Arc::clone(&self.clock);
            Channel::new(entity.clone(), host.to_owned(), pass, &self.limits, clock)
        };
        let most = self.limits.listeners_per_entity;
        let place = self.registry.enter(channel, most).ok_or(Refusal::Unavailable)?;
        // A revocation between the first look at the keys and the place in the registry would
        // have found no channel to cut: look again, now that it would find one.
        self.check(&token, asked).await?;
        Ok((place, writes))
    }
}
