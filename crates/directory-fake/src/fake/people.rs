//! Reading people, as synchronisation does.

use directory::{DirectoryError, DistinguishedName, Entry, ObjectGuid, PersonEntry, people};
use ldap3_proto::proto::{LdapFilter, LdapSearchScope};

use super::{Client, Held, entry, lost};
use crate::search::Query;

impl Client {
    /// Reads the people at and below each base, over a connection of its own.
    pub(super) async fn people(
        &self,
        bases: &[DistinguishedName],
        page: u32,
        each: &mut (dyn FnMut(PersonEntry) + Send),
    ) -> Result<u64, DirectoryError> {
        let held = {
            let (now, mut connection) = (self.domain.now(), self.connection());
            self.connect(&mut connection, &mut self.domain.state(), now)?
        };
        let mut count = 0;
        for base in outermost(bases) {
            let rows = self.people_below(&held, base)?;
            for page in rows.chunks(page.clamp(1, 1_000) as usize) {
                self.pause().await?;
                if !self.domain.state().is_alive(&held) {
                    return Err(lost("the controller closed the connection"));
                }
                for person in page {
                    each(person.clone());
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn people_below(
        &self,
        held: &Held,
        base: &DistinguishedName,
    ) -> Result<Vec<PersonEntry>, DirectoryError> {
        let equal =
            |name: &str, value: &str| LdapFilter::Equality(name.to_owned(), value.to_owned());
        let filter =
            LdapFilter::And(vec![equal("objectClass", "user"), equal("objectCategory", "person")]);
        let known = people::ATTRIBUTES.iter().map(|name| (*name).to_owned());
        let attributes: Vec<String> = known.chain(self.people_attributes.clone()).collect();
        let query = Query {
            base: &base.to_string(),
            scope: &LdapSearchScope::Subtree,
            filter: &filter,
            attributes: &attributes,
            sd_parts: None,
        };
        let now = self.domain.now();
        let found = self
            .domain
            .state()
            .search(held.controller, Some(&held.token), &query, now)
            .map_err(|refused| DirectoryError::Refused(refused.into_refusal()))?;
        let person = |entry: Entry| {
            let guid = entry.attributes.value("objectGUID").map(ObjectGuid::from_value);
            let unreadable = DirectoryError::Unreadable { attribute: "objectGUID" };
            let guid = guid.and_then(Result::ok).ok_or(unreadable)?;
            Ok(PersonEntry { guid, dn: entry.dn, attributes: entry.attributes })
        };
        found.into_iter().filter_map(entry).map(person).collect()
    }
}

/// The bases that lie below no other one: nobody is read twice.
fn outermost(bases: &[DistinguishedName]) -> Vec<&DistinguishedName> {
    let mut outermost: Vec<&DistinguishedName> = Vec::new();
    for base in bases {
        if !bases.iter().any(|other| base.is_below(other)) && !outermost.contains(&base) {
            outermost.push(base);
        }
    }
    outermost
}
