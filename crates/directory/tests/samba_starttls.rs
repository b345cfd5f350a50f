//! StartTLS with a real Active Directory, the lab's Samba domain controller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

mod world;

use directory::{Directory as _, DirectoryConfig, DirectoryError, Encryption};
use lab::{Bound, Forest};
use world::{LATER, config, connect, forest, guid, password, somebody};

fn over_starttls(forest: &Forest) -> DirectoryConfig {
    // Nothing listens where LDAPS would be: it is certainly not used.
    DirectoryConfig { encryption: Encryption::StartTls, ldaps_port: 1, ..config(forest) }
}

#[tokio::test]
async fn a_password_is_set_over_starttls() {
    let forest = forest();
    let person = somebody(&forest);
    let directory = connect(over_starttls(&forest));
    assert_eq!(directory.probe().await.unwrap().controller, forest.controller);
    directory.set_password(guid(&person), &password("Second-Password-1"), LATER).await.unwrap();
    assert_eq!(forest.bind(&person.login, "Second-Password-1").unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn the_certificate_of_another_authority_is_refused_over_starttls() {
    let forest = forest();
    let stranger = lab::Authority::create().unwrap();
    let ca_pem = stranger.pem().as_bytes().to_vec();
    let error = connect(DirectoryConfig { ca_pem, ..over_starttls(&forest) }).probe().await;
    let error = error.unwrap_err();
    assert!(matches!(error, DirectoryError::Certificate { .. }), "{error}");
    assert!(error.to_string().contains("not issued by"), "{error}");
}

#[tokio::test]
async fn starttls_on_the_port_of_ldaps_is_told_apart_and_so_is_the_reverse() {
    let forest = forest();
    let crossed = DirectoryConfig { ldap_port: forest.ldaps_port, ..over_starttls(&forest) };
    let error = connect(crossed).probe().await.unwrap_err().to_string();
    assert!(error.contains(&forest.controller), "{error}");
    let crossed = DirectoryConfig { ldaps_port: directory::LDAP_PORT, ..config(&forest) };
    let error = connect(crossed).probe().await.unwrap_err().to_string();
    assert!(error.contains("StartTLS") || error.contains("instead of beginning TLS"), "{error}");
}
