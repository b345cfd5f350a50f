//! The sealing ticket: what a password must be bound to, fetched on submit, so that thinking for
//! ten minutes does not make a message stale (SPEC K-4).

use protocol::{Operation, Outcome, Purpose, RequestId};
use store::StoreError;
use store::operations::{OperationRecord, State, TicketAgent};

use crate::app::App;
use crate::availability::live_agents;
use crate::flow::Cleared;

/// A ticket.
pub(crate) struct Ticket {
    /// The operation that it was issued for.
    pub(crate) operation: OperationRecord,
    /// The agents to seal for, at most three.
    pub(crate) agents: Vec<TicketKey>,
}

/// One agent of a ticket.
pub(crate) struct TicketKey {
    /// Which agent and key.
    pub(crate) agent: TicketAgent,
    /// The key to seal for.
    pub(crate) spki: Vec<u8>,
}

impl Ticket {
    /// The associated data of the inner structure for one of the agents.
    pub(crate) fn associated_data(&self, agent: TicketAgent) -> Vec<u8> {
        self.operation.header(agent).associated_data(Purpose::Password)
    }
}

/// Issues a ticket for whoever has passed all gates.
pub(crate) async fn issue(
    app: &App,
    cleared: &Cleared,
) -> Result<Result<Ticket, Outcome>, StoreError> {
    let now = app.now();
    let live = match live_agents(app, cleared.tenant(), now).await? {
        Ok(live) => live,
        Err(outcome) => return Ok(Err(outcome)),
    };
    let operation = OperationRecord {
        request: RequestId::random(app.randomness.as_ref()),
        tenant: cleared.tenant(),
        flow: cleared.flow(),
        person: cleared.anchor().clone(),
        operation: Operation::Reset,
        state: State::Ticketed,
        issued_at: now,
        expires_at: now.after(app.settings.message_lifetime),
        agent: None,
        result: None,
    };
    let agents: Vec<TicketKey> = live
        .into_iter()
        .map(|one| TicketKey {
            agent: TicketAgent { agent: one.id, key_id: one.key_id },
            spki: one.spki,
        })
        .collect();
    let offered: Vec<TicketAgent> = agents.iter().map(|one| one.agent).collect();
    app.store.issue_ticket(&operation, &offered).await?;
    Ok(Ok(Ticket { operation, agents }))
}
