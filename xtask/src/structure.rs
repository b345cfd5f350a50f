//! Structure checks: what a reviewer forgets, this does not. Each finding says what and why.

mod banned;
mod edges;
mod links;
mod sources;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::build::{self, cargo};
use crate::fault::Fault;
use crate::show;
use sources::Source;

/// The committed number of files above the length that hardly any should have.
const LONG_FILES: &str = "xtask/long-files.txt";

/// Runs all checks and shows every finding.
pub(crate) fn check() -> Result<(), Fault> {
    let metadata = metadata()?;
    let packages = edges::packages(&metadata);
    let sources = sources::below(&build::root())?;
    let mut findings = edges::check(&packages);
    findings.extend(manifests(&packages)?);
    findings.extend(banned::check(&tree()?));
    findings.extend(sources::check(&sources));
    findings.extend(lengths(&sources)?);
    let root = build::root();
    findings.extend(links::check(&root, &links::documents(&root)?));
    for finding in &findings {
        show::line(&format!("  {finding}"));
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err(Fault::finding("the structure has a finding: see above")),
        count => Err(Fault::finding(format!("the structure has {count} findings: see above"))),
    }
}

fn metadata() -> Result<Value, Fault> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let output = output.map_err(|error| Fault::unavailable(format!("cargo metadata: {error}")))?;
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
fn manifests(packages: &[edges::Package]) -> Result<Vec<String>, Fault> {
    let mut findings = Vec::new();
    for package in packages {
        let path = Path::new(&package.manifest);
        let text = fs::read_to_string(path)
            .map_err(|error| Fault::unavailable(format!("{}: {error}", path.display())))?;
        if !text.contains("[lints]\nworkspace = true") {
            let name = &package.name;
            findings.push(format!(
                "{name}/Cargo.toml lacks `[lints] workspace = true`: without it the lints of the \
                 root do not hold there"
            ));
        }
    }
    Ok(findings)
}

fn lengths(sources: &[Source]) -> Result<Vec<String>, Fault> {
    let text = read(LONG_FILES)?;
    let number = text.lines().rfind(|line| !line.starts_with('#'));
    let most = number.and_then(|line| line.trim().parse().ok());
    let most = most.ok_or_else(|| Fault::finding(format!("{LONG_FILES} ends with no number")))?;
    Ok(sources::lengths(sources, most))
}

fn read(name: &str) -> Result<String, Fault> {
    fs::read_to_string(build::root().join(name))
        .map_err(|error| Fault::unavailable(format!("cannot read {name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_has_no_findings() {
        let packages = edges::packages(&metadata().unwrap());
        assert!(packages.len() > 10, "all crates are seen");
        let sources = sources::below(&build::root()).unwrap();
        assert!(sources.len() > 100, "all sources are seen");
        assert_eq!(edges::check(&packages), [] as [String; 0]);
        assert_eq!(manifests(&packages).unwrap(), [] as [String; 0]);
        assert_eq!(banned::check(&tree().unwrap()), [] as [String; 0]);
        assert_eq!(sources::check(&sources), [] as [String; 0]);
        assert_eq!(lengths(&sources).unwrap(), [] as [String; 0]);
        let documents = links::documents(&build::root()).unwrap();
        assert_eq!(links::check(&build::root(), &documents), [] as [String; 0]);
    }
}
