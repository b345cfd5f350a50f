//! What is in a connector space: objects as they were last read on the other side.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use protocol::{CloudAnchor, SourceAnchor};
use serde::{Deserialize, Serialize};

use crate::{CloudUser, SyncError};

/// Attributes by name, each with its values; binary ones as the caller wrote them as text.
pub type Attributes = BTreeMap<String, Vec<String>>;

/// The name of the cloud's connector.
const CLOUD: &str = "cloud";

/// The longest name of a connector, in bytes. A DNS domain name has at most 253.
const NAME_MAX: usize = 253;

/// The name of a connector: one per directory as the configuration calls it, and the cloud's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ConnectorName(String);

/// A text that cannot be the name of a directory's connector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a directory's name has 1 to 253 characters, no control characters, and is not `cloud`")]
pub struct ConnectorNameError;

impl ConnectorName {
    /// The connector of the cloud.
    pub fn cloud() -> Self {
        Self(CLOUD.to_owned())
    }

    /// Whether it is the cloud's.
    pub fn is_cloud(&self) -> bool {
        self.0 == CLOUD
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name as it was stored.
    pub(crate) const fn stored(name: String) -> Self {
        Self(name)
    }
}

impl FromStr for ConnectorName {
    type Err = ConnectorNameError;

    /// Takes the name of a directory.
    fn from_str(text: &str) -> Result<Self, ConnectorNameError> {
        let refused = text.is_empty()
            || text.len() > NAME_MAX
            || text.chars().any(char::is_control)
            || text.eq_ignore_ascii_case(CLOUD);
        if refused { Err(ConnectorNameError) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for ConnectorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ConnectorName {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An object as an import read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedObject {
    /// What names the object for ever on its side: base64 of objectGUID in a directory, the
    /// cloudAnchor in the cloud. A rename or a move does not change it (SPEC Y-4).
    pub anchor: String,
    /// The distinguished name; empty in the cloud.
    pub dn: String,
    /// What was read. Names are compared without regard to case, as LDAP does.
    pub attributes: Attributes,
    /// The sourceAnchor (SPEC Y-3), which the caller works out; `externalId` in the cloud.
    pub source_anchor: SourceAnchor,
}

impl ImportedObject {
    /// An object of a directory.
    pub fn of_directory(
        object_guid: [u8; 16],
        dn: impl Into<String>,
        source_anchor: SourceAnchor,
        attributes: Attributes,
    ) -> Self {
        Self { anchor: anchor_of(object_guid), dn: dn.into(), attributes, source_anchor }
    }

    /// A user of the cloud.
    pub fn of_cloud(cloud_anchor: &CloudAnchor, user: &CloudUser) -> Self {
        Self {
            anchor: cloud_anchor.as_str().to_owned(),
            dn: String::new(),
            attributes: user.attributes(),
            source_anchor: user.source_anchor.clone(),
        }
    }
}

/// The anchor of an object of a directory.
pub(crate) fn anchor_of(object_guid: [u8; 16]) -> String {
    BASE64.encode(object_guid)
}

/// The objectGUID that a directory's anchor stands for.
pub(crate) fn object_guid(anchor: &str) -> Result<[u8; 16], SyncError> {
    let bytes = BASE64.decode(anchor).map_err(|_| SyncError::Anchor)?;
    bytes.try_into().map_err(|_| SyncError::Anchor)
}

/// The values of an attribute, whatever the case of its name; none if it is not there.
pub(crate) fn values<'a>(attributes: &'a Attributes, name: &str) -> &'a [String] {
    let exact = attributes.get(name);
    let found = exact.or_else(|| {
        attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, values)| values)
    });
    found.map_or(&[], Vec::as_slice)
}

/// The form in which logins are compared: AD and the cloud ignore case.
pub(crate) fn folded(login: &str) -> String {
    login.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_directory_can_pass_for_the_cloud() {
        for bad in ["", "cloud", "Cloud", "a\nb", &"x".repeat(254)] {
            assert!(bad.parse::<ConnectorName>().is_err(), "{bad:?}");
        }
        let name: ConnectorName = "corp.example, élève".parse().unwrap();
        assert!(!name.is_cloud());
        assert!(ConnectorName::cloud().is_cloud());
    }

    #[test]
    fn an_attribute_is_found_whatever_its_case() {
        let attributes = Attributes::from([("sAMAccountName".into(), vec!["jan".into()])]);
        assert_eq!(values(&attributes, "samaccountname"), ["jan"]);
        assert!(values(&attributes, "mail").is_empty());
    }

    #[test]
    fn only_the_base64_of_sixteen_bytes_is_an_object_guid() {
        let anchor = BASE64.encode([7; 16]);
        assert_eq!(object_guid(&anchor).unwrap(), [7; 16]);
        for bad in [String::new(), "?".into(), BASE64.encode([7; 15]), BASE64.encode([7; 17])] {
            assert!(object_guid(&bad).is_err(), "{bad}");
        }
    }
}
