//! Connections that are dead without having ended, as behind a firewall that has forgotten them, and
//! those that end when they are next used: nobody waits for more than one of them. One that is only slow
//! to answer costs none of the others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private and shared"
)]

mod staged;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::SystemClock;
use directory::{Directory as _, DirectoryConfig, DirectoryError, LdapDirectory, ObjectGuid};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapMsg, LdapOp};
use protocol::{Clock, ManualClock, Sleep, Timestamp};
use staged::{State, acceptor, host, respond, stage_of};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Framed;

/// Far above what anything here takes that does not wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a read waits for an answer: more than one takes on a busy machine.
const READ: Duration = Duration::from_secs(2);
const GUID: ObjectGuid = ObjectGuid::from_bytes([7; 16]);
/// How many connections there are at most.
const MOST: usize = 4;

/// What the controller does about its connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Road {
    /// It answers.
    #[default]
    Good,
    /// It answers no read before it is told to.
    Held,
    /// Whatever comes over one of the first so many is lost.
    Silent(usize),
    /// One of the first so many ends when something comes over it.
    Cut(usize),
    /// It answers nothing about accounts over any connection.
    Mute,
    /// It does not say who holds the role.
    RoleUnsaid,
    /// The next question about an account is not answered, and nobody new is let in.
    OneSlow,
}

struct Controller {
    road: watch::Sender<Road>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// How many connections were made.
    connections: usize,
    /// How many of them have said who holds the role, the last question before they are used.
    ready: usize,
    /// How many questions were not answered, and how many of them were about accounts.
    lost: usize,
    lost_about_accounts: usize,
    /// Over which connections a question about an account was not answered, and over which one was.
    slow: Option<usize>,
    used: HashSet<usize>,
    /// Which connections have not ended.
    open: HashSet<usize>,
    /// Which connection does not come about: it ends when a question over another one is lost.
    doomed: Option<usize>,
}

impl Controller {
    fn set(&self, road: Road) {
        {
            let mut seen = self.seen.lock().unwrap();
            (seen.lost, seen.lost_about_accounts) = (0, 0);
            (seen.slow, seen.used) = (None, HashSet::new());
        }
        self.road.send_replace(road);
    }

    fn lost(&self) -> usize {
        self.seen.lock().unwrap().lost
    }

    fn lost_about_accounts(&self) -> usize {
        self.seen.lock().unwrap().lost_about_accounts
    }

    fn made(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Whether this request is answered; none: the connection ends.
    async fn answers(&self, number: usize, op: &LdapOp) -> Option<bool> {
        let LdapOp::SearchRequest(search) = op else { return Some(true) };
        let about_account = search.base.starts_with("<GUID=");
        let road = *self.road.borrow();
        let lost = match road {
            Road::Good => false,
            Road::Held => {
                if about_account {
                    self.road.subscribe().wait_for(|road| *road != Road::Held).await.unwrap();
                }
                false
            }
            Road::Silent(first) => number < first,
            Road::Cut(first) if number < first => {
                self.seen.lock().unwrap().lost += 1;
                return None;
            }
            Road::Cut(_) => false,
            Road::Mute => about_account,
            Road::RoleUnsaid => is_about_role(op),
            Road::OneSlow => about_account && self.seen.lock().unwrap().slow.is_none(),
        };
        let mut seen = self.seen.lock().unwrap();
        seen.lost += usize::from(lost);
        if about_account && lost {
            seen.lost_about_accounts += 1;
            seen.slow = Some(number);
        } else if about_account {
            seen.used.insert(number);
        }
        Some(!lost)
    }
}

fn is_about_role(op: &LdapOp) -> bool {
    let LdapOp::SearchRequest(search) = op else { return false };
    search.attrs.iter().any(|name| name == "fSMORoleOwner")
}

/// Notes that a connection has ended.
struct Ending<'a>(&'a Controller, usize);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.seen.lock().unwrap().open.remove(&self.1);
    }
}

async fn talk(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    state: Arc<Mutex<State>>,
    controller: Arc<Controller>,
) -> Option<()> {
    let number = {
        let mut seen = controller.seen.lock().unwrap();
        seen.connections += 1;
        let number = seen.connections - 1;
        seen.open.insert(number);
        number
    };
    let _end = Ending(&controller, number);
    controller.road.subscribe().wait_for(|road| *road != Road::OneSlow).await.ok()?;
    if controller.seen.lock().unwrap().doomed == Some(number) {
        while controller.lost() == 0 {
            tokio::task::yield_now().await;
        }
        return None;
    }
    let mut is_ready = false;
    let mut messages = Framed::new(acceptor.accept(stream).await.ok()?, LdapCodec::default());
    while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
        if !controller.answers(number, &op).await? {
            continue;
        }
        let is_last = !is_ready && is_about_role(&op);
        let answers = respond(op, ctrl, &host(1), &mut state.lock().unwrap());
        for op in answers {
            messages.send(LdapMsg::new(msgid, op)).await.ok()?;
        }
        is_ready |= is_last;
        controller.seen.lock().unwrap().ready += usize::from(is_last);
    }
    None
}

/// What time it is is the test's, and how long something takes the machine's.
struct Clockwork(ManualClock);

impl Clock for Clockwork {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn running(&self) -> Duration {
        SystemClock.running()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        SystemClock.sleep(duration)
    }
}

/// A directory that has as many connections as there may be, all at rest.
struct World {
    directory: LdapDirectory,
    controller: Arc<Controller>,
    clock: ManualClock,
}

impl World {
    async fn new(operation_timeout: Duration) -> Self {
        let authority = Authority::create().unwrap();
        let acceptor = acceptor(&authority, &host(1));
        let controller =
            Arc::new(Controller { road: watch::Sender::default(), seen: Mutex::default() });
        let shared = Arc::clone(&controller);
        let stage = stage_of(&authority, move |stream, state| {
            let (acceptor, controller) = (acceptor.clone(), Arc::clone(&shared));
            async move {
                talk(acceptor, stream, state, controller).await;
            }
        });
        let stage = stage.await;
        let config = DirectoryConfig { operation_timeout, connect_timeout: READ, ..stage.config };
        let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
        let directory = LdapDirectory::new(config, Arc::new(Clockwork(clock.clone()))).unwrap();
        Self { directory, controller, clock }
    }

    /// As many reads as there are connections, at the same time: each one makes another connection.
    async fn full(operation_timeout: Duration) -> Self {
        let world = Self::new(operation_timeout).await;
        for _ in 0..100 {
            if world.controller.seen.lock().unwrap().ready == MOST {
                break;
            }
            world.controller.set(Road::Held);
            let reads = (0..MOST).map(|_| world.read());
            let release = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                world.controller.set(Road::Good);
            };
            let (read, ()) = tokio::join!(join_all(reads), release);
            read.into_iter().for_each(|read| read.unwrap());
        }
        assert_eq!(world.controller.seen.lock().unwrap().connections, MOST);
        world
    }

    async fn read(&self) -> Result<(), DirectoryError> {
        let read = timeout(PATIENCE, self.directory.resultant_pso(GUID)).await.unwrap();
        read.map(|found| assert_eq!(found, None))
    }
}

#[tokio::test]
async fn where_all_connections_were_forgotten_a_read_waits_for_one_of_them_only() {
    let world = World::full(READ).await;
    world.controller.set(Road::Silent(MOST));
    // One silence, and not a second one for those that are asked whether they are dead as well.
    timeout(READ * 2, world.read()).await.unwrap().unwrap();
    assert_eq!(world.controller.lost_about_accounts(), 1);
    // The next ones meet none of them any more, also when they have been given up.
    for _ in 0..2 * MOST {
        world.read().await.unwrap();
    }
    while world.controller.seen.lock().unwrap().open.iter().any(|number| *number < MOST) {
        timeout(PATIENCE, world.read()).await.unwrap().unwrap();
        tokio::time::sleep(READ / 20).await;
    }
    world.read().await.unwrap();
    assert_eq!(world.controller.lost_about_accounts(), 1);
    assert_eq!(world.controller.lost(), MOST, "each was asked once");
}

#[tokio::test]
async fn one_slow_answer_costs_its_own_connection_and_no_other() {
    let world = World::full(READ).await;
    // The slow one is asked again: over another one, because nobody new is let in.
    world.controller.set(Road::OneSlow);
    world.read().await.unwrap();
    let slow = world.controller.seen.lock().unwrap().slow.unwrap();
    assert_eq!(world.controller.lost(), 1);
    world.controller.set(Road::Held);
    let reads = join_all((0..2 * MOST).map(|_| world.read()));
    let release = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.controller.set(Road::Good);
    };
    let (read, ()) = tokio::join!(reads, release);
    read.into_iter().for_each(|read| read.unwrap());
    let used = world.controller.seen.lock().unwrap().used.clone();
    let others = (0..MOST).filter(|number| *number != slow);
    assert!(others.into_iter().all(|other| used.contains(&other)), "slow {slow}, used {used:?}");
    assert!(!used.contains(&slow), "slow {slow}, used {used:?}");
}

#[tokio::test]
async fn where_each_connection_ends_when_it_is_used_a_read_gets_over_all_of_them() {
    let world = World::full(READ).await;
    world.controller.set(Road::Cut(MOST));
    world.read().await.unwrap();
    assert!(world.controller.lost() <= MOST, "{}", world.controller.lost());
    world.read().await.unwrap();
}

#[tokio::test]
async fn a_read_that_failed_leaves_no_dead_connection_to_the_next() {
    let world = World::full(READ).await;
    // Nobody new is answered either.
    world.controller.set(Road::Silent(usize::MAX));
    world.read().await.unwrap_err();
    assert_eq!(world.controller.lost_about_accounts(), 1);
    let made = world.controller.made();
    world.controller.set(Road::Silent(made));
    world.read().await.unwrap();
    assert_eq!(world.controller.lost_about_accounts(), 0);
}

#[tokio::test]
async fn what_a_controller_never_answers_is_asked_twice_and_nobody_waits_twice_as_long() {
    let world = World::full(READ * 2).await;
    world.controller.set(Road::Mute);
    let error = timeout(READ * 4, world.read()).await.unwrap().unwrap_err();
    assert!(matches!(error, DirectoryError::Lost { .. }), "{error}");
    assert_eq!(world.controller.lost_about_accounts(), 2);
    world.controller.set(Road::Good);
    world.read().await.unwrap();
}

#[tokio::test]
async fn a_controller_that_does_not_say_whether_it_holds_the_role_keeps_no_read_waiting() {
    let world = World::full(PATIENCE).await;
    world.controller.set(Road::RoleUnsaid);
    let probe = world.directory.probe();
    let reads = async {
        while world.controller.lost() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            // Its word is fresh enough for a read.
            timeout(PATIENCE / 6, world.directory.resultant_pso(GUID)).await.unwrap().unwrap();
        }
        world.controller.set(Road::Good);
    };
    // The probe gives the question up, connects again and asks once more.
    let (probe, ()) = timeout(PATIENCE, async { tokio::join!(probe, reads) }).await.unwrap();
    assert_eq!(probe.unwrap().controller, host(1));
}

#[tokio::test]
async fn who_waits_for_the_role_waits_for_one_question_about_it() {
    let world = World::full(READ).await;
    world.controller.set(Road::Silent(MOST));
    world.clock.advance(directory::ROLE_CHECK);
    let reads = join_all((0..8).map(|_| world.read()));
    let reads = timeout(READ * 2, reads).await.unwrap();
    reads.into_iter().for_each(|read| read.unwrap());
    // The others were asked at the same time, and nobody waited for them.
    let lost = world.controller.lost();
    assert!((1..=MOST).contains(&lost), "{lost}");
}

#[tokio::test]
async fn a_connection_that_fails_in_the_background_is_nobody_s_failure() {
    let world = World::new(READ).await;
    world.controller.seen.lock().unwrap().doomed = Some(1);
    // Another one is opened beside the first, and nobody waits for it.
    world.read().await.unwrap();
    world.controller.set(Road::Silent(1));
    world.clock.advance(directory::ROLE_CHECK);
    // While this one waits for an answer over the first, the second fails.
    world.read().await.unwrap();
    assert_eq!(world.controller.lost(), 1);
}
