//! Settling an operation in doubt (see [`protocol::settlement`]): the agent that it was sent to is
//! asked, as soon as it is back, how it ended; if it does not come back, another one looks. Nothing is
//! ever sent again.

use std::time::Duration;

use bytes::Bytes;
use protocol::AgentId;
use protocol::settlement::{STATUS_NOT_YET, TARGET_LOOK, TARGET_SETTLE};
use relay::{Entity, Request};
use store::StoreError;
use store::operations::{OperationRecord, TicketAgent};

use crate::app::App;
use crate::dispatch::{carry, conclude};

/// The longest pause while nobody is there who knows.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Asks until there is an answer or the service stops; a restart goes on asking.
pub(crate) async fn settle(app: &App, record: OperationRecord) {
    let mut pause = app.settings.settle_pause;
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = first_listens(app, &record) => pause = app.settings.settle_pause,
            () = others_may_look(app, &record) => {}
        }
        match ask_somebody(app, &record).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(event = "settle.store_failed", request = %record.request, cause = %error);
            }
        }
        let back = async {
            match record.agent {
                Some(agent) if listens(app, &record, agent) => std::future::pending().await,
                _ => first_listens(app, &record).await,
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            () = back => {}
        }
    }
}

/// Comes when the agent that the operation was sent to listens.
async fn first_listens(app: &App, record: &OperationRecord) {
    match record.agent {
        Some(agent) => app.relay.wait_for_listener(&Entity::of(record.tenant, agent)).await,
        None => std::future::pending().await,
    }
}

async fn offer(app: &App, record: &OperationRecord) -> Result<Option<TicketAgent>, StoreError> {
    let offered = app.store.ticket_agents(record.request).await?;
    Ok(offered.into_iter().find(|offer| Some(offer.agent) == record.agent))
}

/// Comes when the agent that was asked has been away for long enough.
async fn others_may_look(app: &App, record: &OperationRecord) {
    let from = record.expires_at.after(app.settings.others_look);
    app.clock.sleep(from.since(app.now())).await;
}

/// Asks the agent that the operation was sent to, if it listens; then, if it is time, the others that
/// do. Whether one of them knew.
async fn ask_somebody(app: &App, record: &OperationRecord) -> Result<bool, StoreError> {
    if let Some(first) = offer(app, record).await?
        && listens(app, record, first.agent)
        && ask(app, record, first, TARGET_SETTLE).await?
    {
        return Ok(true);
    }
    if app.now() < record.expires_at.after(app.settings.others_look) {
        return Ok(false);
    }
    for agent in app.store.agents(record.tenant).await? {
        let asked = Some(agent.id) != record.agent && agent.revoked_at.is_none();
        if !asked || !listens(app, record, agent.id) {
            continue;
        }
        let Some(key) = app.store.agent_key(agent.id).await? else { continue };
        let other = TicketAgent { agent: agent.id, key_id: key.key_id };
        if ask(app, record, other, TARGET_LOOK).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn listens(app: &App, record: &OperationRecord, agent: AgentId) -> bool {
    app.relay.may_listen(&Entity::of(record.tenant, agent))
}

async fn ask(
    app: &App,
    record: &OperationRecord,
    whom: TicketAgent,
    target: &str,
) -> Result<bool, StoreError> {
    let header = record.header(whom);
    let request = Request {
        method: "POST".to_owned(),
        target: format!("/{target}"),
        headers: Vec::new(),
        body: Bytes::from(header.encode()),
    };
    let entity = Entity::of(record.tenant, whom.agent);
    let answer = match app.relay.ask(&entity, request, app.settings.relay_response) {
        Ok(asked) => asked.await,
        Err(error) => Err(error),
    };
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            tracing::info!(event = "settle.not_answered", request = %record.request, cause = %error);
            return Ok(false);
        }
    };
    match response.status {
        200 => {
            let answer = carry::open_settlement(app, &header, &response.body).await?;
            let Some(answer) = answer else { return Ok(false) };
            conclude(app, record, &answer, Some(whom.agent)).await;
            Ok(true)
        }
        STATUS_NOT_YET => Ok(false),
        status => {
            tracing::warn!(event = "settle.declined", request = %record.request, target, status);
            Ok(false)
        }
    }
}
