//! `cargo xtask bench`: builds as it is shipped, and becomes `passback-bench`, which knows what can
//! be measured and what each measurement needs.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use crate::build;
use crate::fault::Fault;

/// What `cargo xtask bench` was asked for.
#[derive(clap::Args)]
pub(crate) struct Wishes {
    /// What to measure: reset, directory, messages or relay, for example.
    #[arg(value_name = "NAME")]
    name: String,
    /// The last line is one JSON object: `{"bench", "commit", "figures"}`.
    #[arg(long)]
    json: bool,
}

/// Returns only if something is in the way.
pub(crate) fn run(wishes: &Wishes) -> Result<ExitCode, Fault> {
    // What is measured is all that stands on standard output.
    let _ = writeln!(std::io::stderr(), "… Building as it is shipped");
    build::bench()?;
    Err(build::become_binary(&build::released("passback-bench"), &arguments(wishes)))
}

fn arguments(wishes: &Wishes) -> Vec<OsString> {
    let json = wishes.json.then(|| "--json".into());
    [OsString::from(&wishes.name)].into_iter().chain(json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bench_is_told_what_to_measure_and_how_to_say_it() {
        let of = |json| arguments(&Wishes { name: "reset".into(), json });
        assert_eq!(of(false), ["reset"]);
        assert_eq!(of(true), ["reset", "--json"]);
        assert_eq!(
            arguments(&Wishes { name: "directory".into(), json: true }),
            ["directory", "--json"]
        );
    }
}
