//! Who may do what: tokens, where they stand in a request, and what is said to those without a
//! good one.

use axum::http::{HeaderMap, StatusCode, header};
use protocol::{InstanceId, Timestamp};
use url::form_urlencoded;

use super::{AuthorityError, Inner};
use crate::entity::Entity;
use crate::token::{self, Claims, Right, TokenError, sas};

/// Why something is refused. Anything that may pass is [`Refusal::Unavailable`]: a published
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
    pub(super) fn status(self) -> StatusCode {
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

/// What a good token says about its bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass {
    pub(super) expires_at: Timestamp,
    /// The process, if the token is one of ours.
    pub(super) instance: Option<InstanceId>,
}

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) entity: &'a Entity,
    /// The name under which the relay was found, with or without port.
    pub(super) host: &'a str,
    pub(super) right: Right,
}

impl Inner {
    /// The entity at `path`, and what its bearer's token says; the token first, so that whoever has
    /// none for the path learns nothing about what is there.
    pub(super) async fn admitted(
        &self,
        path: &str,
        token: &str,
        (host, right): (&str, Right),
    ) -> Result<(Entity, Pass), Refusal> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let Some(entity) = self.entity_of(path).await? else {
            return Err(self.nothing_there(path, token, (host, right)).await?);
        };
        match self.check(token, Asked { entity: &entity, host, right }).await {
            Ok(pass) => Ok((entity, pass)),
            // It has gone this very moment.
            Err(Refusal::UnknownEntity) => {
                Err(self.nothing_there(path, token, (host, right)).await?)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// The longest entity that `path` is, or that `path` goes on from after a slash.
    async fn entity_of(&self, path: &str) -> Result<Option<Entity>, Refusal> {
        let mut rest = path;
        loop {
            if let Ok(entity) = Entity::parse(rest)
                && self.is_known(&entity).await?
            {
                return Ok(Some(entity));
            }
            match rest.rsplit_once('/') {
                Some((parent, _)) => rest = parent,
                None => return Ok(None),
            }
        }
    }

    /// What to say where there is no entity: what would be said if there were one, unless the token
    /// would be good for it.
    async fn nothing_there(
        &self,
        path: &str,
        token: &str,
        (host, right): (&str, Right),
    ) -> Result<Refusal, Refusal> {
        if !sas::is_sas(token) {
            return self.stranger(bearer(token), None).await;
        }
        let rules = self.authority.rules_everywhere().await?;
        let signed = match sas::verify(token, &rules, self.clock.now()) {
            Ok(signed) => signed,
            Err(_) => return Ok(Refusal::Token),
        };
        let covered = signed.audience.covers_path(host, &path.to_ascii_lowercase());
        let covered = covered && self.is_own_name(host);
        let good = covered && signed.allows(right);
        Ok(if good { Refusal::UnknownEntity } else { Refusal::Forbidden })
    }

    async fn is_known(&self, entity: &Entity) -> Result<bool, Refusal> {
        let rules = self.authority.rules(entity).await?;
        Ok(!rules.is_empty() || !self.authority.listen_keys(entity).await?.is_empty())
    }

    /// Checks that `token` gives what is asked, now.
    pub(super) async fn check(&self, token: &str, asked: Asked<'_>) -> Result<Pass, Refusal> {
        if sas::is_sas(token) {
            return self.check_shared(token, asked).await;
        }
        let claims = self.check_own(bearer(token), asked.entity).await?;
        if claims.right != Some(asked.right) {
            return Err(Refusal::Forbidden);
        }
        Ok(Pass { expires_at: claims.expires_at, instance: Some(claims.instance) })
    }

    /// Checks a token of a shared key.
    async fn check_shared(&self, token: &str, asked: Asked<'_>) -> Result<Pass, Refusal> {
        let rules = self.authority.rules(asked.entity).await?;
        if rules.is_empty() && !self.is_known(asked.entity).await? {
            return Err(Refusal::UnknownEntity);
        }
        let signed =
            sas::verify(token, &rules, self.clock.now()).map_err(|_: TokenError| Refusal::Token)?;
        let covered = signed.audience.covers(asked.host, asked.entity);
        if !covered || !self.is_own_name(asked.host) || !signed.allows(asked.right) {
            return Err(Refusal::Forbidden);
        }
        Ok(Pass { expires_at: signed.expires_at, instance: None })
    }

    /// Whether `host`, with or without port, is a name of this relay, as far as it knows its own.
    fn is_own_name(&self, host: &str) -> bool {
        let (names, host) = (self.authority.names(), sas::host_of(host));
        names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Checks a token of ours, but for its right.
    async fn check_own(&self, token: &str, entity: &Entity) -> Result<Claims, Refusal> {
        let now = self.clock.now();
        let leeway = self.limits.clock_difference;
        let keys = self.authority.listen_keys(entity).await?;
        if keys.is_empty() && !self.is_known(entity).await? {
            return Err(Refusal::UnknownEntity);
        }
        let checked = |key| token::verify(token, key, entity.as_str(), now, leeway);
        match best(keys.iter().map(checked)) {
            // Accepted only as long as a channel opened with it would be kept.
            Ok(claims) if now >= claims.expires_at.after(self.limits.grace) => Err(Refusal::Token),
            Ok(claims) => Ok(claims),
            Err(TokenError::Audience) => Err(Refusal::Forbidden),
            Err(TokenError::Signature) => Err(self.stranger(token, Some(entity)).await?),
            Err(_) => Err(Refusal::Token),
        }
    }

    /// What to say to a token that none of the entity's keys signed, if there is an entity: good for
    /// the one that it names (then it is the wrong path), or good for nothing.
    async fn stranger(&self, token: &str, asked: Option<&Entity>) -> Result<Refusal, Refusal> {
        let named = token::unverified_audience(token).and_then(|name| Entity::parse(&name).ok());
        let named = named.filter(|named| Some(named) != asked);
        let Some(named) = named else { return Ok(Refusal::Token) };
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
pub(super) fn token_of(query: &str, headers: &HeaderMap) -> Option<String> {
    match headers.get("ServiceBusAuthorization") {
        Some(header) => header.to_str().ok().map(str::to_owned),
        None => parameter(query, "sb-hc-token"),
    }
}

/// The token of a sender of HTTP, who may also put it where other services want theirs: looked
/// at last, and only then. Says whether it was there.
pub(super) fn token_of_sender(query: &str, headers: &HeaderMap) -> Option<(String, bool)> {
    let elsewhere = headers.contains_key("ServiceBusAuthorization")
        || parameter(query, "sb-hc-token").is_some();
    if elsewhere {
        return Some((token_of(query, headers)?, false));
    }
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    Some((token.to_owned(), true))
}

/// The token without the word that says what kind it is.
fn bearer(token: &str) -> &str {
    match token.trim().split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("Bearer") => rest.trim(),
        _ => token.trim(),
    }
}

/// A parameter of a query.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// The name under which the relay was found.
pub(super) fn host_of(headers: &HeaderMap) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.filter(|host| !host.is_empty() && host.bytes().all(plain)).unwrap_or("localhost")
}
