//! Security identifiers (MS-DTYP 2.4.2).

use std::fmt;
use std::str::FromStr;

/// The most sub-authorities that a SID has. MS-DTYP 2.4.2.2.
const SUB_AUTHORITIES_MAX: usize = 15;

/// A security identifier: `S-1-authority-sub-sub-…`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    authority: u64,
    subs: Vec<u32>,
}

/// Bytes or text that are not a SID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a security identifier")]
pub struct SidError;

impl Sid {
    /// A SID under the NT authority (5), made of its sub-authorities.
    ///
    /// # Errors
    /// [`SidError`] for none or more than 15.
    pub fn nt(subs: &[u32]) -> Result<Self, SidError> {
        if subs.is_empty() || subs.len() > SUB_AUTHORITIES_MAX {
            return Err(SidError);
        }
        Ok(Self { authority: 5, subs: subs.to_vec() })
    }

    /// Everyone, `S-1-1-0` (MS-DTYP 2.4.2.4).
    pub fn everyone() -> Self {
        Self { authority: 1, subs: vec![0] }
    }

    /// Self, `S-1-5-10`: in the entries of an object, the object's own account.
    pub fn principal_self() -> Self {
        Self { authority: 5, subs: vec![10] }
    }

    /// Authenticated Users, `S-1-5-11`.
    pub fn authenticated_users() -> Self {
        Self { authority: 5, subs: vec![11] }
    }

    /// Creator Owner, `S-1-3-0`: in an entry that is inherited, the owner of the object below.
    pub fn creator_owner() -> Self {
        Self { authority: 3, subs: vec![0] }
    }

    /// Creator Group, `S-1-3-1`: in an entry that is inherited, the group of the object below.
    pub fn creator_group() -> Self {
        Self { authority: 3, subs: vec![1] }
    }

    /// Owner Rights, `S-1-3-4`: in the entries of an object, its owner.
    pub fn owner_rights() -> Self {
        Self { authority: 3, subs: vec![4] }
    }

    /// Network, `S-1-5-2`: whoever is signed in from another machine, as over LDAP.
    pub fn network() -> Self {
        Self { authority: 5, subs: vec![2] }
    }

    /// This Organization, `S-1-5-15`: whoever is signed in from the controller's own forest.
    pub fn this_organization() -> Self {
        Self { authority: 5, subs: vec![15] }
    }

    /// A SID of any authority, which has six bytes.
    ///
    /// # Errors
    /// [`SidError`] for an authority of 2^48 or more, and for none or more than 15 sub-authorities.
    pub(crate) fn of(authority: u64, subs: &[u32]) -> Result<Self, SidError> {
        if authority >= 1 << 48 {
            return Err(SidError);
        }
        Ok(Self { authority, ..Self::nt(subs)? })
    }

    /// The authority and the sub-authorities.
    pub(crate) fn parts(&self) -> (u64, &[u32]) {
        (self.authority, &self.subs)
    }

    /// The account or group with this number, of the domain whose SID this is.
    ///
    /// # Errors
    /// [`SidError`] if there is no room for another sub-authority.
    pub fn with_rid(&self, rid: u32) -> Result<Self, SidError> {
        Self::of(self.authority, &[&self.subs[..], &[rid]].concat())
    }

    /// Reads the binary form: revision 1, count, authority (6 bytes, big endian), sub-authorities
    /// (4 bytes each, little endian).
    ///
    /// # Errors
    /// [`SidError`] if there is a byte too few or too many, or another revision.
    pub fn from_value(value: &[u8]) -> Result<Self, SidError> {
        let (head, tail) = value.split_at_checked(8).ok_or(SidError)?;
        let count = usize::from(head[1]);
        if head[0] != 1 || !(1..=SUB_AUTHORITIES_MAX).contains(&count) || tail.len() != 4 * count {
            return Err(SidError);
        }
        let authority = head[2..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let subs = tail
            .chunks_exact(4)
            .map(|four| four.iter().rev().fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte)));
        Ok(Self { authority, subs: subs.collect() })
    }

    /// Reads the SID at the front of these bytes; what follows it is handed back.
    pub(crate) fn from_front(value: &[u8]) -> Result<(Self, &[u8]), SidError> {
        let count = value.get(1).copied().ok_or(SidError)?;
        let (sid, rest) = value.split_at_checked(8 + 4 * usize::from(count)).ok_or(SidError)?;
        Ok((Self::from_value(sid)?, rest))
    }

    /// The binary form.
    pub fn to_value(&self) -> Vec<u8> {
        let mut value = vec![1, u8::try_from(self.subs.len()).unwrap_or(u8::MAX)];
        value.extend_from_slice(&self.authority.to_be_bytes()[2..]);
        for sub in &self.subs {
            value.extend_from_slice(&sub.to_le_bytes());
        }
        value
    }

    /// The last sub-authority: which account or group of the domain.
    pub fn rid(&self) -> u32 {
        self.subs.last().copied().unwrap_or_default()
    }

    /// The domain's SID if this is an account or group of a domain (`S-1-5-21-a-b-c-rid`).
    pub fn domain(&self) -> Option<Self> {
        let of_domain = self.authority == 5 && self.subs.len() == 5 && self.subs[0] == 21;
        of_domain.then(|| Self { authority: 5, subs: self.subs[..4].to_vec() })
    }

    /// The RID if this is an account or group of *some* domain. Groups like Enterprise Admins
    /// live in the forest's root domain, whose SID differs from the person's.
    pub fn domain_rid(&self) -> Option<u32> {
        self.domain().map(|_| self.rid())
    }

    /// The RID if this is a built-in group (`S-1-5-32-rid`).
    pub fn builtin_rid(&self) -> Option<u32> {
        let builtin = self.authority == 5 && self.subs.len() == 2 && self.subs[0] == 32;
        builtin.then(|| self.rid())
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // MS-DTYP 2.4.2.1: an authority of 2^32 or more is written in hexadecimal.
        if self.authority < 1 << 32 {
            write!(f, "S-1-{}", self.authority)?;
        } else {
            write!(f, "S-1-0x{:012X}", self.authority)?;
        }
        self.subs.iter().try_for_each(|sub| write!(f, "-{sub}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({self})")
    }
}

impl FromStr for Sid {
    type Err = SidError;

    fn from_str(text: &str) -> Result<Self, SidError> {
        let mut parts = text.strip_prefix("S-1-").ok_or(SidError)?.split('-');
        let first = parts.next().ok_or(SidError)?;
        let authority = match first.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => first.parse(),
        };
        let authority = authority.ok().filter(|number| *number < 1 << 48).ok_or(SidError)?;
        let subs: Vec<u32> =
            parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| SidError)?;
        if subs.is_empty() || subs.len() > SUB_AUTHORITIES_MAX {
            return Err(SidError);
        }
        Ok(Self { authority, subs })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stored_sid_prints_as_tools_print_it() {
        // Administrators: S-1-5-32-544.
        let stored = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let sid = Sid::from_value(&stored).unwrap();
        assert_eq!(sid.to_string(), "S-1-5-32-544");
        assert_eq!(sid.builtin_rid(), Some(544));
        assert_eq!((sid.domain(), sid.domain_rid()), (None, None));
    }

    #[test]
    fn an_account_has_a_domain_and_a_rid() {
        let sid: Sid = "S-1-5-21-1-2-3-1104".parse().unwrap();
        assert_eq!(sid.domain().unwrap().to_string(), "S-1-5-21-1-2-3");
        assert_eq!(sid.domain_rid(), Some(1104));
        // The domain itself is no account of a domain, whatever its last number is.
        assert_eq!("S-1-5-21-1-2-512".parse::<Sid>().unwrap().domain_rid(), None);
    }

    #[test]
    fn well_known_ones_are_those_of_the_books() {
        for (sid, text) in [
            (Sid::everyone(), "S-1-1-0"),
            (Sid::principal_self(), "S-1-5-10"),
            (Sid::authenticated_users(), "S-1-5-11"),
            (Sid::creator_owner(), "S-1-3-0"),
            (Sid::creator_group(), "S-1-3-1"),
            (Sid::owner_rights(), "S-1-3-4"),
            (Sid::network(), "S-1-5-2"),
            (Sid::this_organization(), "S-1-5-15"),
        ] {
            assert_eq!(sid.to_string(), text);
        }
    }

    #[test]
    fn a_domain_with_a_number_is_an_account_of_it() {
        let domain: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let admins = domain.with_rid(512).unwrap();
        assert_eq!(admins.to_string(), "S-1-5-21-1-2-3-512");
        assert_eq!(admins.domain(), Some(domain));
        assert!(Sid::of(1 << 48, &[1]).is_err());
        assert!(Sid::nt(&[1; 15]).unwrap().with_rid(1).is_err());
    }

    #[test]
    fn a_byte_too_few_or_too_many_is_refused() {
        let stored = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
        assert!(Sid::from_value(&stored).is_ok());
        assert!(Sid::from_value(&stored[..11]).is_err());
        assert!(Sid::from_value(&[&stored[..], &[0]].concat()).is_err());
        assert!(Sid::from_value(&[1, 0, 0, 0, 0, 0, 0, 5]).is_err());
    }

    proptest! {
        #[test]
        fn both_forms_read_back(
            authority in 0..1_u64 << 48,
            subs in proptest::collection::vec(any::<u32>(), 1..=15),
        ) {
            let sid = Sid { authority, subs };
            prop_assert_eq!(&Sid::from_value(&sid.to_value()).unwrap(), &sid);
            prop_assert_eq!(&sid.to_string().parse::<Sid>().unwrap(), &sid);
        }

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(sid) = Sid::from_value(&bytes) {
                prop_assert_eq!(sid.to_value(), bytes);
            }
        }
    }
}
