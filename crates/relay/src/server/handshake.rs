//! Who may open a control channel, and how the others are told.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use protocol::timeout;
use url::form_urlencoded;

use super::channel::{self, Channel};
use super::registry::Place;
use super::{AuthorityError, Inner};
use crate::entity::Entity;
use crate::limits::{MESSAGE_MAX, READ_BUFFER};
use crate::token::{self, Claims, Right, TokenError};

/// Why a channel is not opened. Anything that may pass is [`Refusal::Unavailable`]: a published
/// listener gives up for ever at 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this is not a request to listen")]
    Malformed,
    #[error("the token is missing or not valid")]
    Token,
    #[error("the token is for something else")]
    Forbidden,
    #[error("there is no such entity")]
    UnknownEntity,
    #[error("not now")]
    Unavailable,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::UnknownEntity => StatusCode::NOT_FOUND,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<AuthorityError> for Refusal {
    fn from(error: AuthorityError) -> Self {
        tracing::error!(%error, "relay.authority.failed");
        Self::Unavailable
    }
}

pub(super) fn router(relay: Arc<Inner>) -> Router {
    Router::new().route("/$hc/{*entity}", get(open)).with_state(relay)
}

async fn open(
    State(relay): State<Arc<Inner>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
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
        let entity = Entity::parse(path).map_err(|_| Refusal::UnknownEntity)?;
        let token = token_of(query, headers).ok_or(Refusal::Token)?;
        let claims = self.check(&token, &entity).await?;
        let address = rendezvous_address(&entity, headers);
        let (channel, writes) = {
            let clock = Arc::clone(&self.clock);
            Channel::new(entity.clone(), &claims, address, &self.limits, clock)
        };
        let most = self.limits.listeners_per_entity;
        let place = self.registry.enter(channel, most).ok_or(Refusal::Unavailable)?;
        // A revocation between the first look at the keys and the place in the registry would
        // have found no channel to cut: look again, now that it would find one.
        self.check(&token, &entity).await?;
        Ok((place, writes))
    }

    /// Checks that `token` gives the right to listen on `entity` now.
    pub(super) async fn check(&self, token: &str, entity: &Entity) -> Result<Claims, Refusal> {
        let now = self.clock.now();
        let leeway = self.limits.clock_difference;
        let keys = self.authority.listen_keys(entity).await?;
        if keys.is_empty() {
            return Err(Refusal::UnknownEntity);
        }
        let checked = |key| token::verify(token, key, entity.as_str(), now, leeway);
        match best(keys.iter().map(checked)) {
            Ok(claims) if claims.right != Some(Right::Listen) => Err(Refusal::Forbidden),
            // Accepted only as long as a channel opened with it would be kept.
            Ok(claims) if now >= claims.expires_at.after(self.limits.grace) => Err(Refusal::Token),
            Ok(claims) => Ok(claims),
            Err(TokenError::Audience) => Err(Refusal::Forbidden),
            Err(TokenError::Signature) => Err(self.stranger(token, entity).await?),
            Err(_) => Err(Refusal::Token),
        }
    }

    /// What to say to a token that none of the entity's keys signed: good for the entity that it
    /// names (then it is the wrong path), or good for nothing.
    async fn stranger(&self, token: &str, asked: &Entity) -> Result<Refusal, Refusal> {
        let named = token::unverified_audience(token).and_then(|name| Entity::parse(&name).ok());
        let Some(named) = named.filter(|named| named != asked) else { return Ok(Refusal::Token) };
        let (now, leeway) = (self.clock.now(), self.limits.clock_difference);
        let keys = self.authority.listen_keys(&named).await?;
        let checked = |key| token::verify(token, key, named.as_str(), now, leeway);
        Ok(if best(keys.iter().map(checked)).is_ok() { Refusal::Forbidden } else { Refusal::Token })
    }
}

/// The first success; else what the key that did sign the token had to say; else that none did.
fn best(results: impl Iterator<Item = Result<Claims, TokenError>>) -> Result<Claims, TokenError> {
    let mut best = Err(TokenError::Signature);
    for result in results {
        match result {
            Err(TokenError::Signature) => {}
            Ok(claims) => return Ok(claims),
            Err(error) => best = Err(error),
        }
    }
    best
}

/// The token: the header first, then the query (relay protocol, "Endpoints").
fn token_of(query: &str, headers: &HeaderMap) -> Option<String> {
    let header = headers.get("ServiceBusAuthorization").map(|value| value.to_str().ok());
    let token = match header {
        Some(header) => header?.to_owned(),
        None => parameter(query, "sb-hc-token")?,
    };
    Some(bearer(&token).to_owned())
}

/// The token without the word that says what kind it is.
pub(super) fn bearer(token: &str) -> &str {
    match token.trim().split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("Bearer") => rest.trim(),
        _ => token.trim(),
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Where a listener would open a rendezvous, under the name by which it found this relay. The id
/// of the request is added to it.
fn rendezvous_address(entity: &Entity, headers: &HeaderMap) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| host.bytes().all(plain)).unwrap_or("localhost");
    format!("wss://{host}/$hc/{entity}?sb-hc-action=request&sb-hc-id=")
}
