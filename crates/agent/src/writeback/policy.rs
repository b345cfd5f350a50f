//! What the policy says of a password before it is sent, and what it cannot say (SPEC D-2, D-8,
//! decision 0016).

use std::time::Duration;

use directory::{Account, Elimination, PolicyControl, PwdLastSet};
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
            Ok(policy) => by(asked_of(header, connected, policy.rules).as_ref()),
            Err(error) => {
                // The directory judges it anyway.
                refused("policy", header, &error);
                None
            }
        }
    }
}

/// Tells the trail that nobody has looked at the least age, because the policy or the password's age may not
/// be read: a change proves it to the directory, which documents of a reset with policy hints the history alone.
pub(super) fn say_if_age_is_unknown(
    header: &Header,
    connected: &Connected,
    judged: &Judged,
    policy: &str,
    trail: &mut Vec<Event>,
) {
    let is_known = match judged.account.pwd_last_set {
        // Whoever must change it is never too young.
        PwdLastSet::Never => true,
        PwdLastSet::At(_) => judged.rules.is_some(),
        PwdLastSet::Hidden => {
            judged.rules.as_ref().is_some_and(|rules| rules.minimum_age().is_zero())
        }
    };
    if !is_reset(header.operation) || is_known {
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

/// Tells the trail of a reset that may bring back a password that the person had before: the controller offers no
/// policy-hints control, and the configuration allows that (SPEC D-2).
pub(super) fn say_if_history_is_not_enforced(
    header: &Header,
    connected: &Connected,
    control: Option<PolicyControl>,
    trail: &mut Vec<Event>,
) {
    let settings = &connected.settings;
    // Without the key it is refused, with an outcome of its own.
    if !is_reset(header.operation) || control.is_some() || !settings.allow_without_policy_control {
        return;
    }
    let outcome = Outcome::HistoryNotEnforced;
    let connector = settings.name.as_str();
    tracing::warn!(
        event = "writeback.history_not_enforced",
        outcome = outcome.name(),
        number = outcome.number(),
        request = %header.request,
        connector,
        operator = outcome.operator_text(),
    );
    let detail = json!({ "connector": connector });
    trail.push(Event::of(header, "writeback.history_not_enforced", detail));
}

/// Whether a reset is made without history and least age: by an administrator, in a directory whose own
/// configuration says so (SPEC O-3, decision 0024).
pub(super) fn is_spared(header: &Header, connected: &Connected) -> bool {
    header.operation == Operation::ResetByAdministrator
        && connected.settings.administrator_reset_without_history_and_age
}

/// What of a policy's rules is asked of a new password.
pub(super) fn asked_of(
    header: &Header,
    connected: &Connected,
    rules: Option<PasswordPolicy>,
) -> Option<PasswordPolicy> {
    let rules = rules?;
    Some(match is_spared(header, connected) {
        true => PasswordPolicy { history_length: 0, ..rules }.with_minimum_age(Duration::ZERO),
        false => rules,
    })
}

/// What audit is told of a reset that is spared history and least age, together with the note without
/// which it is not sent: it stands there whatever becomes of the agent afterwards.
pub(super) fn told_of_spared(header: &Header, connected: &Connected) -> Vec<Event> {
    if !is_spared(header, connected) {
        return Vec::new();
    }
    let outcome = Outcome::HistoryAndAgeNotKept;
    let connector = connected.settings.name.as_str();
    tracing::info!(
        event = "writeback.history_and_age_not_kept",
        outcome = outcome.name(),
        number = outcome.number(),
        request = %header.request,
        connector,
        operator = outcome.operator_text(),
    );
    let detail = json!({ "connector": connector });
    vec![Event::of(header, "writeback.history_and_age_not_kept", detail)]
}

/// Whether an operation sets a password that nobody proves to know.
const fn is_reset(operation: Operation) -> bool {
    matches!(operation, Operation::Reset | Operation::ResetByAdministrator)
}
