//! Which crate may see which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// The path of its `Cargo.toml`.
    pub(super) manifest: String,
    /// Crates of the workspace that it is built with.
    needs: BTreeSet<String>,
    /// The same, for its tests only.
    tests_need: BTreeSet<String>,
}

/// One side never sees the other, not even by way of a third.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("relay", "seal", "the relay must not be able to open what it carries"),
    ("cloud", "directory", "the cloud service never speaks LDAP"),
    ("cloud", "sync", "the cloud service never sees a connector space of a directory"),
    ("cloud", "agent", "the two live in two worlds of trust"),
    ("agent", "cloud", "the two live in two worlds of trust"),
    ("agent", "store", "the agent never opens the cloud service's database"),
    ("directory", "relay", "what sets passwords takes them from its caller, not from a network"),
    ("protocol", "seal", "what both sides agree on depends on neither"),
];

/// Crates for tests, and who may be built with them.
const FOR_TESTS: &[(&str, &[&str])] = &[("testkit", &["xtask"]), ("lab", &["testkit", "xtask"])];

/// Reads what `cargo metadata --no-deps` says.
pub(super) fn packages(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages = list(&metadata["packages"]);
    packages
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"]);
            // A dependency of the workspace has a path.
            let ours = dependencies.iter().filter(|one| !one["path"].is_null());
            let (dev, normal): (Vec<_>, Vec<_>) = ours.partition(|one| one["kind"] == "dev");
            let names = |of: Vec<&Value>| of.into_iter().map(|one| text(&one["name"])).collect();
            Package {
                name: text(&package["name"]),
                manifest: text(&package["manifest_path"]),
                needs: names(normal),
                tests_need: names(dev),
            }
        })
        .collect()
}

/// The findings.
pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let needs: BTreeMap<&str, &BTreeSet<String>> =
        packages.iter().map(|package| (package.name.as_str(), &package.needs)).collect();
    let mut findings = Vec::new();
    for (from, to, reason) in FORBIDDEN {
        let direct = packages.iter().any(|one| one.name == *from && one.tests_need.contains(*to));
        if direct || reaches(&needs, from, to, &mut BTreeSet::new()) {
            findings.push(format!("{from} must not depend on {to}: {reason}"));
        }
    }
    for (name, allowed) in FOR_TESTS {
        for package in packages {
            if package.needs.contains(*name) && !allowed.contains(&package.name.as_str()) {
                let from = &package.name;
                findings.push(format!(
                    "{from} must not depend on {name} outside tests: nothing that is shipped is \
                     built with it"
                ));
            }
        }
    }
    findings
}

fn reaches<'a>(
    needs: &BTreeMap<&'a str, &'a BTreeSet<String>>,
    from: &'a str,
    to: &str,
    seen: &mut BTreeSet<&'a str>,
) -> bool {
    let Some(next) = needs.get(from).filter(|_| seen.insert(from)) else { return false };
    next.contains(to) || next.iter().any(|one| reaches(needs, one, to, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str], tests_need: &[&str]) -> Package {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: name.to_owned(),
            manifest: String::new(),
            needs: set(needs),
            tests_need: set(tests_need),
        }
    }

    #[test]
    fn a_forbidden_edge_is_found_with_its_reason_directly_in_tests_and_by_way_of_a_third() {
        for packages in [
            vec![package("relay", &["seal"], &[]), package("seal", &[], &[])],
            vec![package("relay", &[], &["seal"]), package("seal", &[], &[])],
            vec![package("relay", &["middle"], &[]), package("middle", &["seal"], &[])],
        ] {
            let findings = check(&packages);
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].contains("must not be able to open"), "{findings:?}");
        }
    }

    #[test]
    fn crates_for_tests_are_for_tests() {
        let fine = [
            package("agent", &[], &["lab", "testkit"]),
            package("testkit", &["lab"], &[]),
            package("lab", &[], &[]),
        ];
        assert_eq!(check(&fine), [] as [String; 0]);
        let wrong = [package("agent", &["lab"], &[]), package("lab", &[], &[])];
        assert_eq!(check(&wrong).len(), 1);
    }

    #[test]
    fn dependencies_are_read_by_their_kind() {
        let metadata = serde_json::json!({"packages": [{
            "name": "agent", "manifest_path": "/x/Cargo.toml",
            "dependencies": [
                {"name": "sync", "kind": null, "path": "/x"},
                {"name": "lab", "kind": "dev", "path": "/x"},
                {"name": "serde", "kind": null, "path": null},
            ],
        }]});
        let read = packages(&metadata);
        assert_eq!(read[0].needs, BTreeSet::from(["sync".to_owned()]));
        assert_eq!(read[0].tests_need, BTreeSet::from(["lab".to_owned()]));
    }
}
