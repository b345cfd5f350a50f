//! Reading people for synchronisation: page by page, handed over one by one.

mod renamed;

use std::time::Duration;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::LdapSearchScope;

use crate::answers::TooLarge;
use crate::attributes::{Attributes, Entry};
use crate::filter::Filter;
use crate::paging::Progress;
use crate::policy;
use crate::search::{Found, Limits, Search, search_each};
use crate::session::Session;
use crate::{DirectoryConfig, DirectoryError, DistinguishedName, ObjectGuid, range};

/// What synchronisation needs of a person: identity, state, and the addresses that gates use.
/// Nothing secret, nothing large.
pub const ATTRIBUTES: &[&str] = &[
    "objectGUID",
    "objectSid",
    "objectClass",
    "ms-DS-ConsistencyGuid",
    "sAMAccountName",
    "userPrincipalName",
    "cn",
    "displayName",
    "givenName",
    "sn",
    "mail",
    "otherMailbox",
    "proxyAddresses",
    "mobile",
    "telephoneNumber",
    "preferredLanguage",
    "department",
    "userAccountControl",
    "accountExpires",
    "pwdLastSet",
    "adminCount",
    "isCriticalSystemObject",
    policy::RESULTANT,
    "whenChanged",
    "uSNChanged",
];
/// The most entries on a page: AD's own limit (MaxPageSize, MS-ADTS 3.1.1.3.4.6).
const PAGE_MAX: u32 = 1_000;

/// A person as the directory holds it.
#[derive(Debug, Clone)]
pub struct PersonEntry {
    /// What names it for ever.
    pub guid: ObjectGuid,
    /// Where it stands.
    pub dn: DistinguishedName,
    /// The attributes of [`ATTRIBUTES`] and of the configuration that it has.
    pub attributes: Attributes,
}

/// What came of a reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleRead {
    /// How many people were handed over.
    pub found: u64,
    /// Who is there and could not be read.
    pub left_out: Vec<LeftOut>,
}

/// A person who is there and has more than is taken: more than one answer may hold, or more values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What names it for ever.
    pub guid: ObjectGuid,
    /// Where it stands, and what is too much. For the agent's log.
    pub cause: DirectoryError,
}

/// Reads the people at and below each base. Who has more than is taken is left out and told of, and
/// keeps nobody else from being read.
pub(crate) async fn read(
    session: &Session,
    config: &DirectoryConfig,
    bases: &[DistinguishedName],
    page: u32,
    each: Take<'_>,
) -> Result<PeopleRead, DirectoryError> {
    let (wanted, bases) = (wanted(config), outermost(bases));
    let (page, limit) = (page.clamp(1, PAGE_MAX), config.operation_timeout);
    let (handed, left_out, renamed) = (Vec::new(), Vec::new(), Vec::new());
    let mut reading =
        Reading { session, wanted: &wanted, page, limit, each, handed, left_out, renamed };
    for base in &bases {
        reading.below(base).await?;
    }
    reading.look_for_renamed(&bases).await?;
    let found = u64::try_from(reading.handed.len()).unwrap_or(u64::MAX);
    Ok(PeopleRead { found, left_out: reading.left_out })
}

/// What is done with each person.
type Take<'a> = &'a mut (dyn FnMut(PersonEntry) + Send);

/// A reading, as far as it has come.
struct Reading<'a> {
    session: &'a Session,
    wanted: &'a [&'a str],
    page: u32,
    limit: Duration,
    each: Take<'a>,
    /// Who was handed over: 16 bytes for each.
    handed: Vec<ObjectGuid>,
    left_out: Vec<LeftOut>,
    /// Who has more than one answer may hold and was not found by the name with which that came.
    renamed: Vec<TooLarge>,
}

impl Reading<'_> {
    /// Reads the people at and below a base.
    async fn below(&mut self, base: &DistinguishedName) -> Result<(), DirectoryError> {
        let (session, limits) = (self.session, Limits::of(self.limit));
        let (mut cookie, mut progress) = (Vec::new(), Progress::of_pages(self.page));
        loop {
            let (mut in_parts, mut too_large) = (Vec::new(), Vec::new());
            let mut first = None;
            let search = page_of(base, self.wanted, self.page, cookie);
            let mut take = |found: Found| {
                first.get_or_insert_with(|| found.identity());
                match found {
                    Found::TooLarge(entry) => too_large.push(entry),
                    Found::Entry(entry) if range::is_in_parts(&entry.attributes) => {
                        in_parts.push(entry);
                    }
                    Found::Entry(entry) => self.hand_over(entry)?,
                }
                Ok(())
            };
            let controls = search_each(&session.connection, search, limits, &mut take).await?;
            for entry in too_large {
                self.pass_over(entry).await?;
            }
            for entry in in_parts {
                self.complete(entry).await?;
            }
            match progress.after(first, next_page(controls))? {
                Some(next) => cookie = next,
                None => return Ok(()),
            }
        }
    }

    fn hand_over(&mut self, entry: Entry) -> Result<(), DirectoryError> {
        let person = person(entry)?;
        self.handed.push(person.guid);
        (self.each)(person);
        Ok(())
    }

    /// Leaves out who has more than one answer may hold: the reading of everybody else only goes on where
    /// it can be known who that is.
    async fn pass_over(&mut self, entry: TooLarge) -> Result<(), DirectoryError> {
        match called(self.session, &entry, self.limit).await? {
            Some(guid) => self.left_out.push(LeftOut { guid, cause: entry.into() }),
            None if !entry.is_text => return Err(entry.into()),
            // Renamed or moved, and not gone: looked for when everybody else was read.
            None => self.renamed.push(entry),
        }
        Ok(())
    }

    /// Hands over somebody of whom a part came, with the rest of it, or leaves them out.
    async fn complete(&mut self, mut entry: Entry) -> Result<(), DirectoryError> {
        let guid = entry.attributes.guid()?;
        // Its name may have been mended, and may be another one by now.
        match self.session.complete(&mut entry, &guid.as_base(), self.limit).await {
            Ok(()) => self.hand_over(entry),
            Err(cause @ DirectoryError::TooMuch { .. }) => {
                let cause = about(&entry.dn.to_string(), cause);
                self.left_out.push(LeftOut { guid, cause });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Who has the name with which an entry came; none if that is nobody any more, or no text: who is found by
/// a mended name may be another one.
pub(crate) async fn called(
    session: &Session,
    entry: &TooLarge,
    limit: Duration,
) -> Result<Option<ObjectGuid>, DirectoryError> {
    if !entry.is_text {
        return Ok(None);
    }
    let found = session.object(entry.name.clone(), &["objectGUID"], limit).await?;
    found.map(|found| found.attributes.guid()).transpose()
}

/// An error about one attribute, of a person by name.
fn about(dn: &str, error: DirectoryError) -> DirectoryError {
    match error {
        DirectoryError::TooMuch { attribute, limit } => {
            DirectoryError::TooMuch { attribute: format!("{attribute} of {dn}"), limit }
        }
        other => other,
    }
}

fn person(entry: Entry) -> Result<PersonEntry, DirectoryError> {
    Ok(PersonEntry { guid: entry.attributes.guid()?, dn: entry.dn, attributes: entry.attributes })
}

/// Every attribute once: a controller may refuse a list that names one twice.
pub(crate) fn wanted(config: &DirectoryConfig) -> Vec<&str> {
    let mut wanted = ATTRIBUTES.to_vec();
    for name in &config.people_attributes {
        if !wanted.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            wanted.push(name);
        }
    }
    wanted
}

fn page_of<'a>(
    base: &DistinguishedName,
    attributes: &'a [&'a str],
    page: u32,
    cookie: Vec<u8>,
) -> Search<'a> {
    let size = i64::from(page.clamp(1, PAGE_MAX));
    Search {
        base: base.to_string(),
        scope: LdapSearchScope::Subtree,
        filter: Filter::people(),
        attributes,
        controls: vec![LdapControl::SimplePagedResults { size, cookie }],
    }
}

/// The cookie of the next page; empty after the last (RFC 2696).
pub(crate) fn next_page(controls: Vec<LdapControl>) -> Vec<u8> {
    let paged = controls.into_iter().find_map(|control| match control {
        LdapControl::SimplePagedResults { cookie, .. } => Some(cookie),
        _ => None,
    });
    paged.unwrap_or_default()
}

/// The bases that lie below no other one: nobody is read twice.
fn outermost(bases: &[DistinguishedName]) -> Vec<&DistinguishedName> {
    let mut outermost: Vec<&DistinguishedName> = Vec::new();
    for base in bases {
        let covered = bases.iter().any(|other| base.is_below(other)) || outermost.contains(&base);
        if !covered {
            outermost.push(base);
        }
    }
    outermost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_read_twice_when_bases_overlap() {
        let bases: Vec<DistinguishedName> =
            ["OU=A,DC=x", "OU=Inner,OU=A,DC=x", "ou=a,dc=X", "OU=B,DC=x"]
                .map(|text| text.parse().unwrap())
                .to_vec();
        let kept: Vec<_> = outermost(&bases).iter().map(ToString::to_string).collect();
        assert_eq!(kept, ["OU=A,DC=x", "OU=B,DC=x"]);
    }

    #[test]
    fn attributes_of_the_configuration_are_read_once() {
        let password = protocol::ClearPassword::from_text("Service-Password-1").unwrap();
        let config = DirectoryConfig::new("corp.example", Vec::new(), "svc", password).unwrap();
        assert_eq!(wanted(&config), ATTRIBUTES);
        let people_attributes = ["MAIL", "employeeID", "employeeid"].map(str::to_owned).to_vec();
        let more = DirectoryConfig { people_attributes, ..config };
        assert_eq!(wanted(&more), [ATTRIBUTES, &["employeeID"]].concat());
    }

    #[test]
    fn the_last_page_has_no_cookie() {
        let page = LdapControl::SimplePagedResults { size: 0, cookie: vec![1, 2] };
        assert_eq!(next_page(vec![page]), [1, 2]);
        assert!(next_page(Vec::new()).is_empty());
    }

    #[test]
    fn pages_stay_within_the_directory_s_limit() {
        let base = "DC=x".parse().unwrap();
        for (asked, sent) in [(0, 1), (500, 500), (5_000, 1_000)] {
            let search = page_of(&base, ATTRIBUTES, asked, Vec::new());
            let expected = LdapControl::SimplePagedResults { size: sent, cookie: Vec::new() };
            assert_eq!(search.controls, [expected]);
        }
    }
}
