//! `passback relay`: the relay by itself, for anybody's listeners and senders, with shared keys
//! from a configuration of its own (INTERFACES "Relay alone").

mod settings;

use std::collections::HashSet;
use std::sync::Arc;

use clock::SystemClock;
use protocol::Clock;
use relay::token::sas::Rule;
use relay::{Authority, AuthorityError, BoxFuture, Entity, Relay};
use seal::SystemRandomness;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::StartError;
use crate::tls::{self, Port};

pub(crate) use settings::{KEYS, RelaySettings, TITLE};

/// Why the relay is not served, with what to do.
pub(crate) enum NotServing {
    /// Certificate or key cannot be used.
    Certificate(StartError),
    /// The port cannot be had.
    Address(StartError),
}

/// Serves until `stop`. Then whoever wants to listen or to send is told to come back, and what is
/// in flight may end, before the port is given up.
pub(crate) async fn serve(
    settings: RelaySettings,
    stop: CancellationToken,
) -> Result<(), NotServing> {
    let config = settings.tls().map_err(NotServing::Certificate)?;
    let RelaySettings { listen, connections, of_one, names, limits, entities, rules, .. } =
        settings;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        NotServing::Address(StartError::new(format!(
            "cannot listen on {listen} (`listen`): {error}; is another service on that port?"
        )))
    })?;
    let drain = limits.drain;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entities = entities.into_iter().collect();
    let (rules, none) = (rules.into(), Arc::default());
    let authority = Arc::new(Configured { names, entities, rules, none });
    let relay = Relay::new(limits, authority, clock, Arc::new(SystemRandomness::default()));
    // Where port 0 was asked for, the log says which one it became.
    let listen = listener.local_addr().unwrap_or(listen);
    tracing::info!(event = "relay.started", %listen);
    let router = relay.standalone_router();
    let leave = async move {
        tracing::info!(event = "relay.draining");
        relay.drain().await;
    };
    let port = Port { listener, connections, of_one };
    tls::serve(port, config, router, (stop, drain), leave).await;
    tracing::info!(event = "relay.stopped");
    Ok(())
}

/// What the configuration says: every rule holds for every entity.
struct Configured {
    names: Vec<String>,
    entities: HashSet<Entity>,
    rules: Arc<[Rule]>,
    none: Arc<[Rule]>,
}

impl Authority for Configured {
    /// None: agents' own keys are known to the whole service only.
    fn listen_keys(&self, _: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn rules(&self, entity: &Entity) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        let rules = if self.entities.contains(entity) { &self.rules } else { &self.none };
        Box::pin(std::future::ready(Ok(Arc::clone(rules))))
    }

    fn rules_everywhere(&self) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        Box::pin(std::future::ready(Ok(Arc::clone(&self.rules))))
    }

    fn names(&self) -> &[String] {
        &self.names
    }
}
