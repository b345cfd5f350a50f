//! Typed identifiers, so that a tenant is never passed where an agent is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::{CLOUD_ANCHOR_MAX, SOURCE_ANCHOR_MAX};
use crate::randomness::Randomness;

/// An identifier that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} cannot be read from the given text")]
pub struct IdError {
    kind: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random identifier (UUID version 4).
            pub fn random(randomness: &dyn Randomness) -> Self {
                let mut bytes = [0; 16];
                randomness.fill(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The identifier that these 16 bytes stand for.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes that stand for the identifier on the wire and in databases.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError { kind: $kind })
            }
        }
    };
}

uuid_id!(
    /// One organisation.
    TenantId, "a tenant id"
);
uuid_id!(
    /// One agent of a tenant: its identity, which lives until it is revoked (SPEC A-2).
    AgentId, "an agent id"
);
uuid_id!(
    /// One running process of an agent (SPEC A-3): two live ones of one agent raise an alarm.
    InstanceId, "an instance id"
);
uuid_id!(
    /// One password operation, from the sealing ticket to the audit of both sides.
    RequestId, "a request id"
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text of the identifier.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Takes 1 to the longest length of visible ASCII characters.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                if text.is_empty() || text.len() > $max || !visible {
                    return Err(IdError { kind: $kind });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// What names a person in the cloud: the SCIM `id`, given by the cloud at the first export.
    /// The agent finds the person by it (SPEC W-7).
    CloudAnchor, "a cloudAnchor", CLOUD_ANCHOR_MAX
);
text_id!(
    /// What names a person in the directory for ever: base64 of ms-DS-ConsistencyGuid or
    /// objectGUID (SPEC Y-3). The SCIM `externalId`.
    SourceAnchor, "a sourceAnchor", SOURCE_ANCHOR_MAX
);

impl CloudAnchor {
    /// A new random cloudAnchor (a UUID, version 4).
    pub fn random(randomness: &dyn Randomness) -> Self {
        Self(RequestId::random(randomness).to_string())
    }
}

/// The first 16 bytes of a SHA-256: of a public key's SPKI, or of a symmetric key's fingerprint
/// (INTERFACES "Package").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// The id that these bytes are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyId {
    type Err = IdError;

    /// Takes the 32 hexadecimal digits that it is printed as.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let unreadable = IdError { kind: "a key id" };
        if text.len() != 32 || !text.is_ascii() {
            return Err(unreadable);
        }
        let mut id = [0; 16];
        for (at, byte) in id.iter_mut().enumerate() {
            let digits = &text[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| unreadable.clone())?;
        }
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_takes_only_visible_ascii_within_its_length() {
        assert!("".parse::<CloudAnchor>().is_err());
        assert!("with blank".parse::<CloudAnchor>().is_err());
        assert!("é".parse::<CloudAnchor>().is_err());
        assert!("x".repeat(CLOUD_ANCHOR_MAX).parse::<CloudAnchor>().is_ok());
        assert!("x".repeat(CLOUD_ANCHOR_MAX + 1).parse::<CloudAnchor>().is_err());
    }

    #[test]
    fn a_key_id_prints_as_hexadecimal_and_reads_back() {
        let id = KeyId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
        assert!("ab".parse::<KeyId>().is_err());
        assert!("zz".repeat(16).parse::<KeyId>().is_err());
    }
}
