//! How long a sealed password is kept, on time that is the test's; and what of it is kept for others.

use std::sync::Mutex;

use axum::Router;
use futures_util::future::BoxFuture;
use futures_util::poll;
use protocol::{Clock as _, InstanceId, ManualClock};
use relay::{DeliveryError, DeliveryErrorKind, FirstByte};
use store::audit::Event;
use store::operations::State;
use tokio::sync::oneshot;

use super::*;
use crate::reach::{Asked, Reach};
use crate::testing::{self, FLOW, Folder, LIFETIME, NOW, REQUEST};

const AGENT: AgentId = AgentId::from_bytes([5; 16]);
/// Time passes in steps of so much at least.
const STEP: Duration = Duration::from_secs(5);
/// Longer than this nothing is kept, with all tolerances (SPEC W-11).
const MOST: Duration = Duration::from_secs(5 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn what_is_kept_for_others_goes_when_the_first_byte_leaves_and_no_later() {
    let of_others = Arc::new(());
    let mut kept = vec![Arc::clone(&of_others); 2];
    let (leaves, left) = oneshot::channel();
    let (answers, answered) = oneshot::channel();
    let answer = wiping(&mut kept, async { left.await.unwrap() }, answered);
    let mut answer = std::pin::pin!(answer);
    assert!(poll!(answer.as_mut()).is_pending());
    assert_eq!(Arc::strong_count(&of_others), 3, "queued; it may still go to another");
    leaves.send(()).unwrap();
    assert!(poll!(answer.as_mut()).is_pending());
    assert_eq!(Arc::strong_count(&of_others), 1, "on its way; nobody has answered");
    answers.send("the answer").unwrap();
    assert_eq!(answer.await, Ok("the answer"));
}

#[tokio::test]
async fn what_never_left_is_kept_for_others() {
    let mut kept = vec![1, 2];
    let answer = wiping(&mut kept, std::future::pending(), async { "not delivered" });
    assert_eq!(answer.await, "not delivered");
    assert_eq!(kept, [1, 2]);
}

/// A relay has it in a queue, and the agent reads nothing.
#[tokio::test]
async fn what_never_leaves_is_kept_for_others_until_it_expires_and_not_until_nobody_waits() {
    let (folder, clock) = (Folder::of("carry-queued"), ManualClock::at(NOW));
    let app = testing::app(&folder, &clock).await;
    let (record, ..) = waiting(&app).await;
    let deadline = Deadline::of(&record, &clock);
    let mut kept = vec![1, 2];
    {
        let until = leaves_or_expires(&clock, deadline, std::future::pending());
        let answer = wiping(&mut kept, until, std::future::pending::<()>());
        let mut answer = std::pin::pin!(answer);
        assert!(poll!(answer.as_mut()).is_pending());
        clock.advance(LIFETIME - Duration::from_millis(1));
        assert!(poll!(answer.as_mut()).is_pending());
    }
    assert_eq!(kept, [1, 2], "it may still go to another");
    let until = leaves_or_expires(&clock, deadline, std::future::pending());
    {
        let answer = wiping(&mut kept, until, std::future::pending::<()>());
        let mut answer = std::pin::pin!(answer);
        assert!(poll!(answer.as_mut()).is_pending());
        clock.advance(Duration::from_millis(1));
        assert!(poll!(answer.as_mut()).is_pending(), "its answer is waited for");
    }
    assert!(kept.is_empty());
}

/// How the relay answers.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// The agent takes nothing.
    Declined,
    /// Not a byte has left.
    NotDelivered,
    /// The same, by a relay whose word counts for nothing.
    Denied,
    /// Nobody listens.
    Nobody,
}

/// A relay that says the same for ever, and keeps how much time it was given.
struct Stubborn {
    says: Says,
    clock: ManualClock,
    given: Mutex<Vec<Duration>>,
}

impl Reach for Stubborn {
    fn may_listen(&self, _: &Entity) -> bool {
        !matches!(self.says, Says::Nobody)
    }

    fn has_failed(&self, _: &Entity) -> bool {
        false
    }

    fn wait_for_listener<'a>(&'a self, entity: &'a Entity) -> BoxFuture<'a, ()> {
        match self.says {
            // As long as nothing is tried there.
            Says::Denied => self.clock.sleep(STEP),
            _ if self.may_listen(entity) => Box::pin(std::future::ready(())),
            _ => Box::pin(std::future::pending()),
        }
    }

    fn newest(&self) -> u64 {
        0
    }

    fn wait_for_newer<'a>(&'a self, _: &'a Entity, _: u64) -> BoxFuture<'a, ()> {
        Box::pin(std::future::pending())
    }

    fn ask<'a>(
        &'a self,
        _: &'a Entity,
        request: Request,
        limit: Duration,
    ) -> Result<Asked<'a>, SendError> {
        if request.target != format!("/{TARGET_WRITEBACK}") {
            let (kind, delivered) = (DeliveryErrorKind::NoListener, Delivered::No);
            return Err(DeliveryError { kind, delivered }.into());
        }
        self.given.lock().unwrap().push(limit);
        let answer = match self.says {
            Says::Declined => Ok(Response::empty(503)),
            says => {
                let (kind, delivered) = (DeliveryErrorKind::Busy, Delivered::No);
                let error = SendError::from(DeliveryError { kind, delivered });
                Err(SendError { hearsay: matches!(says, Says::Denied), ..error })
            }
        };
        let answer = Box::pin(std::future::ready(answer));
        Ok(Asked { first_byte: FirstByte::default(), answer })
    }

    fn instances(&self, _: &Entity) -> Vec<InstanceId> {
        Vec::new()
    }

    fn disconnect(&self, _: &Entity) {}

    fn revoke(&self, _: &Entity) -> bool {
        false
    }

    fn router(&self) -> Router {
        Router::new()
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A submitted operation that waits for its agent, and what is sealed for that one.
async fn waiting(app: &App) -> (OperationRecord, TicketAgent, SealedPassword) {
    let agent = testing::enrolled(app, AGENT).await;
    let record = testing::ticketed(app, agent.0).await;
    app.store.submit_operation(REQUEST, FLOW, None, &Event::default(), NOW).await.unwrap();
    let sealed = testing::sealed(app, &record, &agent);
    (app.store.operation(REQUEST).await.unwrap().unwrap(), agent.0, sealed)
}

/// Carries an operation while the relay says this and the clock was put back by an hour: how long it was
/// kept, what became of it, and how much time each answer was given.
async fn carried(says: Says) -> (Duration, State, Vec<Duration>) {
    let (folder, clock) = (Folder::of(&format!("carry-{says:?}")), ManualClock::at(NOW));
    let relay = Arc::new(Stubborn { says, clock: clock.clone(), given: Mutex::default() });
    let reach: Arc<dyn Reach> = Arc::<Stubborn>::clone(&relay);
    let app = Arc::new(App { relay: reach, ..testing::app(&folder, &clock).await });
    let (record, offer, sealed) = waiting(&app).await;
    let (of, on) = (Arc::clone(&app), record.clone());
    let task = tokio::spawn(async move { carry(&of, on, vec![offer], vec![sealed], None).await });
    let mut passed = Duration::ZERO;
    let state = loop {
        let state = app.store.operation(REQUEST).await.unwrap().unwrap().state;
        if !matches!(state, State::Waiting | State::Sent) || passed > 2 * HOUR {
            break state;
        }
        // Nobody waits for the clock while the database is at work, which has threads of its own.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let Some(next) = clock.until_next() else { continue };
        if passed.is_zero() {
            clock.put_to(NOW.before(HOUR));
        }
        clock.advance(next.max(STEP));
        passed += next.max(STEP);
    };
    task.abort();
    let given = relay.given.lock().unwrap().clone();
    (passed, state, given)
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_lengthen_the_life_of_what_waits() {
    for (says, end) in [
        (Says::Nobody, State::Expired),
        (Says::NotDelivered, State::Expired),
        (Says::Denied, State::Unknown),
        (Says::Declined, State::Unknown),
    ] {
        let (passed, state, given) = carried(says).await;
        assert_eq!(state, end, "{says:?}");
        assert!(passed <= MOST, "{says:?}: {passed:?}");
        let most = LIFETIME + ANSWER_MARGIN;
        assert!(given.iter().all(|limit| *limit <= most), "{says:?}: {given:?}");
        assert_eq!(given.is_empty(), matches!(says, Says::Nobody));
    }
}

#[tokio::test]
async fn a_clock_that_is_put_forward_ends_it_and_one_that_was_put_back_before_does_not_lengthen_it()
{
    let (folder, clock) = (Folder::of("carry-clock"), ManualClock::at(NOW));
    let app = testing::app(&folder, &clock).await;
    let (record, ..) = waiting(&app).await;
    let deadline = Deadline::of(&record, &clock);
    assert_eq!(deadline.left(&clock), LIFETIME);
    clock.advance(LIFETIME / 3);
    assert_eq!(deadline.left(&clock), LIFETIME * 2 / 3);
    clock.put_to(NOW.after(LIFETIME));
    assert_eq!(deadline.left(&clock), Duration::ZERO);
    clock.put_to(NOW.before(HOUR));
    assert_eq!(deadline.left(&clock), LIFETIME * 2 / 3);
    assert_eq!(Deadline::of(&record, &clock).left(&clock), LIFETIME);
}
