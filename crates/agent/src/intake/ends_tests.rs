//! How a request ended is told once audit has it.

use protocol::Clock as _;

use super::tests::{Agent, second};
use super::*;

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
    fill(&mut *agent.intake.ends.lock().await, agent.clock.now());
    assert_eq!(agent.settled(&told).await, Ok(Outcome::Expired), "audit has it");
    let answer = agent.intake.answer(Outcome::SettledElsewhereUnchanged);
    for _ in 0..2 {
        assert_eq!(agent.settled(&untold).await, Err(STATUS_NOT_YET));
        let look = agent.intake.end(&untold, "look.concluded", &answer).await.unwrap();
        assert_eq!((look.status, look.body.len()), (STATUS_NOT_YET, 0));
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
