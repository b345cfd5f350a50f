//! One reset, from the opened request to the recorded answer (SPEC 2).
//!
//! ```text
//! resolve (W-7) → standing → guard (D-6, D-7) → age → note before → set (W-8) → finish
//! ```
//!
//! Everything up to the note is reading; an error there is certain to have changed nothing. After
//! the note only the directory's own word, or its replication metadata, says what happened.
//!
//! Without journal and audit trail nothing is set: what cannot be noted is not sent. What is known
//! about a set is told before it is written down ([`Ended::Unrecorded`]), because it is true, and
//! stays so: a crash in between leaves a note whose settlement comes to the same.

use std::sync::Arc;

use directory::{
    Account, EffectivePolicy, SetError, Standing, Terms, Write, explain_refusal, too_young,
};
use protocol::{Answer, ClearPassword, Clock, Details, Header, Outcome};
use serde_json::json;
use sync::{AdAccount, Resolution, SyncState};

use crate::audit::Event;
use crate::clocks::ClockDifference;
use crate::directories::{Connected, Directories};
use crate::guard;
use crate::journal::{Journal, JournalError, Noted, Place};
use crate::steps::{Step, StepWatch};

/// The audit trail's names of what ends a request.
const FINISHED: &str = "writeback.finished";
const SETTLED: &str = "writeback.settled";
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
    /// How far that is from the cloud's.
    pub(crate) clock_difference: Arc<ClockDifference>,
    /// Who watches the steps.
    pub(crate) watch: Arc<dyn StepWatch>,
}

/// How a reset ended.
pub(crate) enum Ended {
    /// The answer is recorded.
    Known(Answer),
    /// The answer is known and still to be recorded: nobody is kept waiting for that, and it goes
    /// out as well where it cannot be.
    Unrecorded(Unrecorded),
    /// The set may or may not have taken place; the entry stays open for settlement.
    InDoubt,
}

/// An answer that is still to be recorded. The request was begun, so whatever is found out about it
/// later, it is not carried out again.
#[derive(Clone)]
pub(crate) struct Unrecorded {
    /// What the request was bound to.
    pub(crate) header: Header,
    /// The answer.
    pub(crate) answer: Answer,
    /// What audit is to be told with it.
    pub(crate) trail: Vec<Event>,
}

/// What was found out before a set.
pub(crate) struct Looked<'a> {
    /// The directory and the account as it stands there, or why there will be no set.
    found: Result<(&'a Connected, Standing), Stop>,
    /// What audit is told about it, with the answer.
    trail: Vec<Event>,
}

/// Why the way to a set stopped, with what its message needs.
type Stop = (Outcome, Details);

fn stop(outcome: Outcome) -> Stop {
    (outcome, Details::default())
}

impl Unrecorded {
    /// Tells the operator that the answer cannot be recorded at the moment.
    pub(crate) fn say(&self, cause: &JournalError) {
        tracing::error!(
            event = "audit.not_written",
            request = %self.header.request,
            outcome = self.answer.outcome.name(),
            changed = self.answer.outcome.changed().word(),
            %cause,
            "the answer goes out, because it is true; it is written down as soon as the disk takes it, and until then no password is set"
        );
    }
}

impl Writeback {
    /// Carries out a request that the journal has begun.
    ///
    /// # Errors
    /// [`JournalError`]: the entry stays open as it is, and is settled later.
    pub(crate) async fn reset(
        &self,
        header: &Header,
        looked: Looked<'_>,
        password: &ClearPassword,
    ) -> Result<Ended, JournalError> {
        // What audit is told together with the answer: each write of its own would keep the
        // person waiting.
        let Looked { found, mut trail } = looked;
        let ended = match found {
            Ok((connected, standing)) => {
                self.set(header, connected, standing, password, &mut trail).await?
            }
            Err(stop) => Some(stop),
        };
        match ended {
            Some(stop @ (Outcome::PasswordChanged, _)) => {
                Ok(Ended::Unrecorded(self.unrecorded(header, stop, trail)))
            }
            Some(stop) => self.finish(header, stop, trail).await,
            None => {
                trail.push(Event::of(header, "writeback.in_doubt", json!({})));
                self.tell(&trail).await;
                Ok(Ended::InDoubt)
            }
        }
    }

    /// Records the answer, and with it in audit what led there.
    ///
    /// # Errors
    /// [`JournalError::OutOfOrder`]: another answer was recorded before, and this one does not
    /// count.
    pub(crate) async fn finish(
        &self,
        header: &Header,
        stop: Stop,
        trail: Vec<Event>,
    ) -> Result<Ended, JournalError> {
        let unrecorded = self.unrecorded(header, stop, trail);
        match self.record(header, &unrecorded.answer, &unrecorded.trail).await {
            Ok(()) => Ok(Ended::Known(unrecorded.answer)),
            Err(error @ JournalError::OutOfOrder) => Err(error),
            Err(error) => {
                unrecorded.say(&error);
                Ok(Ended::Unrecorded(unrecorded))
            }
        }
    }

    fn unrecorded(
        &self,
        header: &Header,
        (outcome, details): Stop,
        mut trail: Vec<Event>,
    ) -> Unrecorded {
        let answer = Answer { outcome, details, finished_at: self.clock.now() };
        trail.push(Event::answered(header, FINISHED, &answer));
        Unrecorded { header: header.clone(), answer, trail }
    }

    /// Records how a request that was in doubt ended.
    ///
    /// # Errors
    /// [`JournalError`]: it is still in doubt.
    pub(crate) async fn settled(
        &self,
        header: &Header,
        (outcome, details): Stop,
    ) -> Result<(), JournalError> {
        let answer = Answer { outcome, details, finished_at: self.clock.now() };
        let trail = [Event::answered(header, SETTLED, &answer)];
        self.record(header, &answer, &trail).await
    }

    /// Records an answer, and what audit is told with it.
    ///
    /// # Errors
    /// [`JournalError`]: neither is there.
    pub(crate) async fn record(
        &self,
        header: &Header,
        answer: &Answer,
        trail: &[Event],
    ) -> Result<(), JournalError> {
        self.journal.finish(header.request, answer, trail, self.clock.now()).await?;
        self.watch.reached(Step::Finished).await;
        tracing::info!(
            event = "writeback.finished",
            request = %header.request,
            outcome = answer.outcome.name(),
            number = answer.outcome.number(),
            operator = answer.outcome.operator_text(),
        );
        Ok(())
    }

    /// Tells audit what has happened and is no step of an entry. What happened has happened, so it
    /// is only said where that fails.
    pub(crate) async fn tell(&self, trail: &[Event]) {
        if let Err(error) = self.journal.record(trail, self.clock.now()).await {
            let names: Vec<&str> = trail.iter().map(|event| event.name.as_str()).collect();
            tracing::error!(event = "audit.not_written", ?names, cause = %error);
        }
    }

    /// Looks at everything that decides whether there will be a set. Changes nothing.
    pub(crate) async fn look(&self, header: &Header) -> Looked<'_> {
        let mut trail = Vec::new();
        let found = self.decide(header, &mut trail).await;
        Looked { found, trail }
    }

    async fn decide(
        &self,
        header: &Header,
        trail: &mut Vec<Event>,
    ) -> Result<(&Connected, Standing), Stop> {
        let found = self.find(header, trail).await.map_err(stop)?;
        let (connected, standing) = self.account(header, &found, trail).await.map_err(stop)?;
        let now = self.clock.now();
        if let Some(not_before) = too_young(&standing.policy, &standing.account, now) {
            let details = Details { not_before: Some(not_before), ..Details::default() };
            return Err((Outcome::PolicyTooYoung, details));
        }
        Ok((connected, standing))
    }

    /// W-7: the one AD account of the cloudAnchor.
    async fn find(&self, header: &Header, trail: &mut Vec<Event>) -> Result<AdAccount, Outcome> {
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
            Resolution::NoAccountEnabledRule(account) => {
                Err(self.why_no_rule(header, &account, trail).await)
            }
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
        match self.account(header, account, trail).await {
            Err(outcome) => outcome,
            Ok(_) => Outcome::UserNotFoundNoRule,
        }
    }

    /// The account as the directory holds it now, past the guard.
    async fn account(
        &self,
        header: &Header,
        found: &AdAccount,
        trail: &mut Vec<Event>,
    ) -> Result<(&Connected, Standing), Outcome> {
        let connector = found.connector.as_str();
        let connected = self.directories.named(connector).ok_or_else(|| {
            tracing::error!(event = "writeback.no_such_directory", connector);
            Outcome::DirectoryConfiguration
        })?;
        let failed = |error: directory::DirectoryError| {
            tracing::error!(event = "writeback.directory_failed", connector, cause = %error);
            error.outcome()
        };
        let guid = directory::ObjectGuid::from_bytes(found.object_guid);
        let standing = connected.directory.standing(guid).await.map_err(failed)?;
        let standing = standing.ok_or(Outcome::UserGone)?;
        let (account, own) = (&standing.account, standing.bound_as.as_ref());
        match guard::refusal(&connected.settings, account, own, self.clock.now()) {
            None => Ok((connected, standing)),
            Some(outcome) => {
                tracing::warn!(
                    event = "writeback.refused_by_guard",
                    outcome = outcome.name(),
                    dn = %account.dn,
                    operator = outcome.operator_text(),
                );
                let detail = json!({
                    "outcome": outcome.name(),
                    "connector": connector,
                    "object_guid": account.guid.to_string(),
                    "dn": account.dn.to_string(),
                });
                trail.push(Event::of(header, "writeback.refused_by_guard", detail));
                Err(outcome)
            }
        }
    }

    /// Notes, sets, records. `None` is doubt.
    async fn set(
        &self,
        header: &Header,
        connected: &Connected,
        standing: Standing,
        password: &ClearPassword,
        trail: &mut Vec<Event>,
    ) -> Result<Option<Stop>, JournalError> {
        let connector = connected.settings.name.as_str().to_owned();
        let Standing { account, policy, mut witness, .. } = standing;
        let place = Place { connector, guid: account.guid };
        for _ in 0..MOVES_MAX {
            let now = self.clock.now();
            match self.journal.note_before(header, &place, &witness, now).await {
                Ok(Noted::Yes) => {}
                Ok(Noted::AnotherIsOpen) => return Ok(Some(stop(Outcome::AlreadyInFlight))),
                Err(error @ JournalError::OutOfOrder) => return Err(error),
                // Without journal and audit nothing is sent (THREATS "audit sink gone").
                Err(error) => return Ok(Some(stop(not_noted(header, &error)))),
            }
            self.watch.reached(Step::Noted).await;
            // Looked at again, as late as can be: the clock may have been put to another time while
            // the directory was asked, and by that time the message may have expired.
            if !self.clock_difference.is_known_to_be_small() {
                return Ok(Some(stop(Outcome::ClockDifference)));
            }
            // No set starts after its time, however long the way there takes (SPEC W-11).
            let not_after = header.expires_at;
            let directory = &connected.directory;
            match directory
                .write(
                    account.guid,
                    Write::Reset(password),
                    Terms { not_after, noted: Some(&witness) },
                )
                .await
            {
                Ok(()) => {
                    self.watch.reached(Step::Applied).await;
                    // Written down together with the answer: until then a crash leaves an entry
                    // that is settled by looking, which comes to the same.
                    trail.push(Event::set(header));
                    return Ok(Some(stop(Outcome::PasswordChanged)));
                }
                Err(SetError::ControllerMoved) => {
                    witness = match connected.directory.witness(account.guid).await {
                        Ok(Some(witness)) => witness,
                        Ok(None) => return Ok(Some(stop(Outcome::UserGone))),
                        Err(error) => return Ok(Some(stop(refused("witness", header, &error)))),
                    };
                }
                Err(SetError::Unknown { cause }) => {
                    tracing::error!(event = "writeback.in_doubt", request = %header.request, cause);
                    return Ok(None);
                }
                Err(error) => {
                    return Ok(Some(why_refused(header, &error, &policy, &account, password)));
                }
            }
        }
        Ok(Some(stop(Outcome::PdcUnreachable)))
    }
}

/// The outcome of a set that was not sent because it could not be noted.
fn not_noted(header: &Header, error: &JournalError) -> Outcome {
    let outcome = Outcome::Fault;
    tracing::error!(
        event = "writeback.not_noted",
        request = %header.request,
        outcome = outcome.name(),
        cause = %error,
        operator = "Nothing is set that cannot be written down before. Is the disk of the state directory full, read-only or broken?",
    );
    outcome
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

#[cfg(test)]
mod tests;
