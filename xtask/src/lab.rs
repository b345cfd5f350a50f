//! `cargo xtask lab`: becomes `passback-lab`, which reads the rest of the command line.

use std::process::ExitCode;

use crate::fault::Fault;
use crate::{build, install};

/// What `cargo xtask lab` was asked for.
#[derive(clap::Args)]
#[command(
    override_usage = "cargo xtask lab [--yes] up [--forests N] [--controllers N] [--old-samba] \
                      [--fast] [--detach]\n       cargo xtask lab [--yes] prepare\n       \
                      cargo xtask lab down\n       cargo xtask lab status [--json]",
    after_help = "\
What can be done:
  up       Start it and keep it until Ctrl-C or SIGTERM
             --forests N      one or two forests
             --controllers N  one or two domain controllers in the first forest
             --old-samba      with Debian 13's own Samba, which has no policy-hints control
             --fast           with Kerberos keys derived some ten times faster
             --detach         return when it answers, and leave it running
  prepare  Build all that any lab needs, so that each starts within seconds
  down     Stop what `up` started for this checkout
  status   Say whether one runs, and where
             --json           as JSON

`cargo xtask lab up --help` names everything."
)]
pub(crate) struct Wishes {
    /// Install what is missing without asking; CI=true implies it.
    #[arg(long)]
    yes: bool,
    /// up, prepare, down or status, and what each of them takes.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Returns only if something is in the way.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    if starts(&wishes.arguments) {
        build::require_root("the lab")?;
        install::packages(install::LAB, wishes.yes)?;
    }
    build::lab()?;
    let arguments: Vec<_> = wishes.arguments.iter().map(Into::into).collect();
    Err(build::become_binary(&build::binary("passback-lab"), &arguments))
}

/// Whether a lab is to be started, if only to keep what it made: to ask for help needs nothing.
fn starts(arguments: &[String]) -> bool {
    let helps = arguments.iter().any(|argument| argument == "--help" || argument == "-h");
    !helps && arguments.first().is_some_and(|first| first == "up" || first == "prepare")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_starting_a_lab_needs_root_and_packages() {
        let starts = |line: &str| starts(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(starts("up") && starts("up --forests 2 --detach") && starts("prepare"));
        assert!(
            !starts("down") && !starts("status") && !starts("up --help") && !starts("prepare -h")
        );
    }
}
