//! Listening at a relay of somebody else's, with a shared key: Azure Relay, or `passback relay` by
//! itself. Everything else about listening is the same.

use std::sync::Arc;

use protocol::Clock;
use relay::token::SharedKeyTokens;
use relay::{
    BoxFuture, Entity, Handler, ListenerConfig, LongPolling, Request, Response, TokenSource,
    Transport,
};

use crate::clocks::ClockDifference;
use crate::settings::{AgentSettings, RelaySettings, RelayTransport};
use crate::surroundings::{Surroundings, WayError};
use crate::tls;

/// Whether there is a key, and the way to the relay.
pub(crate) fn way(
    settings: &RelaySettings,
    through: impl FnOnce(&rustls::ClientConfig) -> Arc<dyn Transport>,
) -> Result<Arc<dyn Transport>, WayError> {
    settings.listen_key.check().map_err(WayError::ListenKey)?;
    let trust = tls::config("relay.ca", settings.ca.as_deref())?;
    Ok(through(&trust))
}

/// How to listen there for what is sent to the entity that is `own` at the cloud service. Azure Relay
/// has no requests that are parked: they are taken only if they are asked for, which `passback relay`
/// understands.
pub(crate) fn listener(
    settings: &RelaySettings,
    own: &Entity,
    agent: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<ListenerConfig, url::ParseError> {
    let (url, entity) = (settings.address.dialled()?, settings.address.entity(own));
    let direct = Arc::clone(&surroundings.relay);
    let transport = match agent.relay_transport {
        RelayTransport::Auto | RelayTransport::WebSocket => direct,
        RelayTransport::LongPolling => {
            Arc::new(LongPolling::over(direct, Arc::clone(&surroundings.clock)))
        }
    };
    Ok(ListenerConfig {
        reconnect: agent.reconnect.clone(),
        drain: agent.drain,
        ..ListenerConfig::new(url, entity, transport)
    })
}

/// Tokens to listen with at `entity`. The file with the key is read for each.
pub(crate) fn tokens(
    settings: &RelaySettings,
    entity: &Entity,
    agent: &AgentSettings,
    clock: &Arc<dyn Clock>,
) -> Arc<dyn TokenSource> {
    Arc::new(SharedKeyTokens {
        key: settings.listen_key.clone(),
        resource: settings.address.resource(entity),
        lifetime: agent.token_lifetime,
        clock: Arc::clone(clock),
    })
}

/// A handler whose requests come below an entity: such a relay gives a listener the sender's whole
/// path. Whatever channel opens, the clocks are to be measured anew.
pub(crate) struct Below {
    /// Where it listens.
    entity: Entity,
    /// Who answers.
    handler: Arc<dyn Handler>,
    /// Where the measured difference of the clocks is kept.
    clock_difference: Arc<ClockDifference>,
}

impl Below {
    /// Has `handler` answer what comes below `entity`.
    pub(crate) fn of(
        entity: &Entity,
        handler: Arc<dyn Handler>,
        clock_difference: &Arc<ClockDifference>,
    ) -> Self {
        Self { entity: entity.clone(), handler, clock_difference: Arc::clone(clock_difference) }
    }
}

impl Handler for Below {
    fn handle(&self, mut request: Request) -> BoxFuture<'_, Response> {
        if let Some(own) = own_target(&self.entity, &request.target) {
            request.target = own.to_owned();
        }
        self.handler.handle(request)
    }

    fn opens(&self) {
        self.clock_difference.channel_opens();
    }
}

/// What follows the entity; nothing where the path is another one.
fn own_target<'a>(entity: &Entity, target: &'a str) -> Option<&'a str> {
    let path = target.strip_prefix('/')?;
    let (above, own) = path.split_at_checked(entity.as_str().len())?;
    let fits = above.eq_ignore_ascii_case(entity.as_str()) && own.starts_with('/');
    fits.then_some(own)
}

#[cfg(test)]
mod tests {
    use protocol::{ManualClock, Timestamp};

    use super::*;

    struct Nobody;

    impl Handler for Nobody {
        fn handle(&self, _: Request) -> BoxFuture<'_, Response> {
            Box::pin(std::future::ready(Response::empty(404)))
        }
    }

    #[test]
    fn over_a_channel_that_opens_no_request_comes_before_the_clocks_are_measured_anew() {
        let clock = ManualClock::at(Timestamp::from_millis(1_800_000_000_000));
        let clock_difference = Arc::new(ClockDifference::unknown(Arc::new(clock)));
        clock_difference.measured(0);
        let entity = Entity::parse("prod/t/x/a/y").unwrap();
        let below = Below::of(&entity, Arc::new(Nobody), &clock_difference);
        assert!(clock_difference.is_known_to_be_small());
        below.opens();
        assert!(!clock_difference.is_known_to_be_small());
    }

    #[test]
    fn what_follows_the_entity_is_the_agents_own() {
        let entity = Entity::parse("prod/t/x/a/y").unwrap();
        let own = |target| own_target(&entity, target);
        assert_eq!(own("/prod/t/x/a/y/writeback"), Some("/writeback"));
        assert_eq!(own("/Prod/T/x/A/y/settle?x=1"), Some("/settle?x=1"));
        for other in
            ["/writeback", "/prod/t/x/a/y", "/prod/t/x/a/yy/writeback", "", "/prod/t/x/ä/y/z"]
        {
            assert_eq!(own(other), None, "{other}");
        }
    }
}
