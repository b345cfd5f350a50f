//! Onboarding and offboarding: two messages each (SPEC A-2, PR-7).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use protocol::onboarding::{OffboardingRequest, OnboardingRequest, OnboardingResponse};
use relay::Entity;
use seal::{PackageKey, PublicKey, VerifyingKey};
use serde_json::{Value, json};
use store::agents::{Agent, AgentKey};
use store::audit::Event;
use zeroize::Zeroizing;

use crate::agent_api::{Caller, Problem};
use crate::app::App;
use crate::vault::place_of_package_key;

/// `POST /agent/v1/onboarding`.
pub(super) async fn onboarding(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<OnboardingResponse>, Problem> {
    app.pace.onboarding(caller.agent.id, app.clock.running())?;
    let request: OnboardingRequest =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed())?;
    let key_id = match request {
        OnboardingRequest::Offer { spki, package_key, listen_key } => {
            let package_key = Zeroizing::new(package_key);
            let keys = offered(&app, &caller.agent, &spki, &package_key, &listen_key)?;
            app.store.offer_keys(caller.agent.id, &keys, app.now()).await?;
            audit(
                &app,
                &caller.agent,
                "onboarding.started",
                json!({ "key": keys.key_id.to_string() }),
            )
            .await;
            keys.key_id.to_string()
        }
        OnboardingRequest::Confirm { key_id } => {
            let id = key_id.parse().map_err(|_| Problem::malformed())?;
            if !app.store.confirm_keys(caller.agent.id, id, app.now()).await? {
                return Err(Problem::new(StatusCode::CONFLICT, "no such keys were offered"));
            }
            audit(&app, &caller.agent, "onboarding.succeeded", json!({ "key": key_id })).await;
            key_id
        }
    };
    Ok(Json(OnboardingResponse { key_id, relay_url: app.settings.relay_url() }))
}

/// `POST /agent/v1/offboarding`.
pub(super) async fn offboarding(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    app.pace.onboarding(caller.agent.id, app.clock.running())?;
    let request: OffboardingRequest =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed())?;
    match request {
        OffboardingRequest::Stop => {
            app.store.forget_keys(caller.agent.id).await?;
            app.relay.disconnect(&Entity::of(caller.agent.tenant, caller.agent.id));
            audit(&app, &caller.agent, "offboarding.started", json!({})).await;
        }
        OffboardingRequest::Destroyed => {
            audit(&app, &caller.agent, "offboarding.succeeded", json!({})).await;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

fn offered(
    app: &App,
    agent: &Agent,
    spki: &str,
    package_key: &str,
    listen_key: &str,
) -> Result<AgentKey, Problem> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).ok();
    let malformed = Problem::malformed;
    let public = bytes(spki).and_then(|spki| PublicKey::from_spki(&spki).ok()).ok_or(malformed())?;
    let package_key =
        bytes(package_key).and_then(|key| PackageKey::from_bytes(&key).ok()).ok_or(malformed())?;
    let listen_key =
        bytes(listen_key).and_then(|key| VerifyingKey::from_bytes(&key).ok()).ok_or(malformed())?;
    let place = place_of_package_key(agent.id);
    let wrapped = app
        .master_key
        .wrap(&place, package_key.as_bytes(), app.randomness.as_ref())
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the key cannot be kept"))?;
    Ok(AgentKey {
        key_id: public.key_id(),
        spki: public.spki().to_vec(),
        package_key: wrapped,
        listen_key: listen_key.to_bytes(),
    })
}

async fn audit(app: &App, agent: &Agent, name: &str, mut detail: Value) {
    detail["agent"] = json!(agent.id);
    app.audit(Event {
        tenant: Some(agent.tenant),
        name: name.to_owned(),
        detail,
        ..Event::default()
    })
    .await;
}
