//! Who has a SID, and whether it is a group whose members are known by it: `tokenGroups` holds security
//! groups and no others (MS-ADTS 3.1.1.4.5.19; MS-DRSR 4.1.8.3).

use crate::attributes::Entry;
use crate::{Attributes, DirectoryError, DistinguishedName, Sid};

/// The attributes that a [`Holder`] is read from.
pub(crate) const ATTRIBUTES: &[&str] = &["objectClass", "groupType", "objectSid"];
/// GROUP_TYPE_SECURITY_ENABLED (MS-ADTS 2.2.12).
const SECURITY_ENABLED: u32 = 0x8000_0000;

/// Who has a SID in a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A security group: the groups of each of its members, nested ones too, have it among them.
    SecurityGroup(DistinguishedName),
    /// A distribution group, which is among nobody's groups.
    DistributionGroup(DistinguishedName),
    /// Somebody or something that is no group.
    NoGroup(DistinguishedName),
    /// Nobody, as far as the service account may see.
    Nobody,
    /// It is of another domain, of which nothing is looked up here. A universal security group of the forest counts all the same; whether it
    /// is one is not known here.
    OfAnotherDomain,
}

impl Holder {
    /// Whether a SID is of another domain than the one with this head. Then the directory is not asked about
    /// it: what a controller says of another domain's SID depends on whether it is a global catalog.
    ///
    /// # Errors
    /// [`DirectoryError::Unreadable`] where the head's own SID is none.
    pub fn is_elsewhere(sid: &Sid, head: &Attributes) -> Result<bool, DirectoryError> {
        let own = head.sids("objectSid")?.pop();
        Ok(sid.domain().is_some_and(|domain| own.is_some_and(|own| own != domain)))
    }

    /// Reads what was found under a SID of the domain.
    ///
    /// # Errors
    /// [`DirectoryError::Unreadable`] where it cannot be said what it is.
    pub fn read(found: Option<Entry>) -> Result<Self, DirectoryError> {
        let Some(Entry { dn, attributes }) = found else { return Ok(Self::Nobody) };
        if !attributes.texts("objectClass").any(|class| class.eq_ignore_ascii_case("group")) {
            return Ok(Self::NoGroup(dn));
        }
        // A signed number; the bits are what counts.
        let kind = attributes.required::<i32>("groupType")?.cast_unsigned();
        Ok(match kind & SECURITY_ENABLED {
            0 => Self::DistributionGroup(dn),
            _ => Self::SecurityGroup(dn),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(found: Option<&[(&str, &str)]>) -> Result<Holder, DirectoryError> {
        let found = found.map(|pairs| {
            let mut attributes = Attributes::default();
            pairs.iter().for_each(|(name, value)| attributes.insert(name, *value));
            Entry { dn: dn(), attributes }
        });
        Holder::read(found)
    }

    fn dn() -> DistinguishedName {
        "CN=Board,DC=corp,DC=example".parse().unwrap()
    }

    #[test]
    fn a_group_is_told_from_one_for_mail_and_from_what_is_none() {
        let group = |kind| read(Some(&[("objectClass", "group"), ("groupType", kind)]));
        // Global, domain local, universal and built in; the same for mail.
        for kind in ["-2147483646", "-2147483644", "-2147483640", "-2147483643"] {
            assert_eq!(group(kind), Ok(Holder::SecurityGroup(dn())), "{kind}");
        }
        for kind in ["2", "4", "8"] {
            assert_eq!(group(kind), Ok(Holder::DistributionGroup(dn())), "{kind}");
        }
        let hidden = Err(DirectoryError::Unreadable { attribute: "groupType" });
        assert_eq!(read(Some(&[("objectClass", "group")])), hidden);
        let person = [("objectClass", "user"), ("groupType", "2")];
        assert_eq!(read(Some(&person)), Ok(Holder::NoGroup(dn())));
        assert_eq!(read(None), Ok(Holder::Nobody));
    }

    #[test]
    fn nobody_s_is_told_from_what_is_not_known_here() {
        let mut head = Attributes::default();
        head.insert("objectSid", "S-1-5-21-1-2-3".parse::<Sid>().unwrap().to_value());
        for (sid, elsewhere) in [
            ("S-1-5-21-1-2-3-9999", false),
            ("S-1-5-21-1-2-4-1106", true),
            // Of no domain: nobody's groups have it.
            ("S-1-5-11", false),
            ("S-1-5-32-599", false),
        ] {
            assert_eq!(Holder::is_elsewhere(&sid.parse().unwrap(), &head), Ok(elsewhere), "{sid}");
        }
        let hidden = Attributes::default();
        let foreign = "S-1-5-21-1-2-4-1106".parse().unwrap();
        assert_eq!(Holder::is_elsewhere(&foreign, &hidden), Ok(false), "the domain's is not known");
    }
}
