//! Settling an operation in doubt (see [`protocol::settlement`]): the agent that it was sent to is
//! asked, as soon as it is back, how it ended; if it does not come back, or says that it cannot find out,
//! another one looks. While it says "not yet" nobody else is asked: it may hold the connection over which the
//! set can still be made, of which nobody else knows. Nothing is ever sent again. It never ends without an
//! answer: whoever comes back after months still knows, and both audit trails are to agree.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::select_all;
use protocol::AgentId;
use protocol::settlement::{
    NOT_YET_COUNTS, STATUS_CANNOT_SAY, STATUS_NOT_YET, TARGET_LOOK, TARGET_SETTLE,
};
use relay::{Entity, Request};
use store::StoreError;
use store::operations::{OperationRecord, TicketAgent};

use crate::app::App;
use crate::dispatch::{conclude, package};

/// Asks until there is an answer or the service stops; a restart goes on asking.
pub(crate) async fn settle(app: &App, record: OperationRecord) {
    let mut pauses = Pauses::beginning_with(app.settings.settle_pause);
    let mut newest = app.relay.newest();
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = first_listens(app, &record) => {}
            () = others_may_look(app, &record) => {}
        }
        let whom = askable(app, &record).await;
        if one_is_newer(app, &whom, newest).now_or_never().is_some() {
            // Perhaps it has just come back: it may say "not yet" at first.
            pauses.begin_again();
        }
        newest = app.relay.newest();
        match ask_somebody(app, &record).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(event = "settle.store_failed", request = %record.request, cause = %error);
            }
        }
        // Others may have begun to count while somebody was asked.
        let whom = askable(app, &record).await;
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep(pauses.next(app.now().since(record.expires_at))) => {}
            () = one_is_newer(app, &whom, newest) => pauses.begin_again(),
            // It was not time for them when the pause began.
            () = others_begin_to_count(app, &record) => {}
        }
    }
}

/// How long nobody is asked.
struct Pauses {
    first: Duration,
    next: Duration,
}

impl Pauses {
    const fn beginning_with(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The next pause for an operation that expired so long ago: twice the last one, at most a tenth
    /// of that age, and an hour. At an age of ten minutes that is a minute.
    fn next(&mut self, age: Duration) -> Duration {
        const LEAST: Duration = Duration::from_secs(60);
        const MOST: Duration = Duration::from_secs(60 * 60);
        let pause = self.next.min((age / 10).clamp(LEAST, MOST));
        self.next = pause * 2;
        pause
    }

    /// Somebody new can be asked.
    const fn begin_again(&mut self) {
        self.next = self.first;
    }
}

/// Whose agents may be asked now: others only once they may look.
async fn askable(app: &App, record: &OperationRecord) -> Vec<Entity> {
    let others = match app.now() < record.expires_at.after(app.settings.others_look) {
        true => Vec::new(),
        // If the store fails, the pause is what there is.
        false => app.store.agents(record.tenant).await.unwrap_or_default(),
    };
    let others = others.into_iter().filter(|one| one.revoked_at.is_none()).map(|one| one.id);
    let agents = others.chain(record.agent);
    agents.map(|agent| Entity::of(record.tenant, agent)).collect()
}

/// Comes when one of these listens on a channel newer than that. Whoever else comes is nobody to ask: at a
/// service of many tenants somebody comes all the time.
async fn one_is_newer(app: &App, whom: &[Entity], newest: u64) {
    if whom.is_empty() {
        return std::future::pending().await;
    }
    let waits = whom.iter().map(|entity| Box::pin(app.relay.wait_for_newer(entity, newest)));
    select_all(waits).await;
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

/// The same once; never where they may already.
async fn others_begin_to_count(app: &App, record: &OperationRecord) {
    if app.now() >= record.expires_at.after(app.settings.others_look) {
        return std::future::pending().await;
    }
    others_may_look(app, record).await;
}

/// What an agent said to the question how an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// How it ended, which is taken down.
    Ended,
    /// That it is still to be waited for.
    NotYet,
    /// Nothing, or nothing that counts.
    Nothing,
}

/// Asks the agent that the operation was sent to, if it listens; then, if that has no word and it is time,
/// the others that do. Whether one of them knew.
async fn ask_somebody(app: &App, record: &OperationRecord) -> Result<bool, StoreError> {
    if let Some(first) = offer(app, record).await?
        && !is_revoked(app, first.agent).await?
        && listens(app, record, first.agent)
    {
        let counts = record.expires_at.after(app.settings.others_look + NOT_YET_COUNTS);
        match ask(app, record, first, TARGET_SETTLE).await? {
            Said::Ended => return Ok(true),
            Said::NotYet if app.now() < counts => return Ok(false),
            Said::NotYet | Said::Nothing => {}
        }
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
        if ask(app, record, other, TARGET_LOOK).await? == Said::Ended {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an agent's word counts no more.
async fn is_revoked(app: &App, agent: AgentId) -> Result<bool, StoreError> {
    let agent = app.store.agent(agent).await?;
    Ok(agent.is_none_or(|agent| agent.revoked_at.is_some()))
}

fn listens(app: &App, record: &OperationRecord, agent: AgentId) -> bool {
    app.relay.may_listen(&Entity::of(record.tenant, agent))
}

async fn ask(
    app: &App,
    record: &OperationRecord,
    whom: TicketAgent,
    target: &str,
) -> Result<Said, StoreError> {
    let header = record.header(whom);
    let request = Request {
        method: "POST".to_owned(),
        target: format!("/{target}"),
        headers: Vec::new(),
        body: Bytes::from(header.encode()),
    };
    let entity = Entity::of(record.tenant, whom.agent);
    let answer = match app.relay.ask(&entity, request, app.settings.relay_response) {
        Ok(asked) => asked.answer.await,
        Err(error) => Err(error),
    };
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            tracing::info!(event = "settle.not_answered", request = %record.request, cause = %error);
            return Ok(Said::Nothing);
        }
    };
    match response.status {
        200 => {
            let answer = package::open_settlement(app, &header, &response.body).await?;
            let Some(answer) = answer else { return Ok(Said::Nothing) };
            conclude(app, record, &answer, Some(whom.agent)).await;
            Ok(Said::Ended)
        }
        STATUS_NOT_YET => Ok(Said::NotYet),
        STATUS_CANNOT_SAY => {
            tracing::info!(event = "settle.cannot_say", request = %record.request, agent = %whom.agent);
            Ok(Said::Nothing)
        }
        status => {
            tracing::warn!(event = "settle.declined", request = %record.request, target, status);
            Ok(Said::Nothing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[test]
    fn pauses_grow_with_the_age_of_what_nobody_can_settle_up_to_an_hour() {
        let mut pauses = Pauses::beginning_with(3 * SECOND);
        let (mut age, mut asked, mut last) = (Duration::ZERO, 0, Duration::ZERO);
        while age < 30 * 24 * HOUR {
            let pause = pauses.next(age);
            assert!(pause >= last.min(60 * SECOND) && pause <= HOUR, "{pause:?} after {last:?}");
            if age <= 600 * SECOND {
                assert!(pause <= 60 * SECOND, "{pause:?} at {age:?}");
            }
            (age, asked, last) = (age + pause, asked + 1, pause);
        }
        assert_eq!(last, HOUR);
        assert!(asked < 24 * 30 + 60, "{asked} times in a month");
    }

    #[test]
    fn whoever_comes_back_is_asked_five_times_within_a_minute_however_late() {
        let mut pauses = Pauses::beginning_with(3 * SECOND);
        let age = 24 * 365 * HOUR;
        while pauses.next(age) < HOUR {}
        pauses.begin_again();
        let first: Duration = (0..4).map(|_| pauses.next(age)).sum();
        assert!(first <= 60 * SECOND, "{first:?}");
    }
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod asking;
