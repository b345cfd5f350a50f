//! The repository's own commands: `cargo xtask demo`, `test`, `lab`, `bench`, `soak`, `fuzz`.
//!
//! It depends on little, so that it answers within seconds on a fresh machine; what needs more is
//! built first, with cargo's own progress shown, and then started.
//!
//! Exit codes (INTERFACES "Commands"): 0 done, 1 a finding or a refusal, 2 usage, 3 unavailable,
//! 4 configuration.

mod bench;
mod build;
mod demo;
mod fault;
mod fuzz;
mod install;
mod lab;
mod show;
mod soak;
mod structure;
mod tests;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The repository's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, reset a password in an Active Directory on this machine, prove it, and
    /// stay up to be tried by hand.
    Demo(demo::Wishes),
    /// Run format, lints, structure checks and every test.
    Test(tests::Wishes),
    /// The Active Directory of this checkout, by hand.
    Lab(lab::Wishes),
    /// Measure, with programs that are built as they are shipped.
    Bench(bench::Wishes),
    /// Run the tests that chance makes, far more of them than `test` does.
    Soak(soak::Wishes),
    /// Run coverage-guided inputs against everything that reads what others wrote.
    Fuzz(fuzz::Wishes),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo(wishes) => demo::run(&wishes),
        Command::Test(wishes) => tests::run(&wishes),
        Command::Lab(wishes) => lab::run(&wishes),
        Command::Bench(wishes) => bench::run(&wishes),
        Command::Soak(wishes) => soak::run(&wishes),
        Command::Fuzz(wishes) => fuzz::run(&wishes),
    };
    match done {
        Ok(code) => code,
        Err(fault) => {
            let _ = writeln!(std::io::stderr(), "error: {}", fault.message);
            ExitCode::from(fault.code)
        }
    }
}

#[cfg(test)]
mod command_line {
    use clap::CommandFactory as _;

    use super::*;

    /// The exit code with which this command line ends before anything is done, if it does.
    fn refused(line: &str) -> Option<i32> {
        let words = line.split(' ').filter(|word| !word.is_empty());
        Arguments::try_parse_from(words).err().map(|error| error.exit_code())
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_the_interfaces_promise_is_understood() {
        for line in [
            "xtask demo --yes --once --ready-file F --real",
            "xtask demo --embedded",
            "xtask test --without-lab",
            "xtask test --structure-only",
            "xtask lab up --forests 2 --controllers 2 --fast",
            "xtask lab up --old-samba --detach",
            "xtask lab prepare",
            "xtask lab down",
            "xtask lab status --json",
            "xtask bench reset --json",
            "xtask bench messages",
            "xtask soak",
            "xtask soak --minutes 3",
            "xtask soak --whole",
            "xtask soak --release",
            "xtask fuzz",
            "xtask fuzz sddl --minutes 3",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_matter_of_usage() {
        for line in [
            "xtask",
            "xtask demo --real --embedded",
            "xtask test --structure-only --without-lab",
            "xtask test --structure-only -- a",
            "xtask lab",
            "xtask bench",
            "xtask bench reset again",
            "xtask bench --json",
            "xtask soak --minutes 0",
            "xtask soak --minutes 100001",
            "xtask soak --minutes 3 --whole",
            "xtask soak --minutes 3 --release",
            "xtask soak --whole --release",
            "xtask fuzz sddl filter",
            "xtask fuzz --minutes 0",
        ] {
            assert_eq!(refused(line), Some(2), "{line}");
        }
    }

    #[test]
    fn help_names_what_the_lab_takes() {
        let mut all = Arguments::command();
        let lab = all.find_subcommand_mut("lab").unwrap();
        let help = lab.render_help().to_string();
        for word in ["up", "prepare", "down", "status", "--forests N", "--controllers N"] {
            assert!(help.contains(word), "{word}: {help}");
        }
        for word in ["--old-samba", "--fast", "--detach", "--json"] {
            assert!(help.contains(word), "{word}: {help}");
        }
    }
}
