//! Settlement: what a crash, cut or silence left open is settled by looking at the directory,
//! never by setting again (SPEC PR-2, DESIGN "journal").
//!
//! ```text
//! begun   nothing was sent                                     → not changed
//! noted   the version of unicodePwd after the noted one,
//!         written at the noted controller and in time          → changed; cannot be known where the
//!                                                                guard would refuse it now
//!         any other one above the noted one: somebody else
//!         wrote, after ours or instead of it                   → cannot be known
//!         the noted one, at the noted controller, after the
//!         directory's time limit                               → not changed
//! set     the directory had confirmed it                       → changed
//! ```
//!
//! What is *changed* here has expired where the metadata says that it did as it was set.
//!
//! A reset by an administrator that was set goes on where it stopped: the password is to be changed at
//! the next sign-in, which may be asked for twice (SPEC D-4), unless it was changed since. An unlock
//! has no version; whether the account is locked says how it ended, unless it was locked out since: then
//! nobody knows. That an account is gone is
//! believed of the controller that was asked: a new one may not have reached another one yet. A day later
//! it has, and where the controller that was asked cannot be asked any more, the one that has the role
//! now is believed (decision 0003).
//!
//! The process that sent it keeps the connection. While the controller has neither answered nor hung up,
//! nothing is concluded; an answer that comes late is the truth. What is given up after a quarter of an hour
//! may still be made: where it does not show by then, nobody can know. After that, and in every later process:
//! *unchanged* waits for the time limit because a modify may still stand in the controller's queue. It counts
//! from the controller's own first word that nothing was changed, as long as it goes on saying so: while it
//! was away, or stood still, it worked on nothing, and whoever is answered first when it goes on may be
//! answered before the set is made.
//!
//! Where the directory did not answer that the password is to be changed at the next sign-in, the answer is
//! out, and it is asked on here: for a quarter of an hour, or by the next process.
//!
//! An answer that is known is recorded by the same task, at once or as soon as the journal takes it;
//! if the process ends before, its entry is settled like every other one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use directory::{LATE_AWAITED, Late};
use futures_util::FutureExt as _;
use protocol::{Answer, Changed, Details, Header, Operation, Outcome, RequestId};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::Event;
use crate::directories::Connected;
use crate::guard;
use crate::journal::{Before, JournalError, State};
use crate::writeback::{Unrecorded, Writeback};

mod go_on;
mod judge;
mod stands;
mod why;

use judge::{
    at_last, at_the_noted_one, given_up, is_gone, is_noted, judge, may_be_locked_since, noted,
    was_written_in_time,
};
use stands::as_it_stands;
use why::{LOOK_AGAIN, Said, Why};

/// So long it is not looked again after a look has panicked, which says where in the log.
const PANICKED: Duration = Duration::from_secs(60);

/// So long after a request was issued its account has reached every controller.
const REPLICATED: Duration = Duration::from_secs(24 * 60 * 60);

/// Settles open entries in the background, each by one task.
#[derive(Clone)]
pub(crate) struct Settler {
    writeback: Writeback,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Whose entries are looked at, and of which it cannot be found out as things are.
    settling: Arc<Mutex<HashMap<RequestId, bool>>>,
    unrecorded: Arc<Mutex<HashMap<RequestId, Unrecorded>>>,
}

impl Settler {
    /// A settler that settles nothing yet.
    pub(crate) fn new(writeback: Writeback, tasks: TaskTracker, stop: CancellationToken) -> Self {
        let (settling, unrecorded) = (Arc::default(), Arc::default());
        Self { writeback, tasks, stop, settling, unrecorded }
    }

    /// Settles what the last process left open.
    pub(crate) async fn settle_all(&self) -> Result<usize, JournalError> {
        let open = self.writeback.journal.open_entries().await?;
        for entry in &open {
            self.settle_later(entry.header.request);
        }
        Ok(open.len())
    }

    /// Records an answer in the background.
    pub(crate) fn record_later(&self, unrecorded: Unrecorded) {
        let request = unrecorded.header.request;
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).insert(request, unrecorded);
        self.settle_later(request);
    }

    /// The answer to a request that is known and not recorded yet.
    pub(crate) fn unrecorded(&self, request: RequestId) -> Option<Answer> {
        self.still_to_record(request).map(|unrecorded| unrecorded.answer)
    }

    /// Whether what is needed to know how a request ended is not there, and may never be: a directory that
    /// answers, the controller that was asked, a disk that takes the answer. It is looked for on.
    pub(crate) fn cannot_say(&self, request: RequestId) -> bool {
        self.settling().get(&request).copied().unwrap_or(false)
    }

    /// Whether somebody looks at its entry.
    #[cfg(test)]
    pub(crate) fn is_settling(&self, request: RequestId) -> bool {
        self.settling().contains_key(&request)
    }

    fn settling(&self) -> MutexGuard<'_, HashMap<RequestId, bool>> {
        // Nothing panics while it is held; the table stays whole.
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn still_to_record(&self, request: RequestId) -> Option<Unrecorded> {
        let unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
        unrecorded.get(&request).cloned()
    }

    /// What else audit is told with an answer that is still to be recorded, in front of it. Told once.
    fn told_later(&self, request: RequestId, event: Event) {
        let mut unrecorded = self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Unrecorded { trail, .. }) = unrecorded.get_mut(&request)
            && !trail.iter().any(|told| told.name == event.name)
        {
            trail.insert(trail.len().saturating_sub(1), event);
        }
    }

    /// Settles one entry in the background, unless that is being done.
    pub(crate) fn settle_later(&self, request: RequestId) {
        match self.settling().entry(request) {
            Entry::Occupied(_) => return,
            Entry::Vacant(begins) => begins.insert(false),
        };
        let settler = self.clone();
        self.tasks.spawn(async move {
            let _looked_at = LookedAt(Arc::clone(&settler.settling), request);
            tokio::select! {
                () = settler.settle(request) => {}
                // What is known is recorded before the process ends, if it can be; it says itself
                // if not. What is still asked for is asked for by the next process.
                () = settler.stop.cancelled() => {
                    if !settler.still_to_record(request).is_some_and(|known| known.asks_on()) {
                        let _ = settler.recorded_now(request).await;
                    }
                }
            }
        });
    }

    /// Looks until it is settled.
    async fn settle(&self, request: RequestId) {
        // By the clock that nobody puts forward: an hour that is gained by that has not passed for what
        // stands in a controller's queue.
        let running = || self.writeback.clock.running();
        let since = running();
        let (mut said, mut unchanged_since) = (Said::default(), None);
        loop {
            let passed = |since| running().saturating_sub(since);
            let unchanged = unchanged_since.map_or(Duration::ZERO, passed);
            let waited = Waited { in_all: passed(since), unchanged };
            let mut pause = LOOK_AGAIN;
            // What panics once may do so again, and its person must not be barred by that.
            let look = AssertUnwindSafe(self.look(request, waited)).catch_unwind().await;
            let Ok(looked) = look else {
                tracing::error!(event = "settle.panicked", %request);
                self.settling().insert(request, true);
                self.writeback.clock.sleep(PANICKED).await;
                continue;
            };
            let cannot_say = !matches!(&looked, Ok(Look::Waiting(why)) if why.is_of_the_set());
            match looked {
                Ok(Look::Settled) => return,
                Ok(Look::Waiting(why)) => {
                    unchanged_since = match why {
                        Why::MayStillHappen => unchanged_since.or_else(|| Some(running())),
                        _ => None,
                    };
                    if said.is_due(&why, self.writeback.clock.now()) {
                        why.say(request);
                    }
                    pause = why.pause(waited.in_all);
                }
                Err(error) => {
                    tracing::error!(event = "settle.journal_failed", %request, cause = %error);
                }
            }
            self.settling().insert(request, cannot_say);
            self.writeback.clock.sleep(pause).await;
        }
    }

    /// Looks once, having waited for so long when it begins.
    async fn look(&self, request: RequestId, waited: Waited) -> Result<Look, JournalError> {
        if let Some(why) = self.asks_on(request, waited).await? {
            return Ok(Look::Waiting(why));
        }
        if self.recorded_now(request).await? {
            return Ok(Look::Settled);
        }
        let Some(entry) = self.writeback.journal.entry(request).await? else {
            return Ok(Look::Settled);
        };
        let conclusion = match (entry.state, &entry.before) {
            (State::Finished, _) => return Ok(Look::Settled),
            (State::Begun, _) | (State::Noted, None) => Ok((Outcome::SettledUnchanged, false)),
            (State::Set, None) => Ok((Outcome::SettledChanged, false)),
            (State::Noted, Some(before)) => match said_late(self.directory(before), before) {
                Late::Over => self.conclude_noted(&entry.header, before, waited).await,
                Late::GivenUp => given_up(self.conclude_noted(&entry.header, before, waited).await),
                Late::Awaited => Err(Why::not_over(before)),
                Late::Answered(Ok(())) => {
                    let now = self.writeback.clock.now();
                    self.writeback.journal.set(&entry.header, now).await?;
                    self.go_on_in_time(&entry.header, before, waited).await
                }
                Late::Answered(Err(_)) => Ok((Outcome::SettledUnchanged, false)),
            },
            (State::Set, Some(before)) => self.go_on_in_time(&entry.header, before, waited).await,
        };
        let (outcome, inferred) = match conclusion {
            Ok(conclusion) => conclusion,
            // The controller that was asked never comes back, or its word does not reach the others.
            Err(why)
                if why.is_for_the_noted_one()
                    && waited.in_all >= LATE_AWAITED
                    && self.is_replicated(&entry.header) =>
            {
                (Outcome::CannotBeKnown, false)
            }
            Err(why) => return Ok(Look::Waiting(why)),
        };
        let details = Details { inferred, ..Details::default() };
        if let (Operation::Change, Some(before), Changed::Yes) =
            (entry.header.operation, &entry.before, outcome.changed())
        {
            // Before the next one may be noted. Whatever else it is counts already, as doubt.
            let (guesses, clock) = (&self.writeback.guesses, &*self.writeback.clock);
            guesses.ended(&before.place, Some(outcome), clock).await;
        }
        self.writeback.settled(&entry.header, (outcome, details)).await?;
        Ok(Look::Settled)
    }

    /// What came of an entry of which it is known that it was noted, and not whether it was sent: what
    /// the guard refuses is noted too, and never sent (decision 0015). Where it would refuse now, a
    /// change that shows may be somebody else's, and nothing is ever written.
    async fn conclude_noted(&self, header: &Header, before: &Before, waited: Waited) -> Conclusion {
        let conclusion = match header.operation {
            Operation::Unlock => self.conclude_unlock(header, before, waited).await,
            _ => self.conclude(header, before, waited).await,
        };
        let shows =
            |outcome: Outcome| outcome.changed() == Changed::Yes || outcome == Outcome::Unlocked;
        match conclusion {
            Ok((outcome, _)) if shows(outcome) && self.is_refused(header, before).await? => {
                Ok((Outcome::CannotBeKnown, false))
            }
            Ok((Outcome::SettledChanged, false)) => self.go_on(header, before).await,
            conclusion => conclusion,
        }
    }

    /// Whether the guard refuses this operation on the account as it is now.
    async fn is_refused(&self, header: &Header, before: &Before) -> Result<bool, Why> {
        let connected = self.directory(before)?;
        let Some(now) = as_it_stands(connected, before).await? else {
            return Err(Why::not_there(before));
        };
        let (here, own) = ((&self.writeback.directories, connected), now.own.as_ref());
        let at = self.writeback.clock.now();
        Ok(guard::refuses(header.operation, here, &now.account, own, at).is_some())
    }

    /// Records the answer that is known already, if there is one.
    async fn recorded_now(&self, request: RequestId) -> Result<bool, JournalError> {
        let Some(known) = self.still_to_record(request) else { return Ok(false) };
        let recorded = match self.writeback.record(&known.header, &known.answer, &known.trail).await
        {
            Ok(()) => true,
            // Another answer stands there, and counts.
            Err(JournalError::OutOfOrder) => false,
            Err(error) => {
                known.say(&error);
                return Err(error);
            }
        };
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner).remove(&request);
        Ok(recorded)
    }

    /// What the directory's metadata says, and whether that is inferred; or why it cannot be known
    /// yet.
    async fn conclude(&self, header: &Header, before: &Before, waited: Waited) -> Conclusion {
        let connected = self.directory(before)?;
        let conclusion = match connected.directory.witness(before.place.guid).await? {
            None => match at_the_noted_one(connected, before, Why::not_there(before)).await {
                Err(Why::NotThere { .. }) if self.is_replicated(header) => {
                    (Outcome::UserGone, true)
                }
                conclusion => conclusion?,
            },
            Some(witness) => match judge(before, &witness) {
                Err(other @ Why::OtherController { .. }) => {
                    at_the_noted_one(connected, before, other).await?
                }
                conclusion => conclusion?,
            },
        };
        match conclusion.0 {
            Outcome::SettledUnchanged => at_last(connected, waited, conclusion),
            Outcome::SettledChanged
                if !was_written_in_time(
                    &self.writeback,
                    connected,
                    header,
                    before,
                    waited.in_all,
                )
                .await? =>
            {
                Ok((Outcome::CannotBeKnown, false))
            }
            _ => Ok(conclusion),
        }
    }

    /// Whether the account is locked, which is all that an unlock changes. Where it is not, it does
    /// not matter who unlocked it; where it is, only the controller that was asked knows, and nobody where
    /// it was locked out since.
    async fn conclude_unlock(
        &self,
        header: &Header,
        before: &Before,
        waited: Waited,
    ) -> Conclusion {
        let connected = self.directory(before)?;
        let Some(now) = as_it_stands(connected, before).await? else {
            return is_gone(connected, before, self.is_replicated(header)).await;
        };
        if now.account.hidden.lockout_time {
            // Nobody is kept waiting for a right that may never be granted: an unlock can be asked for again.
            let conclusion = at_last(connected, waited, (Outcome::CannotBeKnown, false))?;
            why::say_lockout_is_hidden(header.request, &now.account.dn);
            return Ok(conclusion);
        }
        let Some(locked_at) = now.account.lockout_time else {
            return Ok((Outcome::Unlocked, true));
        };
        is_noted(before, &now.witness)?;
        let outcome =
            match may_be_locked_since(&self.writeback, connected, header, locked_at).await? {
                // As after somebody else's write of a password: ours may have been before it, or not at all.
                true => Outcome::CannotBeKnown,
                false => Outcome::SettledUnchanged,
            };
        at_last(connected, waited, (outcome, false))
    }

    /// Whether every controller has the account by now, if there is one: by a clock that agrees with the
    /// one by which the request was issued.
    fn is_replicated(&self, header: &Header) -> bool {
        let passed = self.writeback.clock.now().since(header.issued_at);
        passed >= REPLICATED && self.writeback.clock_difference.is_known_to_be_small()
    }

    fn directory(&self, before: &Before) -> Result<&Connected, Why> {
        let connector = &before.place.connector;
        let named = self.writeback.directories.named(connector);
        named.ok_or_else(|| Why::NoSuchDirectory { connector: connector.clone() })
    }
}

/// That somebody looks at an entry, until this is dropped.
struct LookedAt(Arc<Mutex<HashMap<RequestId, bool>>>, RequestId);

impl Drop for LookedAt {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// For how long an entry has been looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Waited {
    /// Since the first look.
    in_all: Duration,
    /// Since the first of the looks at each of which the controller that was asked has said that nothing was
    /// changed; zero where the last one said something else, or nothing.
    unchanged: Duration,
}

/// What the controller has said to the set since nobody waits for its answer any more.
fn said_late(connected: Result<&Connected, Why>, before: &Before) -> Late {
    let late =
        connected.map(|one| one.directory.late(before.place.guid, (noted(before), before.version)));
    late.unwrap_or(Late::Over)
}

/// How it ended, and whether that is inferred; or why it cannot be known yet.
type Conclusion = Result<(Outcome, bool), Why>;

/// What one look at an entry came to.
enum Look {
    /// The answer is recorded.
    Settled,
    /// It cannot be known yet.
    Waiting(Why),
}

#[cfg(test)]
mod directory_tests;
#[cfg(test)]
mod late_tests;
#[cfg(test)]
mod tests;
