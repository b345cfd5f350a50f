//! Carries one sealed password to one agent: waits while nobody listens, sends once, takes the
//! answer. What expires before its first byte leaves is destroyed (SPEC W-11).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use protocol::settlement::TARGET_WRITEBACK;
use protocol::{AgentId, Clock, Header, timeout};
use relay::{Delivered, Entity, Request, Response, SendError};
use seal::PackageKey;
use serde_json::json;
use store::StoreError;
use store::agents::Agent;
use store::operations::{OperationRecord, TicketAgent};

use crate::app::App;
use crate::dispatch::deadline::Deadline;
use crate::dispatch::declined::is_second_choice;
use crate::dispatch::following::Progress;
use crate::dispatch::package::{Packed, open, opened_by, pack, package_key};
use crate::dispatch::{EXPIRED, IN_DOUBT, SealedPassword, conclude, event, patiently, settle};
use crate::steps::Step;

/// How long after a message's expiry its answer is still waited for. Every request is at a state
/// that is told by 5 s after its deadline (the promise of the dispatcher).
const ANSWER_MARGIN: Duration = Duration::from_secs(3);
/// Pause before a message that was not delivered is tried again.
const NOT_DELIVERED_PAUSE: Duration = Duration::from_millis(250);
/// How long an agent that takes nothing at the moment is left alone, unless it comes by a new channel.
const DECLINED_PAUSE: Duration = Duration::from_secs(1);

/// What a turn of waiting came to.
enum Turn {
    /// A package is marked as sent and leaves next.
    Marked(Box<Packed>),
    /// Not yet; try again while there is time.
    Again,
    /// The message expired, or the service stops.
    Over,
}

/// How a try to send ended.
enum Sent {
    /// Nothing left; try again while there is time.
    NotDelivered,
    /// A relay that is not ours says that nothing was delivered.
    Denied,
    /// The agent says that it takes nothing: it is leaving, or has too much in hand.
    Declined,
    /// The agent's answer is taken down.
    Answered,
    /// It left and no answer that counts came.
    InDoubt,
}

/// Runs an operation from `waiting`, or from `sent` with the package that it was marked for, to its
/// end, or hands it to settlement.
pub(crate) async fn carry(
    app: &Arc<App>,
    record: OperationRecord,
    offered: Vec<TicketAgent>,
    mut sealed: Vec<SealedPassword>,
    marked: Option<Packed>,
) {
    let deadline = Deadline::of(&record, &*app.clock);
    app.watch.reached(Step::Submitted).await;
    // Whether a relay that is not ours has denied a delivery, or the agent has declined it: nothing counts
    // as certain from then on, and nobody else is given it.
    let (mut denied, mut declined) = (false, false);
    // Whom nothing could be given to the last time.
    let mut avoided = None;
    let mut turn = Ok(marked.map_or(Turn::Again, |packed| Turn::Marked(Box::new(packed))));
    loop {
        match turn {
            Ok(Turn::Marked(packed)) => {
                let (offer, newest) = (packed.offer, app.relay.newest());
                let sent = send(app, (&record, deadline), &packed, (denied, &mut sealed)).await;
                match sent {
                    Sent::NotDelivered => {
                        // A relay that is full or draining has listeners all the same.
                        avoided = Some(offer.agent);
                        app.clock.sleep(NOT_DELIVERED_PAUSE).await;
                    }
                    Sent::Answered => return,
                    Sent::Denied | Sent::Declined => {
                        if matches!(sent, Sent::Declined) {
                            declined = true;
                            let entity = Entity::of(record.tenant, offer.agent);
                            app.declined.note(&entity, newest, &*app.clock);
                        }
                        let since = declined.then_some(newest);
                        if !may_be_asked_again(app, (&record, deadline), (offer, since)).await {
                            return doubt(app, record, offer).await;
                        }
                        denied = true;
                        // Nobody else is given it any more, also where not a byte seems to have left.
                        sealed.clear();
                        turn = Ok(Turn::Marked(packed));
                        continue;
                    }
                    Sent::InDoubt => {
                        drop(sealed);
                        return doubt(app, record, offer).await;
                    }
                }
            }
            Ok(Turn::Again) => {}
            Ok(Turn::Over) => {
                drop(sealed);
                expire(app, &record).await;
                return;
            }
            Err(error) => {
                // Before anything was marked as sent: the next turn tries again or expires it.
                tracing::error!(event = "dispatch.store_failed", request = %record.request, cause = %error);
                app.clock.sleep(NOT_DELIVERED_PAUSE).await;
            }
        }
        turn = next(app, (&record, deadline), &offered, (&mut sealed, avoided)).await;
    }
}

/// Waits until it is worth asking the same agent again; false once it is too late. What a relay that
/// is not ours denies may have been delivered all the same, and of what the agent declined a byte has
/// left: no other agent is given it, this one takes it once, and if it stays denied the agent is asked how
/// it ended. One that declined is left alone for a while, or until it comes again: if it is being started
/// anew, by a channel newer than `since`.
async fn may_be_asked_again(
    app: &App,
    (record, deadline): (&OperationRecord, Deadline),
    (offer, since): (TicketAgent, Option<u64>),
) -> bool {
    let entity = Entity::of(record.tenant, offer.agent);
    let left = deadline.left(&*app.clock);
    let worth_it = async {
        if let Some(since) = since {
            let newer = app.relay.wait_for_newer(&entity, since);
            let _ = timeout(&*app.clock, DECLINED_PAUSE, newer).await;
        }
        app.relay.wait_for_listener(&entity).await;
    };
    let in_time = tokio::select! {
        biased;
        () = app.leaving.begun() => false,
        () = app.stop.cancelled() => false,
        () = app.clock.sleep(left) => false,
        () = worth_it => !deadline.left(&*app.clock).is_zero(),
    };
    // It may have been revoked meanwhile.
    in_time && matches!(package_key(app, offer.agent, Some(offer.key_id)).await, Ok(Some(_)))
}

/// Waits for an agent that listens, and marks the operation as sent to it.
async fn next(
    app: &App,
    (record, deadline): (&OperationRecord, Deadline),
    offered: &[TicketAgent],
    (sealed, avoided): (&mut Vec<SealedPassword>, Option<AgentId>),
) -> Result<Turn, StoreError> {
    let left = deadline.left(&*app.clock);
    if left.is_zero() {
        // Also where an agent listens that could be asked this very moment.
        return Ok(Turn::Over);
    }
    let chosen = tokio::select! {
        biased;
        // The relay takes nothing new either: there is nothing to wait for.
        () = app.leaving.begun() => None,
        chosen = listening(app, record, (sealed, avoided)) => chosen,
        () = app.clock.sleep(left) => None,
    };
    let Some(at) = chosen else { return Ok(Turn::Over) };
    let Some(packed) = pack(app, record, offered, &sealed[at]).await? else {
        sealed.remove(at);
        return Ok(Turn::Again);
    };
    if app.store.mark_sent(record.request, packed.offer.agent, app.now()).await? {
        return Ok(Turn::Marked(Box::new(packed)));
    }
    // Expired between choosing and sending; the next turn destroys it.
    app.clock.sleep(NOT_DELIVERED_PAUSE).await;
    Ok(Turn::Again)
}

/// The first of the agents that a password was sealed for and that listens; waits until one does. Whoever is
/// `avoided` is as good as any if nobody else is there.
async fn listening(
    app: &App,
    record: &OperationRecord,
    (sealed, avoided): (&[SealedPassword], Option<AgentId>),
) -> Option<usize> {
    if sealed.is_empty() {
        return None;
    }
    let entities = sealed.iter().map(|one| Entity::of(record.tenant, one.agent));
    let mut entities: Vec<(usize, Entity)> = entities.enumerate().collect();
    // Asked once for each: the answer depends on what time it is.
    entities.sort_by_cached_key(|(at, entity)| {
        (is_second_choice(app, entity), sealed.get(*at).map(|one| one.agent) == avoided)
    });
    let waits = entities.iter().map(|(_, entity)| app.relay.wait_for_listener(entity));
    let ((), first, _) = select_all(waits).await;
    entities.get(first).map(|(at, _)| *at)
}

/// Sends what was marked as sent. What was `sealed` for others is wiped when its first byte leaves, or it
/// expires in a queue.
async fn send(
    app: &App,
    (record, deadline): (&OperationRecord, Deadline),
    packed: &Packed,
    (denied, sealed): (bool, &mut Vec<SealedPassword>),
) -> Sent {
    let Packed { offer, header, key, package } = packed;
    app.watch.reached(Step::Marked).await;
    let request = Request {
        method: "POST".to_owned(),
        target: format!("/{TARGET_WRITEBACK}"),
        headers: Vec::new(),
        body: package.clone(),
    };
    let entity = Entity::of(record.tenant, offer.agent);
    // After its expiry nothing is set any more: whoever has not answered by then is asked how it
    // ended, and the person is not kept waiting for longer.
    let left = deadline.left(&*app.clock).saturating_add(ANSWER_MARGIN);
    let limit = app.settings.relay_response.min(left);
    let asked = match app.relay.ask(&entity, request, limit) {
        Ok(asked) => asked,
        Err(error) => return not_delivered(app, record, &error, denied).await,
    };
    // The first byte may leave: unless it certainly did not, this agent is the only one.
    app.watch.reached(Step::Asked).await;
    // Who must have signed the answer is looked up while it is waited for.
    let kept_until = leaves_or_expires(&*app.clock, deadline, asked.first_byte.left());
    let answer = wiping(sealed, kept_until, asked.answer);
    let (answer, signer) = tokio::join!(answer, app.store.agent(offer.agent));
    let signer = signer.ok().flatten();
    read_answer(app, record, (key, header, signer), answer, denied).await
}

/// Comes when the first byte of a package leaves, or when it expires (SPEC K-4).
async fn leaves_or_expires(clock: &dyn Clock, deadline: Deadline, left: impl Future<Output = ()>) {
    // Whichever it is, what comes of it is the same.
    let _ = timeout(clock, deadline.left(clock), left).await;
}

/// Waits for an answer, and lets go of what was `kept` for others as soon as nobody else may be given it:
/// not as late as with the answer (SPEC K-4).
async fn wiping<T, A>(
    kept: &mut Vec<T>,
    until: impl Future<Output = ()>,
    answer: impl Future<Output = A>,
) -> A {
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        () = until => kept.clear(),
        answer = &mut answer => return answer,
    }
    answer.await
}

/// What the relay's answer means for the operation: takes the agent's own answer down if there is
/// one, and makes the operation wait again if nothing reached the agent.
async fn read_answer(
    app: &App,
    record: &OperationRecord,
    (package_key, header, signer): (&PackageKey, &Header, Option<Agent>),
    answer: Result<Response, SendError>,
    denied: bool,
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
            conclude(app, record, &answer, None).await;
            Sent::Answered
        }
        Ok(response) => {
            let status = response.status;
            tracing::warn!(event = "dispatch.agent_declined", request = %record.request, status);
            // An agent that takes nothing has done nothing; its journal lets it take a message once.
            if status == 503 { Sent::Declined } else { Sent::InDoubt }
        }
        Err(error) if error.delivered == Delivered::No => {
            not_delivered(app, record, &error, denied).await
        }
        Err(error) => {
            tracing::warn!(event = "dispatch.no_answer", request = %record.request, cause = %error);
            Sent::InDoubt
        }
    }
}

/// Makes the operation wait again for whoever listens, if it is certain that nothing of it ever reached
/// an agent.
async fn not_delivered(
    app: &App,
    record: &OperationRecord,
    error: &SendError,
    denied: bool,
) -> Sent {
    let certain = !denied && !error.hearsay;
    tracing::warn!(event = "dispatch.not_delivered", request = %record.request, certain, cause = %error);
    if !certain {
        return Sent::Denied;
    }
    patiently(app, || app.store.mark_waiting_again(record.request)).await;
    Sent::NotDelivered
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
    app.following.moved(record.request, Progress::InDoubt);
    let record = OperationRecord { agent: Some(offer.agent), ..record };
    settle::settle(app, record).await;
}

#[cfg(test)]
#[path = "carry_tests.rs"]
mod tests;
