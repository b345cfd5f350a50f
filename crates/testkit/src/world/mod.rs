//! The world in one process: cloud service and agents as they are, each on a thread of its own,
//! with a directory, a network, mails, time and chance that a test has in its hands.
//!
//! ```text
//! World         starts, kills and restarts; lets time pass; checks the invariants when it ends
//!   machine       a process: killed, it stops at whatever it awaits
//!   quiet         when nobody works, so that time may move on
//!   network       connections through memory, with weather;  hands, tricks, tampering: a relay in
//!                 other hands;  elsewhere: one of somebody else's
//!   guest         visitors, on the world's time
//!   crash         the steps at which a process may die
//!   timeline      what was wrong, and when;  skew: wrong clocks
//!   breaker       an agent's breaker, and what the cloud service knows of it;  disk: a full one
//!   revocation    an agent that is revoked;  copy: one whose identity runs twice
//!   mailbox       captured mails;  attempt: what people tried and were told
//!   bugs          bugs on purpose, to be caught;  forge: packages as they would be with one
//!   dice          chance with a seed
//!   storm         a relay and its listeners alone
//!   installation  databases and keys, made once and copied
//!   invariants    I1 to I10: what must hold at the end of every test
//! ```
//!
//! A test starts a [`World`] with a seed, sends guests on their way with [`World::attend`] or
//! [`World::attend_with`], and lets things happen meanwhile. Time stands still while anybody works
//! and jumps to the next waiting one when nobody does: a test of ten minutes takes as long as what
//! is done in them. When the world is dropped, every process is started again, everybody is given
//! the time that is promised, and the invariants are checked; nobody has to write that down.
//!
//! What is not in a world: TLS, SMTP, LDAP, real databases of others. Real processes on a real
//! Active Directory have their own tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a world lives in tests, which report a broken expectation by panicking"
)]

mod attempt;
mod breaker;
mod bugs;
mod copy;
mod crash;
mod dice;
mod disk;
mod elsewhere;
mod forge;
mod frames;
mod guest;
mod hands;
mod installation;
mod invariants;
mod machine;
mod mailbox;
mod network;
mod passing;
mod processes;
mod quiet;
mod revocation;
mod secrecy;
mod skew;
mod storm;
mod tampering;
mod timeline;
mod tricks;
mod way;
mod weather;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use directory::ObjectGuid;
use directory_fake::{FakeDirectory, FakeDomain, FakePerson, Population};
use lab::Kind;
use protocol::{ClearPassword, Clock as _, ManualClock, Timestamp};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::Visitor;

pub use attempt::{Attempt, Told};
pub use bugs::Bug;
pub use crash::CrashPoint;
pub use dice::Dice;
pub use guest::{Guest, TYPES};
pub use mailbox::Mailbox;
pub use passing::Visit;
pub use storm::back_after_a_storm;
pub use tampering::Tampering;
pub use weather::Weather;

use attempt::Ledger;
use crash::Doom;
use elsewhere::Elsewhere;
use guest::ThroughMemory;
use installation::Folder;
use machine::Machine;
use network::Network;
use skew::Skewed;
use timeline::{Matter, NEVER, Timeline};

/// So long before a world begins its people and its PDC emulator became what they are: of what is newer than a
/// request by the service's clock, however wrong that may be, nobody says for certain that it was there before.
const ESTABLISHED: Duration = Duration::from_secs(60 * 60);

/// A world. The invariants are checked when it is dropped.
pub struct World {
    seed: u64,
    dice: Dice,
    clock: ManualClock,
    folder: Folder,
    network: Network,
    wires: Machine,
    /// A relay of somebody else's, where there is one.
    elsewhere: Option<Elsewhere>,
    cloud: Place,
    cloud_clock: Arc<Skewed>,
    agents: BTreeMap<String, AgentPlace>,
    population: Population,
    mailbox: Mailbox,
    ledger: Ledger,
    asked: Arc<Mutex<Vec<String>>>,
    guests: u32,
    starts: u64,
    /// What is to happen, and when, by how long the clock has run.
    plans: Vec<(Duration, passing::Plan)>,
    bug: Option<Bug>,
    /// What the cloud service names to its agents; all of them lead to it.
    nodes: Vec<String>,
    passwords: u32,
    /// How long a process that died at a crash point stays away.
    back_after: Duration,
    /// How many died at one.
    crashes: usize,
    /// When whose clock was put how far ahead.
    skews: Vec<(Timestamp, String, i64)>,
    /// When the directory was told to do something wrong with a set.
    injected: Vec<Timestamp>,
    /// What was wrong, and when.
    timeline: Timeline,
    checked: bool,
}

/// Where a process runs or could run.
#[derive(Default)]
struct Place {
    machine: Option<Machine>,
    was_started: bool,
    /// Tells it to end in good order, if it can.
    leaving: CancellationToken,
    doom: Doom,
}

struct AgentPlace {
    place: Place,
    clock: Arc<Skewed>,
    /// Its disk is full.
    full: Arc<AtomicBool>,
}

impl AgentPlace {
    fn with(clock: Arc<Skewed>) -> Self {
        Self { place: Place::default(), clock, full: Arc::default() }
    }
}

impl World {
    /// A world with that many agents (1 to 3), in which everything works, ready for visitors.
    pub fn start(seed: u64, agents: usize) -> Self {
        Self::start_with(seed, agents, None)
    }

    /// The same, with a bug on purpose.
    pub fn start_with(seed: u64, agents: usize, bug: Option<Bug>) -> Self {
        let mut world = Self::new(seed, installation::fresh(), installation::START);
        bug.into_iter().for_each(|bug| world.build_in(bug));
        world.begin(agents);
        world
    }

    /// The same without a bug, where the cloud service names two nodes, so that every agent listens
    /// at both.
    pub fn start_with_nodes(seed: u64, agents: usize) -> Self {
        let mut world = Self::new(seed, installation::fresh(), installation::START);
        world.nodes = installation::NODES.map(str::to_owned).into();
        world.begin(agents);
        world
    }

    /// The same without a bug, for more resets than the breakers of a small organisation let through.
    pub fn start_for_many(seed: u64, agents: usize) -> Self {
        let mut world = Self::new(seed, installation::fresh(), installation::START);
        world.folder.widen_breakers();
        world.begin(agents);
        world
    }

    fn begin(&mut self, agents: usize) {
        self.start_cloud();
        for name in installation::AGENTS.iter().take(agents) {
            self.start_agent(name);
        }
        self.await_ready();
    }

    fn new(seed: u64, folder: Folder, start: Timestamp) -> Self {
        // What was logged before belongs to another world.
        secrecy::log().take();
        let (clock, dice) = (ManualClock::at(start.before(ESTABLISHED)), Dice::new(seed));
        let population = populate(&clock);
        clock.advance(ESTABLISHED);
        let wires = Machine::start("wires", &folder.path().join("wires"), |stop| async move {
            stop.cancelled().await;
        });
        let network = Network::new(clock.clone(), wires.handle().clone(), dice.for_whom("network"));
        let places = installation::AGENTS.map(|name| {
            let clock = Arc::new(Skewed::new(clock.clone()));
            (name.to_owned(), AgentPlace::with(clock))
        });
        let mut timeline = Timeline::default();
        timeline.goes_wrong(Matter::Cloud, start);
        installation::AGENTS
            .iter()
            .for_each(|name| timeline.goes_wrong(Matter::Agent(name), start));
        let cloud_clock = Arc::new(Skewed::new(clock.clone()));
        Self {
            seed,
            dice,
            clock,
            folder,
            network,
            wires,
            elsewhere: None,
            cloud: Place::default(),
            cloud_clock,
            agents: places.into(),
            population,
            mailbox: Mailbox::default(),
            ledger: Ledger::default(),
            asked: Arc::default(),
            guests: 0,
            starts: 0,
            plans: Vec::new(),
            bug: None,
            nodes: Vec::new(),
            passwords: 0,
            back_after: Duration::from_secs(5),
            crashes: 0,
            skews: Vec::new(),
            injected: Vec::new(),
            timeline,
            checked: false,
        }
    }

    /// A world in which the installation is made.
    fn installing(folder: Folder) -> Self {
        let mut world = Self::new(0, folder, installation::BEGINNING);
        world.checked = true;
        world
    }

    /// The installation that was made in it.
    fn installed(mut self) -> Folder {
        self.cloud.machine = None;
        std::mem::replace(&mut self.folder, Folder::make())
    }

    /// The seed that all chance of this world comes from.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// Dice of this world for a purpose of its own.
    pub fn dice(&self, purpose: &str) -> Dice {
        self.dice.for_whom(purpose)
    }

    /// The directory.
    pub const fn domain(&self) -> &FakeDomain {
        &self.population.domain
    }

    /// Who is in it.
    pub fn people(&self) -> &[FakePerson] {
        &self.population.people
    }

    /// A password that satisfies every policy and that nobody else has or had.
    pub fn password(&mut self) -> String {
        self.passwords += 1;
        secrecy::password(self.passwords)
    }

    /// The mails.
    pub const fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// What people tried so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.ledger.all()
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Somebody at a browser that nobody has used before.
    pub fn guest(&mut self) -> Guest {
        self.guests += 1;
        let carrier = ThroughMemory {
            network: self.network.clone(),
            tasks: self.tasks(),
            from: guest::address(self.guests),
            asked: Arc::clone(&self.asked),
        };
        let start = format!("/t/{}/reset", installation::SLUG);
        Guest {
            visitor: Visitor::over(Box::new(carrier.clone()), installation::ORIGIN, &start),
            carrier,
            clock: self.clock.clone(),
            tasks: self.tasks(),
            mailbox: self.mailbox.clone(),
            ledger: self.ledger.clone(),
            slowly: Duration::ZERO,
        }
    }

    /// Whether somebody has logged a line with all of these words.
    pub fn has_logged(&self, words: &[&str]) -> bool {
        secrecy::log().has_line(words)
    }

    /// How many agents were started in it.
    pub fn agents(&self) -> usize {
        self.agents.values().filter(|agent| agent.place.was_started).count()
    }

    /// How many processes died at a crash point so far.
    pub const fn crashes(&self) -> usize {
        self.crashes
    }

    /// The directory as an agent sees it.
    fn directory_for(&self, _agent: &str) -> FakeDirectory {
        let service = &self.population.service;
        let password = ClearPassword::from_text(&service.password).expect("a password");
        FakeDirectory::new(self.domain(), &service.login, password)
    }

    /// The first moment from `at` on at which the cloud service was there.
    fn when_there(&self, at: Timestamp) -> Timestamp {
        let mut absent = self.timeline.wrong(Matter::Cloud);
        let absent = absent.find(|(from, to)| *from <= at && at < *to && *to != NEVER);
        absent.map_or(at, |(_, to)| to)
    }

    /// Why nobody may ever set this password, if so.
    fn why_never_to_be_set(&self, guid: ObjectGuid) -> Option<&'static str> {
        let person = self.people().iter().find(|person| person.guid == guid);
        match person.map(|person| person.kind) {
            None => Some("nobody in scope"),
            Some(Kind::Disabled) => Some("disabled"),
            Some(Kind::Expired) => Some("expired"),
            Some(Kind::CannotChange) => Some("not allowed to change it"),
            Some(Kind::ProtectedNested | Kind::AdmincountOrphan) => Some("protected"),
            Some(_) => None,
        }
    }

    const fn folder(&self) -> &Folder {
        &self.folder
    }

    fn tasks(&self) -> Handle {
        self.wires.handle().clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.checked {
            return;
        }
        if std::thread::panicking() {
            self.tell("the test failed in this world");
            return;
        }
        let violations = self.finish();
        if !violations.is_empty() {
            let violations = violations.join("\n  ");
            self.tell("the invariants do not hold in this world");
            panic!("seed {}:\n  {violations}", self.seed);
        }
    }
}

impl World {
    /// Ends the world as dropping it does: what does not hold, one line for each.
    pub fn violations(mut self) -> Vec<String> {
        let violations = self.finish();
        self.checked = true;
        if !violations.is_empty() {
            self.tell("the invariants do not hold in this world, as a test may want it");
        }
        violations
    }

    fn finish(&mut self) -> Vec<String> {
        self.calm();
        self.pass(self.settling());
        self.cloud.machine = None;
        self.elsewhere = self.elsewhere.take().map(|_| Elsewhere::default());
        self.agents.values_mut().for_each(|agent| agent.place.machine = None);
        invariants::violations(self)
    }

    /// How long a world that is calm again may take to settle everything: 60 seconds after the
    /// agent's return, which takes up to 10 seconds. Where something else was wrong, that may have to
    /// be found out first (see `invariants::in_time`): by the next heartbeat, or the next question.
    fn settling(&self) -> Duration {
        const FOUND_OUT: Duration = Duration::from_secs(6 * 60);
        let agent = self.folder.agent(installation::AGENTS[0]);
        let unsteady = self.timeline.was_unsteady() || !self.domain().held().is_empty();
        let found_out = if unsteady { FOUND_OUT } else { Duration::ZERO };
        Duration::from_secs(60) + agent.reconnect.early + found_out
    }

    /// Keeps the log where it can be read.
    #[expect(clippy::print_stderr, reason = "the way to the log belongs to the test's output")]
    fn tell(&self, what: &str) {
        let file = std::env::temp_dir().join(format!("passback-world-{}.log", self.seed));
        let written = std::fs::write(&file, secrecy::log().take());
        eprintln!("{what}: seed {}, log {} {written:?}", self.seed, file.display());
    }
}

/// The directory of every world: the same people with the same GUIDs, as they were synchronised
/// when the installation was made.
fn populate(clock: &ManualClock) -> Population {
    let randomness = dice::Seeded::new(Dice::new(0));
    Population::corp(Arc::new(clock.clone()), Arc::new(randomness)).expect("the lab's people")
}
