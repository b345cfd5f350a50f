//! Which crate may see which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::offence::{Offence, line_where};

/// A crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// As its `Cargo.toml` says.
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

/// The programs that people run, by their crates.
const SHIPPED: &[&str] = &["agent", "cloud"];

/// Crates for tests, what is in them, and who may be built with them. Everybody's tests may.
const FOR_TESTS: &[(&str, &str, &[&str])] = &[
    ("testkit", "programs that crash when told to and bugs that are planted", &["xtask"]),
    ("lab", "a directory that is made to be broken", &["testkit", "directory-fake", "xtask"]),
    ("directory-fake", "a directory that only acts like one", &["testkit"]),
];

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

/// The edges that must not be. `read` gives the text of a crate's manifest, by the crate's name.
pub(super) fn check(packages: &[Package], read: impl Fn(&str) -> String) -> Vec<Offence> {
    let needs: BTreeMap<&str, &BTreeSet<String>> =
        packages.iter().map(|package| (package.name.as_str(), &package.needs)).collect();
    let offence = |way: &[&str], why: String, remedy: &str| {
        let (from, next) = (way[0], way[1]);
        let manifest = read(from);
        let line = line_where(&manifest, |line| names(line, next));
        let what =
            format!("{from} must not depend on {} ({})", way[way.len() - 1], way.join(" → "));
        Offence::new((&manifest_of(from), line), what, why, remedy)
    };
    let mut offences = Vec::new();
    for (from, to, reason) in FORBIDDEN {
        let direct = packages.iter().any(|one| one.name == *from && one.tests_need.contains(*to));
        let way = if direct { Some(vec![*from, *to]) } else { way(&needs, from, to) };
        if let Some(way) = way {
            let remedy = "take from it what both may see into a crate of its own";
            offences.push(offence(&way, (*reason).to_owned(), remedy));
        }
    }
    for (name, holds, allowed) in FOR_TESTS {
        let why = |what: &str| format!("{name} holds {holds}, and {what}");
        let remedy = "make it a dependency of tests ([dev-dependencies]), or do without";
        for shipped in SHIPPED {
            let found = way(&needs, shipped, name);
            offences.extend(found.map(|way| {
                offence(&way, why("seeded bugs and fakes must not be in what people run"), remedy)
            }));
        }
        for Package { name: from, needs, .. } in packages {
            let may = allowed.contains(&from.as_str()) || SHIPPED.contains(&from.as_str());
            if needs.contains(*name) && !may {
                offences.push(offence(&[from, name], why("is for tests and tools"), remedy));
            }
        }
    }
    offences
}

/// Where a crate of ours has its manifest.
pub(super) fn manifest_of(package: &str) -> String {
    if package == "xtask" {
        "xtask/Cargo.toml".into()
    } else {
        format!("crates/{package}/Cargo.toml")
    }
}

/// Whether a line of a manifest is the dependency of this name.
fn names(line: &str, dependency: &str) -> bool {
    line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
}

/// The shortest way from one crate to another, both ends included.
fn way<'a>(
    needs: &BTreeMap<&'a str, &'a BTreeSet<String>>,
    from: &'a str,
    to: &str,
) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let next = way.last().and_then(|last| needs.get(last)).into_iter().copied().flatten();
            for next in next.map(String::as_str) {
                let way = [way.as_slice(), &[next]].concat();
                if next == to {
                    return Some(way);
                }
                if seen.insert(next) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
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

    fn found(packages: &[Package]) -> Vec<String> {
        check(packages, |_| String::new()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_forbidden_edge_is_found_with_its_reason_directly_in_tests_and_by_way_of_a_third() {
        for packages in [
            vec![package("relay", &["seal"], &[]), package("seal", &[], &[])],
            vec![package("relay", &[], &["seal"]), package("seal", &[], &[])],
            vec![package("relay", &["middle"], &[]), package("middle", &["seal"], &[])],
        ] {
            let offences = found(&packages);
            assert_eq!(offences.len(), 1, "{offences:?}");
            assert!(offences[0].contains("must not be able to open"), "{offences:?}");
        }
    }

    #[test]
    fn an_edge_is_shown_where_its_first_step_is_written() {
        let packages = [package("cloud", &["a"], &[]), package("a", &["sync", "cloud"], &[])];
        let manifest = "[dependencies]\nab.workspace = true\na.workspace = true\n";
        let offences = check(&packages, |_| manifest.to_owned());
        let shown = offences[0].to_string();
        assert!(shown.starts_with("crates/cloud/Cargo.toml:3: cloud must not"), "{shown}");
        assert!(shown.contains("(cloud → a → sync)"), "{shown}");
    }

    #[test]
    fn what_people_run_holds_no_fakes_and_no_seeded_bugs() {
        for shipped in SHIPPED {
            for (name, holds, _) in FOR_TESTS {
                let direct = vec![package(shipped, &[name], &[])];
                let by_testkit =
                    vec![package(shipped, &["a", "xtask"], &[]), package("xtask", &[name], &[])];
                for packages in [direct, by_testkit] {
                    let offences = found(&packages);
                    let of_shipped = offences.iter().find(|one| {
                        one.contains(&format!("{shipped} must not depend on {name}"))
                            && one.contains("must not be in what people run")
                    });
                    assert!(of_shipped.is_some_and(|one| one.contains(holds)), "{offences:?}");
                }
                let tests = [package(shipped, &[], &[name]), package(name, &[], &[])];
                assert_eq!(found(&tests), [] as [String; 0]);
            }
        }
    }

    #[test]
    fn crates_for_tests_are_for_tests() {
        let fine = [
            package("sync", &[], &["lab", "testkit", "directory-fake"]),
            package("testkit", &["lab", "directory-fake"], &[]),
            package("lab", &[], &[]),
        ];
        assert_eq!(found(&fine), [] as [String; 0]);
        let wrong = [package("sync", &["lab"], &[]), package("lab", &[], &[])];
        assert_eq!(found(&wrong).len(), 1);
    }

    #[test]
    fn dependencies_are_read_by_their_kind() {
        let metadata = serde_json::json!({"packages": [{
            "name": "agent", "manifest_path": "/x/Cargo.toml",
            "dependencies": [
                {"name": "sync", "kind": null, "path": "/x"},
                {"name": "lab", "kind": "dev", "path": "/x"},
                {"name": "seal", "kind": "build", "path": "/x"},
                {"name": "serde", "kind": null, "path": null},
            ],
        }]});
        let read = packages(&metadata);
        assert_eq!(read[0].needs, BTreeSet::from(["seal".to_owned(), "sync".to_owned()]));
        assert_eq!(read[0].tests_need, BTreeSet::from(["lab".to_owned()]));
    }
}
