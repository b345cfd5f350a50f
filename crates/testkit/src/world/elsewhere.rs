//! A relay of somebody else's: `passback relay` on a machine of its own, with shared keys, where cloud
//! service and agents meet (decision 0013). Agents speak to the cloud service beside it, as ever.
//!
//! What it tells the service is all that the service knows; in other hands it may tell anything.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use relay::token::Right;
use relay::token::sas::Rule;
use relay::{
    Authority, AuthorityError, ByteStream, Entity, Limits, Relay, Transport, TransportError,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, split};
use tokio::sync::mpsc;

use super::bugs::Bug;
use super::dice::Seeded;
use super::machine::Machine;
use super::network::{Network, State};
use super::tampering::{Trick, below, flip};
use super::timeline::Matter;
use super::{World, installation};

/// Where it is.
pub(super) const HOST: &str = "relay.elsewhere.test";
/// The key of its rule with the right to send, which the service has.
pub(super) const SEND_KEY: &str = "c2VuZCBrZXkgb2YgdGhlIHdvcmxkJ3MgcmVsYXk";
/// That of the one with the right to listen, which the agents have.
pub(super) const LISTEN_KEY: &str = "bGlzdGVuIGtleSBvZiB0aGUgd29ybGQncyByZWxheQ";
/// Bytes that are under way in one direction before the writer has to wait.
const WINDOW: usize = 256 * 1024;

/// What a relay says that denies a delivery: one of another make, and two of ours.
const DENIALS: [&str; 3] = [
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 Busy\r\nRelay-Error: busy; delivered=no\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 502 Lost\r\nRelay-Error: listener-lost; delivered=no\r\nContent-Length: 0\r\n\r\n",
];

/// Where it runs or could run.
#[derive(Default)]
pub(super) struct Elsewhere {
    machine: Option<Machine>,
}

impl World {
    /// A world with that many agents (1 to 3), in which everything works, where service and agents meet
    /// at a relay of somebody else's.
    pub fn start_elsewhere(seed: u64, agents: usize) -> Self {
        Self::start_elsewhere_with(seed, agents, None)
    }

    /// The same, with a bug on purpose.
    pub fn start_elsewhere_with(seed: u64, agents: usize, bug: Option<Bug>) -> Self {
        let mut world = Self::new(seed, installation::fresh(), installation::START);
        world.folder.meet_elsewhere();
        world.elsewhere = Some(Elsewhere::default());
        world.start_relay();
        bug.into_iter().for_each(|bug| world.build_in(bug));
        world.begin(agents);
        world
    }

    /// Whether there is a relay of somebody else's.
    pub const fn is_elsewhere(&self) -> bool {
        self.elsewhere.is_some()
    }

    /// Starts the relay of somebody else's, unless it runs.
    ///
    /// # Panics
    /// If this world has none.
    pub fn start_relay(&mut self) {
        let elsewhere = self.elsewhere.as_mut().expect("a relay of somebody else's");
        if elsewhere.machine.is_some() {
            return;
        }
        self.starts += 1;
        let random = self.dice.for_whom(&format!("relay {}", self.starts));
        let (random, clock) = (Arc::new(Seeded::new(random)), Arc::new(self.clock.clone()));
        let (accept, mut incoming) = mpsc::unbounded_channel();
        let body = move |_| async move {
            let relay = Relay::new(Limits::default(), Arc::new(Rules), clock, random);
            while let Some((stream, _)) = incoming.recv().await {
                let service = TowerToHyperService::new(relay.standalone_router());
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection.with_upgrades());
            }
        };
        elsewhere.machine = Some(Machine::start("relay", &self.folder.path().join("relay"), body));
        self.network.state().relay = Some(accept);
        self.timeline.is_right(Matter::Relay, self.now());
    }

    /// Kills it: nothing of it goes on.
    ///
    /// # Panics
    /// If this world has none.
    pub fn kill_relay(&mut self) {
        self.network.state().relay = None;
        self.elsewhere.as_mut().expect("a relay of somebody else's").machine = None;
        self.timeline.goes_wrong(Matter::Relay, self.now());
    }
}

/// Who may listen and send there: whoever has the key for it, for every agent of the organisation.
struct Rules;

impl Authority for Rules {
    fn listen_keys(&self, _: &Entity) -> BoxFuture<'_, Result<Vec<[u8; 32]>, AuthorityError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn rules(&self, entity: &Entity) -> BoxFuture<'_, Result<Arc<[Rule]>, AuthorityError>> {
        let known = entity.agent().is_some_and(|(tenant, _)| tenant == installation::TENANT);
        let rule =
            |name, key: &str, right| Rule::new(name, key.to_owned().into(), None, vec![right]);
        let rules = [
            rule("send".to_owned(), SEND_KEY, Right::Send),
            rule("listen".to_owned(), LISTEN_KEY, Right::Listen),
        ];
        let rules = rules.into_iter().filter(|_| known).collect();
        Box::pin(std::future::ready(Ok(rules)))
    }
}

impl Network {
    /// The service's way to the relay of somebody else's.
    pub(super) fn way_elsewhere(&self) -> Arc<dyn Transport> {
        Arc::new(Way(self.clone()))
    }
}

/// The service's way there.
struct Way(Network);

impl Transport for Way {
    fn connect<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            let stream = self.connect().map_err(TransportError::Tcp)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

impl Way {
    fn connect(&self) -> io::Result<DuplexStream> {
        let (near, here) = duplex(WINDOW);
        let (there, far) = duplex(WINDOW);
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 40_000);
        let relay = self.0.state().relay.clone().ok_or_else(refused)?;
        relay.send((far, from)).map_err(|_| refused())?;
        tokio::spawn(carry(self.0.clone(), here, there));
        Ok(near)
    }
}

/// Carries one request and its answer, with what the relay makes of it.
async fn carry(network: Network, here: DuplexStream, there: DuplexStream) {
    let (mut asks, mut hears) = split(here);
    let (mut answers, mut is_asked) = split(there);
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = asks.read(&mut buffer).await {
            network.state().heard.extend_from_slice(&buffer[..read]);
            if is_asked.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = answers.read(&mut buffer).await {
            network.state().heard.extend_from_slice(&buffer[..read]);
            let (said, is_all) = network.answered(buffer[..read].to_vec());
            if hears.write_all(&said).await.is_err() || is_all {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

impl Network {
    /// What the service is told in place of an answer, and whether that is all.
    fn answered(&self, mut answer: Vec<u8>) -> (Vec<u8>, bool) {
        let mut state = self.state();
        let State { tamperings, dice, .. } = &mut *state;
        let trick = tamperings.draw(dice);
        state.tricks += usize::from(!matches!(trick, Trick::Nothing | Trick::Misled));
        match trick {
            Trick::Nothing | Trick::Misled => (answer, false),
            Trick::Flip(bit) => {
                flip(&mut answer, bit);
                (answer, false)
            }
            Trick::Shorten(most) => {
                answer.truncate(below(most, answer.len()));
                (answer, true)
            }
            // In HTTP there is one answer: what follows is nobody's.
            Trick::Twice => (answer.repeat(2), false),
            Trick::Denied => (state.dice.one_of(&DENIALS).as_bytes().to_vec(), true),
        }
    }
}
