//! What has changed since the last time: DirSync (MS-ADTS 3.1.1.3.4.1.3).
//!
//! A controller answers with everybody once, and from then on, given back its cookie, with those who
//! changed, and of these with what changed. The cookie holds at every controller of the domain.
//!
//! The flag for object security is set: the account then needs no right to replicate, and sees what it
//! may read. What it may not see, deleted objects among it, is missing without a word (LAB.md), so
//! deletions are found by reading everybody again.

use std::collections::HashSet;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::LdapSearchScope;

use crate::attributes::{Attributes, Entry};
use crate::filter::Filter;
use crate::people::{self, LeftOut};
use crate::policy;
use crate::search::{AS_TEXT, Found, Limits, Search, search_each};
use crate::session::Session;
use crate::{DirectoryConfig, DirectoryError, DistinguishedName, ObjectGuid};

/// LDAP_DIRSYNC_OBJECT_SECURITY. The flags are 32 bits that go as a signed number; this one alone is
/// positive.
const OBJECT_SECURITY: i64 = 1;
/// How many bytes of entries a controller may put on a page; Samba puts all of them on one.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;
/// The largest cookie that is taken, in bytes: one of a domain has some 24 for each controller that
/// there ever was.
const COOKIE_MAX: usize = 64 * 1024;
/// How many pages there may be: 4 TiB at [`PAGE_BYTES`] each.
const PAGES_MAX: usize = 1_000_000;
/// How many times the limit of a read a page may take while entries keep coming: Samba's only page is
/// the whole domain.
const PAGE_TIMES: u32 = 60;

/// Where the last reading ended. To be kept as it is, and given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie(Vec<u8>);

impl Cookie {
    /// A cookie that was kept; none if it is larger than any that was given.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= COOKIE_MAX).then_some(Self(bytes))
    }

    /// Its bytes, to be kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A person who is new, or who changed.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who it is.
    pub guid: ObjectGuid,
    /// Where it stands now.
    pub dn: DistinguishedName,
    /// `isDeleted`: only its tombstone is left.
    pub deleted: bool,
    /// Of [`crate::people::ATTRIBUTES`] and the configuration's, without the policy that applies, which
    /// is not stored: everything where there was no cookie, else what changed. One that was taken away
    /// is here without values.
    pub attributes: Attributes,
}

/// What came of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesRead {
    /// Where the next reading begins.
    pub next: Cookie,
    /// Who is there, or changed, and has more than one answer may hold. The next reading does not tell of
    /// them again until they change.
    pub left_out: Vec<LeftOut>,
}

/// Reads the changes of people since `since`, or everybody. Who has more than is taken is left out and
/// told of, and keeps nobody else from being read.
pub(crate) async fn read(
    session: &Session,
    config: &DirectoryConfig,
    since: Option<&Cookie>,
    each: Take<'_>,
) -> Result<ChangesRead, DirectoryError> {
    let mut wanted = people::wanted(config);
    // Worked out when it is asked for, so it never changes; Samba refuses to be asked for it here.
    wanted.retain(|name| *name != policy::RESULTANT);
    wanted.push("isDeleted");
    let idle = config.operation_timeout;
    let limits = Limits { whole: idle.saturating_mul(PAGE_TIMES), idle };
    let reading = Reading { session, wanted: &wanted, limits };
    let mut cookie = since.map(|cookie| cookie.0.clone()).unwrap_or_default();
    let mut left_out = Vec::new();
    for _ in 0..PAGES_MAX {
        let (controls, passed_over) = reading.page(&cookie, each).await?;
        left_out.extend(passed_over);
        let (more, next) = next_page(controls)?;
        if !more {
            return Ok(ChangesRead { next: Cookie(next), left_out });
        }
        if next == cookie {
            return Err(lost("the pages do not go on"));
        }
        cookie = next;
    }
    Err(lost("the pages have no end"))
}

/// What all pages of a reading have in common.
struct Reading<'a> {
    session: &'a Session,
    wanted: &'a [&'a str],
    limits: Limits,
}

/// What is done with each change.
type Take<'a> = &'a mut (dyn FnMut(Change) + Send);

impl Reading<'_> {
    /// Reads one page; the controls of its last answer, and who was passed over.
    async fn page(
        &self,
        cookie: &[u8],
        each: Take<'_>,
    ) -> Result<(Vec<LdapControl>, Vec<LeftOut>), DirectoryError> {
        let Self { session, limits, .. } = *self;
        let (mut too_large, mut handed) = (Vec::new(), HashSet::new());
        let mut take = |found: Found| {
            match found {
                Found::Entry(entry) => {
                    let change = change(entry)?;
                    handed.insert(change.guid);
                    each(change);
                }
                Found::TooLarge(entry) => too_large.push(entry),
            }
            Ok(())
        };
        let head = &session.root.domain_head;
        let search = page_of(head, self.wanted, cookie.to_vec(), PAGE_BYTES);
        let controls = search_each(&session.connection, search, limits, &mut take).await?;
        let (mut left_out, mut is_one_unknown) = (Vec::<LeftOut>::new(), false);
        for entry in too_large {
            match people::called(session, &entry, limits.idle).await? {
                Some(guid) => left_out.push(LeftOut { guid, cause: entry.into() }),
                None => is_one_unknown = true,
            }
        }
        if is_one_unknown {
            let known: HashSet<ObjectGuid> = left_out.iter().map(|one| one.guid).collect();
            let again = self.page_again(cookie, &handed, each).await?;
            left_out.extend(again.into_iter().filter(|one| !known.contains(&one.guid)));
        }
        Ok((controls, left_out))
    }

    /// Who is passed over on a page, where the name of one leads nowhere any more: with what names each
    /// for ever in front of its name. Whoever was not handed over and is no longer too large is read by
    /// that. Asked for in such a case only, because it comes in front of every name, in values too.
    async fn page_again(
        &self,
        cookie: &[u8],
        handed: &HashSet<ObjectGuid>,
        each: Take<'_>,
    ) -> Result<Vec<LeftOut>, DirectoryError> {
        let Self { session, limits, .. } = *self;
        let (mut left_out, mut others) = (Vec::new(), Vec::new());
        let mut take = |found: Found| {
            match found {
                Found::Entry(entry) => others.push(entry.attributes.guid()?),
                Found::TooLarge(entry) => match entry.guid {
                    Some(guid) => left_out.push(LeftOut { guid, cause: entry.into() }),
                    None => return Err(entry.into()),
                },
            }
            Ok(())
        };
        let head = &session.root.domain_head;
        // Names are longer now, and nobody of the first time may be missing.
        let mut search = page_of(head, self.wanted, cookie.to_vec(), 2 * PAGE_BYTES);
        search.controls.push(LdapControl::ExtendedDn { criticality: true, format: AS_TEXT });
        search_each(&session.connection, search, limits, &mut take).await?;
        for guid in others.into_iter().filter(|guid| !handed.contains(guid)) {
            match session.object(guid.as_base(), self.wanted, limits.idle).await {
                Ok(Some(entry)) => each(change(entry)?),
                // Gone by now.
                Ok(None) => {}
                Err(cause @ DirectoryError::TooMuch { .. }) => {
                    left_out.push(LeftOut { guid, cause });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(left_out)
    }
}

fn lost(problem: &str) -> DirectoryError {
    DirectoryError::Lost { cause: format!("DirSync: {problem}") }
}

fn change(entry: Entry) -> Result<Change, DirectoryError> {
    Ok(Change {
        guid: entry.attributes.guid()?,
        dn: entry.dn,
        deleted: entry.attributes.flag("isDeleted") == Some(true),
        attributes: entry.attributes,
    })
}

/// The base is the domain's head: the control is refused anywhere else. The filter asks for nothing
/// that a tombstone has lost, so not for `objectCategory`.
fn page_of<'a>(
    head: &DistinguishedName,
    attributes: &'a [&'a str],
    cookie: Vec<u8>,
    max_bytes: i64,
) -> Search<'a> {
    let class = |name: &str| Filter::equal("objectClass", name);
    Search {
        base: head.to_string(),
        scope: LdapSearchScope::Subtree,
        filter: Filter::All(vec![class("user"), Filter::Not(Box::new(class("computer")))]),
        attributes,
        controls: vec![LdapControl::AdDirsync {
            flags: OBJECT_SECURITY,
            max_bytes,
            cookie: Some(cookie),
        }],
    }
}

/// Whether there is more, and the cookie for it. In an answer the first number says so.
fn next_page(controls: Vec<LdapControl>) -> Result<(bool, Vec<u8>), DirectoryError> {
    let answer = controls.into_iter().find_map(|control| match control {
        LdapControl::AdDirsync { flags, cookie, .. } => Some((flags != 0, cookie?)),
        _ => None,
    });
    match answer {
        Some((_, cookie)) if cookie.len() > COOKIE_MAX => Err(lost("a cookie without measure")),
        // An empty one would mean everybody the next time, and every time.
        Some((_, cookie)) if cookie.is_empty() => Err(lost("the controller gave no cookie")),
        Some(answer) => Ok(answer),
        None => Err(lost("the controller gave no cookie")),
    }
}

#[cfg(test)]
#[path = "dirsync_tests.rs"]
mod tests;
