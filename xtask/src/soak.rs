//! `cargo xtask soak`: the tests that chance makes, far more of them than `cargo xtask test` runs,
//! optimised, but with the checks of arithmetic that tests have.
//!
//! ```text
//!                       soak         release
//! generated inputs      10,000,000   100,000,000   for everything that reads what others wrote; memory is watched
//! malformed messages    10,000       1,000,000     at the relay's socket, among the inputs
//! crash points          51           501           deaths at every step, in other worlds than `cargo xtask test` has
//! bad roads             400          400           runs of the real programs, with a proxy that misbehaves on each road
//! fault runs            10,000       1,000,000     worlds, each of which checks the invariants when it ends
//! ```
//!
//! It is cut to fit into the minutes, half of them for the inputs, a tenth each for the crash points and the bad
//! roads, and what was not reached is said. `--whole` runs all of the first column, and `--release` all of
//! the second, however long that takes. `--only PART` runs one of the four.

mod built;
mod inputs;
mod watched;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::fault::Fault;
use crate::show;
use built::build;
use inputs::{Inputs, all_inputs, share};
use watched::{Limits, Run, watched};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Inputs of each reader.
    inputs: u64,
    /// Malformed messages at the relay's socket.
    messages: u64,
    /// Times that somebody dies at every step, thrice each.
    crashes: Runs,
    /// Real programs on bad roads.
    bad_roads: Runs,
    /// Worlds in which chance decides what goes wrong.
    fault_runs: Runs,
}

const SOAK: Column = Column {
    inputs: 10_000_000,
    messages: 10_000,
    crashes: Runs {
        name: "rounds of all crash points",
        test: "nobody_is_told_what_is_not_true_wherever_a_process_dies",
        first: 1_000_000,
        count: 17,
        batch: 1,
        apart: 1_000,
    },
    // With other seeds than `cargo xtask test` has.
    bad_roads: Runs {
        name: "runs on bad roads",
        test: "runs_by_their_seeds",
        first: 1_000,
        count: 400,
        batch: 8,
        apart: 1,
    },
    fault_runs: Runs {
        name: "fault runs",
        test: "one_run_by_its_seed",
        first: 0,
        count: 10_000,
        batch: 25,
        apart: 1,
    },
};
const RELEASE: Column = Column {
    inputs: 100_000_000,
    messages: 1_000_000,
    crashes: Runs { count: 167, ..SOAK.crashes },
    fault_runs: Runs { count: 1_000_000, ..SOAK.fault_runs },
    ..SOAK
};
/// Whatever is run says how far it is after each world and each 100,000 inputs, which take seconds.
const SILENCE: Duration = Duration::from_secs(3 * 60);

/// Runs that a test makes by the seeds that it is given.
#[derive(Debug, Clone, Copy)]
struct Runs {
    /// What they are.
    name: &'static str,
    /// The test.
    test: &'static str,
    /// The first seed.
    first: u64,
    /// How many there are.
    count: u64,
    /// How many one process makes.
    batch: u64,
    /// How far their seeds are apart: a run that takes several names the first one.
    apart: u64,
}

/// What `cargo xtask soak` was asked for.
#[derive(Args)]
pub(crate) struct Wishes {
    /// Stop after about so many minutes, the build not counted.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    minutes: u64,
    /// All of it, however long it takes.
    #[arg(long, conflicts_with = "minutes")]
    whole: bool,
    /// As much as a release needs, however long it takes.
    #[arg(long, conflicts_with_all = ["minutes", "whole"])]
    release: bool,
    /// One part of it alone.
    #[arg(long, value_name = "PART", value_enum)]
    only: Option<Part>,
}

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Inputs,
    CrashPoints,
    BadRoads,
    FaultRuns,
}

impl Wishes {
    fn include(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    /// How much of the time is for a part that has so much of it where all are run.
    fn part(&self, budget: Duration, of_all: u32) -> Duration {
        if self.only.is_some() { budget } else { budget / of_all }
    }
}

/// Runs until everything or the time is done. What a run finds ends neither the others nor the other kinds:
/// all that was found is said, and fails in the end.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    let tests = show::step("Building the tests, optimised", build)?;
    let column = if wishes.release { RELEASE } else { SOAK };
    let cut = !wishes.whole && !wishes.release;
    let budget = cut.then(|| Duration::from_secs(60 * wishes.minutes));
    let deadline = budget.and_then(|budget| show::now().checked_add(budget));
    let (mut inputs, mut made, mut found) = (Vec::new(), Vec::new(), Vec::new());
    if wishes.include(Part::Inputs) {
        let share = budget.map(|budget| share(wishes.part(budget, 2), processors()));
        match show::step("Generated inputs", || all_inputs(&tests.generated, &column, share)) {
            Ok(all) => inputs = all,
            Err(fault) => found.push(fault),
        }
    }
    let tenth = || budget.and_then(|budget| show::now().checked_add(wishes.part(budget, 10)));
    for (part, step, program, all) in [
        (Part::CrashPoints, "Crash points", &tests.crash_points, column.crashes),
        (Part::BadRoads, "Bad roads", &tests.bad_roads, column.bad_roads),
        (Part::FaultRuns, "Fault runs", &tests.faults, column.fault_runs),
    ] {
        if !wishes.include(part) {
            continue;
        }
        let until = if part == Part::FaultRuns { deadline } else { tenth() };
        let (good, ended) = runs(step, program, all, until);
        made.push((all, good));
        found.extend(ended.err());
    }
    say_what_was_not_reached(&missing(&inputs, &made), wishes.release);
    all_at_once(found).map(|()| ExitCode::SUCCESS)
}

/// Several faults as one, with the first one's exit code.
fn all_at_once(found: Vec<Fault>) -> Result<(), Fault> {
    let Some(code) = found.first().map(|first| first.code) else { return Ok(()) };
    let messages: Vec<String> = found.into_iter().map(|fault| fault.message).collect();
    Err(Fault { code, message: messages.join("\n") })
}

/// Makes runs until all are done or the time is over: how many were good, and what was found.
fn runs(
    step: &str,
    program: &Path,
    runs: Runs,
    deadline: Option<Instant>,
) -> (u64, Result<(), Fault>) {
    let good = AtomicU64::new(0);
    let ended = show::step(step, || by_seeds(program, runs, deadline, &good));
    let good = good.into_inner();
    show::line(&format!("{good} {} were good.", runs.name));
    (good, ended)
}

/// What is missing, one line each.
fn missing(inputs: &[Inputs], runs: &[(Runs, u64)]) -> Vec<String> {
    let some = inputs.iter().filter(|inputs| inputs.made < inputs.wanted);
    let some =
        some.map(|Inputs { what, made, wanted, .. }| format!("{made} of {wanted} inputs: {what}"));
    let unjudged = inputs.iter().filter(|inputs| !inputs.judged);
    let unjudged = unjudged
        .map(|Inputs { what, .. }| format!("memory: {what} ran too short to say whether it grows"));
    let runs = runs.iter().filter(|(all, good)| *good < all.count);
    let runs =
        runs.map(|(Runs { count, name, .. }, good)| format!("{good} of {count} {name} were good"));
    some.chain(unjudged).chain(runs).collect()
}

fn say_what_was_not_reached(missing: &[String], release: bool) {
    if missing.is_empty() {
        return;
    }
    let rule = "!".repeat(78);
    show::line(&rule);
    let all = if release { "--release" } else { "--whole" };
    show::line(&format!(
        "!!  NOT EVERYTHING WAS RUN AND GOOD; `cargo xtask soak {all}` runs all of it:"
    ));
    for line in missing {
        show::line(&format!("!!    {line}"));
    }
    show::line(&rule);
}

/// Runs one test of a program to its end or until its time is over.
fn one_test(
    what: &str,
    program: &Path,
    test: &str,
    (name, value): (&str, &str),
    until: Option<Instant>,
) -> Result<Run, Fault> {
    // It ends with us, whatever ends us.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.args(["--exact", test, "--nocapture"]).env(name, value).stdin(Stdio::null());
    // What is kept of a run that fails is what it said, not where.
    command.env("RUST_BACKTRACE", "0");
    let run = watched(what, command, Limits { silence: SILENCE, until }).map_err(|fault| {
        let message = format!("{}\n(test {test} with {name}={value})", fault.message);
        Fault { message, ..fault }
    })?;
    let passed = run.said.iter().any(|line| line.contains("1 passed"));
    match passed || !run.ended {
        true => Ok(run),
        false => Err(Fault::finding(format!("there is no test {test} in {}", program.display()))),
    }
}

/// After so many batches that were not good nothing more is begun: something is wrong with all of them.
const FINDINGS_MAX: usize = 10;

/// Makes runs from their first seed on until all are done or the time is over, and counts the batches that
/// were good by their runs. One that was not is said at once, and the others go on.
fn by_seeds(
    program: &Path,
    Runs { name, test, first, count, batch, apart }: Runs,
    deadline: Option<Instant>,
    good: &AtomicU64,
) -> Result<(), Fault> {
    let batches = (0..count).step_by(usize::try_from(batch).unwrap_or(usize::MAX));
    let in_time = || deadline.is_none_or(|deadline| show::now() < deadline);
    let found: Mutex<Vec<Fault>> = Mutex::default();
    let found_so_far = || found.lock().unwrap_or_else(PoisonError::into_inner);
    let go_on = || in_time() && found_so_far().len() < FINDINGS_MAX;
    side_by_side(batches.take_while(|_| go_on()), |number| {
        let from = first + number * apart;
        let seeds = if batch == 1 { from.to_string() } else { format!("{from}..{}", from + batch) };
        let what = format!("{name}, seeds {seeds}");
        if let Err(fault) = one_test(&what, program, test, ("PASSBACK_SEED", &seeds), None) {
            show::line(&fault.message);
            found_so_far().push(Fault { message: format!("{what} were not good"), ..fault });
            return Ok(());
        }
        let runs = good.fetch_add(batch, Ordering::SeqCst) + batch;
        show::line(&format!("  {what} are done: {runs} of {count}"));
        Ok(())
    })?;
    all_at_once(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Works on as many at a time as there are processors; the first fault ends it, when what was begun
/// beside it is done.
fn side_by_side<T>(
    all: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> Result<(), Fault> + Sync,
) -> Result<(), Fault> {
    let (all, failed) = (Mutex::new(all), Mutex::new(None));
    let next = || {
        let stopped = failed.lock().is_ok_and(|failed| failed.is_some());
        if stopped { None } else { all.lock().ok()?.next() }
    };
    thread::scope(|scope| {
        for _ in 0..processors() {
            scope.spawn(|| {
                while let Some(one) = next() {
                    if let Err(fault) = work(one) {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_reached_is_named_with_its_numbers() {
        let Column { bad_roads, fault_runs, inputs: wanted, .. } = SOAK;
        let whole = Inputs { what: "SDDL", wanted, made: wanted, judged: true };
        let all = [(bad_roads, bad_roads.count), (fault_runs, fault_runs.count)];
        assert_eq!(missing(&[whole], &all), Vec::<String>::new());
        let part = Inputs { what: "filters", made: 300_000, judged: false, ..whole };
        let missing = missing(&[whole, part], &[(bad_roads, 16), (fault_runs, 75)]);
        assert_eq!(missing.len(), 4, "{missing:?}");
        assert_eq!(missing[0], "300000 of 10000000 inputs: filters");
        assert!(missing[1].contains("filters ran too short"), "{missing:?}");
        assert_eq!(missing[2], "16 of 400 runs on bad roads were good");
        assert_eq!(missing[3], "75 of 10000 fault runs were good");
    }

    #[test]
    fn runs_are_made_in_whole_batches() {
        for Column { crashes, bad_roads, fault_runs, .. } in [SOAK, RELEASE] {
            for runs in [crashes, bad_roads, fault_runs] {
                assert_eq!(runs.count % runs.batch, 0, "{}", runs.name);
            }
        }
    }

    #[test]
    fn all_are_worked_on_and_the_first_fault_ends_it() {
        let sum = AtomicU64::new(0);
        side_by_side(1..=100_u64, |one| {
            sum.fetch_add(one, Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 5_050);
        let calls = AtomicU64::new(0);
        let failed = side_by_side(1.., |one: u64| {
            calls.fetch_add(1, Ordering::SeqCst);
            if one == 3 { Err(Fault::finding("the third")) } else { Ok(()) }
        });
        assert_eq!(failed.unwrap_err().message, "the third");
        assert!(calls.into_inner() >= 3);
    }

    #[test]
    fn a_test_that_is_not_there_is_a_finding() {
        // It succeeds and runs no test, as a program does that has none of such a name.
        let none = one_test("nothing", Path::new("/bin/true"), "none", ("A", "b"), None);
        assert!(none.unwrap_err().message.contains("there is no test none"));
    }
}
