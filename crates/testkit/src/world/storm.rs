//! A storm: a relay goes away, and when it is back all its listeners want to come back too. Relay and
//! listeners are as they are; what is missing of a world is everything else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use protocol::{AgentId, Clock, InstanceId, ManualClock, Randomness, TenantId, Timestamp};
use relay::token::{self, Claims, Right};
use relay::{
    Authority, AuthorityError, BoxFuture, Entity, Handler, Limits, ListenerConfig, Relay, Request,
    Response, Status, TokenSource,
};
use seal::SigningKey;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::dice::{Dice, Seeded};
use super::installation::{Folder, START};
use super::machine::Machine;
use super::network::Network;
use super::quiet;

/// How long a listener has had its channel when the relay goes away, and more: until then nobody is
/// where others are in their intervals because all began at once.
const BEFORE: Duration = Duration::from_secs(90);
/// How long it is looked who comes back.
const AFTER: Duration = Duration::from_secs(60);
const TENANT: TenantId = TenantId::from_bytes([1; 16]);

/// Lets so many listeners lose their relay, which is back after `away`: how long after its return each
/// of them has a channel again, the earliest first. Who does not come back is missing.
///
/// # Panics
/// If not all of them had a channel before.
pub fn back_after_a_storm(seed: u64, listeners: u16, away: Duration) -> Vec<Duration> {
    let (clock, dice, folder) = (ManualClock::at(START), Dice::new(seed), Folder::make());
    let place = |name: &str| folder.path().join(name);
    let wires = Machine::start("wires", &place("wires"), |stop| async move {
        stop.cancelled().await;
    });
    let network = Network::new(clock.clone(), wires.handle().clone(), dice.for_whom("network"));
    let all: Vec<Arc<Listener>> =
        (0..listeners).map(|number| Arc::new(Listener::new(number, &clock))).collect();
    let known = all.iter().map(|one| (one.entity.clone(), one.key.verifying_key().to_bytes()));
    let known = Arc::new(Known(known.collect()));
    let start_relay = |turn: &str| {
        let (accept, mut incoming) = mpsc::unbounded_channel();
        network.serve(Some(accept));
        let (clock, known) = (Arc::new(clock.clone()), Arc::clone(&known));
        let random = Arc::new(Seeded::new(dice.for_whom(turn)));
        Machine::start("relay", &place("relay"), |_| async move {
            let relay = Relay::new(Limits::default(), known, clock, random);
            while let Some((stream, _)) = incoming.recv().await {
                let service = TowerToHyperService::new(relay.router());
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection.with_upgrades());
            }
        })
    };
    let relay = start_relay("the first");
    let listening = {
        let (clock, dice, network) = (clock.clone(), dice.clone(), network.clone());
        let all = all.clone();
        Machine::start("listeners", &place("listeners"), |_| async move {
            let listening = all.iter().map(|one| {
                let random = Arc::new(Seeded::new(dice.for_whom(&one.name)));
                tokio::spawn(listen(one, &network, &clock, random))
            });
            let listening: Vec<_> = listening.collect();
            for one in listening {
                let _ = one.await;
            }
        })
    };
    pass(&clock, BEFORE);
    assert!(all.iter().all(|one| network.has_channel(&one.name)), "seed {seed}: not all listen");
    network.serve(None);
    drop(relay);
    pass(&clock, away);
    let back = clock.now();
    let relay = start_relay("the second");
    pass(&clock, AFTER);
    drop((relay, listening));
    let came = all.iter().filter_map(|one| {
        let opened = network.channels(&one.name).into_iter().map(|(from, _)| from);
        opened.filter(|at| *at >= back).min().map(|at| at.since(back))
    });
    let mut came: Vec<Duration> = came.collect();
    came.sort_unstable();
    came
}

/// Lets time pass.
fn pass(clock: &ManualClock, time: Duration) {
    let end = clock.running() + time;
    loop {
        quiet::wait();
        let left = end.saturating_sub(clock.running());
        if left.is_zero() {
            return;
        }
        clock.advance(clock.until_next().map_or(left, |next| next.min(left)));
    }
}

/// Somebody who listens.
struct Listener {
    name: String,
    agent: AgentId,
    entity: Entity,
    key: SigningKey,
    clock: ManualClock,
}

impl Listener {
    fn new(number: u16, clock: &ManualClock) -> Self {
        let mut id = [7; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let agent = AgentId::from_bytes(id);
        let (entity, clock) = (Entity::of(TENANT, agent), clock.clone());
        let key = SigningKey::generate().expect("a key");
        Self { name: format!("listener-{number}"), agent, entity, key, clock }
    }
}

fn listen(
    listener: &Arc<Listener>,
    network: &Network,
    clock: &ManualClock,
    random: Arc<dyn Randomness>,
) -> impl Future<Output = ()> + use<> {
    let transport = network.transport(&listener.name);
    let url = "wss://relay.world.test/".parse().expect("an address");
    let config = ListenerConfig::new(url, listener.entity.clone(), transport);
    let tokens = Arc::clone(listener) as Arc<dyn TokenSource>;
    let (status, _) = watch::channel(Status::Connecting);
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    relay::listen(config, tokens, Arc::new(Nobody), clock, random, status, CancellationToken::new())
}

impl TokenSource for Listener {
    fn token(&self) -> Result<(String, Timestamp), String> {
        let now = self.clock.now();
        let expires_at = now.after(Duration::from_secs(60 * 60));
        let claims = Claims {
            issuer: self.agent,
            audience: self.entity.as_str().to_owned(),
            right: Some(Right::Listen),
            not_before: now,
            expires_at,
            instance: InstanceId::from_bytes([9; 16]),
        };
        let token = token::mint(self.key.to_pkcs8(), &claims);
        token.map(|token| (token, expires_at)).map_err(|error| error.to_string())
    }
}

/// Who may listen.
struct Known(HashMap<Entity, [u8; 32]>);

impl Authority for Known {
    fn listen_keys(&self, entity: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
        let keys = self.0.get(entity).copied().into_iter().collect();
        Box::pin(std::future::ready(Ok(keys)))
    }
}

/// Nobody is asked anything.
struct Nobody;

impl Handler for Nobody {
    fn handle(&self, _: Request) -> BoxFuture<'_, Response> {
        Box::pin(std::future::ready(Response::empty(404)))
    }
}
