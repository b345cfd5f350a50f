//! Cuts off agents that an administrator has revoked. That is done by another process (`passback agent
//! revoke`), which knows nothing of this one: it is looked for in the store.

use std::sync::Arc;
use std::time::Duration;

use protocol::Outcome;
use relay::Entity;
use store::StoreError;

use crate::app::App;

/// How often it is looked. A revoked agent is cut off within 10 seconds (SPEC A-3), also where one look
/// fails.
const LOOK: Duration = Duration::from_secs(4);

/// Looks, until the service stops.
pub(crate) async fn look_for_ever(app: Arc<App>) {
    loop {
        if let Err(error) = look(&app).await {
            tracing::error!(event = "agent.revocation_not_known", cause = %error);
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep(LOOK) => {}
        }
    }
}

/// Whoever is revoked and listens all the same is cut off. The relay takes nobody in any more whose
/// keys the store does not name; one that was just coming in then is found by the next look.
async fn look(app: &App) -> Result<(), StoreError> {
    for agent in app.store.revoked_agents().await? {
        if app.relay.revoke(&Entity::of(agent.tenant, agent.id)) {
            let outcome = Outcome::AgentRevoked;
            tracing::warn!(
                event = "agent.cut_off",
                agent = %agent.id,
                name = agent.name,
                outcome = outcome.name(),
                number = outcome.number(),
                operator = outcome.operator_text(),
            );
        }
    }
    Ok(())
}
