//! The rules of a password policy as a controller judges by them.
//!
//! Written apart from `protocol::policy`, which is the client's checker: a fake that judged with
//! the checker's own code could never show that the checker is wrong.

use std::time::Duration;

use directory::filetime;
use protocol::Timestamp;
use protocol::policy::Judge;

use crate::values::Values;

mod letters;

use letters::{holds_name, kinds};

/// What directory is imitated, where the two differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// Samba 4.24 as tried (LAB.md): its texts, names not judged, minimum age enforced on a reset
    /// with the policy-hints control, 52e for an account that does not exist, fine-grained policies of
    /// every group for security but the built-in ones.
    #[default]
    Samba,
    /// Windows as documented: mute texts, names judged (MS-SAMR 3.1.1.7.2), of the reset only
    /// history enforced by the control (MS-ADTS 3.1.1.3.4.1), 525 for an unknown account, fine-grained
    /// policies of global groups alone.
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

/// A password that somebody is to get.
pub(crate) struct Candidate<'a> {
    /// The password.
    pub(crate) text: &'a str,
    /// `sAMAccountName`.
    pub(crate) account_name: &'a str,
    /// `displayName`.
    pub(crate) full_name: &'a str,
    /// `userAccountControl`.
    pub(crate) flags: i64,
}

/// ADS_UF_PASSWD_NOTREQD (MS-ADTS 2.2.16).
const PASSWORD_NOT_REQUIRED: i64 = 0x20;

impl FakePolicy {
    /// What the policy has against a password by itself, in Samba's words.
    pub(crate) fn against(&self, candidate: &Candidate<'_>, flavour: Flavour) -> Option<String> {
        if flavour.exempts(candidate.flags) {
            return None;
        }
        if candidate.text.encode_utf16().count() < self.minimum_length as usize {
            return Some(format!(
                "the password is too short. It should be equal to or longer than {} characters!",
                self.minimum_length
            ));
        }
        let complex = kinds(candidate.text, flavour) >= 3
            && (flavour == Flavour::Samba
                || !holds_name(candidate.text, candidate.account_name, candidate.full_name));
        (self.complexity && !complex)
            .then(|| "the password does not meet the complexity criteria!".to_owned())
    }

    /// Whether a password that was set at `last_set`, in AD's steps of 100 ns, is too young `now`.
    pub(crate) fn finds_too_young(&self, last_set: i64, now: Timestamp) -> bool {
        let age = i64::try_from(self.minimum_age.as_nanos() / 100).unwrap_or(i64::MAX);
        last_set != 0 && last_set.saturating_add(age) > filetime::from_moment(now)
    }
}

impl Flavour {
    /// Who judges, as the agent knows it.
    pub(crate) const fn judge(self) -> Judge {
        match self {
            Self::Samba => Judge::Samba,
            Self::Windows => Judge::Windows,
        }
    }

    /// Whether an account that needs no password may have any: MS-SAMR 3.1.1.7.1 and 3.1.1.7.2
    /// say so, Samba judges it like any other (as tried).
    pub(crate) const fn exempts(self, flags: i64) -> bool {
        matches!(self, Self::Windows) && flags & PASSWORD_NOT_REQUIRED != 0
    }
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
    fn a_password_is_old_enough_at_the_very_step() {
        let policy = FakePolicy {
            minimum_age: Duration::from_nanos(1_500_000_100),
            ..FakePolicy::default()
        };
        let now = Timestamp::from_millis(1_700_000_000_000);
        let steps = filetime::from_moment(now);
        assert!(policy.finds_too_young(steps - 15_000_000, now));
        assert!(!policy.finds_too_young(steps - 15_000_001, now));
        assert!(!policy.finds_too_young(0, now), "it was never set");
        assert!(!FakePolicy::default().finds_too_young(steps, now));
    }

    #[test]
    fn who_needs_no_password_is_judged_by_samba_alone() {
        let candidate =
            Candidate { text: "a", account_name: "jan", full_name: "Jan", flags: 0x220 };
        let policy = FakePolicy::default();
        assert!(policy.against(&candidate, Flavour::Samba).is_some());
        assert_eq!(policy.against(&candidate, Flavour::Windows), None);
        let candidate = Candidate { flags: 0x200, ..candidate };
        assert!(policy.against(&candidate, Flavour::Windows).is_some());
    }
}
