//! Enrolment: an administrator's code is spent for an agent identity (SPEC ).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use protocol::AgentId;
use protocol::onboarding::{EnrolRequest, EnrolResponse};
use seal::VerifyingKey;
use serde_json::json;
use store::audit::Event;

use crate::agent_api::Problem;
use crate::app::App;

/// The longest name of an agent, in bytes.
const NAME_MAX: usize = 100;

/// `POST /agent/v1/enrol`.
pub(super) async fn enrol(
    State(app): State<Arc<App>>,
    body: Bytes,
) -> Result<Json<EnrolResponse>, Problem> {
    let request: EnrolRequest = serde_json::from_slice(&body).map_err(|_| Problem::malformed())?;
    let key = URL_SAFE_NO_PAD.decode(&request.identity_key).ok();
    let key = key.and_then(|key| VerifyingKey::from_bytes(&key).ok()).ok_or(Problem::malformed())?;
    let name = request.name.trim();
    if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "an agent's name has 1 to 100 characters",
        ));
    }
    let agent = AgentId::random(app.randomness.as_ref());
    let code = request.code.trim();
    let tenant = app.store.enrol_agent(code, agent, name, key.to_bytes(), app.now()).await?;
    let Some(tenant) = tenant else {
        tracing::warn!(event = "agent.enrolment_refused");
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "the enrolment code is unknown, used or expired; make a new one with `passback agent enrol-code`",
        ));
    };
    app.audit(Event {
        tenant: Some(tenant),
        name: "agent.enrolled".to_owned(),
        detail: json!({ "agent": agent, "name": name }),
        ..Event::default()
    })
    .await;
    Ok(Json(EnrolResponse { tenant, agent }))
}
