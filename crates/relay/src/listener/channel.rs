//! One control channel: the session of [`crate::session::answering`] with its socket.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::{Timestamp, timeout};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{self};

use super::connect::Socket;
use super::{Listener, answer};
use crate::close::Close;
use crate::frame;
use crate::limits::WRITE_BUFFER;
use crate::message::Response;
use crate::session::answering::{AnsweringSession, Heard};

/// How long the relay may take to agree to the end of a channel.
const FAREWELL: Duration = Duration::from_secs(1);
/// The longest time before its expiry at which a token is renewed.
const RENEWAL_MARGIN_MAX: Duration = Duration::from_secs(5 * 60);

/// How a channel ended.
pub(super) enum Ended {
    /// The listener was told to stop, and has said farewell.
    Stopped,
    /// Lost.
    Lost {
        /// Why, for the operator.
        reason: String,
        /// Whether not one message ever came: something on the way may swallow them.
        mute: bool,
    },
}

/// No interval can be nothing.
const PING_MIN: Duration = Duration::from_millis(1);
/// How many messages may wait to be written; a relay that does not take its answers is not read
/// either.
const WRITES_MAX: usize = 512;

/// One thing to be written.
pub(super) enum Write {
    Answer(String, Response),
    Token(String),
    Ping,
    /// Nothing comes after it.
    Farewell(Close),
}

pub(super) type Writes = mpsc::Sender<Write>;

/// When a token that was fetched at `issued` and ends at `expiry` is to be renewed: a quarter of
/// its life before its end, at most five minutes.
pub(super) fn renewal(issued: Timestamp, expiry: Timestamp) -> Timestamp {
    expiry.before((expiry.since(issued) / 4).min(RENEWAL_MARGIN_MAX))
}

/// Why a channel is lost, for the operator, and what the relay is told.
struct Loss {
    reason: String,
    close: Option<Close>,
}

impl Loss {
    fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), close: None }
    }
}

/// Answers requests until the channel ends.
pub(super) async fn serve(listener: &Listener, socket: Socket, renew_at: Timestamp) -> Ended {
    let (mut sink, mut stream) = socket.split();
    let (writes, mut to_write) = mpsc::channel(WRITES_MAX);
    let (heard, opened) = (AtomicBool::new(false), listener.clock.running());
    let ended = tokio::select! {
        loss = read(listener, &mut stream, &writes, &heard) => Err(loss),
        ended = write(listener, &mut sink, &mut to_write) => ended,
        never = tick(listener, &writes, renew_at) => match never {},
        never = stop(listener, &writes) => match never {},
    };
    let close = ended.as_ref().map_or_else(|loss| loss.close, |close| Some(*close));
    let lasted = listener.clock.running().saturating_sub(opened);
    let _ = timeout(&*listener.clock, FAREWELL, say_farewell(sink, stream, close)).await;
    match ended {
        Ok(_) => Ended::Stopped,
        Err(Loss { reason, .. }) => {
            // However it ended: by then a ping should have been answered.
            let mute = !heard.load(Ordering::Relaxed) && lasted >= listener.config.ping * 3 / 2;
            Ended::Lost { reason, mute }
        }
    }
}

/// Reads until the channel is lost; notes once anything is `heard`.
async fn read(
    listener: &Listener,
    stream: &mut SplitStream<Socket>,
    writes: &Writes,
    heard: &AtomicBool,
) -> Loss {
    let mut session = AnsweringSession::on_channel();
    loop {
        let message = match timeout(&*listener.clock, listener.config.silence, stream.next()).await
        {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Loss::of(format!("the channel broke: {error}")),
            Ok(None) => return Loss::of("the relay hung up"),
            Err(_) => return Loss::of("the relay fell silent"),
        };
        heard.store(true, Ordering::Relaxed);
        let said = match message {
            Message::Text(text) => session.text(&text),
            Message::Binary(body) => session.binary(body),
            Message::Close(frame) => return Loss::of(closed_by_relay(frame)),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        match said {
            Ok(Heard::Nothing) => {}
            Ok(Heard::Request(incoming)) => answer::answer(listener, incoming, writes).await,
            Ok(Heard::Rendezvous { id, address }) => answer::fetch(listener, id, address),
            Err(close) => {
                let reason = format!("the relay broke the protocol: {}", close.reason);
                return Loss { reason, close: Some(close) };
            }
        }
    }
}

/// What the relay said when it closed the channel, made fit for a log.
fn closed_by_relay(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(frame) => {
            let (code, reason) = (u16::from(frame.code), frame.reason.as_str().escape_debug());
            format!("the relay closed the channel: {code} {reason}")
        }
        None => "the relay closed the channel".to_owned(),
    }
}

/// Writes until the channel is lost, or until it is time for a farewell, which it gives back.
async fn write(
    listener: &Listener,
    sink: &mut SplitSink<Socket, Message>,
    to_write: &mut mpsc::Receiver<Write>,
) -> Result<Close, Loss> {
    let patience = listener.config.silence;
    while let Some(first) = to_write.recv().await {
        if listener.tasks.len() > 1 {
            // Whoever else is about to answer may come along: one record and one wake-up for all.
            tokio::task::yield_now().await;
        }
        let batch = write_batch(sink, first, to_write);
        match timeout(&*listener.clock, patience, batch).await {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(farewell))) => return Ok(farewell),
            Ok(Err(error)) => return Err(Loss::of(format!("the channel broke: {error}"))),
            Err(_) => return Err(Loss::of("the relay takes nothing more")),
        }
    }
    Ok(Close::LISTENER_LEFT)
}

/// Writes what waits, `first` before the rest, and says how to take leave if nothing may follow.
async fn write_batch(
    sink: &mut SplitSink<Socket, Message>,
    first: Write,
    to_write: &mut mpsc::Receiver<Write>,
) -> Result<Option<Close>, tungstenite::Error> {
    let (mut next, mut size, mut farewell) = (Some(first), 0, None);
    while let Some(write) = next {
        match write {
            Write::Answer(id, response) => {
                let head = frame::response(&id, &response);
                size += head.len() + response.body.len();
                sink.feed(Message::text(head)).await?;
                if !response.body.is_empty() {
                    sink.feed(Message::Binary(response.body)).await?;
                }
            }
            Write::Token(token) => sink.feed(Message::text(frame::renew_token(&token))).await?,
            Write::Ping => sink.feed(Message::Ping(Bytes::new())).await?,
            Write::Farewell(close) => farewell = Some(close),
        }
        let over = farewell.is_some() || size >= WRITE_BUFFER;
        next = if over { None } else { to_write.try_recv().ok() };
    }
    sink.flush().await?;
    Ok(farewell)
}

/// Pings, and renews the token before it expires.
async fn tick(
    listener: &Listener,
    writes: &Writes,
    mut renew_at: Timestamp,
) -> std::convert::Infallible {
    let every = listener.config.ping.max(PING_MIN);
    loop {
        listener.clock.sleep(every).await;
        // With so much to write, a ping would show nothing that the writing does not.
        let _ = writes.try_send(Write::Ping);
        let now = listener.clock.now();
        if now < renew_at {
            continue;
        }
        match listener.tokens.token() {
            Ok((token, expiry)) => {
                let _ = writes.send(Write::Token(token)).await;
                renew_at = renewal(now, expiry);
            }
            // The old one may hold a little longer: try again with the next ping.
            Err(reason) => tracing::error!(reason, "relay.listener.no_token"),
        }
    }
}

/// Waits for the order to stop, then for what is in flight, then closes the channel behind the
/// last answer.
async fn stop(listener: &Listener, writes: &Writes) -> std::convert::Infallible {
    listener.stop.cancelled().await;
    listener.tasks.close();
    let drained = timeout(&*listener.clock, listener.config.drain, listener.tasks.wait()).await;
    // From the order to stop on nothing is taken, and whoever took something has said its answer.
    let close = if drained.is_ok() { Close::ALL_ANSWERED } else { Close::LISTENER_LEFT };
    let _ = writes.send(Write::Farewell(close)).await;
    std::future::pending().await
}

/// Ends the WebSocket in good order, if the relay is still there.
async fn say_farewell(
    mut sink: SplitSink<Socket, Message>,
    mut stream: SplitStream<Socket>,
    close: Option<Close>,
) {
    let frame = close.map(|Close { code, reason }| CloseFrame {
        code: CloseCode::from(code),
        reason: reason.into(),
    });
    if sink.send(Message::Close(frame)).await.is_ok() {
        while let Some(Ok(_)) = stream.next().await {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_a_quarter_of_its_life_before_its_end_but_not_over_five_minutes() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        assert_eq!(renewal(at(0), at(600)), at(450));
        assert_eq!(renewal(at(0), at(3_600)), at(3_300));
        assert_eq!(renewal(at(10), at(5)), at(5));
    }
}
