//! `cargo xtask test`: format, lints, structure, and every test; what was left out is said loudly.

mod count;
mod lab;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ExitCode, Stdio};

use crate::build::{self, cargo};
use crate::fault::Fault;
use crate::{install, show, structure};
use count::Count;
use lab::RunningLab;

/// The smallest numbers of tests, raised with every commit that adds some.
const MINIMUM: &str = "xtask/minimum-tests.txt";

/// What `cargo xtask test` was asked for.
#[derive(clap::Args)]
pub(crate) struct Wishes {
    /// Leave out the tests that need the real Active Directory (and root).
    #[arg(long)]
    without_lab: bool,
    /// Run the structure checks and nothing else: it takes a second.
    #[arg(long, conflicts_with_all = ["without_lab", "filters"])]
    structure_only: bool,
    /// Install what is missing without asking; CI=true implies it.
    #[arg(long)]
    yes: bool,
    /// Given to nextest: names of tests, for example.
    #[arg(last = true)]
    filters: Vec<String>,
}

/// Runs everything; the first failure ends it.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    if wishes.structure_only {
        show::step("Structure", structure::check)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !wishes.without_lab {
        build::require_root("the real Active Directory").map_err(|fault| or_without_lab(&fault))?;
        install::packages(&[install::LAB, install::DEMO].concat(), wishes.yes)?;
    }
    install::packages(install::TESTS, wishes.yes)?;
    install::script_packages(wishes.yes)?;
    install::test_tools(wishes.yes)?;
    if wishes.without_lab {
        say_what_is_left_out();
    }
    show::step("Format", || {
        build::run(cargo().args(["fmt", "--all", "--check"]), "the format check (`cargo fmt`)")
    })?;
    show::step("Lints", || {
        // With all features: what only the targets in `fuzz/` use is looked at here and built nowhere else.
        let what = ["clippy", "--workspace", "--all-targets", "--all-features"];
        build::run(cargo().args(what).args(["--", "--deny", "warnings"]), "clippy")
    })?;
    show::step("Structure", structure::check)?;
    show::step("Building everything", build::everything)?;
    let lab = if wishes.without_lab {
        None
    } else {
        Some(show::step("Starting the Active Directory", RunningLab::start)?)
    };
    let count = show::step("Tests", || nextest(wishes, lab.as_ref()));
    drop(lab);
    compare(wishes, &count?)?;
    if wishes.without_lab {
        say_what_is_left_out();
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs nextest with its output shown, and reads its last line.
fn nextest(wishes: &Wishes, lab: Option<&RunningLab>) -> Result<Count, Fault> {
    let mut command = cargo();
    command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    match lab {
        Some(lab) => command.env("PASSBACK_LAB", lab.forest_file()),
        None => command.args(["--filterset", "not binary(/^samba/)"]),
    };
    command.args(&wishes.filters).stderr(Stdio::piped());
    let unavailable = |error: std::io::Error| Fault::unavailable(format!("cargo nextest: {error}"));
    let mut child = command.spawn().map_err(unavailable)?;
    let mut count = None;
    if let Some(output) = child.stderr.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line.map_err(unavailable)?).into_owned();
            let _ = writeln!(std::io::stderr(), "{line}");
            count = Count::read(&line).or(count);
        }
    }
    let status = child.wait().map_err(unavailable)?;
    if !status.success() {
        return Err(Fault::finding("tests failed, or there are none with such a name: see above"));
    }
    count.ok_or_else(|| Fault::finding("nextest did not say how many tests it ran"))
}

/// Tests do not vanish: without filters, as many run as the committed minimum says.
fn compare(wishes: &Wishes, count: &Count) -> Result<(), Fault> {
    let Count { run, skipped } = count;
    show::line(&format!("{run} tests were run, {skipped} were not."));
    if !wishes.filters.is_empty() {
        return Ok(());
    }
    let kind = if wishes.without_lab { "without-lab" } else { "all" };
    let file = build::root().join(MINIMUM);
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Fault::unavailable(format!("cannot read {MINIMUM}: {error}")))?;
    let least = count::minimum(&text, kind)
        .ok_or_else(|| Fault::finding(format!("{MINIMUM} has no line `{kind} NUMBER`")))?;
    if *run < least {
        return Err(Fault::finding(format!(
            "{run} tests were run, and {MINIMUM} says that there are at least {least}: find out \
             where the others went"
        )));
    }
    if *skipped > 0 && !wishes.without_lab {
        return Err(Fault::finding(format!("{skipped} tests were skipped: none may be")));
    }
    Ok(())
}

fn or_without_lab(fault: &Fault) -> Fault {
    let message = format!("{}, or leave its tests out with --without-lab", fault.message);
    Fault { code: fault.code, message }
}

fn say_what_is_left_out() {
    let rule = "!".repeat(78);
    show::line(&rule);
    show::line("!!  WITHOUT THE LAB: no test against a real Active Directory is run. A green");
    show::line("!!  result says nothing about resets. Run `cargo xtask test` before you trust it.");
    show::line(&rule);
}
