//! The rules of a password policy, and the checker that pages and agent share (SPEC W-3, D-8).
//!
//! The checker says what is *certain to fail*. It never says that a password will be taken:
//! history, filters and fine-grained policies are AD's to judge (SPEC PR-3).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ClearPassword;

/// An effective policy, as far as the agent may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordPolicy {
    /// The least length, in UTF-16 code units.
    pub minimum_length: u32,
    /// Whether three of five kinds of characters are asked for (MS-SAMR 3.1.1.7.2).
    pub complexity: bool,
    /// How many earlier passwords are remembered.
    pub history_length: u32,
    /// How old a password must be before it can be replaced, in seconds.
    pub minimum_age_seconds: u64,
}

/// A rule of the policy that a password can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Shorter than the least length.
    TooShort,
    /// Fewer than three kinds of characters.
    TooFewKinds,
    /// Contains the account name or a part of the display name.
    ContainsName,
}

/// The names that a complex password must not contain.
#[derive(Debug, Clone, Default)]
pub struct AccountNames {
    /// `sAMAccountName`.
    pub account_name: String,
    /// `displayName`.
    pub display_name: String,
}

impl PasswordPolicy {
    /// The least age as a duration.
    pub const fn minimum_age(&self) -> Duration {
        Duration::from_secs(self.minimum_age_seconds)
    }

    /// The rules that `password` breaks, in the order in which a person should hear of them.
    pub fn broken_rules(&self, password: &ClearPassword, names: &AccountNames) -> Vec<Rule> {
        let mut broken = Vec::new();
        if password.units() < self.minimum_length as usize {
            broken.push(Rule::TooShort);
        }
        if self.complexity {
            if kinds(password) < 3 {
                broken.push(Rule::TooFewKinds);
            }
            if contains_name(password, names) {
                broken.push(Rule::ContainsName);
            }
        }
        broken
    }
}

/// How many of the five kinds occur: upper case, lower case, digits, symbols, other letters.
fn kinds(password: &ClearPassword) -> usize {
    let mut found = [false; 5];
    for character in password.characters() {
        let kind = match character {
            c if c.is_ascii_digit() => 2,
            c if c.is_uppercase() => 0,
            c if c.is_lowercase() => 1,
            c if c.is_alphabetic() => 4,
            _ => 3,
        };
        found[kind] = true;
    }
    found.iter().filter(|one| **one).count()
}

/// MS-SAMR 3.1.1.7.2: the whole account name, or a part of the display name between delimiters,
/// of three characters or more, without regard to case.
fn contains_name(password: &ClearPassword, names: &AccountNames) -> bool {
    let text = password.to_text();
    let lower = zeroize::Zeroizing::new(text.to_lowercase());
    let delimiters = [',', '.', '-', '_', ' ', '#', '\t'];
    let parts = names.display_name.split(delimiters);
    std::iter::once(names.account_name.as_str())
        .chain(parts)
        .filter(|name| name.chars().count() >= 3)
        .any(|name| lower.contains(&name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(minimum_length: u32, complexity: bool) -> PasswordPolicy {
        PasswordPolicy { minimum_length, complexity, history_length: 24, minimum_age_seconds: 0 }
    }

    fn broken(policy: &PasswordPolicy, password: &str) -> Vec<Rule> {
        let names =
            AccountNames { account_name: "jdevries".into(), display_name: "Jan de Vries".into() };
        policy.broken_rules(&ClearPassword::from_text(password).unwrap(), &names)
    }

    #[test]
    fn length_counts_utf16_units() {
        assert_eq!(broken(&policy(8, false), "1234567"), [Rule::TooShort]);
        assert_eq!(broken(&policy(8, false), "😀😀😀😀"), []);
    }

    #[test]
    fn three_of_five_kinds_are_enough() {
        for good in ["Aa1aaaaa", "aa1!aaaa", "密碼aA", "密碼1!"] {
            assert_eq!(broken(&policy(1, true), good), [], "{good}");
        }
        for bad in ["aaaaaaaa", "AAAA1111", "密碼a"] {
            assert_eq!(broken(&policy(1, true), bad), [Rule::TooFewKinds], "{bad}");
        }
    }

    #[test]
    fn names_of_three_letters_or_more_count() {
        assert_eq!(broken(&policy(1, true), "xJDEVRIES9!"), [Rule::ContainsName]);
        assert_eq!(broken(&policy(1, true), "my-vries-9A"), [Rule::ContainsName]);
        assert_eq!(broken(&policy(1, true), "Under-de-bridge-9"), []);
    }

    #[test]
    fn without_complexity_only_length_counts() {
        assert_eq!(broken(&policy(1, false), "jdevries"), []);
    }
}
