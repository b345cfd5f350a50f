//! Notes how the password stood, writes, and does what follows.

use directory::{Account, ObjectGuid, Refusal, SetError, Terms, Witness, Write, explain_refusal};
use protocol::policy::Judge;
use protocol::{Changed, ClearPassword, Details, Header, Operation, Outcome, Passwords};

use super::expired::may_have_expired;
use super::look::{Found, stands};
use super::policy::{Judged, asked_of, is_spared, told_of_spared};
use super::{HasOutcome, Opened, Stop, Writeback, refused, stop};
use crate::audit::Event;
use crate::directories::Connected;
use crate::guard::breaker::{Breaker, Verdict};
use crate::journal::{JournalError, Noted, Place};
use crate::steps::Step;

/// How often a moved PDC emulator is followed within one request.
const MOVES_MAX: usize = 3;
/// How often it is asked that a password must be changed: where a connection is cut, one more time.
const REQUIRE_TRIES: usize = 2;

/// What came of having a password changed at the next sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Required {
    /// It must be changed.
    Yes,
    /// The directory refuses that.
    Refused,
    /// The directory does not answer.
    Unanswered,
}

/// What is noted and judged, and may be sent.
struct Ready {
    place: Place,
    witness: Witness,
    judged: Judged,
    passwords: Passwords,
}

/// How far a request came by itself.
enum Readied {
    /// It is noted and may be sent.
    Ready(Box<Ready>),
    /// It will not be sent.
    Stopped(Stop),
}

impl Writeback {
    /// Notes, judges, asks the breaker, sets, records. `None` is doubt.
    pub(super) async fn write(
        &self,
        header: &Header,
        found: Found<'_>,
        passwords: Opened,
        trail: &mut Vec<Event>,
    ) -> Result<Option<Stop>, JournalError> {
        let connected = found.connected;
        let counts = Breaker::counts(header.operation);
        if let Err(error) = self.count(header.operation).await {
            return Ok(Some(stop(not_noted(header, &error))));
        }
        let ready = match self.ready(header, found, passwords, trail).await? {
            Readied::Ready(ready) => *ready,
            Readied::Stopped(stop) => return Ok(Some(stop)),
        };
        if header.operation == Operation::Change {
            return self.send_unless_guessed(header, connected, ready, trail).await;
        }
        if !counts {
            return self.send(header, connected, ready, trail).await;
        }
        let asked_at = match self.breaker.ask(&self.journal, &self.sync, &*self.clock).await {
            Ok((Verdict::Pass | Verdict::PassWithAlarm { .. }, at)) => at,
            Ok((Verdict::Open | Verdict::Opens { .. }, _)) => {
                return Ok(Some(stop(Outcome::BreakerOpen)));
            }
            Err(error) => return Ok(Some(stop(not_noted(header, &error)))),
        };
        let done = self.send(header, connected, ready, trail).await;
        if let Ok(Some((outcome, _))) = &done
            && outcome.changed() == Changed::No
        {
            self.breaker.give_back(asked_at).await;
        }
        done
    }

    /// Counts what was done before, if that is still to be done: before this request is noted, which is
    /// counted by itself.
    async fn count(&self, operation: Operation) -> Result<(), JournalError> {
        match operation {
            Operation::Change => self.guesses.count(&self.journal, &*self.clock).await,
            _ if Breaker::counts(operation) => {
                self.breaker.count(&self.journal, &*self.clock).await
            }
            _ => Ok(()),
        }
    }

    /// Sends a change, unless present passwords were guessed for this account. An account has one
    /// change at a time, so none is sent beside one that is still to be counted.
    async fn send_unless_guessed(
        &self,
        header: &Header,
        connected: &Connected,
        ready: Ready,
        trail: &mut Vec<Event>,
    ) -> Result<Option<Stop>, JournalError> {
        let place = ready.place.clone();
        if !self.guesses.may_try(&place, ready.judged.rules.as_ref(), &*self.clock).await {
            tracing::warn!(
                event = "writeback.too_many_wrong_passwords",
                request = %header.request,
                connector = place.connector,
                object_guid = %place.guid,
                operator = Outcome::TooManyWrongPasswords.operator_text(),
            );
            return Ok(Some(stop(Outcome::TooManyWrongPasswords)));
        }
        let done = self.send(header, connected, ready, trail).await?;
        let outcome = done.as_ref().map(|(outcome, _)| *outcome);
        self.guesses.ended(&place, outcome, &*self.clock).await;
        Ok(done)
    }

    /// Notes how the password stands, while the directory says the rest. That keeps the disk busy and the
    /// controller, so it takes as long as the slower of them, and what is noted in vain ends as what it is
    /// refused for (decision 0015).
    async fn ready(
        &self,
        header: &Header,
        Found { connected, guid, witness, rest }: Found<'_>,
        passwords: Opened,
        trail: &mut Vec<Event>,
    ) -> Result<Readied, JournalError> {
        let connector = connected.settings.name.as_str().to_owned();
        let place = Place { connector, guid };
        let (told, now) = (told_of_spared(header, connected), self.clock.now());
        let note = self.journal.note_before(header, &place, &witness, &told, now);
        let judged = self.judge(header, connected, rest, trail);
        let (noted, judged) = tokio::join!(note, judged);
        let stopped = match (judged, passwords) {
            (Err(stop), _) => stop,
            (Ok(_), Err((outcome, event))) => {
                trail.push(event);
                stop(outcome)
            }
            (Ok(judged), Ok(passwords)) => match noted_or_stop(header, noted)? {
                None => {
                    let refused = self.certainly_refused(header, connected, &judged, &passwords);
                    if let Some(stop) = refused.await {
                        return Ok(Readied::Stopped(stop));
                    }
                    let ready = Ready { place, witness, judged, passwords };
                    return Ok(Readied::Ready(Box::new(ready)));
                }
                Some(stop) => stop,
            },
        };
        Ok(Readied::Stopped(stopped))
    }

    /// Sends what is noted, at once or, where the PDC emulator has moved since, noted and judged anew.
    async fn send(
        &self,
        header: &Header,
        connected: &Connected,
        mut ready: Ready,
        trail: &mut Vec<Event>,
    ) -> Result<Option<Stop>, JournalError> {
        for _ in 0..MOVES_MAX {
            let Ready { place, witness, judged, passwords } = &ready;
            let spared = is_spared(header, connected);
            let Some(write) = write_of(header.operation, spared, passwords) else {
                return Ok(Some(stop(Outcome::BadInput)));
            };
            self.watch.reached(Step::Noted).await;
            // Looked at again, as late as can be: the clock may have been put to another time while
            // the directory was asked, and by that time the message may have expired.
            if !self.clock_difference.is_still_small() {
                return Ok(Some(stop(Outcome::ClockDifference)));
            }
            // No set starts after its time, however long the way there takes (SPEC W-11).
            let terms = Terms { not_after: header.expires_at, noted: Some(witness) };
            match connected.directory.write(place.guid, write, terms).await {
                Ok(()) => {
                    let set = (&judged.account, witness);
                    return self.confirmed(header, connected, set, trail).await.map(Some);
                }
                Err(SetError::ControllerMoved) => {
                    ready = match self.ready_again(header, connected, ready, trail).await? {
                        Readied::Ready(again) => *again,
                        Readied::Stopped(stop) => return Ok(Some(stop)),
                    };
                }
                Err(SetError::Unknown { cause }) => {
                    tracing::error!(event = "writeback.in_doubt", request = %header.request, cause);
                    return Ok(None);
                }
                Err(error) => {
                    let (set, new) = ((&judged.account, witness), passwords.new_one());
                    return Ok(Some(self.refused(header, connected, set, &error, new).await));
                }
            }
        }
        Ok(Some(stop(Outcome::PdcUnreachable)))
    }

    /// Notes and judges anew what nobody has sent, at whoever holds the role now: that one may know of
    /// the account what the former holder has not heard of yet, that it is disabled or protected by now.
    async fn ready_again(
        &self,
        header: &Header,
        connected: &Connected,
        Ready { place, passwords, .. }: Ready,
        trail: &mut Vec<Event>,
    ) -> Result<Readied, JournalError> {
        let found = match stands(connected, place.guid, None).await {
            Ok(found) => found,
            Err(outcome) => return Ok(Readied::Stopped(stop(outcome))),
        };
        let mut told = Vec::new();
        let readied = self.ready(header, found, Ok(passwords), &mut told).await;
        // What was told of the former holder's word is not told twice.
        told.retain(|event| !trail.contains(event));
        trail.append(&mut told);
        readied
    }

    /// The outcome of a set that certainly changed nothing: where it was the policy, by the rules as
    /// they are now; where Samba does not say which right is missing, by the account's own list.
    async fn refused(
        &self,
        header: &Header,
        connected: &Connected,
        (account, noted): (&Account, &Witness),
        error: &SetError,
        new: Option<&ClearPassword>,
    ) -> Stop {
        let (SetError::Refused(refusal), Some(new)) = (error, new) else {
            return stop(refused("write", header, error));
        };
        if header.operation == Operation::Change && lacks_the_right(account, noted, refusal) {
            return stop(refused("write", header, &WithoutTheRight(error)));
        }
        if !refusal.is_policy() {
            return stop(refused("write", header, error));
        }
        let policy = connected.directory.effective_policy(account).await;
        // It was refused, whatever can be found out about why.
        let policy = policy.inspect_err(|error| {
            refused("policy", header, error);
        });
        let rules = policy.ok().and_then(|policy| asked_of(header, connected, policy.rules));
        explain_refusal(rules.as_ref(), account, new, self.clock.now())
    }

    /// What is done and said after the directory has confirmed, of an account whose password stood as it
    /// was noted.
    async fn confirmed(
        &self,
        header: &Header,
        connected: &Connected,
        (account, noted): (&Account, &Witness),
        trail: &mut Vec<Event>,
    ) -> Result<Stop, JournalError> {
        self.watch.reached(Step::Applied).await;
        // Written down together with the answer, unless something else is done before: until then a
        // crash leaves an entry that is settled by looking, which comes to the same.
        let outcome = match header.operation {
            Operation::Unlock => {
                trail.push(Event::unlocked(header));
                return Ok(stop(Outcome::Unlocked));
            }
            Operation::Change | Operation::Reset
                if may_have_expired(header.operation, account, noted)
                    && self.has_expired(header, connected, account, noted).await =>
            {
                Outcome::SetButExpired
            }
            Operation::Change => Outcome::ChangedByPerson,
            Operation::Reset => Outcome::PasswordChanged,
            Operation::ResetByAdministrator if account.password_never_expires() => {
                Outcome::ResetChangeNotAsked
            }
            Operation::ResetByAdministrator => {
                self.journal.set(header, self.clock.now()).await?;
                let required = self.require_change(header, connected, account.guid).await;
                return Ok(match required {
                    Required::Yes => stop(Outcome::ResetByAdministrator),
                    Required::Refused => stop(Outcome::MustChangeNotSet),
                    // It may have been written all the same: it is asked for on ([`Unrecorded::asks_on`]).
                    Required::Unanswered => {
                        let details = Details { inferred: true, ..Details::default() };
                        (Outcome::MustChangeNotSet, details)
                    }
                });
            }
        };
        trail.push(Event::set(header));
        Ok(stop(outcome))
    }

    /// Has the password changed at the next sign-in (SPEC D-4).
    pub(crate) async fn require_change(
        &self,
        header: &Header,
        connected: &Connected,
        guid: ObjectGuid,
    ) -> Required {
        for _ in 0..REQUIRE_TRIES {
            match connected.directory.write(guid, Write::RequireChange, Terms::ANY).await {
                Ok(()) => return Required::Yes,
                Err(error @ SetError::Refused(_)) => {
                    refused("require_change", header, &error);
                    return Required::Refused;
                }
                Err(error) => {
                    refused("require_change", header, &error);
                }
            }
        }
        Required::Unanswered
    }
}

/// Whether a change was refused for want of Change Password (SPEC D-12). Samba answers that as any other
/// restriction: result 19, and no code.
fn lacks_the_right(account: &Account, noted: &Witness, refusal: &Refusal) -> bool {
    /// constraintViolation (RFC 4511 appendix A).
    const CONSTRAINT_VIOLATION: u32 = 19;
    let says_nothing = refusal.result == CONSTRAINT_VIOLATION && refusal.code.is_none();
    noted.judge == Judge::Samba && says_nothing && account.service_may_not_change
}

/// Such a refusal, with the right that is missing.
struct WithoutTheRight<'e>(&'e SetError);

impl std::fmt::Display for WithoutTheRight<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; the service account lacks Change Password on the account", self.0)
    }
}

impl HasOutcome for WithoutTheRight<'_> {
    fn outcome_of(&self) -> Outcome {
        Outcome::PermissionMissing
    }
}

/// Why nothing may be sent, if the state before was not noted.
fn noted_or_stop(
    header: &Header,
    noted: Result<Noted, JournalError>,
) -> Result<Option<Stop>, JournalError> {
    Ok(match noted {
        Ok(Noted::Yes) => None,
        Ok(Noted::AnotherIsOpen) => Some(stop(Outcome::AlreadyInFlight)),
        Err(error @ JournalError::OutOfOrder) => return Err(error),
        // Without journal and audit nothing is sent (THREATS "audit sink gone").
        Err(error) => Some(stop(not_noted(header, &error))),
    })
}

/// What an operation writes, with all of the policy or `spared` history and least age; none if it comes
/// with other passwords than it takes.
fn write_of(operation: Operation, spared: bool, passwords: &Passwords) -> Option<Write<'_>> {
    Some(match (operation, passwords) {
        (Operation::ResetByAdministrator, Passwords::New(new)) if spared => {
            Write::ResetWithoutHints(new)
        }
        (Operation::Reset | Operation::ResetByAdministrator, Passwords::New(new)) => {
            Write::Reset(new)
        }
        (Operation::Change, Passwords::Change { old, new }) => Write::Change { old, new },
        (Operation::Unlock, Passwords::None) => Write::Unlock,
        _ => return None,
    })
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
