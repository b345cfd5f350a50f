//! What the policy says of a password before it is sent, and what it cannot say (SPEC D-2, D-8,
//! decision 0016).

use directory::{Account, Elimination, PwdLastSet};
use protocol::{Header, Operation, Outcome, PasswordPolicy, Passwords};
use serde_json::json;

use super::{Stop, Writeback, refused};
use crate::audit::Event;
use crate::directories::Connected;

/// An account against which nothing speaks, and the policy that was believed.
pub(super) struct Judged {
    /// The account.
    pub(super) account: Account,
    /// The rules; none where they may not be read.
    pub(super) rules: Option<PasswordPolicy>,
    /// Whether they were read for this request, and not by the last import.
    pub(super) fresh: bool,
}

impl Writeback {
    /// What the new password is certain to be refused for: it is not sent then. The rules that the last
    /// import saw are believed where they let it pass; where not, they are read afresh.
    pub(super) async fn certainly_refused(
        &self,
        header: &Header,
        connected: &Connected,
        judged: &Judged,
        passwords: &Passwords,
    ) -> Option<Stop> {
        let new = passwords.new_one()?;
        let by = |rules: Option<&PasswordPolicy>| {
            let left = Elimination::of(rules, &judged.account, new, self.clock.now());
            (!left.broken.is_empty()).then(|| left.outcome())
        };
        let by_what_was_seen = by(judged.rules.as_ref())?;
        if judged.fresh {
            return Some(by_what_was_seen);
        }
        match connected.directory.effective_policy(&judged.account).await {
            Ok(policy) => by(policy.rules.as_ref()),
            Err(error) => {
                // The directory judges it anyway.
                refused("policy", header, &error);
                None
            }
        }
    }
}

/// Says of a reset whose policy, or the age of whose password, may not be read that nobody has looked at the least age: a change proves
/// it to the directory, which documents of a reset with policy hints the history alone.
pub(super) fn say_if_age_is_unknown(
    header: &Header,
    connected: &Connected,
    judged: &Judged,
    policy: &str,
    trail: &mut Vec<Event>,
) {
    let is_reset = matches!(header.operation, Operation::Reset | Operation::ResetByAdministrator);
    let is_known = match judged.account.pwd_last_set {
        // Whoever must change it is never too young.
        PwdLastSet::Never => true,
        PwdLastSet::At(_) => judged.rules.is_some(),
        PwdLastSet::Hidden => {
            judged.rules.as_ref().is_some_and(|rules| rules.minimum_age().is_zero())
        }
    };
    if !is_reset || is_known {
        return;
    }
    let outcome = Outcome::MinimumAgeUnknown;
    let connector = connected.settings.name.as_str();
    tracing::warn!(
        event = "writeback.minimum_age_unknown",
        outcome = outcome.name(),
        number = outcome.number(),
        request = %header.request,
        connector,
        policy,
        operator = outcome.operator_text(),
    );
    let detail = json!({ "connector": connector, "policy": policy });
    trail.push(Event::of(header, "writeback.minimum_age_unknown", detail));
}
