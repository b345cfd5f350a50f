//! What a page's script must mark of which password, by which rules: Rust is held to the same
//! vectors as the script (`crates/testkit/tests/page_rules.rs`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports a broken expectation by panicking"
)]

use protocol::ClearPassword;
use protocol::policy::{AccountNames, PasswordPolicy, Rule, ShownRules};
use serde::Deserialize;

const VECTORS: &str = include_str!("../vectors/policy.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    name: String,
    policy: PasswordPolicy,
    account_name: String,
    display_name: String,
    rules: ShownRules,
    verdicts: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    password: String,
    unmet: Vec<Rule>,
}

#[test]
fn pages_show_and_mark_what_the_vectors_say() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 8);
    for Vector { name, policy, account_name, display_name, rules, verdicts } in vectors {
        let names = AccountNames { account_name, display_name };
        assert_eq!(policy.shown(&names), rules, "{name}");
        assert!(verdicts.len() > 50, "{name}");
        for Verdict { password: text, unmet } in verdicts {
            let password = ClearPassword::from_text(&text).unwrap();
            assert_eq!(rules.unmet(&password), unmet, "{name}: {text:?}");
            assert_eq!(policy.broken_rules(&password, &names), unmet, "{name}: {text:?}");
        }
    }
}

#[test]
fn every_rule_is_broken_and_met_somewhere_for_each_judge() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    for (name, rules) in [
        ("Windows", &[Rule::TooShort, Rule::TooFewKinds, Rule::ContainsName][..]),
        ("Samba", &[Rule::TooShort, Rule::TooFewKinds]),
        ("somebody", &[Rule::TooShort, Rule::TooFewKinds]),
    ] {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let count = |rule| vector.verdicts.iter().filter(|one| one.unmet.contains(rule)).count();
        for rule in rules {
            assert!((2..vector.verdicts.len() - 2).contains(&count(rule)), "{name} {rule:?}");
        }
        let others = [Rule::ContainsName].iter().filter(|rule| !rules.contains(rule));
        assert_eq!(others.map(count).sum::<usize>(), 0, "{name}");
    }
}
