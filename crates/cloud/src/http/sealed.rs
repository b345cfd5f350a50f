//! The two requests that the page's script makes: the ticket to seal for, and the sealed password
//! (INTERFACES "Sealing for scripts"). Both answer in JSON; no clear password ever comes here.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use protocol::{AgentId, Details, Outcome, RequestId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::StoreError;
use store::operations::{OperationRecord, State};
use zeroize::Zeroizing;

use crate::dispatch::{self, SealedPassword, Ticket};
use crate::flow::{Cleared, Step};
use crate::http::visit::{NotTaken, Visit};
use crate::http::{password, view};
use crate::support;

/// At most so many structures are read from a posting: a ticket offers no more (SPEC K-4).
const STRUCTURES_MAX: usize = 3;

#[derive(Deserialize, Default)]
struct TicketRequest {
    #[serde(default)]
    flow: Option<String>,
}

#[derive(Deserialize)]
struct SealedRequest {
    request_id: RequestId,
    #[serde(default)]
    flow: Option<String>,
    agents: Vec<SealedFor>,
}

#[derive(Deserialize)]
struct SealedFor {
    agent_id: AgentId,
    sealed: String,
}

/// `POST …/reset/ticket`. The body may be empty, or `{"flow": …}` with the page's hidden field.
pub(super) async fn ticket(visit: Visit, body: Bytes) -> Response {
    // A posted form or nothing at all counts as a request without the hidden field.
    let asked: TicketRequest = serde_json::from_slice(&body).unwrap_or_default();
    let issued = async {
        let cleared = match cleared(&visit, asked.flow.as_deref()).await? {
            Ok(cleared) => cleared,
            Err(refused) => return refused_json(&visit, refused).await,
        };
        Ok(match dispatch::issue(&visit.app, &cleared).await? {
            Ok(ticket) => Json(ticket_json(&ticket)).into_response(),
            Err(outcome) => refusal(&visit, None, outcome, Details::default()),
        })
    };
    issued.await.unwrap_or_else(|error: StoreError| view::failed(&visit, &error))
}

/// `POST …/reset/sealed`.
pub(super) async fn submit(visit: Visit, body: Bytes) -> Response {
    let submitted = async {
        let Some((request, flow, sealed)) = read(&body) else {
            return Ok(refusal(&visit, None, Outcome::BadInput, Details::default()));
        };
        let (cleared, prepared) = tokio::try_join!(
            cleared(&visit, flow.as_deref()),
            dispatch::prepare(&visit.app, request, sealed),
        )?;
        let cleared = match cleared {
            Ok(cleared) => cleared,
            Err(refused) => return refused_json(&visit, refused).await,
        };
        let submitted = match dispatch::submit(&visit.app, &cleared, prepared).await? {
            Ok(submitted) => submitted,
            Err(outcome) => {
                return Ok(refusal(&visit, Some(request), outcome, Details::default()));
            }
        };
        let limit = visit.app.settings.wait_for_answer;
        // Of a visit that has ended meanwhile that is the operation with which it did.
        let request = submitted.request;
        // From here on only the result page may say what happened.
        let record = dispatch::follow(&visit.app, submitted, limit).await.ok().flatten();
        Ok(result(&visit, request, record.as_ref()))
    };
    submitted.await.unwrap_or_else(|error: StoreError| view::failed(&visit, &error))
}

fn read(body: &[u8]) -> Option<(RequestId, Option<String>, Vec<SealedPassword>)> {
    let posted: SealedRequest = serde_json::from_slice(body).ok()?;
    if posted.agents.is_empty() || posted.agents.len() > STRUCTURES_MAX {
        return None;
    }
    let sealed = posted.agents.into_iter().map(|one| {
        let inner = Zeroizing::new(URL_SAFE_NO_PAD.decode(one.sealed).ok()?);
        Some(SealedPassword { agent: one.agent_id, inner })
    });
    Some((posted.request_id, posted.flow, sealed.collect::<Option<_>>()?))
}

async fn cleared(
    visit: &Visit,
    handle: Option<&str>,
) -> Result<Result<Cleared, NotTaken>, StoreError> {
    let (flow, step, known) = match visit.posted(handle).await? {
        Ok(standing) => standing,
        Err(refused) => return Ok(Err(refused)),
    };
    let cleared = if step == Step::Password { visit.clear(&flow, known) } else { None };
    Ok(cleared.ok_or(NotTaken::Expired))
}

/// What a script is told that posted to a flow that takes nothing: if it has ended, how.
async fn refused_json(visit: &Visit, refused: NotTaken) -> Result<Response, StoreError> {
    let refusal = |outcome| refusal(visit, None, outcome, Details::default());
    Ok(match refused {
        NotTaken::Expired => refusal(Outcome::FlowExpired),
        NotTaken::Replaced => refusal(Outcome::FlowReplaced),
        NotTaken::Ended(flow) => match dispatch::last_of(&visit.app, flow.id).await? {
            Some(record) => result(visit, record.request, Some(&record)),
            None => refusal(Outcome::FlowExpired),
        },
    })
}

fn ticket_json(ticket: &Ticket) -> Value {
    let agents: Vec<Value> = ticket
        .agents
        .iter()
        .map(|one| {
            json!({
                "agent_id": one.agent.agent,
                "key_id": URL_SAFE_NO_PAD.encode(one.agent.key_id.to_bytes()),
                "spki": URL_SAFE_NO_PAD.encode(&one.spki),
                "associated_data": URL_SAFE_NO_PAD.encode(ticket.associated_data(one.agent)),
            })
        })
        .collect();
    json!({
        "request_id": ticket.operation.request,
        "issued_at": ticket.operation.issued_at,
        "expires_at": ticket.operation.expires_at,
        "agents": agents,
    })
}

/// How far the operation is, with the page to go on to.
fn result(visit: &Visit, request: RequestId, record: Option<&OperationRecord>) -> Response {
    let location = password::location(visit, record);
    let Some((outcome, details)) = record.and_then(|record| record.result) else {
        let doubt = record.is_some_and(|record| record.state == State::Unknown);
        let outcome = doubt.then_some(Outcome::InDoubt);
        return Json(json!({
            "request_id": request,
            "state": if doubt { "unknown" } else { "waiting" },
            "outcome": outcome.map_or("", Outcome::name),
            "number": outcome.map_or("", Outcome::number),
            "changed": "unknown",
            "support_code": support::of_request(request),
            "location": location,
        }))
        .into_response();
    };
    Json(json!({
        "request_id": request,
        "state": "ended",
        "outcome": outcome.name(),
        "number": outcome.number(),
        "changed": outcome.changed().word(),
        "message": view::message(&visit.locale, outcome, &details, &visit.app.settings.time_zone).text,
        "support_code": support::of_request(request),
        "location": location,
    }))
    .into_response()
}

/// Why nothing was submitted.
fn refusal(
    visit: &Visit,
    request: Option<RequestId>,
    outcome: Outcome,
    details: Details,
) -> Response {
    let status = match outcome {
        Outcome::BadInput => StatusCode::BAD_REQUEST,
        Outcome::AlreadyInFlight => StatusCode::CONFLICT,
        Outcome::OnPremisesUnreachable | Outcome::WritebackOff => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let message = view::message(&visit.locale, outcome, &details, &visit.app.settings.time_zone);
    let body = json!({
        "request_id": request,
        "state": "refused",
        "outcome": outcome.name(),
        "number": outcome.number(),
        "changed": outcome.changed().word(),
        "message": message.text,
        "location": format!("{}/password", visit.base()),
    });
    (status, Json(body)).into_response()
}
