//! What goes wrong on purpose, seen by a client without sockets and by the agent's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private"
)]

#[path = "suite/seeded.rs"]
mod seeded;

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use directory::{
    Directory, DirectoryConfig, DirectoryError, LdapDirectory, ObjectGuid, PolicyControl, Refusal,
    SetError, Terms, Witness, Write, outcome,
};
use directory_fake::{
    FakeDirectory, FakeDomain, Fault, NewDomain, NewFakePerson, PolicyControls, Rights, Served,
};
use lab::{Authority, Credentials};
use protocol::{ClearPassword, Clock, Outcome, Timestamp};
use seeded::Seeded;

const LATER: Timestamp = Timestamp::from_millis(i64::MAX);
const SECOND: &str = "Second-Password-1";

/// A domain of two controllers with one person, and a client of it.
struct World {
    domain: FakeDomain,
    directory: Box<dyn Directory>,
    /// The same, allowed to set without a policy-hints control.
    careless: Box<dyn Directory>,
    guid: ObjectGuid,
    _served: Option<Served>,
}

fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

fn domain(clock: Arc<dyn Clock>) -> (FakeDomain, ObjectGuid) {
    let controllers = vec!["dc1".to_owned(), "dc2".to_owned()];
    let new = NewDomain { controllers, ..NewDomain::new("fake.test") };
    let domain = FakeDomain::new(&new, clock, Arc::new(Seeded::new(7))).unwrap();
    domain.add_unit("OU=People").unwrap();
    domain.add_person(NewFakePerson::new("svc").in_unit("CN=Users")).unwrap();
    domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    let guid = domain.add_person(NewFakePerson::new("anna")).unwrap().guid;
    (domain, guid)
}

async fn direct() -> World {
    let (domain, guid) = domain(Arc::new(SystemClock));
    let directory = FakeDirectory::new(&domain, "svc", password("First-Password-2024"));
    let careless = Box::new(directory.configured(true, &[]));
    World { domain, directory: Box::new(directory), careless, guid, _served: None }
}

async fn served() -> World {
    let (domain, guid) = domain(Arc::new(SystemClock));
    let authority = Authority::create().unwrap();
    let served = Served::start(&domain, &authority).await.unwrap();
    let who = Credentials { login: "svc".to_owned(), password: "First-Password-2024".to_owned() };
    let client = |careless| {
        let config = DirectoryConfig {
            allow_without_policy_control: careless,
            ..served.config(&who).unwrap()
        };
        Box::new(LdapDirectory::new(config, Arc::new(SystemClock)).unwrap())
    };
    let (directory, careless) = (client(false), client(true));
    World { domain, directory, careless, guid, _served: Some(served) }
}

impl World {
    async fn set(&self, text: &str) -> Result<(), SetError> {
        self.directory.set_password(self.guid, &password(text), LATER).await
    }

    async fn witness(&self) -> Witness {
        self.directory.witness(self.guid).await.unwrap().unwrap()
    }

    /// A set that meets a fault and leaves doubt; the witness before it.
    async fn doubtful(&self, fault: Fault) -> Witness {
        let before = self.witness().await;
        self.domain.inject(fault);
        let error = self.set(SECOND).await.unwrap_err();
        assert!(matches!(error, SetError::Unknown { .. }), "{error}");
        assert_eq!(outcome::outcome(&error), Outcome::InDoubt);
        before
    }
}

async fn a_lost_request_was_not_set(world: World) {
    let before = world.doubtful(Fault::RequestLost).await;
    assert_eq!(world.witness().await, before);
    assert!(!world.domain.is_password(world.guid, SECOND));
    assert!(world.domain.journal().is_empty());
    world.set(SECOND).await.unwrap();
}

async fn a_lost_answer_was_set(world: World) {
    let before = world.doubtful(Fault::AnswerLost).await;
    assert_eq!(world.witness().await.version, before.version + 1);
    assert!(world.domain.is_password(world.guid, SECOND));
}

async fn a_set_that_arrives_late_is_not_seen_at_first(world: World) {
    let before = world.doubtful(Fault::SetLater(Duration::from_millis(900))).await;
    assert_eq!(world.witness().await.version, before.version);
    SystemClock.sleep(Duration::from_millis(1_000)).await;
    assert_eq!(world.witness().await.version, before.version + 1);
    let late = world.domain.journal().pop().unwrap();
    assert_eq!(late.at.since(late.asked_at), Duration::from_millis(900));
}

async fn a_refusal_that_is_asked_for_comes_as_it_is(world: World) {
    let refusal = Refusal { result: 51, code: None, diagnostic: "busy".to_owned() };
    world.domain.inject(Fault::Refuse(refusal.clone()));
    let error = world.set(SECOND).await.unwrap_err();
    assert_eq!(error, SetError::Refused(refusal));
    assert_eq!(outcome::outcome(&error), Outcome::PdcUnreachable);
    world.set(SECOND).await.unwrap();
}

async fn a_controller_that_is_down_is_not_reached_and_comes_back(world: World) {
    world.set(SECOND).await.unwrap();
    world.domain.up("dc1", false).unwrap();
    // Long enough for a client on sockets to hear that it was hung up on.
    SystemClock.sleep(Duration::from_millis(100)).await;
    let error = world.set("Third-Password-1").await.unwrap_err();
    let SetError::NotSent(DirectoryError::PdcUnreachable { .. }) = error else { panic!("{error}") };
    let error = world.directory.account(world.guid).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::PdcUnreachable);
    world.domain.heal();
    world.set("Third-Password-1").await.unwrap();
    assert_eq!(world.domain.journal().len(), 2);
}

async fn a_slow_controller_is_waited_for(world: World) {
    world.directory.probe().await.unwrap();
    world.domain.slow(Duration::from_millis(300));
    let began = SystemClock.running();
    world.set(SECOND).await.unwrap();
    assert!(SystemClock.running() - began >= Duration::from_millis(300));
    world.domain.heal();
    assert!(world.domain.is_password(world.guid, SECOND));
    let slow = world.domain.journal().pop().unwrap();
    assert_eq!(slow.at.since(slow.asked_at), Duration::from_millis(300));
}

async fn a_moved_role_is_followed(world: World) {
    world.set(SECOND).await.unwrap();
    world.domain.move_role("dc2").unwrap();
    // A probe asks about the role at once.
    assert_eq!(world.directory.probe().await.unwrap().controller, "dc2.fake.test");
    world.set("Third-Password-1").await.unwrap();
    let controllers: Vec<_> =
        world.domain.journal().into_iter().map(|set| set.controller).collect();
    assert_eq!(controllers, ["dc1.fake.test", "dc2.fake.test"]);
}

async fn a_role_that_dns_does_not_know_of_is_found(world: World) {
    world.domain.move_role("dc2").unwrap();
    world.domain.name_in_dns("dc1").unwrap();
    assert_eq!(world.directory.probe().await.unwrap().controller, "dc2.fake.test");
    // Where the owner is down, nothing is set elsewhere.
    world.domain.up("dc2", false).unwrap();
    SystemClock.sleep(Duration::from_millis(100)).await;
    let error = world.set(SECOND).await.unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::PdcUnreachable);
    assert!(world.domain.journal().is_empty());
}

async fn a_restored_controller_does_not_settle_what_was_noted_before(world: World) {
    let noted = world.witness().await;
    world.domain.restore("dc1").unwrap();
    SystemClock.sleep(Duration::from_millis(100)).await;
    let new = password(SECOND);
    let moved = world
        .directory
        .write(world.guid, Write::Reset(&new), Terms { not_after: LATER, noted: Some(&noted) })
        .await;
    assert_eq!(moved, Err(SetError::ControllerMoved));
    let noted = world.witness().await;
    world
        .directory
        .write(world.guid, Write::Reset(&new), Terms { not_after: LATER, noted: Some(&noted) })
        .await
        .unwrap();
}

async fn without_a_policy_control_nothing_is_set_unless_allowed(world: World) {
    world.domain.offer("dc1", PolicyControls::None).unwrap();
    assert_eq!(world.directory.probe().await.unwrap().policy_control, None);
    assert_eq!(world.set(SECOND).await, Err(SetError::NoPolicyControl));
    assert!(world.domain.journal().is_empty());
    // History is not enforced then, length is.
    let set = async |text| world.careless.set_password(world.guid, &password(text), LATER).await;
    set("First-Password-2024").await.unwrap();
    assert!(matches!(set("S").await, Err(SetError::Refused(refusal)) if refusal.is_policy()));
    assert!(!world.domain.journal()[0].hints);
}

async fn the_deprecated_control_enforces_history_too(world: World) {
    world.domain.offer("dc1", PolicyControls::DeprecatedOnly).unwrap();
    let probe = world.directory.probe().await.unwrap();
    assert_eq!(probe.policy_control, Some(PolicyControl::Deprecated));
    let error = world.set("First-Password-2024").await.unwrap_err();
    assert!(matches!(error, SetError::Refused(refusal) if refusal.is_policy()));
    world.set(SECOND).await.unwrap();
}

async fn every_set_is_in_the_journal(world: World) {
    world.set(SECOND).await.unwrap();
    world.set("S").await.unwrap_err();
    world.domain.administrator_sets(world.guid, "Third-Password-1").unwrap();
    let journal = world.domain.journal();
    assert_eq!(journal.len(), 2);
    assert_eq!((journal[0].by.as_str(), journal[1].by.as_str()), ("svc", "Administrator"));
    assert!(journal[0].hints && journal[0].unlocked && journal[0].is(SECOND));
    assert!(!journal[1].hints && !journal[1].unlocked && !journal[1].is(SECOND));
    assert!(journal.iter().all(|set| set.guid == world.guid));
    assert_eq!(journal[1].version, journal[0].version + 1);
    assert_eq!(world.domain.password_version(world.guid), Some(journal[1].version));
    assert!(!format!("{journal:?}").contains("Password-1"), "no password is shown");
}

async fn a_right_that_is_missing_is_missed(world: World) {
    for rights in [
        Rights { reset_password: false, ..Rights::ALL },
        Rights { write_lockout_time: false, ..Rights::ALL },
    ] {
        world.domain.delegate("svc", "OU=People", rights).unwrap();
        let error = world.set(SECOND).await.unwrap_err();
        assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing);
    }
    world.domain.delegate("svc", "OU=People", Rights::ALL).unwrap();
    world.domain.inherit(world.guid, false).unwrap();
    let error = world.set(SECOND).await.unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing);
    world.domain.inherit(world.guid, true).unwrap();
    world.set(SECOND).await.unwrap();
}

macro_rules! faults {
    ($world:expr) => {
        faults! { @each $world =>
            a_lost_request_was_not_set,
            a_lost_answer_was_set,
            a_set_that_arrives_late_is_not_seen_at_first,
            a_refusal_that_is_asked_for_comes_as_it_is,
            a_controller_that_is_down_is_not_reached_and_comes_back,
            a_slow_controller_is_waited_for,
            a_moved_role_is_followed,
            a_role_that_dns_does_not_know_of_is_found,
            a_restored_controller_does_not_settle_what_was_noted_before,
            without_a_policy_control_nothing_is_set_unless_allowed,
            the_deprecated_control_enforces_history_too,
            every_set_is_in_the_journal,
            a_right_that_is_missing_is_missed,
        }
    };
    (@each $world:expr => $($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                super::$case($world.await).await;
            }
        )*
    };
}

mod over_ldap {
    faults! { super::served() }
}

mod without_sockets {
    faults! { super::direct() }
}
