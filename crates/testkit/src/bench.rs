//! What `passback-bench` measures, on a lab of its own.
//!
//! ```text
//! reset      ours against a client that is not ours, side by side at the same controller (SPEC X-4)
//! directory  our client of the directory alone against that one, and how soon it is back (SPEC X-4)
//! messages   the bytes of everything that the agent says and hears (SPEC PR-7)
//! relay      the relay alone against NATS, its memory, and agents that come back; without a lab
//! ```
//!
//! A figure that is not compared says little: every time stands beside the time of the other client,
//! measured within the same seconds, and comes with the median of both and an interval. The order is
//! drawn by a seed that is printed.

mod bare;
mod connection;
mod crowd;
mod directory;
mod in_process;
mod messages;
mod relay;
mod report;
mod reset;
mod statistics;
mod submission;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lab::{Forest, Lab, LabError, LabOptions, Watch};

use crate::StackError;
pub use report::Report;

/// Ratios come from at least so many pairs (INTERFACES "Commands").
pub const PAIRS: usize = 200;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Bench {
    /// Setting a password: bare against ours.
    Reset,
    /// Our client of the directory, without the rest of Passback: bare against ours.
    Directory,
    /// Bytes per message.
    Messages,
    /// The relay alone: NATS against ours, idle channels, reconnecting.
    Relay,
}

/// What to measure, and how.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// What.
    pub bench: Bench,
    /// How many pairs.
    pub pairs: usize,
    /// What draws every order.
    pub seed: u64,
    /// Leave the fast controller out.
    pub plain_only: bool,
}

/// Which controller is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    /// As Debian packages it.
    Plain,
    /// With keys that are derived faster: nearer to what a controller of another make does in the
    /// same time (LAB "Facts").
    Fast,
}

impl Controller {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Fast => "fast_",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain Samba",
            Self::Fast => "fast Samba",
        }
    }
}

impl Wishes {
    /// How much is measured, by which seed, and on what, for the head of a report.
    fn head(&self, pairs: &str) -> String {
        let few = self.pairs < PAIRS;
        let told = if few { " (too few for figures that are told)" } else { "" };
        format!("{} {pairs}{told}, seed {}; {}", self.pairs, self.seed, conditions())
    }

    const fn controllers(&self) -> &'static [Controller] {
        if self.plain_only { &[Controller::Plain] } else { &[Controller::Plain, Controller::Fast] }
    }
}

/// How a bench tells what it does, and hears that it should stop.
struct Run<'a> {
    say: &'a dyn Fn(&str),
    stop: &'a AtomicBool,
}

impl Run<'_> {
    fn check(&self) -> Result<(), StackError> {
        if self.stop.load(Ordering::SeqCst) { Err(StackError::Interrupted) } else { Ok(()) }
    }

    fn step(&self, step: &str) -> Result<(), StackError> {
        self.check()?;
        (self.say)(step);
        Ok(())
    }

    /// What was measured on a controller, which must be there to the end of it.
    fn on<T>(
        &self,
        controller: Controller,
        measure: impl FnOnce(&Forest) -> Result<T, StackError>,
    ) -> Result<T, StackError> {
        let mut lab = self.lab(controller)?;
        let measured = measure(lab.forest())?;
        if !lab.is_running() {
            let what = "the domain controller ended while it was measured".to_owned();
            return Err(StackError::NotUnderstood(what));
        }
        lab.stop();
        Ok(measured)
    }

    fn lab(&self, controller: Controller) -> Result<Lab, StackError> {
        self.step(&format!("a lab starts: {}", controller.name()))?;
        let options = LabOptions { fast: controller == Controller::Fast, ..LabOptions::default() };
        Ok(Lab::start_with(&options, Watch { progress: self.say, stop: self.stop })?)
    }
}

/// Measures. `say` is told each step.
///
/// # Errors
///
/// See [`StackError`], one line; nothing is left running.
pub fn run(wishes: &Wishes, say: &dyn Fn(&str), stop: &AtomicBool) -> Result<Report, StackError> {
    // Before minutes have passed.
    crate::stack::binaries()?;
    match wishes.bench {
        Bench::Relay => relay::look_for()?,
        Bench::Reset | Bench::Directory => bare::look_for()?,
        Bench::Messages => {}
    }
    let run = Run { say, stop };
    let done = match wishes.bench {
        Bench::Reset => reset::run(wishes, &run),
        Bench::Directory => directory::run(wishes, &run),
        Bench::Messages => messages::run(wishes, &run),
        Bench::Relay => relay::run(wishes, &run),
    };
    // Ctrl-C reaches what is measured, too: its end is not what went wrong.
    match done {
        Err(_) if stop.load(Ordering::SeqCst) => Err(StackError::Interrupted),
        Err(StackError::Lab(LabError::Interrupted)) => Err(StackError::Interrupted),
        other => other,
    }
}

/// What a bench runs in a process of its own; `arguments` say which.
///
/// # Errors
///
/// See [`StackError`].
pub fn part(arguments: &[String]) -> Result<(), StackError> {
    relay::part(arguments)
}

/// The commit that this was built from; "unknown" outside of a checkout.
pub fn commit() -> String {
    let directory = env!("CARGO_MANIFEST_DIR");
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(directory).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"]).filter(|commit| !commit.is_empty());
    let Some(commit) = commit else { return "unknown".to_owned() };
    // Figures of something that is in no commit must not look like those of one.
    match git(&["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}-changed"),
    }
}

/// What the figures depend on besides the programs.
fn conditions() -> String {
    let cores = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let load = std::fs::read_to_string(Path::new("/proc/loadavg")).unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    let build = if cfg!(debug_assertions) { "NOT optimised" } else { "optimised" };
    format!("{cores} cores, load {load} before; the programs are {build}")
}
