//! Which rule a mute refusal was about (SPEC D-8), and from when on an age does not matter.
//!
//! AD answers every failure of its policy alike (`0000052D`). What it was is found by elimination:
//! the rules that the password certainly breaks, else the one rule that only AD can judge, history.
//! Where two could be meant, none is named: [`Outcome::PolicyOther`], with what is known. On Windows
//! that is so whenever it may have been history: a password filter refuses in the same words
//! (decision 0022).

use std::time::Duration;

use protocol::policy::{AccountNames, Judge, Rule};
use protocol::{ClearPassword, Details, Outcome, PasswordPolicy, Timestamp};

use crate::account::{Account, AccountFlags, PwdLastSet};
use crate::filetime;

/// How far the controller's clock may be behind the agent's before a Kerberos domain stops working
/// (the default of "Maximum tolerance for computer clock synchronization"): so long after a
/// password has become old enough, its age may still be the reason.
const CLOCKS_APART: Duration = Duration::from_secs(5 * 60);

/// What is left of a policy's rules after a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elimination {
    /// The present password is too young, and may be replaced from then on.
    pub too_young: Option<Timestamp>,
    /// The rules that the password certainly breaks, in order.
    pub broken: Vec<Rule>,
    /// The least length that the policy asks for.
    pub minimum_length: u32,
    /// What else may have been the reason.
    pub suspects: Vec<Suspect>,
}

/// What may have been the reason of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// A rule of which it is not known how this password is judged by it.
    Rule(Rule),
    /// The age of the present password, until then by the agent's clock.
    Age(Timestamp),
    /// One of so many earlier passwords.
    History(u32),
    /// A password filter on the controllers, of which no directory says whether there is one, nor what it
    /// refuses. Samba calls none.
    Filter,
}

impl Elimination {
    /// Goes through the rules. `account` is as it was before the set, `now` is the agent's clock.
    /// Without rules there is nothing to go through.
    pub fn of(
        rules: Option<&PasswordPolicy>,
        account: &Account,
        password: &ClearPassword,
        now: Timestamp,
    ) -> Self {
        let Some(rules) = rules else { return Self::default() };
        let examined = rules.examine(password, &account.names());
        let mut left = Self {
            broken: examined.broken,
            suspects: examined.doubtful.into_iter().map(Suspect::Rule).collect(),
            minimum_length: rules.minimum_length,
            too_young: None,
        };
        if rules.judged_by != Some(Judge::Samba)
            && account.flags.contains(AccountFlags::PASSWORD_NOT_REQUIRED)
        {
            // MS-SAMR 3.1.1.7.2 exempts it from all of them; Samba judges it like any other.
            let exempt = left.broken.drain(..).map(Suspect::Rule);
            left.suspects.splice(0..0, exempt);
        }
        if let Some(not_before) = old_enough_from(Some(rules), account)
            && not_before > now.before(CLOCKS_APART)
        {
            // Of a reset with policy hints Windows documents the history alone.
            match rules.judged_by {
                Some(Judge::Samba) if not_before > now => left.too_young = Some(not_before),
                _ => left.suspects.push(Suspect::Age(not_before)),
            }
        }
        if rules.history_length > 0 {
            left.suspects.push(Suspect::History(rules.history_length));
        }
        if rules.judged_by != Some(Judge::Samba) {
            left.suspects.push(Suspect::Filter);
        }
        left
    }

    /// The outcome, with what its message needs. Several broken rules are all told: a least length
    /// beside another rule's outcome means that the password is too short as well, and the one for
    /// kinds of characters speaks of names, too.
    pub fn outcome(&self) -> (Outcome, Details) {
        let mut details = Details { not_before: self.too_young, ..Details::default() };
        if self.too_young.is_some() {
            return (Outcome::PolicyTooYoung, details);
        }
        let broken = |rule| self.broken.contains(&rule);
        details.minimum_length = broken(Rule::TooShort).then_some(self.minimum_length);
        if broken(Rule::TooFewKinds) {
            return (Outcome::PolicyNotComplex, details);
        }
        if broken(Rule::ContainsName) {
            return (Outcome::PolicyContainsName, details);
        }
        if broken(Rule::TooShort) {
            return (Outcome::PolicyTooShort, details);
        }
        for suspect in &self.suspects {
            match suspect {
                Suspect::Rule(_) | Suspect::Filter => {}
                Suspect::Age(not_before) => details.not_before = Some(*not_before),
                Suspect::History(length) => details.history_length = Some(*length),
            }
        }
        match self.suspects[..] {
            [Suspect::History(_)] => (Outcome::PolicyHistory, details),
            _ => (Outcome::PolicyOther, details),
        }
    }
}

/// Which rule a mute `0000052D` was about (SPEC D-8), by elimination: [`Elimination::of`], told.
///
/// A rule that the password certainly breaks is named first. If it breaks none for certain and may
/// break none, history is the only rule left that a policy states, and it is named where there are no
/// password filters.
pub fn explain_refusal(
    rules: Option<&PasswordPolicy>,
    account: &Account,
    password: &ClearPassword,
    now: Timestamp,
) -> (Outcome, Details) {
    Elimination::of(rules, account, password, now).outcome()
}

/// From when a change is possible, if the present password is too young (SPEC D-2, D-8): the first
/// millisecond at which AD's own count of 100 ns steps lets it through. An account that must change
/// its password at the next sign-in is never too young.
pub fn too_young(
    rules: Option<&PasswordPolicy>,
    account: &Account,
    now: Timestamp,
) -> Option<Timestamp> {
    old_enough_from(rules, account).filter(|not_before| *not_before > now)
}

/// From when the present password is old enough; none if no age is asked of it, or none is known.
fn old_enough_from(rules: Option<&PasswordPolicy>, account: &Account) -> Option<Timestamp> {
    let age = rules?.minimum_age();
    if age.is_zero() || !matches!(account.pwd_last_set, PwdLastSet::At(_)) {
        return None;
    }
    let steps = i64::try_from(age.as_nanos() / 100).unwrap_or(i64::MAX);
    Some(filetime::moment_from(account.pwd_last_set_steps.saturating_add(steps)))
}

impl Account {
    /// The names that a complex password must not contain.
    pub fn names(&self) -> AccountNames {
        AccountNames {
            account_name: self.sam_account_name.clone(),
            display_name: self.display_name.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
