//! The guard: what is refused before the directory is asked (SPEC D-6, D-7; PR-6). It runs on the
//! account as the directory holds it at this moment, not as it was synchronised, and nothing that
//! the cloud sends can loosen it.

use directory::{Account, Protection, Sid, protected_by};
use protocol::{Outcome, Timestamp};

use crate::settings::DirectorySettings;

/// Why the account is not reset, or `None`.
///
/// `own` is the agent's own account; where it is not known everything is refused, since it could
/// be this one.
pub(crate) fn refusal(
    settings: &DirectorySettings,
    account: &Account,
    own: Option<&Sid>,
    now: Timestamp,
) -> Option<Outcome> {
    let Some(own) = own else { return Some(Outcome::DirectoryConfiguration) };
    if &account.sid == own || account.is_computer_or_trust() {
        return Some(Outcome::Protected);
    }
    let locally = |group: &Sid| settings.protected_groups.contains(group);
    if account.group_sids.iter().any(locally) {
        return Some(Outcome::Protected);
    }
    match protected_by(account) {
        Some(Protection::Account(_) | Protection::Member(_)) => return Some(Outcome::Protected),
        Some(Protection::AdminCountAlone) => return Some(Outcome::AdminCountLeftBehind),
        None => {}
    }
    if !settings.ous.iter().any(|ou| account.dn.is_at_or_below(ou)) {
        return Some(Outcome::UserNotFoundNoObject);
    }
    if account.is_disabled() {
        return Some(Outcome::Disabled);
    }
    if account.is_expired(now) {
        return Some(Outcome::AccountExpired);
    }
    if account.requires_smart_card() {
        return Some(Outcome::SmartCardOnly);
    }
    account.cannot_change_password.then_some(Outcome::CannotChange)
}

#[cfg(test)]
pub(crate) mod tests;
