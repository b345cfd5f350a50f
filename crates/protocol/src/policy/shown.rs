//! The rules as a page shows them, and marks them while somebody types (SPEC W-3).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kinds::{self, Kind};
use super::{AccountNames, Judge, PasswordPolicy, Rule, names};
use crate::ClearPassword;

/// What a page shows of a policy, for one person: data for its template and, as JSON, for its
/// script. What is absent is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownRules {
    /// The least length, in UTF-16 code units, which is what a script's `length` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_length: Option<u32>,
    /// What makes a password complex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<ShownComplexity>,
    /// How many earlier passwords must not be used again. Only AD can judge that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_length: Option<u32>,
    /// How long a new password has to be kept, in seconds, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age_seconds: Option<u64>,
    /// After how long it must be changed again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_age_seconds: Option<u64>,
    /// Who judges; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<Judge>,
}

/// What makes a password complex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownComplexity {
    /// How many kinds of characters are asked for …
    pub needed: usize,
    /// … out of these.
    pub kinds: Vec<Kind>,
    /// What must not be contained, whatever the case: parts of the person's names. Empty where
    /// nobody looks at names, or where that is not known.
    pub names: Vec<String>,
}

impl PasswordPolicy {
    /// What a page shows to the person with these names.
    pub fn shown(&self, names: &AccountNames) -> ShownRules {
        let judged = self.judged_by == Some(Judge::Windows);
        let complexity = self.complexity.then(|| ShownComplexity {
            needed: kinds::NEEDED,
            kinds: Kind::ALL.to_vec(),
            names: names.parts().filter(|_| judged).map(str::to_owned).collect(),
        });
        let up = u64::from(self.minimum_age_rest > 0);
        ShownRules {
            minimum_length: (self.minimum_length > 0).then_some(self.minimum_length),
            complexity,
            history_length: (self.history_length > 0).then_some(self.history_length),
            minimum_age_seconds: (self.minimum_age() > Duration::ZERO)
                .then(|| self.minimum_age_seconds.saturating_add(up)),
            maximum_age_seconds: self.maximum_age_seconds.filter(|age| *age > 0),
            judged_by: self.judged_by,
        }
    }
}

impl ShownRules {
    /// The rules that `password` certainly breaks: what the page's script marks as not met, and
    /// the same as [`PasswordPolicy::broken_rules`] for the policy and the names that are shown.
    pub fn unmet(&self, password: &ClearPassword) -> Vec<Rule> {
        let mut unmet = Vec::new();
        if self.minimum_length.is_some_and(|least| password.units() < least as usize) {
            unmet.push(Rule::TooShort);
        }
        if let Some(complexity) = &self.complexity {
            if kinds::count(password, self.judged_by).at_most < complexity.needed {
                unmet.push(Rule::TooFewKinds);
            }
            if names::contains_any(password, complexity.names.iter().map(String::as_str)) {
                unmet.push(Rule::ContainsName);
            }
        }
        unmet
    }
}
