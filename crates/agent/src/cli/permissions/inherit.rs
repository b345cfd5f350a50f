//! `passback-agent permissions grant --inherit`: lets units and people inherit again.
//!
//! What protects a person stands in attributes that an account which inherits nothing hides from the
//! service account, so that they are read as the administrator who is asked for; with `--print` there is
//! nobody else.

use command::Failure;
use directory::security::rights::Feature;
use directory::{
    Directory as _, DirectoryError, DistinguishedName, LdapDirectory, MarkedBy, MemberOf,
    Protection, Surveyed, protected_by,
};

use super::after::After;
use super::make::{ADMINISTRATOR, SERVICE_ACCOUNT, obstructed};
use super::{Open, What, aside};
use crate::permissions::{
    Change, ChangeTold, NOT_FOLLOWED, Obstacle, is_by_design, marked_by, marked_text, shown,
};

impl Open<'_> {
    /// Lets these objects inherit, and looks whether the service account has its rights there.
    pub(super) async fn inherit(
        &self,
        what: &What,
        objects: &[DistinguishedName],
    ) -> Result<(), Failure> {
        if !what.makes() {
            let mut changes = Vec::new();
            for dn in objects {
                changes.extend(self.as_far_as_seen(dn).await?);
            }
            return match what.print {
                Some(form) => self.print(form, &changes),
                None => self.tell(what, ChangeTold::of("grant", &changes)),
            };
        }
        let administrator = self.administrator(what)?;
        let mut changes = Vec::new();
        for dn in objects {
            let read = inheriting(&administrator, dn, self.observed.asker.is_samba).await;
            changes.extend(read.map_err(|error| self.not_read(dn, ADMINISTRATOR, error))?);
        }
        if !changes.is_empty() {
            self.agreed(what, &changes)?;
            self.written(&administrator, &changes).await?;
        }
        let after = After { done: "inherits again", features: &[Feature::Writeback] };
        self.tell_after(what, objects, &changes, &after).await
    }

    /// The change as the service account can work it out.
    async fn as_far_as_seen(&self, dn: &DistinguishedName) -> Result<Option<Change>, Failure> {
        let not_read = |error| self.not_read(dn, SERVICE_ACCOUNT, error);
        let is_samba = self.observed.asker.is_samba;
        let error = match inheriting(&self.directory, dn, is_samba).await {
            Ok(change) => return Ok(change),
            Err(error) => error,
        };
        let NotRead::Directory(DirectoryError::Unreadable { attribute }) = error else {
            return Err(not_read(error));
        };
        let object = self.directory.surveyed(dn).await.map_err(|error| not_read(error.into()))?;
        let object = object.ok_or_else(|| not_read(NotRead::NotThere))?;
        let change = unjudged(&object, attribute).map_err(not_read)?;
        aside(&format!(
            "{attribute} of {} is hidden from the service account: whether a group protects it, or adminCount is left over, is not looked at; without --print it is",
            shown(dn)
        ));
        Ok(change)
    }

    fn not_read(&self, dn: &DistinguishedName, who: &str, error: NotRead) -> Failure {
        let on = shown(dn);
        match error {
            NotRead::Directory(error) => self.refused(&on, &error),
            NotRead::NotThere => Failure::refused(format!("{on} is not there")),
            NotRead::Obstructed(obstacle) => obstructed(who, dn, obstacle),
            NotRead::Protected => Failure::refused(format!(
                "{on} is protected by a group: the directory would take its inheritance away again"
            )),
            NotRead::Marked(by) => Failure::refused(format!(
                "{on} is {}: the directory would take its inheritance away again, and set adminCount; take it out of {} first",
                marked_text(&by).unwrap_or_default(),
                by.first().map_or("there", |first| &first.name)
            )),
            NotRead::NotFollowed => Failure::refused(format!(
                "{on} has an adminCount, and {who} cannot say whether it is left over: {NOT_FOLLOWED}; the directory may set it again, and take its inheritance away. Look at its groups in every domain of the forest; where none leads to a protected one, take adminCount away by hand"
            )),
            NotRead::MayBeProtected(attribute) => Failure::refused(format!(
                "{on} has an adminCount, and its {attribute} is hidden from {who}: a group may protect it, and the directory would take its inheritance away again; without --print it is looked at as the administrator"
            )),
        }
    }
}

/// Why it cannot be said what lets an object inherit again.
#[derive(Debug, PartialEq, Eq)]
enum NotRead {
    /// The way to the directory, or its answer.
    Directory(DirectoryError),
    /// It is not there.
    NotThere,
    /// Its list is hidden.
    Obstructed(Obstacle),
    /// The directory itself keeps it from inheriting.
    Protected,
    /// The directory marks it by way of these groups, and does as well.
    Marked(Vec<MemberOf>),
    /// So it may do, too: there is an `adminCount`, and not all groups could be followed.
    NotFollowed,
    /// So it may well do: there is an `adminCount`, and this is hidden by which it could be left over.
    MayBeProtected(&'static str),
}

impl From<Obstacle> for NotRead {
    fn from(obstacle: Obstacle) -> Self {
        Self::Obstructed(obstacle)
    }
}

impl From<DirectoryError> for NotRead {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(error)
    }
}

/// What lets an object inherit again, as this account sees it; none if there is nothing to do.
async fn inheriting(
    directory: &LdapDirectory,
    dn: &DistinguishedName,
    is_samba: bool,
) -> Result<Option<Change>, NotRead> {
    let object = directory.surveyed(dn).await?.ok_or(NotRead::NotThere)?;
    let mut left_over = false;
    if let Some(guid) = object.guid.filter(|_| object.sid.is_some()) {
        let account = directory.account(guid).await?;
        let protection = account.as_ref().and_then(protected_by);
        if is_by_design(protection.as_ref()) {
            return Err(NotRead::Protected);
        }
        if let Some(account) = &account {
            match marked_by(directory, account, is_samba).await? {
                MarkedBy::Nothing => {}
                MarkedBy::Groups(by) => return Err(NotRead::Marked(by)),
                MarkedBy::Unknown => return Err(NotRead::NotFollowed),
            }
        }
        left_over = protection == Some(Protection::AdminCountAlone);
    }
    Ok(Change::inheriting(&object, left_over)?)
}

/// The same where this attribute is hidden, so that nobody can say what protects the object: only of one
/// without an `adminCount`, as far as that is seen.
fn unjudged(object: &Surveyed, attribute: &'static str) -> Result<Option<Change>, NotRead> {
    match object.admin_count {
        true => Err(NotRead::MayBeProtected(attribute)),
        false => Ok(Change::inheriting(object, false)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::tests::object;

    const JAN: &str = "CN=Jan,OU=P,DC=corp,DC=example";

    #[test]
    fn of_whom_a_group_may_protect_nothing_is_printed() {
        let hidden = "tokenGroups";
        let jan = object(JAN, "D:PAI");
        assert!(unjudged(&jan, hidden).unwrap().unwrap().inherit);
        let marked = Surveyed { admin_count: true, ..jan };
        assert_eq!(unjudged(&marked, hidden), Err(NotRead::MayBeProtected(hidden)));
    }

    #[test]
    fn of_a_hidden_list_nobody_says_that_it_inherits() {
        let hidden = Surveyed { descriptor: None, ..object(JAN, "D:AI") };
        assert_eq!(unjudged(&hidden, "tokenGroups"), Err(NotRead::Obstructed(Obstacle::Hidden)));
        assert_eq!(unjudged(&object(JAN, "D:AI"), "tokenGroups"), Ok(None));
    }
}
