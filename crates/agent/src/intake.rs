//! What arrives from the relay (SPEC W-7, W-11, W-12): packages to carry out, and questions how a
//! request ended. A hostile relay can send anything; nothing is believed that does not open.
//!
//! A package is refused by size, opened, checked against who and when this is, and only then begun
//! in the journal. What cannot be opened gets no signed answer: the relay could keep the genuine
//! package back, and the person would be told "not changed" before it is applied after all. For the
//! same reason there is none where the journal's entry cannot be begun: what is not written down
//! could be taken when the package comes again. Once it has expired, the cloud is told why.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use protocol::limits::{CLOCK_DIFFERENCE_MAX, LIFETIME_MAX, PACKAGE_MAX};
use protocol::settlement::{
    STATUS_CANNOT_SAY, STATUS_NOT_YET, TARGET_LOOK, TARGET_SETTLE, TARGET_WRITEBACK,
};
use protocol::{AgentId, Answer, Details, Header, Outcome, Randomness, RequestId, TenantId};
use relay::{BoxFuture, Handler, Request, Response};
use seal::{AgentKeys, OpenedRequest, PackageKey, SealError, SigningKey};
use serde_json::json;
use tokio::sync::Notify;

pub(crate) use memory::Memory;

use crate::audit::{Admitted, AtWill, Event};
use crate::clocks::FIRST_MEASUREMENT;
use crate::journal::{Entry, JournalError};
use crate::settle::Settler;
use crate::steps::Step;
use crate::writeback::{Ended, Looked, Opened, Writeback};

/// After its expiry a message cannot be applied any more; this much later the agent says so. It
/// covers a step of the clock in between.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

/// Takes requests from the relay.
pub(crate) struct Intake {
    /// Who this is.
    pub(crate) tenant: TenantId,
    /// Who this is.
    pub(crate) agent: AgentId,
    /// What packages are opened with.
    pub(crate) keys: Arc<AgentKeys>,
    /// What answers are signed with.
    pub(crate) identity: Arc<SigningKey>,
    /// What is done with them.
    pub(crate) writeback: Writeback,
    /// Who settles what is in doubt.
    pub(crate) settler: Settler,
    /// For nonces.
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) memory: Memory,
}

/// What audit has of a request that was never begun.
const NEVER_BEGUN: &str = "settle.never_begun";

/// What was found out beside the beginning of an entry, or why nothing will be written.
type Prepared<'a> = Result<(Looked<'a>, Opened), Outcome>;

/// Why a request was not begun now.
enum NotBegun {
    /// It was begun before, or may have been.
    Before,
    /// It could not be written down.
    Failed(JournalError),
}

impl Handler for Intake {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            let target = request.target.trim_matches('/').to_owned();
            let answered = match (request.method.as_str(), target.as_str()) {
                ("POST", TARGET_WRITEBACK) => self.writeback(&request.body).await,
                ("POST", TARGET_SETTLE) => self.settle(&request.body).await,
                ("POST", TARGET_LOOK) => self.look(&request.body).await,
                _ => Ok(Response::empty(404)),
            };
            answered.unwrap_or_else(|error: JournalError| {
                // The cloud asks again; what is durable by then is what it is told.
                tracing::error!(event = "intake.journal_failed", cause = %error);
                Response::empty(500)
            })
        })
    }
}

impl Intake {
    async fn writeback(&self, package: &[u8]) -> Result<Response, JournalError> {
        let opened = match seal::open_request(&self.keys, package) {
            Ok(opened) => opened,
            Err(error) => return Ok(self.not_opened(package, &error).await),
        };
        let header = &opened.header;
        if header.tenant != self.tenant || header.agent != self.agent {
            tracing::error!(event = "intake.not_for_this_agent", request = %header.request);
            self.notice(Event::of(
                header,
                "intake.not_for_this_agent",
                json!({ "agent": header.agent }),
            ))
            .await;
            return Ok(Response::empty(400));
        }
        let Some(key) = self.keys.package_key(opened.package_key_id) else {
            return Ok(Response::empty(400));
        };
        let mut hand = self.memory.in_hand.take(&self.settler, header.request);
        let prepared = match self.prepare(&opened).await {
            Ok(prepared) => prepared,
            Err(NotBegun::Before) => {
                drop(hand);
                return self.known(key, header).await;
            }
            Err(NotBegun::Failed(error)) => {
                self.remember(header.request, Outcome::Fault);
                drop(hand);
                // What failed may have been written all the same, and nobody carries it out.
                self.settle_what_nobody_has(header.request);
                return Err(error);
            }
        };
        hand.has_begun();
        let prepared = prepared.unwrap_or_else(|panicked| resume_unwind(panicked));
        self.writeback.watch.reached(Step::Begun).await;
        let ended = match prepared {
            Ok((looked, passwords)) => self.writeback.carry_out(header, looked, passwords).await,
            Err(outcome) => {
                self.writeback.finish(header, (outcome, Details::default()), Vec::new()).await
            }
        };
        match ended {
            Ok(Ended::Known(answer)) => Ok(self.seal(key, header, &answer)),
            // Written down while the answer is on its way.
            Ok(Ended::Unrecorded(unrecorded)) => {
                let sealed = self.seal(key, header, &unrecorded.answer);
                self.settler.record_later(unrecorded);
                Ok(sealed)
            }
            Ok(Ended::InDoubt) => {
                self.settler.settle_later(header.request);
                Ok(Response::empty(STATUS_NOT_YET))
            }
            Err(error) => {
                self.settler.settle_later(header.request);
                Err(error)
            }
        }
    }

    async fn begin(&self, header: &Header) -> Result<(), NotBegun> {
        let begun = self.writeback.journal.begin(header, self.writeback.clock.now()).await;
        match begun {
            Ok(true) => Ok(()),
            Ok(false) => Err(NotBegun::Before),
            Err(error) => Err(NotBegun::Failed(error)),
        }
    }

    /// The answer to a request that was begun before, or may have been.
    async fn known(&self, key: &PackageKey, header: &Header) -> Result<Response, JournalError> {
        let entry = self.writeback.journal.entry(header.request).await?;
        let void = match &entry {
            Some(_) => false,
            None => self.writeback.journal.knows_since(header.issued_at).await?,
        };
        // Without an entry and not void it was issued before the journal's horizon: once it has expired,
        // who asks is told that nobody can know.
        let name = match &entry {
            Some(_) => "intake.known_request",
            None if void => "intake.void",
            None => "intake.before_the_horizon",
        };
        tracing::warn!(event = name, request = %header.request);
        self.notice(Event::of(header, name, json!({}))).await;
        match entry {
            Some(entry) => Ok(self.recorded(key, entry)),
            None if void => {
                let answer = self.answer(self.why_never_begun(header.request));
                let ended = self.end(key, header, NEVER_BEGUN, &answer).await?;
                Ok(ended.unwrap_or_else(|| Response::empty(STATUS_NOT_YET)))
            }
            None => Ok(Response::empty(STATUS_NOT_YET)),
        }
    }

    /// Has an open entry settled that nobody carries out here.
    fn settle_what_nobody_has(&self, request: RequestId) {
        if !self.memory.in_hand.has(request) {
            self.settler.settle_later(request);
        }
    }

    /// What is refused by the opened header alone. The refusal is recorded like every answer: what
    /// has expired stays refused, also if the clock is put back.
    async fn refusal(&self, opened: &OpenedRequest) -> Option<Outcome> {
        let header = &opened.header;
        if self.writeback.clock.now() >= header.expires_at {
            return Some(Outcome::Expired);
        }
        let lifetime = header.expires_at.since(header.issued_at);
        let future = header.issued_at.since(self.writeback.clock.now());
        if lifetime > LIFETIME_MAX || header.expires_at <= header.issued_at {
            return Some(Outcome::BadInput);
        }
        let small = self.writeback.clock_difference.is_small_within(FIRST_MEASUREMENT).await;
        if !small || future > CLOCK_DIFFERENCE_MAX {
            return Some(Outcome::ClockDifference);
        }
        None
    }

    /// Begins the entry. Meanwhile, what decides whether anything is written, and the passwords; or why
    /// nothing will be written. Given up where there is an entry. Whatever panics, it is known whether
    /// the entry was begun.
    async fn prepare<'a>(
        &'a self,
        opened: &'a OpenedRequest,
    ) -> Result<thread::Result<Prepared<'a>>, NotBegun> {
        let header = &opened.header;
        let read = async {
            if let Some(outcome) = self.refusal(opened).await {
                return Err(outcome);
            }
            let asks = Notify::new();
            let looked = async {
                let resolved = self.writeback.resolve(header).await;
                asks.notify_one();
                self.writeback.look(header, resolved).await
            };
            let passwords = async {
                // The question to the directory leaves first. Its controller works longer than this
                // takes, and on a thread of its own it would be the controller that makes room.
                asks.notified().await;
                tokio::task::yield_now().await;
                self.open_passwords(opened)
            };
            Ok(tokio::join!(biased; looked, passwords))
        };
        let read = async { Ok(AssertUnwindSafe(read).catch_unwind().await) };
        let (read, ()) = tokio::try_join!(biased; read, self.begin(header))?;
        Ok(read)
    }

    /// Opens the passwords. An RSA decryption takes most of a millisecond.
    fn open_passwords(&self, opened: &OpenedRequest) -> Opened {
        // The request is begun by now, and is to be ended whatever happens.
        let open = AssertUnwindSafe(|| seal::open_passwords(&self.keys, opened));
        let passwords = catch_unwind(open).unwrap_or(Err(SealError::Library("open a password")));
        passwords.map_err(|error| not_opened(&opened.header, &error))
    }

    /// A package that does not open: remembered by the request id that it claims, if it has one,
    /// so that the operator's reason is told once the message cannot be applied any more.
    async fn not_opened(&self, package: &[u8], error: &SealError) -> Response {
        tracing::error!(
            event = "intake.package_not_opened",
            bytes = package.len(),
            cause = %error,
            operator = Outcome::NotDecryptable.operator_text(),
        );
        if package.len() <= PACKAGE_MAX
            && let Some(header) = seal::claimed_header(package)
        {
            self.remember(header.request, Outcome::NotDecryptable);
            // The tenant that it claims says nothing.
            let claimed =
                Event::of(&header, "intake.package_not_opened", json!({ "proved": false }));
            self.notice(Event { tenant: None, ..claimed }).await;
        }
        Response::empty(422)
    }

    /// Tells audit of what the relay can have written at will, where nothing depends on its being told: it is
    /// in the log.
    async fn notice(&self, event: Event) {
        let now = self.writeback.clock.now();
        {
            let mut at_will = self.at_will();
            if at_will.admits(&event, now) != Admitted::Now {
                return;
            }
            at_will.wrote(&event);
        }
        if self.writeback.tell(std::slice::from_ref(&event)).await.is_err() {
            self.at_will().forget(&event);
        }
    }

    /// Tells how a request ended, which the relay can ask at will, once audit has it (SPEC L-7). None where audit
    /// is told of too many others.
    async fn end(
        &self,
        key: &PackageKey,
        header: &Header,
        name: &str,
        answer: &Answer,
    ) -> Result<Option<Response>, JournalError> {
        let event = Event::answered(header, name, answer);
        let mut ends = self.memory.ends.lock().await;
        match ends.admits(&event, self.writeback.clock.now()) {
            Admitted::Before => {}
            Admitted::Now => {
                self.writeback.tell(std::slice::from_ref(&event)).await?;
                ends.wrote(&event);
            }
            Admitted::No => {
                tracing::warn!(event = "intake.too_many_ends", request = %header.request);
                return Ok(None);
            }
        }
        // Bound to the header as it came: with other times the cloud does not accept it.
        Ok(Some(self.seal(key, header, answer)))
    }

    fn at_will(&self) -> MutexGuard<'_, AtWill> {
        self.memory.at_will.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a request ended; "not yet" only where it may still be carried out, and nobody else is to say
    /// anything. One that was never begun is void once it has expired: then, and not
    /// before, the agent says so; and only if its clock is known to be right, because with another
    /// one the request might still be taken. Where the journal does not reach back to the request,
    /// nobody can say that it was never begun.
    async fn settle(&self, body: &[u8]) -> Result<Response, JournalError> {
        let Ok(header) = Header::decode(body) else { return Ok(Response::empty(400)) };
        if header.tenant != self.tenant || header.agent != self.agent {
            return Ok(Response::empty(400));
        }
        let key = &self.keys.current().package_key;
        if let Some(entry) = self.writeback.journal.entry(header.request).await? {
            let said = self.recorded(key, entry);
            let cannot_say =
                said.status == STATUS_NOT_YET && self.settler.cannot_say(header.request);
            return Ok(if cannot_say { Response::empty(STATUS_CANNOT_SAY) } else { said });
        }
        if !self.writeback.clock_difference.is_small_within(FIRST_MEASUREMENT).await {
            return Ok(Response::empty(STATUS_CANNOT_SAY));
        }
        // By the clock as it is now that it was measured.
        let expired = self.writeback.clock.now() >= header.expires_at.after(EXPIRY_MARGIN);
        if !expired {
            return Ok(Response::empty(STATUS_NOT_YET));
        }
        // Should it come after all, and the clock have been put back by then.
        self.writeback.journal.make_void(header.expires_at, self.writeback.clock.now()).await?;
        if let Some(entry) = self.writeback.journal.entry(header.request).await? {
            // Begun a moment ago.
            return Ok(self.recorded(key, entry));
        }
        let outcome = match self.writeback.journal.knows_since(header.issued_at).await? {
            true => self.why_never_begun(header.request),
            false => Outcome::CannotBeKnown,
        };
        // Another one may be asked meanwhile, or this one later.
        let ended = self.end(key, &header, NEVER_BEGUN, &self.answer(outcome)).await?;
        Ok(ended.unwrap_or_else(|| Response::empty(STATUS_CANNOT_SAY)))
    }

    /// How a request ended that another agent was given and does not answer for. Nothing is written.
    async fn look(&self, body: &[u8]) -> Result<Response, JournalError> {
        let Ok(header) = Header::decode(body) else { return Ok(Response::empty(400)) };
        if header.tenant != self.tenant || header.agent != self.agent {
            return Ok(Response::empty(400));
        }
        if self.writeback.journal.entry(header.request).await?.is_some() {
            // It was this one's after all.
            return self.settle(body).await;
        }
        let (outcome, details) = match self.writeback.seen(&header).await {
            Ok(seen) => seen,
            Err(why) => {
                why.say(header.request);
                return Ok(Response::empty(STATUS_NOT_YET));
            }
        };
        let answer = Answer { details, ..self.answer(outcome) };
        let key = &self.keys.current().package_key;
        let ended = self.end(key, &header, "look.concluded", &answer).await?;
        Ok(ended.unwrap_or_else(|| Response::empty(STATUS_NOT_YET)))
    }

    fn remember(&self, request: RequestId, why: Outcome) {
        self.memory.not_begun.remember(request, why, self.writeback.clock.now());
    }

    fn why_never_begun(&self, request: RequestId) -> Outcome {
        self.memory.not_begun.why(request).unwrap_or(Outcome::Expired)
    }

    /// The answer if there is one, recorded or still to be; or "not yet": it is being carried out, or settled.
    fn recorded(&self, key: &PackageKey, Entry { header, answer, .. }: Entry) -> Response {
        match answer.or_else(|| self.settler.unrecorded(header.request)) {
            Some(answer) => self.seal(key, &header, &answer),
            None => {
                self.settle_what_nobody_has(header.request);
                Response::empty(STATUS_NOT_YET)
            }
        }
    }

    fn answer(&self, outcome: Outcome) -> Answer {
        Answer { outcome, details: Details::default(), finished_at: self.writeback.clock.now() }
    }

    fn seal(&self, key: &PackageKey, header: &Header, answer: &Answer) -> Response {
        let random = self.randomness.as_ref();
        match seal::seal_answer(key, &self.identity, header, answer, random) {
            Ok(sealed) => Response { body: Bytes::from(sealed), ..Response::empty(200) },
            Err(error) => {
                tracing::error!(event = "intake.answer_not_sealed", request = %header.request, cause = %error);
                Response::empty(500)
            }
        }
    }
}

/// What is told of a request whose passwords do not open, and audit of it.
fn not_opened(header: &Header, error: &SealError) -> (Outcome, Event) {
    tracing::error!(event = "intake.password_not_opened", request = %header.request, cause = %error);
    let outcome = match error {
        SealError::Password(_) => Outcome::PasswordMalformed,
        _ => Outcome::NotDecryptable,
    };
    let cause = json!({ "cause": error.to_string() });
    (outcome, Event::of(header, "intake.password_not_opened", cause))
}

mod in_hand;
mod memory;
mod reasons;

#[cfg(test)]
mod ends_tests;
#[cfg(test)]
mod tests;
