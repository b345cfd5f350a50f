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
    ROLE_CHECK, SetError, Terms, Write,
};
use ldap3_proto::control::LdapControl;
use protocol::{ClearPassword, ManualClock, Timestamp};
use staged::{Stage, address, host, stage};
use tokio::net::TcpListener;

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

/// A host that has an address and listens nowhere.
const DEAD: u8 = 9;

/// DNS names a dead holder of the role, or nobody, and these as controllers of the domain.
fn seized(stage: &Stage, in_dns: &str, all: &[u8]) {
    let mut state = stage.state.lock().unwrap();
    state.in_dns = in_dns.to_owned();
    state.all_in_dns = all.iter().copied().map(host).collect();
}

#[tokio::test]
async fn a_role_that_was_seized_is_found_by_the_word_of_the_others_and_only_the_holder_sets() {
    let stage = stage(3, same).await;
    for (in_dns, owner) in [(host(DEAD), 3), (String::new(), 3), (host(DEAD), 1)] {
        seized(&stage, &in_dns, &[DEAD, 1, 2, 3]);
        stage.state.lock().unwrap().owner = host(owner);
        stage.state.lock().unwrap().sets.clear();
        let (directory, _clock) = client(&stage);
        assert_eq!(directory.probe().await.unwrap().controller, host(owner), "{in_dns:?}");
        set(&directory).await.unwrap();
        assert_eq!(sets(&stage), [host(owner)]);
    }
}

/// Controllers that take connections and say nothing, behind a firewall or beyond a dead line.
async fn mute(stage: &Stage, numbers: impl IntoIterator<Item = u8>) -> Vec<String> {
    let mut hosts = Vec::new();
    for number in numbers {
        let place = (address(number), stage.config.ldaps_port);
        let listener = TcpListener::bind(place).await.unwrap();
        hosts.push(host(number));
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        });
    }
    hosts
}

#[tokio::test]
async fn several_that_do_not_answer_keep_nobody_from_being_asked_who_does() {
    let stage = stage(1, same).await;
    seized(&stage, &host(DEAD), &[1]);
    // They are asked first, and all of them together for less than one after the other takes.
    let controllers = mute(&stage, 2..=6).await;
    let config = DirectoryConfig {
        controllers,
        connect_timeout: Duration::from_secs(3),
        ..stage.config.clone()
    };
    let directory = LdapDirectory::new(config, Arc::new(clock::SystemClock)).unwrap();
    assert_eq!(directory.probe().await.unwrap().controller, host(1));
}

#[tokio::test]
async fn a_former_holder_that_still_takes_itself_for_the_holder_sets_nothing() {
    let stage = stage(3, same).await;
    // dc1 has heard of nothing since the role was given away for the second time.
    for (in_dns, present) in [(host(DEAD), DEAD), (host(DEAD), 3)] {
        seized(&stage, &in_dns, &[DEAD, 1, 2, 3]);
        {
            let mut state = stage.state.lock().unwrap();
            state.sets.clear();
            state.words = (2..=3).map(|other| (host(other), (host(present), 3))).collect();
            state.words.insert(host(1), (host(1), 2));
        }
        let set = set(&client(&stage).0).await;
        if present == DEAD {
            assert!(matches!(set, Err(SetError::NotSent(_))), "{set:?}");
            assert!(sets(&stage).is_empty());
        } else {
            set.unwrap();
            assert_eq!(sets(&stage), [host(present)]);
        }
    }
    // Where nobody can say which word is the later one, nothing is set either.
    stage.state.lock().unwrap().words.insert(host(1), (host(1), 3));
    stage.state.lock().unwrap().sets.clear();
    let set = set(&client(&stage).0).await;
    assert!(matches!(set, Err(SetError::NotSent(_))), "{set:?}");
    assert!(sets(&stage).is_empty());
}

#[tokio::test]
async fn the_word_of_one_that_named_a_holder_that_is_down_is_not_forgotten() {
    let stage = stage(2, same).await;
    // DNS leads to dc2, which knows best. dc1 lost the role while it was away.
    seized(&stage, &host(2), &[DEAD, 1, 2]);
    stage.state.lock().unwrap().words =
        [(host(2), (host(DEAD), 3)), (host(1), (host(1), 2))].into_iter().collect();
    let error = set(&client(&stage).0).await.unwrap_err();
    let SetError::NotSent(DirectoryError::PdcUnreachable { cause }) = error else {
        panic!("{error}")
    };
    assert!(cause.contains(&host(DEAD)), "{cause}");
    assert!(sets(&stage).is_empty());
    // Where dc1 is the one that the role went to last, dc2 is behind.
    stage.state.lock().unwrap().words.insert(host(1), (host(1), 4));
    set(&client(&stage).0).await.unwrap();
    assert_eq!(sets(&stage), [host(1)]);
}

#[tokio::test]
async fn one_that_takes_itself_for_the_holder_is_believed_where_nobody_else_answers() {
    let stage = stage(1, same).await;
    seized(&stage, &host(DEAD), &[DEAD, 8, 1]);
    set(&client(&stage).0).await.unwrap();
    assert_eq!(sets(&stage), [host(1)]);
}

#[tokio::test]
async fn while_the_holder_is_down_and_nobody_else_holds_the_role_nothing_is_set() {
    let stage = stage(2, same).await;
    seized(&stage, &host(DEAD), &[DEAD, 1, 2]);
    stage.state.lock().unwrap().owner = host(DEAD);
    let (directory, _clock) = client(&stage);
    let error = set(&directory).await.unwrap_err();
    let SetError::NotSent(DirectoryError::PdcUnreachable { cause }) = error else {
        panic!("{error}")
    };
    assert!(cause.contains(&host(DEAD)), "{cause}");
    assert_eq!(stage.state.lock().unwrap().binds, 2, "both were asked, once");
    assert!(sets(&stage).is_empty());
}

#[tokio::test]
async fn a_holder_that_only_the_others_name_is_what_an_error_is_about() {
    let stage = stage(2, same).await;
    seized(&stage, &host(DEAD), &[1]);
    stage.state.lock().unwrap().owner = host(8);
    let (directory, _clock) = client(&stage);
    let error = directory.probe().await.unwrap_err();
    assert!(error.to_string().contains(&host(8)), "{error}");
}

#[tokio::test]
async fn where_only_the_preferred_may_be_asked_nobody_else_is_asked_who_holds_the_role() {
    let stage = stage(3, same).await;
    seized(&stage, &host(DEAD), &[1, 2, 3]);
    stage.state.lock().unwrap().owner = host(2);
    let only = |preferred: u8| {
        let controllers = vec![host(preferred)];
        let config = DirectoryConfig { controllers, only_preferred: true, ..stage.config.clone() };
        client(&Stage { config, state: Arc::clone(&stage.state) }).0
    };
    // What it names is asked all the same: passwords are set nowhere else.
    assert_eq!(only(3).probe().await.unwrap().controller, host(2));
    let error = only(DEAD).probe().await.unwrap_err();
    assert!(error.to_string().contains(&host(DEAD)), "{error}");
    assert_eq!(stage.state.lock().unwrap().binds, 2);
}

#[tokio::test]
async fn who_is_not_of_the_domain_is_sent_no_password_because_dns_names_it() {
    let elsewhere = "dc1.elsewhere.test";
    let stage = stage(1, |_| elsewhere.to_owned()).await;
    for all in [vec![], vec![elsewhere.to_owned()]] {
        // Whoever answers in place of DNS has a good certificate for a name of its own.
        {
            let mut state = stage.state.lock().unwrap();
            (state.in_dns, state.all_in_dns) = (elsewhere.to_owned(), all);
        }
        let error = client(&stage).0.probe().await.unwrap_err();
        let DirectoryError::Unfit { controller, cause } = &error else { panic!("{error}") };
        assert_eq!(controller, elsewhere);
        assert!(cause.contains("staged.test") && cause.contains("`controllers`"), "{error}");
        assert_eq!(stage.state.lock().unwrap().binds, 0);
    }
    // An administrator says that it is one.
    let config =
        DirectoryConfig { controllers: vec![elsewhere.to_owned()], ..stage.config.clone() };
    let (directory, _clock) = client(&Stage { config, state: Arc::clone(&stage.state) });
    set(&directory).await.unwrap();
    assert!(stage.state.lock().unwrap().binds > 0);
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
async fn a_reset_without_hints_carries_none_whatever_is_offered() {
    let stage = stage(1, same).await;
    let (directory, _clock) = client(&stage);
    let password = ClearPassword::from_text("New-Password-1").unwrap();
    let write = Write::ResetWithoutHints(&password);
    let guid = ObjectGuid::from_bytes([7; 16]);
    directory.write(guid, write, Terms::ANY).await.unwrap();
    assert!(stage.state.lock().unwrap().sets[0].1.is_empty());
    set(&directory).await.unwrap();
    assert_eq!(stage.state.lock().unwrap().sets[1].1.len(), 1, "one was offered");
    stage.state.lock().unwrap().controls = vec!["1.2.840.113556.1.4.319".to_owned()];
    let (directory, _clock) = client(&stage);
    directory.write(guid, write, Terms::ANY).await.unwrap();
    assert_eq!(set(&directory).await, Err(SetError::NoPolicyControl));
    assert_eq!(sets(&stage).len(), 3);
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
