//! Settling an operation in doubt: the agent that it was sent to is asked, as soon as it is back,
//! how it ended (see [`protocol::settlement`]). Nothing is ever sent again.

use bytes::Bytes;
use protocol::settlement::{STATUS_NOT_YET, TARGET_SETTLE};
use relay::{Entity, Request};
use store::StoreError;
use store::operations::{OperationRecord, TicketAgent};

use crate::app::App;
use crate::dispatch::{carry, conclude};

/// Asks until there is an answer or the service stops; a restart goes on asking.
pub(crate) async fn settle(app: &App, record: OperationRecord) {
    let offer = match offer(app, &record).await {
        Ok(Some(offer)) => offer,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(event = "settle.store_failed", request = %record.request, cause = %error);
            return;
        }
    };
    let entity = Entity::of(record.tenant, offer.agent);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.relay.wait_for_listener(&entity) => {}
        }
        match ask(app, &record, offer, &entity).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(event = "settle.store_failed", request = %record.request, cause = %error);
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep(app.settings.settle_pause) => {}
        }
    }
}

async fn offer(app: &App, record: &OperationRecord) -> Result<Option<TicketAgent>, StoreError> {
    let offered = app.store.ticket_agents(record.request).await?;
    Ok(offered.into_iter().find(|offer| Some(offer.agent) == record.agent))
}

async fn ask(
    app: &App,
    record: &OperationRecord,
    offer: TicketAgent,
    entity: &Entity,
) -> Result<bool, StoreError> {
    let header = record.header(offer);
    let request = Request {
        method: "POST".to_owned(),
        target: format!("/{TARGET_SETTLE}"),
        headers: Vec::new(),
        body: Bytes::from(header.encode()),
    };
    let response = match app.relay.deliver(entity, request, app.settings.relay_response).await {
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
            conclude(app, record, &answer, true).await;
            Ok(true)
        }
        STATUS_NOT_YET => Ok(false),
        status => {
            tracing::warn!(event = "settle.declined", request = %record.request, status);
            Ok(false)
        }
    }
}
