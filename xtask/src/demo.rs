//! `cargo xtask demo`: builds, installs what it may, and becomes `passback-demo`.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::fault::Fault;
use crate::{build, install, show};

/// What `cargo xtask demo` was asked for.
#[derive(clap::Args)]
pub(crate) struct Wishes {
    /// Install what is missing without asking; CI=true implies it.
    #[arg(long)]
    yes: bool,
    /// Leave after the proof.
    #[arg(long)]
    once: bool,
    /// Describe what runs in this file (JSON).
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// On a real Active Directory (Samba; needs root), or not at all.
    #[arg(long, conflicts_with = "embedded")]
    real: bool,
    /// On the embedded directory, which acts like one: needs no root and installs nothing.
    #[arg(long)]
    embedded: bool,
}

/// Whether there is a real Active Directory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Directory {
    /// There must be.
    Real,
    /// There must not be, or cannot be, with the reason.
    Embedded(Option<String>),
    /// The demo finds out.
    Whichever,
}

/// Returns only if something is in the way.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    let directory = directory(wishes, || prepare(wishes.yes))?;
    if let Directory::Embedded(Some(reason)) = &directory {
        say_what_is_missing(reason);
    }
    show::step("Building", build::binaries)?;
    // The same process from now on: whoever started this one can stop it.
    Err(build::become_binary(&build::binary("passback-demo"), &arguments(wishes, &directory)))
}

/// Without a wish it is the real one where that can be prepared, and else the other, said loudly.
fn directory(
    wishes: &Wishes,
    prepare: impl FnOnce() -> Result<(), Fault>,
) -> Result<Directory, Fault> {
    if wishes.embedded {
        return Ok(Directory::Embedded(None));
    }
    match prepare() {
        Ok(()) if wishes.real => Ok(Directory::Real),
        Ok(()) => Ok(Directory::Whichever),
        Err(fault) if wishes.real => Err(fault),
        Err(fault) => Ok(Directory::Embedded(Some(fault.message))),
    }
}

/// What a real Active Directory needs on this machine.
fn prepare(yes: bool) -> Result<(), Fault> {
    build::require_root("a real Active Directory")?;
    install::packages(&[install::LAB, install::DEMO].concat(), yes)
}

fn arguments(wishes: &Wishes, directory: &Directory) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    if wishes.once {
        arguments.push("--once".into());
    }
    if let Some(file) = &wishes.ready_file {
        arguments.extend(["--ready-file".into(), file.into()]);
    }
    match directory {
        Directory::Real => arguments.push("--real".into()),
        Directory::Embedded(_) => arguments.push("--embedded".into()),
        Directory::Whichever => {}
    }
    arguments
}

fn say_what_is_missing(reason: &str) {
    let rule = "!".repeat(78);
    // Nobody is left to tell if this fails.
    let _ = writeln!(
        std::io::stderr(),
        "{rule}\n\
         !!  NO REAL ACTIVE DIRECTORY: the demo goes on with the embedded one.\n\
         !!  {reason}\n\
         !!  With --real it would have stopped here.\n\
         {rule}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(real: bool, embedded: bool) -> Wishes {
        Wishes { yes: false, once: true, ready_file: Some("f".into()), real, embedded }
    }

    #[test]
    fn embedded_prepares_and_installs_nothing() {
        let chosen = directory(&wishes(false, true), || panic!("nothing is prepared"));
        assert_eq!(chosen.unwrap(), Directory::Embedded(None));
    }

    #[test]
    fn without_a_wish_what_is_in_the_way_is_told_and_the_demo_goes_on() {
        let refused = || Err(Fault::unavailable("needs root"));
        let chosen = directory(&wishes(false, false), refused).unwrap();
        assert_eq!(chosen, Directory::Embedded(Some("needs root".into())));
        let chosen = directory(&wishes(false, false), || Ok(())).unwrap();
        assert_eq!(chosen, Directory::Whichever);
    }

    #[test]
    fn real_is_real_or_ends() {
        let fault = directory(&wishes(true, false), || Err(Fault::unavailable("needs root")));
        assert_eq!(fault.unwrap_err().code, crate::fault::UNAVAILABLE);
        assert_eq!(directory(&wishes(true, false), || Ok(())).unwrap(), Directory::Real);
    }

    #[test]
    fn the_demo_is_told_what_was_chosen() {
        for (directory, last) in [
            (Directory::Real, Some("--real")),
            (Directory::Embedded(None), Some("--embedded")),
            (Directory::Whichever, None),
        ] {
            let wanted = ["--once", "--ready-file", "f"].into_iter().chain(last);
            let wanted: Vec<OsString> = wanted.map(Into::into).collect();
            assert_eq!(arguments(&wishes(false, false), &directory), wanted);
        }
    }
}
