//! `passback-agent run`: listens, keeps its health known, synchronises, settles, until told to
//! stop.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Clock, Timestamp};
use relay::token::{self, Claims, Right};
use relay::{Entity, ListenerConfig, LongPolling, Status, TokenSource, Transport};
use seal::SigningKey;
use serde_json::json;
use sync::rules::RuleOptions;
use sync::{SyncOptions, SyncState};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Event;
use crate::clocks::ClockDifference;
use crate::cycle::{Cycle, CycleError, CycleReport};
use crate::directories::{Directories, SetUpError};
use crate::duties::Duties;
use crate::elsewhere::{self, Below};
use crate::enrol::{EnrolError, Enrolled};
use crate::guard::breaker::Breaker;
use crate::intake::{Intake, Memory};
use crate::journal::Journal;
use crate::nodes::Nodes;
use crate::settings::{AgentSettings, DirectorySettings, RelayTransport};
use crate::settle::Settler;
use crate::state::{StateError, WritebackKeys};
use crate::surroundings::Surroundings;
use crate::writeback::Writeback;

/// The name of the synchronisation state's file in the state directory.
const SYNC_FILE: &str = "sync.db";

/// Why the agent cannot run. One line, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another process runs on the same state, or changes its keys.
    #[error("{0}")]
    InUse(String),
    /// Anything else.
    #[error("{0}")]
    CannotRun(String),
}

impl RunError {
    fn new(cause: impl ToString) -> Self {
        Self::CannotRun(cause.to_string())
    }
}

impl From<EnrolError> for RunError {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::State(StateError::InUse(_)) => Self::InUse(error.to_string()),
            error => Self::new(error),
        }
    }
}

/// Opens the synchronisation state with the options of the configuration.
pub(crate) async fn open_sync(settings: &AgentSettings) -> Result<SyncState, RunError> {
    let state = SyncState::open(&settings.state_dir.join(SYNC_FILE)).await;
    let addresses = |one: &DirectorySettings| (one.name.clone(), one.address_attributes.clone());
    Ok(state.map_err(RunError::new)?.with_options(SyncOptions {
        rules: RuleOptions {
            address_attributes: settings.directories.iter().map(addresses).collect(),
            match_people_by: settings.match_people_by.clone(),
        },
        deletion_threshold: settings.deletion_threshold,
    }))
}

/// Runs until `stop`; then lets what is in flight end.
///
/// # Errors
/// [`RunError`] if the agent cannot start.
pub async fn run(
    settings: AgentSettings,
    surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let (clock, randomness) = (&surroundings.clock, &surroundings.randomness);
    let (enrolled, _lock) = Enrolled::open_alone(&settings, &surroundings)?;
    let WritebackKeys { listen, keys } = enrolled.state.writeback_keys().map_err(RunError::new)?;
    let journal = Journal::open(enrolled.state.path()).await.map_err(RunError::new)?;
    let sync = open_sync(&settings).await?;
    let directories =
        Directories::set_up(&settings.directories, &surroundings).map_err(RunError::new)?;
    let tasks = TaskTracker::new();
    let clock_difference = Arc::new(ClockDifference::unknown(Arc::clone(clock)));
    let writeback = Writeback {
        clock_difference: Arc::clone(&clock_difference),
        sync: sync.clone(),
        directories: directories.clone(),
        journal: journal.clone(),
        breaker: Arc::new(Breaker::new(settings.breaker)),
        guesses: Arc::default(),
        clock: Arc::clone(clock),
        watch: Arc::clone(&surroundings.watch),
    };
    let telling = writeback.clone();
    let settler = Settler::new(writeback.clone(), tasks.clone(), stop.clone());
    let open = settler.settle_all().await.map_err(RunError::new)?;
    // Without an audit trail nobody listens for requests.
    journal.record(&[started(&enrolled, open)], clock.now()).await.map_err(RunError::new)?;

    let (nodes, named) = Nodes::of(settings.cloud_url.clone());
    let listener = listener_config(&settings, &enrolled, &surroundings, named)?;
    let tokens: Arc<dyn TokenSource> = match &settings.relay {
        Some(relay) => elsewhere::tokens(relay, &listener.entity, &settings, clock),
        None => Arc::new(ListenTokens::of(&enrolled, &listener.entity, listen, &settings, clock)),
    };
    let intake = Arc::new(Intake {
        tenant: enrolled.identity.tenant,
        agent: enrolled.identity.agent,
        keys: Arc::new(keys),
        identity: Arc::clone(&enrolled.key),
        writeback,
        settler,
        randomness: Arc::clone(randomness),
        memory: Memory::default(),
    });
    let handler = Arc::new(Below::of(&listener.entity, intake, &clock_difference));
    let (status, channel) = watch::channel(Status::Connecting);
    let duties = Duties {
        cloud: Arc::clone(&enrolled.cloud),
        sync,
        directories,
        journal: journal.clone(),
        breaker: Arc::clone(&telling.breaker),
        clock: Arc::clone(clock),
        clock_difference,
        nodes: Arc::new(nodes),
        stop: stop.clone(),
        settings,
    };
    duties.start(&tasks, channel);
    let (clock, randomness) = (Arc::clone(clock), Arc::clone(randomness));
    relay::listen(listener, tokens, handler, clock, randomness, status, stop).await;
    tasks.close();
    tasks.wait().await;
    stopped(telling).await;
    Ok(())
}

/// Says that the agent has stopped, and closes what that was written to.
async fn stopped(writeback: Writeback) {
    let _ = writeback.tell(&[Event::of_agent("agent.stopped", json!({}))]).await;
    writeback.journal.close().await;
    tracing::info!(event = "agent.stopped");
}

/// Says that the agent has started, with how many entries of its journal are open.
fn started(enrolled: &Enrolled, open: usize) -> Event {
    let agent = enrolled.identity.agent;
    tracing::info!(event = "agent.started", %agent, open);
    let detail = json!({
        "agent": agent,
        "instance": enrolled.instance,
        "version": env!("CARGO_PKG_VERSION"),
        "open": open,
    });
    Event::of_agent("agent.started", detail)
}

/// One synchronisation cycle, now: import, synchronise, export, and import what was exported.
///
/// # Errors
/// [`SynchroniseError`]; what was done before it stays.
pub async fn synchronise(
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<CycleReport, SynchroniseError> {
    let enrolled = Enrolled::open(settings, surroundings)?;
    let directories = Directories::set_up(&settings.directories, surroundings)?;
    let sync = open_sync(settings).await?;
    let cycle = Cycle {
        sync: &sync,
        directories: &directories,
        cloud: &enrolled.cloud,
        clock: &*surroundings.clock,
        page: settings.sync_page,
    };
    let report = cycle.run().await?;
    sync.close().await;
    Ok(report)
}

/// Why a cycle did not take place, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum SynchroniseError {
    /// The agent is not enrolled, or its state cannot be used.
    #[error(transparent)]
    Enrolled(#[from] EnrolError),
    /// The configuration does not make a directory.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// The synchronisation state cannot be opened.
    #[error(transparent)]
    State(#[from] RunError),
    /// It stopped on the way.
    #[error(transparent)]
    Cycle(#[from] CycleError),
}

fn listener_config(
    settings: &AgentSettings,
    enrolled: &Enrolled,
    surroundings: &Surroundings,
    nodes: watch::Receiver<Vec<url::Url>>,
) -> Result<ListenerConfig, RunError> {
    let entity = Entity::of(enrolled.identity.tenant, enrolled.identity.agent);
    if let Some(relay) = &settings.relay {
        return elsewhere::listener(relay, &entity, settings, surroundings).map_err(RunError::new);
    }
    let url = enrolled.identity.relay_url.as_deref().unwrap_or_default();
    let url: url::Url = url.parse().map_err(|_| {
        RunError::new("the relay's address is not known; run `passback-agent writeback enable`")
    })?;
    // The address came from the cloud; it is believed only for the configured host.
    if url.host_str() != settings.cloud_url.host_str() || url.scheme() != "wss" {
        return Err(RunError::CannotRun(format!(
            "the relay {url} is not at the configured cloud service; if it is meant to be one of somebody else's, give the agent `relay.url`, `relay.listen_rule` and `relay.listen_key_file`"
        )));
    }
    let direct = Arc::clone(&surroundings.transport);
    let parked = || -> Arc<dyn Transport> {
        let clock = Arc::clone(&surroundings.clock);
        Arc::new(LongPolling::over(Arc::clone(&direct), clock))
    };
    let (transport, where_blocked) = match settings.relay_transport {
        RelayTransport::Auto => (Arc::clone(&direct), Some(parked())),
        RelayTransport::WebSocket => (Arc::clone(&direct), None),
        RelayTransport::LongPolling => (parked(), None),
    };
    Ok(ListenerConfig {
        where_blocked,
        reconnect: settings.reconnect.clone(),
        drain: settings.drain,
        nodes: Some(nodes),
        stagger: settings.stagger,
        ..ListenerConfig::new(url, entity, transport)
    })
}

/// Signs tokens with the right to listen.
struct ListenTokens {
    entity: String,
    signer: (protocol::AgentId, protocol::InstanceId),
    key: SigningKey,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
}

impl ListenTokens {
    fn of(
        enrolled: &Enrolled,
        entity: &Entity,
        key: SigningKey,
        settings: &AgentSettings,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            entity: entity.as_str().to_owned(),
            signer: (enrolled.identity.agent, enrolled.instance),
            key,
            clock: Arc::clone(clock),
            lifetime: settings.token_lifetime,
        }
    }
}

impl TokenSource for ListenTokens {
    fn token(&self) -> Result<(String, Timestamp), String> {
        let now = self.clock.now();
        let expires_at = now.after(self.lifetime);
        let (issuer, instance) = self.signer;
        let claims = Claims {
            issuer,
            audience: self.entity.clone(),
            right: Some(Right::Listen),
            not_before: now,
            expires_at,
            instance,
        };
        let token = token::mint(self.key.to_pkcs8(), &claims);
        token.map(|token| (token, expires_at)).map_err(|error| error.to_string())
    }
}
