//! Everything that a request is served with.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Clock, Randomness, Timestamp};
use relay::{Authority, AuthorityError, Entity, Limits, Relay};
use seal::{CodeKey, MasterKey};
use store::Store;
use store::audit::Event;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent_api::Pace;
use crate::dispatch::{Declined, Following};
use crate::flow::GatePolicy;
use crate::gate::Method;
use crate::leaving::Leaving;
use crate::notify::Mailer;
use crate::reach::{Elsewhere, Reach};
use crate::settings::CloudSettings;
use crate::steps::StepWatch;
use crate::surroundings::Surroundings;
use crate::vault;

/// The running service. Shared by all requests.
pub struct App {
    pub(crate) settings: CloudSettings,
    pub(crate) store: Store,
    pub(crate) relay: Arc<dyn Reach>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) watch: Arc<dyn StepWatch>,
    pub(crate) master_key: MasterKey,
    pub(crate) code_key: CodeKey,
    pub(crate) mailer: Mailer,
    pub(crate) gates: GatePolicy,
    pub(crate) following: Following,
    pub(crate) declined: Declined,
    pub(crate) pace: Pace,
    pub(crate) leaving: Leaving,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Why the service cannot start. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    /// Takes the text of the cause, which becomes the whole message: one line, with what to do.
    pub(crate) fn new(cause: impl ToString) -> Self {
        Self(cause.to_string())
    }
}

impl App {
    /// Opens the store and the vault and prepares everything but the port.
    ///
    /// # Errors
    /// [`StartError`], one line.
    pub async fn start(
        settings: CloudSettings,
        surroundings: Surroundings,
    ) -> Result<Arc<Self>, StartError> {
        let Surroundings { clock, randomness, notifier, watch, relay } = surroundings;
        let master_key = vault::load(&settings.master_key).map_err(StartError::new)?;
        let code_key = master_key.code_key().map_err(StartError::new)?;
        let store = Store::open(&settings.database).await.map_err(StartError::new)?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let mailer = Mailer::start(notifier, &tasks, stop.clone());
        let relay: Arc<dyn Reach> = match &settings.relay_elsewhere {
            Some(elsewhere) => Arc::new(Elsewhere::new(elsewhere, relay, &clock)?),
            None => inside(&settings, &store, &clock, &randomness),
        };
        let gates = GatePolicy {
            methods: vec![Method::Email],
            required: 1,
            facts_live: settings.flow_lifetime,
        };
        let leaving = Leaving::new(Arc::clone(&clock));
        Ok(Arc::new(Self {
            settings,
            store,
            relay,
            clock,
            randomness,
            watch,
            master_key,
            code_key,
            mailer,
            gates,
            following: Following::default(),
            declined: Declined::default(),
            pace: Pace::default(),
            leaving,
            tasks,
            stop,
        }))
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes to the audit trail. If that fails the operator is told; the person's step goes on,
    /// because it has happened already.
    pub(crate) async fn audit(&self, event: Event) {
        let name = event.name.clone();
        if let Err(error) = self.store.record(&event, self.now()).await {
            tracing::error!(event = "audit.failed", name, cause = %error);
        }
    }
}

/// The relay inside this service.
fn inside(
    settings: &CloudSettings,
    store: &Store,
    clock: &Arc<dyn Clock>,
    randomness: &Arc<dyn Randomness>,
) -> Arc<dyn Reach> {
    let limits = Limits {
        response: settings.relay_response,
        ping: settings.relay_ping,
        silence: settings.relay_ping * 2 + Duration::from_secs(5),
        grace: settings.relay_grace,
        clock_difference: settings.token_leeway,
        drain: settings.drain,
        ..Limits::default()
    };
    let authority = Arc::new(ListenKeys(store.clone()));
    Arc::new(Relay::new(limits, authority, Arc::clone(clock), Arc::clone(randomness)))
}

/// The relay's authority: agents that are not revoked and have confirmed keys.
struct ListenKeys(Store);

impl Authority for ListenKeys {
    fn listen_keys(
        &self,
        entity: &Entity,
    ) -> futures_util::future::BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
        let named = entity.agent();
        Box::pin(async move {
            let Some((tenant, id)) = named else { return Ok(Vec::new()) };
            let failed = |error: store::StoreError| AuthorityError(error.to_string());
            let agent = self.0.agent(id).await.map_err(failed)?;
            if agent.is_none_or(|agent| agent.tenant != tenant) {
                return Ok(Vec::new());
            }
            let key = self.0.agent_key(id).await.map_err(failed)?;
            Ok(key.into_iter().map(|key| key.listen_key).collect())
        })
    }
}
