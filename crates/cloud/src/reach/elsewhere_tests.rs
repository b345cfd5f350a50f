//! What a relay of somebody else's is believed to know, on time that is the test's. What becomes of a
//! request is tested with the sender (`crates/relay/tests/channel/http_sender.rs`).

use std::path::PathBuf;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use protocol::{ManualClock, Timestamp};
use relay::{BoxFuture, ByteStream, RelayAddress, Transport, TransportError};
use tokio::io::{DuplexStream, duplex};

use super::*;

const NO_FILE: &str = "/nowhere/at/all";

/// A network in which nobody answers.
struct Nobody;

impl Transport for Nobody {
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        Box::pin(std::future::ready(Err(TransportError::Tcp(refused))))
    }
}

/// A network in which every connection is taken, and nothing is ever answered.
#[derive(Default)]
struct Silent(Mutex<Vec<DuplexStream>>);

impl Transport for Silent {
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        let (near, far) = duplex(64 * 1024);
        self.0.lock().unwrap().push(far);
        Box::pin(std::future::ready(Ok(Box::new(near) as Box<dyn ByteStream>)))
    }
}

/// A file with a key; it ends with the test.
struct File(PathBuf);

impl File {
    fn new(test: &str) -> Self {
        let name = format!("passback-send-key-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "a key\n").unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn elsewhere(clock: &ManualClock, key_file: &str) -> Elsewhere {
    elsewhere_by(Arc::new(Nobody), clock, key_file)
}

fn elsewhere_by(way: Arc<dyn Transport>, clock: &ManualClock, key_file: &str) -> Elsewhere {
    Elsewhere::of(HttpSender {
        address: RelayAddress::parse("sb://relay.example.org/").unwrap(),
        key: KeyFile::new("send-rule", key_file),
        transport: way,
        clock: Arc::new(clock.clone()),
        connect: Duration::from_secs(1),
    })
}

fn entity() -> Entity {
    Entity::parse("t/x/a/y").unwrap()
}

fn request() -> Request {
    Request {
        method: "POST".to_owned(),
        target: "/writeback".to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

fn not_delivered() -> SendError {
    SendErrorKind::Delivery(DeliveryErrorKind::NoListener).into()
}

#[test]
fn who_was_away_counts_as_away_for_longer_each_time_and_as_there_after_an_answer() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    assert!(relay.may_listen(&entity), "nobody said otherwise");
    for millis in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
        relay.learn(&entity, Some(&not_delivered()));
        relay.learn(&entity, Some(&not_delivered()));
        assert_eq!(relay.left(&entity), Duration::from_millis(millis), "tried twice at a time");
        assert!(!relay.may_listen(&entity));
        assert!(relay.may_listen(&Entity::parse("t/x/a/z").unwrap()), "another agent");
        clock.advance(Duration::from_millis(millis));
        assert!(relay.may_listen(&entity));
    }
    relay.learn(&entity, None);
    relay.learn(&entity, Some(&not_delivered()));
    assert_eq!(relay.left(&entity), PAUSE, "from the beginning");
    let lost = SendError { delivered: Delivered::Unknown, ..not_delivered() };
    relay.learn(&entity, Some(&lost));
    assert!(relay.may_listen(&entity), "somebody may have been there");
}

#[test]
fn an_agent_that_says_it_has_no_channel_is_not_up_until_it_says_otherwise() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    assert!(relay.is_up(&entity));
    relay.told(&entity, Some(false));
    assert!(!relay.is_up(&entity) && relay.may_listen(&entity), "what waits is tried all the same");
    relay.told(&entity, Some(true));
    assert!(relay.is_up(&entity));
    relay.learn(&entity, Some(&not_delivered()));
    assert!(!relay.is_up(&entity), "the last try says otherwise");
}

#[test]
fn a_refused_token_is_not_tried_again_for_half_a_minute() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    relay.learn(&entity, Some(&SendErrorKind::Refused(401).into()));
    assert_eq!(relay.left(&entity), PAUSE_REFUSED);
    relay.told(&entity, Some(true));
    assert_eq!(relay.left(&entity), PAUSE_REFUSED, "the agent's channel has nothing to do with it");
}

#[test]
fn waiting_ends_when_it_is_worth_trying_and_not_before() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    let mut context = Context::from_waker(Waker::noop());
    let mut wait = Reach::wait_for_listener(&relay, &entity);
    assert!(wait.as_mut().poll(&mut context).is_ready(), "it was never tried");
    relay.learn(&entity, Some(&not_delivered()));
    let mut wait = Reach::wait_for_listener(&relay, &entity);
    assert!(wait.as_mut().poll(&mut context).is_pending());
    clock.advance(PAUSE);
    assert!(wait.as_mut().poll(&mut context).is_ready());
}

#[test]
fn asking_learns_that_there_is_no_way() {
    let (clock, key) = (ManualClock::at(Timestamp::from_millis(0)), File::new("no-way"));
    let (relay, entity) = (elsewhere(&clock, key.0.to_str().unwrap()), entity());
    let mut asked = relay.ask(&entity, request(), Duration::from_secs(1)).unwrap();
    assert!(relay.may_listen(&entity), "nothing happens before the answer is looked for");
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = asked.answer.as_mut().poll(&mut context) else {
        panic!("no error")
    };
    assert!(matches!(error.kind, SendErrorKind::Unreachable(_)), "{error}");
    assert_eq!(error.delivered, Delivered::No);
    assert!(!asked.first_byte.may_have_left());
    assert_eq!(relay.left(&entity), PAUSE);
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_key() {
    let key = File::new("named");
    let good = RelayElsewhere {
        address: RelayAddress::parse("sb://relay.example.org/").unwrap(),
        send_key: KeyFile::new("send-rule", &key.0),
        ca: None,
        connect: Duration::from_secs(1),
    };
    let no_key = RelayElsewhere { send_key: KeyFile::new("r", NO_FILE), ..good.clone() };
    let said = check(&no_key).unwrap_err().to_string();
    assert!(said.contains("`relay.send_key_file`") && said.contains(NO_FILE), "{said}");
    let no_ca = RelayElsewhere { ca: Some(NO_FILE.into()), ..good };
    let said = check(&no_ca).unwrap_err().to_string();
    assert!(said.contains("`relay.ca`") && said.contains(NO_FILE), "{said}");
}

#[tokio::test]
async fn whoever_says_that_the_channel_is_open_has_come() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    let (newest, other) = (relay.newest(), Entity::parse("t/x/a/z").unwrap());
    let mut comes = relay.wait_for_newer(&entity, newest);
    relay.told(&other, Some(true));
    relay.told(&entity, Some(false));
    assert!(futures_util::poll!(&mut comes).is_pending(), "another one, and without a channel");
    relay.told(&entity, Some(true));
    assert!(futures_util::poll!(&mut comes).is_ready());
    let newest = relay.newest();
    relay.told(&entity, Some(true));
    assert!(futures_util::poll!(relay.wait_for_newer(&entity, newest)).is_pending(), "no news");
}

#[tokio::test]
async fn whoever_answers_after_having_been_away_has_come_also_for_others_who_wait() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    relay.told(&entity, Some(true));
    let newest = relay.newest();
    let mut comes = relay.wait_for_newer(&entity, newest);
    relay.learn(&entity, None);
    assert!(futures_util::poll!(&mut comes).is_pending(), "it was there all the time");
    relay.learn(&entity, Some(&not_delivered()));
    let lost = SendError { delivered: Delivered::Unknown, ..not_delivered() };
    relay.learn(&entity, Some(&lost));
    relay.learn(&entity, Some(&not_delivered()));
    assert!(futures_util::poll!(&mut comes).is_pending(), "perhaps somebody was there");
    relay.learn(&entity, None);
    assert!(futures_util::poll!(&mut comes).is_ready(), "its next heartbeat says nothing new");
    let newest = relay.newest();
    relay.told(&entity, Some(true));
    assert_eq!(relay.newest(), newest);
    // A relay that says by turns that nobody is there and that somebody is makes nobody ask without end.
    for _ in 0..10 {
        relay.learn(&entity, Some(&not_delivered()));
        relay.learn(&entity, None);
    }
    assert_eq!(relay.newest(), newest);
    clock.advance(BACK_AGAIN);
    relay.learn(&entity, Some(&not_delivered()));
    relay.learn(&entity, None);
    assert_eq!(relay.newest(), newest + 1);
}

#[test]
fn whoever_could_not_be_reached_is_the_worse_choice_until_something_is_heard_of_it() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    assert!(!relay.has_failed(&entity));
    relay.learn(&entity, Some(&not_delivered()));
    clock.advance(PAUSE_MAX);
    assert!(relay.may_listen(&entity) && relay.has_failed(&entity));
    relay.told(&entity, None);
    assert!(relay.has_failed(&entity), "it says nothing of its channel");
    relay.told(&entity, Some(true));
    assert!(!relay.has_failed(&entity));
}

#[tokio::test]
async fn whoever_says_that_the_channel_is_open_ends_the_wait() {
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let (relay, entity) = (elsewhere(&clock, NO_FILE), entity());
    relay.learn(&entity, Some(&not_delivered()));
    let mut listens = relay.wait_for_listener(&entity);
    assert!(futures_util::poll!(&mut listens).is_pending());
    relay.told(&entity, Some(true));
    assert!(futures_util::poll!(&mut listens).is_ready());
}

/// SPEC A-3: its channel stands where nobody can cut it, and what it says there counts no more.
#[tokio::test]
async fn what_is_under_way_to_an_agent_that_is_revoked_ends_and_may_have_arrived() {
    let (clock, key) = (ManualClock::at(Timestamp::from_millis(0)), File::new("revoked"));
    let silent = Arc::new(Silent::default());
    let relay = elsewhere_by(silent, &clock, key.0.to_str().unwrap());
    let (revoked, other) = (entity(), Entity::parse("t/x/a/z").unwrap());
    assert!(!relay.revoke(&revoked), "it was never asked anything");
    let ask = |of| relay.ask(of, request(), Duration::from_secs(60)).unwrap();
    let (mut asked, mut others, unsent) = (ask(&revoked), ask(&other), ask(&revoked));
    while !(asked.first_byte.may_have_left() && others.first_byte.may_have_left()) {
        assert!(futures_util::poll!(&mut asked.answer).is_pending());
        assert!(futures_util::poll!(&mut others.answer).is_pending());
    }
    assert!(relay.revoke(&revoked));
    let lost = asked.answer.await.unwrap_err();
    assert_eq!((lost.delivered, lost.hearsay), (Delivered::Unknown, false), "{lost}");
    let lost = unsent.answer.await.unwrap_err();
    assert_eq!((lost.delivered, lost.hearsay), (Delivered::No, false), "{lost}");
    assert!(futures_util::poll!(&mut others.answer).is_pending());
    assert!(!relay.revoke(&revoked), "nothing was sent to it since");
    // Somebody who had looked before it was revoked asks a moment after.
    let late = ask(&revoked);
    assert!(relay.revoke(&revoked) && late.answer.await.is_err());
}
