//! What decides whether anything is written. Changes nothing.

use directory::{
    Account, BoundAs, DirectoryError, ObjectGuid, PolicyControl, Standing, Witness, too_young,
};
use futures_util::future::BoxFuture;
use protocol::scim::PolicyReference;
use protocol::{Details, Header, Operation, Outcome, PasswordPolicy, Timestamp};
use serde_json::json;
use sync::{AdAccount, Resolution};

use super::policy::{
    Judged, asked_of, is_spared, say_if_age_is_unknown, say_if_history_is_not_enforced,
};
use super::{Stop, Writeback, stop};
use crate::audit::Event;
use crate::directories::Connected;
use crate::guard;

/// Whom a cloudAnchor means, or that this cannot be found out.
pub(crate) type Resolved = Result<Resolution, Outcome>;

/// What was found out before anything is written.
pub(crate) struct Looked<'a> {
    /// The account that is meant, as far as it is known by now, or why nothing will be written.
    pub(super) found: Result<Found<'a>, Stop>,
    /// What audit is told about it, with the answer.
    pub(super) trail: Vec<Event>,
}

/// The account that is meant, and how its password stands. Whether anything may be written is known
/// once the directory has said the rest ([`Writeback::judge`]).
pub(super) struct Found<'a> {
    /// Where it is.
    pub(super) connected: &'a Connected,
    /// Which one it is.
    pub(super) guid: ObjectGuid,
    /// How its password stands, which is noted before a set.
    pub(super) witness: Witness,
    /// What is judged.
    pub(super) rest: Rest<'a>,
}

/// What is judged of an account.
pub(super) struct Rest<'a> {
    /// The policy that the last import saw; without one it is read.
    seen: Option<PolicyReference>,
    own: Option<BoundAs>,
    policy_control: Option<PolicyControl>,
    account: BoxFuture<'a, Result<Option<Account>, DirectoryError>>,
}

impl Writeback {
    /// W-7: whom the cloudAnchor means, as it was synchronised. Asks no directory.
    pub(crate) async fn resolve(&self, header: &Header) -> Resolved {
        let resolved = self.sync.resolve(&header.cloud_anchor).await;
        resolved.map_err(|error| {
            tracing::error!(event = "writeback.resolve_failed", request = %header.request, cause = %error);
            Outcome::Fault
        })
    }

    /// Looks in the directory at the account that is meant, and has the directory say what decides
    /// whether anything is written to it. Changes nothing.
    pub(crate) async fn look(&self, header: &Header, resolved: Resolved) -> Looked<'_> {
        let mut trail = Vec::new();
        let found = match self.the_one(header, resolved, &mut trail).await {
            Ok(meant) => self.find(meant).await,
            Err(outcome) => Err(outcome),
        };
        Looked { found: found.map_err(stop), trail }
    }

    /// The account as it begins to stand.
    pub(super) async fn find(&self, imported: AdAccount) -> Result<Found<'_>, Outcome> {
        let connector = imported.connector.as_str();
        let connected = self.directories.named(connector).ok_or_else(|| {
            let outcome = Outcome::DirectoryNotEnabled;
            tracing::error!(
                event = "writeback.no_such_directory",
                connector,
                outcome = outcome.name(),
                number = outcome.number(),
                operator = outcome.operator_text(),
            );
            outcome
        })?;
        stands(connected, ObjectGuid::from_bytes(imported.object_guid), imported.policy).await
    }

    /// Whether anything may be written to the account that was found; and the account, with the rules
    /// that were believed.
    ///
    /// The policy that the last import saw is believed where it lets the operation pass. Where it does
    /// not, or where none was seen, it is read afresh, so that nobody is refused, or told a moment,
    /// by rules that are no longer there (decision 0010).
    pub(super) async fn judge(
        &self,
        header: &Header,
        connected: &Connected,
        rest: Rest<'_>,
        trail: &mut Vec<Event>,
    ) -> Result<Judged, Stop> {
        let (seen, control) = (rest.seen.clone(), rest.policy_control);
        let asked_of = |rules| asked_of(header, connected, rules);
        let seen = seen.map(|seen| PolicyReference { rules: asked_of(seen.rules), ..seen });
        let account = self.guarded(header, connected, rest, trail).await.map_err(stop)?;
        let against = |rules: Option<&PasswordPolicy>| {
            against(header.operation, &account, rules, self.clock.now()).map_or(Ok(()), Err)
        };
        let (rules, policy, fresh) = match seen {
            Some(seen) if against(seen.rules.as_ref()).is_ok() => {
                (seen.rules, seen.reference, false)
            }
            _ => {
                let policy = connected.directory.effective_policy(&account).await;
                let policy = policy.map_err(|error| stop(failed(connected, &error)))?;
                let rules = asked_of(policy.rules);
                against(rules.as_ref())?;
                (rules, policy.source.reference(), true)
            }
        };
        let judged = Judged { account, rules, fresh };
        // Of one that is spared both, audit is told where it is noted.
        if !is_spared(header, connected) {
            say_if_age_is_unknown(header, connected, &judged, &policy, trail);
            say_if_history_is_not_enforced(header, connected, control, trail);
        }
        Ok(judged)
    }

    /// The one AD account that was meant, or why there is none.
    async fn the_one(
        &self,
        header: &Header,
        resolved: Resolved,
        trail: &mut Vec<Event>,
    ) -> Result<AdAccount, Outcome> {
        match resolved? {
            Resolution::Account(account) => Ok(account),
            Resolution::NoAdObject => Err(Outcome::UserNotFoundNoObject),
            Resolution::NotJoined => Err(Outcome::UserNotFoundNotJoined),
            Resolution::NoCloudLink => Err(Outcome::UserNotFoundNoCloudLink),
            // A disabled account has no such link either; who is disabled is told so.
            Resolution::NoAccountEnabledRule(accounts) => match accounts.first() {
                Some(account) => Err(self.why_no_rule(header, account, trail).await),
                None => Err(Outcome::UserNotFoundNoRule),
            },
            Resolution::Several(accounts) => {
                let names: Vec<&str> = accounts.iter().map(|one| one.dn.as_str()).collect();
                tracing::error!(event = "writeback.several_matches", request = %header.request, ?names);
                Err(Outcome::SeveralMatches)
            }
        }
    }

    async fn why_no_rule(
        &self,
        header: &Header,
        account: &AdAccount,
        trail: &mut Vec<Event>,
    ) -> Outcome {
        let found = match self.find(account.clone()).await {
            Ok(found) => found,
            Err(outcome) => return outcome,
        };
        match self.guarded(header, found.connected, found.rest, trail).await {
            Err(outcome) => outcome,
            Ok(_) => Outcome::UserNotFoundNoRule,
        }
    }

    /// The account as the directory holds it now, past the guard.
    pub(super) async fn guarded(
        &self,
        header: &Header,
        connected: &Connected,
        Rest { own, account, .. }: Rest<'_>,
        trail: &mut Vec<Event>,
    ) -> Result<Account, Outcome> {
        let account = account.await.map_err(|error| failed(connected, &error))?;
        let account = account.ok_or(Outcome::UserGone)?;
        let (own, now) = (own.as_ref(), self.clock.now());
        let here = (&self.directories, connected);
        match guard::refuses(header.operation, here, &account, own, now) {
            None => Ok(account),
            Some(outcome) => {
                tracing::warn!(
                    event = "writeback.refused_by_guard",
                    outcome = outcome.name(),
                    dn = %account.dn,
                    operator = outcome.operator_text(),
                );
                let detail = json!({
                    "outcome": outcome.name(),
                    "connector": connected.settings.name,
                    "object_guid": account.guid.to_string(),
                    "dn": account.dn.to_string(),
                });
                trail.push(Event::of(header, "writeback.refused_by_guard", detail));
                Err(outcome)
            }
        }
    }
}

/// The account as it begins to stand at whoever holds the PDC role.
pub(super) async fn stands(
    connected: &Connected,
    guid: ObjectGuid,
    seen: Option<PolicyReference>,
) -> Result<Found<'_>, Outcome> {
    let standing = connected.directory.standing(guid).await;
    let standing = standing.map_err(|error| failed(connected, &error))?;
    let standing = standing.ok_or(Outcome::UserGone)?;
    let Standing { bound_as: own, witness, policy_control, account } = standing;
    let rest = Rest { seen, own, policy_control, account };
    Ok(Found { connected, guid, witness, rest })
}

/// The outcome of an operation about which the directory could not be asked.
fn failed(connected: &Connected, error: &DirectoryError) -> Outcome {
    let connector = connected.settings.name.as_str();
    tracing::error!(event = "writeback.directory_failed", connector, cause = %error);
    error.outcome()
}

/// What the state of the account and the rules of its policy say against an operation, before the
/// directory does.
fn against(
    operation: Operation,
    account: &Account,
    rules: Option<&PasswordPolicy>,
    now: Timestamp,
) -> Option<Stop> {
    // Where it is not known, the directory says it.
    let locked = account.is_locked(rules, now) == Some(true);
    match operation {
        Operation::Unlock if account.is_unlocked() => Some(stop(Outcome::NotLocked)),
        Operation::Unlock => None,
        Operation::Change if locked => Some(stop(Outcome::LockedOut)),
        Operation::Change | Operation::Reset | Operation::ResetByAdministrator => {
            let not_before = too_young(rules, account, now)?;
            let details = Details { not_before: Some(not_before), ..Details::default() };
            Some((Outcome::PolicyTooYoung, details))
        }
    }
}
