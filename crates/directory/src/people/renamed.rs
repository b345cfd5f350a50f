//! Who was renamed or moved while everybody was read, and had more than one answer may hold: the name that
//! came with such an entry leads nowhere any more, and the entry says by nothing else whose it is.
//!
//! A page cannot be asked for again: Samba's cookie is the same for all of them. Whoever was renamed has a
//! higher update number at this controller than there was before the first page (`uSNChanged`, MS-ADTS
//! 3.1.1.1.9), so all who have one are looked at again, at the end and by what names them for ever.

use std::collections::HashSet;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::LdapSearchScope;

use super::{LeftOut, Reading, about, next_page};
use crate::answers::TooLarge;
use crate::filter::Filter;
use crate::paging::Progress;
use crate::search::{AS_TEXT, Found, Limits, Search, search_each};
use crate::{DirectoryError, DistinguishedName, ObjectGuid};

/// Who has changed since the first page.
#[derive(Default)]
struct Changed {
    too_large: Vec<TooLarge>,
    others: Vec<(ObjectGuid, DistinguishedName)>,
}

impl<'a> Reading<'a> {
    /// Leaves out by its GUID whoever is too large and was not found by name; who is so no longer is handed
    /// over. Whoever is not found now is gone, or stands below no base any more. Who came there meanwhile is
    /// handed over as well.
    ///
    /// # Errors
    /// Also where the controller does not say how far its update numbers have come.
    pub(super) async fn look_for_renamed(
        &mut self,
        bases: &[&DistinguishedName],
    ) -> Result<(), DirectoryError> {
        let Some(entry) = self.renamed.first() else { return Ok(()) };
        let Some(usn) = self.session.root.highest_usn else {
            let cause = DirectoryError::from(entry.clone());
            let cause = format!("{cause}, and is no longer found by that name");
            return Err(DirectoryError::Lost { cause });
        };
        let Changed { too_large, others } = self.changed_since(usn).await?;
        let is_below = |dn: &DistinguishedName| bases.iter().any(|base| dn.is_at_or_below(base));
        let mut known: HashSet<ObjectGuid> = self.handed.iter().copied().collect();
        known.extend(self.left_out.iter().map(|one| one.guid));
        for entry in too_large {
            let Some(guid) = entry.guid else { return Err(entry.into()) };
            // Where its name is none, nobody knows that it is elsewhere.
            let is_here = entry.name.parse().map_or(true, |dn| is_below(&dn));
            if is_here && known.insert(guid) {
                self.left_out.push(LeftOut { guid, cause: entry.into() });
            }
        }
        for (guid, dn) in others {
            if is_below(&dn) && known.insert(guid) {
                self.by_guid(guid, &is_below).await?;
            }
        }
        Ok(())
    }

    /// All people of the domain who changed after this update number, with what names each for ever in
    /// front of its name. That comes in front of names in values, too: so what is found is only told
    /// apart by it.
    async fn changed_since(&mut self, usn: u64) -> Result<Changed, DirectoryError> {
        let (session, limits) = (self.session, Limits::of(self.limit));
        let (mut cookie, mut progress) = (Vec::new(), Progress::of_pages(self.page));
        let mut changed = Changed::default();
        loop {
            let mut first = None;
            let mut take = |found: Found| {
                first.get_or_insert_with(|| found.identity());
                match found {
                    Found::TooLarge(entry) => changed.too_large.push(entry),
                    Found::Entry(entry) => {
                        changed.others.push((entry.attributes.guid()?, entry.dn));
                    }
                }
                Ok(())
            };
            let search = self.page_of_changed(usn, cookie);
            let controls = search_each(&session.connection, search, limits, &mut take).await?;
            match progress.after(first, next_page(controls))? {
                Some(next) => cookie = next,
                None => return Ok(changed),
            }
        }
    }

    /// All attributes are asked for again: by what they hold it is seen who is too large.
    fn page_of_changed(&self, usn: u64, cookie: Vec<u8>) -> Search<'a> {
        let since = Filter::at_least("uSNChanged", &usn.saturating_add(1).to_string());
        let size = i64::from(self.page);
        Search {
            base: self.session.root.domain_head.to_string(),
            scope: LdapSearchScope::Subtree,
            filter: Filter::All(vec![Filter::people(), since]),
            attributes: self.wanted,
            controls: vec![
                LdapControl::SimplePagedResults { size, cookie },
                LdapControl::ExtendedDn { criticality: true, format: AS_TEXT },
            ],
        }
    }

    /// Hands over somebody who was not handed over yet, or leaves them out.
    async fn by_guid(
        &mut self,
        guid: ObjectGuid,
        is_below: impl Fn(&DistinguishedName) -> bool,
    ) -> Result<(), DirectoryError> {
        match self.session.object(guid.as_base(), self.wanted, self.limit).await {
            Ok(Some(entry)) if is_below(&entry.dn) => self.hand_over(entry),
            // Gone by now, or moved once more.
            Ok(_) => Ok(()),
            Err(cause @ DirectoryError::TooMuch { .. }) => {
                let cause = about(&guid.as_base(), cause);
                self.left_out.push(LeftOut { guid, cause });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
