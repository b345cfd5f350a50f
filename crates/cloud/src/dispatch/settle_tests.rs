//! When an agent is asked how an operation ended, on time that is the test's: pauses grow while nothing
//! is new, and begin again whenever somebody comes, wherever that is noticed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use futures_util::future::BoxFuture;
use protocol::{Clock as _, InstanceId, ManualClock, TenantId, Timestamp};
use relay::token::KeyFile;
use relay::{
    ByteStream, Delivered, DeliveryError, DeliveryErrorKind, FirstByte, RelayAddress, Response,
    SendError, Transport, TransportError,
};
use store::audit::Event;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::reach::{Asked, Elsewhere, Reach};
use crate::settings::RelayElsewhere;
use crate::testing::{self, FLOW, Folder, NOW, REQUEST, TENANT};

const FIRST: AgentId = AgentId::from_bytes([5; 16]);
const OTHER: AgentId = AgentId::from_bytes([6; 16]);

/// A relay by hand: who listens, who has come, and when who was asked. Whoever is asked does not know
/// yet, unless something else is to be said.
struct ByHand {
    clock: ManualClock,
    asked: Mutex<Vec<Timestamp>>,
    looked: Mutex<Vec<Timestamp>>,
    /// None: it does not answer.
    says: Mutex<Option<u16>>,
    /// How long whoever is asked takes for that.
    takes: Mutex<Duration>,
    known: watch::Sender<Known>,
}

#[derive(Default)]
struct Known {
    listening: HashSet<Entity>,
    newest: u64,
    came: HashMap<Entity, u64>,
}

impl ByHand {
    fn comes(&self, entity: &Entity) {
        self.known.send_modify(|known| {
            known.newest += 1;
            known.came.insert(entity.clone(), known.newest);
            known.listening.insert(entity.clone());
        });
    }

    fn goes(&self, entity: &Entity) {
        self.known.send_modify(|known| known.listening.retain(|one| one != entity));
    }
}

impl Reach for ByHand {
    fn may_listen(&self, entity: &Entity) -> bool {
        self.known.borrow().listening.contains(entity)
    }

    fn has_failed(&self, _: &Entity) -> bool {
        false
    }

    fn wait_for_listener<'a>(&'a self, entity: &'a Entity) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut known = self.known.subscribe();
            let _ = known.wait_for(|known| known.listening.contains(entity)).await;
        })
    }

    fn newest(&self) -> u64 {
        self.known.borrow().newest
    }

    fn wait_for_newer<'a>(&'a self, entity: &'a Entity, than: u64) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut known = self.known.subscribe();
            let newer = |known: &Known| known.came.get(entity).is_some_and(|came| *came > than);
            let _ = known.wait_for(newer).await;
        })
    }

    fn ask<'a>(
        &'a self,
        entity: &'a Entity,
        request: Request,
        _: Duration,
    ) -> Result<Asked<'a>, SendError> {
        let (whom, said) = match *entity == first() {
            true => ((&self.asked, TARGET_SETTLE), *self.says.lock().unwrap()),
            false => ((&self.looked, TARGET_LOOK), Some(STATUS_NOT_YET)),
        };
        assert_eq!(request.target, format!("/{}", whom.1));
        whom.0.lock().unwrap().push(self.clock.now());
        let silent =
            DeliveryError { kind: DeliveryErrorKind::Timeout, delivered: Delivered::Unknown };
        let answer = said.map(Response::empty).ok_or_else(|| silent.into());
        let takes = *self.takes.lock().unwrap();
        let answer = Box::pin(async move {
            if !takes.is_zero() {
                self.clock.sleep(takes).await;
            }
            answer
        });
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

/// An operation in doubt that is being settled by way of some relay.
struct Settling {
    clock: ManualClock,
    task: JoinHandle<()>,
    _folder: Folder,
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Settling {
    /// Begins with it.
    async fn begin(folder: Folder, clock: ManualClock, relay: Arc<dyn Reach>) -> Self {
        let app = App { relay, ..testing::app(&folder, &clock).await };
        let record = in_doubt(&app).await;
        let task = tokio::spawn(async move { settle(&app, record).await });
        Self { clock, task, _folder: folder }
    }

    /// Waits until nothing happens any more before so much time has passed.
    async fn waits_for(&self, time: Duration) {
        let looks = async {
            while self.clock.until_next() != Some(time) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(10), looks).await;
        assert!(found.is_ok(), "not {time:?} but {:?}", self.clock.until_next());
    }

    /// How long the next pause is, once nothing happens any more before it is over.
    async fn next(&self) -> Duration {
        // The settling works in another task, and the database in threads of its own.
        let mut last = None;
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            match self.clock.until_next() {
                Some(next) if last == Some(next) => return next,
                next => last = next,
            }
        }
    }

    /// Lets the pauses of so many seconds follow each other.
    async fn pauses(&self, seconds: &[u64]) {
        for pause in seconds.iter().copied().map(Duration::from_secs) {
            self.waits_for(pause).await;
            self.clock.advance(pause);
        }
    }
}

/// An operation that was sent to an agent, and that nobody has answered.
async fn in_doubt(app: &App) -> OperationRecord {
    let (first, _) = testing::enrolled(app, FIRST).await;
    testing::enrolled(app, OTHER).await;
    testing::ticketed(app, first).await;
    let store = &app.store;
    let sent = store.submit_operation(REQUEST, FLOW, Some(FIRST), &Event::default(), NOW).await;
    sent.unwrap();
    assert!(store.mark_unknown(REQUEST, &Event::default(), NOW).await.unwrap());
    store.operation(REQUEST).await.unwrap().unwrap()
}

fn first() -> Entity {
    Entity::of(TENANT, FIRST)
}

/// When the agent was asked, in seconds from the beginning.
fn asked(relay: &ByHand) -> Vec<i64> {
    let asked = relay.asked.lock().unwrap();
    asked.iter().map(|at| (at.as_millis() - NOW.as_millis()) / 1_000).collect()
}

async fn by_hand(test: &str, listens: bool) -> (Arc<ByHand>, Settling) {
    let clock = ManualClock::at(NOW);
    let (asked, looked) = (Mutex::default(), Mutex::default());
    let (says, known) = (Mutex::new(Some(STATUS_NOT_YET)), watch::Sender::default());
    let takes = Mutex::default();
    let relay = Arc::new(ByHand { clock: clock.clone(), asked, looked, says, takes, known });
    if listens {
        relay.comes(&first());
    }
    let settling =
        Settling::begin(Folder::of(&format!("settle-{test}")), clock, Arc::<ByHand>::clone(&relay))
            .await;
    (relay, settling)
}

#[tokio::test]
async fn pauses_grow_until_the_agent_comes_anew_and_begin_again_then() {
    let (relay, settling) = by_hand("anew", true).await;
    settling.pauses(&[3, 6, 12]).await;
    settling.waits_for(Duration::from_secs(24)).await;
    assert_eq!(asked(&relay), [0, 3, 9, 21], "who was there before has not come anew");
    settling.clock.advance(Duration::from_secs(10));
    relay.comes(&first());
    settling.waits_for(Duration::from_secs(3)).await;
    assert_eq!(asked(&relay), [0, 3, 9, 21, 31], "not when the pause is over: now");
    settling.pauses(&[3, 6]).await;
    settling.waits_for(Duration::from_secs(12)).await;
    assert_eq!(asked(&relay)[5..], [34, 40]);
    let strangers = Entity::of(TenantId::from_bytes([2; 16]), FIRST);
    for (pause, somebody_else) in [(12, Entity::of(TENANT, OTHER)), (24, strangers)] {
        let asked_before = asked(&relay).len();
        relay.comes(&somebody_else);
        tokio::task::yield_now().await;
        settling.waits_for(Duration::from_secs(pause)).await;
        assert_eq!(asked(&relay).len(), asked_before, "who comes is nobody to ask yet");
        settling.clock.advance(Duration::from_secs(pause));
        settling.waits_for(Duration::from_secs(2 * pause)).await;
        assert_eq!(asked(&relay).len(), asked_before + 1, "nor do the pauses begin again");
    }
}

#[tokio::test]
async fn pauses_begin_again_also_where_nobody_could_be_asked_until_the_agent_came() {
    let (relay, settling) = by_hand("away", true).await;
    settling.pauses(&[3, 6, 12, 24]).await;
    settling.waits_for(Duration::from_secs(48)).await;
    relay.goes(&first());
    settling.clock.advance(Duration::from_secs(48));
    // Until others may look: nobody is there who could be asked.
    settling.waits_for(Duration::from_secs(180 + 600 - 93)).await;
    settling.clock.advance(Duration::from_secs(100));
    assert_eq!(asked(&relay), [0, 3, 9, 21, 45]);
    relay.comes(&first());
    settling.pauses(&[3, 6]).await;
    settling.waits_for(Duration::from_secs(12)).await;
    assert_eq!(asked(&relay)[5..], [193, 196, 202], "it may say \"not yet\" at first");
}

/// Nobody is kept in doubt by a pause that began shortly before.
#[tokio::test]
async fn others_look_at_the_moment_from_which_they_may() {
    let (relay, settling) = by_hand("others", true).await;
    relay.comes(&Entity::of(TENANT, OTHER));
    *relay.says.lock().unwrap() = None;
    let looked = || relay.looked.lock().unwrap().first().copied();
    for _ in 0..30 {
        if looked().is_some() {
            break;
        }
        settling.clock.advance(settling.next().await);
        settling.next().await;
    }
    assert_eq!(looked(), Some(NOW.after(Duration::from_secs(180 + 600))));
}

/// The first one is asked shortly before others may look, and takes until after that.
#[tokio::test]
async fn who_comes_in_a_pause_is_asked_also_where_others_began_to_count_during_the_question() {
    let (relay, settling) = by_hand("spanning", true).await;
    settling.pauses(&[3, 6, 12, 24, 48]).await;
    settling.pauses(&[60; 10]).await;
    settling.waits_for(Duration::from_secs(60)).await;
    *relay.takes.lock().unwrap() = Duration::from_secs(50);
    settling.clock.advance(Duration::from_secs(60));
    settling.waits_for(Duration::from_secs(50)).await;
    assert_eq!(asked(&relay).last(), Some(&753), "others may look from 780 on");
    *relay.takes.lock().unwrap() = Duration::ZERO;
    settling.clock.advance(Duration::from_secs(50));
    settling.next().await;
    *relay.says.lock().unwrap() = None;
    relay.comes(&Entity::of(TENANT, OTHER));
    let looks = async {
        while relay.looked.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let looked = tokio::time::timeout(Duration::from_secs(10), looks).await;
    assert!(looked.is_ok(), "at 803 s already, not when the pause is over");
}

/// It may hold the connection over which the set can still be made: nobody else knows of that.
#[tokio::test]
async fn nobody_else_is_asked_while_the_agent_that_was_asked_says_not_yet() {
    let (relay, settling) = by_hand("not-yet", true).await;
    relay.comes(&Entity::of(TENANT, OTHER));
    let looked = || relay.looked.lock().unwrap().len();
    // Long after others may look, and until nothing is waited for that may still happen.
    let (mut now, mut last) = (Duration::ZERO, None);
    while looked() == 0 {
        let pause = settling.next().await;
        last = asked(&relay).last().copied();
        settling.clock.advance(pause);
        now += pause;
        assert!(now < Duration::from_secs(3_600));
    }
    assert!(last > Some(1_500), "{last:?}");
    settling.next().await;
    relay.looked.lock().unwrap().clear();
    // As soon as it does not answer any more, cannot say, or is not there, somebody else is.
    for (number, says) in [None, Some(STATUS_CANNOT_SAY), Some(500)].into_iter().enumerate() {
        *relay.says.lock().unwrap() = says;
        settling.clock.advance(settling.next().await);
        settling.next().await;
        assert_eq!(looked(), number + 1, "{says:?}");
    }
    relay.goes(&first());
    settling.clock.advance(settling.next().await);
    settling.next().await;
    assert_eq!(looked(), 4);
}

/// A relay elsewhere that says of nothing what became of it.
#[derive(Default)]
struct Mute(Mutex<usize>);

impl Transport for Mute {
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        *self.0.lock().unwrap() += 1;
        let (near, mut far) = tokio::io::duplex(16 * 1024);
        tokio::spawn(async move {
            let mut asked = [0; 16 * 1024];
            let _ = far.read(&mut asked).await;
            let _ = far.write_all(b"HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n").await;
        });
        Box::pin(std::future::ready(Ok(Box::new(near) as Box<dyn ByteStream>)))
    }
}

#[tokio::test]
async fn heartbeats_are_news_once_and_what_they_say_again_makes_nobody_ask() {
    let (clock, folder) = (ManualClock::at(NOW), Folder::of("settle-heartbeats"));
    let key = folder.path().join("send.key");
    std::fs::write(&key, "a shared key\n").unwrap();
    let settings = RelayElsewhere {
        address: RelayAddress::parse("sb://relay.example.org/").unwrap(),
        send_key: KeyFile::new("send", key),
        ca: None,
        connect: Duration::from_secs(5),
    };
    let (mute, on): (_, Arc<dyn protocol::Clock>) =
        (Arc::new(Mute::default()), Arc::new(clock.clone()));
    let way: Arc<dyn Transport> = Arc::<Mute>::clone(&mute);
    let relay = Arc::new(Elsewhere::new(&settings, Some(way), &on).unwrap());
    let settling = Settling::begin(folder, clock, Arc::<Elsewhere>::clone(&relay)).await;
    let asked = || *mute.0.lock().unwrap();
    settling.pauses(&[3, 6]).await;
    settling.waits_for(Duration::from_secs(12)).await;
    assert_eq!(asked(), 3);
    relay.told(&first(), Some(true));
    settling.pauses(&[3, 6]).await;
    settling.waits_for(Duration::from_secs(12)).await;
    assert_eq!(asked(), 6, "it was asked at once, and the pauses began again");
    relay.told(&first(), Some(true));
    settling.clock.advance(Duration::from_secs(5));
    relay.told(&first(), Some(true));
    tokio::time::sleep(Duration::from_millis(20)).await;
    settling.waits_for(Duration::from_secs(7)).await;
    assert_eq!(asked(), 6, "that was known already");
    settling.pauses(&[7, 24]).await;
    settling.waits_for(Duration::from_secs(48)).await;
    assert_eq!(asked(), 8);
}
