//! The repository's own commands: `cargo xtask demo`, `test`, `lab`.
//!
//! It depends on little, so that it answers within seconds on a fresh machine; what needs more is
//! built first, with cargo's own progress shown, and then started.
//!
//! Exit codes (INTERFACES "Commands"): 0 done, 1 a finding or a refusal, 2 usage, 3 unavailable,
//! 4 configuration.

mod build;
mod fault;
mod install;
mod show;
mod structure;
mod tests;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use fault::Fault;

/// The repository's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, reset a password in a real Active Directory on this machine, prove it,
    /// and stay up to be tried by hand.
    Demo(Demo),
    /// Run format, lints, structure checks and every test.
    Test(tests::Wishes),
    /// The Active Directory of this checkout, by hand.
    Lab(Lab),
}

#[derive(clap::Args)]
struct Demo {
    /// Install what is missing without asking; CI=true implies it.
    #[arg(long)]
    yes: bool,
    /// Leave after the proof.
    #[arg(long)]
    once: bool,
    /// Describe what runs in this file (JSON).
    #[arg(long, value_name = "FILE")]
    ready_file: Option<std::path::PathBuf>,
    /// With a real Active Directory, which is what there is.
    #[arg(long)]
    real: bool,
}

#[derive(clap::Args)]
struct Lab {
    /// Install what is missing without asking; CI=true implies it.
    #[arg(long)]
    yes: bool,
    /// up, down or status, and what each of them takes.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(wishes) => demo(&wishes),
        Command::Test(wishes) => tests::run(&wishes),
        Command::Lab(wishes) => lab(&wishes),
    };
    match done {
        Ok(code) => code,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "error: {}", fault.message);
            ExitCode::from(fault.code)
        }
    }
}

fn demo(wishes: &Demo) -> Result<ExitCode, Fault> {
    build::require_root("the demo")?;
    let wanted = [install::LAB, install::DEMO].concat();
    install::packages(&wanted, wishes.yes)?;
    show::step("Building", build::binaries)?;
    let mut arguments = Vec::new();
    if wishes.once {
        arguments.push("--once".into());
    }
    if let Some(file) = &wishes.ready_file {
        arguments.extend(["--ready-file".into(), file.into()]);
    }
    // The same process from now on: whoever started this one can stop it.
    Err(build::become_binary("passback-demo", &arguments))
}

fn lab(wishes: &Lab) -> Result<ExitCode, Fault> {
    if wishes.arguments.first().is_some_and(|first| first == "up") {
        build::require_root("the lab")?;
        install::packages(install::LAB, wishes.yes)?;
    }
    build::lab()?;
    let arguments: Vec<_> = wishes.arguments.iter().map(Into::into).collect();
    Err(build::become_binary("passback-lab", &arguments))
}
