//! Reading people for synchronisation: page by page, handed over one by one.

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
    each: &mut (dyn FnMut(PersonEntry) + Send),
) -> Result<PeopleRead, DirectoryError> {
    let mut read = PeopleRead::default();
    let wanted = wanted(config);
    for base in outermost(bases) {
        let (mut cookie, mut progress) = (Vec::new(), Progress::of_pages(page.min(PAGE_MAX)));
        loop {
            let (mut in_parts, mut too_large) = (Vec::new(), Vec::new());
            let mut first = None;
            let mut take = |found: Found| {
                first.get_or_insert_with(|| found.identity());
                match found {
                    Found::TooLarge(entry) => too_large.push(entry),
                    Found::Entry(entry) if range::is_in_parts(&entry.attributes) => {
                        in_parts.push(entry);
                    }
                    Found::Entry(entry) => {
                        read.found += 1;
                        each(person(entry)?);
                    }
                }
                Ok(())
            };
            let search = page_of(base, &wanted, page, cookie);
            let limit = config.operation_timeout;
            let limits = Limits::of(limit);
            let controls = search_each(&session.connection, search, limits, &mut take).await?;
            for entry in too_large {
                read.left_out.push(left_out(session, entry, limit).await?);
            }
            for mut entry in in_parts {
                // Its name may have been mended, and may be another one by now.
                let itself = entry.attributes.guid()?.as_base();
                match session.complete(&mut entry, &itself, limit).await {
                    Ok(()) => {
                        read.found += 1;
                        each(person(entry)?);
                    }
                    Err(cause @ DirectoryError::TooMuch { .. }) => {
                        let guid = entry.attributes.guid()?;
                        let cause = about(&entry.dn.to_string(), cause);
                        read.left_out.push(LeftOut { guid, cause });
                    }
                    Err(error) => return Err(error),
                }
            }
            match progress.after(first, next_page(controls))? {
                Some(next) => cookie = next,
                None => break,
            }
        }
    }
    Ok(read)
}

/// Who it is that has more than one answer may hold: the reading of everybody else only goes on where
/// that is known.
///
/// # Errors
/// Also where nobody is found by that name any more: who was renamed or moved in the meantime is not
/// gone, and who is gone is not there at the next reading.
async fn left_out(
    session: &Session,
    entry: TooLarge,
    limit: Duration,
) -> Result<LeftOut, DirectoryError> {
    let (guid, is_text) = (called(session, &entry, limit).await?, entry.is_text);
    let cause = DirectoryError::from(entry);
    match guid {
        Some(guid) => Ok(LeftOut { guid, cause }),
        None if !is_text => Err(cause),
        None => {
            let cause = format!("{cause}, and is no longer found by that name");
            Err(DirectoryError::Lost { cause })
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
fn next_page(controls: Vec<LdapControl>) -> Vec<u8> {
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
