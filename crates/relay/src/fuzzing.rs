//! What holds of a control channel whatever the other side writes, on both sides of it.
//!
//! Tests with random texts call it, and so does the coverage-guided one in `fuzz/`, which asks for the feature
//! `fuzzing`; no other build has it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold is reported by panicking"
)]

use bytes::Bytes;
use uuid::Uuid;

use crate::close::Close;
use crate::frame::{self, FrameError, FromListener, FromRelay, RequestHead, ResponseHead};
use crate::headers::{self, FromWire, ToWire};
use crate::limits::{BODY_MAX, HEADERS_MAX};
use crate::message::{Request, Response};
use crate::session::answering::{AnsweringSession, Heard};
use crate::session::asking::model::{Modelled, SLOTS, Step};

/// A channel, line by line: what its two sides take keeps to their rules, and what is read of a frame reads
/// back when it is written. Says whether any frame was read.
///
/// ```text
/// qS wS WS fS   the request of slot S, a digit, is queued, begun, written, given up
/// aS AS         its answer comes, without a body, or announces one
/// p oN          a ping is written, the pong N comes
/// b…            a binary message
/// …             any other line is a text message, to both sides
/// ```
///
/// # Panics
/// If it does not hold.
pub fn relay_frame(bytes: &[u8]) -> bool {
    let (mut asking, mut answering) = (Modelled::new(), AnsweringSession::on_channel());
    let mut read = false;
    for line in bytes.split(|byte| *byte == b'\n') {
        match line {
            [b'b', body @ ..] => {
                let body = Bytes::copy_from_slice(body);
                asking.take(&Step::Binary(body.clone()));
                heard(&answering.binary(body));
            }
            [what, number] => match step(*what, number.wrapping_sub(b'0')) {
                Some(step) => asking.take(&step),
                None => read |= text(line, &mut asking, &mut answering),
            },
            [b'p'] => asking.take(&Step::Ping),
            line => read |= text(line, &mut asking, &mut answering),
        }
    }
    asking.end();
    read
}

fn step(what: u8, number: u8) -> Option<Step> {
    let slot = number % SLOTS;
    match what {
        b'q' => Some(Step::Queue(slot)),
        b'w' => Some(Step::Begin(slot)),
        b'W' => Some(Step::Written(slot)),
        b'f' => Some(Step::Forget(slot)),
        b'a' | b'A' => Some(Step::Answer(slot, what == b'A')),
        b'o' => Some(Step::Pong(number.into())),
        _ => None,
    }
}

fn text(line: &[u8], asking: &mut Modelled, answering: &mut AnsweringSession) -> bool {
    let text = String::from_utf8_lossy(line).into_owned();
    heard(&answering.text(&text));
    let read = frames(&text);
    asking.take(&Step::Text(text));
    read
}

/// What a listener hears of a request keeps to what may be.
fn heard(heard: &Result<Heard, Close>) {
    if let Ok(Heard::Request(incoming)) = heard {
        let Request { method, target, headers, body } = &incoming.request;
        assert!(!incoming.id.is_empty() && headers::is_token(method), "{incoming:?}");
        assert!(!target.chars().any(char::is_control), "{incoming:?}");
        assert!(body.len() <= BODY_MAX);
        harmless(headers);
    }
}

/// Frames of both sides: what is read of one reads back when it is written. Says whether one was.
pub(crate) fn frames(text: &str) -> bool {
    let listener = frame::from_listener(text).map(from_listener);
    let relay = frame::from_relay(text).map(from_relay);
    listener.is_ok() || relay.is_ok()
}

fn from_listener(read: FromListener) {
    let ResponseHead { request, status, reason, headers, body } = match read {
        FromListener::Response(head) => head,
        FromListener::RenewToken(token) => {
            let again = frame::from_listener(&frame::renew_token(&token));
            assert_eq!(again, Ok(FromListener::RenewToken(token)));
            return;
        }
        FromListener::Unusable { .. } | FromListener::Other => return,
    };
    assert!(!reason.chars().any(|c| c.is_control() && c != '\t'), "{reason:?}");
    let id = request.unwrap_or_default();
    let joined = joined(&headers);
    let response = Response { status, reason: reason.clone(), headers, body: body_if(body) };
    let again = frame::from_listener(&frame::response(&id.to_string(), &response));
    let head = |headers| ResponseHead { request: Some(id), status, reason, headers, body };
    assert_eq!(again, joined.map(|headers| FromListener::Response(head(headers))));
}

fn from_relay(read: FromRelay) {
    match read {
        FromRelay::Request(head) => {
            let Ok(id) = Uuid::try_parse(&head.id) else { return };
            let RequestHead { id: _, address, method, target, headers, body } = head;
            let joined = joined(&headers);
            let kept = frame::without_relay_pairs(&target).into_owned();
            assert_eq!(frame::without_relay_pairs(&kept), kept);
            let request = Request { method: method.clone(), target, headers, body: body_if(body) };
            let again = frame::from_relay(&frame::request(id, &address, &request, None));
            let id = id.to_string();
            let head = |headers| RequestHead { id, address, method, target: kept, headers, body };
            assert_eq!(again, joined.map(|headers| FromRelay::Request(head(headers))));
        }
        FromRelay::Rendezvous { id, address } => {
            let Some(Ok(id)) = id.map(|id| Uuid::try_parse(&id)) else { return };
            let again = frame::from_relay(&frame::rendezvous(id, &address));
            assert_eq!(again, Ok(FromRelay::Rendezvous { id: Some(id.to_string()), address }));
        }
        FromRelay::Other => {}
    }
}

/// The headers as they are when they have been written: values of one name in one, which may make them
/// too big.
fn joined(read: &[(String, String)]) -> Result<Vec<(String, String)>, FrameError> {
    harmless(read);
    let joined = carried(read);
    match &joined {
        Ok(joined) => {
            harmless(joined);
            assert_eq!(carried(joined).as_ref(), Ok(joined));
        }
        Err(_) => assert!(headers::size(read) + 2 * read.len() > HEADERS_MAX, "{read:?}"),
    }
    joined
}

fn carried(headers: &[(String, String)]) -> Result<Vec<(String, String)>, FrameError> {
    let text = serde_json::to_string(&ToWire(headers)).map_err(|_| FrameError::Malformed)?;
    let read: FromWire = serde_json::from_str(&text).map_err(|_| FrameError::Malformed)?;
    read.bounded()
}

/// No header can end before it ends, is for somebody else, or is part of more than may be.
fn harmless(headers: &[(String, String)]) {
    assert!(headers::size(headers) <= HEADERS_MAX);
    for (name, value) in headers {
        assert!(headers::is_forwarded(name), "{name:?}");
        assert!(!value.chars().any(|c| c.is_control() && c != '\t'), "{name}: {value:?}");
    }
}

fn body_if(there: bool) -> Bytes {
    Bytes::from_static(if there { b"body" } else { b"" })
}

#[cfg(test)]
mod tests {
    use generated::seeds;

    use super::*;

    #[test]
    fn every_seed_is_taken_as_its_name_says() {
        seeds::take("relay_frame", relay_frame);
    }

    #[test]
    fn whatever_becomes_of_the_seeds_is_read_or_refused() {
        seeds::spoil("relay_frame", relay_frame);
    }
}
