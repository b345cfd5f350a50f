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
use directory::{DirectoryConfig, DirectoryError, LdapDirectory, Sid};
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
async fn rights_are_looked_at_for_the_account_and_not_for_a_group_in_front_of_it() {
    let stage = stage(1, str::to_owned).await;
    let sid = |text: &str| text.parse::<Sid>().unwrap();
    let (own, group) = (sid("S-1-5-21-1-2-3-1104"), sid("S-1-5-21-1-2-3-513"));
    let of_elsewhere = sid("S-1-5-21-9-9-9-1104");
    let everyone = sid("S-1-1-0");
    let known = [(group.clone(), "group"), (own.clone(), "user")];
    let asked = async |token: &[&Sid]| {
        stage.state.lock().unwrap().token = token.iter().copied().cloned().collect();
        stage.state.lock().unwrap().known = known.to_vec();
        let one = client(&stage).at(&host(1)).await.unwrap().asker().await;
        let same = client(&stage).asker().await;
        let found = one.map(|asker| (asker.own, asker.groups));
        assert_eq!(found, same.map(|asker| (asker.own, asker.groups)));
        found
    };
    for token in [[&own, &group, &everyone], [&everyone, &group, &own], [&group, &own, &everyone]] {
        let (found, groups) = asked(&token).await.unwrap();
        assert_eq!(found, own, "{token:?}");
        assert_eq!(groups.len(), 2, "{groups:?}");
        assert!(!groups.contains(&own), "{groups:?}");
    }
    // An account of another domain, which nobody knows here.
    assert_eq!(asked(&[&of_elsewhere, &group]).await.unwrap().0, of_elsewhere);
    for nobody in [&[&group, &of_elsewhere][..], &[&group, &everyone], &[]] {
        let error = asked(nobody).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Unreadable { .. }), "{error}");
    }
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
