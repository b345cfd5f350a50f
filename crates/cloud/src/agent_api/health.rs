//! The heartbeat: health without personal data, and the measurement of the clocks (SPEC A-4,
//! W-11).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::onboarding::{HeartbeatRequest, HeartbeatResponse};
use protocol::{AgentId, Outcome, version};
use relay::Entity;
use store::agents::Heartbeat;

use crate::agent_api::{Caller, Problem};
use crate::app::App;

/// The longest version text that is kept.
const VERSION_MAX: usize = 40;

/// `POST /agent/v1/heartbeat`.
pub(super) async fn heartbeat(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<HeartbeatResponse>, Problem> {
    let running = app.clock.running();
    app.pace.heartbeat(caller.agent.id, running)?;
    let request: HeartbeatRequest =
        serde_json::from_slice(&body).map_err(|_| Problem::malformed())?;
    let now = app.now();
    let heartbeat = Heartbeat {
        version: request.version.chars().take(VERSION_MAX).collect(),
        clock_difference_ms: request.now.as_millis().saturating_sub(now.as_millis()),
        directory_reachable: request.directory_reachable,
        breaker_open: request.breaker_open,
    };
    if heartbeat.breaker_open == Some(true) {
        alarm("agent.breaker_open", caller.agent.id, Outcome::BreakerOpen);
    }
    if request.now.apart(now) > CLOCK_DIFFERENCE_MAX {
        let outcome = Outcome::ClockDifference;
        tracing::error!(
            event = "agent.clock_difference",
            agent = %caller.agent.id,
            difference_ms = heartbeat.clock_difference_ms,
            outcome = outcome.name(),
            number = outcome.number(),
            operator = outcome.operator_text(),
        );
    }
    if app.pace.is_news(caller.agent.id, &heartbeat, running) {
        app.store.record_heartbeat(caller.agent.id, &heartbeat, now).await?;
        app.pace.kept(caller.agent.id, heartbeat, running);
    }
    let entity = Entity::of(caller.agent.tenant, caller.agent.id);
    app.relay.told(&entity, request.listening);
    app.relay.heard(&entity, caller.instance);
    let others = app.relay.instances(&entity);
    if others.iter().any(|instance| *instance != caller.instance) {
        alarm("agent.two_instances", caller.agent.id, Outcome::TwoInstances);
    }
    let nodes = app.settings.relay_nodes.clone();
    Ok(Json(HeartbeatResponse { now, oldest_version: version::CURRENT, nodes }))
}

/// Tells the operator what is wrong with an agent, by its number.
fn alarm(event: &str, agent: AgentId, outcome: Outcome) {
    tracing::error!(
        event,
        %agent,
        outcome = outcome.name(),
        number = outcome.number(),
        operator = outcome.operator_text(),
    );
}
