//! The programs that hold the tests.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;

use crate::build::{self, cargo};
use crate::fault::Fault;
use crate::soak::inputs::{AT_THE_SOCKET, CRATES};

/// The programs that people run, and what some tests run beside them.
const PROGRAMS: &[&str] = &[
    "build",
    "--profile",
    "soak",
    "--bins",
    "--package",
    "agent",
    "--package",
    "cloud",
    "--package",
    "testkit",
];

/// The programs that hold the tests.
pub(super) struct Tests {
    /// Those that make inputs by chance, by crate, and those at the relay's socket.
    pub(super) generated: HashMap<&'static str, PathBuf>,
    /// Randomised faults.
    pub(super) faults: PathBuf,
    /// Deaths at every step.
    pub(super) crash_points: PathBuf,
    /// Real programs on bad roads.
    pub(super) bad_roads: PathBuf,
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

/// Builds them, and what they run.
///
/// # Errors
/// A finding if they do not build.
pub(super) fn build() -> Result<Tests, Fault> {
    build::run(cargo().args(PROGRAMS), "the build of the programs")?;
    let mut command = cargo();
    command.args(["test", "--profile", "soak", "--no-run"]);
    command.args(["--message-format", "json-render-diagnostics"]);
    command.args(CRATES.iter().flat_map(|package| ["--package", package]));
    command.args(["--lib", "--test", AT_THE_SOCKET, "--package", "testkit"]);
    command.args(["--test", "world_faults", "--test", "world_crash_points"]);
    command.args(["--test", "embedded_chaos"]);
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
    let generated = CRATES.iter().chain([&AT_THE_SOCKET]);
    let generated = generated.map(|name| take(name).map(|program| (*name, program)));
    Ok(Tests {
        generated: generated.collect::<Result<_, _>>()?,
        faults: take("world_faults")?,
        crash_points: take("world_crash_points")?,
        bad_roads: take("embedded_chaos")?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

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
            line("protocol", "\"/t/protocol-1\""),
            line("relay", "\"/t/relay-1\""),
            line("seal", "\"/t/seal-1\""),
            line("channel", "\"/t/channel-1\""),
            line("world_faults", "\"/t/faults-1\""),
        ];
        let missing = tests_in(&lines.join("\n")).err().unwrap();
        assert!(missing.message.contains("world_crash_points"), "{}", missing.message);
        lines.push(line("world_crash_points", "\"/t/crash-1\""));
        let missing = tests_in(&lines.join("\n")).err().unwrap();
        assert!(missing.message.contains("embedded_chaos"), "{}", missing.message);
        lines.push(line("embedded_chaos", "\"/t/chaos-1\""));
        let tests = tests_in(&lines.join("\n")).unwrap();
        assert_eq!(tests.generated["directory"], Path::new("/t/directory-1"));
        assert_eq!(tests.generated["seal"], Path::new("/t/seal-1"));
    }
}
