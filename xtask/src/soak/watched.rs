//! A program that runs while its memory and its time are watched.

use std::fmt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::fault::Fault;
use crate::show;

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// What a program may be larger at the end than after it has warmed up, in KiB: less than a leak of
/// two bytes an input.
const ALLOWED: u64 = 16 * 1_024;

/// How a program that succeeded ran.
pub(super) struct Run {
    /// How long it took.
    pub(super) took: Duration,
    /// How much memory it had.
    pub(super) memory: Memory,
    /// What it printed.
    pub(super) said: String,
}

/// The resident memory of a program, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// The most in the second tenth of its time, when everything is there that it needs.
    warm: u64,
    /// The most in its last tenth.
    end: u64,
}

impl Memory {
    fn of(looks: &[u64]) -> Self {
        let tenth = (looks.len() / 10).max(1);
        let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
        let warm = looks.get(tenth..2 * tenth).unwrap_or(looks);
        let end = looks.get(looks.len() - tenth.min(looks.len())..).unwrap_or_default();
        Self { warm: most(warm), end: most(end) }
    }

    /// Whether it is larger at the end than it may be.
    pub(super) fn grows(self) -> bool {
        self.end > self.warm.saturating_add(ALLOWED)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { warm, end } = self;
        write!(f, "{} MiB of memory when warm, {} at the end", warm / 1_024, end / 1_024)
    }
}

/// Runs a program to its end, at most `limit`.
///
/// # Errors
/// A finding, with the end of what it said, if it fails or takes longer.
pub(super) fn watched(command: &mut Command, limit: Duration) -> Result<Run, Fault> {
    let name = command.get_program().to_string_lossy().into_owned();
    let unavailable = |error: std::io::Error| Fault::unavailable(format!("{name}: {error}"));
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(unavailable)?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (started, mut looks) = (show::now(), Vec::new());
    thread::scope(|scope| {
        let out = scope.spawn(move || out.as_mut().map(all_of).unwrap_or_default());
        let err = scope.spawn(move || err.as_mut().map(all_of).unwrap_or_default());
        let status = loop {
            if let Some(status) = child.try_wait().map_err(unavailable)? {
                break status;
            }
            looks.extend(resident(&child));
            if started.elapsed() > limit {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Fault::finding(format!("{name} hangs: it took more than {limit:?}")));
            }
            thread::sleep(LOOK);
        };
        let took = started.elapsed();
        let said = out.join().unwrap_or_default();
        if !status.success() {
            let said = said + &err.join().unwrap_or_default();
            return Err(Fault::finding(format!("{name} failed:\n{}", end_of(&said))));
        }
        Ok(Run { took, memory: Memory::of(&looks), said })
    })
}

fn all_of(stream: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    // What could be read is what there is to show.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The last lines, where a test says why.
fn end_of(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n")
}

/// `VmRSS` in KiB (proc_pid_status(5)); none when it has just ended.
fn resident(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_keeps_what_it_made_grows_and_one_that_warms_up_does_not() {
        let steady: Vec<u64> = (0..100).map(|at| 20_000 + 1_000 * at.min(5)).collect();
        assert!(!Memory::of(&steady).grows());
        let leaks: Vec<u64> = (0..100).map(|at| 20_000 + 1_000 * at).collect();
        assert!(Memory::of(&leaks).grows(), "{}", Memory::of(&leaks));
        for few in [&[][..], &[7], &[7, 9]] {
            assert!(!Memory::of(few).grows());
        }
    }

    #[test]
    fn what_fails_or_hangs_is_a_finding_with_what_it_said() {
        let shell = |script: &str, limit| {
            watched(Command::new("sh").args(["-c", script]), Duration::from_millis(limit))
        };
        let good = shell("echo 1 passed", 60_000).unwrap();
        assert_eq!(good.said, "1 passed\n");
        let failed = shell("echo seed 7; echo because >&2; exit 3", 60_000).err().unwrap();
        assert!(failed.message.contains("seed 7\nbecause"), "{}", failed.message);
        let hangs = shell("exec sleep 60", 100).err().unwrap();
        assert!(hangs.message.contains("hangs"), "{}", hangs.message);
    }
}
