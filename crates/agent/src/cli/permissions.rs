//! `passback-agent permissions`: what the service account may do, checked, granted and taken back.

mod check;
mod show;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use command::{Failure, print};
use directory::security::rights::Feature;
use directory::{
    ChangeError, Directory as _, DirectoryError, DistinguishedName, LdapDirectory, Protection,
    protected_by,
};
use protocol::Clock;

use self::check::Check;
use super::ask;
use crate::directories::{SetUpError, over_ldaps, over_ldaps_as};
use crate::permissions::{
    Change, Extent, Form, Observed, Wish, findings_text, grant, judge, preview, revoke,
    to_be_let_in,
};
use crate::settings::{AgentSettings, DirectorySettings};
use crate::surroundings::Surroundings;

/// How many people are looked at below each unit, after a grant, for denials that beat it.
const GRANT_PEOPLE: u32 = 100;

#[derive(Subcommand)]
pub(super) enum PermissionsCommand {
    /// Look whether the service account has its rights; exit code 1 names what is lacking.
    Check(Check),
    /// Grant exactly what is lacking, as an administrator of the directory. Shown first.
    Grant {
        #[command(flatten)]
        what: What,
        /// Let this unit or person inherit again, and take an adminCount away that is left over;
        /// nothing else is granted then. May be given several times.
        #[arg(long, value_name = "DN", conflicts_with_all = ["root", "ou", "features"])]
        inherit: Vec<DistinguishedName>,
    },
    /// Take back what `grant` grants, and nothing else.
    Revoke {
        #[command(flatten)]
        what: What,
    },
    /// Which account serves which directory.
    Show {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct What {
    /// The directory, by its name in the configuration; needed where there are several.
    #[arg(long)]
    directory: Option<String>,
    /// On the root of the domain, in place of the OUs.
    #[arg(long, conflicts_with = "ou")]
    root: bool,
    /// On this OU; without it, on every OU of the configuration. May be given several times.
    #[arg(long, value_name = "DN")]
    ou: Vec<DistinguishedName>,
    /// For this feature, besides writeback. May be given several times.
    #[arg(long = "feature", value_enum)]
    features: Vec<Wanted>,
    /// Change nothing: print it for this tool.
    #[arg(long, value_enum, value_name = "TOOL")]
    print: Option<Form>,
    /// The administrator's login; asked for without it.
    #[arg(long)]
    login: Option<String>,
    /// A file with the administrator's password on one line; asked for without it.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Do not ask whether to go on.
    #[arg(long)]
    yes: bool,
}

/// A feature besides writeback that takes rights.
#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    /// Showing the rules of fine-grained policies.
    FineGrainedRules,
    /// Writing mS-DS-ConsistencyGuid.
    Anchor,
    /// Hearing of deletions.
    Deletions,
}

impl From<Wanted> for Feature {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::FineGrainedRules => Self::FineGrainedRules,
            Wanted::Anchor => Self::Anchor,
            Wanted::Deletions => Self::Deletions,
        }
    }
}

fn with_writeback(wanted: &[Wanted]) -> Vec<Feature> {
    let wanted = wanted.iter().map(|one| Feature::from(*one));
    std::iter::once(Feature::Writeback).chain(wanted).collect()
}

/// Who must act on a directory that does not answer as it should.
pub(super) fn of_directory(name: &str, error: &DirectoryError) -> Failure {
    let message = match error {
        DirectoryError::BindRefused { refusal, .. } => {
            format!("directory {name}: {error}. {}", to_be_let_in(*refusal))
        }
        error => format!("directory {name}: {error}"),
    };
    who_must_act(error, message)
}

/// A failure by this error, said in this way.
pub(super) fn who_must_act(error: &DirectoryError, message: String) -> Failure {
    match error {
        DirectoryError::Configuration(_)
        | DirectoryError::Certificate { .. }
        | DirectoryError::BindRefused { .. } => Failure::configuration(message),
        _ => Failure::unavailable(message),
    }
}

/// What was to be granted stands, and the looking for denials that beat it failed.
fn not_looked(stands: &str, name: &str, error: &DirectoryError) -> Failure {
    let failure = of_directory(name, error);
    let message = failure.message();
    who_must_act(
        error,
        format!("what was to be granted {stands}; could not look for denials: {message}"),
    )
}

/// The configured directories, or the one that was asked for.
pub(super) fn chosen<'s>(
    settings: &'s AgentSettings,
    name: Option<&str>,
) -> Result<Vec<&'s DirectorySettings>, Failure> {
    let all = settings.directories.iter();
    let chosen: Vec<_> =
        all.filter(|one| name.is_none_or(|name| one.name.as_str() == name)).collect();
    match (chosen.is_empty(), name) {
        (true, Some(name)) => {
            Err(Failure::usage(format!("no directory of the configuration is called {name}")))
        }
        (true, None) => Err(Failure::configuration("the configuration has no directory")),
        _ => Ok(chosen),
    }
}

pub(super) fn client(
    settings: &DirectorySettings,
    surroundings: &Surroundings,
) -> Result<LdapDirectory, Failure> {
    over_ldaps(settings, &surroundings.clock).map_err(Failure::configuration)
}

/// Carries out the command. The agent may be running.
pub(super) async fn permissions(
    command: PermissionsCommand,
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), Failure> {
    match command {
        PermissionsCommand::Check(check) => check.carry_out(settings, surroundings).await,
        PermissionsCommand::Show { json } => show::carry_out(json, settings, surroundings).await,
        PermissionsCommand::Grant { what, inherit } => {
            let open = Open::the_one(&what, settings, surroundings).await?;
            if !inherit.is_empty() {
                let changes = open.inheriting(&inherit).await?;
                return open.carry_out(&what, &changes, "Granted").await;
            }
            let changes = grant(&open.observed, &what.wish()).map_err(Failure::refused)?;
            open.grant(&what, &changes).await
        }
        PermissionsCommand::Revoke { what } => {
            let open = Open::the_one(&what, settings, surroundings).await?;
            let changes = revoke(&open.observed, &what.wish()).map_err(Failure::refused)?;
            open.carry_out(&what, &changes, "Taken back").await
        }
    }
}

impl What {
    fn wish(&self) -> Wish {
        Wish { root: self.root, units: self.ou.clone(), features: with_writeback(&self.features) }
    }
}

/// A directory that is to be changed.
struct Open<'s> {
    settings: &'s DirectorySettings,
    /// With the units that the command line names.
    settings_with_units: DirectorySettings,
    directory: LdapDirectory,
    observed: Observed,
    clock: Arc<dyn Clock>,
}

impl<'s> Open<'s> {
    async fn the_one(
        what: &What,
        settings: &'s AgentSettings,
        surroundings: &Surroundings,
    ) -> Result<Self, Failure> {
        let [settings] = chosen(settings, what.directory.as_deref())?[..] else {
            return Err(Failure::usage("there are several directories: which one? (--directory)"));
        };
        let mut settings_with_units = settings.clone();
        for unit in what.ou.iter().filter(|unit| !settings.ous.contains(unit)) {
            settings_with_units.ous.push(unit.clone());
        }
        let directory = client(settings, surroundings)?;
        let extent = Extent { people: 0, below: false };
        let observed = crate::permissions::observe(&settings_with_units, &directory, extent);
        let observed =
            observed.await.map_err(|error| of_directory(settings.name.as_str(), &error))?;
        Ok(Self {
            settings,
            settings_with_units,
            directory,
            observed,
            clock: Arc::clone(&surroundings.clock),
        })
    }

    /// What lets these objects inherit again.
    async fn inheriting(&self, objects: &[DistinguishedName]) -> Result<Vec<Change>, Failure> {
        let failed = |error: DirectoryError| of_directory(self.settings.name.as_str(), &error);
        let mut changes = Vec::new();
        for dn in objects {
            let object = self.directory.surveyed(dn).await.map_err(failed)?;
            let object = object.ok_or_else(|| Failure::refused(format!("{dn} is not there")))?;
            let mut left_over = false;
            if let Some(guid) = object.guid.filter(|_| object.admin_count) {
                let account = self.directory.account(guid).await.map_err(failed)?;
                match account.as_ref().and_then(protected_by) {
                    Some(Protection::AdminCountAlone) => left_over = true,
                    Some(Protection::Account(_) | Protection::Member(_)) => {
                        return Err(Failure::refused(format!(
                            "{dn} is protected by a group: the directory would take its inheritance away again"
                        )));
                    }
                    None => {}
                }
            }
            changes.extend(Change::inheriting(&object, left_over));
        }
        Ok(changes)
    }

    /// Shows the changes; prints them for another tool, or makes them as an administrator.
    async fn carry_out(&self, what: &What, changes: &[Change], done: &str) -> Result<(), Failure> {
        if let Some(form) = what.print {
            let text = crate::permissions::print(form, changes, &self.observed);
            return print(&text.map_err(Failure::refused)?);
        }
        if changes.is_empty() {
            return print("There is nothing to do.\n");
        }
        self.make(what, changes).await?;
        self.done(done)
    }

    fn done(&self, what: &str) -> Result<(), Failure> {
        let name = self.settings.name.as_str();
        print(&format!("{what}. Next: passback-agent permissions check --directory {name}\n"))
    }

    /// The same for grants, which are only called granted where no denial beats them.
    async fn grant(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        if what.print.is_some() {
            return self.carry_out(what, changes, "").await;
        }
        if !changes.is_empty() {
            self.make(what, changes).await?;
        }
        let features = with_writeback(&what.features);
        let extent = Extent { people: GRANT_PEOPLE, below: true };
        let observed =
            crate::permissions::observe(&self.settings_with_units, &self.directory, extent);
        let stands = if changes.is_empty() { "stands already" } else { "was written" };
        let observed = observed
            .await
            .map_err(|error| not_looked(stands, self.settings.name.as_str(), &error))?;
        let (judgement, wish) = (judge(&observed, &features), what.wish());
        let denials = judgement.findings.iter().filter(|finding| finding.cause.is_denial());
        let denials: Vec<_> = denials.filter(|finding| wish.is_about(finding)).collect();
        match (denials.len(), changes.is_empty()) {
            (0, true) => print("There is nothing to do.\n"),
            (0, false) => self.done("Granted"),
            (count, _) => {
                print(&format!("What was to be granted {stands}, and is denied all the same:\n"))?;
                print(&findings_text(&observed, denials))?;
                Err(Failure::refused(match count {
                    1 => "a denial beats what was granted".to_owned(),
                    count => format!("{count} denials beat what was granted"),
                }))
            }
        }
    }

    /// Shows the changes, and makes them as an administrator.
    async fn make(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        print(&preview(&self.observed, changes))?;
        if !what.yes && !ask::whether("Go on?")? {
            return Err(Failure::refused("nothing was changed"));
        }
        let login = match &what.login {
            Some(login) => login.clone(),
            None => ask::line("Administrator's login (name@domain)")?,
        };
        let password = ask::password(&login, what.password_file.as_deref())?;
        let administrator = over_ldaps_as(self.settings, &login, password, &self.clock)
            .map_err(|error: SetUpError| Failure::configuration(error))?;
        for change in changes {
            self.change(&administrator, change).await?;
        }
        Ok(())
    }

    async fn change(&self, administrator: &LdapDirectory, change: &Change) -> Result<(), Failure> {
        let name = self.settings.name.as_str();
        let failed = |error: &DirectoryError| match error {
            DirectoryError::BindRefused { .. } | DirectoryError::Refused(_) => {
                Failure::refused(format!("directory {name}, {}: {error}", change.on))
            }
            error => of_directory(name, error),
        };
        let fresh = administrator.surveyed(&change.on).await.map_err(|error| failed(&error))?;
        let fresh = fresh.ok_or_else(|| {
            Failure::refused(format!("{} is not there for this administrator", change.on))
        })?;
        let change = change.of(&fresh);
        if change.needs_descriptor() && change.after().is_none() {
            let who = "this administrator may not read the rights of";
            return Err(Failure::refused(format!("{who} {}: nothing was changed", change.on)));
        }
        administrator.change_rights(&change.on, &change.written()).await.map_err(
            |error| match error {
                ChangeError::Directory(error) => failed(&error),
                error @ ChangeError::Descriptor(_) => {
                    Failure::refused(format!("{}: {error}", change.on))
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_could_not_be_looked_at_again_says_that_it_was_written() {
        let lost = DirectoryError::Lost { cause: "gone".to_owned() };
        let failure = not_looked("was written", "corp", &lost);
        assert_eq!(failure.code(), 3);
        let expected = format!(
            "what was to be granted was written; could not look for denials: directory corp: {lost}"
        );
        assert_eq!(failure.message(), expected);
        let set_up = DirectoryError::Configuration("no such head".to_owned());
        assert_eq!(not_looked("was written", "corp", &set_up).code(), 4);
    }
}
