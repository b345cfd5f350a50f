//! What is known of one operation, and how it stands in a row.

use protocol::{
    AgentId, CloudAnchor, Details, Header, KeyId, Operation, Outcome, RequestId, TenantId,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::flows::FlowId;
use crate::row::Typed;

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A sealing ticket was issued and nothing was submitted.
    Ticketed,
    /// Submitted; no byte has left for an agent.
    Waiting,
    /// The first byte may have left.
    Sent,
    /// The agent's answer is here.
    Answered,
    /// Expired before anything was sent; never applied.
    Expired,
    /// Sent, and no answer came; being settled.
    Unknown,
    /// Not taken, as the password had been set in another visit; never applied.
    Refused,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Ticketed,
        Self::Waiting,
        Self::Sent,
        Self::Answered,
        Self::Expired,
        Self::Unknown,
        Self::Refused,
    ];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ticketed => "ticketed",
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRecord {
    /// Its request id.
    pub request: RequestId,
    /// The tenant.
    pub tenant: TenantId,
    /// The flow that it was cleared in.
    pub flow: FlowId,
    /// For whom.
    pub person: CloudAnchor,
    /// What is asked.
    pub operation: Operation,
    /// Where it stands.
    pub state: State,
    /// When the ticket was issued.
    pub issued_at: Timestamp,
    /// From when the message is void.
    pub expires_at: Timestamp,
    /// The agent that it was sent to.
    pub agent: Option<AgentId>,
    /// How it ended, if it has.
    pub result: Option<(Outcome, Details)>,
}

/// An agent that a ticket offers, with the key to seal for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketAgent {
    /// The agent.
    pub agent: AgentId,
    /// The id of its RSA key.
    pub key_id: KeyId,
}

impl OperationRecord {
    /// What a package of this operation for that agent is bound to.
    pub fn header(&self, agent: TicketAgent) -> Header {
        Header {
            tenant: self.tenant,
            agent: agent.agent,
            request: self.request,
            operation: self.operation,
            cloud_anchor: self.person.clone(),
            key_id: agent.key_id,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }
}

/// [`Details`] as they stand in the database.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredDetails {
    #[serde(default)]
    minimum_length: Option<u32>,
    #[serde(default)]
    history_length: Option<u32>,
    #[serde(default)]
    not_before: Option<Timestamp>,
    #[serde(default)]
    inferred: bool,
}

impl StoredDetails {
    pub(super) fn of(details: Details) -> Self {
        let Details { minimum_length, history_length, not_before, inferred } = details;
        Self { minimum_length, history_length, not_before, inferred }
    }

    fn into_details(self) -> Details {
        let Self { minimum_length, history_length, not_before, inferred } = self;
        Details { minimum_length, history_length, not_before, inferred }
    }
}

pub(super) fn read(row: &Typed<'_>) -> Result<OperationRecord, StoreError> {
    let state = row.text("state")?;
    let state = State::ALL.into_iter().find(|one| one.word() == state);
    let number = u64::try_from(row.number("operation")?).unwrap_or(0);
    let result = match row.optional_text("outcome")? {
        None => None,
        Some(name) => {
            let outcome = Outcome::from_name(&name).ok_or_else(|| row.unreadable())?;
            let details: StoredDetails =
                serde_json::from_str(&row.text("details")?).map_err(|_| row.unreadable())?;
            Some((outcome, details.into_details()))
        }
    };
    Ok(OperationRecord {
        request: RequestId::from_bytes(row.bytes16("request")?),
        tenant: TenantId::from_bytes(row.bytes16("tenant")?),
        flow: FlowId::from_bytes(row.bytes16("flow")?),
        person: row.parsed("person")?,
        operation: Operation::from_number(number).ok_or_else(|| row.unreadable())?,
        state: state.ok_or_else(|| row.unreadable())?,
        issued_at: row.moment("issued_at")?,
        expires_at: row.moment("expires_at")?,
        agent: row.optional_bytes16("agent")?.map(AgentId::from_bytes),
        result,
    })
}
