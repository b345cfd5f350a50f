//! Crates that are not to come in, by whatever road.
//!
//! What is really built is looked at, not `Cargo.lock`: that names a crate also where a feature
//! would only have a say about it if somebody else brought it in (`ring?/std`).

use std::collections::BTreeSet;

use super::offence::{Offence, line_where};

/// Name, the first version that is fine (none is if empty), and why.
const BANNED: &[(&str, &str, &str)] = &[
    ("ring", "", "one cryptographic library is enough: aws-lc-rs"),
    ("openssl", "", "TLS is rustls"),
    ("openssl-sys", "", "TLS is rustls"),
    ("native-tls", "", "TLS is rustls"),
    ("chrono", "", "time is milliseconds (protocol::Timestamp), and jiff where people read it"),
    ("rsa", "0.10", "RUSTSEC-2023-0071: decrypting leaks the key by time"),
    ("rustls-pemfile", "", "unmaintained: rustls::pki_types reads PEM"),
    ("backoff", "", "unmaintained: RUSTSEC-2025-0012"),
    ("bincode", "", "unmaintained: RUSTSEC-2025-0141"),
];

/// What is banned in what `cargo tree --prefix none` says. `lock` is the text of `Cargo.lock`.
pub(super) fn check(tree: &str, lock: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, version) in packages(tree) {
        for (banned, fine_from, reason) in BANNED {
            let fine = !fine_from.is_empty() && numbers(version) >= numbers(fine_from);
            if name == *banned && !fine {
                let locked = format!("name = \"{name}\"");
                offences.push(Offence::new(
                    ("Cargo.lock", line_where(lock, |line| line == locked)),
                    format!("{name} {version} is built, and it is banned"),
                    *reason,
                    format!("do without who brought it (`cargo tree -i {name}`)"),
                ));
            }
        }
    }
    offences
}

/// Each line is `NAME vVERSION`, and more.
fn packages(tree: &str) -> BTreeSet<(&str, &str)> {
    let lines = tree.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        Some((name, rest.split(' ').next()?))
    });
    lines.collect()
}

fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(['.', '-', '+']);
    parts.map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, version: &str) -> String {
        format!("agent v0.1.0 (/x/agent)\n{name} v{version}\n{name} v{version} (*)\n")
    }

    #[test]
    fn what_is_banned_is_found_with_its_reason() {
        let offences = check(&tree("ring", "0.17.8"), "[[package]]\nname = \"ring\"\n");
        assert_eq!(offences.len(), 1);
        let shown = offences[0].to_string();
        assert!(shown.starts_with("Cargo.lock:2: ring 0.17.8") && shown.contains("aws-lc-rs"));
        assert_eq!(check(&tree("stringer", "1.0.0"), ""), []);
    }

    #[test]
    fn a_version_may_be_fine_where_an_older_one_is_not() {
        assert_eq!(check(&tree("rsa", "0.9.8"), "").len(), 1);
        assert_eq!(check(&tree("rsa", "0.10.1"), ""), []);
        assert_eq!(check(&tree("rsa", "1.0.0-rc.1"), ""), []);
    }
}
