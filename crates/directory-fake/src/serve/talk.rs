//! One connection to a controller.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapBindResponse, LdapExtendedRequest, LdapExtendedResponse,
    LdapModifyRequest, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode,
    LdapSearchRequest, LdapSearchResultEntry,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use tokio_util::codec::Framed;

use super::ask::{self, Wishes};
use crate::answer::Refused;
use crate::domain::FakeDomain;
use crate::faults::Sent;
use crate::modify::Token;
use crate::rules::Flavour;
use crate::search::{Found, Query};

/// The largest request that is taken, in bytes, and how deep it may be nested.
const REQUEST_MAX: usize = 1_048_576;
const DEPTH_MAX: usize = 32;
/// The most entries that are sent without paging (MaxPageSize, MS-ADTS 3.1.1.3.4.6).
const ENTRIES_MAX: usize = 1_000;
/// "Who am I?" (RFC 4532).
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Answers until the client leaves, the controller goes down, or a fault ends it.
pub(super) async fn talk(stream: TlsStream<TcpStream>, domain: FakeDomain, at: usize) {
    let codec = LdapCodec::new(Some(REQUEST_MAX), Some(DEPTH_MAX));
    let (mut out, mut messages) = Framed::new(stream, codec).split();
    let (answers, mut ready) = mpsc::unbounded_channel();
    let mut changes = domain.changes();
    let run = domain.state().controllers[at].run;
    let mut talk = Talk { domain, at, token: None, pages: HashMap::new(), last: 0, answers };
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(Ok(message)) => {
                    if talk.hear(message).is_break() {
                        break;
                    }
                }
                _ => break,
            },
            answer = ready.recv() => match answer {
                Some(answer) => {
                    if out.send(answer).await.is_err() {
                        break;
                    }
                }
                None => break,
            },
            _ = changes.changed() => {
                let state = talk.domain.state();
                let controller = &state.controllers[at];
                if !controller.up || controller.run != run {
                    break;
                }
            }
        }
    }
}

struct Talk {
    domain: FakeDomain,
    at: usize,
    token: Option<Token>,
    /// What is left of paged searches, by cookie.
    pages: HashMap<Vec<u8>, Vec<Found>>,
    last: u64,
    /// Where answers go.
    answers: mpsc::UnboundedSender<LdapMsg>,
}

type Flow = std::ops::ControlFlow<()>;

impl Talk {
    fn hear(&mut self, LdapMsg { msgid, op, ctrl }: LdapMsg) -> Flow {
        let answers = match op {
            LdapOp::UnbindRequest => return Flow::Break(()),
            LdapOp::AbandonRequest(_) => return Flow::Continue(()),
            LdapOp::BindRequest(bind) => vec![LdapMsg::new(msgid, self.bind(&bind))],
            LdapOp::SearchRequest(search) => self.search(msgid, &search, &ctrl),
            LdapOp::ModifyRequest(modify) => return self.modify(msgid, &modify, &ctrl),
            LdapOp::ExtendedRequest(asked) => vec![LdapMsg::new(msgid, self.extended(&asked))],
            LdapOp::AddRequest(_) => vec![LdapMsg::new(msgid, LdapOp::AddResponse(unoffered()))],
            LdapOp::DelRequest(_) => vec![LdapMsg::new(msgid, LdapOp::DelResponse(unoffered()))],
            LdapOp::ModifyDNRequest(_) => {
                vec![LdapMsg::new(msgid, LdapOp::ModifyDNResponse(unoffered()))]
            }
            LdapOp::CompareRequest(_) => {
                vec![LdapMsg::new(msgid, LdapOp::CompareResult(unoffered()))]
            }
            // An answer is no request.
            _ => return Flow::Break(()),
        };
        let slow = self.domain.state().faults.slow;
        self.send_after(slow, answers);
        Flow::Continue(())
    }

    /// Sends answers in a while. Others overtake them, as they do at a controller.
    fn send_after(&self, delay: Duration, answers: Vec<LdapMsg>) {
        let queue = self.answers.clone();
        let send = move || answers.into_iter().for_each(|answer| drop(queue.send(answer)));
        if delay.is_zero() {
            return send();
        }
        let sleep = self.domain.clock().sleep(delay);
        tokio::spawn(async move {
            sleep.await;
            send();
        });
    }

    fn bind(&mut self, bind: &LdapBindRequest) -> LdapOp {
        self.token = None;
        let res = match &bind.cred {
            LdapBindCred::Simple(password) if password.is_empty() => success(),
            LdapBindCred::Simple(password) => {
                let now = self.domain.now();
                match self.domain.state().replicas[self.at].bind(&bind.dn, password, now) {
                    Ok(token) => {
                        self.token = Some(token);
                        success()
                    }
                    Err(refused) => result(refused),
                }
            }
            _ => result(Refused::new(LdapResultCode::AuthMethodNotSupported, "")),
        };
        LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None })
    }

    fn extended(&self, asked: &LdapExtendedRequest) -> LdapOp {
        if asked.name != WHO_AM_I {
            let res = result(Refused::new(LdapResultCode::ProtocolError, "0000203D: not offered"));
            return LdapOp::ExtendedResponse(LdapExtendedResponse { res, name: None, value: None });
        }
        let workgroup = self.domain.state().replicas[self.at].workgroup.clone();
        let who = self.token.as_ref().map(|token| format!("u:{workgroup}\\{}", token.login));
        let value = Some(who.unwrap_or_default().into_bytes());
        LdapOp::ExtendedResponse(LdapExtendedResponse { res: success(), name: None, value })
    }

    fn wishes(&self, controls: &[LdapControl]) -> Result<Wishes, Refused> {
        let offered = self.domain.state().controllers[self.at].controls();
        ask::wishes(controls, &offered)
    }

    /// A refused control: Samba answers in the form of an extended response.
    fn refused_control(&self, refused: Refused, own: fn(LdapResult) -> LdapOp) -> LdapOp {
        match self.domain.state().replicas[self.at].flavour {
            Flavour::Windows => own(result(refused)),
            Flavour::Samba => {
                let res = result(refused);
                LdapOp::ExtendedResponse(LdapExtendedResponse { res, name: None, value: None })
            }
        }
    }

    fn search(
        &mut self,
        id: i32,
        search: &LdapSearchRequest,
        controls: &[LdapControl],
    ) -> Vec<LdapMsg> {
        let wishes = match self.wishes(controls) {
            Ok(wishes) => wishes,
            Err(refused) => {
                let op = self.refused_control(refused, LdapOp::SearchResultDone);
                return vec![LdapMsg::new(id, op)];
            }
        };
        let found = self.find(search, &wishes);
        let (found, left) = match found {
            Ok(found) => found,
            Err(refused) => {
                return vec![LdapMsg::new(id, LdapOp::SearchResultDone(result(refused)))];
            }
        };
        let mut answers: Vec<_> = found
            .into_iter()
            .map(|found| LdapMsg::new(id, entry(found, search.typesonly)))
            .collect();
        let (done, controls) = match (&wishes.page, left.is_empty()) {
            (Some(_), last) => {
                let cookie = if last { Vec::new() } else { self.keep(left) };
                (success(), vec![LdapControl::SimplePagedResults { size: 0, cookie }])
            }
            (None, true) => (success(), Vec::new()),
            (None, false) => {
                let text = "00002023: SvcErr: DSID-031A1249, problem 5003 (SIZE_LIMIT)";
                (result(Refused::new(LdapResultCode::SizeLimitExceeded, text)), Vec::new())
            }
        };
        answers.push(LdapMsg::new_with_ctrls(id, LdapOp::SearchResultDone(done), controls));
        answers
    }

    /// The entries to be sent now, and those that are left.
    fn find(
        &mut self,
        search: &LdapSearchRequest,
        wishes: &Wishes,
    ) -> Result<(Vec<Found>, Vec<Found>), Refused> {
        let (size, cookie) = wishes.page.clone().unwrap_or((ENTRIES_MAX, Vec::new()));
        let mut found = match self.pages.remove(&cookie) {
            Some(found) => found,
            None if cookie.is_empty() => {
                let query = Query {
                    base: &search.base,
                    scope: &search.scope,
                    filter: &search.filter,
                    attributes: &search.attrs,
                    sd_parts: wishes.sd_parts,
                };
                let now = self.domain.now();
                self.domain.state().search(self.at, self.token.as_ref(), &query, now)?
            }
            None => {
                let text = "00000057: LdapErr: DSID-0C090C93, comment: Error processing control";
                return Err(Refused::new(LdapResultCode::UnwillingToPerform, text));
            }
        };
        let asked = usize::try_from(search.sizelimit).ok().filter(|limit| *limit > 0);
        let size = size.clamp(1, ENTRIES_MAX).min(asked.unwrap_or(ENTRIES_MAX));
        let left = found.split_off(size.min(found.len()));
        Ok((found, left))
    }

    fn keep(&mut self, left: Vec<Found>) -> Vec<u8> {
        self.last += 1;
        let cookie = self.last.to_be_bytes().to_vec();
        self.pages.insert(cookie.clone(), left);
        cookie
    }

    fn modify(&self, id: i32, asked: &LdapModifyRequest, controls: &[LdapControl]) -> Flow {
        let op = match self.wishes(controls) {
            Err(refused) => self.refused_control(refused, LdapOp::ModifyResponse),
            Ok(wishes) => match self.change(asked, &wishes) {
                Ok(Sent::Answered(Ok(()))) => LdapOp::ModifyResponse(success()),
                Ok(Sent::Answered(Err(refused))) | Err(refused) => {
                    LdapOp::ModifyResponse(result(refused))
                }
                Ok(Sent::Refused(refusal)) => {
                    let code = i64::from(refusal.result).try_into();
                    let code = code.unwrap_or(LdapResultCode::Other);
                    LdapOp::ModifyResponse(result(Refused::new(code, refusal.diagnostic)))
                }
                Ok(Sent::Lost(_)) => return Flow::Break(()),
                Ok(Sent::Waiting(answer, slow)) => {
                    self.answer_later(id, answer, slow);
                    return Flow::Continue(());
                }
            },
        };
        self.send_after(Duration::ZERO, vec![LdapMsg::new(id, op)]);
        Flow::Continue(())
    }

    fn change(&self, asked: &LdapModifyRequest, wishes: &Wishes) -> Result<Sent, Refused> {
        let mut state = self.domain.state();
        let modification = ask::modification(&asked.changes, wishes)?;
        let anonymous = Token::default();
        let token = self.token.as_ref().unwrap_or(&anonymous);
        let target = state.replicas[self.at].base(&asked.dn)?.guid;
        let now = self.domain.now();
        if modification.password.is_none() {
            // Faults are for sets.
            return Ok(Sent::Answered(state.modify(self.at, token, target, &modification, now)));
        }
        Ok(state.deliver((self.at, token), target, modification, now))
    }

    fn answer_later(
        &self,
        id: i32,
        mut answer: tokio::sync::oneshot::Receiver<Result<(), Refused>>,
        slow: Duration,
    ) {
        let (domain, queue) = (self.domain.clone(), self.answers.clone());
        tokio::spawn(async move {
            domain.clock().sleep(slow).await;
            // What is due arrives.
            drop(domain.state());
            let res = match answer.try_recv() {
                Ok(Ok(())) => success(),
                Ok(Err(refused)) => result(refused),
                // The clock was put back meanwhile: there is no answer.
                Err(_) => return,
            };
            let _ = queue.send(LdapMsg::new(id, LdapOp::ModifyResponse(res)));
        });
    }
}

fn entry((dn, row): Found, types_only: bool) -> LdapOp {
    let attributes = row
        .into_iter()
        .map(|(atype, vals)| LdapPartialAttribute {
            atype,
            vals: if types_only { Vec::new() } else { vals },
        })
        .collect();
    let dn = dn.map(|dn| dn.to_string()).unwrap_or_default();
    LdapOp::SearchResultEntry(LdapSearchResultEntry { dn, attributes })
}

fn success() -> LdapResult {
    result(Refused::new(LdapResultCode::Success, ""))
}

fn unoffered() -> LdapResult {
    result(Refused::unwilling("00002077: this is not offered"))
}

fn result(refused: Refused) -> LdapResult {
    let Refused { code, diagnostic } = refused;
    LdapResult { code, matcheddn: String::new(), message: diagnostic, referral: Vec::new() }
}
