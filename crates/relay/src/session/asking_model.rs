//! What must be true of the relay's side of a channel, whatever order things happen in: each request ends
//! exactly once, by an answer, by who asked or by the channel; what ends by a message had been begun; "not
//! delivered" is said only of what had not; and the queue counts what is in it.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use super::{AskingSession, Awaits, Heard, Outgoing, Violation};
use crate::frame;
use crate::limits::{BODY_MAX, Limits};
use crate::message::{Delivered, Response};

/// How many requests the session under test queues.
const QUEUE: usize = 4;
/// How many bytes each of them has.
const SIZE: usize = 7;
/// How many requests may be told apart.
pub(crate) const SLOTS: u8 = 6;

impl Awaits for u32 {
    fn leaves(&self) {}
}

/// Something that happens to a session. Requests are named by slots.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A sender asks.
    Queue(u8),
    /// Writing begins.
    Begin(u8),
    /// All is written.
    Written(u8),
    /// The sender gives up.
    Forget(u8),
    /// The listener announces an answer, and says whether a body follows.
    Answer(u8, bool),
    /// The listener writes a text message.
    Text(String),
    /// The listener writes a binary message.
    Binary(Bytes),
    /// A ping is written.
    Ping,
    /// A pong comes.
    Pong(u64),
}

/// A session, and what must be true of it. The answer to a request goes to its id.
pub(crate) struct Modelled {
    session: AskingSession<u32>,
    /// For each request under way: whether writing began.
    begun: BTreeMap<u32, bool>,
    /// How many ids each slot has had: none is used twice, as the relay's are random.
    generations: [u32; SLOTS as usize],
}

impl Modelled {
    /// A session that nothing was asked on.
    pub(crate) fn new() -> Self {
        let limits = Limits { queue_requests: QUEUE, ..Limits::default() };
        let generations = [0; SLOTS as usize];
        Self { session: AskingSession::new(&limits), begun: BTreeMap::new(), generations }
    }

    fn id(&self, slot: u8) -> u32 {
        u32::from(slot) + 10 * self.generations[usize::from(slot)] + 1
    }

    fn uuid(&self, slot: u8) -> Uuid {
        Uuid::from_u128(self.id(slot).into())
    }

    /// Lets something happen, and looks at what it did.
    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Queue(slot) => self.queue(*slot),
            Step::Begin(slot) => {
                let begun = self.session.begin_writing(self.uuid(*slot)).is_some();
                let id = self.id(*slot);
                assert_eq!(begun, self.begun.get(&id) == Some(&false));
                if begun {
                    self.begun.insert(id, true);
                }
            }
            Step::Written(slot) => self.session.written(self.uuid(*slot)),
            Step::Forget(slot) => {
                let told = self.session.forget(self.uuid(*slot));
                let begun = self.begun.remove(&self.id(*slot));
                assert_eq!(told.is_some(), begun.is_some());
                assert_eq!(told == Some(Delivered::No), begun == Some(false));
            }
            Step::Answer(slot, body) => {
                let body = if *body { &b"b"[..] } else { b"" };
                let response = Response { body: Bytes::from_static(body), ..Response::empty(200) };
                let heard =
                    self.session.text(&frame::response(&self.uuid(*slot).to_string(), &response));
                self.heard(heard);
            }
            Step::Text(text) => {
                let heard = self.session.text(text);
                self.heard(heard);
            }
            Step::Binary(body) => {
                let heard = self.session.binary(body.clone());
                let broken = heard.as_ref().err();
                let ended = broken.is_some_and(|violation| violation.reply.is_some());
                assert!(!ended || body.len() > BODY_MAX, "a body that may be ends no request");
                self.heard(heard);
            }
            Step::Ping => {
                self.session.next_ping();
            }
            Step::Pong(number) => {
                self.session.pong(&number.to_be_bytes());
            }
        }
        assert_eq!(self.session.in_flight(), self.begun.len());
        let queued = self.begun.values().filter(|begun| !**begun).count();
        let AskingSession { queued_requests, queued_bytes, parked_bytes, .. } = self.session;
        assert_eq!((queued_requests, queued_bytes, parked_bytes), (queued, queued * SIZE, 0));
    }

    fn queue(&mut self, slot: u8) {
        self.generations[usize::from(slot)] += 1;
        let queued = self.begun.values().filter(|begun| !**begun).count();
        let id = self.id(slot);
        let outgoing = Outgoing { announced: String::new(), body: Bytes::from_static(&[0; SIZE]) };
        let taken = self.session.queue(self.uuid(slot), outgoing, id).is_ok();
        assert_eq!(taken, queued < QUEUE);
        if taken {
            self.begun.insert(id, false);
        }
    }

    /// A request that a message ended, by an answer or by breaking a rule, had been begun.
    fn heard(&mut self, heard: Result<Heard<u32>, Violation<u32>>) {
        let ended = match heard {
            Ok(Heard::Answered(reply, response)) => {
                assert!((200..600).contains(&response.status) && response.body.len() <= BODY_MAX);
                Some(reply)
            }
            Ok(Heard::Unusable(reply)) => Some(reply),
            Ok(_) => None,
            Err(violation) => violation.reply,
        };
        if let Some(reply) = ended {
            assert_eq!(self.begun.remove(&reply), Some(true));
        }
    }

    /// Ends the channel, and looks at what it leaves.
    pub(crate) fn end(mut self) {
        for (reply, delivered) in self.session.end() {
            let begun = self.begun.remove(&reply);
            assert!(begun.is_some());
            assert_eq!(delivered == Delivered::No, begun == Some(false));
        }
        assert!(self.begun.is_empty());
    }
}
