//! Replication metadata: who wrote which attribute how often (`replPropertyMetaData`).

use std::collections::BTreeMap;

use directory::InvocationId;
use protocol::Timestamp;

/// `unicodePwd` in the default prefix table (MS-DRSR 5.16.4).
pub(crate) const UNICODE_PWD: u32 = 0x0009_005a;
/// The attributes that are accounted for, with their numbers. What is not replicated
/// (`badPwdCount`, `badPasswordTime`) has no metadata in AD either.
const NUMBERS: &[(&str, u32)] = &[
    ("objectclass", 0x0000_0000),
    ("cn", 0x0000_0003),
    ("sn", 0x0000_0004),
    ("givenname", 0x0000_002a),
    ("member", 0x0000_001f),
    ("description", 0x0000_000d),
    ("displayname", 0x0002_000d),
    ("useraccountcontrol", 0x0009_0008),
    ("unicodepwd", UNICODE_PWD),
    ("pwdlastset", 0x0009_0060),
    ("primarygroupid", 0x0009_0062),
    ("admincount", 0x0009_0096),
    ("accountexpires", 0x0009_009f),
    ("samaccountname", 0x0009_00dd),
    ("lockouttime", 0x0009_0296),
    ("userprincipalname", 0x0009_0290),
];
/// Seconds from 1601 to 1970.
const EPOCH_DIFFERENCE_S: i64 = 134_774 * 86_400;

/// The writes of one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) version: u32,
    pub(crate) at: Timestamp,
    pub(crate) originator: InvocationId,
    pub(crate) usn: u64,
}

/// The number of an attribute; none if it is not accounted for.
pub(crate) fn number_of(attribute: &str) -> Option<u32> {
    let found = NUMBERS.iter().find(|(name, _)| attribute.eq_ignore_ascii_case(name));
    found.map(|(_, number)| *number)
}

/// The value of `replPropertyMetaData` (MS-DRSR, PROPERTY_META_DATA_VECTOR as stored).
pub(crate) fn encode(writes: &BTreeMap<u32, Write>) -> Vec<u8> {
    let count = u32::try_from(writes.len()).unwrap_or(u32::MAX);
    let mut bytes = [1, 0, count, 0].map(u32::to_le_bytes).concat();
    for (attribute, write) in writes {
        bytes.extend(attribute.to_le_bytes());
        bytes.extend(write.version.to_le_bytes());
        bytes.extend((write.at.as_seconds() + EPOCH_DIFFERENCE_S).to_le_bytes());
        bytes.extend(write.originator.0.to_bytes());
        bytes.extend(write.usn.to_le_bytes());
        bytes.extend(write.usn.to_le_bytes());
    }
    bytes
}
