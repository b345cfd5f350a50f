//! The same password submitted twice: what the second one is told, whose state was looked at before the first one
//! was taken.

use protocol::{AgentId, Answer, Details, ManualClock, RequestId};

use super::*;
use crate::testing::{self, FLOW, Folder, NOW, REQUEST};

const AGENT: AgentId = AgentId::from_bytes([5; 16]);
const ANOTHER: RequestId = RequestId::from_bytes([8; 16]);

/// What two submissions were told that were both looked at before the first one was taken; with this between them.
async fn told(
    test: &str,
    second: RequestId,
    ends: Option<Outcome>,
) -> [Result<(RequestId, State), Outcome>; 2] {
    let (folder, clock) = (Folder::of(test), ManualClock::at(NOW));
    let app = Arc::new(testing::app(&folder, &clock).await);
    let agent = testing::enrolled(&app, AGENT).await;
    let mut submissions = vec![testing::ticketed(&app, agent.0).await];
    if second != REQUEST {
        submissions.push(testing::another_ticket(&app, second, agent.0).await);
    } else {
        submissions.push(submissions[0].clone());
    }
    let mut prepared = Vec::new();
    for record in &submissions {
        let sealed = vec![testing::sealed(&app, record, &agent)];
        prepared.push(prepare(&app, record.request, sealed).await.unwrap());
    }
    let mut told = Vec::new();
    for prepared in prepared {
        let taken = take(&app, FLOW, prepared).await.unwrap();
        told.push(taken.map(|record| (record.request, record.state)));
        if let (Some(outcome), 1) = (ends, told.len()) {
            assert!(app.store.mark_sent(REQUEST, AGENT, NOW).await.unwrap());
            let record = app.store.operation(REQUEST).await.unwrap().unwrap();
            let answer = Answer { outcome, details: Details::default(), finished_at: NOW };
            conclude(&app, &record, &answer, Some(AGENT)).await;
        }
    }
    told.try_into().unwrap()
}

#[tokio::test]
async fn a_request_that_is_posted_twice_at_once_is_followed_by_both() {
    let both = told("posted-twice", REQUEST, None).await;
    assert_eq!(both.map(|told| told.map(|(request, _)| request)), [Ok(REQUEST); 2]);
    let [_, second] = told("posted-twice-ended", REQUEST, Some(Outcome::PasswordChanged)).await;
    assert_eq!(second, Ok((REQUEST, State::Answered)));
}

/// The form without scripting fetches a ticket for each.
#[tokio::test]
async fn whoever_is_overtaken_by_the_end_of_its_own_visit_is_led_to_how_it_ended() {
    let [first, second] = told("overtaken", ANOTHER, Some(Outcome::PasswordChanged)).await;
    assert_eq!(first.map(|(request, _)| request), Ok(REQUEST));
    assert_eq!(second, Ok((REQUEST, State::Answered)));
    let [_, second] = told("not-overtaken", ANOTHER, Some(Outcome::PolicyTooShort)).await;
    assert_eq!(second.map(|(request, _)| request), Ok(ANOTHER), "the visit goes on");
    let [_, second] = told("under-way", ANOTHER, None).await;
    assert_eq!(second, Err(Outcome::AlreadyInFlight));
}
