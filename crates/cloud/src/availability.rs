//! Is writeback up for this tenant? Asked before a name is, so the answer is the same for every
//! name (SPEC W-1).

use protocol::limits::CLOCK_DIFFERENCE_MAX;
use protocol::{AgentId, KeyId, Outcome, TenantId, Timestamp};
use relay::Entity;
use store::StoreError;
use store::agents::Agent;

use crate::app::App;

/// How many agents a ticket offers at most (SPEC K-4).
const AGENTS_OF_A_TICKET: usize = 3;

/// An agent that a password can be sealed for now.
pub(crate) struct LiveAgent {
    /// The agent.
    pub(crate) id: AgentId,
    /// The id of its RSA key.
    pub(crate) key_id: KeyId,
    /// Its public key.
    pub(crate) spki: Vec<u8>,
}

/// The live agents of a tenant, at least one and at most three, or the outcome that the page
/// shows. The operator finds the reason per agent in the log.
pub(crate) async fn live_agents(
    app: &App,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Result<Vec<LiveAgent>, Outcome>, StoreError> {
    let (mut live, mut enabled) = (Vec::new(), 0);
    for agent in app.store.agents(tenant).await? {
        let Some(key) = app.store.agent_key(agent.id).await? else { continue };
        enabled += 1;
        match why_not(app, &agent, now) {
            None => live.push(LiveAgent { id: agent.id, key_id: key.key_id, spki: key.spki }),
            Some(reason) => {
                tracing::info!(event = "availability.agent_down", agent = %agent.id, reason);
            }
        }
    }
    if live.is_empty() {
        let nobody = enabled == 0;
        let outcome = if nobody { Outcome::WritebackOff } else { Outcome::OnPremisesUnreachable };
        return Ok(Err(outcome));
    }
    let failed = |one: &LiveAgent| app.relay.has_failed(&Entity::of(tenant, one.id));
    Ok(Ok(for_a_ticket(live, failed)))
}

/// As many as a ticket offers. The freshest heartbeats first would favour one agent; the store's order
/// is stable and the dispatcher chooses among those that listen. Those who could not be reached when
/// it was last tried come after all others: on a relay that cannot be asked who listens, agents that
/// have just died would fill a ticket.
fn for_a_ticket<T>(mut live: Vec<T>, failed: impl Fn(&T) -> bool) -> Vec<T> {
    // Asked once for each: the answer depends on what time it is.
    live.sort_by_cached_key(failed);
    live.truncate(AGENTS_OF_A_TICKET);
    live
}

fn why_not(app: &App, agent: &Agent, now: Timestamp) -> Option<&'static str> {
    let fresh = agent.heartbeat_at.is_some_and(|at| now.since(at) < app.settings.heartbeat_fresh);
    let limit = u64::try_from(CLOCK_DIFFERENCE_MAX.as_millis()).unwrap_or(u64::MAX);
    let clock = agent.clock_difference_ms.is_none_or(|millis| millis.unsigned_abs() <= limit);
    if agent.revoked_at.is_some() {
        Some("revoked")
    } else if !app.relay.is_up(&Entity::of(agent.tenant, agent.id)) {
        Some("does not listen at the relay")
    } else if !fresh {
        Some("no fresh heartbeat")
    } else if !agent.directory_reachable {
        Some("does not reach its directory")
    } else if !clock {
        Some("its clock differs by more than 120 seconds")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_that_could_not_be_reached_do_not_keep_others_off_a_ticket() {
        let ticket = |failed: &[u8]| for_a_ticket(vec![1, 2, 3, 4, 5], |one| failed.contains(one));
        assert_eq!(ticket(&[]), [1, 2, 3], "the store's order");
        assert_eq!(ticket(&[1, 2, 3]), [4, 5, 1]);
        assert_eq!(ticket(&[2]), [1, 3, 4]);
        assert_eq!(ticket(&[1, 2, 3, 4, 5]), [1, 2, 3], "somebody is better than nobody");
    }
}
