//! The agent's side: dials out, listens on one entity, answers requests, comes back for ever.

mod answer;
mod channel;
mod connect;
mod nodes;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::{Clock, Randomness, Timestamp, timeout};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::backoff::Reconnect;
use crate::entity::Entity;
use crate::message::{Request, Response};
use crate::transport::Transport;
use channel::Ended;
use connect::ConnectError;

/// After so many handshakes of WebSockets that failed in a row they count as blocked.
pub(crate) const BLOCKED_AFTER: u32 = 3;
/// For so long; then the next attempt tries one again.
pub(crate) const BLOCKED_FOR: Duration = Duration::from_secs(60 * 60);

/// Where and how to listen.
#[derive(Clone)]
pub struct ListenerConfig {
    /// The relay's address, `wss://host:port/`, without the entity.
    pub url: Url,
    /// What to listen on.
    pub entity: Entity,
    /// How bytes get there.
    pub transport: Arc<dyn Transport>,
    /// How they get there from where a WebSocket does not: used for [`BLOCKED_FOR`] after
    /// [`BLOCKED_AFTER`] handshakes in a row that failed in a way in which a network may make them
    /// fail; and in turn with the other one where it does not help.
    pub where_blocked: Option<Arc<dyn Transport>>,
    /// How long dialling, TLS and WebSocket handshakes may take together. A WebSocket that is not there by
    /// then may be one that the network blocks, if half of the time was left for it.
    pub handshake: Duration,
    /// How often to ping the relay.
    pub ping: Duration,
    /// How long the relay may be silent before the channel is given up (SPEC A-6).
    pub silence: Duration,
    /// How many requests are handled at a time; more are answered with 503 at once.
    pub concurrent: usize,
    /// How long what is in flight may take to end when the listener is stopped.
    pub drain: Duration,
    /// When to come back after a lost channel.
    pub reconnect: Reconnect,
    /// Where the nodes of the service are, as it says from time to time. Without it, and as long as
    /// it has none, there is one channel, at `url`; where it has several, there are two, of
    /// staggered age, at two of them.
    pub nodes: Option<watch::Receiver<Vec<Url>>>,
    /// How much younger the second of two channels is than the first. Longer than a lost channel
    /// takes to be noticed (45 s) and to come back (a delay of 10 s, a handshake of 10 s).
    pub stagger: Duration,
}

impl ListenerConfig {
    /// A listener with the intervals of the relay protocol.
    pub fn new(url: Url, entity: Entity, transport: Arc<dyn Transport>) -> Self {
        Self {
            url,
            entity,
            transport,
            where_blocked: None,
            handshake: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            silence: Duration::from_secs(45),
            concurrent: 256,
            drain: Duration::from_secs(30),
            reconnect: Reconnect::default(),
            nodes: None,
            stagger: Duration::from_secs(120),
        }
    }
}

/// Answers requests. They are handled concurrently, each in a task of its own that runs to its
/// end even if the channel is lost meanwhile.
pub trait Handler: Send + Sync {
    /// Answers one request.
    fn handle(&self, request: Request) -> BoxFuture<'_, Response>;

    /// A channel is open, one of several perhaps. Called before anything that comes over it is handled.
    fn opens(&self) {}
}

/// Makes tokens with the right to listen: ours, or, for a relay that knows shared keys only, those of
/// [`sas`](crate::token::sas).
pub trait TokenSource: Send + Sync {
    /// A fresh token and when it expires.
    ///
    /// # Errors
    /// Why there is none, in words for the operator.
    fn token(&self) -> Result<(String, Timestamp), String>;
}

/// How listening goes, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// On the way to the relay.
    Connecting,
    /// A channel is open.
    Connected {
        /// Since when.
        since: Timestamp,
    },
    /// Between two attempts.
    Waiting {
        /// What went wrong.
        reason: String,
        /// When the next attempt is made.
        until: Timestamp,
    },
}

/// Listens until `stop`: connects, answers requests, and connects again, for ever. After `stop`,
/// what is in flight may end, then the channel is closed and this returns. Where there are several
/// channels, all of that holds for each, and `status` is connected if one of them is.
pub async fn listen(
    config: ListenerConfig,
    tokens: Arc<dyn TokenSource>,
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
) {
    let (config, tasks) = (Arc::new(config), TaskTracker::new());
    let listener = Listener { config, tokens, handler, clock, randomness, status, stop, tasks };
    match listener.config.nodes.clone() {
        Some(nodes) => nodes::listen(&listener, nodes).await,
        None => listener.run(None).await,
    }
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// A channel on which the relay was heard.
    Channel,
    /// The relay, which refused the token or does not know the entity.
    Refusal,
    /// What a network may do to WebSockets.
    Block,
    /// Anything else.
    Trouble,
}

/// Which of two transports an attempt takes.
#[derive(Debug, Default)]
struct Way {
    /// Handshakes of WebSockets that failed in a row.
    failed: u32,
    /// From when on they count as blocked, by `Clock::running`.
    blocked_since: Option<Duration>,
}

impl Way {
    /// The other transport, if it is its turn.
    fn choose(&mut self, config: &ListenerConfig, now: Duration) -> Option<Arc<dyn Transport>> {
        if self.blocked_since.is_some_and(|since| now.saturating_sub(since) >= BLOCKED_FOR) {
            // One more failure, and they are blocked again.
            (self.blocked_since, self.failed) = (None, BLOCKED_AFTER - 1);
        }
        self.blocked_since.and_then(|_| config.where_blocked.clone())
    }

    /// Learns how far an attempt came.
    fn learn(&mut self, met: Met, now: Duration) {
        if self.blocked_since.is_some() {
            if matches!(met, Met::Block | Met::Trouble) {
                // It does not help, so both are tried in turn.
                (self.blocked_since, self.failed) = (None, BLOCKED_AFTER - 1);
            }
            return;
        }
        match met {
            Met::Channel => self.failed = 0,
            Met::Block => self.failed += 1,
            // What refuses a token has not shown that it lets a WebSocket pass.
            Met::Refusal | Met::Trouble => {}
        }
        if self.failed >= BLOCKED_AFTER {
            tracing::warn!("relay.listener.websockets_blocked");
            self.blocked_since = Some(now);
        }
    }
}

#[derive(Clone)]
struct Listener {
    config: Arc<ListenerConfig>,
    tokens: Arc<dyn TokenSource>,
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
    /// Every request in flight, those of lost channels too.
    tasks: TaskTracker,
}

impl Listener {
    /// Listens until told to stop. `outage` is when the last stable channel was lost, by
    /// `Clock::running`, if this goes on with what another listener could not do.
    async fn run(&self, mut outage: Option<Duration>) {
        let mut way = Way::default();
        let mut may_go_on = match outage {
            Some(_) => self.wait("another node could not be reached", false, &mut outage).await,
            None => true,
        };
        while may_go_on {
            let (reason, refused) = match self.attempt(&mut outage, &mut way).await {
                Ok(Ended::Stopped) => break,
                Ok(Ended::Lost { reason, .. }) => (reason, false),
                Err(error) => (error.to_string(), error.is_refusal()),
            };
            may_go_on = self.wait(&reason, refused, &mut outage).await;
        }
        // Nobody is left to take their answers, but the journal will want to know them.
        self.tasks.close();
        let _ = timeout(&*self.clock, self.config.drain, self.tasks.wait()).await;
    }

    /// Waits until the next attempt is due, and says whether it is to be made.
    async fn wait(&self, reason: &str, refused: bool, outage: &mut Option<Duration>) -> bool {
        let running = self.clock.running();
        let lasted = running.saturating_sub(*outage.get_or_insert(running));
        let delay = self.config.reconnect.delay(lasted, refused, self.random());
        let node = self.config.url.as_str();
        tracing::warn!(node, reason, delay_ms = delay.as_millis(), "relay.listener.waiting");
        let until = self.clock.now().after(delay);
        self.status.send_replace(Status::Waiting { reason: reason.to_owned(), until });
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = self.clock.sleep(delay) => true,
        }
    }

    /// One channel, from dialling to its end.
    async fn attempt(
        &self,
        outage: &mut Option<Duration>,
        way: &mut Way,
    ) -> Result<Ended, ConnectError> {
        self.status.send_replace(Status::Connecting);
        let (token, expiry) = self.tokens.token().map_err(ConnectError::Token)?;
        let issued = self.clock.now();
        let other = way.choose(&self.config, self.clock.running()).map(|way| self.over(way));
        let this = other.as_ref().unwrap_or(self);
        let socket = tokio::select! {
            () = self.stop.cancelled() => return Ok(Ended::Stopped),
            socket = connect::connect(this, &token) => socket,
        };
        let learn = |way: &mut Way, met| {
            if self.config.where_blocked.is_some() {
                way.learn(met, self.clock.running());
            }
        };
        let socket = socket.inspect_err(|error| learn(way, error.met()))?;
        let since = self.clock.now();
        self.status.send_replace(Status::Connected { since });
        self.handler.opens();
        let node = self.config.url.as_str();
        tracing::info!(entity = %self.config.entity, node, "relay.listener.connected");
        let opened = self.clock.running();
        let ended = channel::serve(this, socket, channel::renewal(issued, expiry)).await;
        // A channel on which nothing ever came may be one that something on the way swallows.
        let mute = matches!(ended, Ended::Lost { mute: true, .. });
        learn(way, if mute { Met::Block } else { Met::Channel });
        let lasted = self.clock.running().saturating_sub(opened);
        if lasted >= self.config.reconnect.stable_after {
            *outage = None;
        }
        Ok(ended)
    }

    /// The same listener, over another transport: its channel, and the rendezvous that come of it.
    fn over(&self, transport: Arc<dyn Transport>) -> Self {
        let config = ListenerConfig { transport, ..(*self.config).clone() };
        Self { config: Arc::new(config), ..self.clone() }
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.randomness.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ByteStream, TransportError};

    /// A road that nobody takes here.
    struct Road;

    impl Transport for Road {
        fn connect<'a>(
            &'a self,
            _: &'a str,
            _: u16,
        ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
            Box::pin(std::future::pending())
        }
    }

    fn config() -> ListenerConfig {
        let url = "wss://relay.example/".parse().unwrap();
        let own = ListenerConfig::new(url, Entity::parse("t/w/a").unwrap(), Arc::new(Road));
        ListenerConfig { where_blocked: Some(Arc::new(Road)), ..own }
    }

    /// Whether the attempt after so many that met this goes by the other road.
    fn goes_round(met: &[Met]) -> bool {
        let (config, mut way) = (config(), Way::default());
        met.iter().for_each(|met| way.learn(*met, Duration::ZERO));
        way.choose(&config, Duration::ZERO).is_some()
    }

    #[test]
    fn three_in_a_row_that_may_be_blocked_are_and_nothing_else_is() {
        use Met::{Block, Channel, Refusal, Trouble};
        assert!(!goes_round(&[Block, Block]));
        assert!(goes_round(&[Block, Block, Block]));
        assert!(!goes_round(&[Block, Block, Channel, Block]), "WebSockets pass");
        // Neither a relay that is down nor one that refuses tells anything.
        assert!(goes_round(&[Block, Trouble, Block, Refusal, Block]));
        assert!(!goes_round(&[Trouble, Trouble, Trouble, Refusal, Refusal, Refusal]));
    }

    #[test]
    fn round_it_stays_where_the_relay_is_met_and_else_both_roads_are_taken_in_turn() {
        use Met::{Block, Channel, Refusal, Trouble};
        let blocked = [Block, Block, Block];
        for met in [Channel, Refusal] {
            assert!(goes_round(&[&blocked[..], &[met]].concat()), "{met:?}");
        }
        for met in [Block, Trouble] {
            assert!(!goes_round(&[&blocked[..], &[met]].concat()), "{met:?}");
            assert!(goes_round(&[&blocked[..], &[met, Block]].concat()), "{met:?}");
        }
    }

    #[test]
    fn after_an_hour_the_next_attempt_is_a_websocket_again() {
        let (config, mut way) = (config(), Way::default());
        (0..BLOCKED_AFTER).for_each(|_| way.learn(Met::Block, Duration::ZERO));
        assert!(way.choose(&config, BLOCKED_FOR - Duration::from_millis(1)).is_some());
        assert!(way.choose(&config, BLOCKED_FOR).is_none());
        way.learn(Met::Block, BLOCKED_FOR);
        assert!(way.choose(&config, BLOCKED_FOR).is_some(), "one failure is enough now");
    }

    #[test]
    fn what_a_proxy_says_instead_of_the_relay_may_be_a_block_and_what_a_relay_says_is_none() {
        for status in [400, 405, 426, 451, 501, 505] {
            assert_eq!(ConnectError::Status(status).met(), Met::Block, "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert_eq!(ConnectError::Status(status).met(), Met::Trouble, "{status}");
        }
        assert_eq!(ConnectError::Timeout.met(), Met::Block);
        assert_eq!(ConnectError::Forbidden.met(), Met::Block);
        assert_eq!(ConnectError::Unauthorised.met(), Met::Refusal);
        assert_eq!(ConnectError::UnknownEntity.met(), Met::Refusal);
        assert_eq!(ConnectError::Token(String::new()).met(), Met::Trouble);
    }
}
