//! The relay's side of a channel, message by message.

use proptest::prelude::*;

use super::model::{Modelled, SLOTS, Step};
use super::*;
use crate::first_byte::FirstByte;

const ONE: Uuid = Uuid::from_u128(1);
const TWO: Uuid = Uuid::from_u128(2);

impl Awaits for u8 {
    fn leaves(&self) {}
}

impl Awaits for FirstByte {
    fn leaves(&self) {
        self.leaves();
    }
}

fn session() -> AskingSession<u8> {
    AskingSession::new(&Limits::default())
}

/// A session that has written request [`ONE`], whose answer goes to 1.
fn asked() -> AskingSession<u8> {
    let mut session = session();
    session.queue(ONE, bytes(10), 1).unwrap();
    assert!(session.begin_writing(ONE).is_some());
    session.written(ONE);
    session
}

/// A request of so many bytes.
fn bytes(count: usize) -> Outgoing {
    let announced = "x".repeat(count / 2);
    Outgoing { announced, body: Bytes::from(vec![0; count - count / 2]) }
}

fn answer(id: Uuid, body: &'static [u8]) -> String {
    let response = ok(body);
    frame::response(&id.to_string(), &response)
}

fn ok(body: &'static [u8]) -> Response {
    Response { body: Bytes::from_static(body), ..Response::empty(200) }
}

#[test]
fn an_answer_reaches_who_asked_and_only_once() {
    let mut session = asked();
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Answered(1, ok(b""))));
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Nothing));
    assert_eq!(session.in_flight(), 0);
}

#[test]
fn that_the_first_byte_leaves_is_told_when_it_is_taken_to_be_written_and_not_before() {
    let mut session = AskingSession::new(&Limits::default());
    let (here, elsewhere) = (FirstByte::default(), FirstByte::default());
    session.queue(ONE, bytes(10), here.clone()).unwrap();
    session.queue_elsewhere(TWO, "there".into(), Some(bytes(10)), elsewhere.clone()).unwrap();
    assert!(!here.may_have_left() && !elsewhere.may_have_left(), "queued");
    assert!(session.begin_writing(ONE).is_some() && session.begin_writing(TWO).is_some());
    assert!(here.may_have_left());
    assert!(!elsewhere.may_have_left(), "it is announced alone");
    assert!(session.collect(TWO).is_some());
    assert!(elsewhere.may_have_left());
    let mut session = AskingSession::new(&Limits::default());
    let given_up = FirstByte::default();
    session.queue(ONE, bytes(10), given_up.clone()).unwrap();
    assert_eq!(session.forget(ONE), Some(Delivered::No));
    assert_eq!(session.begin_writing(ONE), None);
    assert!(!given_up.may_have_left());
}

#[test]
fn an_answer_with_a_body_waits_for_it() {
    let mut session = asked();
    assert_eq!(session.text(&answer(ONE, b"body")), Ok(Heard::Nothing));
    let heard = session.binary(Bytes::from_static(b"body"));
    assert_eq!(heard, Ok(Heard::Answered(1, ok(b"body"))));
}

#[test]
fn answers_come_in_any_order() {
    let mut session = asked();
    session.queue(TWO, bytes(10), 2).unwrap();
    assert!(session.begin_writing(TWO).is_some());
    session.written(TWO);
    assert_eq!(session.text(&answer(TWO, b"")), Ok(Heard::Answered(2, ok(b""))));
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Answered(1, ok(b""))));
}

#[test]
fn an_answer_to_another_channels_request_is_dropped_with_its_body() {
    let mut session = asked();
    assert_eq!(session.text(&answer(TWO, b"forged")), Ok(Heard::Nothing));
    assert_eq!(session.binary(Bytes::from_static(b"forged")), Ok(Heard::Nothing));
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Answered(1, ok(b""))));
}

#[test]
fn what_was_not_written_cannot_be_answered() {
    let mut session = session();
    session.queue(ONE, bytes(10), 1).unwrap();
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Nothing));
    assert_eq!(session.forget(ONE), Some(Delivered::No));
}

#[test]
fn a_request_given_up_while_queued_is_never_written() {
    let mut session = session();
    session.queue(ONE, bytes(10), 1).unwrap();
    assert_eq!(session.forget(ONE), Some(Delivered::No));
    assert_eq!(session.begin_writing(ONE), None);
    assert_eq!(session.forget(ONE), None);
}

#[test]
fn a_late_answer_and_its_body_are_dropped() {
    let mut session = asked();
    assert_eq!(session.text(&answer(ONE, b"late")), Ok(Heard::Nothing));
    assert_eq!(session.forget(ONE), Some(Delivered::Yes));
    assert_eq!(session.binary(Bytes::from_static(b"late")), Ok(Heard::Nothing));
}

#[test]
fn delivered_is_certain_only_with_evidence() {
    let mut session = session();
    session.queue(ONE, bytes(10), 1).unwrap();
    assert!(session.begin_writing(ONE).is_some());
    let before = session.next_ping();
    session.written(ONE);
    assert!(session.pong(&before.to_be_bytes()));
    session.queue(TWO, bytes(10), 2).unwrap();
    assert!(session.begin_writing(TWO).is_some());
    // The ping went out before the request was complete: its answer says nothing about it.
    assert_eq!(session.forget(ONE), Some(Delivered::Unknown));
    session.written(TWO);
    let after = session.next_ping();
    assert!(session.pong(&after.to_be_bytes()));
    assert_eq!(session.end(), [(2, Delivered::Yes)]);
}

#[test]
fn a_listener_that_has_answered_all_has_not_taken_what_it_has_not_begun_to_answer() {
    let mut session = session();
    let [unwritten, elsewhere, met] = [3_u128, 4, 5].map(Uuid::from_u128);
    session.queue(ONE, bytes(10), 1).unwrap();
    session.queue(TWO, bytes(10), 2).unwrap();
    session.queue(unwritten, bytes(10), 3).unwrap();
    session.queue_elsewhere(elsewhere, String::new(), Some(bytes(10)), 4).unwrap();
    session.queue(met, bytes(10), 5).unwrap();
    for id in [ONE, TWO, elsewhere, met] {
        assert!(session.begin_writing(id).is_some());
    }
    session.written(ONE);
    assert!(session.collect(elsewhere).is_some());
    session.answering(ONE);
    // It may bring an answer there that is too large for the channel.
    session.meet(met);
    assert_eq!(session.untaken(), [2]);
    let mut ended = session.end();
    ended.sort_unstable_by_key(|(reply, _)| *reply);
    let unknown = [4, 5].map(|reply| (reply, Delivered::Unknown));
    let ends = [&[(1, Delivered::Yes), (3, Delivered::No)], &unknown[..]].concat();
    assert_eq!(ended, ends, "what is on another road, or has begun, may still be faster");
}

#[test]
fn only_pongs_to_our_own_pings_count() {
    let mut session = session();
    assert!(!session.pong(b""));
    assert!(!session.pong(&1_u64.to_be_bytes()));
    let number = session.next_ping();
    assert!(!session.pong(&2_u64.to_be_bytes()));
    assert!(session.pong(&number.to_be_bytes()));
    assert!(!session.pong(&number.to_be_bytes()), "the same pong twice is no second sign of life");
}

#[test]
fn a_frame_before_the_body_ends_the_channel_and_the_request() {
    let mut session = asked();
    session.text(&answer(ONE, b"body")).unwrap();
    let broken = session.text(&answer(TWO, b""));
    assert_eq!(broken, Err(Violation { close: Close::MALFORMED, reply: Some(1) }));
}

/// An answer with a status that is none.
fn unusable(id: Uuid, body: &'static [u8]) -> String {
    answer(id, body).replace("200", "99")
}

#[test]
fn an_answer_that_cannot_be_carried_ends_its_request_and_nothing_else() {
    for body in [&b""[..], b"body"] {
        let mut session = asked();
        session.queue(TWO, bytes(10), 2).unwrap();
        assert!(session.begin_writing(TWO).is_some());
        assert_eq!(session.text(&unusable(ONE, body)), Ok(Heard::Unusable(1)));
        if !body.is_empty() {
            assert_eq!(session.binary(Bytes::from_static(body)), Ok(Heard::Nothing));
        }
        assert_eq!(session.text(&unusable(ONE, b"")), Ok(Heard::Nothing), "it has ended");
        assert_eq!(session.text(&answer(TWO, b"")), Ok(Heard::Answered(2, ok(b""))));
    }
    let mut session = session();
    session.queue(ONE, bytes(10), 1).unwrap();
    assert_eq!(session.text(&unusable(ONE, b"")), Ok(Heard::Nothing), "it was not asked yet");
    assert_eq!(session.forget(ONE), Some(Delivered::No));
    let mut session = asked();
    session.text(&unusable(TWO, b"body")).unwrap();
    let between = session.text(&answer(ONE, b""));
    assert_eq!(between, Err(Violation { close: Close::MALFORMED, reply: None }));
    let mut session = asked();
    session.text(&unusable(ONE, b"body")).unwrap();
    let long = session.binary(Bytes::from(vec![0; BODY_MAX + 1]));
    assert_eq!(long, Err(Violation { close: Close::TOO_BIG, reply: None }));
}

#[test]
fn a_body_that_nothing_announced_ends_the_channel() {
    let broken = asked().binary(Bytes::from_static(b"x"));
    assert_eq!(broken, Err(Violation { close: Close::MALFORMED, reply: None }));
}

#[test]
fn the_empty_message_that_published_listeners_write_after_an_answer_without_body_is_nothing() {
    let mut session = asked();
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Answered(1, ok(b""))));
    assert_eq!(session.binary(Bytes::new()), Ok(Heard::Nothing));
}

#[test]
fn an_answer_may_have_65536_bytes_and_not_one_more() {
    let mut session = asked();
    session.text(&answer(ONE, b"body")).unwrap();
    let heard = session.binary(Bytes::from(vec![0; BODY_MAX])).unwrap();
    assert!(matches!(heard, Heard::Answered(1, response) if response.body.len() == BODY_MAX));
    let mut session = asked();
    session.text(&answer(ONE, b"body")).unwrap();
    let broken = session.binary(Bytes::from(vec![0; BODY_MAX + 1]));
    assert_eq!(broken, Err(Violation { close: Close::TOO_BIG, reply: Some(1) }));
}

#[test]
fn the_queue_is_bounded_in_requests_and_in_bytes_until_they_are_written() {
    let limits = Limits { queue_requests: 2, queue_bytes: 100, ..Limits::default() };
    let mut session = AskingSession::<u32>::new(&limits);
    let id = Uuid::from_u128;
    assert_eq!(session.queue(id(1), bytes(101), 1), Err((NotQueued::Full, 1)));
    assert_eq!(session.queue(id(1), bytes(60), 1), Ok(()));
    assert_eq!(session.queue(id(2), bytes(41), 2), Err((NotQueued::Full, 2)));
    assert_eq!(session.queue(id(2), bytes(40), 2), Ok(()));
    assert_eq!(session.queue(id(3), bytes(0), 3), Err((NotQueued::Full, 3)));
    assert_eq!(session.begin_writing(id(1)), Some(bytes(60)));
    assert_eq!(session.queue(id(3), bytes(60), 3), Ok(()));
}

#[test]
fn an_ended_channel_takes_nothing_more() {
    let mut session = asked();
    session.queue(TWO, bytes(10), 2).unwrap();
    let mut ended = session.end();
    ended.sort_by_key(|(reply, _)| *reply);
    assert_eq!(ended, [(1, Delivered::Unknown), (2, Delivered::No)]);
    assert_eq!(session.queue(ONE, bytes(10), 3), Err((NotQueued::Ended, 3)));
    assert_eq!(session.begin_writing(TWO), None);
}

/// A session that has announced request [`ONE`] of so many bytes, whose answer goes to 1.
fn parked(count: usize) -> AskingSession<u8> {
    let mut session = session();
    session.queue_elsewhere(ONE, "here".to_owned(), Some(bytes(count)), 1).unwrap();
    assert_eq!(session.begin_writing(ONE).unwrap().announced, "here");
    session.written(ONE);
    session
}

#[test]
fn what_is_announced_only_counts_as_not_delivered_until_it_is_collected() {
    let mut session = parked(10);
    let number = session.next_ping();
    assert!(session.pong(&number.to_be_bytes()));
    assert_eq!(session.forget(ONE), Some(Delivered::No));
    assert_eq!(session.collect(ONE), None, "given up");

    let mut session = parked(10);
    assert_eq!(session.collect(ONE), Some(bytes(10)));
    assert_eq!(session.collect(ONE), None, "once only");
    // This pong says something about the channel, and nothing about the rendezvous.
    session.written(ONE);
    let number = session.next_ping();
    assert!(session.pong(&number.to_be_bytes()));
    assert_eq!(session.lost(ONE), Some((1, Delivered::Unknown)));

    let mut session = parked(10);
    session.collect(ONE).unwrap();
    session.answering(ONE);
    assert_eq!(session.end(), [(1, Delivered::Yes)]);
}

#[test]
fn what_waits_at_a_rendezvous_is_answered_there_and_not_on_the_channel() {
    let mut session = parked(10);
    assert_eq!(session.text(&answer(ONE, b"")), Ok(Heard::Nothing));
    session.collect(ONE).unwrap();
    assert_eq!(session.text(&answer(ONE, b"forged")), Ok(Heard::Nothing));
    assert_eq!(session.binary(Bytes::from_static(b"forged")), Ok(Heard::Nothing));
    assert_eq!(session.settle(ONE), Some(1));
    assert_eq!(session.settle(ONE), None);
    assert_eq!((session.in_flight(), session.parked_bytes), (0, 0));
}

#[test]
fn one_parcel_always_has_room_and_the_next_only_within_the_limit() {
    let most = Limits::default().queue_bytes;
    let mut session = parked(most + 1);
    let more = |session: &mut AskingSession<u8>, count| {
        session.queue_elsewhere(TWO, String::new(), Some(bytes(count)), 2)
    };
    assert_eq!(more(&mut session, 1), Err((NotQueued::Full, 2)));
    session.forget(ONE);
    assert_eq!(more(&mut session, most), Ok(()));
    let full = session.queue_elsewhere(ONE, String::new(), Some(bytes(1)), 1);
    assert_eq!(full, Err((NotQueued::Full, 1)));
    assert_eq!(session.collect(TWO), Some(bytes(most)), "even before it is announced");
    assert_eq!((session.begin_writing(TWO), session.queued_requests), (None, 0));
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..SLOTS;
    prop_oneof![
        id.clone().prop_map(Step::Queue),
        id.clone().prop_map(Step::Begin),
        id.clone().prop_map(Step::Written),
        id.clone().prop_map(Step::Forget),
        (id, any::<bool>()).prop_map(|(id, body)| Step::Answer(id, body)),
        Just(Step::Binary(Bytes::from_static(b"b"))),
        Just(Step::Ping),
        (0_u64..8).prop_map(Step::Pong),
    ]
}

proptest! {
    /// Whatever order things happen in: each request ends at most once, "not delivered" is said
    /// only of what was never begun, and the queue's counters come back to nothing.
    #[test]
    fn every_request_ends_exactly_once(steps in prop::collection::vec(step(), 0..120)) {
        let mut modelled = Modelled::new();
        for step in &steps {
            modelled.take(step);
        }
        modelled.end();
    }
}
