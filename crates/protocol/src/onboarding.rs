//! The JSON of the agent's own HTTPS routes (INTERFACES "Agent's HTTPS routes on the cloud").
//!
//! ```text
//! enrol        code + identity key + name            → tenant, agent id        (once)
//! onboarding   step "offer": public and package key  → relay address           (message 1)
//!              step "confirm": the offered keys are on the agent's disk        (message 2)
//! offboarding  step "stop", then step "destroyed"                              (two messages)
//! heartbeat    health                                → the cloud's time, what it accepts, its nodes
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
    /// Whether the agent's channel is open, where it listens at a relay that the cloud cannot ask.
    /// Elsewhere, and from older agents, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<bool>,
}

/// The answer to [`HeartbeatRequest`].
#[derive(Debug, Serialize, Deserialize)]
pub struct HeartbeatResponse {
    /// What the cloud's clock says.
    pub now: Timestamp,
    /// The oldest protocol version that the cloud accepts.
    pub oldest_version: u64,
    /// The relay addresses of the cloud's nodes: `wss:` URLs without the entity, at most
    /// [`NODES_MAX`](crate::limits::NODES_MAX). None, also from an older cloud: there is the one
    /// address of the [`OnboardingResponse`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{NODE_NAME_MAX, NODES_MAX};

    #[test]
    fn a_heartbeat_of_an_agent_at_the_clouds_own_relay_is_the_one_that_older_programs_send() {
        let old = r#"{"version":"1","now":1700000000000,"directory_reachable":true}"#;
        let read: HeartbeatRequest = serde_json::from_str(old).unwrap();
        assert_eq!(read.listening, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }

    #[test]
    fn a_heartbeats_answer_without_nodes_is_the_one_that_older_programs_give_and_read() {
        let old = r#"{"now":1700000000000,"oldest_version":1}"#;
        let read: HeartbeatResponse = serde_json::from_str(old).unwrap();
        assert_eq!(read.nodes, [""; 0]);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }

    #[test]
    fn a_heartbeats_answer_with_all_the_nodes_that_there_can_be_stays_below_two_kibibytes() {
        let nodes = vec!["n".repeat(NODE_NAME_MAX); NODES_MAX];
        let now = Timestamp::from_millis(1_700_000_000_000);
        let answer = HeartbeatResponse { now, oldest_version: u64::MAX, nodes };
        assert!(serde_json::to_vec(&answer).unwrap().len() < 2_048);
    }

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
