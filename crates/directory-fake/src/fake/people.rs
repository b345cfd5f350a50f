//! Reading people, as synchronisation does.

use directory::{
    DirectoryError, DistinguishedName, Entry, ObjectGuid, PeopleRead, PersonEntry, people,
};
use ldap3_proto::proto::{LdapFilter, LdapSearchScope};

use super::find::Held;
use super::{Client, Settings, entry, lost};
use crate::search::Query;

/// How many controllers are tried besides the preferred ones, before the PDC emulator.
const OTHERS_MAX: usize = 4;

impl Client {
    /// Reads the people at and below each base, over a connection of its own.
    pub(super) async fn people(
        &self,
        bases: &[DistinguishedName],
        page: u32,
        each: &mut (dyn FnMut(PersonEntry) + Send),
    ) -> Result<PeopleRead, DirectoryError> {
        let held = self.connect_for_people()?;
        let mut read = PeopleRead::default();
        for base in outermost(bases) {
            let rows = self.people_below(&held, base)?;
            for page in rows.chunks(page.clamp(1, 1_000) as usize) {
                self.pause().await?;
                if !self.domain.state().is_alive(&held) {
                    return Err(lost("the controller closed the connection"));
                }
                for person in page {
                    each(person.clone());
                    read.found += 1;
                }
            }
        }
        Ok(read)
    }

    /// A preferred controller, or else another one of the domain; at last, and where none is
    /// preferred, the PDC emulator.
    fn connect_for_people(&self) -> Result<Held, DirectoryError> {
        let Settings { preferred, only_preferred, .. } = &self.settings;
        let (now, mut connection) = (self.domain.now(), self.connection());
        let mut state = self.domain.state();
        let is_preferred = |host: &str| preferred.iter().any(|one| one.eq_ignore_ascii_case(host));
        let mut hosts = preferred.clone();
        if !preferred.is_empty() && !only_preferred {
            let all = state.controllers.iter().map(|controller| controller.host.clone());
            hosts.extend(all.filter(|host| !is_preferred(host)).take(OTHERS_MAX));
        }
        let mut failed = Vec::new();
        for host in hosts {
            connection.hold_off(now)?;
            let bound = match state.controller_at(&host) {
                Ok(at) => self.connect_at(at, &mut connection, &mut state, now),
                Err(error) => Err(DirectoryError::PdcUnreachable { cause: error.to_string() }),
            };
            match bound {
                // It would be refused everywhere.
                Ok(_) | Err(DirectoryError::BindRefused { .. }) => return bound,
                Err(error) => failed.push(error.to_string()),
            }
        }
        if *only_preferred && !preferred.is_empty() {
            return Err(DirectoryError::NoPreferred { cause: failed.join("; ") });
        }
        self.connect(&mut connection, &mut state, now)
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
        let attributes: Vec<String> =
            known.chain(self.settings.people_attributes.clone()).collect();
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
