//! Starting, killing and restarting what runs in a world.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use agent::{DirectorySettings, OpenDirectory, SetUpError};
use cloud::serve::Service;
use directory::Directory;
use directory_fake::Fault;
use protocol::Clock;
use protocol::limits::SET_TIME_LIMIT;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::crash::CrashPoint;
use super::dice::Seeded;
use super::installation::{AGENTS, CONNECTOR};
use super::machine::Machine;
use super::skew::CLOUD;
use super::tampering::Tamperings;
use super::timeline::{Matter, Span};
use super::weather::Weather;
use super::{Place, World};

/// How long an installation may take to be ready for visitors.
const READY: Duration = Duration::from_secs(120);
/// From so long on an answer of the directory takes too long (THREATS: "slow LDAP (1 s … never)").
const SLOW: Duration = Duration::from_secs(1);
/// How long after an agent that could not start it is started again (`RestartSec` of its unit).
const STARTED_AGAIN: Duration = Duration::from_secs(5);
/// How long after an agent that has not ended it is looked at again.
const LOOKED_AGAIN: Duration = Duration::from_millis(500);
/// How long it may be until the next frame on a channel: there is a ping every so often.
const NEXT_FRAME: Duration = Duration::from_secs(20);

impl World {
    /// Starts the cloud service on the databases that are there, unless it runs.
    ///
    /// # Panics
    /// On its own machine, if it cannot start.
    pub fn start_cloud(&mut self) {
        if is_running(&self.cloud) {
            return;
        }
        // One that has ended by itself has its files closed before the next one opens them.
        self.cloud.machine = None;
        let (accept, mut incoming) = mpsc::unbounded_channel();
        self.starts += 1;
        let settings = self.cloud_settings();
        let purpose = format!("cloud {}", self.starts);
        let surroundings = cloud::Surroundings {
            clock: Arc::<super::skew::Skewed>::clone(&self.cloud_clock),
            randomness: Arc::new(Seeded::new(self.dice.for_whom(&purpose))),
            notifier: Arc::new(self.mailbox.clone()),
            watch: Arc::new(self.cloud.doom.clone()),
            relay: self.is_elsewhere().then(|| self.network.way_elsewhere()),
        };
        let leaving = CancellationToken::new();
        self.cloud.leaving = leaving.clone();
        let machine =
            Machine::start("cloud", &self.folder.path().join("cloud"), |stop| async move {
                let service = Service::start(settings, surroundings).await.expect("the service");
                let service = Arc::new(service);
                let (leaves, left) = (Arc::clone(&service), CancellationToken::new());
                let gone = left.clone().drop_guard();
                tokio::spawn(async move {
                    leaving.cancelled().await;
                    leaves.leave().await;
                    drop(gone);
                });
                loop {
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = left.cancelled() => break,
                        Some((stream, from)) = incoming.recv() => {
                            let service = Arc::clone(&service);
                            tokio::spawn(async move { service.connection(stream, from).await });
                        }
                    }
                }
                service.stop().await;
            });
        self.cloud.machine = Some(machine);
        self.network.serve(Some(accept));
        self.timeline.is_right(Matter::Cloud, self.clock.now());
    }

    /// Tells the cloud service to end, as SIGTERM does; it ends once nobody needs it any more.
    pub fn leave_cloud(&mut self) {
        self.cloud.leaving.cancel();
        self.timeline.goes_wrong(Matter::Cloud, self.clock.now());
    }

    /// Whether the cloud service runs.
    pub fn cloud_runs(&self) -> bool {
        is_running(&self.cloud)
    }

    /// Kills the cloud service: nothing of it goes on.
    pub fn kill_cloud(&mut self) {
        self.network.serve(None);
        self.cloud.machine = None;
        self.timeline.goes_wrong(Matter::Cloud, self.clock.now());
    }

    /// Kills the cloud service and starts it again.
    pub fn restart_cloud(&mut self) {
        self.kill_cloud();
        self.start_cloud();
    }

    /// Starts an agent on the state that is there, unless it runs.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn start_agent(&mut self, name: &str) {
        if is_running(self.place(name)) {
            return;
        }
        // One that has ended by itself has its files closed before the next one opens them.
        self.place(name).machine = None;
        self.maybe_forget(name);
        let settings = self.folder.agent(name);
        let surroundings = self.surroundings_of(name);
        let full = Arc::clone(&self.agents[name].full);
        let leaving = CancellationToken::new();
        self.place(name).leaving = leaving.clone();
        let machine = Machine::start(name, &self.folder.path().join(name), |_| async move {
            loop {
                let ran = agent::run(settings.clone(), surroundings.clone(), leaving.clone()).await;
                match ran {
                    Ok(()) => break,
                    Err(error) => assert!(full.load(Ordering::SeqCst), "the agent: {error}"),
                }
                surroundings.clock.sleep(STARTED_AGAIN).await;
            }
        });
        let place = self.place(name);
        (place.machine, place.was_started) = (Some(machine), true);
        self.timeline.is_right(Matter::Agent(known(name)), self.clock.now());
    }

    /// Tells an agent to end, as SIGTERM does; it ends once what it has in hand is done.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn leave_agent(&mut self, name: &str) {
        self.place(name).leaving.cancel();
        self.timeline.goes_wrong(Matter::Agent(known(name)), self.clock.now());
    }

    /// Starts an agent as soon as it has ended in good order, as its service manager does.
    ///
    /// # Panics
    /// If there is no such agent, or it cannot start.
    pub fn start_agent_once_it_has_left(&mut self, name: &'static str) {
        match self.agent_runs(name) {
            true => self.after(LOOKED_AGAIN, move |world| world.start_agent_once_it_has_left(name)),
            false => self.start_agent(name),
        }
    }

    /// Whether an agent runs.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn agent_runs(&mut self, name: &str) -> bool {
        is_running(self.place(name))
    }

    /// Kills an agent: nothing of it goes on.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn kill_agent(&mut self, name: &str) {
        self.place(name).machine = None;
        self.timeline.goes_wrong(Matter::Agent(known(name)), self.clock.now());
    }

    /// Kills an agent and starts it again.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn restart_agent(&mut self, name: &str) {
        self.kill_agent(name);
        self.start_agent(name);
    }

    /// The next request that reaches this step kills who carries it out: the cloud service, or the
    /// named agent. It starts again `back_after` later.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn crash_at(&mut self, point: CrashPoint, agent: &str, back_after: Duration) {
        self.back_after = back_after;
        match point {
            CrashPoint::Cloud(_) => self.cloud.doom.at(point),
            CrashPoint::Agent(_) => self.place(agent).doom.at(point),
        }
    }

    /// The weather between an agent and the cloud service.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn set_weather(&mut self, agent: &str, weather: Weather) {
        let last = self.network.set_weather(agent, weather);
        let (road, now) = (Matter::Road(known(agent)), self.clock.now());
        if weather.alter > 0 {
            self.timeline.goes_wrong(Matter::Altering, now);
        }
        match weather == Weather::default() {
            // On a channel that lived through it, what was held up comes later, and what was to come
            // after the next frame, after that.
            true if self.network.has_channel(agent) => {
                self.timeline.is_right(road, now.after(last.longest.max(NEXT_FRAME)));
            }
            true => self.timeline.is_right(road, now),
            false => self.timeline.goes_wrong(road, now),
        }
    }

    /// Breaks every connection of an agent.
    pub fn cut(&mut self, agent: &str) {
        let (road, now) = (Matter::Road(known(agent)), self.now());
        self.timeline.goes_wrong(road, now);
        // Where the weather is bad besides, it goes on.
        if self.network.is_calm(agent) {
            self.timeline.is_right(road, now);
        }
        self.network.cut(agent);
    }

    /// Puts an agent's clock ahead by so many milliseconds, or behind.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn put_clock_ahead(&mut self, agent: &str, millis: i64) {
        let clock = &self.agents.get(agent).expect("an agent of this name").clock;
        clock.put_ahead(millis);
        self.note_skew(agent, Matter::Clock(known(agent)), millis);
    }

    /// Puts the cloud service's clock ahead by so many milliseconds, or behind.
    pub fn put_cloud_clock_ahead(&mut self, millis: i64) {
        self.cloud_clock.put_ahead(millis);
        self.note_skew(CLOUD, Matter::CloudClock, millis);
    }

    fn note_skew(&mut self, whom: &str, matter: Matter, millis: i64) {
        let now = self.clock.now();
        self.skews.push((now, whom.to_owned(), millis));
        match millis {
            0 => self.timeline.is_right(matter, now),
            _ => self.timeline.goes_wrong(matter, now),
        }
    }

    /// The next set at the directory meets this fault.
    pub fn inject(&mut self, fault: Fault) {
        self.injected.push(self.clock.now());
        self.domain().inject(fault);
    }

    /// When something was wrong, in the end.
    pub(super) fn wrong(&self, matter: Matter) -> Vec<Span> {
        let mut spans: Vec<Span> = self.timeline.wrong(matter).collect();
        if matter == Matter::SlowDirectory {
            // Until each is made, and whoever keeps the connection has heard so.
            let held = self.domain().held().into_iter();
            spans.extend(held.map(|(from, made)| (from, made.after(SET_TIME_LIMIT))));
        }
        spans
    }

    /// Takes the PDC emulator down, or brings it up again.
    ///
    /// # Panics
    /// Never: there is one.
    pub fn controller_up(&mut self, up: bool) {
        let controller = self.domain().controller();
        self.domain().up(&controller, up).expect("the controller");
        match up {
            true => self.timeline.is_right(Matter::Directory, self.clock.now()),
            false => self.timeline.goes_wrong(Matter::Directory, self.clock.now()),
        }
    }

    /// Lets every answer of the directory take that long.
    pub fn slow_directory(&mut self, delay: Duration) {
        self.domain().slow(delay);
        let now = self.clock.now();
        match delay < SLOW {
            // What was asked before is still waited for.
            true => self.timeline.is_right(Matter::SlowDirectory, now.after(SET_TIME_LIMIT)),
            false => self.timeline.goes_wrong(Matter::SlowDirectory, now),
        }
    }

    /// Kills who has reached its crash point, and plans its return; whether there was somebody.
    pub(super) fn bury(&mut self) -> bool {
        let mut dead = Vec::new();
        if self.cloud.doom.take_reached().is_some() {
            self.kill_cloud();
            self.after(self.back_after, Self::start_cloud);
            dead.push("cloud".to_owned());
        }
        for name in AGENTS {
            if self.place(name).doom.take_reached().is_some() {
                self.kill_agent(name);
                self.after(self.back_after, move |world| world.start_agent(name));
                dead.push(name.to_owned());
            }
        }
        self.crashes += dead.len();
        !dead.is_empty()
    }

    /// Everything works again: weather, clocks, directory, and every process that was started.
    pub fn calm(&mut self) {
        self.plans.clear();
        self.domain().heal();
        self.timeline.is_right(Matter::Directory, self.clock.now());
        self.timeline.is_right(Matter::SlowDirectory, self.clock.now().after(SET_TIME_LIMIT));
        if self.cloud_clock.ahead() != 0 {
            self.put_cloud_clock_ahead(0);
        }
        if self.is_elsewhere() {
            self.start_relay();
        }
        self.network.state().tamperings = Tamperings::default();
        self.timeline.is_right(Matter::Hands, self.clock.now());
        if !is_running(&self.cloud) {
            self.start_cloud();
        }
        for name in AGENTS {
            self.disk_full(name, false);
            self.set_weather(name, Weather::default());
            if self.agents.get(name).is_some_and(|agent| agent.clock.ahead() != 0) {
                self.put_clock_ahead(name, 0);
            }
            let place = self.place(name);
            if place.was_started && !is_running(place) {
                self.start_agent(name);
            }
        }
    }

    /// Waits until the start page asks for a name.
    pub(super) fn await_ready(&mut self) {
        let mut guest = self.guest();
        let limit = self.clock.running() + READY;
        let ready = self.attend(move || {
            while guest.clock.running() < limit {
                if guest.visitor().open().is_ok_and(|page| page.step == "start") {
                    return true;
                }
                guest.wait(Duration::from_millis(500));
            }
            false
        });
        assert!(ready, "the world does not become ready for visitors");
    }

    /// What an agent of this world is given.
    pub(super) fn surroundings_of(&mut self, name: &str) -> agent::Surroundings {
        self.starts += 1;
        let purpose = format!("{name} {}", self.starts);
        let place = self.agents.get(name).expect("an agent of this name");
        let directory = self.directory_of(name);
        agent::Surroundings {
            clock: Arc::<super::skew::Skewed>::clone(&place.clock),
            randomness: Arc::new(Seeded::new(self.dice.for_whom(&purpose))),
            watch: Arc::new(place.place.doom.clone()),
            transport: self.network.transport(name),
            relay: self.network.transport(name),
            directories: Arc::new(InMemory(HashMap::from([(CONNECTOR.to_owned(), directory)]))),
        }
    }

    /// The agent of this name, if there is one.
    pub(super) fn named(name: &str) -> Option<&'static str> {
        AGENTS.into_iter().find(|one| *one == name)
    }

    fn place(&mut self, name: &str) -> &mut Place {
        &mut self.agents.get_mut(name).expect("an agent of this name").place
    }
}

pub(super) fn known(agent: &str) -> &'static str {
    World::named(agent).expect("an agent of this name")
}

fn is_running(place: &Place) -> bool {
    place.machine.as_ref().is_some_and(Machine::is_running)
}

/// Directories that are there already, by their connector's name.
struct InMemory(HashMap<String, Arc<dyn Directory>>);

impl OpenDirectory for InMemory {
    fn open(
        &self,
        settings: &DirectorySettings,
        _clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Directory>, SetUpError> {
        let name = settings.name.as_str().to_owned();
        let known = self.0.get(&name).map(Arc::clone);
        known.ok_or(SetUpError::Domain { name })
    }
}
