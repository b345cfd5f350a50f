use std::collections::BTreeSet;
use std::fs;

use super::*;

fn read(path: &str) -> String {
    fs::read_to_string(build::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(build::root().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn each_target_has_its_file_its_seeds_and_its_line_and_nothing_else_is_there() {
    let manifest = read(MANIFEST);
    let targets = targets(&manifest);
    assert!(targets.len() >= 7, "{targets:?}");
    let (page, mut checks) = (read("docs/testing.md"), String::new());
    for source in names("crates").iter().map(|one| format!("crates/{one}/src/fuzzing.rs")) {
        checks += &fs::read_to_string(build::root().join(source)).unwrap_or_default();
    }
    for target in &targets {
        // Its file does nothing but give the input to the check of its name, as the ordinary tests give
        // it the seeds.
        let file = read(&format!("fuzz/fuzz_targets/{target}.rs"));
        assert!(file.contains(&format!("::fuzzing::{target}(bytes);")), "{file}");
        assert!(checks.contains(&format!("pub fn {target}(")), "{target}");
        assert!(checks.contains(&format!("seeds::take(\"{target}\", {target});")), "{target}");
        let line = format!("| `{target}` |");
        assert!(page.lines().any(|one| one.starts_with(&line)), "docs/testing.md lacks {line}");
    }
    let all: BTreeSet<String> = targets.iter().map(|one| (*one).to_owned()).collect();
    let files: BTreeSet<String> = all.iter().map(|one| format!("{one}.rs")).collect();
    assert_eq!(names("fuzz/fuzz_targets"), files);
    assert_eq!(names("fuzz/seeds"), all);
}

/// The name and version of every package in a lock file.
fn locked(text: &str) -> BTreeSet<(&str, &str)> {
    let packages = text.split("[[package]]").skip(1);
    packages
        .filter_map(|package| {
            let of = |key: &str| package.split_once(key)?.1.split('"').next();
            Some((of("name = \"")?, of("version = \"")?))
        })
        .collect()
}

#[test]
fn what_is_fuzzed_has_the_versions_that_are_shipped() {
    let (shipped, fuzzed) = (read("Cargo.lock"), read("fuzz/Cargo.lock"));
    let (shipped, fuzzed) = (locked(&shipped), locked(&fuzzed));
    let known: BTreeSet<&str> = shipped.iter().map(|(name, _)| *name).collect();
    let other: Vec<_> =
        fuzzed.difference(&shipped).filter(|(name, _)| known.contains(name)).collect();
    let remedy = "copy Cargo.lock to fuzz/Cargo.lock, and run `cargo metadata` in fuzz";
    assert!(other.is_empty() && fuzzed.len() > 50, "{other:?}: {remedy}");
}

#[test]
fn one_target_or_all_of_them_run_and_another_is_a_matter_of_usage() {
    let manifest =
        "[package]\nname = \"p\"\n[[bin]]\nname = \"a\"\n[[bin]]\npath = \"x\"\nname = \"b\"";
    let all = targets(manifest);
    assert_eq!(all, ["a", "b"]);
    assert_eq!(wanted(&all, None).unwrap(), ["a", "b"]);
    assert_eq!(wanted(&all, Some("b")).unwrap(), ["b"]);
    let refused = wanted(&all, Some("c")).unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (USAGE, "there is no target c: there are a, b")
    );
}

#[test]
fn a_finding_names_the_file_and_says_what_to_do_with_it() {
    let found = finding("sddl", "panicked at x", Some("fuzz/artifacts/sddl/crash-1"));
    assert_eq!(found.code, crate::fault::FINDING);
    for part in [
        "panicked at x",
        "run --sanitizer none",
        "sddl fuzz/artifacts/sddl/crash-1",
        "fuzz/seeds/sddl",
    ] {
        assert!(found.message.contains(part), "{}", found.message);
    }
    assert!(finding("sddl", "", None).message.contains("left no input"));
}
