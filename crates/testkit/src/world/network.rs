//! The network of the world: connections through memory, with weather. Bytes are in clear here, so
//! the weather is not only that of a network but also what a relay can do that is in other hands:
//! lose, hold, repeat, reorder, alter.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use protocol::{Clock as _, ManualClock};
use relay::{ByteStream, Transport, TransportError};
use tokio::io::{DuplexStream, duplex, split};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::elsewhere;
use super::hands::{Answers, Hands, Package};
use super::tampering::Tamperings;
use super::timeline::{NEVER, Span};
use super::way::{Direction, Way};
use super::weather::Weather;

/// Bytes that are under way in one direction before the writer has to wait.
const WINDOW: usize = 256 * 1024;

/// A connection as it comes in at the service: its bytes, and from where.
pub(super) type Incoming = (DuplexStream, SocketAddr);

/// The network. Clones are the same network.
#[derive(Clone)]
pub(super) struct Network(Arc<Inner>);

struct Inner {
    clock: ManualClock,
    tasks: Handle,
    state: Mutex<State>,
}

pub(super) struct State {
    service: Option<UnboundedSender<Incoming>>,
    /// A relay of somebody else's.
    pub(super) relay: Option<UnboundedSender<Incoming>>,
    weather: HashMap<String, Weather>,
    cuts: HashMap<String, CancellationToken>,
    /// What was said to each agent on its last channel.
    said: HashMap<String, Vec<u8>>,
    /// Everything that agents and service have said to each other, for the search for secrets.
    pub(super) heard: Vec<u8>,
    pub(super) dice: Dice,
    /// What the relay does to what it carries.
    pub(super) tamperings: Tamperings,
    /// How often it has done something to it.
    pub(super) tricks: usize,
    /// Whose hands the relay is in, and what was kept back in them.
    pub(super) hands: Hands,
    pub(super) kept: Vec<Package>,
    /// Every package that was said to an agent.
    pub(super) packages: Vec<Package>,
    /// What agents have said to them.
    pub(super) answers: Answers,
    /// Where something is said on each agent's last channel.
    doors: HashMap<String, Doors>,
    /// Whose channels there were, and from when to when.
    channels: Vec<(String, Span)>,
}

/// Where bytes are put into a connection beside those that come.
#[derive(Clone)]
pub(super) struct Doors {
    up: UnboundedSender<Vec<u8>>,
    down: UnboundedSender<Vec<u8>>,
}

impl Network {
    /// A calm network without a service. `tasks` is where bytes are carried.
    pub(super) fn new(clock: ManualClock, tasks: Handle, dice: Dice) -> Self {
        let state = State {
            service: None,
            relay: None,
            weather: HashMap::new(),
            cuts: HashMap::new(),
            said: HashMap::new(),
            heard: Vec::new(),
            dice,
            tamperings: Tamperings::default(),
            tricks: 0,
            hands: Hands::Own,
            kept: Vec::new(),
            packages: Vec::new(),
            answers: Answers::default(),
            doors: HashMap::new(),
            channels: Vec::new(),
        };
        Self(Arc::new(Inner { clock, tasks, state: Mutex::new(state) }))
    }

    /// From now on connections go to this service; to none if it is down.
    pub(super) fn serve(&self, service: Option<UnboundedSender<Incoming>>) {
        self.state().service = service;
    }

    /// The weather between an agent and the service; what it was before.
    pub(super) fn set_weather(&self, agent: &str, weather: Weather) -> Weather {
        self.state().weather.insert(agent.to_owned(), weather).unwrap_or_default()
    }

    /// Whether there is no weather between an agent and the service.
    pub(super) fn is_calm(&self, agent: &str) -> bool {
        self.state().weather(agent) == Weather::default()
    }

    /// From when to when an agent had a channel.
    pub(super) fn channels(&self, agent: &str) -> Vec<Span> {
        let state = self.state();
        state.channels.iter().filter(|(of, _)| of == agent).map(|(_, span)| *span).collect()
    }

    /// Breaks every connection of an agent.
    pub(super) fn cut(&self, agent: &str) {
        let cut = self.state().cuts.remove(agent);
        cut.into_iter().for_each(|token| token.cancel());
    }

    /// Whether the bytes between agents and service hold something.
    pub(super) fn heard(&self) -> Vec<u8> {
        self.state().heard.clone()
    }

    /// The way of an agent to the service.
    pub(super) fn transport(&self, agent: &str) -> Arc<dyn Transport> {
        Arc::new(Road { network: self.clone(), agent: agent.to_owned() })
    }

    /// A connection to the service that no weather touches: a visitor's.
    pub(super) fn visit(&self, from: SocketAddr) -> io::Result<DuplexStream> {
        let (near, far) = duplex(WINDOW);
        let state = self.state();
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let service = state.service.as_ref().ok_or_else(refused)?;
        service.send((far, from)).map_err(|_| refused())?;
        Ok(near)
    }

    fn connect(&self, agent: &str, host: &str) -> io::Result<DuplexStream> {
        let (near, here) = duplex(WINDOW);
        let (there, far) = duplex(WINDOW);
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let cut = {
            let mut state = self.state();
            if state.weather(agent).closed {
                return Err(refused());
            }
            let from = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40_000);
            let there = if host == elsewhere::HOST { &state.relay } else { &state.service };
            let service = there.as_ref().ok_or_else(refused)?;
            service.send((far, from)).map_err(|_| refused())?;
            state.cuts.entry(agent.to_owned()).or_default().child_token()
        };
        self.carry(agent, here, there, cut);
        Ok(near)
    }

    /// Carries bytes both ways until one side ends or the connection is cut.
    fn carry(&self, agent: &str, here: DuplexStream, there: DuplexStream, cut: CancellationToken) {
        let (from_agent, to_agent) = split(here);
        let (from_service, to_service) = split(there);
        let channel = Arc::new(Mutex::new(None));
        let ((up, said_up), (down, said_down)) = (unbounded_channel(), unbounded_channel());
        let doors = Doors { up, down };
        for (direction, from, to, said) in [
            (Direction::Up, from_agent, to_service, said_up),
            (Direction::Down, from_service, to_agent, said_down),
        ] {
            let of = (self.clone(), agent.to_owned(), direction);
            let way = Way::new(of, Arc::clone(&channel), doors.clone());
            let (cut, network, channel) = (cut.clone(), self.clone(), Arc::clone(&channel));
            self.0.tasks.spawn(async move {
                let done = cut.run_until_cancelled(way.run(from, to, said, &cut)).await;
                if done.is_some() {
                    cut.cancel();
                }
                network.closed(*channel.lock().unwrap_or_else(PoisonError::into_inner));
            });
        }
    }

    /// Whether an agent has a channel.
    pub(super) fn has_channel(&self, agent: &str) -> bool {
        self.channels(agent).iter().any(|(_, to)| *to == NEVER)
    }

    /// That an agent has a channel: its number among all, and what is said on it first in such weather, all that
    /// was said on the one before.
    pub(super) fn opened(&self, agent: &str, doors: &Doors) -> (usize, Vec<u8>) {
        let (now, mut state) = (self.0.clock.now(), self.state());
        let number = state.channels.len();
        state.channels.push((agent.to_owned(), (now, NEVER)));
        state.doors.insert(agent.to_owned(), doors.clone());
        let said = state.said.insert(agent.to_owned(), Vec::new()).unwrap_or_default();
        (number, if state.weather(agent).replay { said } else { Vec::new() })
    }

    /// That a frame was said to an agent on its channel.
    pub(super) fn said_to(&self, agent: &str, frame: &[u8]) {
        self.state().said.entry(agent.to_owned()).or_default().extend_from_slice(frame);
    }

    /// That agent and service have said something to each other.
    pub(super) fn hear(&self, bytes: &[u8]) {
        self.state().heard.extend_from_slice(bytes);
    }

    /// That a channel has ended, unless that is known.
    fn closed(&self, channel: Option<usize>) {
        let (now, mut state) = (self.0.clock.now(), self.state());
        let span = channel.and_then(|at| state.channels.get_mut(at));
        if let Some((_, (_, to))) = span.filter(|(_, (_, to))| *to == NEVER) {
            *to = now;
        }
    }

    /// The time that everybody here has.
    pub(super) fn clock(&self) -> &ManualClock {
        &self.0.clock
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn weather(&self, agent: &str) -> Weather {
        self.weather.get(agent).copied().unwrap_or_default()
    }

    /// Says something on the last channel of an agent, between what is said there.
    pub(super) fn say(&self, agent: &str, direction: Direction, bytes: Vec<u8>) {
        assert!(self.try_to_say(agent, direction, bytes), "{agent} has an open channel");
    }

    /// The same; whether there is such a channel.
    pub(super) fn try_to_say(&self, agent: &str, direction: Direction, bytes: Vec<u8>) -> bool {
        let Some(doors) = self.doors.get(agent) else { return false };
        let door = if direction == Direction::Up { &doors.up } else { &doors.down };
        door.send(bytes).is_ok()
    }
}

/// An agent's way to the service.
struct Road {
    network: Network,
    agent: String,
}

impl Transport for Road {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        _port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            let stream = self.network.connect(&self.agent, host).map_err(TransportError::Tcp)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}
