//! Which controller is used, and which control a set carries, in domains that the lab does not
//! have: several controllers, a role that moves, controllers without the policy-hints control.
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

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory::{
    Directory as _, DirectoryConfig, DirectoryError, LdapDirectory, ObjectGuid, PolicyControl,
    ROLE_CHECK, SetError,
};
use ldap3_proto::control::LdapControl;
use protocol::{ClearPassword, ManualClock, Timestamp};
use staged::{Stage, host, stage};

const DEPRECATED: &str = "1.2.840.113556.1.4.2066";
/// No test lasts that long.
const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

fn client(stage: &Stage) -> (LdapDirectory, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_700_000_000_000)));
    let given: Arc<dyn protocol::Clock> = Arc::<ManualClock>::clone(&clock);
    (LdapDirectory::new(stage.config.clone(), given).unwrap(), clock)
}

async fn set(directory: &LdapDirectory) -> Result<(), SetError> {
    let password = ClearPassword::from_text("New-Password-1").unwrap();
    directory.set_password(ObjectGuid::from_bytes([7; 16]), &password, LATER).await
}

fn sets(stage: &Stage) -> Vec<String> {
    stage.state.lock().unwrap().sets.iter().map(|(host, _)| host.clone()).collect()
}

fn same(name: &str) -> String {
    name.to_owned()
}

#[tokio::test]
async fn a_moved_role_is_followed_without_a_restart_and_without_dns() {
    let stage = stage(2, same).await;
    let (directory, clock) = client(&stage);
    set(&directory).await.unwrap();
    stage.state.lock().unwrap().owner = host(2);
    clock.advance(ROLE_CHECK);
    set(&directory).await.unwrap();
    assert_eq!(sets(&stage), [host(1), host(2)]);
    // And back.
    stage.state.lock().unwrap().owner = host(1);
    clock.advance(ROLE_CHECK);
    set(&directory).await.unwrap();
    assert_eq!(sets(&stage), [host(1), host(2), host(1)]);
}

#[tokio::test]
async fn a_probe_asks_about_the_role_at_once() {
    let stage = stage(2, same).await;
    let (directory, _clock) = client(&stage);
    assert_eq!(directory.probe().await.unwrap().controller, host(1));
    stage.state.lock().unwrap().owner = host(2);
    assert_eq!(directory.probe().await.unwrap().controller, host(2));
}

/// Waits until the staged controllers have this many open connections.
async fn open(stage: &Stage, wanted: usize) {
    let opened = async {
        while stage.state.lock().unwrap().open != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), opened).await.unwrap();
}

#[tokio::test]
async fn a_few_connections_serve_until_the_role_moves() {
    let stage = stage(1, same).await;
    let (directory, clock) = client(&stage);
    for _ in 0..5 {
        set(&directory).await.unwrap();
        clock.advance(Duration::from_secs(45));
        open(&stage, 2).await;
    }
    assert_eq!(stage.state.lock().unwrap().binds, 2);
}

#[tokio::test]
async fn connections_that_were_cut_are_made_again() {
    let stage = stage(1, same).await;
    let (directory, _clock) = client(&stage);
    for round in 1..=3 {
        set(&directory).await.unwrap();
        open(&stage, 2).await;
        let hang_up = Arc::clone(&stage.state.lock().unwrap().hang_up);
        hang_up.notify_waiters();
        open(&stage, 0).await;
        // Whoever meets a connection whose end has not been seen yet was not sent, and may ask again.
        directory.probe().await.unwrap();
        assert_eq!(sets(&stage).len(), round);
    }
}

#[tokio::test]
async fn where_the_owner_is_not_there_nothing_is_set_elsewhere() {
    let stage = stage(2, same).await;
    // dc3 has an address and listens nowhere.
    stage.state.lock().unwrap().owner = host(3);
    let (directory, _clock) = client(&stage);
    let error = set(&directory).await.unwrap_err();
    let SetError::NotSent(DirectoryError::PdcUnreachable { cause }) = error else {
        panic!("{error}")
    };
    assert!(cause.contains(&host(3)), "{cause}");
    assert!(sets(&stage).is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_before_the_password_is_sent() {
    let stage = stage(1, |_| host(2)).await;
    let (directory, _clock) = client(&stage);
    let error = directory.probe().await.unwrap_err();
    assert!(matches!(error, DirectoryError::Certificate { .. }), "{error}");
    assert!(error.to_string().contains("another name"), "{error}");
    assert_eq!(stage.state.lock().unwrap().binds, 0);
}

#[tokio::test]
async fn without_a_policy_control_nothing_is_sent_unless_allowed() {
    let stage = stage(1, same).await;
    stage.state.lock().unwrap().controls = vec!["1.2.840.113556.1.4.319".to_owned()];
    let (directory, _clock) = client(&stage);
    assert_eq!(directory.probe().await.unwrap().policy_control, None);
    assert_eq!(set(&directory).await, Err(SetError::NoPolicyControl));
    assert!(sets(&stage).is_empty());

    let config = DirectoryConfig { allow_without_policy_control: true, ..stage.config.clone() };
    let (directory, _clock) = client(&Stage { config, state: Arc::clone(&stage.state) });
    set(&directory).await.unwrap();
    assert!(stage.state.lock().unwrap().sets[0].1.is_empty());
}

#[tokio::test]
async fn the_deprecated_control_is_used_where_only_that_is_offered_and_is_critical() {
    let stage = stage(1, same).await;
    stage.state.lock().unwrap().controls = vec![DEPRECATED.to_owned()];
    let (directory, _clock) = client(&stage);
    let probe = directory.probe().await.unwrap();
    assert_eq!(probe.policy_control, Some(PolicyControl::Deprecated));
    set(&directory).await.unwrap();
    let expected = LdapControl::Unknown {
        oid: DEPRECATED.to_owned(),
        criticality: true,
        value: Some(vec![0x30, 3, 2, 1, 1]),
    };
    assert_eq!(stage.state.lock().unwrap().sets[0].1, [expected]);
}

/// A clock by which everything after the first look takes ten minutes.
#[derive(Default)]
struct Slow(AtomicBool);

impl Slow {
    const STARTED: Timestamp = Timestamp::from_millis(1_700_000_000_000);
}

impl protocol::Clock for Slow {
    fn now(&self) -> Timestamp {
        match self.0.swap(true, Ordering::SeqCst) {
            false => Self::STARTED,
            true => Self::STARTED.after(Duration::from_secs(10 * 60)),
        }
    }

    fn running(&self) -> Duration {
        self.now().since(Self::STARTED)
    }

    fn sleep(&self, _: Duration) -> protocol::Sleep {
        panic!("a set does not wait for the clock")
    }
}

#[tokio::test]
async fn a_set_whose_time_passed_while_connecting_is_not_sent() {
    let stage = stage(1, same).await;
    let directory = LdapDirectory::new(stage.config.clone(), Arc::new(Slow::default())).unwrap();
    let password = ClearPassword::from_text("New-Password-1").unwrap();
    let guid = ObjectGuid::from_bytes([7; 16]);
    let not_after = Slow::STARTED.after(Duration::from_secs(3 * 60));
    let late = directory.set_password(guid, &password, not_after).await;
    assert_eq!(late, Err(SetError::TooLate));
    assert!(stage.state.lock().unwrap().binds >= 1, "it came as far as the set");
    assert!(sets(&stage).is_empty());
    directory.set_password(guid, &password, LATER).await.unwrap();
    assert_eq!(sets(&stage), [host(1)]);
}
