//! A channel while it is open: what is read of its socket, what is written, and its pings.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::{Message, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::timeout;

use super::renewals::Renewal;
use super::{Channel, PING_MIN, Write, Writes, lock};
use crate::close::Close;
use crate::limits::WRITE_BUFFER;
use crate::server::Inner;
use crate::server::access::{Asked, Refusal};
use crate::server::farewell::{FAREWELL, broken_answer, farewell_for, say_farewell};
use crate::server::patience::{Patience, Wire};
use crate::server::registry::Place;
use crate::session::asking::{Heard, Outgoing, Violation};
use crate::token::Right;

/// Serves a channel until it ends.
pub(in crate::server) async fn run(
    Wire { socket, taken }: Wire,
    (place, mut writes): (Place, Writes),
    relay: Arc<Inner>,
) {
    let channel = Arc::clone(place.channel());
    let patience = relay.patience(&taken);
    let (mut sink, mut stream) = socket.split();
    place.go_live();
    tracing::info!(entity = %channel.entity, "relay.channel.opened");
    let ended = tokio::select! {
        biased;
        () = channel.cutting.cancelled() => lock(&channel.cut_for).or(Some(Close::INTERNAL)),
        ended = read(&channel, &mut stream, &relay) => ended,
        ended = write(&channel, &mut sink, &mut writes, &patience) => ended,
        ended = tick(&channel, &relay) => Some(ended),
    };
    // Senders learn of the end before the listener does: nobody shall wait for a farewell.
    drop(place);
    tracing::info!(entity = %channel.entity, code = ended.map(|end| end.code), "relay.channel.closed");
    let _ = timeout(&*relay.clock, FAREWELL, say_farewell(sink, stream, ended)).await;
}

/// Reads until the channel is to end, and says why; nothing if there is nobody left to be told.
async fn read(
    channel: &Channel,
    stream: &mut SplitStream<WebSocket>,
    relay: &Inner,
) -> Option<Close> {
    loop {
        let patience = channel.silence.saturating_sub(channel.silent_for());
        let message = match timeout(&*relay.clock, patience, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return farewell_for(error),
            Ok(None) | Err(_) => return None,
        };
        let heard = match message {
            Message::Text(text) => channel.session().text(&text),
            Message::Binary(body) => channel.session().binary(body),
            Message::Pong(payload) => {
                if channel.session().pong(&payload) {
                    channel.sign_of_life();
                }
                continue;
            }
            Message::Ping(_) => continue,
            Message::Close(frame) => {
                channel.hear_farewell(frame.as_ref());
                return None;
            }
        };
        match heard {
            Ok(Heard::Nothing) => {}
            Ok(Heard::Answered(reply, response)) => {
                channel.sign_of_life();
                let _ = reply.send(Ok(response));
            }
            Ok(Heard::Unusable(reply)) => {
                tracing::warn!(entity = %channel.entity, "relay.answer.unusable");
                channel.sign_of_life();
                let _ = reply.send(Err(broken_answer(Close::MALFORMED)));
            }
            Ok(Heard::RenewToken(token)) => {
                if let Err(close) = take_renewal(channel, token, relay).await {
                    return Some(close);
                }
            }
            Err(Violation { close, reply }) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Err(broken_answer(close)));
                }
                return Some(close);
            }
        }
    }
}

/// Takes a fresh token. One that comes too soon after another waits for the next ping; of several the
/// newest does.
async fn take_renewal(channel: &Channel, token: String, relay: &Inner) -> Result<(), Close> {
    let taken = lock(&channel.renewals).take(token, relay.clock.running());
    match taken {
        Some(renewal) => renew(channel, renewal, relay).await,
        None => Ok(()),
    }
}

/// Puts a fresh token in the place of the channel's, or says how the channel ends.
async fn renew(channel: &Channel, renewal: Renewal, relay: &Inner) -> Result<(), Close> {
    let (entity, host) = (&channel.entity, channel.host.as_str());
    let checked = relay.check(&renewal.token, Asked { entity, host, right: Right::Listen });
    let checked = timeout(&*relay.clock, relay.limits.handshake, checked).await;
    let mut renewals = lock(&channel.renewals);
    match checked.unwrap_or(Err(Refusal::Unavailable)) {
        Ok(pass) => {
            if renewals.is_good(&renewal) {
                channel.token_expires_at.store(pass.expires_at.as_millis(), Ordering::SeqCst);
            }
            Ok(())
        }
        // Nobody can say now. What was there holds for as long as it would have, and this is tried again.
        Err(Refusal::Unavailable) => {
            renewals.keep(renewal);
            Ok(())
        }
        Err(_) if renewals.is_over(&renewal) => Ok(()),
        Err(Refusal::Malformed | Refusal::Token | Refusal::Forbidden) => Err(Close::TOKEN_REFUSED),
        Err(Refusal::UnknownEntity) => Err(Close::ENTITY_GONE),
    }
}

/// Writes until the listener takes nothing more.
async fn write(
    channel: &Channel,
    sink: &mut SplitSink<WebSocket, Message>,
    writes: &mut Writes,
    patience: &Patience<'_>,
) -> Option<Close> {
    while let Some(first) = writes.recv().await {
        if channel.in_flight() > 1 {
            // Whoever else is about to ask may come along: one record and one wake-up for all.
            tokio::task::yield_now().await;
        }
        let batch = write_batch(channel, sink, first, writes);
        if !matches!(patience.write(batch).await, Some(Ok(()))) {
            return None;
        }
    }
    None
}

/// Writes what waits, `first` before the rest; of that no more than fills one record, so that what
/// comes first does not wait for long.
async fn write_batch(
    channel: &Channel,
    sink: &mut SplitSink<WebSocket, Message>,
    first: Write,
    writes: &mut Writes,
) -> Result<(), axum::Error> {
    let (mut next, mut size, mut on_their_way) = (Some(first), 0, Vec::new());
    while let Some(write) = next {
        match write {
            Write::Ping => {
                let number = channel.session().next_ping();
                sink.feed(Message::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))).await?;
            }
            Write::Request(id) => {
                let wanted = channel.session().begin_writing(id);
                if let Some(outgoing) = wanted {
                    size += outgoing.size();
                    feed(sink, outgoing).await?;
                    on_their_way.push(id);
                }
            }
        }
        next = if size < WRITE_BUFFER { writes.try_recv().ok() } else { None };
    }
    sink.flush().await?;
    let mut session = channel.session();
    on_their_way.into_iter().for_each(|id| session.written(id));
    Ok(())
}

/// Writes a request, without waiting until it has left; nothing comes between its two messages,
/// because one task writes them all.
async fn feed(
    sink: &mut SplitSink<WebSocket, Message>,
    Outgoing { announced, body }: Outgoing,
) -> Result<(), axum::Error> {
    sink.feed(Message::text(announced)).await?;
    if body.is_empty() { Ok(()) } else { sink.feed(Message::Binary(body)).await }
}

/// Writes a request.
pub(in crate::server) async fn send(
    sink: &mut SplitSink<WebSocket, Message>,
    outgoing: Outgoing,
) -> Result<(), axum::Error> {
    feed(sink, outgoing).await?;
    sink.flush().await
}

/// Pings, and watches the token's expiry.
async fn tick(channel: &Channel, relay: &Inner) -> Close {
    let every = relay.limits.ping.max(PING_MIN);
    loop {
        relay.clock.sleep(every).await;
        let waiting = lock(&channel.renewals).take_waiting(relay.clock.running());
        if let Some(renewal) = waiting
            && let Err(close) = renew(channel, renewal, relay).await
        {
            return close;
        }
        if relay.clock.now() >= channel.token_expires_at().after(relay.limits.grace) {
            return Close::TOKEN_EXPIRED;
        }
        let _ = channel.writes.send(Write::Ping);
    }
}
