//! Changes for programs: what a grant or a revoke does or would do.

use directory::security::rights::Permission;
use directory::security::{Ace, Aliases};
use serde_json::{Value, json};

use super::plan::Change;
use super::stays::Stay;
use super::still::Still;
use super::{Observed, feature_name, key};

/// What is told of a grant or a revoke.
#[derive(Debug)]
pub(crate) struct ChangeTold<'a> {
    /// `grant` or `revoke`.
    pub(crate) command: &'static str,
    /// The changes were made; else they would be.
    pub(crate) made: bool,
    /// What is changed.
    pub(crate) changes: &'a [Change],
    /// What a revoke leaves, because others need it.
    pub(crate) stays: &'a [Stay],
    /// What is not as it should be afterwards, in the form of `check`.
    pub(crate) findings: Vec<Value>,
    /// What stands all the same after a revoke.
    pub(crate) still: &'a [Still],
}

impl<'a> ChangeTold<'a> {
    /// These changes, and nothing besides.
    pub(crate) const fn of(command: &'static str, changes: &'a [Change]) -> Self {
        Self { command, made: false, changes, stays: &[], findings: Vec::new(), still: &[] }
    }

    /// For programs.
    pub(crate) fn json(&self, observed: &Observed) -> Value {
        let stays = self.stays.iter().filter(|stay| stay.was_granted(observed));
        json!({
            "version": 1,
            "command": self.command,
            "directory": observed.name,
            "domain": observed.domain,
            "controller": observed.asker.controller,
            "account": observed.account(),
            "account_sid": observed.asker.own.to_string(),
            "made": self.made,
            "changes": self.changes.iter().map(of_change).collect::<Vec<_>>(),
            "stays": stays.map(Stay::json).collect::<Vec<_>>(),
            "findings": self.findings,
            "still": self.still.iter().map(|one| one.json(observed)).collect::<Vec<_>>(),
        })
    }
}

fn of_change(change: &Change) -> Value {
    let entries = |entries: &[(Permission, Ace)]| entries.iter().map(of_entry).collect::<Vec<_>>();
    json!({
        "object": change.on.to_string(),
        "add": entries(&change.add),
        "remove": entries(&change.remove),
        "inherit": change.inherit,
        "clear_admin_count": change.clear_admin_count,
    })
}

/// An entry with the right that it is; as SDDL, which one with a condition does not have.
fn of_entry((permission, entry): &(Permission, Ace)) -> Value {
    json!({
        "right": key(*permission),
        "feature": feature_name(permission.feature()),
        "entry": entry.to_sddl(&Aliases::without_domain()).ok(),
    })
}
