//! Objects with their descriptors, page by page: where one page is all that is read, what is on the next
//! one is judged by nobody.

use std::sync::Arc;
use std::time::Duration;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::LdapSearchScope;

use super::{ATTRIBUTES, PAGE_MAX, Surveyed, surveyed};
use crate::attributes::Entry;
use crate::filter::Filter;
use crate::paging::Progress;
use crate::people::next_page;
use crate::search::{FOUND_MAX, Limits, Search, search_each};
use crate::session::Session;
use crate::{DirectoryError, DistinguishedName, LdapDirectory, security};

/// What is on a page: who is first on it, all that is on it, and where the next one begins.
type Page = (Option<Vec<u8>>, Vec<Entry>, Vec<u8>);

impl LdapDirectory {
    /// At most so many objects, at the PDC emulator. All pages come over one connection: another one need
    /// not know where they go on.
    pub(super) async fn some(
        &self,
        base: &DistinguishedName,
        scope: LdapSearchScope,
        filter: &Filter,
        most: u32,
    ) -> Result<Vec<Surveyed>, DirectoryError> {
        let limit = self.0.config().operation_timeout;
        let (size, most) = (most.clamp(1, PAGE_MAX), usize::try_from(most).unwrap_or(usize::MAX));
        let search = |cookie| Search {
            base: base.to_string(),
            scope: scope.clone(),
            filter: filter.clone(),
            attributes: ATTRIBUTES,
            controls: vec![
                security::readable_parts(),
                LdapControl::SimplePagedResults { size: i64::from(size), cookie },
            ],
        };
        let search = &search;
        let pages = |session: Arc<Session>| async move {
            let (mut found, mut cookie) = (Vec::new(), Vec::new());
            let mut progress = Progress::of_pages(size);
            loop {
                let (first, entries, next) = page(&session, search(cookie), limit).await?;
                for entry in entries {
                    found.push(surveyed(entry)?);
                }
                match progress.after(first, next)? {
                    Some(next) if found.len() < most => cookie = next,
                    _ => break,
                }
            }
            found.truncate(most);
            Ok(found)
        };
        Ok(self.reading_unhurried(pages).await?.1)
    }
}

async fn page(
    session: &Session,
    search: Search<'_>,
    limit: Duration,
) -> Result<Page, DirectoryError> {
    let (mut first, mut entries, mut size) = (None, Vec::new(), 0);
    let mut take = |found: crate::search::Found| {
        first.get_or_insert_with(|| found.identity());
        let entry = found.whole()?;
        size += size_of::<Entry>() + entry.attributes.size();
        if size > FOUND_MAX {
            let limit = format!("{FOUND_MAX} bytes");
            return Err(DirectoryError::TooMuch { attribute: "a page".to_owned(), limit });
        }
        entries.push(entry);
        Ok(())
    };
    let controls = search_each(&session.connection, search, Limits::of(limit), &mut take).await?;
    Ok((first, entries, next_page(controls)))
}
