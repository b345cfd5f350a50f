//! What becomes of an answer that comes in the very instant in which its time is over.

use std::sync::Mutex;

use protocol::{Sleep, Timestamp};

use super::*;
use crate::limits::Limits;
use crate::server::access::Pass;

const ID: Uuid = Uuid::from_u128(1);
const LIMIT: Duration = Duration::from_secs(60);

/// A clock on which every wait is over at once; but in that instant something else happens.
struct AtTheEnd(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Clock for AtTheEnd {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn running(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Sleep {
        let happens = self.0.lock().unwrap().take();
        Box::pin(async move {
            if let Some(happens) = happens {
                happens();
            }
        })
    }
}

/// A request under way, and its channel; `happens` in the instant of the timeout.
fn asked(happens: impl FnOnce(Arc<Channel>) + Send + 'static) -> Asked {
    let clock = Arc::new(AtTheEnd(Mutex::default()));
    let pass = Pass { expires_at: Timestamp::from_millis(0), instance: None };
    let (entity, host) = (Entity::parse("e").unwrap(), "relay".to_owned());
    let on: Arc<dyn Clock> = Arc::<AtTheEnd>::clone(&clock);
    let (channel, writes) = Channel::new(entity, host, pass, &Limits::default(), Arc::clone(&on));
    drop(writes);
    let (reply, answer, first_byte) = awaited();
    let request = Request {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let sent = Sent { request, remote: None };
    assert!(channel.queue((ID, ID), Road::Channel, &sent, reply).is_ok());
    let of = Arc::clone(&channel);
    *clock.0.lock().unwrap() = Some(Box::new(move || happens(of)));
    Asked { channel, id: ID, answer, first_byte, limit: LIMIT, clock: on, _ticket: None }
}

#[tokio::test]
async fn an_answer_that_comes_in_the_instant_of_the_timeout_is_not_thrown_away() {
    let answers = |channel: Arc<Channel>| channel.settle(ID, Response::empty(204));
    assert_eq!(asked(answers).answer(LIMIT).await.unwrap().status, 204);
    assert_eq!(asked(answers).begun_answer().await.unwrap().status, 204);
}

#[tokio::test]
async fn what_its_channel_has_taken_out_to_answer_in_that_instant_is_waited_for() {
    // Where the answer goes is in the hands of the channel's task, which has not come to give it.
    let answers = |channel: Arc<Channel>| {
        let reply = channel.taken_out(ID).expect("it is under way");
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            let _ = reply.send(Ok(Response::empty(204)));
        });
    };
    assert_eq!(asked(answers).answer(LIMIT).await.unwrap().status, 204);
    assert_eq!(asked(answers).begun_answer().await.unwrap().status, 204);
}

#[tokio::test]
async fn where_nothing_comes_the_time_is_over_and_a_channel_that_ends_is_lost() {
    let error = asked(|_| {}).answer(LIMIT).await.unwrap_err();
    assert_eq!((error.kind, error.delivered), (DeliveryErrorKind::Timeout, Delivered::No));
    let error = asked(|channel| channel.end()).begun_answer().await.unwrap_err();
    assert_eq!((error.kind, error.delivered), (DeliveryErrorKind::ListenerLost, Delivered::No));
    let error = asked(|channel| drop(channel.taken_out(ID))).answer(LIMIT).await.unwrap_err();
    assert_eq!((error.kind, error.delivered), (DeliveryErrorKind::Timeout, Delivered::Unknown));
}
