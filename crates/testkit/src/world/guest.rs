//! Visitors of the world: the same [`Visitor`] that visits real stacks, on a connection through
//! memory, and on the world's time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use protocol::{Clock as _, ManualClock};
use tokio::runtime::Handle;

use super::attempt::{Attempt, Ledger, Told};
use super::mailbox::Mailbox;
use super::network::Network;
use crate::visitor::Carrier;
use crate::{Page, StackError, Visitor};

/// How long a browser waits between two looks at the result page.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// The least time in which anybody reads a code from a mail, types it, and types a new password twice. A look
/// at the directory counts on it (decision 0003).
pub const TYPES: Duration = Duration::from_secs(3);

/// Brings requests to the service of the world.
#[derive(Clone)]
pub(super) struct ThroughMemory {
    pub(super) network: Network,
    pub(super) tasks: Handle,
    pub(super) from: SocketAddr,
    /// Every address that was asked, for the search for secrets.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl std::fmt::Debug for ThroughMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ThroughMemory({})", self.from)
    }
}

impl Carrier for ThroughMemory {
    fn exchange(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(request.uri().to_string());
        drop(asked);
        let (network, from) = (self.network.clone(), self.from);
        self.tasks.block_on(async move {
            let answered = exchange(&network, from, request).await;
            answered.map_err(|error| error.to_string())
        })
    }
}

async fn exchange(
    network: &Network,
    from: SocketAddr,
    request: Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = network.visit(from)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let (mut head, body) = request.into_parts();
    let host = head.uri.authority().map(ToString::to_string).unwrap_or_default();
    head.headers.insert(HOST, host.parse()?);
    head.uri = head.uri.path_and_query().ok_or("no path")?.as_str().parse()?;
    let request = Request::from_parts(head, Full::new(Bytes::from(body)));
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        Ok(Response::from_parts(head, body))
    };
    tokio::select! {
        biased;
        answered = answered => answered,
        ended = connection => Err(ended.err().map_or("the service hung up".into(), Into::into)),
    }
}

/// A person at a browser of their own.
pub struct Guest {
    pub(super) visitor: Visitor,
    pub(super) carrier: ThroughMemory,
    pub(super) clock: ManualClock,
    pub(super) tasks: Handle,
    pub(super) mailbox: Mailbox,
    pub(super) ledger: Ledger,
    /// How long what a reset submits is on its way.
    pub(super) slowly: Duration,
}

impl Guest {
    /// Whatever [`Guest::reset`] submits is on its way for so long, as from a person who dawdles.
    #[must_use]
    pub fn dawdling(self, slowly: Duration) -> Self {
        Self { slowly, ..self }
    }

    /// The browser.
    pub fn visitor(&mut self) -> &mut Visitor {
        &mut self.visitor
    }

    /// The same person in another tab.
    #[must_use]
    pub fn tab(&self) -> Self {
        Self {
            visitor: self.visitor.tab(Box::new(self.carrier.clone())),
            carrier: self.carrier.clone(),
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
            mailbox: self.mailbox.clone(),
            ledger: self.ledger.clone(),
            slowly: self.slowly,
        }
    }

    /// Waits, in the world's time.
    pub fn wait(&self, time: Duration) {
        self.tasks.block_on(self.clock.sleep(time));
    }

    /// Goes through the gates for a login: the page that asks for a password; or the page that it
    /// ended at instead.
    ///
    /// # Errors
    /// If the service does not answer.
    pub fn pass_gates(&mut self, login: &str, mail: &str) -> Result<Page, StackError> {
        let before = self.mailbox.to(mail).len();
        let page = self.visitor.start(login)?;
        if page.step != "code" {
            return Ok(page);
        }
        for _ in 0..100 {
            let code = self
                .mailbox
                .to(mail)
                .iter()
                .skip(before)
                .find_map(|mail| mail.code().map(str::to_owned));
            if let Some(code) = code {
                self.wait(TYPES);
                return self.visitor.code(&code);
            }
            self.wait(Duration::from_millis(100));
        }
        Err(StackError::NotUnderstood(format!("no code came to {mail}")))
    }

    /// One whole reset, with everything that a patient person does: tries again where nobody
    /// answers, and looks at the result page until it says how it ended, at most `patience`.
    pub fn reset(&mut self, login: &str, mail: &str, password: &str, patience: Duration) -> Told {
        let end = self.clock.running() + patience;
        while self.clock.running() < end {
            match self.try_reset(login, mail, password, end) {
                Ok(told) => return told,
                Err(error) => {
                    tracing::info!(login, %error, "world.guest.tries_again");
                    self.wait(LOOK_AGAIN);
                }
            }
        }
        Told::Nothing
    }

    fn try_reset(
        &mut self,
        login: &str,
        mail: &str,
        password: &str,
        end: Duration,
    ) -> Result<Told, StackError> {
        let page = self.visitor.open()?;
        if page.step != "start" {
            return Err(StackError::NotUnderstood(format!("the start page is at {}", page.step)));
        }
        let page = self.pass_gates(login, mail)?;
        if page.step != "password" {
            return Ok(Told::of(&page));
        }
        self.submit(login, password, self.slowly, end)
    }

    /// What follows the gates, of somebody whose sealed password is on its way to the service for
    /// `slowly`; looks at the result page at most until the clock has run to `end`.
    ///
    /// # Errors
    /// If the service does not answer, and nothing was submitted.
    pub fn submit(
        &mut self,
        login: &str,
        password: &str,
        slowly: Duration,
        end: Duration,
    ) -> Result<Told, StackError> {
        let ticket = self.visitor.ticket()?;
        let request = ticket.request_id.clone();
        let body = ticket.seal(password)?;
        if !slowly.is_zero() {
            self.wait(slowly);
        }
        // From here on it may have left: whatever comes, nothing is sent again for this password.
        self.ledger.begin(Attempt::new(login, password, &request, self.clock.now()));
        let told = match self.visitor.post_sealed(&body) {
            Ok(answer) if answer.status >= 400 && !answer.outcome.is_empty() => {
                Told::Refused(answer.outcome)
            }
            _ => self.result(end),
        };
        self.ledger.told(&request, &told, self.clock.now());
        Ok(told)
    }

    /// Looks at the result page until it says how it ended.
    fn result(&mut self, end: Duration) -> Told {
        let mut last = Told::Nothing;
        while self.clock.running() < end {
            if let Ok(page) = self.visitor.get("/result") {
                last = Told::of(&page);
                if last.is_settled() {
                    return last;
                }
            }
            self.wait(LOOK_AGAIN);
        }
        last
    }
}

/// An address to visit from: each guest has its own, so that throttles count them apart.
pub(super) fn address(guest: u32) -> SocketAddr {
    let [_, b, c, d] = guest.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, b, c, d)), 50_000)
}
