//! Two WebSockets piped into each other, message by message, until one of them ends.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::timeout;
use tokio::sync::oneshot;

use super::Inner;
use super::channel::{FAREWELL, PING_MIN, farewell_for};
use super::patience::Wire;
use crate::close::Close;
use crate::entity::Entity;
use crate::taken::Taken;

/// All pipes of one relay.
#[derive(Default)]
pub(super) struct Pipes {
    open: Mutex<HashMap<u64, (Entity, oneshot::Sender<Close>)>>,
    next: AtomicU64,
}

impl Pipes {
    fn enter(&self, entity: Entity) -> (u64, oneshot::Receiver<Close>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (end, ended) = oneshot::channel();
        self.lock().insert(number, (entity, end));
        (number, ended)
    }

    /// Ends all of one entity.
    pub(super) fn end(&self, entity: &Entity, why: Close) {
        for (_, (_, end)) in self.lock().extract_if(|_, (of, _)| of == entity) {
            let _ = end.send(why);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Ends one of them; says whether there was one.
    pub(super) fn end_one(&self, why: Close) -> bool {
        let mut open = self.lock();
        let first = open.keys().next().copied();
        let Some((_, end)) = first.and_then(|number| open.remove(&number)) else { return false };
        let _ = end.send(why);
        true
    }

    fn leave(&self, number: u64) {
        self.lock().remove(&number);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, (Entity, oneshot::Sender<Close>)>> {
        // Each change under this lock is one step: a panic elsewhere leaves nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each side is told when a pipe ends; nothing to whoever is gone.
struct Farewells {
    listener: Option<CloseFrame>,
    sender: Option<CloseFrame>,
}

/// Pipes until one side ends, falls silent or does not read, or the pipe is ended from outside.
pub(super) async fn run(entity: Entity, listener: Wire, sender: Wire, relay: Arc<Inner>) {
    let (number, ended) = relay.pipes.enter(entity);
    let (mut to_listener, mut from_listener) = listener.socket.split();
    let (mut to_sender, mut from_sender) = sender.socket.split();
    let farewells = tokio::select! {
        why = ended => {
            let frame = why.ok().map(frame);
            Farewells { listener: frame.clone(), sender: frame }
        }
        told = forward(&mut from_listener, (&mut to_sender, &sender.taken), &relay) => {
            let sender = told.unwrap_or_else(|| Some(frame(Close::LISTENER_LEFT)));
            Farewells { listener: sender.clone(), sender }
        }
        told = forward(&mut from_sender, (&mut to_listener, &listener.taken), &relay) => {
            let listener = told.unwrap_or_else(|| Some(frame(Close::SENDER_LEFT)));
            Farewells { sender: listener.clone(), listener }
        }
    };
    relay.pipes.leave(number);
    let said = futures_util::future::join(
        farewell(to_listener, from_listener, farewells.listener),
        farewell(to_sender, from_sender, farewells.sender),
    );
    let _ = timeout(&*relay.clock, FAREWELL, said).await;
}

/// Forwards in one direction, and pings the side that is written to. Returns what was said at the
/// end: nothing if whoever spoke is gone.
async fn forward(
    from: &mut SplitStream<WebSocket>,
    (to, taken): (&mut SplitSink<WebSocket, Message>, &Taken),
    relay: &Inner,
) -> Option<Option<CloseFrame>> {
    let patience = relay.patience(taken);
    let (clock, limits) = (&*relay.clock, &relay.limits);
    let mut ping = clock.sleep(limits.ping.max(PING_MIN));
    let mut heard = clock.running();
    loop {
        let left = limits.silence.saturating_sub(clock.running().saturating_sub(heard));
        let message = tokio::select! {
            biased;
            () = &mut ping => {
                ping = clock.sleep(limits.ping.max(PING_MIN));
                Message::Ping(Bytes::new())
            }
            read = timeout(clock, left, from.next()) => {
                heard = clock.running();
                match read {
                    Ok(Some(Ok(Message::Close(said)))) => return Some(said),
                    // Each hop answers for itself.
                    Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                    Ok(Some(Ok(message))) => message,
                    Ok(Some(Err(error))) => return farewell_for(error).map(|why| Some(frame(why))),
                    Ok(None) | Err(_) => return None,
                }
            }
        };
        match patience.write(to.send(message)).await {
            Some(Ok(())) => {}
            // The other side is gone, or does not read: whoever spoke is told.
            Some(Err(_)) | None => return Some(Some(frame(Close::OTHER_SIDE_GONE))),
        }
    }
}

fn frame(why: Close) -> CloseFrame {
    CloseFrame { code: why.code, reason: why.reason.into() }
}

async fn farewell(
    mut to: SplitSink<WebSocket, Message>,
    mut from: SplitStream<WebSocket>,
    said: Option<CloseFrame>,
) {
    if to.send(Message::Close(said)).await.is_ok() {
        while let Some(Ok(_)) = from.next().await {}
    }
}
