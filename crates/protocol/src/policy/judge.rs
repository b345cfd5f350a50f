//! Who judges a password.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// The kind of controller that judges a password. The two count some characters differently, and
/// only one of them looks at names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Judge {
    /// Windows, as MS-SAMR 3.1.1.7.2 and the description of the setting "Password must meet
    /// complexity requirements" say.
    Windows,
    /// Samba, as 4.24 was tried, character by character.
    Samba,
}

impl Judge {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Windows, Self::Samba];
}

/// Reads a judge. A name that a later version has given to another one is nobody known, and must
/// not make the whole policy unreadable.
pub(super) fn known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Judge>, D::Error> {
    let Some(name) = Option::<String>::deserialize(from)? else { return Ok(None) };
    match name.as_str() {
        "windows" => Ok(Some(Judge::Windows)),
        "samba" => Ok(Some(Judge::Samba)),
        "" => Err(D::Error::custom("a judge without a name")),
        _ => Ok(None),
    }
}
