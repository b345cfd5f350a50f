//! `passback-agent permissions`: what the service account may do, checked, granted and taken back.

mod after;
mod changing;
mod check;
mod conditional;
mod grant;
mod inherit;
mod make;
mod revoke;
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
    Change, ChangeTold, Extent, Form, Observed, Wish, grant, observe, revoke, to_be_let_in,
};
use crate::settings::{AgentSettings, DirectorySettings};
use crate::surroundings::Surroundings;

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
        /// On people of class inetOrgPerson, too, whom entries for users do not reach.
        #[arg(long, conflicts_with_all = ["inherit", "drop_conditional"])]
        inet_org_person: bool,
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

#[derive(Args, Default)]
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
    /// Answer in JSON. Without --yes, nothing is changed: it is told what would be.
    #[arg(long, conflicts_with = "print")]
    json: bool,
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
    /// Reading what people are judged by, which everybody who signs in may do in a new domain.
    Reading,
}

impl From<Wanted> for Feature {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Writeback => Self::Writeback,
            Wanted::FineGrainedRules => Self::FineGrainedRules,
            Wanted::Anchor => Self::Anchor,
            Wanted::Deletions => Self::Deletions,
            Wanted::Reading => Self::Reading,
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
        | DirectoryError::Unfit { .. }
        | DirectoryError::Unreadable { .. }
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
        PermissionsCommand::Grant { what, inherit, drop_conditional, inet_org_person } => {
            let open = Open::the_one(&what, settings, surroundings).await?;
            if !inherit.is_empty() {
                return open.inherit(&what, &inherit).await;
            }
            if !drop_conditional.is_empty() {
                return open.drop_conditional(&what, &drop_conditional).await;
            }
            let wish = what.wish(inet_org_person);
            let changes = grant(&open.observed, &wish).map_err(Failure::refused)?;
            open.grant(&what, &changes).await
        }
        PermissionsCommand::Revoke { what } => {
            let mut open = Open::the_one(&what, settings, surroundings).await?;
            open.look_above().await?;
            let revocation = revoke(&open.observed, &what.wish(false)).map_err(Failure::refused)?;
            open.revoke(&what, &revocation).await
        }
    }
}

impl What {
    fn wish(&self, inet_org_person: bool) -> Wish {
        Wish {
            root: self.root,
            units: self.ou.clone(),
            features: named_or_writeback(&self.features),
            inet_org_person,
        }
    }

    /// Whether changes are made, and not told of alone.
    const fn makes(&self) -> bool {
        self.print.is_none() && (!self.json || self.yes)
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

    /// Tells programs what was done or would be.
    fn tell(&self, what: &What, told: ChangeTold<'_>) -> Result<(), Failure> {
        let told = ChangeTold { made: what.makes() && !told.changes.is_empty(), ..told };
        print(&format!("{}\n", told.json(&self.observed)))
    }

    fn done(&self, what: &str) -> Result<(), Failure> {
        let name = self.settings.name.as_str();
        print(&format!("{what}. Next: passback-agent permissions check --directory {name}\n"))
    }
}

/// A sentence of these words.
fn sentence(words: &str) -> String {
    let mut sentence = words.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// Says something besides what is told: at standard error, because a program may read the rest. Whether
/// anybody reads it changes nothing.
fn aside(text: &str) {
    let _ = writeln!(std::io::stderr(), "passback-agent: {text}");
}

#[cfg(test)]
mod tests {
    use directory::{BindRefusal, Refusal};

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

    /// INTERFACES: 3 unavailable, 4 configuration. Whatever ends an operation by the configuration does so
    /// here as well.
    #[test]
    fn what_somebody_has_to_set_right_is_told_from_what_is_not_there_at_the_moment() {
        let text = || "no".to_owned();
        let refused = |result| {
            DirectoryError::Refused(Refusal { result, code: None, diagnostic: String::new() })
        };
        let bind = DirectoryError::BindRefused {
            controller: text(),
            name: text(),
            refusal: BindRefusal::WrongPassword,
            diagnostic: String::new(),
        };
        for (error, code) in [
            (DirectoryError::Configuration(text()), 4),
            (DirectoryError::Certificate { controller: text(), cause: text() }, 4),
            (DirectoryError::Unfit { controller: text(), cause: text() }, 4),
            (DirectoryError::Unreadable { attribute: "tokenGroups" }, 4),
            (bind, 4),
            (DirectoryError::PdcUnreachable { cause: text() }, 3),
            (DirectoryError::NoPreferred { cause: text() }, 3),
            (DirectoryError::Lost { cause: text() }, 3),
            (DirectoryError::TooMuch { attribute: text(), limit: text() }, 3),
            (refused(51), 3),
        ] {
            assert_eq!(of_directory("corp", &error).code(), code, "{error}");
            if error.outcome() == protocol::Outcome::DirectoryConfiguration {
                assert_eq!(code, 4, "{error}");
            }
        }
    }
}
