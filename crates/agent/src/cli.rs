//! The command line of `passback-agent`. Exit codes: 0 done, 1 a refusal, 2 usage, 3 unavailable,
//! 4 configuration (INTERFACES "Commands").

mod ask;
mod audit;
mod breaker;
mod explain;
mod permissions;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use command::{Failure, print};
use serde_json::json;
use sync::{Disconnect, SyncError};
use tokio_util::sync::CancellationToken;

use self::audit::AuditCommand;
use self::breaker::BreakerCommand;
use self::explain::Explain;
use self::permissions::PermissionsCommand;
use crate::cloud::CloudError;
use crate::cycle::CycleError;
use crate::directories::Directories;
use crate::enrol::{self, EnrolError};
use crate::run::{self, RunError, SynchroniseError, open_sync};
use crate::settings::{AgentSettings, KEYS, TITLE};
use crate::state::StateError;
use crate::steps::{StepWatch, Unwatched};
use crate::surroundings::Surroundings;

/// The on-premises agent of Passback: sets passwords in Active Directory; dials out only.
#[derive(Parser)]
#[command(version, name = "passback-agent")]
pub struct Cli {
    /// The configuration (TOML). `passback-agent config example` prints one.
    #[arg(long, global = true, default_value = "/etc/passback/passback-agent.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Enrol this agent with a code that an administrator made (`passback agent enrol-code`).
    Enrol {
        /// The code.
        #[arg(long)]
        code: String,
        /// The agent's name for administrators, instead of the configured one.
        #[arg(long)]
        name: Option<String>,
    },
    /// Password writeback.
    #[command(subcommand)]
    Writeback(WritebackCommand),
    /// Synchronise once; or look at, or change, what is synchronised.
    Sync {
        #[command(subcommand)]
        command: Option<SyncCommand>,
    },
    /// Listen, synchronise and set passwords until SIGTERM.
    Run,
    /// What the agent did with every request.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// What stops this agent's resets above a rate.
    #[command(subcommand)]
    Breaker(BreakerCommand),
    /// The rights of the service account.
    #[command(subcommand)]
    Permissions(PermissionsCommand),
    /// Whether a person's password can be reset, and what stands in the way.
    Explain(Explain),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand, Clone, Copy)]
enum WritebackCommand {
    /// Make the keys and enable writeback. New keys make every older message void. The agent must
    /// not run meanwhile.
    Enable,
    /// Disable writeback and destroy the keys. The agent must not run meanwhile.
    Disable,
}

#[derive(Subcommand)]
enum SyncCommand {
    /// How many objects there are, and when they were read.
    Status {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// The whole chain of one person: AD object, link and rules, metaverse, cloud.
    Show {
        /// The sign-in name, the account name, or the sourceAnchor.
        user: String,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take one link of a person's chain away, until a synchronisation makes it anew.
    Disconnect {
        /// The sign-in name, the account name, or the sourceAnchor.
        user: String,
        /// Which.
        #[arg(long)]
        what: What,
    },
}

/// A link of the chain that a person is found by.
#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// The object in the AD connector space (until the next import).
    AdObject,
    /// The join of the AD object to the metaverse.
    AdLink,
    /// The join of the metaverse object to the cloud.
    CloudLink,
    /// The account-enabled rule on the link of the AD object.
    AccountEnabledRule,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print a commented example with every key.
    Example,
    /// Check a configuration.
    Check,
}

/// Who must act on a failed enrolment, onboarding or offboarding.
fn of_enrolment(error: EnrolError) -> Failure {
    match error {
        EnrolError::State(
            StateError::EnrolledAlready(_)
            | StateError::NotEnrolled
            | StateError::NotEnabled
            | StateError::InUse(_),
        )
        | EnrolError::Cloud(CloudError::Refused { .. })
        | EnrolError::OtherKeys => Failure::refused(error),
        EnrolError::State(_) => Failure::configuration(error),
        error => Failure::unavailable(error),
    }
}

/// Who must act on a question to the synchronisation state that was not answered.
fn of_sync(error: SyncError) -> Failure {
    match error {
        SyncError::NobodyFound | SyncError::SeveralFound(_) => Failure::refused(error),
        error => Failure::unavailable(error),
    }
}

/// Who must act on a cycle that stopped.
fn of_cycle(error: CycleError) -> Failure {
    match error {
        CycleError::Sync(SyncError::TooManyDeletions { .. }) | CycleError::Empty(_) => {
            Failure::refused(error)
        }
        error => Failure::unavailable(error),
    }
}

/// Carries out the command line.
pub async fn main(cli: Cli) -> ExitCode {
    main_watched(cli, Arc::new(Unwatched)).await
}

/// Carries out the command line; `watch` is told of every step of every request.
pub async fn main_watched(cli: Cli, watch: Arc<dyn StepWatch>) -> ExitCode {
    let done = match cli.command {
        Command::Config(ConfigCommand::Example) => print(&settings::example(TITLE, KEYS)),
        command => match AgentSettings::load(&cli.config) {
            Ok(settings) => with_settings(command, settings, watch).await,
            Err(error) => Err(Failure::configuration(error)),
        },
    };
    command::end("passback-agent", done)
}

async fn with_settings(
    command: Command,
    settings: AgentSettings,
    watch: Arc<dyn StepWatch>,
) -> Result<(), Failure> {
    let surroundings = Surroundings::of_this_machine(&settings).map_err(Failure::configuration)?;
    let surroundings = Surroundings { watch, ..surroundings };
    match command {
        Command::Enrol { code, name } => {
            let name = name.unwrap_or_else(|| settings.name.clone());
            let identity =
                enrol::enrol(&settings, &code, &name, &surroundings).await.map_err(of_enrolment)?;
            print(&format!(
                "Enrolled as agent {} of tenant {}. Next: passback-agent writeback enable\n",
                identity.agent, identity.tenant
            ))
        }
        Command::Writeback(WritebackCommand::Enable) => {
            enrol::enable(&settings, &surroundings).await.map_err(of_enrolment)?;
            print(
                "Writeback is enabled with new keys. Next: passback-agent sync, then start the agent (passback-agent run)\n",
            )
        }
        Command::Writeback(WritebackCommand::Disable) => {
            enrol::disable(&settings, &surroundings).await.map_err(of_enrolment)?;
            print(
                "Writeback is disabled and its keys are destroyed. To go on with new keys: passback-agent writeback enable, then start the agent (passback-agent run)\n",
            )
        }
        Command::Sync { command: None } => synchronise(&settings, &surroundings).await,
        Command::Sync { command: Some(command) } => look(command, &settings).await,
        Command::Run => run_until_told(settings, surroundings).await,
        Command::Audit(command) => audit::audit(command, &settings).await,
        Command::Breaker(command) => breaker::breaker(command, &settings, &surroundings).await,
        Command::Permissions(command) => {
            permissions::permissions(command, &settings, &surroundings).await
        }
        Command::Explain(command) => explain::explain(&command, &settings, &surroundings).await,
        Command::Config(_) => {
            Directories::set_up(&settings.directories, &surroundings)
                .map_err(Failure::configuration)?;
            print("The configuration can be used.\n")
        }
    }
}

async fn synchronise(settings: &AgentSettings, surroundings: &Surroundings) -> Result<(), Failure> {
    let report = run::synchronise(settings, surroundings).await.map_err(|error| match error {
        SynchroniseError::Enrolled(error) => of_enrolment(error),
        SynchroniseError::SetUp(error) => Failure::configuration(error),
        SynchroniseError::State(error) => Failure::unavailable(error),
        SynchroniseError::Cycle(error) => of_cycle(error),
    })?;
    for (name, read) in &report.directories {
        print(&format!(
            "{name}: {} added, {} updated, {} unchanged, {} deleted\n",
            read.added, read.updated, read.unchanged, read.deleted
        ))?;
    }
    let disconnectors = report.synchronised.disconnectors;
    print(&format!("{} exported, {disconnectors} disconnectors\n", report.exported))?;
    if report.refused > 0 {
        let message =
            format!("the cloud refused {} exports; the log has the reasons", report.refused);
        return Err(Failure::refused(message));
    }
    Ok(())
}

async fn look(command: SyncCommand, settings: &AgentSettings) -> Result<(), Failure> {
    let sync = open_sync(settings).await.map_err(Failure::unavailable)?;
    match command {
        SyncCommand::Status { json } => {
            let status = sync.status().await.map_err(of_sync)?;
            show(&json!(status), json)
        }
        SyncCommand::Show { user, json } => {
            let lineage = sync.lineage(&user).await.map_err(of_sync)?;
            show(&json!(lineage), json)
        }
        SyncCommand::Disconnect { user, what } => {
            let what = match what {
                What::AdObject => Disconnect::AdObject,
                What::AdLink => Disconnect::AdLink,
                What::CloudLink => Disconnect::CloudLink,
                What::AccountEnabledRule => Disconnect::AccountEnabledRule,
            };
            sync.disconnect(&user, what).await.map_err(of_sync)?;
            print("Disconnected, until a synchronisation makes it anew: passback-agent sync\n")
        }
    }
}

async fn run_until_told(
    settings: AgentSettings,
    surroundings: Surroundings,
) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        command::asked_to_stop().await;
        told.cancel();
    });
    run::run(settings, surroundings, stop).await.map_err(|error| match error {
        RunError::InUse(_) => Failure::refused(error),
        RunError::CannotRun(_) => Failure::configuration(error),
    })
}

/// Prints a value: as one line of JSON for programs, indented for people.
fn show(value: &serde_json::Value, json: bool) -> Result<(), Failure> {
    let text = if json { value.to_string() } else { format!("{value:#}") };
    print(&format!("{text}\n"))
}

#[cfg(test)]
mod operator_texts;
#[cfg(test)]
mod tests;
