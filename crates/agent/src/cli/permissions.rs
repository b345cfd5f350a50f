//! `passback-agent permissions`: what the service account may do, checked, granted and taken back.

mod check;
mod conditional;
mod inherit;
mod make;
mod show;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use command::{Failure, print};
use directory::security::rights::Feature;
use directory::{DirectoryError, DistinguishedName, LdapDirectory};
use protocol::Clock;

use self::check::Check;
use crate::directories::over_ldaps;
use crate::permissions::{
    Change, Extent, Form, Observed, Revocation, Wish, add_chain, findings_text, grant, judge,
    observe, revoke, stays_text, still, still_text, to_be_let_in,
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
        /// Take the entries of this object away that have a condition and may deny a right of the features
        /// that are named (writeback where none is); nothing is granted then. May be given several times.
        #[arg(long, value_name = "DN", conflicts_with_all = ["root", "ou", "inherit"])]
        drop_conditional: Vec<DistinguishedName>,
    },
    /// Take back what `grant` grants for the features that are named, and nothing else. What stands on the
    /// root of the domain stays as long as another OU needs it.
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
    /// For this feature; without it, for writeback. May be given several times.
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

/// A feature that takes rights.
#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    /// Writing passwords back.
    Writeback,
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
            Wanted::Writeback => Self::Writeback,
            Wanted::FineGrainedRules => Self::FineGrainedRules,
            Wanted::Anchor => Self::Anchor,
            Wanted::Deletions => Self::Deletions,
        }
    }
}

/// The features that are named, each by itself; writeback where none is.
fn named_or_writeback(named: &[Wanted]) -> Vec<Feature> {
    match named {
        [] => vec![Feature::Writeback],
        named => named.iter().map(|one| Feature::from(*one)).collect(),
    }
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

/// Something was done, and the look at what has come of it failed.
fn not_looked(done: &str, what: &str, name: &str, error: &DirectoryError) -> Failure {
    let failure = of_directory(name, error);
    who_must_act(error, format!("{done}; could not look {what}: {}", failure.message()))
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
        PermissionsCommand::Grant { what, inherit, drop_conditional } => {
            let open = Open::the_one(&what, settings, surroundings).await?;
            if !inherit.is_empty() {
                return open.inherit(&what, &inherit).await;
            }
            if !drop_conditional.is_empty() {
                return open.drop_conditional(&what, &drop_conditional).await;
            }
            let changes = grant(&open.observed, &what.wish()).map_err(Failure::refused)?;
            open.grant(&what, &changes).await
        }
        PermissionsCommand::Revoke { what } => {
            let mut open = Open::the_one(&what, settings, surroundings).await?;
            open.look_above().await?;
            let revocation = revoke(&open.observed, &what.wish()).map_err(Failure::refused)?;
            open.revoke(&what, &revocation).await
        }
    }
}

impl What {
    fn wish(&self) -> Wish {
        Wish {
            root: self.root,
            units: self.ou.clone(),
            features: named_or_writeback(&self.features),
        }
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
        let observed = observe(&settings_with_units, &directory, extent).await;
        let observed = observed.map_err(|error| of_directory(settings.name.as_str(), &error))?;
        Ok(Self {
            settings,
            settings_with_units,
            directory,
            observed,
            clock: Arc::clone(&surroundings.clock),
        })
    }

    /// The same directory as it is now, with this much of it.
    async fn again(&self, extent: Extent) -> Result<Observed, DirectoryError> {
        observe(&self.settings_with_units, &self.directory, extent).await
    }

    /// Prints the changes for another tool.
    fn print(&self, form: Form, changes: &[Change]) -> Result<(), Failure> {
        let text = crate::permissions::print(form, changes, &self.observed);
        print(&text.map_err(Failure::refused)?)
    }

    fn done(&self, what: &str) -> Result<(), Failure> {
        let name = self.settings.name.as_str();
        print(&format!("{what}. Next: passback-agent permissions check --directory {name}\n"))
    }

    /// Grants, which is only called granted where no denial beats it; with `--print` they are told of at
    /// standard error, because what is printed is for a tool.
    async fn grant(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        if let Some(form) = what.print {
            self.print(form, changes)?;
        } else if !changes.is_empty() {
            self.make(what, changes).await?;
        }
        let stands = match (changes.is_empty(), what.print) {
            (true, _) => "stands already",
            (false, None) => "was written",
            (false, Some(_)) => "is printed",
        };
        let (done, name) = (format!("what was to be granted {stands}"), &self.settings.name);
        let failed = |error| not_looked(&done, "for denials", name.as_str(), &error);
        let extent = Extent { people: GRANT_PEOPLE, below: true };
        let mut observed = self.again(extent).await.map_err(failed)?;
        if what.print.is_some() {
            changes.iter().for_each(|change| observed.apply(change));
        }
        let (judgement, wish) =
            (judge(&observed, &named_or_writeback(&what.features)), what.wish());
        let denials = judgement.findings.iter().filter(|finding| finding.cause.is_denial());
        let denials: Vec<_> = denials.filter(|finding| wish.is_about(finding)).collect();
        let denied = format!("What was to be granted {stands}, and is denied all the same:\n");
        match (denials.len(), changes.is_empty()) {
            (0, _) if what.print.is_some() => Ok(()),
            (0, true) => print("There is nothing to do.\n"),
            (0, false) => self.done("Granted"),
            (_, _) if what.print.is_some() => {
                aside(&format!("{denied}{}", findings_text(&observed, denials)));
                Ok(())
            }
            (count, _) => {
                print(&denied)?;
                print(&findings_text(&observed, denials))?;
                Err(Failure::refused(match count {
                    1 => "a denial beats what was granted".to_owned(),
                    count => format!("{count} denials beat what was granted"),
                }))
            }
        }
    }

    /// Takes back, which is only called that where the account has nothing of it by another entry.
    async fn revoke(&self, what: &What, revocation: &Revocation) -> Result<(), Failure> {
        let Revocation { changes, stays } = revocation;
        let staying = stays_text(&self.observed, stays);
        match what.print {
            Some(form) => {
                self.print(form, changes)?;
                if !staying.is_empty() {
                    aside(&format!("This stays:\n{}", staying.trim_end()));
                }
            }
            None => {
                print(&staying)?;
                if !changes.is_empty() {
                    self.make(what, changes).await?;
                }
            }
        }
        let done = match (changes.is_empty(), what.print) {
            (true, _) => "nothing was to be taken back",
            (false, None) => "what was to be taken back is gone",
            (false, Some(_)) => "what is to be taken back is printed",
        };
        let what_stands = "what stands all the same";
        let failed = |error| not_looked(done, what_stands, self.settings.name.as_str(), &error);
        let mut observed = self.again(Extent { people: 0, below: false }).await.map_err(failed)?;
        if what.print.is_some() {
            changes.iter().for_each(|change| observed.apply(change));
        }
        self.read_above(&mut observed, what).await.map_err(failed)?;
        let still = still(&observed, &what.wish(), stays).map_err(Failure::refused)?;
        let text = still_text(&observed, &still);
        match (still.len(), changes.is_empty()) {
            (0, _) if what.print.is_some() => Ok(()),
            (0, true) => print("There is nothing to do.\n"),
            (0, false) => self.done("Taken back"),
            (_, _) if what.print.is_some() => {
                aside(text.trim_end());
                Ok(())
            }
            (count, _) => {
                print(&text)?;
                Err(Failure::refused(match count {
                    1 => "a right stands all the same".to_owned(),
                    count => format!("{count} rights stand all the same"),
                }))
            }
        }
    }

    /// The places above the units, from which they may have what a revoke leaves them.
    async fn look_above(&mut self) -> Result<(), Failure> {
        let failed = |error| of_directory(self.settings.name.as_str(), &error);
        for unit in &self.settings_with_units.ous {
            add_chain(&self.directory, unit, &mut self.observed).await.map_err(failed)?;
        }
        Ok(())
    }

    /// The places above those that are wished, on which an inherited entry may stand.
    async fn read_above(&self, observed: &mut Observed, what: &What) -> Result<(), DirectoryError> {
        let all = if what.ou.is_empty() { &self.settings.ous } else { &what.ou };
        for unit in all {
            add_chain(&self.directory, unit, observed).await?;
        }
        Ok(())
    }
}

/// Says something besides what is told: at standard error, because a program may read the rest. Whether
/// anybody reads it changes nothing.
fn aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "passback-agent: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_looked_at_again_says_that_it_was_done() {
        let lost = DirectoryError::Lost { cause: "gone".to_owned() };
        let written = "what was to be granted was written";
        let failure = not_looked(written, "for denials", "corp", &lost);
        assert_eq!(failure.code(), 3);
        let expected = format!(
            "what was to be granted was written; could not look for denials: directory corp: {lost}"
        );
        assert_eq!(failure.message(), expected);
        let set_up = DirectoryError::Configuration("no such head".to_owned());
        assert_eq!(not_looked(written, "for denials", "corp", &set_up).code(), 4);
    }
}
