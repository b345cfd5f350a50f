//! `passback-lab up|prepare|down|status`: a lab by hand; `cargo xtask lab` and `cargo xtask test` call it.
//!
//! Exit codes (INTERFACES, "Commands"): 0 done, 1 a finding (no lab runs), 2 usage, 3
//! unavailable, 4 configuration.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use lab::{Forest, Lab, LabError, LabOptions, Watch};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// A real Active Directory on this machine, for tests and the demo.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a lab and keep it until Ctrl-C or SIGTERM.
    Up(Up),
    /// Build all that any lab needs, so that each starts within seconds.
    Prepare,
    /// Stop the lab that `up` started for this checkout.
    Down(Place),
    /// Say whether the lab of this checkout runs, and where.
    Status(Status),
}

#[derive(Args)]
struct Up {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    wishes: Wishes,
    /// Return when the lab answers, and leave it running.
    #[arg(long)]
    detach: bool,
}

#[derive(Args)]
struct Wishes {
    /// How many forests: 1 or 2.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = one_or_two())]
    forests: u8,
    /// How many controllers the first forest has: 1 or 2.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = one_or_two())]
    controllers: u8,
    /// Run Debian 13's own Samba, which has no policy-hints control.
    #[arg(long)]
    old_samba: bool,
    /// Derive Kerberos keys some ten times faster, for comparisons of speed.
    #[arg(long)]
    fast: bool,
}

impl Wishes {
    fn options(&self) -> LabOptions {
        let Self { forests, controllers, old_samba, fast } = *self;
        LabOptions { forests, controllers, old_samba, fast }
    }

    /// The same wishes as arguments.
    fn arguments(&self) -> Vec<String> {
        let numbers = [("--forests", self.forests), ("--controllers", self.controllers)];
        let flags = [("--old-samba", self.old_samba), ("--fast", self.fast)];
        let numbers = numbers.iter().map(|(name, number)| format!("{name}={number}"));
        let flags = flags.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| (*name).to_owned());
        numbers.chain(flags).collect()
    }
}

fn one_or_two() -> RangedU64ValueParser<u8> {
    RangedU64ValueParser::new().range(1..=2)
}

#[derive(Args)]
struct Status {
    #[command(flatten)]
    place: Place,
    /// Print the forest as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Place {
    /// Where the running forest is described; default: $PASSBACK_LAB, or target/lab/forest.json.
    #[arg(long, value_name = "FILE")]
    forest_file: Option<PathBuf>,
}

impl Place {
    fn file(&self) -> PathBuf {
        self.forest_file.clone().unwrap_or_else(lab::forest_file)
    }
}

/// How long a waiting command sleeps before it looks again.
const BEAT: Duration = Duration::from_millis(50);
/// How many beats a lab gets to end: 20 seconds.
const PATIENCE: u32 = 400;

fn main() -> ExitCode {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&stop)) {
            say(&format!("cannot listen for signals: {error}"));
            return ExitCode::from(3);
        }
    }
    let done = match Arguments::parse().command {
        Action::Up(up) if up.detach => detach(&up, &stop),
        Action::Up(up) => run(&up, &stop),
        Action::Prepare => prepare(&stop),
        Action::Down(place) => down(&place.file()),
        Action::Status(status) => report(&status),
    };
    done.unwrap_or_else(|error| {
        say(&format!("error: {error}"));
        ExitCode::from(code_of(&error))
    })
}

fn code_of(error: &LabError) -> u8 {
    match error {
        LabError::NotRunning => 1,
        LabError::Missing(_)
        | LabError::OldSamba { .. }
        | LabError::NewSamba { .. }
        | LabError::Unreadable(_) => 4,
        _ => 3,
    }
}

fn run(up: &Up, stop: &AtomicBool) -> Result<ExitCode, LabError> {
    let file = &up.place.file();
    refuse_second(file)?;
    let mut lab = Lab::start_with(&up.wishes.options(), Watch { progress: &say, stop })?;
    lab.forest().save(file)?;
    for forest in lab.forest().whole_lab() {
        say(&whereabouts(forest));
    }
    say(&format!("its people and passwords: {}", file.display()));
    while lab.is_running() && !stop.load(Ordering::SeqCst) {
        thread::sleep(BEAT);
    }
    let stopped = stop.load(Ordering::SeqCst);
    let log = lab.forest().log.clone();
    lab.stop();
    remove(file)?;
    if stopped {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(LabError::Controller { what: "stopped by itself", log })
    }
}

fn prepare(stop: &AtomicBool) -> Result<ExitCode, LabError> {
    for options in LabOptions::every() {
        lab::prepare(&options, Watch { progress: &say, stop })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts the same program again, in a session of its own, and waits until it has a lab.
fn detach(up: &Up, stop: &AtomicBool) -> Result<ExitCode, LabError> {
    let file = &up.place.file();
    refuse_second(file)?;
    // Here, where somebody watches, because it may take a minute.
    lab::prepare(&up.wishes.options(), Watch { progress: &say, stop })?;
    let log = file.with_extension("log");
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(io("making the directory", parent))?;
    }
    let output = File::create(&log).map_err(io("making the log", &log))?;
    let errors = output.try_clone().map_err(io("making the log", &log))?;
    let program = Path::new("/proc/self/exe");
    let program = fs::read_link(program).map_err(io("reading", program))?;
    let mut child = Command::new("setsid")
        .arg(program)
        .args(["up", "--forest-file"])
        .arg(file)
        .args(up.wishes.arguments())
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .map_err(io("starting", Path::new("setsid")))?;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            let text = fs::read_to_string(&log).unwrap_or_default();
            say(text.lines().last().unwrap_or("error: the lab ended before it ran"));
            return Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(3)).unwrap_or(3)));
        }
        if running(file)?.is_some() {
            say(&format!("a lab runs; its people and passwords: {}", file.display()));
            return Ok(ExitCode::SUCCESS);
        }
        if stop.load(Ordering::SeqCst) {
            terminate(child.id())?;
            return Err(LabError::Interrupted);
        }
        thread::sleep(BEAT);
    }
}

fn down(file: &Path) -> Result<ExitCode, LabError> {
    let Some((forest, process)) = running(file)? else {
        remove(file)?;
        say("no lab is running for this checkout");
        return Ok(ExitCode::SUCCESS);
    };
    terminate(process)?;
    for _ in 0..PATIENCE {
        if lab::process_of(&forest)? != Some(process) {
            say(&format!("the lab at {} has stopped", forest.address));
            remove(file)?;
            return Ok(ExitCode::SUCCESS);
        }
        thread::sleep(BEAT);
    }
    say(&format!("error: the lab does not stop: kill process {process}"));
    Ok(ExitCode::from(3))
}

fn report(status: &Status) -> Result<ExitCode, LabError> {
    let file = status.place.file();
    let (forest, process) = running(&file)?.ok_or(LabError::NotRunning)?;
    let text = if status.json {
        fs::read_to_string(&file).map_err(io("reading", &file))?
    } else {
        let lines = forest.whole_lab().map(whereabouts);
        let last = format!("process {process}: {}", file.display());
        lines.chain([last]).collect::<Vec<_>>().join("\n")
    };
    let written = writeln!(std::io::stdout(), "{text}");
    written.map_err(io("writing to", Path::new("/dev/stdout")))?;
    Ok(ExitCode::SUCCESS)
}

fn whereabouts(forest: &Forest) -> String {
    let addresses = forest.controllers.iter().map(|controller| controller.address.to_string());
    let addresses = addresses.collect::<Vec<_>>().join(" and ");
    format!("{} runs at {addresses}", forest.domain)
}

fn refuse_second(file: &Path) -> Result<(), LabError> {
    if running(file)?.is_some() {
        return Err(LabError::AlreadyRunning(file.to_owned()));
    }
    remove(file)
}

/// The forest that the file describes and the process that runs it, if that is still so.
fn running(file: &Path) -> Result<Option<(Forest, u32)>, LabError> {
    let forest = match Forest::load(file) {
        Err(LabError::NotRunning) => return Ok(None),
        other => other?,
    };
    Ok(lab::process_of(&forest)?.map(|process| (forest, process)))
}

fn terminate(process: u32) -> Result<(), LabError> {
    // A process that has ended meanwhile is what is wanted.
    Command::new("sh")
        .args(["-c", "kill -TERM \"$1\" 2>&-", "sh", &process.to_string()])
        .status()
        .map(drop)
        .map_err(io("starting", Path::new("sh")))
}

fn remove(file: &Path) -> Result<(), LabError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(io("removing", file)(error))
        }
        _ => Ok(()),
    }
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LabError {
    move |source| LabError::Io { doing, path: path.to_owned(), source }
}

fn say(line: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_is_left_running_is_what_was_wished_for() {
        for line in ["", "--forests=2 --fast", "--controllers=2 --old-samba"] {
            let wished = |given: Vec<String>| {
                let line = ["passback-lab", "up"].map(str::to_owned).into_iter().chain(given);
                match Arguments::parse_from(line).command {
                    Action::Up(up) => up.wishes,
                    _ => panic!("this is not what is tested"),
                }
            };
            let wishes = wished(line.split_whitespace().map(str::to_owned).collect());
            assert_eq!(wished(wishes.arguments()).options(), wishes.options());
        }
    }
}
