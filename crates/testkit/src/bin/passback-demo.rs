//! `passback-demo`: what `cargo xtask demo` starts when everything is built.
//!
//! Exit codes (INTERFACES "Commands"): 0 done, 1 something was not as it must be, 2 usage, 3
//! unavailable, 4 configuration.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use testkit::demo::{self, Wanted, Wishes};

/// Resets a password in an Active Directory on this machine, and proves it. Without --real or
/// --embedded it is a real one where that can be had, else the embedded one.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Leave after the proof.
    #[arg(long)]
    once: bool,
    /// Describe what runs in this file (JSON).
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// On a real Active Directory (Samba), or not at all.
    #[arg(long, conflicts_with = "embedded")]
    real: bool,
    /// On the embedded directory, which acts like one: no root, nothing to install.
    #[arg(long)]
    embedded: bool,
}

impl Arguments {
    const fn directory(&self) -> Wanted {
        match (self.real, self.embedded) {
            (true, _) => Wanted::Real,
            (_, true) => Wanted::Embedded,
            _ => Wanted::Whichever,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let directory = arguments.directory();
    let Arguments { once, ready_file, .. } = arguments;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&stop)) {
            let _ = writeln!(std::io::stderr(), "error: cannot listen for signals: {error}");
            return ExitCode::from(3);
        }
    }
    // In this thread, the main one: what it starts dies with it.
    match demo::run(&Wishes { once, ready_file, directory }, &stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
