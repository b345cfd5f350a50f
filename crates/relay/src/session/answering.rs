//! The listener's side of a control channel.

use bytes::Bytes;

use crate::close::Close;
use crate::frame::{self, FromRelay, RequestHead};
use crate::limits::{BODY_MAX, RENDEZVOUS_MAX};
use crate::message::Request;

/// What a message from the relay means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing to do yet.
    Nothing,
    /// A complete request.
    Request(Incoming),
    /// A request, of this id if the relay says one, is too large for the channel, and waits at this
    /// address.
    Rendezvous { id: Option<String>, address: String },
}

/// A request to be answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incoming {
    /// What the answer goes under.
    pub(crate) id: String,
    /// Where the answer goes if it is too large for the channel.
    pub(crate) address: String,
    pub(crate) request: Request,
}

/// One channel, or one rendezvous, as the listener sees it.
#[derive(Debug)]
pub(crate) struct AnsweringSession {
    /// The request whose body is the next message.
    waiting: Option<RequestHead>,
    /// How many bytes a body may have.
    most: usize,
}

impl AnsweringSession {
    /// A control channel.
    pub(crate) fn on_channel() -> Self {
        Self { waiting: None, most: BODY_MAX }
    }

    /// A rendezvous.
    pub(crate) fn at_rendezvous() -> Self {
        Self { waiting: None, most: RENDEZVOUS_MAX }
    }

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
            FromRelay::Rendezvous { id, address } => Ok(Heard::Rendezvous { id, address }),
            FromRelay::Other => Ok(Heard::Nothing),
        }
    }

    /// Takes a binary message.
    pub(crate) fn binary(&mut self, body: Bytes) -> Result<Heard, Close> {
        let head = self.waiting.take().ok_or(Close::MALFORMED)?;
        if body.len() > self.most {
            return Err(Close::TOO_BIG);
        }
        Ok(complete(head, body))
    }
}

fn complete(head: RequestHead, body: Bytes) -> Heard {
    let RequestHead { id, address, method, target, headers, body: _ } = head;
    Heard::Request(Incoming { id, address, request: Request { method, target, headers, body } })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn text(body: &'static [u8]) -> (String, Incoming) {
        let request = Request {
            method: "POST".to_owned(),
            target: "/x".to_owned(),
            headers: Vec::new(),
            body: Bytes::from_static(body),
        };
        let text = frame::request(Uuid::nil(), "wss://r/", &request, None);
        let address = "wss://r/".to_owned();
        (text, Incoming { id: Uuid::nil().to_string(), address, request })
    }

    #[test]
    fn a_request_is_complete_with_its_body() {
        let mut session = AnsweringSession::on_channel();
        let (announced, request) = text(b"body");
        assert_eq!(session.text(&announced), Ok(Heard::Nothing));
        let heard = session.binary(Bytes::from_static(b"body"));
        assert_eq!(heard, Ok(Heard::Request(request)));
        let (announced, request) = text(b"");
        let heard = session.text(&announced);
        assert_eq!(heard, Ok(Heard::Request(request)));
    }

    #[test]
    fn a_body_without_request_or_a_frame_before_the_body_ends_the_channel() {
        let mut session = AnsweringSession::on_channel();
        assert_eq!(session.binary(Bytes::new()), Err(Close::MALFORMED));
        session.text(&text(b"body").0).unwrap();
        assert_eq!(session.text(&text(b"").0), Err(Close::MALFORMED));
    }

    #[test]
    fn a_body_may_have_65536_bytes_on_the_channel_and_a_mebibyte_elsewhere() {
        for (mut session, most) in [
            (AnsweringSession::on_channel(), BODY_MAX),
            (AnsweringSession::at_rendezvous(), RENDEZVOUS_MAX),
        ] {
            session.text(&text(b"body").0).unwrap();
            let heard = session.binary(Bytes::from(vec![0; most])).unwrap();
            assert!(matches!(heard, Heard::Request(one) if one.request.body.len() == most));
            session.text(&text(b"body").0).unwrap();
            assert_eq!(session.binary(Bytes::from(vec![0; most + 1])), Err(Close::TOO_BIG));
        }
    }

    #[test]
    fn commands_of_later_versions_change_nothing() {
        let mut session = AnsweringSession::on_channel();
        assert_eq!(session.text(r#"{"accept":{"address":"a","id":"1"}}"#), Ok(Heard::Nothing));
        let rendezvous = session.text(r#"{"request":{"address":"a","id":"1"}}"#);
        let (id, address) = (Some("1".to_owned()), "a".to_owned());
        assert_eq!(rendezvous, Ok(Heard::Rendezvous { id, address }));
    }
}
