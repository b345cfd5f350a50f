//! Two WebSockets piped into each other, message by message, until one of them ends.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _, poll};
use protocol::{Clock, timeout};
use tokio::sync::oneshot;

use super::Inner;
use super::channel::PING_MIN;
use super::farewell::{FAREWELL, farewell_for};
use super::patience::{Patience, Wire};
use crate::close::Close;
use crate::entity::Entity;
use crate::limits::Limits;
use crate::taken::Taken;

/// All pipes of one relay.
#[derive(Default)]
pub(super) struct Pipes {
    open: Mutex<Open>,
    /// Those that have not yet said their farewells are among them.
    left: AtomicUsize,
}

#[derive(Default)]
struct Open {
    pipes: HashMap<u64, Place>,
    next: u64,
    /// What ends those that come from now on.
    closing: Option<Close>,
}

/// What all of them know of one.
struct Place {
    entity: Entity,
    end: oneshot::Sender<Close>,
    /// It has come about.
    entered: bool,
}

/// A pipe that may come about: its sender is there, and its listener is called. Whatever ends all of its entity
/// meanwhile ends it as soon as it is one.
pub(super) struct Expected {
    pipes: Arc<Pipes>,
    number: u64,
    ended: oneshot::Receiver<Close>,
}

/// A pipe's place among all of them, from when its two sides have found each other until both have
/// been told that it is over.
pub(super) struct Entered(Expected);

impl Pipes {
    /// Expects a pipe.
    pub(super) fn expect(self: &Arc<Self>, entity: Entity) -> Expected {
        let (end, ended) = oneshot::channel();
        let mut open = self.lock();
        open.next += 1;
        let number = open.next;
        match open.closing {
            Some(why) => drop(end.send(why)),
            None => drop(open.pipes.insert(number, Place { entity, end, entered: false })),
        }
        Expected { pipes: Arc::clone(self), number, ended }
    }

    /// Ends all of one entity.
    pub(super) fn end(&self, entity: &Entity, why: Close) {
        for (_, place) in self.lock().pipes.extract_if(|_, place| place.entity == *entity) {
            let _ = place.end.send(why);
        }
    }

    /// How many there are, those that are saying their farewells included.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }

    /// From here on whoever comes is ended at once, and so is whoever is expected.
    pub(super) fn close(&self, why: Close) {
        let mut open = self.lock();
        open.closing = Some(why);
        for (_, place) in open.pipes.extract_if(|_, place| !place.entered) {
            let _ = place.end.send(why);
        }
    }

    /// Ends one of them; says whether there was one.
    pub(super) fn end_one(&self, why: Close) -> bool {
        let mut open = self.lock();
        let first = open.pipes.keys().next().copied();
        let Some(place) = first.and_then(|number| open.pipes.remove(&number)) else {
            return false;
        };
        let _ = place.end.send(why);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Each change under this lock is one step: a panic elsewhere leaves nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expected {
    /// It has come about: from here on it is there, for a relay that drains, too.
    pub(super) fn enters(self) -> Entered {
        self.pipes.left.fetch_add(1, Ordering::SeqCst);
        if let Some(place) = self.pipes.lock().pipes.get_mut(&self.number) {
            place.entered = true;
        }
        Entered(self)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.pipes.lock().pipes.remove(&self.number);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.pipes.left.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Until when, by `Clock::running`, a side was last written a message that it took slowly; without end
/// while it is. It is not pinged meanwhile, and may have nothing to say. That it goes on taking is seen
/// to by whoever writes; what goes at once, as pings do, tells nothing of the side.
#[derive(Default)]
struct Busy(Mutex<Duration>);

impl Busy {
    fn is_over(&self, when: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = when;
    }

    fn until(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each side is told when a pipe ends; nothing to whoever is gone.
struct Farewells {
    listener: Option<CloseFrame>,
    sender: Option<CloseFrame>,
}

/// Pipes until one side ends, falls silent or does not read, or the pipe is ended from outside.
pub(super) async fn run(mut entered: Entered, listener: Wire, sender: Wire, relay: Arc<Inner>) {
    let (mut to_listener, mut from_listener) = listener.socket.split();
    let (mut to_sender, mut from_sender) = sender.socket.split();
    let (listener_busy, sender_busy) = (Busy::default(), Busy::default());
    let time = (&*relay.clock, &relay.limits);
    let to_sender_end = (&mut to_sender, &sender.taken, &sender_busy);
    let to_listener_end = (&mut to_listener, &listener.taken, &listener_busy);
    let farewells = tokio::select! {
        why = &mut entered.0.ended => {
            let frame = why.ok().map(frame);
            Farewells { listener: frame.clone(), sender: frame }
        }
        told = forward((&mut from_listener, &listener_busy), to_sender_end, time) => {
            let sender = told.unwrap_or_else(|| Some(frame(Close::LISTENER_LEFT)));
            Farewells { listener: sender.clone(), sender }
        }
        told = forward((&mut from_sender, &sender_busy), to_listener_end, time) => {
            let listener = told.unwrap_or_else(|| Some(frame(Close::SENDER_LEFT)));
            Farewells { sender: listener.clone(), listener }
        }
    };
    let said = futures_util::future::join(
        farewell(to_listener, from_listener, farewells.listener),
        farewell(to_sender, from_sender, farewells.sender),
    );
    let _ = timeout(&*relay.clock, FAREWELL, said).await;
    drop(entered);
}

/// Forwards in one direction, and pings the side that is written to. Returns what was said at the
/// end: nothing if whoever spoke is gone.
async fn forward(
    (from, from_busy): (&mut (impl Stream<Item = Result<Message, Error>> + Unpin), &Busy),
    (to, taken, to_busy): (&mut (impl Sink<Message> + Unpin), &Taken, &Busy),
    (clock, limits): (&dyn Clock, &Limits),
) -> Option<Option<CloseFrame>> {
    let patience = Patience { clock, limits, taken };
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
                let now = clock.running();
                let busy_until = from_busy.until().min(now);
                if read.is_err() && busy_until > heard {
                    heard = busy_until;
                    continue;
                }
                heard = now;
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
        match write(&patience, to.send(message), to_busy).await {
            Some(Ok(())) => {}
            // The other side is gone, or does not read: whoever spoke is told.
            Some(Err(_)) | None => return Some(Some(frame(Close::OTHER_SIDE_GONE))),
        }
    }
}

/// Writes as [`Patience::write`] does, and notes while that goes slowly.
async fn write<T>(
    patience: &Patience<'_>,
    write: impl Future<Output = T>,
    busy: &Busy,
) -> Option<T> {
    let mut written = pin!(patience.write(write));
    if let Poll::Ready(written) = poll!(written.as_mut()) {
        return written;
    }
    busy.is_over(Duration::MAX);
    let written = written.await;
    busy.is_over(patience.clock.running());
    written
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

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, sink, stream};
    use protocol::{ManualClock, Timestamp};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How many seconds a side that says nothing is borne with, if it takes so long for what is written
    /// to it first.
    async fn silent_for(takes: Duration) -> u64 {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        // What it takes, it takes in one piece.
        let limits = Limits { slow_listener: Limits::default().response, ..Limits::default() };
        let (time, taken): ((&dyn Clock, _), _) = ((&clock, &limits), Taken::default());
        let (silent, talks) = (Busy::default(), Busy::default());
        // A word a second, which waits until it is read.
        let words = stream::unfold(SECOND, |next| {
            let word = clock.sleep(next.saturating_sub(clock.running()));
            async move {
                word.await;
                Some((Ok(Message::Pong(Bytes::new())), next + SECOND))
            }
        });
        let first = stream::iter([Ok(Message::Binary(Bytes::from_static(b"long")))]);
        let mut from_talking = Box::pin(first.chain(words));
        let mut to_silent = Box::pin(sink::unfold((), |(), message| {
            let long = matches!(message, Message::Binary(_)).then(|| clock.sleep(takes));
            async move {
                if let Some(long) = long {
                    long.await;
                }
                Ok::<_, Error>(())
            }
        }));
        let (mut from_silent, mut to_talking) = (stream::pending(), sink::drain());
        let mut pipe = Box::pin(async {
            tokio::select! {
                _ = forward((&mut from_silent, &silent), (&mut to_talking, &taken, &talks), time) => {}
                told = forward((&mut from_talking, &talks), (&mut to_silent, &taken, &silent), time) => {
                    panic!("whoever talks is borne with: {told:?}")
                }
            }
        });
        for seconds in 0..1_000 {
            if pipe.as_mut().now_or_never().is_some() {
                return seconds;
            }
            clock.advance(SECOND);
        }
        panic!("it is borne with for ever")
    }

    /// Pings to it wait behind what is written, so that it has nothing to say.
    #[tokio::test]
    async fn who_takes_a_long_message_is_not_silent_meanwhile_and_pings_alone_are_no_sign() {
        assert_eq!(silent_for(Duration::ZERO).await, 45);
        assert_eq!(silent_for(10 * SECOND).await, 55);
        assert_eq!(silent_for(50 * SECOND).await, 95);
    }

    #[tokio::test]
    async fn a_pipe_that_comes_about_when_all_have_been_ended_is_ended_at_once_and_with_a_word() {
        let (pipes, entity) = (Arc::<Pipes>::default(), Entity::parse("t/x/a/y").unwrap());
        let mut early = pipes.expect(entity.clone()).enters();
        let expected = pipes.expect(entity.clone());
        assert!(futures_util::poll!(&mut early.0.ended).is_pending());
        pipes.close(Close::DRAINING);
        assert!(pipes.end_one(Close::DRAINING) && !pipes.end_one(Close::DRAINING));
        let mut late = pipes.expect(entity).enters();
        assert_eq!((&mut expected.enters().0.ended).await, Ok(Close::DRAINING));
        assert_eq!((&mut early.0.ended).await, Ok(Close::DRAINING));
        assert_eq!((&mut late.0.ended).await, Ok(Close::DRAINING));
        assert_eq!(pipes.left(), 2, "both are still to be told");
        drop((early, late));
        assert_eq!(pipes.left(), 0);
    }

    /// The listener has accepted, and whoever serves the sender has not gone on since.
    #[tokio::test]
    async fn a_pipe_whose_entity_is_revoked_before_it_comes_about_is_ended_as_soon_as_it_does() {
        let pipes = Arc::<Pipes>::default();
        let [revoked, other] = ["t/x/a/y", "t/x/a/z"].map(|name| Entity::parse(name).unwrap());
        let [of_it, of_another] = [&revoked, &other].map(|entity| pipes.expect(entity.clone()));
        assert_eq!(pipes.left(), 0, "nobody waits for what may never come about");
        pipes.end(&revoked, Close::REVOKED);
        let (mut of_it, mut of_another) = (of_it.enters(), of_another.enters());
        assert_eq!((&mut of_it.0.ended).await, Ok(Close::REVOKED));
        assert!(futures_util::poll!(&mut of_another.0.ended).is_pending());
        drop((of_it, of_another));
        assert_eq!(pipes.left(), 0);
        assert!(!pipes.end_one(Close::DRAINING), "and nothing is left of them");
    }
}
