//! Carries one sealed password to one agent: waits while nobody listens, sends once, takes the
//! answer. What expires before its first byte leaves is destroyed (SPEC W-11).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use protocol::settlement::TARGET_WRITEBACK;
use protocol::{AgentId, Answer, Header, KeyId};
use relay::{Delivered, DeliveryError, Entity, Request, Response};
use seal::{PackageKey, VerifyingKey};
use serde_json::json;
use store::StoreError;
use store::agents::Agent;
use store::operations::{OperationRecord, TicketAgent};

use crate::app::App;
use crate::dispatch::{EXPIRED, IN_DOUBT, SealedPassword, conclude, event, patiently, settle};
use crate::steps::Step;
use crate::vault::place_of_package_key;

/// How long after a message's expiry its answer is still waited for. Every request is at a state
/// that is told by 5 s after its deadline (the promise of the dispatcher).
const ANSWER_MARGIN: Duration = Duration::from_secs(3);
/// Pause before a message that was not delivered is tried again.
const NOT_DELIVERED_PAUSE: Duration = Duration::from_millis(250);

/// How a try to send ended.
enum Sent {
    /// Nothing left; try again while there is time.
    NotDelivered,
    /// The agent's answer is taken down.
    Answered,
    /// It left and no answer that counts came.
    InDoubt,
}

/// Runs an operation from `waiting` to its end, or hands it to settlement.
pub(crate) async fn carry(
    app: &Arc<App>,
    record: OperationRecord,
    offered: Vec<TicketAgent>,
    mut sealed: Vec<SealedPassword>,
) {
    app.watch.reached(Step::Submitted).await;
    loop {
        let left = record.expires_at.since(app.now());
        let chosen = tokio::select! {
            chosen = listening(app, &record, &sealed) => chosen,
            () = app.clock.sleep(left) => None,
            () = app.stop.cancelled() => None,
        };
        let offer = chosen.and_then(|at| {
            offered.iter().find(|offer| offer.agent == sealed[at].agent).map(|offer| (at, *offer))
        });
        let Some((at, offer)) = offer else {
            drop(sealed);
            expire(app, &record).await;
            return;
        };
        match send(app, &record, offer, &mut sealed, at).await {
            // A relay that is full or draining has listeners all the same.
            Ok(Sent::NotDelivered) => app.clock.sleep(NOT_DELIVERED_PAUSE).await,
            Ok(Sent::Answered) => return,
            Ok(Sent::InDoubt) => {
                drop(sealed);
                doubt(app, record, offer).await;
                return;
            }
            Err(error) => {
                // Before anything was marked as sent: the next turn tries again or expires it.
                tracing::error!(event = "dispatch.store_failed", request = %record.request, cause = %error);
                app.clock.sleep(NOT_DELIVERED_PAUSE).await;
            }
        }
    }
}

/// The first of the agents that a password was sealed for and that listens; waits until one does.
async fn listening(
    app: &App,
    record: &OperationRecord,
    sealed: &[SealedPassword],
) -> Option<usize> {
    if sealed.is_empty() {
        return None;
    }
    let entities: Vec<Entity> =
        sealed.iter().map(|one| Entity::of(record.tenant, one.agent)).collect();
    let waits = entities.iter().map(|entity| Box::pin(app.relay.wait_for_listener(entity)));
    let ((), first, _) = select_all(waits).await;
    Some(first)
}

async fn send(
    app: &App,
    record: &OperationRecord,
    offer: TicketAgent,
    sealed: &mut Vec<SealedPassword>,
    at: usize,
) -> Result<Sent, StoreError> {
    let header = record.header(offer);
    let Some(package_key) = package_key(app, offer.agent, Some(offer.key_id)).await? else {
        // Revoked, offboarded or onboarded anew since the ticket: nothing can be sent to it any more.
        sealed.remove(at);
        return Ok(Sent::NotDelivered);
    };
    let package =
        seal::seal_request(&package_key, &header, &sealed[at].inner, app.randomness.as_ref());
    let Ok(package) = package else {
        tracing::error!(event = "dispatch.not_sealed", request = %record.request);
        sealed.remove(at);
        return Ok(Sent::NotDelivered);
    };
    if !app.store.mark_sent(record.request, offer.agent, app.now()).await? {
        // Expired between choosing and sending; the next turn destroys it.
        return Ok(Sent::NotDelivered);
    }
    app.watch.reached(Step::Marked).await;
    let request = Request {
        method: "POST".to_owned(),
        target: format!("/{TARGET_WRITEBACK}"),
        headers: Vec::new(),
        body: Bytes::from(package),
    };
    let entity = Entity::of(record.tenant, offer.agent);
    let asked = match app.relay.ask(&entity, request) {
        Ok(asked) => asked,
        Err(error) => {
            tracing::warn!(event = "dispatch.not_delivered", request = %record.request, cause = %error);
            patiently(app, || app.store.mark_waiting_again(record.request)).await;
            return Ok(Sent::NotDelivered);
        }
    };
    // The first byte may have left: the message for this agent is the only one from now on.
    let chosen = sealed.swap_remove(at);
    sealed.clear();
    app.watch.reached(Step::Asked).await;
    // After its expiry nothing is set any more: whoever has not answered by then is asked how it
    // ended, and the person is not kept waiting for longer.
    let left = record.expires_at.since(app.now()).saturating_add(ANSWER_MARGIN);
    let limit = app.settings.relay_response.min(left);
    // Who must have signed the answer is looked up while it is waited for.
    let (answer, signer) = tokio::join!(asked.answer(limit), app.store.agent(offer.agent));
    let signer = signer.ok().flatten();
    let sent = read_answer(app, record, (&package_key, &header, signer), answer).await;
    if matches!(sent, Sent::NotDelivered) {
        sealed.push(chosen);
    }
    Ok(sent)
}

/// What the relay's answer means for the operation: takes the agent's own answer down if there is
/// one, and makes the operation wait again if nothing reached the agent.
async fn read_answer(
    app: &App,
    record: &OperationRecord,
    (package_key, header, signer): (&PackageKey, &Header, Option<Agent>),
    answer: Result<Response, DeliveryError>,
) -> Sent {
    match answer {
        Ok(response) if response.status == 200 => {
            let opened = match signer {
                Some(signer) => opened_by(package_key, &signer, header, &response.body),
                None => patiently(app, || open(app, package_key, header, &response.body))
                    .await
                    .flatten(),
            };
            let Some(answer) = opened else { return Sent::InDoubt };
            app.watch.reached(Step::Answered).await;
            conclude(app, record, &answer, false).await;
            Sent::Answered
        }
        Ok(response) => {
            let status = response.status;
            tracing::warn!(event = "dispatch.agent_declined", request = %record.request, status);
            Sent::InDoubt
        }
        Err(error) if error.delivered == Delivered::No => {
            patiently(app, || app.store.mark_waiting_again(record.request)).await;
            Sent::NotDelivered
        }
        Err(error) => {
            tracing::warn!(event = "dispatch.no_answer", request = %record.request, cause = %error);
            Sent::InDoubt
        }
    }
}

/// The package key of an agent; none if it was revoked or offboarded, or if its RSA key is not
/// the `expected` one any more.
async fn package_key(
    app: &App,
    agent: AgentId,
    expected: Option<KeyId>,
) -> Result<Option<PackageKey>, StoreError> {
    let Some(keys) = app.store.agent_key(agent).await? else { return Ok(None) };
    if expected.is_some_and(|expected| expected != keys.key_id) {
        return Ok(None);
    }
    let unwrapped = app.master_key.unwrap(&place_of_package_key(agent), &keys.package_key);
    match unwrapped.and_then(|bytes| PackageKey::from_bytes(&bytes)) {
        Ok(key) => Ok(Some(key)),
        Err(error) => {
            tracing::error!(
                event = "dispatch.package_key_unreadable",
                %agent,
                cause = %error,
                "is this the master key that the database was written with?"
            );
            Ok(None)
        }
    }
}

/// Opens an answer of the agent that the header names.
async fn open(
    app: &App,
    key: &PackageKey,
    header: &Header,
    body: &[u8],
) -> Result<Option<Answer>, StoreError> {
    let signer = app.store.agent(header.agent).await?;
    Ok(signer.and_then(|signer| opened_by(key, &signer, header, body)))
}

/// Opens an answer; one that is not the agent's own, for this very request, counts for nothing.
fn opened_by(key: &PackageKey, signer: &Agent, header: &Header, body: &[u8]) -> Option<Answer> {
    let identity = VerifyingKey::from_bytes(&signer.identity_key);
    identity
        .and_then(|identity| seal::open_answer(key, &identity, header, body))
        .inspect_err(|error| {
            tracing::error!(event = "dispatch.answer_refused", request = %header.request, cause = %error);
        })
        .ok()
}

/// Opens the answer to a question how an operation ended. It comes under the agent's present
/// package key, whichever the request came under.
pub(super) async fn open_settlement(
    app: &App,
    header: &Header,
    body: &[u8],
) -> Result<Option<Answer>, StoreError> {
    let Some(key) = package_key(app, header.agent, None).await? else { return Ok(None) };
    open(app, &key, header, body).await
}

async fn expire(app: &App, record: &OperationRecord) {
    // This task is the only one that sends, and nothing of it is under way: an operation that is
    // marked as sent all the same comes from a statement that took effect and reported an error.
    patiently(app, || app.store.mark_waiting_again(record.request)).await;
    let event = event(record, EXPIRED, json!({ "changed": "no" }));
    patiently(app, || app.store.mark_expired(record.request, &event, app.now())).await;
    app.following.close(record.request);
}

async fn doubt(app: &Arc<App>, record: OperationRecord, offer: TicketAgent) {
    let event = event(&record, IN_DOUBT, json!({ "agent": offer.agent }));
    let marked = patiently(app, || app.store.mark_unknown(record.request, &event, app.now()));
    if marked.await.is_none() {
        return;
    }
    app.following.moved(record.request);
    let record = OperationRecord { agent: Some(offer.agent), ..record };
    settle::settle(app, record).await;
}
