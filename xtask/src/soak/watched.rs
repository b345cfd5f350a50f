//! A program that runs while its time, its memory and what it says are watched.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead as _, BufReader, PipeReader};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::fault::Fault;
use crate::show;

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How often whoever waits is told how far it is.
const WORD: Duration = Duration::from_secs(15);
/// What a program may be larger at the end than after it has warmed up, in KiB: less than a leak of
/// two bytes an input.
const ALLOWED: u64 = 16 * 1_024;
/// What a program may have at all, in KiB: no test of these needs a tenth of it.
const CEILING: u64 = 1_024 * 1_024;
/// So few looks say nothing about growth.
const LOOKS_MIN: usize = 40;
/// Lines that are kept, for when it fails.
const KEPT: usize = 400;

/// When a program is stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// It hangs if it says nothing for so long.
    pub(super) silence: Duration,
    /// Its time is over then, and that is no fault of its own.
    pub(super) until: Option<Instant>,
}

/// How a program ran that did nothing wrong.
#[derive(Debug)]
pub(super) struct Run {
    /// Whether it came to its end; its time was over otherwise.
    pub(super) ended: bool,
    /// How much memory it had.
    pub(super) memory: Memory,
    /// The last line that said how far it is.
    pub(super) far: Option<String>,
    /// The last lines that it said.
    pub(super) said: Vec<String>,
}

/// The resident memory of a program, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// How often it was looked at.
    looks: usize,
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
        Self { looks: looks.len(), warm: most(warm), end: most(end) }
    }

    /// Whether it is larger at the end than it may be; none if it ran too short to say.
    pub(super) fn grows(self) -> Option<bool> {
        (self.looks >= LOOKS_MIN).then(|| self.end > self.warm.saturating_add(ALLOWED))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| kib / 1_024;
        write!(f, "{} MiB when warm, {} at the end", mib(self.warm), mib(self.end))
    }
}

/// Runs a program to its end or to the end of its time.
///
/// # Errors
/// A finding, with the end of what it said, if it fails, hangs, or takes more memory than any may.
pub(super) fn watched(what: &str, mut command: Command, limits: Limits) -> Result<Run, Fault> {
    let unavailable = |error: std::io::Error| Fault::unavailable(format!("{what}: {error}"));
    let (reader, writer) = std::io::pipe().map_err(unavailable)?;
    command.stdout(writer.try_clone().map_err(unavailable)?).stderr(writer);
    let child = command.spawn().map_err(unavailable)?;
    // Our ends of the pipe: what is said ends when the program does.
    drop(command);
    let heard = Mutex::new(Heard { last: show::now(), far: None, lines: VecDeque::new() });
    thread::scope(|scope| {
        scope.spawn(|| listen(reader, &heard));
        watch(what, child, limits, &heard)
    })
    .map(|(ended, looks)| {
        let heard = lock(&heard);
        Run { ended, memory: Memory::of(&looks), far: heard.far.clone(), said: heard.all() }
    })
    .map_err(|(code, wrong)| {
        let said = lock(&heard).all().join("\n");
        Fault { code, message: format!("{what} {wrong}\n{said}") }
    })
}

/// What a program says.
struct Heard {
    /// When it said something.
    last: Instant,
    /// Libraries print between what tests say, and may print much.
    far: Option<String>,
    lines: VecDeque<String>,
}

impl Heard {
    fn all(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(reader: PipeReader, heard: &Mutex<Heard>) {
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        let mut heard = lock(heard);
        heard.last = show::now();
        let line = String::from_utf8_lossy(&line).into_owned();
        if says_how_far(&line) {
            heard.far = Some(line.clone());
        }
        heard.lines.push_back(line);
        if heard.lines.len() > KEPT {
            heard.lines.pop_front();
        }
    }
}

/// Whether a line is what generated inputs and worlds say about where they are.
fn says_how_far(line: &str) -> bool {
    line.contains(": inputs before ") || line.contains("seed ")
}

/// Whether it came to its end, and its memory at every look; or an exit code and what is wrong.
fn watch(
    what: &str,
    mut child: Child,
    limits: Limits,
    heard: &Mutex<Heard>,
) -> Result<(bool, Vec<u64>), (u8, String)> {
    let unavailable = |error: std::io::Error| {
        let Fault { code, message } = Fault::unavailable(format!("cannot be waited for: {error}"));
        (code, message)
    };
    let finding = |message: String| {
        let Fault { code, message } = Fault::finding(message);
        (code, message)
    };
    let (mut looks, mut word) = (Vec::new(), show::now());
    loop {
        if let Some(status) = child.try_wait().map_err(unavailable)? {
            return match status.success() {
                true => Ok((true, looks)),
                false => Err(finding(format!("failed ({status}):"))),
            };
        }
        let memory = resident(&child);
        looks.extend(memory);
        let memory = memory.unwrap_or_default();
        if memory > CEILING {
            stop(&mut child);
            return Err(finding(format!("grows to {} MiB; the last it said was:", memory / 1_024)));
        }
        if lock(heard).last.elapsed() > limits.silence {
            stop(&mut child);
            let silence = limits.silence;
            return Err(finding(format!(
                "hangs: nothing was heard of it for {silence:?}; the last it said was:"
            )));
        }
        if limits.until.is_some_and(|until| show::now() >= until) {
            stop(&mut child);
            return Ok((false, looks));
        }
        if word.elapsed() > WORD {
            word = show::now();
            let far = lock(heard).far.clone().unwrap_or_default();
            show::line(&format!("  {what}, {} MiB: {far}", memory / 1_024));
        }
        thread::sleep(LOOK);
    }
}

fn stop(child: &mut Child) {
    // It may have ended by itself just now.
    let _ = child.kill();
    let _ = child.wait();
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
    use crate::fault::{FINDING, UNAVAILABLE};

    fn shell(script: &str, silence: Duration, time: Option<Duration>) -> Result<Run, Fault> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let until = time.map(|time| show::now() + time);
        watched("a script", command, Limits { silence, until })
    }

    #[test]
    fn a_program_that_keeps_what_it_made_grows_and_one_that_warms_up_does_not() {
        let steady: Vec<u64> = (0..100).map(|at| 20_000 + 1_000 * at.min(5)).collect();
        assert_eq!(Memory::of(&steady).grows(), Some(false));
        let leaks: Vec<u64> = (0..100).map(|at| 20_000 + 1_000 * at).collect();
        assert_eq!(Memory::of(&leaks).grows(), Some(true), "{}", Memory::of(&leaks));
        let slowly: Vec<u64> = (0..100).map(|at| 20_000 + 100 * at).collect();
        assert_eq!(Memory::of(&slowly).grows(), Some(false));
        for few in [&[][..], &[7], &[7, 9], &leaks[..LOOKS_MIN - 1]] {
            assert_eq!(Memory::of(few).grows(), None);
        }
    }

    #[test]
    fn what_succeeds_is_heard_to_its_last_line() {
        let lines = KEPT + 40;
        let script = format!("seq {lines}; echo 1 passed >&2");
        let run = shell(&script, Duration::from_secs(60), None).unwrap();
        assert!(run.ended);
        assert_eq!(run.said.len(), KEPT);
        assert_eq!(run.said.last().unwrap(), "1 passed");
    }

    #[test]
    fn how_far_it_is_is_heard_through_what_else_is_printed() {
        let script = format!("echo 'a: inputs before 5 of 9 are done'; seq {}", 2 * KEPT);
        let run = shell(&script, Duration::from_secs(60), None).unwrap();
        assert_eq!(run.far.as_deref(), Some("a: inputs before 5 of 9 are done"));
        let run = shell("echo seed 7: Changed; echo more", Duration::from_secs(60), None).unwrap();
        assert_eq!(run.far.as_deref(), Some("seed 7: Changed"));
    }

    #[test]
    fn what_fails_is_a_finding_with_what_it_said() {
        let script = "echo seed 7; echo because >&2; exit 3";
        let failed = shell(script, Duration::from_secs(60), None).unwrap_err();
        assert!(failed.message.contains("seed 7\nbecause"), "{}", failed.message);
        assert_eq!(failed.code, FINDING);
    }

    #[test]
    fn what_says_nothing_hangs_and_what_goes_on_does_not() {
        let hangs = shell("echo seed 7; exec sleep 60", Duration::from_millis(200), None);
        let hangs = hangs.unwrap_err();
        assert!(hangs.message.starts_with("a script hangs"), "{}", hangs.message);
        assert!(hangs.message.ends_with("seed 7"), "{}", hangs.message);
        assert_eq!(hangs.code, FINDING);
    }

    #[test]
    fn whose_time_is_over_did_nothing_wrong() {
        let time = Some(Duration::from_millis(200));
        let run = shell("echo 5; exec sleep 60", Duration::from_secs(60), time).unwrap();
        assert!(!run.ended);
        assert_eq!(run.said, ["5"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_unavailable() {
        let limits = Limits { silence: Duration::from_secs(60), until: None };
        let missing = watched("a program", Command::new("/no/such/program"), limits).unwrap_err();
        assert_eq!(missing.code, UNAVAILABLE);
    }
}
