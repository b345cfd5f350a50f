//! How a request ended is told once audit has it, and every entry that was begun ends.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use protocol::{Clock, ManualClock, PasswordError, Timestamp};

use super::tests::{Agent, second};
use super::*;
use crate::clocks::ClockDifference;
use crate::steps::StepWatch;

/// Everything is written in this hour that may be.
fn fill(at_will: &mut AtWill, now: Timestamp) {
    for number in 0_u64.. {
        let other = Event::of_agent(&format!("of another {number}"), json!({}));
        match at_will.admits(&other, now) {
            Admitted::Now => at_will.wrote(&other),
            Admitted::Before => unreachable!("each is another one"),
            Admitted::No => return,
        }
    }
}

#[tokio::test]
async fn how_a_request_ended_is_told_to_nobody_where_audit_takes_no_more_of_it() {
    let agent = Agent::new("ends-full").await;
    let (told, untold) = (agent.header(1, second(10)), agent.header(2, second(10)));
    agent.at(told.expires_at.after(EXPIRY_MARGIN));
    assert_eq!(agent.settled(&told).await, Ok(Outcome::Expired));
    fill(&mut *agent.intake.memory.ends.lock().await, agent.clock.now());
    assert_eq!(agent.settled(&told).await, Ok(Outcome::Expired), "audit has it");
    let answer = agent.intake.answer(Outcome::SettledElsewhereUnchanged);
    for _ in 0..2 {
        assert_eq!(agent.settled(&untold).await, Err(STATUS_CANNOT_SAY), "others may be asked");
        let key = &agent.intake.keys.current().package_key;
        let look = agent.intake.end(key, &untold, "look.concluded", &answer).await.unwrap();
        assert!(look.is_none());
    }
    assert!(agent.trail(untold.request).await.is_empty());
    agent.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(agent.settled(&untold).await, Ok(Outcome::Expired));
    assert_eq!(agent.trail(untold.request).await, ["settle.never_begun expired"]);
}

#[tokio::test]
async fn another_end_of_the_same_request_is_told_to_audit_as_well() {
    let agent = Agent::new("ends-another").await;
    let header = agent.header(1, second(10));
    agent.at(second(1_000));
    assert_eq!(agent.settled(&header).await, Ok(Outcome::Expired));
    agent.intake.remember(header.request, Outcome::NotDecryptable);
    assert_eq!(agent.settled(&header).await, Ok(Outcome::NotDecryptable));
    let both = ["settle.never_begun expired", "settle.never_begun not_decryptable"];
    assert_eq!(agent.trail(header.request).await, both);
}

#[tokio::test]
async fn what_else_the_relay_has_written_takes_no_room_from_how_requests_ended() {
    let agent = Agent::new("ends-room").await;
    let header = agent.header(1, second(10));
    agent.at(header.expires_at.after(EXPIRY_MARGIN));
    fill(&mut agent.intake.at_will(), agent.clock.now());
    assert_eq!(agent.settled(&header).await, Ok(Outcome::Expired));
    assert_eq!(agent.trail(header.request).await, ["settle.never_begun expired"]);
}

impl Agent {
    /// Time goes on until the entry has its answer.
    async fn ends(&self, header: &Header) -> Outcome {
        for _ in 0..1_000 {
            let entry = self.journal().entry(header.request).await.unwrap().unwrap();
            if let Some(answer) = entry.answer {
                return answer.outcome;
            }
            self.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("it has not ended");
    }
}

#[tokio::test]
async fn an_entry_is_settled_whose_beginning_was_written_although_it_seemed_to_fail() {
    let agent = Agent::new("begun-failed").await;
    agent.at(second(20));
    let header = agent.header(1, second(10));
    assert!(agent.journal().begin(&header, agent.clock.now()).await.unwrap());
    agent.journal().on_every_connection("PRAGMA query_only = ON").await;
    assert_eq!(agent.given(&header).await, Err(500));
    agent.journal().on_every_connection("PRAGMA query_only = OFF").await;
    assert_eq!(agent.ends(&header).await, Outcome::SettledUnchanged);
    assert_eq!(agent.settled(&header).await, Ok(Outcome::SettledUnchanged));
}

#[tokio::test]
async fn an_open_entry_that_nobody_carries_out_is_settled_when_somebody_asks() {
    let agent = Agent::new("nobodys").await;
    agent.at(second(20));
    let [asked, repeated] = [1, 2].map(|request| agent.header(request, second(10)));
    for header in [&asked, &repeated] {
        assert!(agent.journal().begin(header, agent.clock.now()).await.unwrap());
    }
    assert_eq!(agent.settled(&asked).await, Err(STATUS_NOT_YET));
    assert_eq!(agent.ends(&asked).await, Outcome::SettledUnchanged);
    assert_eq!(agent.given(&repeated).await, Err(STATUS_NOT_YET));
    assert_eq!(agent.ends(&repeated).await, Outcome::SettledUnchanged);
}

#[tokio::test]
async fn nobody_looks_at_what_another_delivery_carries_out() {
    let agent = Agent::new("in-hand").await;
    agent.at(second(20));
    let header = agent.header(1, second(10));
    assert!(agent.journal().begin(&header, agent.clock.now()).await.unwrap());
    let hand = agent.intake.memory.in_hand.take(&agent.intake.settler, header.request);
    agent.journal().on_every_connection("PRAGMA query_only = ON").await;
    assert_eq!(agent.given(&header).await, Err(500));
    agent.journal().on_every_connection("PRAGMA query_only = OFF").await;
    assert_eq!(agent.given(&header).await, Err(STATUS_NOT_YET));
    assert!(!agent.intake.settler.is_settling(header.request));
    drop(hand);
    assert_eq!(agent.settled(&header).await, Err(STATUS_NOT_YET));
    assert_eq!(agent.ends(&header).await, Outcome::SettledUnchanged);
}

/// A clock that panics, once it is broken, in whoever compares it with the cloud's.
struct Breaks {
    clock: ManualClock,
    broken: AtomicBool,
}

impl Clock for Breaks {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn running(&self) -> Duration {
        assert!(!self.broken.load(Ordering::SeqCst), "what a bug does");
        self.clock.running()
    }

    fn sleep(&self, duration: Duration) -> protocol::Sleep {
        self.clock.sleep(duration)
    }
}

#[tokio::test]
async fn an_entry_is_settled_where_what_is_done_beside_its_beginning_panics() {
    let mut agent = Agent::new("panics-beside").await;
    agent.at(second(20));
    let breaks = Breaks { clock: agent.clock.clone(), broken: AtomicBool::default() };
    let breaks = Arc::new(breaks);
    let compared = ClockDifference::unknown(Arc::<Breaks>::clone(&breaks));
    compared.measured(0);
    agent.intake.writeback.clock_difference = Arc::new(compared);
    breaks.broken.store(true, Ordering::SeqCst);
    let header = agent.header(1, second(10));
    let given = AssertUnwindSafe(agent.given(&header)).catch_unwind().await;
    assert!(given.is_err(), "whoever hands over requests catches it");
    assert_eq!(agent.ends(&header).await, Outcome::SettledUnchanged);
}

/// Panics as soon as an entry is begun.
struct Panics;

impl StepWatch for Panics {
    fn reached(&self, step: Step) -> BoxFuture<'_, ()> {
        assert_ne!(step, Step::Begun, "what a bug does");
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn an_entry_is_settled_where_what_carries_it_out_panics() {
    let mut agent = Agent::new("panics").await;
    agent.at(second(20));
    agent.intake.writeback.watch = Arc::new(Panics);
    let header = agent.header(1, second(10));
    let given = AssertUnwindSafe(agent.given(&header)).catch_unwind().await;
    assert!(given.is_err(), "whoever hands over requests catches it");
    assert_eq!(agent.ends(&header).await, Outcome::SettledUnchanged);
    assert_eq!(agent.settled(&header).await, Ok(Outcome::SettledUnchanged));
}

/// What a script sealed that is not the page's: half of a surrogate pair, nothing, U+0000.
#[tokio::test]
async fn a_password_that_is_no_text_is_told_as_malformed_and_what_does_not_open_is_not() {
    let agent = Agent::new("malformed").await;
    let header = agent.header(1, second(10));
    for why in [PasswordError::NotWellFormed, PasswordError::Empty, PasswordError::Nul] {
        let (outcome, event) = not_opened(&header, &SealError::Password(why));
        assert_eq!(outcome, Outcome::PasswordMalformed);
        assert!(event.detail["cause"].as_str().unwrap().contains(&why.to_string()), "{why}");
    }
    let (outcome, event) = not_opened(&header, &SealError::Library("decrypt"));
    assert_eq!(outcome, Outcome::NotDecryptable);
    assert!(event.detail["cause"].as_str().unwrap().contains("decrypt"));
}
