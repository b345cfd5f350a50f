//! `cargo xtask fuzz`: inputs that are led by what they reach in the code, for everything that reads what
//! others wrote. `cargo xtask soak` spoils good inputs by chance; here libFuzzer keeps whatever comes
//! further, and goes on from there.
//!
//! The targets stand in `fuzz/`, a workspace of its own in cargo-fuzz's layout, and are built without a
//! sanitizer: no crate of ours has `unsafe`, and so the toolchain may be the one that everything is built
//! with. What is kept of a run, `fuzz/corpus` and `fuzz/artifacts`, is not committed.

mod progress;

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use clap::Args;

use crate::build::{self, cargo};
use crate::fault::Fault;
use crate::{install, show};
use progress::{Progress, kept_in};

/// A target that is not there is a matter of usage.
const USAGE: u8 = 2;
/// Where the targets are named.
const MANIFEST: &str = "fuzz/Cargo.toml";
/// An input that takes longer is a finding, in seconds; thousands are made in one, but other programs may
/// have the machine.
const INPUT_MAX: u64 = 25;
/// More memory is a finding, in MiB: no target needs a tenth of it.
const MEMORY_MAX: u64 = 1_024;
/// Lines that are shown of what a target said last, when it fails.
const KEPT: usize = 120;

/// What `cargo xtask fuzz` was asked for.
#[derive(Args)]
pub(crate) struct Wishes {
    /// One target of fuzz/Cargo.toml; each of them in turn if none is named.
    target: Option<String>,
    /// How long each target runs, the build not counted.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    minutes: u64,
}

/// Runs the targets, each for its time; the first finding ends it.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    let manifest = std::fs::read_to_string(build::root().join(MANIFEST));
    let manifest =
        manifest.map_err(|error| Fault::unavailable(format!("cannot read {MANIFEST}: {error}")))?;
    let targets = wanted(&targets(&manifest), wishes.target.as_deref())?;
    tools()?;
    show::step("Building the targets", || {
        let mut command = cargo();
        command.args(["fuzz", "build", "--sanitizer", "none", "--target-dir"]).arg(built());
        build::run(command.args(&wishes.target), "the build of the targets")
    })?;
    for target in &targets {
        let what = format!("Fuzzing {target}, {} min", wishes.minutes);
        let progress = show::step(&what, || fuzz(target, wishes.minutes))?;
        show::line(&format!("  {target}: {progress}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of the targets, as they stand in the manifest.
fn targets(manifest: &str) -> Vec<&str> {
    let tables = manifest.split("[[bin]]").skip(1);
    tables.filter_map(|table| table.split_once("name = \"")?.1.split('"').next()).collect()
}

/// Those that are to run.
fn wanted(all: &[&str], one: Option<&str>) -> Result<Vec<String>, Fault> {
    if let Some(one) = one.filter(|one| !all.contains(one)) {
        let message = format!("there is no target {one}: there are {}", all.join(", "));
        return Err(Fault { code: USAGE, message });
    }
    let wanted = all.iter().filter(|name| one.is_none_or(|one| one == **name));
    Ok(wanted.map(|name| (*name).to_owned()).collect())
}

/// Says what is missing, and how to get it.
fn tools() -> Result<(), Fault> {
    if !install::works(cargo().args(["fuzz", "--version"])) {
        let message = "cargo-fuzz is missing: run `cargo install cargo-fuzz --locked`, which takes \
                       some minutes";
        return Err(Fault::unavailable(message));
    }
    if !install::on_path("c++") {
        let message = "there is no c++, and libFuzzer is C++: run `apt-get install g++`";
        return Err(Fault::unavailable(message));
    }
    Ok(())
}

/// Where the targets are built: not where anything else is, since they have flags of their own.
fn built() -> PathBuf {
    build::target().join("fuzz")
}

/// Runs one target for so many minutes: how far it came.
///
/// # Errors
/// A finding, with the file of the input and the end of what was said.
fn fuzz(target: &str, minutes: u64) -> Result<Progress, Fault> {
    let unavailable = |error: std::io::Error| Fault::unavailable(format!("cargo fuzz: {error}"));
    // Inputs that come further are written into the first directory; the second is only read.
    let [corpus, seeds] = ["corpus", "seeds"].map(|one| format!("fuzz/{one}/{target}"));
    std::fs::create_dir_all(build::root().join(&corpus)).map_err(unavailable)?;
    let mut command = cargo();
    command.args(["fuzz", "run", "--sanitizer", "none", "--target-dir"]).arg(built());
    command.args([target, &corpus, &seeds, "--"]);
    command.arg(format!("-max_total_time={}", 60 * minutes));
    command.arg(format!("-timeout={INPUT_MAX}")).arg(format!("-rss_limit_mb={MEMORY_MAX}"));
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(unavailable)?;
    let (mut progress, mut kept, mut said) = (Progress::default(), None, VecDeque::new());
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(unavailable)?).into_owned();
            if progress.read(&line) {
                // Said whenever there are twice as many; the other lines are thousands.
                if line.contains("\tpulse") {
                    show::line(&format!("  {target}: {progress}"));
                }
                continue;
            }
            kept = kept_in(&line).map(str::to_owned).or(kept);
            said.push_back(line);
            if said.len() > KEPT {
                said.pop_front();
            }
        }
    }
    let ended = child.wait().map_err(unavailable)?.success();
    if ended && progress.inputs > 0 {
        return Ok(progress);
    }
    let said = said.into_iter().collect::<Vec<_>>().join("\n");
    Err(finding(target, &said, kept.as_deref()))
}

fn finding(target: &str, said: &str, kept: Option<&str>) -> Fault {
    let again = match kept {
        Some(file) => format!(
            "{target} fails with the input in {file}. It alone, once more:\n  cargo fuzz run \
             --sanitizer none --target-dir {} {target} {file}\nWhen it is mended, keep it in \
             fuzz/seeds/{target}, called refused_… if it is refused.",
            built().display()
        ),
        None => format!("{target} ended, and left no input"),
    };
    Fault::finding(format!("{said}\n{again}"))
}

#[cfg(test)]
mod tests;
