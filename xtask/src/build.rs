//! Building with cargo, and what was built.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::Fault;

/// The programs of a bench, by their crates: both that people run, the lab, and what measures.
const BENCH: &[&str] = &[
    "build",
    "--release",
    "--package",
    "agent",
    "--bin",
    "passback-agent",
    "--package",
    "cloud",
    "--bin",
    "passback",
    "--package",
    "lab",
    "--bin",
    "passback-lab",
    "--package",
    "testkit",
    "--bin",
    "passback-bench",
];

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// A binary that was built.
pub(crate) fn binary(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// A binary that was built as it is shipped.
pub(crate) fn released(name: &str) -> PathBuf {
    target().join("release").join(name)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds every binary.
pub(crate) fn binaries() -> Result<(), Fault> {
    run(cargo().args(["build", "--workspace", "--bins"]), "the build")
}

/// Builds every binary and every test in one go: together they have one set of features, and
/// nothing is compiled for each.
pub(crate) fn everything() -> Result<(), Fault> {
    run(cargo().args(["build", "--workspace", "--all-targets"]), "the build of the tests")
}

/// Builds what `cargo xtask lab` needs.
pub(crate) fn lab() -> Result<(), Fault> {
    run(cargo().args(["build", "--quiet", "--package", "lab", "--bins"]), "the build of the lab")
}

/// Builds what is measured, and what measures it, as it is shipped.
pub(crate) fn bench() -> Result<(), Fault> {
    run(cargo().args(BENCH), "the build of what is measured")
}

/// Runs a program to its end; it shows its own output.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<(), Fault> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Fault::finding(format!("{what} failed: see above"))),
        Err(error) => Err(Fault::unavailable(format!("{program} cannot be started: {error}"))),
    }
}

/// Goes on as another program; returns only if that cannot be.
pub(crate) fn become_binary(program: &Path, arguments: &[OsString]) -> Fault {
    let error = Command::new(program).args(arguments).exec();
    Fault::unavailable(format!("{} cannot be started: {error}", program.display()))
}

/// Refuses to go on without root, before anything is built.
pub(crate) fn require_root(what: &str) -> Result<(), Fault> {
    let owner = fs::metadata("/proc/self").map(|own| own.uid());
    if owner.is_ok_and(|owner| owner == 0) {
        return Ok(());
    }
    Err(Fault::unavailable(format!(
        "{what} needs root (it mounts, and listens on ports below 1024): run the same command as \
         root"
    )))
}
