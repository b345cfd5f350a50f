//! The listener's side of a control channel.

use bytes::Bytes;

use crate::close::Close;
use crate::frame::{self, FromRelay, RequestHead};
use crate::limits::BODY_MAX;
use crate::message::Request;

/// What a message from the relay means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing to do yet.
    Nothing,
    /// A complete request; the answer goes under this id.
    Request(String, Request),
    /// A request too large for the channel waits at a rendezvous.
    Rendezvous(String),
}

/// One channel as the listener sees it.
#[derive(Debug, Default)]
pub(crate) struct AnsweringSession {
    /// The request whose body is the next message.
    waiting: Option<RequestHead>,
}

impl AnsweringSession {
    /// Takes a text message.
    pub(crate) fn text(&mut self, text: &str) -> Result<Heard, Close> {
        if self.waiting.is_some() {
            // Nothing comes between a request and its body.
            return Err(Close::MALFORMED);
        }
        match frame::from_relay(text)? {
            FromRelay::Request(head) if head.body => {
                self.waiting = Some(head);
                Ok(Heard::Nothing)
            }
            FromRelay::Request(head) => Ok(complete(head, Bytes::new())),
            FromRelay::Rendezvous { id } => Ok(Heard::Rendezvous(id)),
            FromRelay::Other => Ok(Heard::Nothing),
        }
    }

    /// Takes a binary message.
    pub(crate) fn binary(&mut self, body: Bytes) -> Result<Heard, Close> {
        let head = self.waiting.take().ok_or(Close::MALFORMED)?;
        if body.len() > BODY_MAX {
            return Err(Close::TOO_BIG);
        }
        Ok(complete(head, body))
    }
}

fn complete(head: RequestHead, body: Bytes) -> Heard {
    let RequestHead { id, method, target, headers, body: _ } = head;
    Heard::Request(id, Request { method, target, headers, body })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn text(body: &'static [u8]) -> (String, Request) {
        let request = Request {
            method: "POST".to_owned(),
            target: "/x".to_owned(),
            headers: Vec::new(),
            body: Bytes::from_static(body),
        };
        (frame::request(Uuid::nil(), "wss://r/", &request), request)
    }

    #[test]
    fn a_request_is_complete_with_its_body() {
        let mut session = AnsweringSession::default();
        let (announced, request) = text(b"body");
        assert_eq!(session.text(&announced), Ok(Heard::Nothing));
        let heard = session.binary(Bytes::from_static(b"body"));
        assert_eq!(heard, Ok(Heard::Request(Uuid::nil().to_string(), request)));
        let (announced, request) = text(b"");
        let heard = session.text(&announced);
        assert_eq!(heard, Ok(Heard::Request(Uuid::nil().to_string(), request)));
    }

    #[test]
    fn a_body_without_request_or_a_frame_before_the_body_ends_the_channel() {
        let mut session = AnsweringSession::default();
        assert_eq!(session.binary(Bytes::new()), Err(Close::MALFORMED));
        session.text(&text(b"body").0).unwrap();
        assert_eq!(session.text(&text(b"").0), Err(Close::MALFORMED));
    }

    #[test]
    fn a_body_may_have_65536_bytes_and_not_one_more() {
        let mut session = AnsweringSession::default();
        session.text(&text(b"body").0).unwrap();
        let heard = session.binary(Bytes::from(vec![0; BODY_MAX])).unwrap();
        assert!(matches!(heard, Heard::Request(_, request) if request.body.len() == BODY_MAX));
        session.text(&text(b"body").0).unwrap();
        assert_eq!(session.binary(Bytes::from(vec![0; BODY_MAX + 1])), Err(Close::TOO_BIG));
    }

    #[test]
    fn commands_of_later_versions_change_nothing() {
        let mut session = AnsweringSession::default();
        assert_eq!(session.text(r#"{"accept":{"address":"a","id":"1"}}"#), Ok(Heard::Nothing));
        let rendezvous = session.text(r#"{"request":{"address":"a","id":"1"}}"#);
        assert_eq!(rendezvous, Ok(Heard::Rendezvous("1".to_owned())));
    }
}
