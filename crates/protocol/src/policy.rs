//! The rules of a password policy, and the checker that pages and agent share (SPEC W-3, D-8).
//!
//! The checker says what is *certain to fail*, whoever judges. It never says that a password will
//! be taken: history, filters and the present password's age are AD's to judge (SPEC PR-3).
//!
//! ```text
//! policy   the rules as data, and which of them a password breaks
//!   judge  who judges: Windows and Samba do not count alike
//!   kinds  the kinds of characters that complexity asks for     case  who counts as a capital
//!   names  the names that a complex password must not contain
//!   shown  the same for a page: what to show, and what its script marks as it is typed
//! ```
//!
//! The page's script (`rules.js` of the cloud service) judges by the same definition;
//! `vectors/policy.json` and a comparison of all characters hold the two together. Where Windows'
//! documentation and Samba differ, a [`Judge`] says who decides; where nobody knows, a rule is
//! *doubtful*: it is not named before the set, and not ruled out after it.

mod case;
mod judge;
pub mod kinds;
mod names;
mod shown;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ClearPassword;

pub use judge::Judge;
pub use kinds::Kind;
pub use names::AccountNames;
pub use shown::{ShownComplexity, ShownRules};

/// Steps of 100 ns in a second: AD's unit of time (MS-DTYP 2.3.3).
const STEPS_PER_SECOND: u64 = 10_000_000;

/// An effective policy, as far as the agent may read it.
///
/// It travels as JSON from agents to the cloud service. The four rules were there from the first
/// version on; everything after them may be absent, and a reader that does not know it passes over
/// it. A time of 0 is AD's own way to write "for ever".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PasswordPolicy {
    /// The least length, in UTF-16 code units; up to 255 (MS-ADA2 minPwdLength, PSO).
    pub minimum_length: u32,
    /// Whether three of five kinds of characters are asked for (MS-SAMR 3.1.1.7.2).
    pub complexity: bool,
    /// How many earlier passwords are remembered.
    pub history_length: u32,
    /// How old a password must be before it can be replaced, in whole seconds, rounded down.
    pub minimum_age_seconds: u64,
    /// What the least age has beyond whole seconds, in steps of 100 ns.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub minimum_age_rest: u32,
    /// How old a password may become, in seconds; 0 is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_age_seconds: Option<u64>,
    /// How many wrong passwords lock the account; 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockout_threshold: Option<u32>,
    /// How long the account stays locked, in seconds; 0 is until somebody unlocks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockout_duration_seconds: Option<u64>,
    /// How long a wrong password is counted, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockout_window_seconds: Option<u64>,
    /// Who judges by these rules; none where the agent did not say, or said what is not known here.
    #[serde(default, deserialize_with = "judge::known", skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<Judge>,
}

/// A rule of the policy that a password can break, in the order in which a person should hear of
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// Shorter than the least length.
    TooShort,
    /// Fewer than three kinds of characters.
    TooFewKinds,
    /// Contains the account name or a part of the display name.
    ContainsName,
}

/// What can be said of a password without asking AD.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examined {
    /// The rules that it certainly breaks, in order.
    pub broken: Vec<Rule>,
    /// The rules that it may break: how they are judged there is not known.
    pub doubtful: Vec<Rule>,
}

impl PasswordPolicy {
    /// The least age, to 100 ns.
    pub const fn minimum_age(&self) -> Duration {
        // A rest of a second or more is nobody's, but must not panic.
        let rest = (self.minimum_age_rest as u64 % STEPS_PER_SECOND) * 100;
        Duration::new(self.minimum_age_seconds, rest as u32)
    }

    /// Sets the least age, rounded down to 100 ns.
    #[must_use]
    pub fn with_minimum_age(mut self, age: Duration) -> Self {
        (self.minimum_age_seconds, self.minimum_age_rest) =
            (age.as_secs(), age.subsec_nanos() / 100);
        self
    }

    /// Looks at a password by all rules that can be judged without AD.
    pub fn examine(&self, password: &ClearPassword, names: &AccountNames) -> Examined {
        let mut examined = Examined::default();
        if password.units() < self.minimum_length as usize {
            examined.broken.push(Rule::TooShort);
        }
        if self.complexity {
            let count = kinds::count(password, self.judged_by);
            if count.at_most < kinds::NEEDED {
                examined.broken.push(Rule::TooFewKinds);
            } else if count.at_least < kinds::NEEDED {
                examined.doubtful.push(Rule::TooFewKinds);
            }
        }
        match (self.judged_by, names::found_in(password, names)) {
            // Samba looks at no names (its check_password_quality; tried, LAB.md).
            (Some(Judge::Samba), _) | (_, names::Found::No) => {}
            (Some(Judge::Windows), names::Found::Certainly) if self.complexity => {
                examined.broken.push(Rule::ContainsName);
            }
            // MS-SAMR has this rule whether or not complexity is asked for, the description of
            // the setting only with it.
            _ => examined.doubtful.push(Rule::ContainsName),
        }
        examined
    }

    /// The rules that `password` certainly breaks, in the order in which a person should hear of
    /// them.
    pub fn broken_rules(&self, password: &ClearPassword, names: &AccountNames) -> Vec<Rule> {
        self.examine(password, names).broken
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
#[path = "policy/tests.rs"]
mod tests;
