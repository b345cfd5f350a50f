//! The witness of a set: what replication metadata says about `unicodePwd` (SPEC PR-2).
//!
//! The version of an attribute rises by one with every write and not with a refused one, so that
//! two readings at the same controller show whether a set took place in between.

use std::fmt;

use protocol::Timestamp;
use protocol::policy::Judge;

use crate::account::PwdLastSet;
use crate::attributes::Entry;
use crate::{DirectoryError, ObjectGuid, filetime};

/// The attributes that a [`Witness`] is read from.
pub(crate) const ATTRIBUTES: &[&str] = &["replPropertyMetaData", "pwdLastSet"];
/// `unicodePwd` (1.2.840.113556.1.4.90) in the default prefix table: prefix 9 stands for
/// 1.2.840.113556.1.4 (MS-DRSR 5.16.4).
const UNICODE_PWD: u32 = 0x0009_005a;
/// `pwdLastSet` (1.2.840.113556.1.4.96), likewise.
const PWD_LAST_SET: u32 = 0x0009_0060;
/// Bytes in front of the entries: version, reserved, count, reserved (MS-DRSR, PROPERTY_META_DATA_VECTOR
/// as stored).
const HEAD: usize = 16;
/// Bytes of an entry: attribute, version, time, invocation id, originating and local USN.
const ENTRY: usize = 48;

/// Which copy of the directory's database: changes when a controller is restored, from a backup or as a
/// virtual machine, and when it holds a partition anew.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct InvocationId(pub ObjectGuid);

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvocationId({self})")
    }
}

/// How the password stood at one controller at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// How often `unicodePwd` was written; 0 if never.
    pub version: u32,
    /// At which controller it was last written.
    pub originator: Option<InvocationId>,
    /// When it was last written, by the clock of that controller, to the second.
    pub written_at: Option<Timestamp>,
    /// `pwdLastSet`.
    pub pwd_last_set: PwdLastSet,
    /// Whether `pwdLastSet` and `unicodePwd` were last written by one and the same modify: those share
    /// their originating USN.
    pub of_one_write: bool,
    /// Who judges passwords at this controller.
    pub judge: Judge,
    /// The DNS name of the controller that said so.
    pub controller: String,
    /// Its database.
    pub invocation_id: InvocationId,
}

/// The metadata of one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writes {
    pub(crate) version: u32,
    pub(crate) originator: InvocationId,
    pub(crate) at: Timestamp,
    /// Which change of the originator's copy it was.
    pub(crate) usn: u64,
}

impl Witness {
    /// Reads what an object's entry says, at a controller.
    ///
    /// # Errors
    /// [`DirectoryError::Unreadable`] without metadata, or with some of another form.
    pub fn read(
        entry: &Entry,
        controller: &str,
        invocation_id: InvocationId,
        judge: Judge,
    ) -> Result<Self, DirectoryError> {
        let unreadable = DirectoryError::Unreadable { attribute: "replPropertyMetaData" };
        let metadata = entry.attributes.value("replPropertyMetaData").ok_or(unreadable.clone())?;
        let of =
            |attribute| writes_of(metadata, attribute).map_err(|MetadataError| unreadable.clone());
        let (writes, last_set) = (of(UNICODE_PWD)?, of(PWD_LAST_SET)?);
        Ok(Self {
            version: writes.map_or(0, |writes| writes.version),
            originator: writes.map(|writes| writes.originator),
            written_at: writes.map(|writes| writes.at),
            pwd_last_set: PwdLastSet::of(entry.attributes.parsed("pwdLastSet")?),
            of_one_write: writes.zip(last_set).is_some_and(|(one, other)| one.is_one_with(&other)),
            judge,
            controller: controller.to_owned(),
            invocation_id,
        })
    }

    /// Whether the password expired as it was set: its write itself made `pwdLastSet` 0, which it does for
    /// whoever lacks Unexpire Password (MS-SAMR 3.1.1.8.7). Somebody who asks for a change later writes
    /// `pwdLastSet` alone.
    pub fn expired_when_set(&self) -> bool {
        self.pwd_last_set == PwdLastSet::Never && self.of_one_write
    }
}

impl Writes {
    /// Whether both came of the same originating change.
    fn is_one_with(&self, other: &Self) -> bool {
        (self.originator, self.usn, self.at) == (other.originator, other.usn, other.at)
    }
}

/// Metadata that is not what MS-DRSR describes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MetadataError;

/// Finds one attribute in `replPropertyMetaData`.
pub(crate) fn writes_of(metadata: &[u8], wanted: u32) -> Result<Option<Writes>, MetadataError> {
    let (head, entries) = metadata.split_at_checked(HEAD).ok_or(MetadataError)?;
    let count = usize::try_from(number(&head[8..12])).map_err(|_| MetadataError)?;
    if number(&head[..4]) != 1 || Some(entries.len()) != count.checked_mul(ENTRY) {
        return Err(MetadataError);
    }
    let entry = entries.chunks_exact(ENTRY).find(|entry| number(&entry[..4]) == wanted);
    entry.map(writes).transpose()
}

fn writes(entry: &[u8]) -> Result<Writes, MetadataError> {
    let originator = ObjectGuid::from_value(&entry[16..32]).map_err(|_| MetadataError)?;
    // DSTIME: seconds since 1601 (MS-DRSR 5.54).
    let seconds = u64::from(number(&entry[12..16])) << 32 | u64::from(number(&entry[8..12]));
    let at = filetime::moment_of_seconds(i64::try_from(seconds).map_err(|_| MetadataError)?);
    let usn = u64::from(number(&entry[36..40])) << 32 | u64::from(number(&entry[32..36]));
    Ok(Writes { version: number(&entry[4..8]), originator: InvocationId(originator), at, usn })
}

fn number(four: &[u8]) -> u32 {
    four.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn metadata(entries: &[(u32, u32)]) -> Vec<u8> {
        let of_one = |(attribute, version): &(u32, u32)| (*attribute, *version, ONE);
        stamped(&entries.iter().map(of_one).collect::<Vec<_>>())
    }

    /// A second of 2023, a copy, and a change of it.
    type Stamp = (u64, u8, u64);

    const ONE: Stamp = (1_700_000_000, 7, 0x0102_0304_0506_0708);

    fn stamped(entries: &[(u32, u32, Stamp)]) -> Vec<u8> {
        let mut bytes =
            [1_u32, 0, u32::try_from(entries.len()).unwrap(), 0].map(u32::to_le_bytes).concat();
        for (attribute, version, (at, copy, usn)) in entries {
            bytes.extend(attribute.to_le_bytes());
            bytes.extend(version.to_le_bytes());
            bytes.extend((11_644_473_600 + at).to_le_bytes());
            bytes.extend([*copy; 16]);
            bytes.extend(usn.to_le_bytes());
            bytes.extend([8; 8]);
        }
        bytes
    }

    #[test]
    fn the_version_of_the_password_is_found_among_the_others() {
        let bytes = metadata(&[(0, 1), (UNICODE_PWD, 513), (0x0009_0060, 4)]);
        let writes = writes_of(&bytes, UNICODE_PWD).unwrap().unwrap();
        assert_eq!(writes.version, 513);
        assert_eq!(writes.originator, InvocationId(ObjectGuid::from_bytes([7; 16])));
        assert_eq!(writes.at, Timestamp::from_millis(1_700_000_000_000));
        assert_eq!(writes.usn, ONE.2);
        assert_eq!(writes_of(&metadata(&[(0, 1)]), UNICODE_PWD), Ok(None));
        assert_eq!(writes_of(&metadata(&[]), UNICODE_PWD), Ok(None));
    }

    /// A password of its write at [`ONE`], and `pwdLastSet` of another one.
    fn witness(last_set: Option<&str>, stamp: Option<Stamp>) -> Witness {
        let of = |stamp| (PWD_LAST_SET, 3, stamp);
        let entries = [Some((UNICODE_PWD, 5, ONE)), stamp.map(of)];
        let mut attributes = crate::Attributes::default();
        let metadata = stamped(&entries.into_iter().flatten().collect::<Vec<_>>());
        attributes.insert("replPropertyMetaData", metadata);
        last_set.into_iter().for_each(|steps| attributes.insert("pwdLastSet", steps));
        let entry = Entry { dn: "CN=Jan,DC=corp,DC=example".parse().unwrap(), attributes };
        let id = InvocationId(ObjectGuid::from_bytes([7; 16]));
        Witness::read(&entry, "dc1", id, Judge::Windows).unwrap()
    }

    #[test]
    fn a_password_that_expired_as_it_was_set_is_told_from_one_that_has_to_be_changed_since() {
        assert!(witness(Some("0"), Some(ONE)).expired_when_set());
        let (at, copy, usn) = ONE;
        // In the next change, at another controller, or a second later: by somebody else.
        for later in [(at, copy, usn + 1), (at, copy + 1, usn), (at + 1, copy, usn)] {
            assert!(!witness(Some("0"), Some(later)).expired_when_set(), "{later:?}");
        }
        assert!(!witness(Some("0"), None).expired_when_set(), "never written");
        let set = witness(Some("133500000000000000"), Some(ONE));
        assert!(set.of_one_write && !set.expired_when_set());
        assert!(!witness(None, Some(ONE)).expired_when_set(), "hidden");
    }

    #[test]
    fn a_count_that_does_not_match_is_refused() {
        let good = metadata(&[(UNICODE_PWD, 1), (1, 1)]);
        assert_eq!(writes_of(&good[..good.len() - 1], UNICODE_PWD), Err(MetadataError));
        let mut many = good.clone();
        many[8..12].copy_from_slice(&[0xff; 4]);
        assert_eq!(writes_of(&many, UNICODE_PWD), Err(MetadataError));
        let mut other_version = good;
        other_version[0] = 2;
        assert_eq!(writes_of(&other_version, UNICODE_PWD), Err(MetadataError));
        assert_eq!(writes_of(&[], UNICODE_PWD), Err(MetadataError));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = writes_of(&bytes, UNICODE_PWD);
        }
    }
}
