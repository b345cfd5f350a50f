//! One account lives through many passwords: what the checker rejects, the directory rejects; what
//! the directory rejects, the elimination names, and nothing else.

use std::collections::BTreeMap;

use directory::{
    Account, Directory, EffectivePolicy, Elimination, ObjectGuid, SetError, Suspect,
    explain_refusal, outcome,
};
use protocol::policy::{PasswordPolicy, Rule};
use protocol::{ClearPassword, Clock, Details, Outcome, Timestamp};

use crate::drawn::{self, Dice, Rules};

/// No test lasts that long.
const LATER: Timestamp = Timestamp::from_millis(i64::MAX);
/// What an account has before the first try.
pub const FIRST: &str = "First-Password-2024";
/// Another that every policy of the test takes.
const SECOND: &str = "Another-First-Password-2024";

/// An account, and who asks.
pub struct Subject<'a> {
    pub directory: &'a dyn Directory,
    pub guid: ObjectGuid,
    pub clock: &'a dyn Clock,
    /// Lets time pass, or makes as if: the password is old enough then.
    pub grow_old: &'a (dyn Fn() + Sync),
    /// Whether refusals say the rule, as Samba's do. Windows is mute.
    pub tells: bool,
}

/// How often something happened.
pub type Tally = BTreeMap<&'static str, usize>;

/// The rule that Samba's text speaks of. Only tests may read it.
fn told(text: &str) -> &'static str {
    let rules = [
        ("password is too young", "age"),
        ("the password is too short", "length"),
        ("complexity criteria", "complexity"),
        ("was already used", "history"),
    ];
    let found = rules.iter().find(|(part, _)| text.contains(part));
    found.unwrap_or_else(|| panic!("another rule: {text}")).1
}

/// The rules that an outcome names: the least length beside another outcome is a second one.
fn named(outcome: Outcome, details: &Details) -> Vec<&'static str> {
    let also = details.minimum_length.map(|_| "length");
    match outcome {
        Outcome::PolicyTooYoung => vec!["age"],
        Outcome::PolicyTooShort => vec!["length"],
        Outcome::PolicyNotComplex | Outcome::PolicyContainsName => {
            also.into_iter().chain(["complexity"]).collect()
        }
        Outcome::PolicyHistory => vec!["history"],
        Outcome::PolicyOther => vec![],
        other => panic!("{other:?} is not about a policy"),
    }
}

struct Life<'a> {
    subject: &'a Subject<'a>,
    account: Account,
    policy: EffectivePolicy,
    /// Every password that was taken, the first one included.
    had: Vec<String>,
    tally: Tally,
}

/// Tries as many passwords as asked for; the account must be fresh, with [`FIRST`].
pub async fn live(subject: &Subject<'_>, rules: &Rules, dice: &mut Dice, tries: usize) -> Tally {
    let account = subject.directory.account(subject.guid).await.unwrap().unwrap();
    let policy = subject.directory.effective_policy(&account).await.unwrap();
    let known = policy.rules.as_ref().unwrap();
    assert_eq!(known.minimum_length, rules.minimum_length);
    assert_eq!((known.complexity, known.history_length), (rules.complexity, rules.history_length));
    assert_eq!(known.minimum_age(), rules.minimum_age);
    let login = account.sam_account_name.clone();
    let names = ["Vries", "VRIES", login.as_str(), "de"];
    let had = vec![FIRST.to_owned()];
    let mut life = Life { subject, account, policy, had, tally: Tally::new() };
    if rules.history_length == 0 {
        // What was remembered before counts until the next set; from then on nothing does.
        let second = ClearPassword::from_text(SECOND).unwrap();
        life.attempt(SECOND, &second).await.unwrap();
    }
    for number in 0..tries {
        if !rules.minimum_age.is_zero() && dice.below(4) == 0 {
            (subject.grow_old)();
            life.look().await;
        }
        let text = match dice.below(6) {
            0 => {
                let last = life.had.len() - 1 - dice.below(life.had.len().min(6));
                life.had[last].clone()
            }
            _ => drawn::password(dice, rules, &names),
        };
        let password = ClearPassword::from_text(&text).unwrap();
        if let Err(problem) = life.attempt(&text, &password).await {
            let (seed, name) = (dice.seed, rules.name);
            panic!("seed {seed:#x}, policy {name:?}, try {number}, {text:?}: {problem}");
        }
    }
    life.tally
}

impl Life<'_> {
    async fn look(&mut self) {
        let found = self.subject.directory.account(self.subject.guid).await;
        self.account = found.unwrap().unwrap();
    }

    async fn attempt(&mut self, text: &str, password: &ClearPassword) -> Result<(), String> {
        let rules = self.policy.rules.clone().unwrap();
        let names = self.account.names();
        let examined = rules.examine(password, &names);
        let nobody = PasswordPolicy { judged_by: None, ..rules };
        let certain = nobody.broken_rules(password, &names);
        if !certain.iter().all(|rule| examined.broken.contains(rule)) {
            return Err(format!("{certain:?} for whoever judges, {examined:?} for who does"));
        }
        let set = self.subject.directory.set_password(self.subject.guid, password, LATER).await;
        let now = self.subject.clock.now();
        match set {
            Ok(()) if examined.broken.is_empty() => {
                *self.tally.entry("taken").or_default() += 1;
                self.had.push(text.to_owned());
                self.look().await;
                Ok(())
            }
            Ok(()) => Err(format!("the checker rejects it for {:?}", examined.broken)),
            Err(error) => self.explained(text, password, &error, now),
        }
    }

    /// What a refusal is explained by, and whether that is true.
    fn explained(
        &mut self,
        text: &str,
        password: &ClearPassword,
        error: &SetError,
        now: Timestamp,
    ) -> Result<(), String> {
        let SetError::Refused(refusal) = error else { return Err(error.to_string()) };
        if !refusal.is_policy() || outcome::outcome(error) != Outcome::PolicyOther {
            return Err(error.to_string());
        }
        let (outcome, details) =
            explain_refusal(self.policy.rules.as_ref(), &self.account, password, now);
        let names = named(outcome, &details);
        for name in &names {
            *self.tally.entry(name).or_default() += 1;
        }
        let left = Elimination::of(self.policy.rules.as_ref(), &self.account, password, now);
        let history = self.had.iter().any(|had| had == text);
        if names.is_empty() {
            // Nothing else than a doubt, or a password filter, is a reason not to name a rule here.
            let doubt = |suspect: &Suspect| matches!(suspect, Suspect::Rule(_) | Suspect::Age(_));
            let what = match (left.suspects.iter().any(doubt), history) {
                (true, _) => "left open",
                (false, true) => "had, perhaps",
                (false, false) => "filtered",
            };
            *self.tally.entry(what).or_default() += 1;
            if what != "left open" && !left.suspects.contains(&Suspect::Filter) {
                return Err(format!("no rule is named although none is in doubt: {left:?}"));
            }
            let length = self.policy.rules.as_ref().map_or(0, |rules| rules.history_length);
            if details.history_length != Some(length).filter(|length| *length > 0) {
                return Err(format!("of {length} remembered ones, {details:?}"));
            }
        }
        if names == ["history"] && !history {
            return Err(format!("history is named, and it is a new one: {error}"));
        }
        if self.subject.tells && !names.contains(&told(&refusal.diagnostic)) {
            return Err(format!("{names:?} is named: {error}"));
        }
        if left.broken.contains(&Rule::TooShort)
            && outcome != Outcome::PolicyTooYoung
            && !names.contains(&"length")
        {
            return Err("it is too short, and that is not told".to_owned());
        }
        Ok(())
    }
}
