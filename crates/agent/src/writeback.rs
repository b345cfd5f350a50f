//! One operation, from the opened request to the recorded answer (SPEC 2, 3).
//!
//! ```text
//! look    resolve (W-7) → how the password stands │ passwords opened, at one time
//! ready   note before │ guard (D-6, D-7) → locked? too young?, at one time
//!         → certain to be refused? (D-8)
//! write   at the PDC emulator (W-8) → must change (D-4)
//!         → finish
//! ```
//!
//! Where the PDC role moves before anything is sent, all of `ready` is done anew at the new holder.
//!
//! Looking changes nothing, and nothing is sent before it is noted *and* judged, so an error until
//! then is certain to have changed nothing. Of an entry that a crash leaves noted only the directory's
//! own word, or its replication metadata, says what happened.
//!
//! Without journal and audit trail nothing is set: what cannot be noted is not sent. What is known
//! about a set is told before it is written down ([`Ended::Unrecorded`]), because it is true, and
//! stays so: a crash in between leaves a note whose settlement comes to the same.

mod elsewhere;
mod expired;
mod look;
mod policy;
mod write;

use std::sync::Arc;

use directory::SetError;
use protocol::{Answer, Changed, Clock, Details, Header, Outcome, Passwords};
use serde_json::json;
use sync::SyncState;

use crate::audit::Event;
use crate::clocks::ClockDifference;
use crate::directories::Directories;
use crate::guard::breaker::Breaker;
use crate::guard::guesses::Guesses;
use crate::journal::{Journal, JournalError};
use crate::steps::{Step, StepWatch};

/// The audit trail's names of what ends a request.
const FINISHED: &str = "writeback.finished";
const SETTLED: &str = "writeback.settled";

pub(crate) use expired::{Asked, expired_when_set};
pub(crate) use look::Looked;
pub(crate) use write::Required;

/// What an operation needs.
#[derive(Clone)]
pub(crate) struct Writeback {
    /// Who is whom.
    pub(crate) sync: SyncState,
    /// Where passwords are set.
    pub(crate) directories: Directories,
    /// What was begun.
    pub(crate) journal: Journal,
    /// How many passwords may be reset.
    pub(crate) breaker: Arc<Breaker>,
    /// How often present passwords were wrong.
    pub(crate) guesses: Arc<Guesses>,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// How far that is from the cloud's.
    pub(crate) clock_difference: Arc<ClockDifference>,
    /// Who watches the steps.
    pub(crate) watch: Arc<dyn StepWatch>,
}

/// How an operation ended.
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

/// The passwords of a request; or what is told of one whose passwords do not open, and audit of it.
pub(crate) type Opened = Result<Passwords, (Outcome, Event)>;

/// Why the way to a set stopped, with what its message needs.
type Stop = (Outcome, Details);

/// What audit is told where a controller was silent about a password's being changed at the next sign-in: what
/// came of asking on.
pub(crate) const CHANGE_ASKED_LATER: &str = "writeback.change_asked_later";

fn stop(outcome: Outcome) -> Stop {
    (outcome, Details::default())
}

impl Unrecorded {
    /// Whether the password was set, and the directory has not said whether it has to be changed at the next
    /// sign-in: that is asked for on, and the answer recorded when it is known, or nobody waits any longer.
    /// Once audit is to be told how that ended, it has ended, however long the disk takes nothing.
    pub(crate) fn asks_on(&self) -> bool {
        let silent =
            self.answer.outcome == Outcome::MustChangeNotSet && self.answer.details.inferred;
        silent && self.trail.iter().all(|told| told.name != CHANGE_ASKED_LATER)
    }

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
    /// Carries out a request that the journal has begun. Passwords that did not open are told of where the
    /// account that is meant was found, and not where there is none.
    ///
    /// # Errors
    /// [`JournalError`]: the entry stays open as it is, and is settled later.
    pub(crate) async fn carry_out(
        &self,
        header: &Header,
        looked: Looked<'_>,
        passwords: Opened,
    ) -> Result<Ended, JournalError> {
        // What audit is told together with the answer: each write of its own would keep the
        // person waiting.
        let Looked { found, mut trail } = looked;
        let ended = match found {
            Ok(found) => self.write(header, found, passwords, &mut trail).await?,
            Err(stop) => Some(stop),
        };
        match ended {
            Some(stop) if stop.0.changed() == Changed::Yes => {
                Ok(Ended::Unrecorded(self.unrecorded(header, stop, trail)))
            }
            Some(stop) => self.finish(header, stop, trail).await,
            None => {
                trail.push(Event::of(header, "writeback.in_doubt", json!({})));
                let _ = self.tell(&trail).await;
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

    /// Tells audit what has happened and is no step of an entry. Where that fails the log has it; what
    /// happened has happened.
    ///
    /// # Errors
    /// [`JournalError::Database`], for those who can still wait with what comes of it.
    pub(crate) async fn tell(&self, trail: &[Event]) -> Result<(), JournalError> {
        let told = self.journal.record(trail, self.clock.now()).await;
        if let Err(error) = &told {
            let names: Vec<&str> = trail.iter().map(|event| event.name.as_str()).collect();
            tracing::error!(event = "audit.not_written", ?names, cause = %error);
        }
        told
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
mod breaker_tests;
#[cfg(test)]
pub(crate) mod elsewhere_tests;
#[cfg(test)]
pub(crate) mod expired_tests;
#[cfg(test)]
mod guesses_tests;
#[cfg(test)]
mod hidden_tests;
#[cfg(test)]
mod look_tests;
#[cfg(test)]
mod moved_tests;
#[cfg(test)]
mod must_change_tests;
#[cfg(test)]
pub(crate) mod operations_tests;
#[cfg(test)]
mod own_account_tests;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod rights_tests;
#[cfg(test)]
mod role_tests;
#[cfg(test)]
mod spared_tests;
#[cfg(test)]
mod tests;
