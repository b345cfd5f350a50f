//! The guard: what is refused before the directory is asked (SPEC D-6, D-7; PR-6). It runs on the
//! account as the directory holds it at this moment, not as it was synchronised, and nothing that
//! the cloud sends can loosen it.

pub(crate) mod breaker;
pub(crate) mod groups;
pub(crate) mod guesses;
pub(crate) mod steady;

use directory::{Account, BoundAs, Protection, Sid, protected_by};
use protocol::{Operation, Outcome, Timestamp};

use crate::directories::{Connected, Directories};
use crate::settings::DirectorySettings;

/// Why an operation is not carried out on an account of one of the agent's directories, or `None`: what
/// [`refusal`] says, and whatever the agent itself signs in with, in any of them.
pub(crate) fn refuses(
    operation: Operation,
    (directories, connected): (&Directories, &Connected),
    account: &Account,
    own: Option<&BoundAs>,
    now: Timestamp,
) -> Option<Outcome> {
    directories.heard(connected, own);
    if directories.is_own(account, &connected.settings.domain) {
        return Some(Outcome::Protected);
    }
    refusal(operation, &connected.settings, account, own, now)
}

/// Why an operation is not carried out on the account, or `None`.
///
/// Whoever is protected may still *change* a password that they know (PR-6, D-6).
///
/// `own` is the agent's own account; where it is not known everything is refused, since it could
/// be this one.
pub(crate) fn refusal(
    operation: Operation,
    settings: &DirectorySettings,
    account: &Account,
    own: Option<&BoundAs>,
    now: Timestamp,
) -> Option<Outcome> {
    let Some(own) = own else { return Some(Outcome::DirectoryConfiguration) };
    if own.is(&account.sid) || account.is_computer_or_trust() {
        return Some(Outcome::Protected);
    }
    if operation != Operation::Change
        && let Some(protected) = protection(settings, account)
    {
        return Some(protected);
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
    match operation {
        // Says nothing about a password.
        Operation::Unlock => None,
        _ if account.requires_smart_card() => Some(Outcome::SmartCardOnly),
        _ => account.cannot_change_password.then_some(Outcome::CannotChange),
    }
}

/// Why the account is kept from everybody who does not know its password.
fn protection(settings: &DirectorySettings, account: &Account) -> Option<Outcome> {
    let locally = |group: &Sid| settings.protected_groups.contains(group);
    if account.group_sids.iter().any(locally) {
        return Some(Outcome::Protected);
    }
    match protected_by(account)? {
        Protection::Account(_) | Protection::Member(_) => Some(Outcome::Protected),
        Protection::AdminCountAlone => Some(Outcome::AdminCountLeftBehind),
    }
}

#[cfg(test)]
pub(crate) mod tests;
