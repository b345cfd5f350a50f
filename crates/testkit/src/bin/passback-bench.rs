//! `passback-bench NAME [--json]`: what `cargo xtask bench` starts when everything is built as it is
//! shipped.
//!
//! Exit codes (INTERFACES "Commands"): 0 done, 1 something was not as it must be, 2 usage, 3
//! unavailable, 4 configuration.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use testkit::bench::{self, Bench, PAIRS, Wishes};

/// Measures Passback on a real Active Directory on this machine, against a client that is not ours.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What to measure.
    #[arg(value_name = "NAME")]
    bench: Bench,
    /// The last line is one JSON object: {"bench", "commit", "figures"}.
    #[arg(long)]
    json: bool,
    /// Pairs of a bare set and one of ours. Figures that are to be told come from at least 200.
    #[arg(long, value_name = "N", default_value_t = u64::try_from(PAIRS).unwrap_or(200),
          value_parser = RangedU64ValueParser::<u64>::new().range(10..=5_000))]
    pairs: u64,
    /// Draws every order and every interval.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Leave out the controller whose keys are derived faster.
    #[arg(long)]
    plain_only: bool,
    /// What a bench starts in a process of its own.
    #[arg(long, hide = true, num_args = 4)]
    part: Vec<String>,
}

fn main() -> ExitCode {
    let Arguments { bench, json, pairs, seed, plain_only, part } = Arguments::parse();
    if !part.is_empty() {
        return match bench::part(&part) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&format!("error: {error}"));
                ExitCode::from(error.exit_code())
            }
        };
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&stop)) {
            say(&format!("error: cannot listen for signals: {error}"));
            return ExitCode::from(3);
        }
    }
    let pairs = usize::try_from(pairs).unwrap_or(PAIRS);
    let wishes = Wishes { bench, pairs, seed, plain_only };
    // In this thread, the main one: what it starts dies with it.
    match bench::run(&wishes, &|step| say(&format!("… {step}")), &stop) {
        Ok(report) => {
            let mut text = report.text();
            if json {
                text.push_str(&format!("\n{}\n", report.json(&bench::commit())));
            }
            let written = std::io::stdout().write_all(text.as_bytes());
            if written.is_err() { ExitCode::from(3) } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn say(line: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "{line}");
}
