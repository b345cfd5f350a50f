//! What must be on the machine, and installing it: says what, asks unless told not to.

use std::env;
use std::fs::{self, File};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::build::{self, cargo};
use crate::fault::{FINDING, Fault};
use crate::show;

/// A package of Debian, and a program or file that shows that it is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Package {
    name: &'static str,
    shown_by: &'static str,
}

const fn package(name: &'static str, shown_by: &'static str) -> Package {
    Package { name, shown_by }
}

/// What the lab needs; the same list as in `crates/lab/src/tools.rs`, which a test compares.
pub(crate) const LAB: &[Package] = &[
    package("debootstrap", "debootstrap"),
    package("debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    package("ldap-utils", "ldapmodify"),
    package("mount", "mount"),
    package("util-linux", "unshare"),
];

/// What a stack needs besides: the mail server.
pub(crate) const DEMO: &[Package] =
    &[package("python3-aiosmtpd", "/usr/lib/python3/dist-packages/aiosmtpd")];

/// What tests need besides: the independent reader of packages, and a browser with what drives it.
pub(crate) const TESTS: &[Package] = &[
    package("python3-cbor2", "/usr/lib/python3/dist-packages/cbor2"),
    package("python3-cryptography", "/usr/lib/python3/dist-packages/cryptography"),
    package("chromium", "/usr/bin/chromium"),
    package("nodejs", "node"),
    package("npm", "npm"),
    package("tinyproxy-bin", "/usr/bin/tinyproxy"),
    package("nats-server", "nats-server"),
];

/// Where tests have scripts for Node.js, and the packages that these need: those in a browser, and
/// those with published clients of the relay.
const SCRIPTS: &[&str] = &["crates/testkit/browser", "crates/cloud/tests/hyco"];

/// Installs those of the packages that are missing.
pub(crate) fn packages(wanted: &[Package], yes: bool) -> Result<(), Fault> {
    let missing: Vec<&str> =
        wanted.iter().filter(|one| !present(one.shown_by)).map(|one| one.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !on_path("apt-get") {
        return Err(Fault::unavailable(format!(
            "packages are missing, and there is no apt-get: install what Debian calls {names}"
        )));
    }
    build::require_root("installing packages")?;
    agree(&format!("the packages {names}"), yes)?;
    show::step(&format!("Installing {names}"), || apt(&missing))?;
    match wanted.iter().find(|one| !present(one.shown_by)) {
        None => Ok(()),
        Some(Package { name, shown_by }) => Err(Fault::unavailable(format!(
            "{name} is installed, but {shown_by} is not there: run `apt-get install --reinstall \
             {name}`"
        ))),
    }
}

/// Installs cargo-nextest and the toolchain's components, if they are missing.
pub(crate) fn test_tools(yes: bool) -> Result<(), Fault> {
    for component in ["fmt", "clippy"] {
        if !works(cargo().args([component, "--version"])) {
            let name = if component == "fmt" { "rustfmt" } else { component };
            return Err(Fault::unavailable(format!(
                "`cargo {component}` is missing: run `rustup component add {name}`"
            )));
        }
    }
    if works(cargo().args(["nextest", "--version"])) {
        return Ok(());
    }
    agree("cargo-nextest, which cargo compiles in some minutes", yes)?;
    show::step("Installing cargo-nextest", || {
        let mut install = cargo();
        install.args(["install", "cargo-nextest", "--locked"]);
        // Its own directory: a configured one is for our build.
        install.env_remove("CARGO_TARGET_DIR");
        build::run(&mut install, "installing cargo-nextest")
    })
}

/// Installs what the scripts of tests need, where it is missing or older than the list of it.
pub(crate) fn script_packages(yes: bool) -> Result<(), Fault> {
    SCRIPTS.iter().try_for_each(|scripts| packages_of(scripts, yes))
}

fn packages_of(scripts: &str, yes: bool) -> Result<(), Fault> {
    let folder = build::root().join(scripts);
    let written = |name: &str| fs::metadata(folder.join(name)).and_then(|file| file.modified());
    let listed = written("package-lock.json");
    let installed = written("node_modules/.package-lock.json");
    if installed.is_ok_and(|installed| listed.is_ok_and(|listed| installed >= listed)) {
        return Ok(());
    }
    agree(&format!("what {scripts}/package-lock.json names, by npm"), yes)?;
    show::step(&format!("Installing what the scripts in {scripts} need"), || {
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        build::run(Command::new("npm").args(arguments).current_dir(&folder), "npm")
    })
}

/// Says what will be installed; asks at a terminal, and refuses where nobody can be asked.
fn agree(what: &str, yes: bool) -> Result<(), Fault> {
    if yes || env::var_os("CI").is_some_and(|value| value == "true") {
        show::line(&format!("Missing: {what}. Installing."));
        return Ok(());
    }
    let refused = |message: String| Err(Fault { code: FINDING, message });
    if !std::io::stdin().is_terminal() {
        return refused(format!("{what} must be installed: run the same command with --yes"));
    }
    let _ = write!(std::io::stdout(), "Missing: {what}. Install? [Y/n] ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    let answered = std::io::stdin().read_line(&mut answer).is_ok_and(|length| length > 0);
    match answer.trim().to_lowercase().as_str() {
        "" | "y" | "yes" if answered => Ok(()),
        _ => refused(format!("not installed: {what}")),
    }
}

fn apt(names: &[&str]) -> Result<(), Fault> {
    let log = build::target().join("xtask-apt.log");
    let install = |names: &[&str]| apt_get(&log, &[&["install", "--yes"], names].concat());
    // Lists of packages may be missing or old: then the mirror is asked for new ones.
    if install(names)? {
        return Ok(());
    }
    if apt_get(&log, &["update"])? && install(names)? {
        return Ok(());
    }
    Err(Fault::unavailable(format!(
        "apt-get could not install {}: check the network and the package mirror, then run again \
         (log: {})",
        names.join(" "),
        log.display()
    )))
}

fn apt_get(log: &Path, arguments: &[&str]) -> Result<bool, Fault> {
    let unwritable = |error: std::io::Error| {
        Fault::unavailable(format!("cannot write {}: {error}", log.display()))
    };
    fs::create_dir_all(build::target()).map_err(unwritable)?;
    let output = File::options().create(true).append(true).open(log).map_err(unwritable)?;
    let errors = output.try_clone().map_err(unwritable)?;
    let bar = show::moving(&format!("apt-get {}", arguments.join(" ")));
    let status = Command::new("apt-get")
        .args(["--quiet", "--no-install-recommends"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status();
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let status = status
        .map_err(|error| Fault::unavailable(format!("apt-get cannot be started: {error}")))?;
    Ok(status.success())
}

/// Whether a program can be started and succeeds; what it says is shown to nobody.
pub(crate) fn works(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn present(shown_by: &str) -> bool {
    if shown_by.starts_with('/') { Path::new(shown_by).exists() } else { on_path(shown_by) }
}

/// Also where most accounts do not look.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(Into::into))
        .any(|directory| directory.join(program).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_needs_what_this_list_says() {
        let theirs = include_str!("../../crates/lab/src/tools.rs");
        let theirs = theirs.lines().filter_map(|line| {
            let (_, rest) = line.split_once("HostPackage { name: \"")?;
            rest.split_once('"').map(|(name, _)| name)
        });
        let ours: Vec<_> = LAB.iter().map(|package| package.name).collect();
        assert_eq!(theirs.collect::<Vec<_>>(), ours);
    }

    #[test]
    fn programs_and_files_are_found() {
        assert!(present("sh") && present("/bin/sh"));
        assert!(!present("no-such-program-anywhere") && !present("/no/such/file"));
    }
}
