//! What arrives from the relay (SPEC W-7, W-11, W-12): packages to carry out, and questions how a
//! request ended. A hostile relay can send anything; nothing is believed that does not open.
//!
//! A package is refused by size, opened, checked against who and when this is, and only then begun
//! in the journal. What cannot be opened gets no signed answer: the relay could keep the genuine
//! package back, and the person would be told "not changed" before it is applied after all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use protocol::limits::{CLOCK_DIFFERENCE_MAX, LIFETIME_MAX, PACKAGE_MAX};
use protocol::settlement::{STATUS_NOT_YET, TARGET_SETTLE, TARGET_WRITEBACK};
use protocol::{AgentId, Answer, Details, Header, Outcome, Randomness, RequestId, TenantId};
use relay::{BoxFuture, Handler, Request, Response};
use seal::{AgentKeys, OpenedRequest, PackageKey, SealError, SigningKey};

use crate::clocks::{ClockDifference, FIRST_MEASUREMENT};
use crate::journal::JournalError;
use crate::settle::Settler;
use crate::steps::Step;
use crate::writeback::{Ended, Writeback};

/// How many packages that did not open are remembered, to say so when the cloud asks.
const UNOPENED_MAX: usize = 1_000;
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
    pub(crate) keys: AgentKeys,
    /// What answers are signed with.
    pub(crate) identity: Arc<SigningKey>,
    /// What is done with them.
    pub(crate) writeback: Writeback,
    /// Who settles what is in doubt.
    pub(crate) settler: Settler,
    /// How far the clocks are apart.
    pub(crate) clock_difference: Arc<ClockDifference>,
    /// For nonces.
    pub(crate) randomness: Arc<dyn Randomness>,
    /// Packages that did not open, by their unproved request id.
    pub(crate) unopened: Mutex<HashMap<RequestId, Outcome>>,
}

impl Handler for Intake {
    fn handle(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            let target = request.target.trim_matches('/').to_owned();
            let answered = match (request.method.as_str(), target.as_str()) {
                ("POST", TARGET_WRITEBACK) => self.writeback(&request.body).await,
                ("POST", TARGET_SETTLE) => self.settle(&request.body).await,
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
            Err(error) => return Ok(self.not_opened(package, &error)),
        };
        let header = &opened.header;
        if header.tenant != self.tenant || header.agent != self.agent {
            tracing::error!(event = "intake.not_for_this_agent", request = %header.request);
            return Ok(Response::empty(400));
        }
        let Some(key) = self.keys.package_key(opened.package_key_id) else {
            return Ok(Response::empty(400));
        };
        if let Some(entry) = self.writeback.journal.entry(header.request).await? {
            tracing::warn!(event = "intake.known_request", request = %header.request);
            return Ok(self.recorded(key, &entry.header, entry.answer));
        }
        if !self.writeback.journal.begin(header, self.writeback.clock.now()).await? {
            return Ok(Response::empty(STATUS_NOT_YET));
        }
        self.writeback.watch.reached(Step::Begun).await;
        let ended = match self.refusal(&opened).await {
            Some(outcome) => {
                let stop = (outcome, Details::default());
                self.writeback.finish(header, stop).await.map(Ended::Known)
            }
            None => self.carry_out(&opened).await,
        };
        match ended {
            Ok(Ended::Known(answer)) => Ok(self.seal(key, header, &answer)),
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
        let clock = &*self.writeback.clock;
        let small = self.clock_difference.is_small_within(FIRST_MEASUREMENT, clock).await;
        if !small || future > CLOCK_DIFFERENCE_MAX {
            return Some(Outcome::ClockDifference);
        }
        None
    }

    async fn carry_out(&self, opened: &OpenedRequest) -> Result<Ended, JournalError> {
        let header = &opened.header;
        let password = match seal::open_password(&self.keys, opened) {
            Ok(password) => password,
            Err(error) => {
                tracing::error!(event = "intake.password_not_opened", request = %header.request, cause = %error);
                let outcome = match error {
                    SealError::Password(_) => Outcome::PasswordMalformed,
                    _ => Outcome::NotDecryptable,
                };
                let stop = (outcome, Details::default());
                return self.writeback.finish(header, stop).await.map(Ended::Known);
            }
        };
        self.writeback.reset(header, &password).await
    }

    /// A package that does not open: remembered by the request id that it claims, if it has one,
    /// so that the operator's reason is told once the message cannot be applied any more.
    fn not_opened(&self, package: &[u8], error: &SealError) -> Response {
        tracing::error!(
            event = "intake.package_not_opened",
            bytes = package.len(),
            cause = %error,
            operator = Outcome::NotDecryptable.operator_text(),
        );
        if package.len() <= PACKAGE_MAX
            && let Some(header) = seal::claimed_header(package)
        {
            let mut unopened = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
            if unopened.len() < UNOPENED_MAX {
                unopened.insert(header.request, Outcome::NotDecryptable);
            }
        }
        Response::empty(422)
    }

    /// How a request ended. One that was never begun is void once it has expired: then, and not
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
            // Open: it is being carried out, or somebody settles it already.
            return Ok(self.recorded(key, &entry.header, entry.answer));
        }
        let expired = self.writeback.clock.now() >= header.expires_at.after(EXPIRY_MARGIN);
        if !expired || !self.clock_difference.is_known_to_be_small() {
            return Ok(Response::empty(STATUS_NOT_YET));
        }
        let outcome = match self.writeback.journal.knows_since(header.issued_at).await? {
            true => self.why_never_begun(header.request),
            false => Outcome::CannotBeKnown,
        };
        // The answer is bound to the header as it came: if the relay changed its times, the cloud
        // does not accept it.
        Ok(self.seal(key, &header, &self.answer(outcome)))
    }

    fn why_never_begun(&self, request: RequestId) -> Outcome {
        let unopened = self.unopened.lock().unwrap_or_else(PoisonError::into_inner);
        unopened.get(&request).copied().unwrap_or(Outcome::Expired)
    }

    /// The recorded answer, or "not yet".
    fn recorded(&self, key: &PackageKey, header: &Header, answer: Option<Answer>) -> Response {
        match answer {
            Some(answer) => self.seal(key, header, &answer),
            None => Response::empty(STATUS_NOT_YET),
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

#[cfg(test)]
mod tests;
