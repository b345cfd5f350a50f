//! Replication metadata: who wrote which attribute how often (`replPropertyMetaData`).

use std::collections::BTreeMap;

use directory::InvocationId;
use protocol::Timestamp;

/// What each controller keeps for itself: it is not replicated and has no metadata (MS-ADTS
/// 3.1.1.2.3, FLAG_ATTR_NOT_REPLICATED).
pub(crate) const LOCAL: &[&str] = &["badpwdcount", "badpasswordtime", "lastlogon"];
/// The attributes that are shown, with their numbers in the default prefix table (MS-DRSR 5.16.4).
const NUMBERS: &[(&str, u32)] = &[
    ("objectclass", 0x0000_0000),
    ("cn", 0x0000_0003),
    ("sn", 0x0000_0004),
    ("givenname", 0x0000_002a),
    ("member", 0x0000_001f),
    ("description", 0x0000_000d),
    ("displayname", 0x0002_000d),
    ("useraccountcontrol", 0x0009_0008),
    ("unicodepwd", 0x0009_005a),
    ("pwdlastset", 0x0009_0060),
    ("primarygroupid", 0x0009_0062),
    ("admincount", 0x0009_0096),
    ("accountexpires", 0x0009_009f),
    ("samaccountname", 0x0009_00dd),
    ("fsmoroleowner", 0x0009_0171),
    ("lockouttime", 0x0009_0296),
    ("userprincipalname", 0x0009_0290),
];
/// Seconds from 1601 to 1970.
const EPOCH_DIFFERENCE_S: i64 = 134_774 * 86_400;

/// The writes of one attribute: how many there were, and the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) version: u32,
    pub(crate) at: Timestamp,
    pub(crate) originator: InvocationId,
    /// Which change of the originator's copy it was, and which of this one.
    pub(crate) usn: u64,
    pub(crate) local_usn: u64,
}

impl Write {
    /// Whether it counts, and not the other one, where both were made: the higher version, then the
    /// later second, then the greater id (MS-DRSR 5.11).
    pub(crate) fn is_later_than(&self, other: Option<&Self>) -> bool {
        let order = |write: &Self| (write.version, write.at.as_seconds(), write.originator.0);
        other.is_none_or(|other| order(self) > order(other))
    }
}

/// Whether each controller keeps the attribute for itself.
pub(crate) fn is_local(attribute: &str) -> bool {
    LOCAL.iter().any(|name| attribute.eq_ignore_ascii_case(name))
}

/// The number of an attribute; none if it is not shown.
fn number_of(attribute: &str) -> Option<u32> {
    let found = NUMBERS.iter().find(|(name, _)| attribute.eq_ignore_ascii_case(name));
    found.map(|(_, number)| *number)
}

/// The value of `replPropertyMetaData` (MS-DRSR, PROPERTY_META_DATA_VECTOR as stored).
pub(crate) fn encode(writes: &BTreeMap<String, Write>) -> Vec<u8> {
    let numbered = writes.iter().filter_map(|(name, write)| Some((number_of(name)?, write)));
    let writes: BTreeMap<u32, &Write> = numbered.collect();
    let count = u32::try_from(writes.len()).unwrap_or(u32::MAX);
    let mut bytes = [1, 0, count, 0].map(u32::to_le_bytes).concat();
    for (attribute, write) in writes {
        bytes.extend(attribute.to_le_bytes());
        bytes.extend(write.version.to_le_bytes());
        bytes.extend((write.at.as_seconds() + EPOCH_DIFFERENCE_S).to_le_bytes());
        bytes.extend(write.originator.0.to_bytes());
        bytes.extend(write.usn.to_le_bytes());
        bytes.extend(write.local_usn.to_le_bytes());
    }
    bytes
}
