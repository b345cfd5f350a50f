//! A domain controller's programs: started, stopped and started again while a lab lives.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::LabError;
use crate::space::{BEAT, Space, Watch};

/// How many beats of a wait Samba gets to answer or to end: a minute, on a machine that does much
/// else.
pub(crate) const PATIENCE: u32 = 1200;
/// What must answer: DNS, Kerberos, RPC, LDAP, LDAP over TLS.
const PORTS: [u16; 5] = [53, 88, 135, 389, 636];

/// A command that runs inside the root filesystem with `domain` at /domain; the caller adds the
/// program and its arguments.
pub(crate) fn enter(rootfs: &Path, domain: &Path) -> Command {
    let mut command = crate::space::script(include_str!("../assets/enter.sh"));
    command.arg(rootfs).arg(domain);
    command
}

/// Starts Samba on a domain. `preloaded` is a library in the domain's directory, by its name.
pub(crate) fn start(
    rootfs: &Path,
    domain: &Path,
    log: &Path,
    preloaded: Option<&str>,
) -> Result<Space, LabError> {
    // What is of the last time is above: a controller may be started again.
    let output = fs::OpenOptions::new().create(true).append(true).open(log);
    let output = output.map_err(LabError::io("opening the log", log))?;
    let errors = output.try_clone().map_err(LabError::io("opening the log", log))?;
    let mut command = enter(rootfs, domain);
    if let Some(library) = preloaded {
        command.args(["env", &format!("LD_PRELOAD=/domain/{library}")]);
    }
    command
        .args(["samba", "--interactive", "--configfile=/domain/etc/smb.conf"])
        .arg("--debug-stdout")
        .stdout(output)
        .stderr(errors);
    Space::start(command)
}

/// Waits until the last of `running` answers at its ports, while none of them ends.
pub(crate) fn await_ports(
    running: &mut [Space],
    address: Ipv4Addr,
    log: &Path,
    watch: Watch<'_>,
) -> Result<(), LabError> {
    let fault = |what| LabError::Controller { what, log: log.to_owned() };
    for _ in 0..PATIENCE {
        if running.iter_mut().any(|space| !space.running()) {
            return Err(fault("stopped while it started"));
        }
        if PORTS.iter().all(|port| listens((address, *port).into())) {
            return Ok(());
        }
        watch.beat()?;
    }
    Err(fault("did not answer within a minute"))
}

/// Whether somebody takes connections there.
pub(crate) fn listens(place: SocketAddr) -> bool {
    TcpStream::connect_timeout(&place, Duration::from_secs(1)).is_ok()
}

/// How a controller is started, as often as that is wanted.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) rootfs: PathBuf,
    pub(crate) domain: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) preloaded: Option<String>,
    /// While this file exists, the controller is kept down.
    pub(crate) switch: PathBuf,
}

/// The file that names another root filesystem for a controller with this switch to be started from.
pub(crate) fn update_file(switch: &Path) -> PathBuf {
    switch.with_extension("rootfs")
}

/// A thread that has a controller's programs, because they end with the thread that started
/// them. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Keeper {
    thread: Option<JoinHandle<()>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    end: AtomicBool,
    died: AtomicBool,
}

impl Keeper {
    /// Starts the controller, and from now on starts and stops it as the switch says.
    pub(crate) fn start(recipe: Recipe) -> Result<Self, LabError> {
        let state = Arc::new(State::default());
        let (tell, told) = mpsc::channel();
        let theirs = Arc::clone(&state);
        let log = recipe.log.clone();
        let thread = thread::Builder::new()
            .name("controller".to_owned())
            .spawn(move || match recipe.start() {
                Ok(space) => {
                    // Whoever asked waits for it.
                    let _ = tell.send(Ok(()));
                    recipe.keep(space, &theirs);
                }
                Err(error) => drop(tell.send(Err(error))),
            })
            .map_err(LabError::io("starting a thread for", &log))?;
        let keeper = Self { thread: Some(thread), state };
        match told.recv() {
            Ok(started) => started.map(|()| keeper),
            Err(_) => Err(LabError::Controller { what: "was not started", log }),
        }
    }

    /// Whether the controller is as it should be: up, or kept down by its switch.
    pub(crate) fn is_well(&self) -> bool {
        !self.state.died.load(Ordering::SeqCst)
            && self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.state.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked has dropped, and so ended, its programs.
            let _ = thread.join();
        }
    }
}

impl Recipe {
    fn start(&self) -> Result<Space, LabError> {
        let updated = fs::read_to_string(update_file(&self.switch)).ok().map(PathBuf::from);
        let rootfs = updated.as_deref().unwrap_or(&self.rootfs);
        start(rootfs, &self.domain, &self.log, self.preloaded.as_deref())
    }

    fn keep(&self, first: Space, state: &State) {
        let mut space = Some(first);
        while !state.end.load(Ordering::SeqCst) {
            let well = match &mut space {
                _ if self.switch.exists() => {
                    space = None;
                    true
                }
                Some(running) => running.running(),
                None => {
                    space = self.start().ok();
                    space.is_some()
                }
            };
            if !well {
                state.died.store(true, Ordering::SeqCst);
                return;
            }
            thread::park_timeout(BEAT);
        }
    }
}
