//! The rules of a password policy as a controller judges by them.
//!
//! Written apart from `protocol::policy`, which is the client's checker: a fake that judged with
//! the checker's own code could never show that the checker is wrong.

use std::time::Duration;

use directory::filetime;

use crate::values::Values;

/// What directory is imitated, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// Samba 4.24 as tried (LAB.md): its texts, names not judged, minimum age enforced on a reset
    /// with the policy-hints control, 52e for an account that does not exist.
    #[default]
    Samba,
    /// Windows as documented: mute texts, names judged (MS-SAMR 3.1.1.7.2), of the reset only
    /// history enforced by the control (MS-ADTS 3.1.1.3.4.1), 525 for an unknown account.
    Windows,
}

/// A policy: the domain's or a fine-grained one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakePolicy {
    /// In UTF-16 code units.
    pub minimum_length: u32,
    /// Three kinds of characters.
    pub complexity: bool,
    /// How many passwords are remembered, the present one counted.
    pub history_length: u32,
    /// How old a password must be before it can be replaced.
    pub minimum_age: Duration,
    /// How old it may become; none is for ever.
    pub maximum_age: Option<Duration>,
    /// How many wrong passwords lock an account out; 0 is never.
    pub lockout_threshold: u32,
    /// How long an account stays locked; nothing is until somebody unlocks it.
    pub lockout_duration: Duration,
    /// How long a wrong password is counted.
    pub lockout_window: Duration,
}

impl Default for FakePolicy {
    /// The lab's: a new domain's, but without its minimum age of a day.
    fn default() -> Self {
        Self {
            minimum_length: 7,
            complexity: true,
            history_length: 24,
            minimum_age: Duration::ZERO,
            maximum_age: None,
            lockout_threshold: 5,
            lockout_duration: Duration::ZERO,
            lockout_window: Duration::from_secs(30 * 60),
        }
    }
}

/// DOMAIN_PASSWORD_COMPLEX of `pwdProperties` (MS-SAMR 2.2.1.17).
const COMPLEX: i64 = 1;
/// The names of a policy's attributes: on the domain head, and on a Password Settings object.
const NAMES: [[&str; 2]; 8] = [
    ["minPwdLength", "msDS-MinimumPasswordLength"],
    ["pwdProperties", "msDS-PasswordComplexityEnabled"],
    ["pwdHistoryLength", "msDS-PasswordHistoryLength"],
    ["minPwdAge", "msDS-MinimumPasswordAge"],
    ["maxPwdAge", "msDS-MaximumPasswordAge"],
    ["lockoutThreshold", "msDS-LockoutThreshold"],
    ["lockoutDuration", "msDS-LockoutDuration"],
    ["lockOutObservationWindow", "msDS-LockoutObservationWindow"],
];

/// Where a policy stands.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// On the domain head.
    Domain = 0,
    /// On a Password Settings object.
    FineGrained = 1,
}

impl FakePolicy {
    /// Writes the policy into an object's attributes.
    pub(crate) fn write(&self, place: Place, values: &mut Values) {
        let complexity = match (place, self.complexity) {
            (Place::Domain, complex) => i64::from(complex).to_string(),
            (Place::FineGrained, true) => "TRUE".to_owned(),
            (Place::FineGrained, false) => "FALSE".to_owned(),
        };
        let written = [
            self.minimum_length.to_string(),
            complexity,
            self.history_length.to_string(),
            negative(self.minimum_age),
            self.maximum_age.map_or_else(|| i64::MIN.to_string(), negative),
            self.lockout_threshold.to_string(),
            negative(self.lockout_duration),
            negative(self.lockout_window),
        ];
        for (names, value) in NAMES.iter().zip(written) {
            values.put(names[place as usize], value);
        }
    }

    /// Reads the policy out of an object's attributes; what is absent demands nothing.
    pub(crate) fn read(place: Place, values: &Values) -> Self {
        let number = |at: usize| values.number(NAMES[at][place as usize]).unwrap_or_default();
        let small = |at| u32::try_from(number(at)).unwrap_or_default();
        let complexity = match place {
            Place::Domain => number(1) & COMPLEX != 0,
            Place::FineGrained => values.text(NAMES[1][1]) == Some("TRUE"),
        };
        Self {
            minimum_length: small(0),
            complexity,
            history_length: small(2),
            minimum_age: filetime::span(number(3)),
            maximum_age: (number(4) != i64::MIN).then(|| filetime::span(number(4))),
            lockout_threshold: small(5),
            lockout_duration: filetime::span(number(6)),
            lockout_window: filetime::span(number(7)),
        }
    }
}

/// A span as AD stores it: negative, in steps of 100 ns.
fn negative(span: Duration) -> String {
    let steps = i64::try_from(span.as_nanos() / 100).unwrap_or(i64::MAX);
    (-steps).to_string()
}

/// How many kinds of characters there are: capitals, small letters, digits, the symbols that are
/// listed, and other characters beyond ASCII. A blank is of no kind.
pub(crate) fn kinds(password: &str, flavour: Flavour) -> usize {
    let mut found = [false; 5];
    for character in password.chars() {
        let kind = match character {
            c if c.is_ascii_digit() => 0,
            c if c.is_uppercase() => 1,
            c if c.is_lowercase() => 2,
            c if SYMBOLS.contains(c) => 3,
            c if c.is_ascii() => continue,
            c if flavour == Flavour::Windows && !c.is_alphabetic() => continue,
            _ => 4,
        };
        found[kind] = true;
    }
    found.into_iter().filter(|one| *one).count()
}

/// MS-SAMR 3.1.1.7.2, and the same list in Samba.
const SYMBOLS: &str = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/";

/// MS-SAMR 3.1.1.7.2: the account name, or a part of the full name, of three characters or more.
pub(crate) fn holds_name(password: &str, account_name: &str, full_name: &str) -> bool {
    let password = password.to_lowercase();
    let parts = full_name.split([',', '.', '-', '_', ' ', '#', '\t']);
    let long = |name: &&str| name.chars().count() > 2;
    parts.chain([account_name]).filter(long).any(|name| password.contains(&name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_from_both_places() {
        let policy = FakePolicy {
            minimum_length: 12,
            complexity: false,
            minimum_age: Duration::from_secs(86_400),
            maximum_age: Some(Duration::from_secs(42 * 86_400)),
            ..FakePolicy::default()
        };
        for place in [Place::Domain, Place::FineGrained] {
            for policy in [&policy, &FakePolicy::default()] {
                let mut values = Values::default();
                policy.write(place, &mut values);
                assert_eq!(FakePolicy::read(place, &values), *policy);
            }
        }
    }

    #[test]
    fn kinds_are_counted_as_samba_was_seen_to_count_them() {
        for (password, expected) in [
            ("aaaa AAAA", 2),
            ("密碼密碼😀😀a", 2),
            ("😀😀aA", 3),
            ("aaaaÉaaa1", 3),
            ("\"Aa1\"", 4),
        ] {
            assert_eq!(kinds(password, Flavour::Samba), expected, "{password}");
        }
        assert_eq!(kinds("😀😀aA", Flavour::Windows), 2);
    }

    #[test]
    fn short_parts_of_names_do_not_count() {
        assert!(holds_name("my-VRIES-1", "jdv", "Jan de Vries"));
        assert!(holds_name("xJDVx", "jdv", ""));
        assert!(!holds_name("under-de-bridge", "jd", "Ja de"));
    }
}
