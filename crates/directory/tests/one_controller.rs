//! One controller by its name: what DNS and each of them say about who holds the PDC role.
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
use directory::{DirectoryConfig, DirectoryError, LdapDirectory};
use staged::{Stage, host, stage};

fn client(stage: &Stage) -> LdapDirectory {
    LdapDirectory::new(stage.config.clone(), Arc::new(SystemClock)).unwrap()
}

#[tokio::test]
async fn dns_and_the_controllers_are_asked_apart_about_who_holds_the_role() {
    let stage = stage(2, str::to_owned).await;
    {
        let mut state = stage.state.lock().unwrap();
        // dc9 has an address and listens nowhere: DNS lags behind the role.
        (state.in_dns, state.owner) = (host(9), host(2));
        state.all_in_dns = vec![host(1), host(2), host(9)];
    }
    let directory = client(&stage);
    assert_eq!(directory.pdc_in_dns().await.unwrap(), [host(9)]);
    assert_eq!(directory.controllers().await.unwrap(), [host(1), host(2), host(9)]);
    for number in [1, 2] {
        let controller = directory.at(&host(number)).await.unwrap();
        assert_eq!((controller.host(), controller.is_samba()), (&*host(number), false));
        assert_eq!(controller.pdc().await.unwrap(), host(2));
    }
    let error = directory.at(&host(9)).await.err().unwrap();
    assert!(matches!(error, DirectoryError::PdcUnreachable { .. }), "{error}");
    assert!(error.to_string().contains(&host(9)), "{error}");
}

#[tokio::test]
async fn one_of_another_domain_is_not_asked_anything() {
    let stage = stage(1, str::to_owned).await;
    let base_dn = "DC=other,DC=test".parse().unwrap();
    let config = DirectoryConfig { base_dn, ..stage.config.clone() };
    let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
    let error = directory.at(&host(1)).await.err().unwrap();
    assert!(matches!(error, DirectoryError::Configuration(_)), "{error}");
}
