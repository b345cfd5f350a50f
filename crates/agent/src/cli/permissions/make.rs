//! Making changes, as an administrator of the directory who is asked for.

use command::{Failure, print};
use directory::{ChangeError, DirectoryError, DistinguishedName, LdapDirectory};

use super::{Open, What, of_directory};
use crate::cli::ask;
use crate::directories::{SetUpError, over_ldaps_as};
use crate::permissions::{Change, Obstacle, no_list, preview, shown};

/// Who makes a change, in a sentence.
pub(super) const ADMINISTRATOR: &str = "this administrator";
/// Who works it out before.
pub(super) const SERVICE_ACCOUNT: &str = "the service account";

/// Why somebody cannot make or work out a change.
pub(super) fn obstructed(who: &str, on: &DistinguishedName, obstacle: Obstacle) -> Failure {
    Failure::refused(match obstacle {
        Obstacle::Hidden => {
            format!("{who} may not read the rights of {}: nothing was changed there", shown(on))
        }
        Obstacle::NoList => no_list(on),
    })
}

impl Open<'_> {
    /// Shows the changes, and makes them.
    pub(super) async fn make(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        self.agreed(what, changes)?;
        let administrator = self.administrator(what)?;
        self.written(&administrator, changes).await
    }

    /// Shows the changes, and asks whether to go on; a program has said so, and is told afterwards.
    pub(super) fn agreed(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        if !what.json {
            print(&preview(&self.observed, changes))?;
        }
        match what.yes || ask::whether("Go on?")? {
            true => Ok(()),
            false => Err(Failure::refused("nothing was changed")),
        }
    }

    /// The directory, signed in as an administrator.
    pub(super) fn administrator(&self, what: &What) -> Result<LdapDirectory, Failure> {
        let login = match &what.login {
            Some(login) => login.clone(),
            None => ask::line("Administrator's login (name@domain)")?,
        };
        let password = ask::password(&login, what.password_file.as_deref())?;
        over_ldaps_as(self.settings, &login, password, &self.clock)
            .map_err(|error: SetUpError| Failure::configuration(error))
    }

    /// Makes the changes, one after the other.
    pub(super) async fn written(
        &self,
        administrator: &LdapDirectory,
        changes: &[Change],
    ) -> Result<(), Failure> {
        for change in changes {
            self.change(administrator, change).await?;
        }
        Ok(())
    }

    async fn change(&self, administrator: &LdapDirectory, change: &Change) -> Result<(), Failure> {
        let on = shown(&change.on);
        let failed = |error: &DirectoryError| self.refused(&on, error);
        let fresh = administrator.surveyed(&change.on).await.map_err(|error| failed(&error))?;
        let fresh = fresh
            .ok_or_else(|| Failure::refused(format!("{on} is not there for this administrator")))?;
        let change = change.of(&fresh);
        if let Some(obstacle) = change.obstacle() {
            return Err(obstructed(ADMINISTRATOR, &change.on, obstacle));
        }
        administrator.change_rights(&change.on, &change.written()).await.map_err(
            |error| match error {
                ChangeError::Directory(error) => failed(&error),
                error @ ChangeError::Descriptor(_) => Failure::refused(format!("{on}: {error}")),
            },
        )
    }

    /// A failure of something that was asked of an object as an administrator: what the directory
    /// refuses, it refuses the administrator.
    pub(super) fn refused(&self, on: &str, error: &DirectoryError) -> Failure {
        let name = self.settings.name.as_str();
        match error {
            DirectoryError::BindRefused { .. } => Failure::refused(format!(
                "directory {name}, {on}: {error}. Make it with another account, or have it printed (`--print`)"
            )),
            DirectoryError::Refused(_) => {
                Failure::refused(format!("directory {name}, {on}: {error}"))
            }
            error => of_directory(name, error),
        }
    }
}
