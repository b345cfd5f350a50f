//! How a WebSocket ends: why, and what its peer is told.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite;

use crate::close::Close;
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind};

/// How long a peer may take to agree to the end of a channel.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// Says why the channel ends, if there is anything to say, and waits until the peer agrees.
pub(super) async fn say_farewell(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    why: Option<Close>,
) {
    let frame = why.map(|why| CloseFrame { code: why.code, reason: why.reason.into() });
    if sink.send(Message::Close(frame)).await.is_ok() {
        while let Some(Ok(_)) = stream.next().await {}
    }
}

/// What became of a request whose answer broke a rule.
pub(super) fn broken_answer(close: Close) -> DeliveryError {
    let too_big = close == Close::TOO_BIG;
    let kind = if too_big { DeliveryErrorKind::TooBig } else { DeliveryErrorKind::ListenerLost };
    DeliveryError { kind, delivered: Delivered::Yes }
}

/// What to tell a peer whose message could not be read; nothing if it is gone.
pub(super) fn farewell_for(error: axum::Error) -> Option<Close> {
    match error.into_inner().downcast_ref::<tungstenite::Error>()? {
        tungstenite::Error::Capacity(_) => Some(Close::TOO_BIG),
        tungstenite::Error::Utf8(_) => Some(Close::MALFORMED),
        tungstenite::Error::Protocol(error) => {
            let gone = tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
            (*error != gone).then_some(Close::MALFORMED)
        }
        _ => None,
    }
}
