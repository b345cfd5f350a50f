//! Runs programs in mount and process spaces of their own, so that nothing outlives the lab.
//!
//! ```text
//! setpriv --pdeathsig KILL      killed when the thread that started it ends
//!   unshare --mount --pid --fork --kill-child=KILL
//!                               its child is killed when it ends
//!     sh SCRIPT …               process 1 of its space: when it ends the kernel kills the rest,
//!                               and the last one takes the mounts along
//! ```
//!
//! The signal at the parent's death belongs to the *thread* that started the program, not to the
//! process: what runs for long is started by a thread that stays (`controller::Keeper`).

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::LabError;

/// How a long call tells what it does, and hears that it should stop.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Is told each step, as one line without a full stop.
    pub progress: &'a dyn Fn(&str),
    /// Set to true (by a signal, for example) makes the call clean up and return
    /// [`LabError::Interrupted`].
    pub stop: &'a AtomicBool,
}

impl Watch<'_> {
    /// Tells the progress of a call: one line without a full stop.
    pub(crate) fn say(&self, step: &str) {
        (self.progress)(step);
    }

    /// [`LabError::Interrupted`] once the call was asked to stop; to be asked between steps.
    pub(crate) fn check(&self) -> Result<(), LabError> {
        if self.stop.load(Ordering::SeqCst) { Err(LabError::Interrupted) } else { Ok(()) }
    }

    /// Sleeps for one beat of a wait.
    pub(crate) fn beat(&self) -> Result<(), LabError> {
        self.check()?;
        thread::sleep(BEAT);
        Ok(())
    }
}

/// How often a wait looks again.
pub(crate) const BEAT: Duration = Duration::from_millis(50);

/// A command that runs the text of a shell script in spaces of its own. The caller adds the
/// script's arguments.
pub(crate) fn script(text: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private"])
        .args(["--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"])
        .args(["sh", "-c", text, "lab"])
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env_remove("TMPDIR")
        // Ctrl-C at a terminal reaches a whole group of processes: only we should hear it, and
        // clean up.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

/// Runs a step to its end, with its output in `log`; `place` is where it writes, and what a full
/// disk would be blamed on, as `mirror` is for an unreachable network.
pub(crate) fn run_step(
    mut command: Command,
    step: &'static str,
    log: &Path,
    place: &Path,
    mirror: &str,
    watch: Watch<'_>,
) -> Result<(), LabError> {
    let output = File::create(log).map_err(LabError::io("making the log", log))?;
    let errors = output.try_clone().map_err(LabError::io("making the log", log))?;
    command.stdout(output).stderr(errors);
    let mut child = Space::start(command)?;
    while child.running() {
        watch.beat()?;
    }
    if child.succeeded() {
        return Ok(());
    }
    let text = fs::read(log).unwrap_or_default();
    Err(diagnose(&String::from_utf8_lossy(&text), step, log, place, mirror))
}

/// Programs in spaces of their own. Dropping it ends them all and waits until they are gone.
#[derive(Debug)]
pub(crate) struct Space {
    child: Child,
    /// Process 1 of the space, by its number outside.
    first: Option<u32>,
}

impl Space {
    /// Starts a command that [`script`] made. An error names the program that could not be started;
    /// the space ends when this value is dropped or the thread that called ends.
    pub(crate) fn start(mut command: Command) -> Result<Self, LabError> {
        let program = PathBuf::from(command.get_program());
        let child = command.spawn().map_err(LabError::io("starting", &program))?;
        Ok(Self { child, first: None })
    }

    /// Whether the space's outermost program has not ended yet; asks the system without waiting,
    /// and takes down the number of process 1 as soon as there is one.
    pub(crate) fn running(&mut self) -> bool {
        if self.first.is_none() {
            self.first = only_child(self.child.id());
        }
        matches!(self.child.try_wait(), Ok(None))
    }

    fn succeeded(&mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// Ends all programs of the space and waits until they are gone.
    pub(crate) fn end(&mut self) {
        // With process 1 the kernel ends all others of the space, and only then process 1: ports
        // and mounts are free when it is gone. Killing it and not its parent lets the parent
        // reap it, which process 1 of many a container would not.
        if self.running()
            && let Some(first) = self.first
        {
            kill(first);
            self.wait_until(|space| !space.running());
        }
        if self.running() {
            // Whoever fails to be killed has ended already.
            let _gone = self.child.kill();
            let _status = self.child.wait();
        }
        self.wait_until(|space| space.first.is_none_or(is_gone));
        self.first = None;
    }

    /// Waits for ten seconds at most: whatever is stuck in the kernel for longer stays there.
    fn wait_until(&mut self, done: impl Fn(&mut Self) -> bool) {
        for _ in 0..200 {
            if done(self) {
                return;
            }
            thread::sleep(BEAT);
        }
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.end();
    }
}

/// The standard library kills its own children only.
fn kill(process: u32) {
    // A process that has ended meanwhile is what is wanted.
    let _ended = Command::new("sh")
        .args(["-c", "kill -KILL \"$1\" 2>&-", "sh", &process.to_string()])
        .status();
}

fn only_child(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

fn is_gone(process: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return true };
    // The state follows the name, which is in brackets and may hold blanks (proc(5)).
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn diagnose(text: &str, step: &'static str, log: &Path, place: &Path, mirror: &str) -> LabError {
    let log = log.to_owned();
    let says = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    if says(&["No space left on device", "ENOSPC", "Disk quota exceeded"]) {
        return LabError::DiskFull(place.to_owned());
    }
    if says(&["unshare: unshare failed", "unshare: mount", "unshare: cannot change"]) {
        return LabError::NamespaceRefused { log };
    }
    if says(&[
        "Failed getting release file",
        "Couldn't download",
        "Failed to fetch",
        "Could not connect to",
        "Temporary failure resolving",
        "Could not resolve",
    ]) {
        return LabError::MirrorUnreachable { mirror: mirror.to_owned(), log };
    }
    LabError::StepFailed { step, log }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(text: &str) -> String {
        let (log, place) = (Path::new("/c/log/a.log"), Path::new("/c/x"));
        diagnose(text, "a step", log, place, "http://m.example").to_string()
    }

    #[test]
    fn what_programs_say_becomes_one_line_with_what_to_do() {
        let full = diagnosis("dpkg: error: failed to write: No space left on device");
        assert!(full.contains("disk that holds /c/x is too full"), "{full}");
        let refused = diagnosis("unshare: unshare failed: Operation not permitted");
        assert!(refused.contains("CAP_SYS_ADMIN"), "{refused}");
        let network = diagnosis("E: Failed getting release file http://m.example/dists/trixie");
        assert!(network.contains("mirror http://m.example cannot be reached"), "{network}");
        let other = diagnosis("E: something else");
        assert_eq!(other, "a step failed: read /c/log/a.log, then run again");
        for line in [full, refused, network, other] {
            assert!(!line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn a_process_that_never_was_is_gone_and_this_one_is_not() {
        assert!(is_gone(u32::MAX));
        assert!(!is_gone(std::process::id()));
    }
}
