//! The JSON of the agent's own HTTPS routes (INTERFACES "Agent's HTTPS routes on the cloud").
//!
//! ```text
//! enrol        code + identity key + name            → tenant, agent id        (once)
//! onboarding   step "offer": public and package key  → relay address           (message 1)
//!              step "confirm": the offered keys are on the agent's disk        (message 2)
//! offboarding  step "stop", then step "destroyed"                              (two messages)
//! heartbeat    health                                → the cloud's time, what it accepts
//! ```
//!
//! Keys travel as base64url without padding.

use serde::{Deserialize, Serialize};

use crate::{AgentId, TenantId, Timestamp};

/// `POST /agent/v1/enrol`.
#[derive(Serialize, Deserialize)]
pub struct EnrolRequest {
    /// The enrolment code, as an administrator handed it over. Used once.
    pub code: String,
    /// The agent's name, for the administrators.
    pub name: String,
    /// The public half of the agent identity, Ed25519, 32 bytes.
    pub identity_key: String,
}

/// The answer to [`EnrolRequest`].
#[derive(Debug, Serialize, Deserialize)]
pub struct EnrolResponse {
    /// The tenant that the code belongs to.
    pub tenant: TenantId,
    /// The id of the new agent.
    pub agent: AgentId,
}

/// `POST /agent/v1/onboarding`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum OnboardingRequest {
    /// The agent has made its keys and offers the cloud's halves.
    Offer {
        /// SPKI of the RSA key.
        spki: String,
        /// The package key, 32 bytes. This is the only time it travels.
        package_key: String,
        /// The public half of the key that may listen, Ed25519, 32 bytes (SPEC W-5).
        listen_key: String,
    },
    /// The keys are on the agent's disk; from now on the cloud may use them.
    Confirm {
        /// Hexadecimal id of the RSA key that was offered.
        key_id: String,
    },
}

/// The answer to [`OnboardingRequest`].
#[derive(Debug, Serialize, Deserialize)]
pub struct OnboardingResponse {
    /// Hexadecimal id of the RSA key that the cloud holds.
    pub key_id: String,
    /// The relay's address: a `wss:` URL without the entity.
    pub relay_url: String,
}

/// `POST /agent/v1/offboarding`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum OffboardingRequest {
    /// Send nothing more; forget the package key.
    Stop,
    /// The agent has destroyed its halves.
    Destroyed,
}

/// `POST /agent/v1/heartbeat`.
#[derive(Debug, Serialize, Deserialize)]
pub struct HeartbeatRequest {
    /// The agent's version.
    pub version: String,
    /// What the agent's clock says.
    pub now: Timestamp,
    /// Whether a probe of the LDAP path to the PDC emulator succeeded.
    pub directory_reachable: bool,
    /// Whether the breaker is open, so that no password is reset until an administrator releases it at
    /// the agent (SPEC A-5). None: the agent does not say, because it is older or cannot read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_open: Option<bool>,
}

/// The answer to [`HeartbeatRequest`].
#[derive(Debug, Serialize, Deserialize)]
pub struct HeartbeatResponse {
    /// What the cloud's clock says.
    pub now: Timestamp,
    /// The oldest protocol version that the cloud accepts.
    pub oldest_version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_says_nothing_of_its_breaker_is_understood_and_so_is_one_that_does() {
        let old = r#"{"version":"0.1.0","now":1700000000000,"directory_reachable":true}"#;
        let read: HeartbeatRequest = serde_json::from_str(old).unwrap();
        assert_eq!(read.breaker_open, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
        let new = HeartbeatRequest { breaker_open: Some(true), ..read };
        let text = serde_json::to_string(&new).unwrap();
        assert!(text.contains(r#""breaker_open":true"#), "{text}");

        // What a service of an earlier version reads of it.
        #[derive(Deserialize)]
        struct Earlier {
            directory_reachable: bool,
        }
        assert!(serde_json::from_str::<Earlier>(&text).unwrap().directory_reachable);
    }
}
