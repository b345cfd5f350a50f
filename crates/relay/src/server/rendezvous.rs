//! Rendezvous: WebSockets that a listener opens for one exchange. Whoever knows the address may
//! come, once and for a while; nobody but the listener is told it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream::{SplitSink, SplitStream};
use protocol::timeout;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::access::{Refusal, parameter};
use super::channel::{Channel, send};
use super::connect::{self, Arrival};
use super::farewell::{FAREWELL, broken_answer, farewell_for, say_farewell};
use super::handshake::taken_of;
use super::patience::Wire;
use super::{Inner, room};
use crate::close::Close;
use crate::limits::{READ_BUFFER, RENDEZVOUS_MAX, WRITE_BUFFER};
use crate::message::{DeliveryError, DeliveryErrorKind, Response as Answered};
use crate::session::rendezvous::{Heard, RendezvousSession};
use crate::taken::Taken;

/// All rendezvous that are awaited at one relay.
#[derive(Default)]
pub(super) struct Rendezvous(Mutex<HashMap<Uuid, Awaited>>);

/// What a rendezvous is for.
pub(super) struct Awaited {
    pub(super) channel: Arc<Channel>,
    /// The request.
    pub(super) id: Uuid,
    /// Since when, by [`protocol::Clock::running`].
    pub(super) since: Duration,
    /// Nobody waits for it any more.
    pub(super) gone: CancellationToken,
    /// Who waits for a raw WebSocket; nobody if this is about an exchange.
    pub(super) sender: Option<oneshot::Sender<Arrival>>,
}

/// The right to be met. When it is dropped, the address ceases to work, and an exchange that is
/// under way ends.
pub(super) struct Ticket {
    all: Arc<Rendezvous>,
    secret: Uuid,
    gone: CancellationToken,
}

impl Rendezvous {
    /// Awaits a listener at the address with this secret.
    pub(super) fn await_at(self: &Arc<Self>, secret: Uuid, awaited: Awaited) -> Ticket {
        let gone = awaited.gone.clone();
        self.lock().insert(secret, awaited);
        Ticket { all: Arc::clone(self), secret, gone }
    }

    /// What the address with this secret is for; the next who asks is told nothing.
    fn meet(&self, secret: Uuid) -> Option<Awaited> {
        self.lock().remove(&secret)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Awaited>> {
        // Each change under this lock is one step: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.all.lock().remove(&self.secret);
        self.gone.cancel();
    }
}

/// A listener at the address of a rendezvous.
pub(super) fn open(
    relay: &Arc<Inner>,
    query: &str,
    (headers, extensions): (&HeaderMap, &Extensions),
    upgrade: WebSocketUpgrade,
) -> Response {
    let secret = parameter(query, "sb-hc-id").and_then(|secret| Uuid::try_parse(&secret).ok());
    let met = secret.and_then(|secret| relay.rendezvous.meet(secret));
    let fresh =
        |met: &Awaited| relay.clock.running().saturating_sub(met.since) < relay.limits.rendezvous;
    let Some(mut met) = met.filter(fresh) else {
        tracing::info!("relay.rendezvous.refused");
        return (Refusal::Forbidden.status(), "this rendezvous is over").into_response();
    };
    met.channel.meet(met.id);
    if let Some(sender) = met.sender.take() {
        return connect::meet(sender, query, (headers, extensions), upgrade);
    }
    let (relay, taken) = (Arc::clone(relay), taken_of(extensions));
    bounded(upgrade)
        .on_upgrade(async move |socket| exchange(Wire { socket, taken }, met, relay).await)
}

/// A WebSocket that carries no more than a rendezvous does.
pub(super) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(RENDEZVOUS_MAX)
        .max_frame_size(RENDEZVOUS_MAX)
}

/// Hands over the request, if it waits here, and takes its answer.
async fn exchange(Wire { socket, taken }: Wire, met: Awaited, relay: Arc<Inner>) {
    let (mut sink, mut stream) = socket.split();
    let ended = tokio::select! {
        () = met.gone.cancelled() => Ok(()),
        ended = hand_over(&met, (&mut sink, &taken), &mut stream, &relay) => ended,
    };
    let close = match ended {
        Ok(()) => Some(Close::EXCHANGE_OVER),
        Err(close) => {
            met.channel.lost(met.id, |delivered| match close {
                Some(close) => broken_answer(close),
                None => DeliveryError { kind: DeliveryErrorKind::ListenerLost, delivered },
            });
            close
        }
    };
    let _ = timeout(&*relay.clock, FAREWELL, say_farewell(sink, stream, close)).await;
}

/// The exchange; else why it failed, nothing if there is nobody left to be told.
async fn hand_over(
    met: &Awaited,
    (sink, taken): (&mut SplitSink<WebSocket, Message>, &Taken),
    stream: &mut SplitStream<WebSocket>,
    relay: &Inner,
) -> Result<(), Option<Close>> {
    if let Some(parcel) = met.channel.collect(met.id) {
        let sent = relay.patience(taken).write(send(sink, parcel)).await;
        sent.ok_or(None)?.map_err(|_| None)?;
    }
    // Nothing of an answer is read before there is room for the largest.
    let share = relay.rooms.share(&met.channel.entity);
    let held = relay.rooms.bytes_when_free(&share, RENDEZVOUS_MAX).await;
    let mut held = held.ok_or(Some(Close::INTERNAL))?;
    let mut session = RendezvousSession::new(met.id);
    loop {
        let message = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(farewell_for(error)),
            None => return Err(None),
        };
        let heard = match message {
            Message::Text(text) => session.text(&text)?,
            Message::Binary(body) => session.binary(body)?,
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return Err(None),
        };
        match heard {
            Heard::Nothing => {}
            Heard::Begun => met.channel.answering(met.id),
            Heard::Answered(response) => {
                held.shrink_to(response.body.len());
                let body = room::keep(response.body, held);
                let response = Answered { body, ..response };
                met.channel.settle(met.id, response);
                return Ok(());
            }
        }
    }
}
