//! `cargo xtask soak`: the tests that chance makes, far more of them than `cargo xtask test` runs, built
//! as programs are shipped.
//!
//! ```text
//! generated inputs    10,000,000 each for everything that reads what others wrote; memory is watched
//! crash points        every step, three times each
//! fault runs          10,000 worlds, each of which checks the invariants when it ends
//! ```
//!
//! `--release` runs all of it, however long that takes. Otherwise it is cut to fit into the minutes, half
//! of them for the inputs, and what was not reached is said.

mod watched;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;

use crate::build::cargo;
use crate::fault::Fault;
use crate::show;
use watched::watched;

/// The tests of the crate `directory` that make inputs by chance, and what they read.
const GENERATED: &[(&str, &str)] = &[
    ("LDAP messages", "answers::tests::whatever_comes_is_read_or_refused"),
    (
        "answers to a search",
        "search::tests::whatever_a_controller_says_a_search_ends_with_the_connection",
    ),
    (
        "security descriptors",
        "security::write::tests::reading_never_panics_and_what_is_read_can_be_written",
    ),
    ("SDDL", "security::sddl::tests::reading_never_panics_and_what_is_read_reads_back"),
    ("distinguished names", "dn::tests::whatever_is_written_for_a_name_is_read_or_refused"),
    ("filters", "filter::tests::whatever_is_written_for_a_filter_is_read_or_refused"),
    (
        "certificates",
        "certificate::tests::what_is_no_certificate_has_no_issuer_or_any_and_harms_nobody",
    ),
];
const INPUTS: u64 = 10_000_000;
/// So many are made first, to see how long they take.
const PILOT: u64 = 100_000;
const FAULT_RUNS: u64 = 10_000;
/// Fault runs that one process makes.
const BATCH: u64 = 25;
/// A batch that takes longer hangs.
const BATCH_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What `cargo xtask soak` was asked for.
#[derive(Args)]
pub(crate) struct Wishes {
    /// Stop after about so many minutes, the build not counted.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Everything that a release needs, however long it takes.
    #[arg(long, conflicts_with = "minutes")]
    release: bool,
}

/// Runs until everything or the time is done; the first finding ends it.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    let tests = show::step("Building the tests as programs are shipped", build)?;
    let budget = (!wishes.release).then(|| Duration::from_secs(60 * wishes.minutes));
    let deadline = budget.and_then(|budget| show::now().checked_add(budget));
    let mut short = Vec::new();
    for (what, test) in GENERATED {
        let share = budget.map(|budget| budget / 2 / u32::try_from(GENERATED.len()).unwrap_or(1));
        let made =
            show::step(&format!("Inputs: {what}"), || inputs(&tests.directory, test, share))?;
        if made < INPUTS {
            short.push(format!("{made} of {INPUTS} inputs for {what}"));
        }
    }
    show::step("Every crash point, three times", || {
        let mut command = Command::new(&tests.crash_points);
        watched(command.arg("--quiet"), BATCH_LIMIT).map(drop)
    })?;
    let runs = show::step("Fault runs", || fault_runs(&tests.faults, deadline))?;
    show::line(&format!("{runs} fault runs, seeds 0 to {}.", runs.saturating_sub(1)));
    if runs < FAULT_RUNS {
        short.push(format!("{runs} of {FAULT_RUNS} fault runs"));
    }
    if !short.is_empty() {
        show::line(&format!(
            "NOT EVERYTHING WAS RUN: {}. `cargo xtask soak --release` runs all of it.",
            short.join("; ")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The programs that hold the tests.
struct Tests {
    directory: PathBuf,
    faults: PathBuf,
    crash_points: PathBuf,
}

/// A line of cargo's, as far as it matters here.
#[derive(Deserialize)]
struct Built {
    #[serde(default)]
    target: Target,
    #[serde(default)]
    executable: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
struct Target {
    name: String,
}

fn build() -> Result<Tests, Fault> {
    let mut command = cargo();
    command.args(["test", "--release", "--no-run", "--message-format", "json-render-diagnostics"]);
    command.args(["--package", "directory", "--lib", "--package", "testkit"]);
    command.args(["--test", "world_faults", "--test", "world_crash_points"]);
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Fault::unavailable(format!("cargo: {error}")))?;
    if !output.status.success() {
        return Err(Fault::finding("the tests do not build: see above"));
    }
    tests_in(&String::from_utf8_lossy(&output.stdout))
}

fn tests_in(lines: &str) -> Result<Tests, Fault> {
    let built = lines.lines().filter_map(|line| serde_json::from_str::<Built>(line).ok());
    let mut programs: HashMap<String, PathBuf> =
        built.filter_map(|one| Some((one.target.name, one.executable?))).collect();
    let mut take = |name: &str| {
        let missing = || Fault::finding(format!("cargo built no tests of the name {name}"));
        programs.remove(name).ok_or_else(missing)
    };
    Ok(Tests {
        directory: take("directory")?,
        faults: take("world_faults")?,
        crash_points: take("world_crash_points")?,
    })
}

/// Makes as many inputs as fit into the share of the time; how many.
fn inputs(program: &Path, test: &str, share: Option<Duration>) -> Result<u64, Fault> {
    let make = |count: u64, limit| {
        let mut command = Command::new(program);
        command
            .args(["--exact", test, "--quiet"])
            .env("PASSBACK_GENERATED_INPUTS", count.to_string());
        watched(&mut command, limit)
    };
    let pilot = make(PILOT, BATCH_LIMIT)?;
    if !pilot.said.contains("1 passed") {
        return Err(Fault::finding(format!("there is no test {test}: {}", pilot.said.trim())));
    }
    let count = that_fit(pilot.took, share);
    if count <= PILOT {
        return Ok(PILOT);
    }
    let times = u32::try_from(count / PILOT).unwrap_or(u32::MAX);
    let expected = pilot.took.saturating_mul(times);
    let run = make(count, expected.saturating_mul(4).max(BATCH_LIMIT))?;
    show::line(&format!("  {count} inputs; {}", run.memory));
    match run.memory.grows() {
        true => Err(Fault::finding(format!("{test} grows: {}", run.memory))),
        false => Ok(count),
    }
}

/// How many inputs fit, by how long the first ones took.
fn that_fit(pilot: Duration, share: Option<Duration>) -> u64 {
    let Some(share) = share else { return INPUTS };
    let left = share.saturating_sub(pilot).as_micros();
    let fit = left.saturating_mul(u128::from(PILOT)) / pilot.as_micros().max(1);
    u64::try_from(fit).unwrap_or(u64::MAX).min(INPUTS)
}

/// Runs worlds, as many at a time as there are processors, until all are done or the time is over; how
/// many, from seed 0 on.
fn fault_runs(program: &Path, deadline: Option<Instant>) -> Result<u64, Fault> {
    let next = AtomicU64::new(0);
    let failed: Mutex<Option<Fault>> = Mutex::new(None);
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let fault = || failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while fault().is_none() && deadline.is_none_or(|deadline| show::now() < deadline) {
                    let first = next.fetch_add(BATCH, Ordering::SeqCst);
                    if first >= FAULT_RUNS {
                        // Taken and not needed.
                        next.fetch_min(FAULT_RUNS, Ordering::SeqCst);
                        return;
                    }
                    let mut command = Command::new(program);
                    command.args(["--exact", "one_run_by_its_seed", "--quiet"]);
                    command.env("PASSBACK_SEED", format!("{first}..{}", first + BATCH));
                    if let Err(found) = watched(&mut command, BATCH_LIMIT) {
                        *fault() = Some(found);
                    }
                }
            });
        }
    });
    match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(fault) => Err(fault),
        None => Ok(next.into_inner().min(FAULT_RUNS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_inputs_are_made_as_fit_into_the_time() {
        let second = Duration::from_secs(1);
        assert_eq!(that_fit(second, None), INPUTS);
        assert_eq!(that_fit(second, Some(second * 11)), 10 * PILOT);
        assert_eq!(that_fit(second, Some(second / 2)), 0);
        assert_eq!(that_fit(Duration::ZERO, Some(second * 100)), INPUTS);
        assert_eq!(that_fit(second, Some(second * 1_000_000)), INPUTS);
    }

    #[test]
    fn what_cargo_says_it_built_is_found_and_what_is_missing_named() {
        let line = |name: &str, program: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"target\":{{\"name\":\"{name}\"}},\"executable\":{program}}}"
            )
        };
        let mut lines = vec![
            line("directory", "null"),
            "{\"reason\":\"build-finished\",\"success\":true}".to_owned(),
            line("directory", "\"/t/directory-1\""),
            line("world_faults", "\"/t/faults-1\""),
        ];
        let missing = tests_in(&lines.join("\n")).err().unwrap();
        assert!(missing.message.contains("world_crash_points"), "{}", missing.message);
        lines.push(line("world_crash_points", "\"/t/crash-1\""));
        let tests = tests_in(&lines.join("\n")).unwrap();
        assert_eq!(tests.directory, Path::new("/t/directory-1"));
    }
}
