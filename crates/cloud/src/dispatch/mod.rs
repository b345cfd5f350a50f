//! The dispatcher: waiting, expiry and "once only" live here, above the relay, so that they also
//! hold on somebody else's relay (SPEC W-11, W-12, PR-2).
//!
//! An operation runs through `waiting → sent → answered | expired | unknown` (see
//! [`store::operations`]). The sealed password is in memory only: after a restart what waited has
//! expired, and what was sent is settled by asking the agent.

mod carry;
mod deadline;
mod declined;
mod following;
mod package;
mod settle;
#[cfg(test)]
mod submit_tests;
mod ticket;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use protocol::{AgentId, Answer, Changed, Outcome, RequestId, Timestamp, timeout};
use serde_json::json;
use store::StoreError;
use store::audit::Event;
use store::flows::FlowId;
use store::operations::{OperationRecord, State, Submitted, TicketAgent};
use zeroize::Zeroizing;

use crate::app::App;
use crate::flow::Cleared;
use crate::gate::email;
use crate::locale::Locale;
use crate::moment::moment;
use crate::notify::{Content, Mail};
use crate::steps::Step;
use crate::support;

pub(crate) use declined::Declined;
pub(crate) use following::Following;
use following::Progress;
use package::Packed;
pub(crate) use ticket::{Ticket, issue};

/// That an operation expired before anything was sent, in the audit trail.
const EXPIRED: &str = "operation.expired";
/// That an operation was sent and not answered.
const IN_DOUBT: &str = "operation.in_doubt";
/// How often old rows are forgotten.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How long a page waits for what was told to be written down; then it says that it is not known
/// here, and asks again by itself.
const WRITTEN_WAIT: Duration = Duration::from_secs(2);
/// Pause before the store is asked again after it failed.
const STORE_PAUSE: Duration = Duration::from_millis(500);

/// An inner structure for one agent. Wiped when dropped, although it is sealed: who breaks the
/// agent's key later finds nothing in old memory.
pub(crate) struct SealedPassword {
    /// The agent that it is sealed for.
    pub(crate) agent: AgentId,
    /// The structure.
    pub(crate) inner: Zeroizing<Vec<u8>>,
}

/// What is known of a submission before it is known whether it may be submitted: everything that
/// only reads. It can be found out beside the proof that all gates were passed.
pub(crate) struct Prepared {
    offered: Vec<TicketAgent>,
    record: Option<OperationRecord>,
    sealed: Vec<SealedPassword>,
    packed: Option<Packed>,
}

/// Reads what a submission needs, and packs it for an agent that listens already. Sends nothing.
pub(crate) async fn prepare(
    app: &App,
    request: RequestId,
    sealed: Vec<SealedPassword>,
) -> Result<Prepared, StoreError> {
    let keys = try_join_all(sealed.iter().map(|one| app.store.agent_key(one.agent)));
    let (offered, record, keys) =
        tokio::try_join!(app.store.ticket_agents(request), app.store.operation(request), keys)?;
    let packed =
        record.as_ref().and_then(|of| package::pack_now(app, of, &offered, &sealed, &keys));
    Ok(Prepared { offered, record, sealed, packed })
}

/// Takes an operation into flight: the ticket is used up and the sealed password is carried to an
/// agent in the background. Gives back the operation, or the outcome of a refusal; an error means
/// that nothing was submitted.
///
/// All of it runs in a task of its own: a browser that hangs up in the middle drops the handler,
/// and an operation that is in flight must have somebody who carries it.
pub(crate) async fn submit(
    app: &Arc<App>,
    cleared: &Cleared,
    prepared: Prepared,
) -> Result<Result<OperationRecord, Outcome>, StoreError> {
    let (of, flow) = (Arc::clone(app), cleared.flow());
    let taken = app.tasks.spawn(async move { take(&of, flow, prepared).await });
    taken.await.unwrap_or(Err(StoreError::Unreadable("operation")))
}

async fn take(
    app: &Arc<App>,
    flow: FlowId,
    prepared: Prepared,
) -> Result<Result<OperationRecord, Outcome>, StoreError> {
    let Prepared { offered, record, sealed, packed } = prepared;
    let well_formed = !sealed.is_empty()
        && sealed.iter().all(|one| offered.iter().any(|offer| offer.agent == one.agent))
        && sealed.iter().all(|one| seal::check_inner(&one.inner).is_ok());
    if !well_formed {
        return Ok(Err(Outcome::BadInput));
    }
    let Some(record) = record else {
        return Ok(Err(Outcome::FlowExpired));
    };
    // Without an audit trail nothing is set: both happen or neither.
    let detail = json!({ "operation": record.operation.name() });
    let submitted = event(&record, "operation.submitted", detail);
    let (request, sent_to) = (record.request, packed.as_ref().map(|packed| packed.offer.agent));
    match app.store.submit_operation(request, flow, sent_to, &submitted, app.now()).await? {
        Submitted::Accepted => {}
        Submitted::InFlight => return Ok(Err(Outcome::AlreadyInFlight)),
        Submitted::ChangedElsewhere => return changed_elsewhere(app, record).await,
        Submitted::TicketVoid => return posted_twice(app, request, flow).await,
    }
    app.following.open(request, Progress::UnderWay);
    let (carried, of) = (Arc::clone(app), record.clone());
    app.tasks.spawn(async move { carry::carry(&carried, of, offered, sealed, packed).await });
    Ok(Ok(record))
}

/// What stands in the way of a ticket that is void: the same was posted before, or the visit's password was set
/// meanwhile, and the result page tells how that ended. It is read anew: both may have happened since this
/// submission was looked at.
async fn posted_twice(
    app: &App,
    request: RequestId,
    flow: FlowId,
) -> Result<Result<OperationRecord, Outcome>, StoreError> {
    let itself = app.store.operation(request).await?;
    if let Some(itself) = itself.filter(|it| it.flow == flow && it.state != State::Ticketed) {
        return Ok(Ok(itself));
    }
    let has_ended = app.store.flow_by_id(flow).await?.is_some_and(|flow| flow.ended);
    let last = if has_ended { last_of(app, flow).await? } else { None };
    Ok(last.ok_or(Outcome::FlowExpired))
}

/// Ends an operation of somebody whose password was set in another visit, since this one began, and the visit.
async fn changed_elsewhere(
    app: &App,
    record: OperationRecord,
) -> Result<Result<OperationRecord, Outcome>, StoreError> {
    let outcome = Outcome::ChangedElsewhere;
    let detail = json!({ "outcome": outcome.name(), "number": outcome.number(), "changed": "no" });
    let refused = event(&record, "operation.refused", detail);
    app.store.mark_changed_elsewhere(record.request, &refused, app.now()).await?;
    // Posted twice: the first one has ended it.
    Ok(app.store.operation(record.request).await?.ok_or(Outcome::FlowExpired))
}

/// Waits until a submitted operation has ended or is in doubt, at most `limit`, and gives it back
/// as it stands then.
pub(crate) async fn follow(
    app: &App,
    submitted: OperationRecord,
    limit: Duration,
) -> Result<Option<OperationRecord>, StoreError> {
    let request = submitted.request;
    match timeout(&*app.clock, limit, app.following.moves_on(request)).await {
        Ok(Some(Progress::Changed(answer))) => {
            let result = Some((answer.outcome, answer.details));
            Ok(Some(OperationRecord { state: State::Answered, result, ..submitted }))
        }
        _ => app.store.operation(request).await,
    }
}

/// The last operation of a flow. What was told of it and is about to be written down is waited for.
pub(crate) async fn last_of(
    app: &App,
    flow: FlowId,
) -> Result<Option<OperationRecord>, StoreError> {
    let record = app.store.last_operation(flow).await?;
    match record {
        Some(record) if record.state == State::Sent => {
            let written = app.following.written(record.request);
            let _ = timeout(&*app.clock, WRITTEN_WAIT, written).await;
            app.store.last_operation(flow).await
        }
        record => Ok(record),
    }
}

/// Forgets what nobody needs any more, every so often, until the service stops.
pub(crate) async fn sweep_for_ever(app: Arc<App>) {
    loop {
        match app.store.sweep(app.now()).await {
            Ok(swept) => tracing::info!(event = "store.swept", swept),
            Err(error) => tracing::error!(event = "store.not_swept", cause = %error),
        }
        let forgotten = app.store.forget_audit(app.settings.audit_retention, app.now()).await;
        if let Err(error) = forgotten {
            tracing::error!(event = "audit.not_swept", cause = %error);
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep(SWEEP) => {}
        }
    }
}

/// After a restart: what waited has expired, what was sent is settled in the background.
pub(crate) async fn recover(app: &Arc<App>) -> Result<(), StoreError> {
    let after_restart = |record: &OperationRecord| match record.state {
        State::Expired => event(record, EXPIRED, json!({ "changed": "no", "after": "restart" })),
        _ => event(record, IN_DOUBT, json!({ "agent": record.agent, "after": "restart" })),
    };
    for record in app.store.recover_operations(app.now(), after_restart).await? {
        let state = record.state;
        tracing::info!(event = "dispatch.recovered", request = %record.request, ?state);
    }
    for record in app.store.unknown_operations().await? {
        app.following.open(record.request, Progress::InDoubt);
        let settled = Arc::clone(app);
        app.tasks.spawn(async move { settle::settle(&settled, record).await });
    }
    Ok(())
}

/// Takes an answer down: state, audit, the end of the flow, the mail to the person.
///
/// `settled_by` is the agent that settled what was in doubt.
async fn conclude(
    app: &App,
    record: &OperationRecord,
    answer: &Answer,
    settled_by: Option<AgentId>,
) {
    let (outcome, was_in_doubt) = (answer.outcome, settled_by.is_some());
    let mut detail = json!({
        "outcome": outcome.name(),
        "number": outcome.number(),
        "changed": outcome.changed().word(),
        "settled": was_in_doubt,
    });
    if let Some(agent) = settled_by {
        (detail["agent"], detail["settled_by"]) = (json!(record.agent), json!(agent));
    }
    let event = event(record, "operation.answered", detail);
    if outcome.changed() == Changed::Yes {
        // Who waits for it is not kept waiting for the disk.
        app.following.moved(record.request, Progress::Changed(*answer));
    }
    let store = &app.store;
    let stored = patiently(app, || store.mark_answered(record.request, answer, &event, app.now()));
    match stored.await {
        Some(true) => {}
        // Another answer stands there, or this one by a statement that reported an error.
        Some(false) => return app.following.close(record.request),
        None => return,
    }
    app.watch.reached(Step::Recorded).await;
    tracing::info!(
        event = "operation.answered",
        request = %record.request,
        support_code = support::of_request(record.request),
        outcome = outcome.name(),
        number = outcome.number(),
        operator = outcome.operator_text(),
    );
    app.following.close(record.request);
    let told = notify(app, record, outcome.changed(), answer.finished_at, was_in_doubt).await;
    if let Err(error) = told {
        tracing::error!(event = "dispatch.not_notified", request = %record.request, cause = %error);
    }
}

/// Tells the person by mail: of every change, and of how an operation in doubt ended.
async fn notify(
    app: &App,
    record: &OperationRecord,
    changed: Changed,
    finished_at: Timestamp,
    was_in_doubt: bool,
) -> Result<(), StoreError> {
    let tenants = app.store.tenants().await?;
    let person = app.store.person(record.tenant, &record.person).await?;
    let flow = app.store.flow_by_id(record.flow).await?;
    let tenant = tenants.iter().find(|tenant| tenant.id == record.tenant);
    let (Some(person), Some(flow), Some(tenant)) = (person, flow, tenant) else { return Ok(()) };
    let Some(address) = email::address(&person) else { return Ok(()) };
    let locale = Locale::from_tag(&flow.locale).unwrap_or_default();
    let content = match changed {
        Changed::Yes => Content::Changed { when: moment(finished_at, &app.settings.time_zone) },
        Changed::No if was_in_doubt => Content::Unchanged,
        Changed::Unknown => Content::CannotBeKnown,
        Changed::No => return Ok(()),
    };
    app.mailer.send(Mail { to: address.to_owned(), locale, tenant: tenant.name.clone(), content });
    Ok(())
}

/// Does something in the store until it succeeds: what stands there is what people are told, and
/// an operation that nobody moves on would keep its person from every other one. `None` when the
/// service stops; the next start recovers.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    app: &App,
    mut attempt: impl FnMut() -> F,
) -> Option<T> {
    loop {
        match attempt().await {
            Ok(done) => return Some(done),
            Err(error) => {
                tracing::error!(event = "dispatch.store_failed", cause = %error, "trying again");
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return None,
            () = app.clock.sleep(STORE_PAUSE) => {}
        }
    }
}

fn event(record: &OperationRecord, name: &str, mut detail: serde_json::Value) -> Event {
    detail["support_code"] = json!(support::of_request(record.request));
    Event {
        tenant: Some(record.tenant),
        request: Some(record.request),
        flow: Some(record.flow),
        name: name.to_owned(),
        detail,
    }
}
