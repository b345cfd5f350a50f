//! One reset, from the opened request to the recorded answer (SPEC 2).
//!
//! ```text
//! resolve (W-7) → account → guard (D-6, D-7) → age → note before → set (W-8) → record → finish
//! ```
//!
//! Everything up to the note is reading; an error there is certain to have changed nothing. After
//! the note only the directory's own word, or its replication metadata, says what happened.

use std::sync::Arc;

use directory::{Account, EffectivePolicy, SetError, explain_refusal, too_young};
use protocol::{Answer, ClearPassword, Clock, Details, Header, Outcome};
use sync::{AdAccount, Resolution, SyncState};

use crate::directories::{Connected, Directories};
use crate::guard;
use crate::journal::{Journal, JournalError, Noted, Place};
use crate::steps::{Step, StepWatch};

/// How often a moved PDC emulator is followed within one request.
const MOVES_MAX: usize = 3;

/// What a reset needs.
#[derive(Clone)]
pub(crate) struct Writeback {
    /// Who is whom.
    pub(crate) sync: SyncState,
    /// Where passwords are set.
    pub(crate) directories: Directories,
    /// What was begun.
    pub(crate) journal: Journal,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// Who watches the steps.
    pub(crate) watch: Arc<dyn StepWatch>,
}

/// How a reset ended.
pub(crate) enum Ended {
    /// The answer is recorded.
    Known(Answer),
    /// The set may or may not have taken place; the entry stays open for settlement.
    InDoubt,
}

/// Why the way to a set stopped, with what its message needs.
type Stop = (Outcome, Details);

fn stop(outcome: Outcome) -> Stop {
    (outcome, Details::default())
}

impl Writeback {
    /// Carries out a request that the journal has begun.
    ///
    /// # Errors
    /// [`JournalError`]: the entry stays open as it is, and is settled later.
    pub(crate) async fn reset(
        &self,
        header: &Header,
        password: &ClearPassword,
    ) -> Result<Ended, JournalError> {
        match self.try_reset(header, password).await {
            Ok(Some(outcome)) => self.finish(header, outcome).await.map(Ended::Known),
            Ok(None) => Ok(Ended::InDoubt),
            Err(error) => Err(error),
        }
    }

    /// Records the answer.
    pub(crate) async fn finish(
        &self,
        header: &Header,
        (outcome, details): Stop,
    ) -> Result<Answer, JournalError> {
        let now = self.clock.now();
        let answer = Answer { outcome, details, finished_at: now };
        self.journal.finish(header.request, &answer, now).await?;
        self.watch.reached(Step::Finished).await;
        tracing::info!(
            event = "writeback.finished",
            request = %header.request,
            outcome = outcome.name(),
            number = outcome.number(),
            operator = outcome.operator_text(),
        );
        Ok(answer)
    }

    /// `None` is doubt.
    async fn try_reset(
        &self,
        header: &Header,
        password: &ClearPassword,
    ) -> Result<Option<Stop>, JournalError> {
        let found = match self.find(header).await {
            Ok(found) => found,
            Err(outcome) => return Ok(Some(stop(outcome))),
        };
        let (connected, account) = match self.account(&found).await {
            Ok(found) => found,
            Err(outcome) => return Ok(Some(stop(outcome))),
        };
        let policy = match connected.directory.effective_policy(&account).await {
            Ok(policy) => policy,
            Err(error) => return Ok(Some(stop(refused("policy", header, &error)))),
        };
        if let Some(not_before) = too_young(&policy, &account, self.clock.now()) {
            let details = Details { not_before: Some(not_before), ..Details::default() };
            return Ok(Some((Outcome::PolicyTooYoung, details)));
        }
        self.set(header, connected, &account, &policy, password).await
    }

    /// W-7: the one AD account of the cloudAnchor.
    async fn find(&self, header: &Header) -> Result<AdAccount, Outcome> {
        let resolution = self.sync.resolve(&header.cloud_anchor).await.map_err(|error| {
            tracing::error!(event = "writeback.resolve_failed", request = %header.request, cause = %error);
            Outcome::Fault
        })?;
        match resolution {
            Resolution::Account(account) => Ok(account),
            Resolution::NoAdObject => Err(Outcome::UserNotFoundNoObject),
            Resolution::NotJoined => Err(Outcome::UserNotFoundNotJoined),
            Resolution::NoCloudLink => Err(Outcome::UserNotFoundNoCloudLink),
            // A disabled account has no such link either; who is disabled is told so.
            Resolution::NoAccountEnabledRule(account) => Err(self.why_no_rule(&account).await),
            Resolution::Several(accounts) => {
                let names: Vec<&str> = accounts.iter().map(|one| one.dn.as_str()).collect();
                tracing::error!(event = "writeback.several_matches", request = %header.request, ?names);
                Err(Outcome::SeveralMatches)
            }
        }
    }

    async fn why_no_rule(&self, account: &AdAccount) -> Outcome {
        match self.account(account).await {
            Err(outcome) => outcome,
            Ok(_) => Outcome::UserNotFoundNoRule,
        }
    }

    /// The account as the directory holds it now, past the guard.
    async fn account(&self, found: &AdAccount) -> Result<(&Connected, Account), Outcome> {
        let connector = found.connector.as_str();
        let connected = self.directories.named(connector).ok_or_else(|| {
            tracing::error!(event = "writeback.no_such_directory", connector);
            Outcome::DirectoryConfiguration
        })?;
        let failed = |error: directory::DirectoryError| {
            tracing::error!(event = "writeback.directory_failed", connector, cause = %error);
            error.outcome()
        };
        let probe = connected.directory.probe().await.map_err(failed)?;
        let guid = directory::ObjectGuid::from_bytes(found.object_guid);
        let account = connected.directory.account(guid).await.map_err(failed)?;
        let account = account.ok_or(Outcome::UserGone)?;
        let own = probe.bound_as.as_ref();
        match guard::refusal(&connected.settings, &account, own, self.clock.now()) {
            None => Ok((connected, account)),
            Some(outcome) => {
                tracing::warn!(
                    event = "writeback.refused_by_guard",
                    outcome = outcome.name(),
                    dn = %account.dn,
                    operator = outcome.operator_text(),
                );
                Err(outcome)
            }
        }
    }

    /// Notes, sets, records. `None` is doubt.
    async fn set(
        &self,
        header: &Header,
        connected: &Connected,
        account: &Account,
        policy: &EffectivePolicy,
        password: &ClearPassword,
    ) -> Result<Option<Stop>, JournalError> {
        let connector = connected.settings.name.as_str().to_owned();
        let place = Place { connector, guid: account.guid };
        for _ in 0..MOVES_MAX {
            let witness = match connected.directory.witness(account.guid).await {
                Ok(Some(witness)) => witness,
                Ok(None) => return Ok(Some(stop(Outcome::UserGone))),
                Err(error) => return Ok(Some(stop(refused("witness", header, &error)))),
            };
            let now = self.clock.now();
            let noted = self.journal.note_before(header.request, &place, &witness, now).await?;
            if noted == Noted::AnotherIsOpen {
                return Ok(Some(stop(Outcome::AlreadyInFlight)));
            }
            self.watch.reached(Step::Noted).await;
            // No set starts after its time, however long the way there takes (SPEC W-11).
            let not_after = header.expires_at;
            let directory = &connected.directory;
            match directory.set_password_at(&witness, account.guid, password, not_after).await {
                Ok(()) => {
                    self.watch.reached(Step::Applied).await;
                    self.journal.set(header.request, self.clock.now()).await?;
                    self.watch.reached(Step::Recorded).await;
                    return Ok(Some(stop(Outcome::PasswordChanged)));
                }
                Err(SetError::ControllerMoved) => {}
                Err(SetError::Unknown { cause }) => {
                    tracing::error!(event = "writeback.in_doubt", request = %header.request, cause);
                    return Ok(None);
                }
                Err(error) => {
                    return Ok(Some(why_refused(header, &error, policy, account, password)));
                }
            }
        }
        Ok(Some(stop(Outcome::PdcUnreachable)))
    }
}

/// The outcome of a set that certainly changed nothing.
fn why_refused(
    header: &Header,
    error: &SetError,
    policy: &EffectivePolicy,
    account: &Account,
    password: &ClearPassword,
) -> Stop {
    match error {
        SetError::Refused(refusal) if refusal.is_policy() => {
            explain_refusal(policy, account, password)
        }
        error => stop(refused("set", header, error)),
    }
}

/// Logs what the directory said and gives the outcome for it.
fn refused<E: HasOutcome>(doing: &'static str, header: &Header, error: &E) -> Outcome {
    let outcome = error.outcome_of();
    tracing::error!(
        event = "writeback.directory_refused",
        doing,
        request = %header.request,
        outcome = outcome.name(),
        cause = %error,
        operator = outcome.operator_text(),
    );
    outcome
}

/// Errors of the directory, whose outcome its own tables know.
trait HasOutcome: std::fmt::Display {
    fn outcome_of(&self) -> Outcome;
}

impl HasOutcome for directory::DirectoryError {
    fn outcome_of(&self) -> Outcome {
        self.outcome()
    }
}

impl HasOutcome for SetError {
    fn outcome_of(&self) -> Outcome {
        directory::outcome::outcome(self)
    }
}
