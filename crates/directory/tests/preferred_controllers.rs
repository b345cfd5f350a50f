//! Where people are read when other controllers are preferred (SPEC D-11), and that nothing else goes
//! there (SPEC W-8).
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

use clock::SystemClock;
use directory::{
    Directory as _, DirectoryConfig, DirectoryError, DistinguishedName, LdapDirectory, ObjectGuid,
    PeopleRead,
};
use protocol::{ClearPassword, Outcome, Timestamp};
use staged::{Stage, host, stage};

const LATER: Timestamp = Timestamp::from_millis(i64::MAX);

fn client(stage: &Stage, controllers: &[u8], only_preferred: bool) -> LdapDirectory {
    let controllers = controllers.iter().map(|&number| host(number)).collect();
    let config = DirectoryConfig { controllers, only_preferred, ..stage.config.clone() };
    LdapDirectory::new(config, Arc::new(SystemClock)).unwrap()
}

async fn read(directory: &LdapDirectory) -> Result<PeopleRead, DirectoryError> {
    let head: DistinguishedName = "DC=staged,DC=test".parse().unwrap();
    directory.people(&[head], 500, &mut |_| ()).await
}

fn reads(stage: &Stage) -> Vec<String> {
    std::mem::take(&mut stage.state.lock().unwrap().reads)
}

#[tokio::test]
async fn people_are_read_at_the_preferred_controller_and_passwords_set_at_the_pdc_emulator() {
    let stage = stage(2, str::to_owned).await;
    let directory = client(&stage, &[2], false);
    read(&directory).await.unwrap();
    assert_eq!(reads(&stage), [host(2)]);
    let password = ClearPassword::from_text("New-Password-1").unwrap();
    directory.set_password(ObjectGuid::from_bytes([7; 16]), &password, LATER).await.unwrap();
    let sets: Vec<_> =
        stage.state.lock().unwrap().sets.iter().map(|(host, _)| host.clone()).collect();
    assert_eq!(sets, [host(1)]);
    assert_eq!(directory.probe().await.unwrap().controller, host(1));
}

#[tokio::test]
async fn the_first_preferred_controller_that_can_be_used_is() {
    let stage = stage(3, str::to_owned).await;
    // dc9 has an address and listens nowhere.
    read(&client(&stage, &[9, 3, 2], true)).await.unwrap();
    assert_eq!(reads(&stage), [host(3)]);
}

#[tokio::test]
async fn where_none_is_preferred_people_are_read_at_the_pdc_emulator() {
    let stage = stage(2, str::to_owned).await;
    stage.state.lock().unwrap().all_in_dns = vec![host(2)];
    read(&client(&stage, &[], false)).await.unwrap();
    assert_eq!(reads(&stage), [host(1)]);
}

#[tokio::test]
async fn where_the_preferred_ones_are_down_another_is_asked_and_the_pdc_emulator_last() {
    let stage = stage(2, str::to_owned).await;
    let directory = client(&stage, &[9], false);
    read(&directory).await.unwrap();
    assert_eq!(reads(&stage), [host(1)], "DNS names no other controller");
    stage.state.lock().unwrap().all_in_dns = vec![host(9), host(2)];
    read(&directory).await.unwrap();
    assert_eq!(reads(&stage), [host(2)]);
}

#[tokio::test]
async fn where_only_the_preferred_ones_may_be_asked_the_error_says_how_each_one_failed() {
    let stage = stage(2, str::to_owned).await;
    stage.state.lock().unwrap().all_in_dns = vec![host(2)];
    let error = read(&client(&stage, &[8, 9], true)).await.unwrap_err();
    let DirectoryError::NoPreferred { cause } = &error else { panic!("{error}") };
    assert!(cause.contains(&host(8)) && cause.contains(&host(9)), "{error}");
    assert!(cause.contains("connection refused"), "{error}");
    assert_eq!(error.outcome(), Outcome::PdcUnreachable);
    assert!(reads(&stage).is_empty());
}
