//! `passback-agent permissions`: what the service account may do, checked, granted and taken back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use command::{Failure, print};
use directory::security::rights::Feature;
use directory::{
    BindRefusal, ChangeError, Directory as _, DirectoryError, DistinguishedName, LdapDirectory,
    Protection, protected_by,
};
use protocol::Clock;
use serde_json::{Value, json};

use super::ask;
use crate::directories::{SetUpError, over_ldaps, over_ldaps_as};
use crate::permissions::{
    Change, Extent, Form, Judgement, Observed, Wish, check_json, check_text, grant, judge, preview,
    revoke,
};
use crate::settings::{AgentSettings, DirectorySettings};
use crate::surroundings::Surroundings;

/// How many people are looked at below each unit of the configuration, unless more are asked for.
const PEOPLE: &str = "100";
/// How long `--wait` waits unless told otherwise, in seconds: "an hour or more" (SPEC D-12).
const WAIT: &str = "7200";
/// How long it is between two looks, in seconds.
const PAUSE: &str = "30";

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
pub(super) struct Check {
    /// This directory alone, by its name in the configuration.
    #[arg(long)]
    directory: Option<String>,
    /// Look for the rights of this feature, too. May be given several times.
    #[arg(long = "feature", value_enum)]
    features: Vec<Wanted>,
    /// How many people to look at below each OU of the configuration.
    #[arg(long, default_value = PEOPLE)]
    people: u32,
    /// Look again and again until the rights have arrived at the PDC emulator, at most so many
    /// seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = WAIT)]
    wait: Option<u64>,
    /// The seconds between two looks.
    #[arg(long, default_value = PAUSE)]
    pause: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
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
    match error {
        DirectoryError::Configuration(_)
        | DirectoryError::Certificate { .. }
        | DirectoryError::BindRefused { .. } => Failure::configuration(message),
        _ => Failure::unavailable(message),
    }
}

/// What an administrator does about a service account that is not let in.
const fn to_be_let_in(refusal: BindRefusal) -> &'static str {
    match refusal {
        BindRefusal::UnknownAccount => "Correct `bind_name`, or make the account",
        BindRefusal::WrongPassword => {
            "Correct `bind_name`, or write the account's password into `bind_password_file`"
        }
        BindRefusal::NotNow => "Let the account sign in at all hours (`logonHours`)",
        BindRefusal::NotFromHere => {
            "Let the account sign in from the agent's machine (`userWorkstations`)"
        }
        BindRefusal::PasswordExpired | BindRefusal::MustChange => {
            "Give the account a password that does not expire, and write it into \
             `bind_password_file`"
        }
        BindRefusal::Disabled => "Enable the account",
        BindRefusal::AccountExpired => "Take the account's end date away (`accountExpires`)",
        BindRefusal::LockedOut => {
            "Unlock the account, and look who tries its password: the agent gives up after one try"
        }
        BindRefusal::Other => "The controller's security log says why",
    }
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
        PermissionsCommand::Check(check) => checked(&check, settings, surroundings).await,
        PermissionsCommand::Show { json } => shown(json, settings, surroundings).await,
        PermissionsCommand::Grant { what, inherit } => {
            let open = Open::the_one(&what, settings, surroundings).await?;
            let changes = if inherit.is_empty() {
                grant(&open.observed, &what.wish()).map_err(Failure::refused)?
            } else {
                open.inheriting(&inherit).await?
            };
            open.carry_out(&what, &changes, "Granted").await
        }
        PermissionsCommand::Revoke { what } => {
            let open = Open::the_one(&what, settings, surroundings).await?;
            let changes = revoke(&open.observed, &what.wish()).map_err(Failure::refused)?;
            open.carry_out(&what, &changes, "Taken back").await
        }
    }
}

async fn checked(
    check: &Check,
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), Failure> {
    let features = with_writeback(&check.features);
    let extent = Extent { people: check.people, below: true };
    let (mut values, mut findings) = (Vec::new(), 0);
    for settings in chosen(settings, check.directory.as_deref())? {
        let directory = client(settings, surroundings)?;
        let (observed, judgement) =
            look(settings, &directory, extent, &features, check, &surroundings.clock).await?;
        findings += judgement.findings.len();
        if check.json {
            values.push(check_json(&observed, &judgement));
        } else {
            print(&check_text(&observed, &judgement))?;
        }
    }
    if check.json {
        let value: Value = json!({ "version": 1, "good": findings == 0, "directories": values });
        print(&format!("{value}\n"))?;
    }
    match findings {
        0 => Ok(()),
        1 => Err(Failure::refused("1 finding")),
        many => Err(Failure::refused(format!("{many} findings"))),
    }
}

/// Looks once, or until what can arrive has arrived.
async fn look(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    extent: Extent,
    features: &[Feature],
    check: &Check,
    clock: &Arc<dyn Clock>,
) -> Result<(Observed, Judgement), Failure> {
    let begun = clock.running();
    loop {
        let observed = crate::permissions::observe(settings, directory, extent)
            .await
            .map_err(|error| of_directory(settings.name.as_str(), &error))?;
        let judgement = judge(&observed, features);
        let waiting = judgement.findings.iter().any(|finding| finding.cause.is_about_rights());
        let limit = Duration::from_secs(check.wait.unwrap_or_default());
        let pause = Duration::from_secs(check.pause.max(1));
        if !waiting || clock.running().saturating_sub(begun) + pause > limit {
            return Ok((observed, judgement));
        }
        clock.sleep(pause).await;
    }
}

async fn shown(
    json: bool,
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), Failure> {
    let (mut values, mut unreachable) = (Vec::new(), None);
    for one in chosen(settings, None)? {
        let name = one.name.as_str();
        let asker = match client(one, surroundings) {
            Ok(directory) => directory.asker().await.map_err(|error| of_directory(name, &error)),
            Err(failure) => Err(failure),
        };
        let (controller, sid) = match &asker {
            Ok(asker) => (Some(asker.controller.clone()), Some(asker.own.to_string())),
            Err(_) => (None, None),
        };
        let ous: Vec<String> = one.ous.iter().map(ToString::to_string).collect();
        if json {
            values.push(json!({
                "directory": name, "domain": one.domain, "account": one.bind_name,
                "account_sid": sid, "controller": controller, "units": ous,
            }));
        } else {
            let at = match (&sid, &controller) {
                (Some(sid), Some(controller)) => format!("{sid}, at {controller}"),
                _ => "not reached".to_owned(),
            };
            let account = &one.bind_name;
            print(&format!("{name} ({}): {account} ({at})\n", one.domain))?;
            print(&ous.iter().map(|ou| format!("  {ou}\n")).collect::<String>())?;
        }
        unreachable = unreachable.or(asker.err());
    }
    if json {
        print(&format!("{}\n", json!({ "version": 1, "directories": values })))?;
    }
    unreachable.map_or(Ok(()), Err)
}

impl What {
    fn wish(&self) -> Wish {
        Wish { root: self.root, units: self.ou.clone(), features: with_writeback(&self.features) }
    }
}

/// A directory that is to be changed.
struct Open<'s> {
    settings: &'s DirectorySettings,
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
        Ok(Self { settings, directory, observed, clock: Arc::clone(&surroundings.clock) })
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
        print(&format!(
            "{done}. Next: passback-agent permissions check --directory {}\n",
            self.settings.name.as_str()
        ))
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
