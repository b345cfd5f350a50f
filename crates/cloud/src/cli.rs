//! The command line of `passback`. Exit codes: 0 done, 1 a refusal, 2 usage, 3 unavailable,
//! 4 configuration (INTERFACES "Commands").

mod agents;
mod audit;
mod outcomes;
mod relay;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use clock::SystemClock;
use command::{Failure, print};
use protocol::{Clock as _, TenantId};
use seal::SystemRandomness;
use serde_json::json;
use store::Store;
use store::tenants::Tenant;
use tokio_util::sync::CancellationToken;

use self::agents::AgentCommand;
use self::audit::AuditCommand;
use self::outcomes::OutcomesCommand;
use crate::settings::{CloudSettings, KEYS, TITLE};
use crate::{reach, serve, vault};

/// The cloud service of Passback: pages, relay, and the people that agents export.
#[derive(Parser)]
#[command(version, name = "passback")]
pub struct Cli {
    /// The configuration (TOML). `passback config example` prints one.
    #[arg(long, global = true, default_value = "/etc/passback/passback.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve pages, agents and relay until SIGTERM.
    Serve,
    /// Serve a relay by itself until SIGTERM, with a configuration of its own.
    Relay,
    /// Organisations.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Agents.
    #[command(subcommand)]
    Agent(AgentCommand),
    /// What happened, step by step.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print everything of the visit that a support code stands for, as JSON lines.
    Support {
        /// The code, as the person reads it out.
        code: String,
        /// Accepted as everywhere; the answer is in JSON anyway.
        #[arg(long)]
        json: bool,
    },
    /// Show what can come out of an operation: numbers, what people are told, causes and fixes.
    Outcomes(OutcomesCommand),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Add an organisation.
    Create {
        /// Its name in addresses: /t/SLUG/reset. Lower case letters, digits and hyphens.
        slug: String,
        /// Its name for people; the slug if left out.
        #[arg(long)]
        name: Option<String>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the organisations.
    List {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print a commented example with every key.
    Example {
        /// That of `passback relay`.
        #[arg(long)]
        relay: bool,
    },
    /// Check a configuration.
    Check {
        /// That of `passback relay`.
        #[arg(long)]
        relay: bool,
    },
}

/// What `passback config check` says.
const USABLE: &str = "The configuration can be used.\n";

/// Carries out the command line.
pub async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Config(ConfigCommand::Example { relay: false }) => {
            print(&settings::example(TITLE, KEYS))
        }
        Command::Config(ConfigCommand::Example { relay: true }) => relay::example(),
        Command::Config(ConfigCommand::Check { relay: true }) => relay::check(&cli.config),
        Command::Outcomes(command) => outcomes::outcomes(&command),
        Command::Relay => relay::serve(&cli.config).await,
        command => match CloudSettings::load(&cli.config) {
            Ok(settings) => with_settings(command, settings, &cli.config).await,
            Err(error) => Err(Failure::configuration(error)),
        },
    };
    command::end("passback", done)
}

async fn with_settings(
    command: Command,
    settings: CloudSettings,
    path: &Path,
) -> Result<(), Failure> {
    if let (Command::Serve | Command::Config(_), Some(relay)) =
        (&command, &settings.relay_elsewhere)
    {
        reach::check(relay).map_err(Failure::configuration)?;
    }
    match command {
        Command::Serve => serve_until_told(settings).await,
        Command::Tenant(TenantCommand::Create { slug, name, json }) => {
            create_tenant(&settings, slug, name, json).await
        }
        Command::Tenant(TenantCommand::List { json }) => list_tenants(&settings, json).await,
        Command::Agent(command) => agents::agents(command, &settings).await,
        Command::Audit(command) => audit::audit(command, &settings).await,
        Command::Support { code, json: _ } => audit::find(&code, &settings).await,
        Command::Outcomes(command) => outcomes::outcomes(&command),
        Command::Relay => relay::serve(path).await,
        Command::Config(_) => print(USABLE),
    }
}

async fn serve_until_told(settings: CloudSettings) -> Result<(), Failure> {
    serve::serve(settings, until_told()).await.map_err(Failure::unavailable)
}

/// Cancelled when the program is asked to stop.
fn until_told() -> CancellationToken {
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        command::asked_to_stop().await;
        told.cancel();
    });
    stop
}

async fn create_tenant(
    settings: &CloudSettings,
    slug: String,
    name: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if slug.is_empty() || slug.len() > 63 || !slug.bytes().all(fits) {
        return Err(Failure::usage(
            "a slug has 1 to 63 lower case letters, digits and hyphens, for example contoso",
        ));
    }
    let random = SystemRandomness::default();
    vault::make_if_missing(&settings.master_key, &random).map_err(Failure::configuration)?;
    let tenant =
        Tenant { id: TenantId::random(&random), name: name.unwrap_or_else(|| slug.clone()), slug };
    let store = open(settings).await?;
    store.create_tenant(&tenant, SystemClock.now()).await.map_err(Failure::refused)?;
    let path = format!("/t/{}/reset", tenant.slug);
    if json {
        let answer = json!({ "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "start_path": path });
        return print(&format!("{answer}\n"));
    }
    let address = format!("{}{path}", settings.origin());
    print(&format!("Organisation {} ({}) added. Its page: {address}\n", tenant.name, tenant.id))
}

async fn list_tenants(settings: &CloudSettings, json: bool) -> Result<(), Failure> {
    let tenants = open(settings).await?.tenants().await;
    let tenants = tenants.map_err(Failure::unavailable)?;
    if json {
        let all: Vec<_> = tenants
            .iter()
            .map(|one| json!({ "id": one.id, "slug": one.slug, "name": one.name }))
            .collect();
        return print(&format!("{}\n", json!(all)));
    }
    tenants.iter().try_for_each(|one| print(&format!("{}  {}  {}\n", one.id, one.slug, one.name)))
}

async fn open(settings: &CloudSettings) -> Result<Store, Failure> {
    Store::open(&settings.database).await.map_err(Failure::unavailable)
}

async fn tenant(store: &Store, slug: &str) -> Result<Tenant, Failure> {
    let found = store.tenant_by_slug(slug).await;
    let found = found.map_err(Failure::unavailable)?;
    found.ok_or_else(|| {
        Failure::refused(format!(
            "there is no organisation {slug}; `passback tenant list` lists them"
        ))
    })
}
