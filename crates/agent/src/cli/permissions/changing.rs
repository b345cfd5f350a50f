//! What `grant` and `revoke` have in common: changes are printed for a tool, made, or told of alone; then the
//! directory is looked at as it is after them, and what is found there is told.

use command::{Failure, print};
use directory::DirectoryError;

use super::{Open, What, aside, not_looked};
use crate::permissions::{Change, ChangeTold, Extent, Observed};

/// A command in words.
pub(super) struct Words {
    /// What is said where there was nothing to change, where it was changed, and where it is printed for a
    /// tool.
    pub(super) stands: [&'static str; 3],
    /// What is looked for afterwards.
    pub(super) sought: &'static str,
    /// What is said where nothing of that is found.
    pub(super) done: &'static str,
    /// How the command ends where one is found, and where several are, behind their number.
    pub(super) found: [&'static str; 2],
}

/// What is told of a command.
pub(super) struct Came<'a> {
    /// To programs.
    pub(super) told: ChangeTold<'a>,
    /// How many of what was looked for were found.
    pub(super) found: usize,
    /// At how many places nobody may look for it.
    pub(super) unseen: usize,
    /// To people: what was found, and where nobody may look.
    pub(super) text: String,
}

impl Words {
    /// What has come of these changes so far, as a sentence without its dot.
    pub(super) fn so_far(&self, what: &What, changes: &[Change]) -> &'static str {
        let [nothing, made, printed] = self.stands;
        match (changes.is_empty(), what.makes(), what.print) {
            (true, ..) => nothing,
            (false, true, _) => made,
            (false, false, Some(_)) => printed,
            (false, false, None) => "nothing was changed",
        }
    }

    fn end(&self, found: usize, unseen: usize) -> Result<(), Failure> {
        let [one, several] = self.found;
        match (found, unseen) {
            (0, 0) => Ok(()),
            (0, _) => Err(Failure::refused(format!("could not look everywhere {}", self.sought))),
            (1, _) => Err(Failure::refused(one)),
            (count, _) => Err(Failure::refused(format!("{count} {several}"))),
        }
    }
}

impl Open<'_> {
    /// Prints the changes, or makes them, as the command line says.
    pub(super) async fn carry_out(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        match what.print {
            Some(form) => self.print(form, changes),
            None if what.makes() && !changes.is_empty() => self.make(what, changes).await,
            None => Ok(()),
        }
    }

    /// The directory as it is after the changes, or would be.
    pub(super) async fn afterwards(
        &self,
        what: &What,
        changes: &[Change],
        extent: Extent,
    ) -> Result<Observed, DirectoryError> {
        let mut observed = self.again(extent).await?;
        if !what.makes() {
            changes.iter().for_each(|change| observed.apply(change));
        }
        Ok(observed)
    }

    /// That looking at it failed.
    pub(super) fn not_seen(
        &self,
        what: &What,
        words: &Words,
        changes: &[Change],
        error: &DirectoryError,
    ) -> Failure {
        let name = self.settings.name.as_str();
        not_looked(words.so_far(what, changes), words.sought, name, error)
    }

    /// Tells what has come of it; beside what is printed for a tool, at standard error. What is found is a
    /// refusal, but where somebody else is still to make the changes.
    pub(super) fn tell_what_came(
        &self,
        what: &What,
        words: &Words,
        Came { told, found, unseen, text }: Came<'_>,
    ) -> Result<(), Failure> {
        let nothing = told.changes.is_empty();
        if what.json {
            self.tell(what, told)?;
            return words.end(found, unseen);
        }
        match (found + unseen, nothing) {
            (0, _) if what.print.is_some() => Ok(()),
            (0, true) => print("There is nothing to do.\n"),
            (0, false) => self.done(words.done),
            (_, _) if what.print.is_some() => {
                aside(text.trim_end());
                Ok(())
            }
            _ => {
                print(&text)?;
                words.end(found, unseen)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::grant::GRANT;
    use super::super::revoke::REVOKE;
    use super::*;
    use crate::permissions::tests::{dn, object};
    use crate::permissions::{Form, Obstacle};

    /// What is said where a look at the directory fails afterwards, by which somebody knows where they are.
    #[test]
    fn what_has_come_of_a_change_is_told_as_it_is() -> Result<(), Obstacle> {
        let off = object("OU=P,DC=corp,DC=example", "D:PAI");
        let changes: Vec<Change> = Change::inheriting(&off, false)?.into_iter().collect();
        assert_eq!(changes[0].on, dn("OU=P,DC=corp,DC=example"));
        let what = |print, json, yes| What { print, json, yes, ..What::default() };
        for (what, grant, revoke) in [
            (what(None, false, false), "what was to be granted was written", "is gone"),
            (what(None, true, true), "what was to be granted was written", "is gone"),
            (
                what(Some(Form::Ldif), false, false),
                "what was to be granted is printed",
                "is printed",
            ),
            (what(None, true, false), "nothing was changed", "nothing was changed"),
        ] {
            assert_eq!(GRANT.so_far(&what, &changes), grant);
            assert!(REVOKE.so_far(&what, &changes).ends_with(revoke), "{revoke}");
            assert_eq!(GRANT.so_far(&what, &[]), "what was to be granted stands already");
        }
        Ok(())
    }

    #[test]
    fn a_command_ends_by_how_much_is_found() {
        assert!(GRANT.end(0, 0).is_ok());
        let ends = |words: &Words, found| words.end(found, 0).unwrap_err().message().to_owned();
        assert_eq!(ends(&GRANT, 1), "a denial beats what was granted");
        assert_eq!(ends(&GRANT, 2), "2 denials beat what was granted");
        assert_eq!(ends(&REVOKE, 1), "a right stands all the same");
        assert_eq!(ends(&REVOKE, 3), "3 rights stand all the same");
        let unseen = REVOKE.end(0, 2).unwrap_err();
        assert_eq!(unseen.message(), "could not look everywhere for what stands all the same");
    }
}
