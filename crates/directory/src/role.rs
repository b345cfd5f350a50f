//! Who holds the PDC role by the word of the controllers, where DNS does not lead to the holder: after the
//! role was seized, its record names a former holder that is gone and will never take it away (SPEC W-8,
//! D-5).
//!
//! A controller that replication has not reached may still take itself, or somebody else, for the
//! holder. Of several words the one counts that was written last, which is what replication makes of
//! them in the end (MS-DRSR 5.11). Where they differ, none counts if two are as late as each other, if
//! one does not say when it was written, or if not everybody could be asked in time; nor does any where
//! a controller that named somebody else a moment ago no longer answers. Nothing is ever set at a
//! controller that does not say of itself that it holds the role.
//!
//! A controller that takes itself for the holder is believed where nobody else answers at all: after a
//! seizure it may be the only one that is left, and looks no different from a former holder that has
//! just come back.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use protocol::Timestamp;
use tokio::time::timeout;
use tracing::debug;

use crate::find::{Arrival, Asked, knows};
use crate::pdc::Pdc;
use crate::session::Session;
use crate::witness::{Writes, writes_of};
use crate::{Attributes, DirectoryError, DistinguishedName};

/// How many controllers are asked, besides those that are configured: some of them may not be reached from
/// here.
const ASKED_MAX: usize = 12;
/// How many times the limit of one step of connecting the asking may take: somebody may be waiting for a
/// password to be set.
const ASKING_TIMES: u32 = 2;
/// Which part of the limit of one step one of them is waited for before the next one is asked as well.
const NEXT_AFTER: u32 = 6;
/// `fSMORoleOwner` (1.2.840.113556.1.4.369) in the default prefix table: prefix 9 stands for
/// 1.2.840.113556.1.4 (MS-DRSR 5.16.4).
const FSMO_ROLE_OWNER: u32 = 0x0009_0171;

/// What [`role_given`] is read from.
pub(crate) const GIVEN: &[&str] = &["replPropertyMetaData"];

/// Who a controller says holds the role.
struct Word {
    /// By which name it was asked.
    asked_as: String,
    session: Session,
    owner: DistinguishedName,
    written: Written,
}

/// How often the role was given away, and when last, as far as a controller knows; what is greater was
/// written later. None where it does not say.
type Written = Option<(u32, Timestamp)>;

impl Pdc {
    /// Asks the controllers that answer; those that named somebody else are asked again, for their word
    /// may be the latest. None where they name nobody, or one of those that were asked in vain.
    ///
    /// # Errors
    /// [`DirectoryError::BindRefused`] by any of them: it would be refused everywhere, and each one counts
    /// towards a lockout. Every other error is about the holder that they name.
    pub(crate) async fn find_by_others(
        &self,
        asked: &Asked,
    ) -> Result<Option<Arc<Session>>, DirectoryError> {
        let mut words = Vec::new();
        let limit = self.config.connect_timeout.saturating_mul(ASKING_TIMES);
        // What was said by then counts where the time is over.
        let all_heard = match timeout(limit, self.hear(asked, &mut words)).await {
            Ok(Err(refused)) => return Err(refused),
            heard => heard.is_ok(),
        };
        let again =
            |host: &String| words.iter().any(|word| word.asked_as.eq_ignore_ascii_case(host));
        if !asked.elsewhere.iter().all(again) {
            return Ok(None);
        }
        let said = words.iter().map(|word| (&word.owner, word.written));
        let Some(owner) = last_written(said, all_heard) else { return Ok(None) };
        let owner = owner.clone();
        let is_holder = |word: &Word| word.session.root.settings == owner;
        if let Some(place) = words.iter().position(is_holder) {
            let Word { session, owner: own_word, .. } = words.swap_remove(place);
            return Ok((own_word == owner).then(|| Arc::new(session)));
        }
        let Some(word) = words.iter().find(|word| word.owner == owner) else { return Ok(None) };
        let host = word.session.host_of(&owner, self.config.operation_timeout).await;
        match host {
            Ok(host) if !knows(&asked.all, &host) => match self.connect_to(&host).await? {
                Arrival::Here(session) => Ok(Some(session)),
                Arrival::Elsewhere(_) => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Hears the controllers, all at the same time once one has let the service account in. Before that the
    /// next one is asked when one has failed, or is slow: a wrong password is refused by whoever answers
    /// first, and counts there alone.
    async fn hear(&self, asked: &Asked, words: &mut Vec<Word>) -> Result<(), DirectoryError> {
        let mut hosts = asked.elsewhere.clone();
        let more = self.config.controllers.iter().filter(|one| !knows(&hosts, one));
        let more: Vec<String> = more.cloned().collect();
        hosts.extend(more);
        let most = hosts.len() + ASKED_MAX;
        if !self.config.only_preferred {
            for host in self.all_by_dns().await.unwrap_or_default() {
                if !knows(&hosts, &host) {
                    hosts.push(host);
                }
            }
        }
        hosts.retain(|host| !knows(&asked.silent, host));
        hosts.truncate(most);
        let (mut hosts, mut asking) = (hosts.into_iter(), FuturesUnordered::new());
        let mut let_in = !asked.elsewhere.is_empty();
        let soon = self.config.connect_timeout / NEXT_AFTER;
        loop {
            let some = hosts.by_ref().take(if let_in { usize::MAX } else { 1 });
            asking.extend(some.map(|host| async { (self.word(&host).await, host) }));
            let heard = match hosts.len() {
                0 => asking.next().await,
                _ => match timeout(soon, asking.next()).await {
                    Ok(heard) => heard,
                    Err(_) => continue,
                },
            };
            match heard {
                None => return Ok(()),
                Some((Ok(word), _)) => {
                    words.push(word);
                    let_in = true;
                }
                Some((Err(error @ DirectoryError::BindRefused { .. }), _)) if !let_in => {
                    return Err(error);
                }
                // Whoever refuses what another one has accepted has a reason of its own.
                Some((Err(error), host)) => {
                    debug!(controller = host, %error, "directory.pdc.not_asked");
                }
            }
        }
    }

    async fn word(&self, host: &str) -> Result<Word, DirectoryError> {
        let session = self.of_this_domain(self.open_at(host).await?)?;
        let (head, limit) = (self.config.base_dn.to_string(), self.config.operation_timeout);
        let entry = session.object(head, &["fSMORoleOwner", "replPropertyMetaData"], limit).await?;
        let entry = entry.ok_or(DirectoryError::Unreadable { attribute: "fSMORoleOwner" })?;
        let owner = entry.attributes.required("fSMORoleOwner")?;
        let written = written(&entry.attributes).map(|writes| (writes.version, writes.at));
        let asked_as = host.to_owned();
        Ok(Word { asked_as, session, owner, written })
    }
}

/// When the role was last given to anybody, as far as the domain head says it: its [`GIVEN`] at one
/// controller. None where that may not be read, or is no metadata.
pub fn role_given(head: &Attributes) -> Option<Timestamp> {
    written(head).map(|writes| writes.at)
}

fn written(head: &Attributes) -> Option<Writes> {
    let metadata = head.value("replPropertyMetaData")?;
    writes_of(metadata, FSMO_ROLE_OWNER).ok()?
}

/// The owner that all name, or that was written last. Where they differ, none if two are as late as each
/// other, if one does not say when it was written, or if somebody was not heard.
fn last_written<'w>(
    words: impl Iterator<Item = (&'w DistinguishedName, Written)> + Clone,
    all_heard: bool,
) -> Option<&'w DistinguishedName> {
    let (first, _) = words.clone().next()?;
    if words.clone().all(|(other, _)| other == first) {
        return Some(first);
    }
    if !all_heard || words.clone().any(|(_, written)| written.is_none()) {
        return None;
    }
    let (owner, written) = words.clone().max_by_key(|(_, written)| *written)?;
    let mut as_late = words.filter(|(_, other)| *other == written);
    as_late.all(|(other, _)| other == owner).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> DistinguishedName {
        text.parse().unwrap()
    }

    #[test]
    fn a_head_whose_metadata_are_hidden_or_are_none_does_not_say_when_the_role_was_given() {
        let mut head = Attributes::default();
        assert_eq!(role_given(&head), None);
        head.insert("replPropertyMetaData", "no metadata");
        assert_eq!(role_given(&head), None);
    }

    #[test]
    fn of_several_words_the_last_one_counts_and_of_two_as_late_none() {
        let (one, two) = (dn("CN=NTDS Settings,CN=DC1"), dn("CN=NTDS Settings,CN=DC2"));
        let at = |version, seconds: i64| Some((version, Timestamp::from_millis(seconds * 1_000)));
        for (words, expected) in [
            (vec![], None),
            (vec![(&one, None)], Some(&one)),
            (vec![(&one, None), (&one, None)], Some(&one)),
            (vec![(&one, None), (&two, None)], None),
            (vec![(&one, at(2, 9)), (&two, at(3, 1))], Some(&two)),
            (vec![(&two, at(3, 1)), (&one, at(2, 9)), (&two, at(3, 1))], Some(&two)),
            (vec![(&one, at(3, 2)), (&two, at(3, 1))], Some(&one)),
            (vec![(&one, at(3, 1)), (&two, at(3, 1))], None),
            (vec![(&one, at(1, 1)), (&two, None)], None),
            (vec![(&one, at(1, 1)), (&one, None)], Some(&one)),
        ] {
            assert_eq!(last_written(words.iter().copied(), true), expected, "{words:?}");
            // Somebody who was not heard may know better than those who differ.
            let agreed = expected.filter(|_| words.iter().all(|(owner, _)| *owner == words[0].0));
            assert_eq!(last_written(words.iter().copied(), false), agreed, "{words:?}");
        }
    }
}
