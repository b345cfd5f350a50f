//! The paths that listeners listen on and senders send to.

use std::fmt;

use protocol::{AgentId, TenantId};

/// The longest path, in bytes: what Azure Relay allows for the path of an entity.
pub const ENTITY_MAX: usize = 260;

/// A path at the relay, without a slash at either end. Passback's own is one agent's:
/// `t/<tenant>/a/<agent>`, so that a request can reach only the agent it is sealed for.
///
/// Upper and lower case are the same path (relay protocol, "Endpoints"), so it is kept in lower
/// case: equal entities are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entity(String);

/// A path that no entity can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of an entity")]
pub struct EntityError;

impl Entity {
    /// The path of one agent.
    pub fn of(tenant: TenantId, agent: AgentId) -> Self {
        Self(format!("t/{tenant}/a/{agent}"))
    }

    /// Reads a path: segments of ASCII letters, digits, `.`, `_` and `-` between single slashes,
    /// at most [`ENTITY_MAX`] bytes.
    ///
    /// # Errors
    /// [`EntityError`] for anything else, `.` and `..` as segments included.
    pub fn parse(path: &str) -> Result<Self, EntityError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let segment = |text: &str| !matches!(text, "" | "." | "..") && text.bytes().all(plain);
        if path.len() > ENTITY_MAX || !path.split('/').all(segment) {
            return Err(EntityError);
        }
        Ok(Self(path.to_ascii_lowercase()))
    }

    /// The same path below another one. Whoever calls this has seen to it that both together are not
    /// longer than [`ENTITY_MAX`].
    pub(crate) fn below(&self, base: &Self) -> Self {
        Self(format!("{base}/{self}"))
    }

    /// The path, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose path it is, if it is an agent's.
    pub fn agent(&self) -> Option<(TenantId, AgentId)> {
        let (tenant, agent) = self.0.strip_prefix("t/")?.split_once("/a/")?;
        let found = (tenant.parse().ok()?, agent.parse().ok()?);
        // A UUID can be written in several ways; only one of them is the agent's path.
        (Self::of(found.0, found.1) == *self).then_some(found)
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_path_names_tenant_and_agent() {
        let (tenant, agent) = (TenantId::from_bytes([1; 16]), AgentId::from_bytes([0xab; 16]));
        let entity = Entity::of(tenant, agent);
        assert_eq!(
            entity.as_str(),
            "t/01010101-0101-0101-0101-010101010101/a/abababab-abab-abab-abab-abababababab"
        );
        assert_eq!(entity.agent(), Some((tenant, agent)));
        assert_eq!(Entity::parse("tenants/t1/writeback").unwrap().agent(), None);
    }

    #[test]
    fn case_makes_no_difference() {
        assert_eq!(Entity::parse("T/One").unwrap(), Entity::parse("t/oNE").unwrap());
    }

    #[test]
    fn another_spelling_of_the_uuids_is_not_the_agents_path() {
        let squeezed = format!("t/{}/a/{}", "01".repeat(16), "ab".repeat(16));
        assert_eq!(Entity::parse(&squeezed).unwrap().agent(), None);
    }

    #[test]
    fn paths_that_could_climb_or_hide_are_refused() {
        for path in ["", "/a", "a/", "a//b", "a/../b", ".", "a b", "a%2fb", "a\r\nb", "ä"] {
            assert_eq!(Entity::parse(path), Err(EntityError), "{path}");
        }
        assert!(Entity::parse(&"x".repeat(ENTITY_MAX)).is_ok());
        assert!(Entity::parse(&"x".repeat(ENTITY_MAX + 1)).is_err());
    }
}
