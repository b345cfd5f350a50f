//! Ticket and sealed password, as the page's script handles them (INTERFACES "Sealing for
//! scripts").

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{ClearPassword, Header, Passwords, Purpose};
use seal::{PublicKey, SystemRandomness};
use serde::{Deserialize, Serialize};

use crate::StackError;

/// What to seal for.
#[derive(Debug, Clone, Deserialize)]
pub struct Ticket {
    /// The operation.
    pub request_id: String,
    /// In milliseconds since 1970.
    pub issued_at: i64,
    /// The same.
    pub expires_at: i64,
    /// Up to three agents.
    pub agents: Vec<TicketAgent>,
}

/// An agent of a ticket; binary values are base64url.
#[derive(Debug, Clone, Deserialize)]
pub struct TicketAgent {
    /// Who it is.
    pub agent_id: String,
    /// The id of its RSA key.
    pub key_id: String,
    /// The key.
    pub spki: String,
    /// What the structure is bound to.
    pub associated_data: String,
}

/// A password sealed for each agent of a ticket.
#[derive(Debug, Clone, Serialize)]
pub struct SealedBody {
    /// The operation.
    pub request_id: String,
    /// One structure for each agent.
    pub agents: Vec<SealedFor>,
}

/// A structure for one agent.
#[derive(Debug, Clone, Serialize)]
pub struct SealedFor {
    /// Whose it is.
    pub agent_id: String,
    /// The inner structure, base64url.
    pub sealed: String,
}

/// The answer to a posting, in JSON.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// The status of the answer.
    #[serde(skip)]
    pub status: u16,
    /// `ended`, `waiting`, `unknown` or `refused`.
    pub state: String,
    /// The stable name.
    pub outcome: String,
    /// Its number.
    pub number: String,
    /// yes, no or unknown.
    pub changed: String,
    /// The sentences for the person.
    pub message: String,
    /// Where the page goes.
    pub location: String,
}

impl Ticket {
    /// Seals a password for every agent of the ticket.
    ///
    /// # Errors
    ///
    /// If the ticket is not one that can be sealed for, or the password cannot be one.
    pub fn seal(&self, password: &str) -> Result<SealedBody, StackError> {
        let password = ClearPassword::from_text(password)
            .map_err(|error| StackError::NotUnderstood(error.to_string()))?;
        let passwords = Passwords::New(password);
        let agents = self.agents.iter().map(|agent| agent.seal(&passwords));
        let agents = agents.collect::<Option<Vec<_>>>().ok_or_else(|| {
            StackError::NotUnderstood(format!("nobody can seal for the ticket {self:?}"))
        })?;
        Ok(SealedBody { request_id: self.request_id.clone(), agents })
    }
}

impl TicketAgent {
    fn seal(&self, passwords: &Passwords) -> Option<SealedFor> {
        let header = header(&URL_SAFE_NO_PAD.decode(&self.associated_data).ok()?)?;
        let key = PublicKey::from_spki(&URL_SAFE_NO_PAD.decode(&self.spki).ok()?).ok()?;
        // The script takes the id from the ticket, and so must be able to trust it.
        if URL_SAFE_NO_PAD.encode(key.key_id().to_bytes()) != self.key_id {
            return None;
        }
        let sealed =
            seal::seal_passwords(&key, &header, passwords, &SystemRandomness::default()).ok()?;
        Some(SealedFor { agent_id: self.agent_id.clone(), sealed: URL_SAFE_NO_PAD.encode(sealed) })
    }
}

/// The header within associated data: an array of the purpose and the header.
fn header(associated_data: &[u8]) -> Option<Header> {
    // The array's head and the label's head are one byte each: two items, less than 24 letters.
    let before = 2 + Purpose::Password.label().len();
    let header = Header::decode(associated_data.get(before..)?).ok()?;
    (header.associated_data(Purpose::Password) == associated_data).then_some(header)
}

impl SealedBody {
    pub(super) fn json(&self, flow: Option<&str>) -> String {
        let mut body = serde_json::json!(self);
        body["flow"] = flow.into();
        body.to_string()
    }
}

impl Answer {
    pub(super) fn read(status: u16, body: &str) -> Result<Self, StackError> {
        let answer: Self = serde_json::from_str(body)
            .map_err(|_| StackError::NotUnderstood(format!("status {status}: {body}")))?;
        Ok(Self { status, ..answer })
    }
}

#[cfg(test)]
mod tests {
    use protocol::{AgentId, KeyId, Operation, RequestId, TenantId, Timestamp};

    use super::*;

    #[test]
    fn the_header_is_found_in_the_associated_data_and_only_there() {
        let expected = Header {
            tenant: TenantId::from_bytes([1; 16]),
            agent: AgentId::from_bytes([2; 16]),
            request: RequestId::from_bytes([3; 16]),
            operation: Operation::Reset,
            cloud_anchor: "0f6e7a3c-0000-4000-8000-000000000001".parse().unwrap(),
            key_id: KeyId::from_bytes([4; 16]),
            issued_at: Timestamp::from_millis(1_700_000_000_000),
            expires_at: Timestamp::from_millis(1_700_000_180_000),
        };
        let of = |purpose| header(&expected.associated_data(purpose));
        assert_eq!(of(Purpose::Password), Some(expected.clone()));
        assert_eq!(of(Purpose::Answer), None);
        assert_eq!(header(b""), None);
    }
}
