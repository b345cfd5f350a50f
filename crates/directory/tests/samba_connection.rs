//! The client's connection to a real Active Directory, the lab's Samba domain controller: shared,
//! not made at all, or lost on the way.
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

use directory::{BindRefusal, Directory as _, DirectoryError, SetError, Terms, Write, outcome};
use lab::{Bound, Forest, Person};
use protocol::Outcome;
use world::{LATER, agent, config, config_as, connect, forest, guid, password, somebody};

#[tokio::test]
async fn many_requests_share_the_connection() {
    let forest = forest();
    let directory = agent(&forest);
    let person = somebody(&forest);
    let reads = (0..40).map(|_| {
        let (directory, guid) = (directory.clone(), guid(&person));
        tokio::spawn(
            async move { directory.account(guid).await.unwrap().unwrap().sam_account_name },
        )
    });
    for read in reads.collect::<Vec<_>>() {
        assert_eq!(read.await.unwrap(), person.login);
    }
}

#[tokio::test]
async fn a_controller_with_a_certificate_of_another_authority_is_refused() {
    let forest = forest();
    let stranger = lab::Authority::create().unwrap();
    let config = directory::DirectoryConfig {
        ca_pem: stranger.pem().as_bytes().to_vec(),
        ..config(&forest)
    };
    let error = connect(config).probe().await.unwrap_err();
    assert!(matches!(error, DirectoryError::Certificate { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&forest.controller) && text.contains("not issued by"), "{text}");
    assert_eq!(error.outcome(), Outcome::CertificateRefused);
}

#[tokio::test]
async fn a_wrong_service_password_is_named_and_not_tried_again_and_again() {
    let forest = forest();
    let person = somebody(&forest);
    let wrong =
        lab::Credentials { login: person.login.clone(), password: "Wrong-Password-1".into() };
    let directory = connect(config_as(&forest, &wrong));
    for _ in 0..8 {
        let error = directory.probe().await.unwrap_err();
        let DirectoryError::BindRefused { refusal, .. } = error else { panic!("{error}") };
        assert_eq!(refusal, BindRefusal::WrongPassword);
    }
    // The threshold is 5: eight binds would have locked it.
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
    let error = directory
        .set_password(guid(&person), &password("New-Password-1"), LATER)
        .await
        .unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::ServiceAccountRefused);
}

#[tokio::test]
async fn where_nothing_listens_the_pdc_is_unreachable() {
    let forest = forest();
    // Bound for a moment, so that the port is free of others.
    let port =
        std::net::TcpListener::bind((forest.address, 0)).unwrap().local_addr().unwrap().port();
    let config = directory::DirectoryConfig { ldaps_port: port, ..config(&forest) };
    let error = connect(config).probe().await.unwrap_err();
    assert!(
        matches!(&error, DirectoryError::PdcUnreachable { cause } if cause.contains(&forest.controller)),
        "{error}"
    );
    assert_eq!(error.outcome(), Outcome::PdcUnreachable);
}

#[tokio::test]
async fn a_domain_that_dns_does_not_know_and_a_head_that_is_not_served_are_told_apart() {
    let forest = forest();
    let unknown =
        directory::DirectoryConfig { domain: "nowhere.passback.test".into(), ..config(&forest) };
    let error = connect(unknown).probe().await.unwrap_err();
    assert!(matches!(error, DirectoryError::PdcUnreachable { .. }), "{error}");
    let base_dn = "DC=other,DC=test".parse().unwrap();
    let other = directory::DirectoryConfig { base_dn, ..config(&forest) };
    let error = connect(other).probe().await.unwrap_err();
    assert!(matches!(error, DirectoryError::Configuration(_)), "{error}");
}

/// A set whose answer, or which itself, is lost on the way.
async fn cut(forest: &Forest, lose: impl Fn(&world::Wire, bool)) -> (Person, u32) {
    let wire = world::Wire::to(forest).await;
    let config = directory::DirectoryConfig { ldaps_port: wire.port, ..config(forest) };
    let directory = connect(config);
    let person = somebody(forest);
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    lose(&wire, true);
    let new = password("Second-Password-1");
    let error = directory
        .write(guid(&person), Write::Reset(&new), Terms { not_after: LATER, noted: Some(&before) })
        .await
        .unwrap_err();
    assert!(matches!(error, SetError::Unknown { .. }), "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::InDoubt);
    lose(&wire, false);
    // The same client, over a new connection.
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(after.invocation_id, before.invocation_id);
    (person, after.version - before.version)
}

#[tokio::test]
async fn a_lost_answer_leaves_doubt_and_the_witness_shows_that_it_was_set() {
    let forest = forest();
    let (person, sets) = cut(&forest, world::Wire::lose_answers).await;
    assert_eq!(sets, 1);
    assert_eq!(forest.bind(&person.login, "Second-Password-1").unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn a_lost_request_leaves_doubt_and_the_witness_shows_that_it_was_not_set() {
    let forest = forest();
    let (person, sets) = cut(&forest, world::Wire::lose_requests).await;
    assert_eq!(sets, 0);
    assert_eq!(forest.bind(&person.login, &person.password).unwrap(), Bound::Accepted);
}

#[tokio::test]
async fn a_connection_that_died_unnoticed_is_replaced_by_the_next_read() {
    let forest = forest();
    let wire = world::Wire::to(&forest).await;
    let config = directory::DirectoryConfig { ldaps_port: wire.port, ..config(&forest) };
    let directory = connect(config);
    let person = somebody(&forest);
    directory.account(guid(&person)).await.unwrap().unwrap();
    wire.lose_requests(true);
    let dead = directory.account(guid(&person)).await.unwrap_err();
    assert_eq!(dead.outcome(), Outcome::PdcUnreachable);
    wire.lose_requests(false);
    directory.account(guid(&person)).await.unwrap().unwrap();
}
