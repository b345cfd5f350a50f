//! The attributes of an entry, and how their values are read.

use std::collections::BTreeMap;
use std::str::FromStr;

use ldap3_proto::proto::LdapSearchResultEntry;

use crate::dn::extended;
use crate::{DirectoryError, DistinguishedName, ObjectGuid, Sid};

/// What a search returned for one object. Names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, Vec<Vec<u8>>>);

impl Attributes {
    /// Adds a value; for tests and for entries that do not come from a search.
    pub fn insert(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.entry(name.to_ascii_lowercase()).or_default().push(value.into());
    }

    /// All values, in the directory's order.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.0.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The first value.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value as text; none if it is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.value(name)?).ok()
    }

    /// All values that are text.
    pub fn texts<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.values(name).iter().filter_map(|value| str::from_utf8(value).ok())
    }

    /// Every attribute with its values, by name in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Vec<u8>])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// How many bytes of memory its values take, roughly.
    pub(crate) fn size(&self) -> usize {
        let values = self.0.values().flatten();
        values.map(|value| value.len() + size_of::<Vec<u8>>()).sum()
    }

    /// Takes an attribute out, with all its values.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Vec<u8>> {
        self.0.remove(&name.to_ascii_lowercase()).unwrap_or_default()
    }

    /// Puts values behind those that an attribute has.
    pub(crate) fn extend(&mut self, name: &str, values: Vec<Vec<u8>>) {
        self.0.entry(name.to_ascii_lowercase()).or_default().extend(values);
    }

    /// The first value, read as something that is written as text; none if it is absent.
    ///
    /// # Errors
    /// [`DirectoryError::Unreadable`] if there is a value of another form.
    pub fn parsed<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, DirectoryError> {
        if self.value(name).is_none() {
            return Ok(None);
        }
        let parsed = self.text(name).and_then(|text| text.parse().ok());
        parsed.map(Some).ok_or(DirectoryError::Unreadable { attribute: name })
    }

    /// As [`Attributes::parsed`], for what every object of the kind has.
    pub(crate) fn required<T: FromStr>(&self, name: &'static str) -> Result<T, DirectoryError> {
        self.parsed(name)?.ok_or(DirectoryError::Unreadable { attribute: name })
    }

    /// `objectGUID`, which every object has.
    pub(crate) fn guid(&self) -> Result<ObjectGuid, DirectoryError> {
        self.value("objectGUID")
            .and_then(|value| ObjectGuid::from_value(value).ok())
            .ok_or(DirectoryError::Unreadable { attribute: "objectGUID" })
    }

    /// All values as SIDs; an error if one of them is none.
    pub(crate) fn sids(&self, name: &'static str) -> Result<Vec<Sid>, DirectoryError> {
        let sids = self.values(name).iter().map(|value| Sid::from_value(value));
        sids.collect::<Result<_, _>>().map_err(|_| DirectoryError::Unreadable { attribute: name })
    }

    /// A flag such as a boolean attribute: `TRUE` or `FALSE` (RFC 4517 section 3.3.3).
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name)? {
            "TRUE" => Some(true),
            "FALSE" => Some(false),
            _ => None,
        }
    }
}

/// An object that a search returned: its name and its attributes.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it stands.
    pub dn: DistinguishedName,
    /// What was asked for and is there.
    pub attributes: Attributes,
}

impl TryFrom<LdapSearchResultEntry> for Entry {
    type Error = DirectoryError;

    fn try_from(found: LdapSearchResultEntry) -> Result<Self, DirectoryError> {
        let (_, name) = extended(&found.dn);
        let dn = name.parse().map_err(|_| DirectoryError::Unreadable { attribute: "the name" })?;
        let mut attributes = Attributes::default();
        for attribute in found.attributes {
            let values = attributes.0.entry(attribute.atype.to_ascii_lowercase()).or_default();
            values.extend(attribute.vals);
        }
        Ok(Self { dn, attributes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case() {
        let mut attributes = Attributes::default();
        attributes.insert("sAMAccountName", "jan");
        assert_eq!(attributes.text("SAMACCOUNTNAME"), Some("jan"));
        assert_eq!(attributes.values("mail").len(), 0);
    }

    #[test]
    fn absent_is_not_the_same_as_unreadable() {
        let mut attributes = Attributes::default();
        attributes.insert("lockoutTime", "12x");
        assert_eq!(attributes.parsed::<i64>("pwdLastSet").unwrap(), None);
        assert!(attributes.parsed::<i64>("lockoutTime").is_err());
        assert!(attributes.required::<i64>("pwdLastSet").is_err());
    }

    #[test]
    fn one_bad_sid_spoils_the_list() {
        let mut attributes = Attributes::default();
        attributes.insert("tokenGroups", vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
        assert_eq!(attributes.sids("tokenGroups").unwrap().len(), 1);
        attributes.insert("tokenGroups", vec![1, 2, 3]);
        assert!(attributes.sids("tokenGroups").is_err());
    }
}
