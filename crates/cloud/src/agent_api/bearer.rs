//! Who calls: a token signed by the agent identity (RELAY "Tokens", SPEC A-2).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use protocol::InstanceId;
use relay::token::{self, TokenError};
use store::agents::Agent;

use crate::agent_api::Problem;
use crate::app::App;

/// An agent that has proved who it is and is not revoked.
pub(crate) struct Caller {
    /// The agent.
    pub(crate) agent: Agent,
    /// The process that calls.
    pub(crate) instance: InstanceId,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        const REFUSED: Problem =
            Problem::new(StatusCode::UNAUTHORIZED, "the token is missing or not valid here");
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(REFUSED)?;
        let issuer = token::unverified_issuer(bearer).ok_or(REFUSED)?;
        let agent = app.store.agent(issuer).await?.ok_or(REFUSED)?;
        if agent.revoked_at.is_some() {
            return Err(Problem::new(StatusCode::FORBIDDEN, "the agent was revoked; enrol anew"));
        }
        let audience = app.settings.origin();
        let leeway = app.settings.token_leeway;
        let claims = token::verify(bearer, &agent.identity_key, &audience, app.now(), leeway);
        match claims {
            Ok(claims) if claims.right.is_none() => Ok(Self { agent, instance: claims.instance }),
            Ok(_) => Err(REFUSED),
            Err(error) => {
                tracing::warn!(event = "agent.token_refused", agent = %issuer, cause = %error);
                match error {
                    TokenError::NotYet | TokenError::Expired => Err(Problem::clocks(
                        StatusCode::UNAUTHORIZED,
                        "by the clock here the token is not valid yet, or no longer; do the clocks differ?",
                        app.now(),
                    )),
                    _ => Err(REFUSED),
                }
            }
        }
    }
}
