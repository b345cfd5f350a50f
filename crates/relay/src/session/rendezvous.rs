//! The relay's side of a rendezvous: one exchange on a WebSocket of its own, for what is too
//! large for the control channel.

use bytes::Bytes;
use uuid::Uuid;

use crate::close::Close;
use crate::frame::{self, FromListener, ResponseHead};
use crate::limits::RENDEZVOUS_MAX;
use crate::message::Response;

/// What a message from the listener means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing to do.
    Nothing,
    /// The answer has begun; its body follows.
    Begun,
    /// The answer, complete: the exchange is over.
    Answered(Response),
}

/// The exchange about one request.
#[derive(Debug)]
pub(crate) struct RendezvousSession {
    id: Uuid,
    /// The answer whose body is the next message.
    answering: Option<ResponseHead>,
}

impl RendezvousSession {
    /// The exchange about the request `id`.
    pub(crate) fn new(id: Uuid) -> Self {
        Self { id, answering: None }
    }

    /// Takes a text message. An answer to another request has no business here.
    pub(crate) fn text(&mut self, text: &str) -> Result<Heard, Close> {
        if self.answering.is_some() {
            // Nothing comes between an answer and its body.
            return Err(Close::MALFORMED);
        }
        match frame::from_listener(text)? {
            FromListener::Response(head) if head.request != Some(self.id) => Err(Close::MALFORMED),
            FromListener::Response(head) if head.body => {
                self.answering = Some(head);
                Ok(Heard::Begun)
            }
            FromListener::Response(head) => Ok(complete(head, Bytes::new())),
            FromListener::Unusable { .. } => Err(Close::MALFORMED),
            FromListener::RenewToken(_) | FromListener::Other => Ok(Heard::Nothing),
        }
    }

    /// Takes a binary message.
    pub(crate) fn binary(&mut self, body: Bytes) -> Result<Heard, Close> {
        let head = self.answering.take().ok_or(Close::MALFORMED)?;
        if body.len() > RENDEZVOUS_MAX {
            return Err(Close::TOO_BIG);
        }
        Ok(complete(head, body))
    }
}

fn complete(head: ResponseHead, body: Bytes) -> Heard {
    let ResponseHead { status, reason, headers, .. } = head;
    Heard::Answered(Response { status, reason, headers, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(1);

    fn answer(id: Uuid, body: &'static [u8]) -> String {
        frame::response(&id.to_string(), &response(Bytes::from_static(body)))
    }

    fn response(body: Bytes) -> Response {
        Response { body, ..Response::empty(200) }
    }

    #[test]
    fn an_answer_is_complete_with_its_body() {
        let mut session = RendezvousSession::new(ID);
        assert_eq!(session.text(&answer(ID, b"body")), Ok(Heard::Begun));
        let body = Bytes::from_static(b"body");
        assert_eq!(session.binary(body.clone()), Ok(Heard::Answered(response(body))));
        let empty = Ok(Heard::Answered(response(Bytes::new())));
        assert_eq!(RendezvousSession::new(ID).text(&answer(ID, b"")), empty);
    }

    #[test]
    fn a_body_may_have_a_mebibyte_and_not_one_byte_more() {
        for (length, fits) in [(RENDEZVOUS_MAX, true), (RENDEZVOUS_MAX + 1, false)] {
            let mut session = RendezvousSession::new(ID);
            session.text(&answer(ID, b"body")).unwrap();
            let heard = session.binary(Bytes::from(vec![0; length]));
            assert_eq!(heard.is_ok(), fits);
            assert!(fits || heard == Err(Close::TOO_BIG));
        }
    }

    #[test]
    fn another_requests_answer_and_messages_out_of_order_end_the_exchange() {
        let refused = Err(Close::MALFORMED);
        assert_eq!(RendezvousSession::new(ID).text(&answer(Uuid::nil(), b"")), refused);
        assert_eq!(RendezvousSession::new(ID).binary(Bytes::new()), refused);
        let mut session = RendezvousSession::new(ID);
        session.text(&answer(ID, b"body")).unwrap();
        assert_eq!(session.text(&answer(ID, b"")), refused);
        let unusable = answer(ID, b"").replace("200", "99");
        assert_eq!(RendezvousSession::new(ID).text(&unusable), refused, "nothing else comes here");
        assert_eq!(RendezvousSession::new(ID).text(r#"{"weather":1}"#), Ok(Heard::Nothing));
    }
}
