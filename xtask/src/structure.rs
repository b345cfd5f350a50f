//! Structure checks: what a reviewer forgets, this does not. Every offence is shown at once, each
//! on a line that says where, what, why, and what to do.

mod banned;
mod documented;
mod edges;
mod functions;
mod links;
mod marks;
mod offence;
mod sources;
mod tokens;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::build::{self, cargo};
use crate::fault::Fault;
use crate::show;
use edges::Package;
use offence::{Offence, line_where};
use sources::Source;

/// The committed number of files above the length that hardly any should have.
const LONG_FILES: &str = "xtask/long-files.txt";
/// The committed functions that are too long, each with its length.
const LONG_FUNCTIONS: &str = "xtask/long-functions.txt";
/// The committed numbers of items for a crate alone that are not documented.
const UNDOCUMENTED: &str = "xtask/undocumented.txt";

/// Runs all checks and shows every offence.
pub(crate) fn check() -> Result<(), Fault> {
    let offences = offences()?;
    for offence in &offences {
        show::line(&offence.to_string());
    }
    match offences.len() {
        0 => Ok(()),
        1 => Err(Fault::finding("the structure has an offence: see above")),
        count => Err(Fault::finding(format!("the structure has {count} offences: see above"))),
    }
}

/// What is wrong with this checkout, in the order of its files.
fn offences() -> Result<Vec<Offence>, Fault> {
    let root = build::root();
    let packages = edges::packages(&metadata()?);
    let manifest = |package: &str| read(&edges::manifest_of(package)).unwrap_or_default();
    let mut offences = edges::check(&packages, manifest);
    offences.extend(manifests(&packages)?);
    offences.extend(banned::check(&tree()?, &read("Cargo.lock")?));
    offences.extend(in_files(&sources::below(&root)?, read)?);
    offences.extend(links::check(&root, &links::documents(&root)?));
    offences.sort();
    Ok(offences)
}

/// What is wrong with what the files say. `read` gives the committed lists and the root's manifest.
fn in_files(
    sources: &[Source],
    read: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Vec<Offence>, Fault> {
    let mut offences = marks::check(sources);
    offences.extend(sources::lengths(sources, LONG_FILES, &read(LONG_FILES)?));
    offences.extend(functions::check(sources, LONG_FUNCTIONS, &read(LONG_FUNCTIONS)?));
    offences.extend(documented::check(sources, UNDOCUMENTED, &read(UNDOCUMENTED)?));
    offences.extend(documented::lint(&read("Cargo.toml")?));
    Ok(offences)
}

fn metadata() -> Result<Value, Fault> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let output = output.map_err(|error| Fault::unavailable(format!("cargo metadata: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Fault::unavailable(format!("cargo metadata failed: {said}")));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Fault::unavailable(format!("cargo metadata: {error}")))
}

/// Everything that is built on this machine, for tests too.
fn tree() -> Result<String, Fault> {
    let arguments = ["tree", "--workspace", "--edges", "all", "--prefix", "none"];
    let output = cargo().args(arguments).output();
    let output = output.map_err(|error| Fault::unavailable(format!("cargo tree: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text) } else { Err(Fault::unavailable("cargo tree failed")) }
}

/// Lints hold in every crate, or they hold nowhere.
fn manifests(packages: &[Package]) -> Result<Vec<Offence>, Fault> {
    let mut offences = Vec::new();
    for package in packages {
        let path = Path::new(&package.manifest);
        let text = fs::read_to_string(path)
            .map_err(|error| Fault::unavailable(format!("{}: {error}", path.display())))?;
        offences.extend(without_lints(&edges::manifest_of(&package.name), &text));
    }
    Ok(offences)
}

fn without_lints(path: &str, manifest: &str) -> Option<Offence> {
    let line = line_where(manifest, |line| line == "[lints]");
    (!manifest.contains("[lints]\nworkspace = true")).then(|| {
        let what = "this lacks `[lints] workspace = true`";
        Offence::new((path, line), what, "the lints of the root do not hold here", "write it")
    })
}

fn read(name: &str) -> Result<String, Fault> {
    fs::read_to_string(build::root().join(name))
        .map_err(|error| Fault::unavailable(format!("cannot read {name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_has_no_offences() {
        let packages = edges::packages(&metadata().unwrap());
        assert!(packages.len() > 10, "all crates are seen");
        for package in &packages {
            assert!(package.manifest.ends_with(&edges::manifest_of(&package.name)), "{package:?}");
        }
        let sources = sources::below(&build::root()).unwrap();
        let rust = sources.iter().filter(|source| source.is_rust()).count();
        assert!(rust > 250, "all sources are seen");
        for seen in ["crates/cloud/assets/passback.css", "README.md", ".ci/run"] {
            assert!(sources.iter().any(|source| source.path == seen), "{seen} is seen");
        }
        let offences: Vec<_> = offences().unwrap().iter().map(ToString::to_string).collect();
        assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
    }

    #[test]
    fn what_is_planted_in_a_file_is_found_by_the_check_as_it_is_run() {
        let manifest = "[workspace.lints.rust]\nmissing_docs = \"deny\"\n";
        let lists = |name: &str| {
            let text = match name {
                "Cargo.toml" => manifest,
                LONG_FILES => "0\n",
                _ => "",
            };
            Ok(text.to_owned())
        };
        let (later, long) = (concat!("TO", "DO"), "\n".repeat(70));
        for (text, what) in [
            (format!("//! A.\n// {later}\n"), "marks something"),
            ("//! A.\n#[ignore]\nfn a() {}\n".into(), "an ignored test"),
            (format!("//! A.\nfn a() {{{long}}}\n"), "the function a has 71 lines"),
            (format!("//! A.\n{}", "\n".repeat(800)), "the file has 801 lines"),
            ("//! A.\npub fn a() {}\n".into(), "`pub fn a` is not documented"),
            ("fn a() {}\n".into(), "does not open with"),
        ] {
            let found = in_files(&[Source::new("crates/a/src/b.rs", text)], lists).unwrap();
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert!(found.iter().any(|one| one.contains(what)), "{what}: {found:?}");
        }
        let fine = Source::new("crates/a/src/b.rs", "//! A.\n\n/// A.\npub fn a() {}\n");
        assert_eq!(in_files(&[fine], lists).unwrap(), []);
    }

    #[test]
    fn a_crate_takes_the_lints_of_the_root() {
        assert_eq!(without_lints("a", "[lints]\nworkspace = true\n"), None);
        for manifest in ["", "[lints]\n[lints.rust]\nmissing_docs = \"allow\"\n"] {
            assert!(without_lints("a", manifest).is_some(), "{manifest}");
        }
    }
}
