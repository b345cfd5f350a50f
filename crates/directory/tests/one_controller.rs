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
use ldap3_proto::proto::LdapResultCode;
use staged::{Stage, host, login, stage};

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

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// Whom the controller takes an account with this token for, and its groups: by its name, and as the PDC
/// emulator.
async fn asker(stage: &Stage, token: &[&Sid]) -> Result<(Sid, Vec<Sid>), DirectoryError> {
    stage.state.lock().unwrap().token = token.iter().copied().cloned().collect();
    let one = client(stage).at(&host(1)).await.unwrap().asker().await;
    let same = client(stage).asker().await;
    let found = one.map(|asker| (asker.own, asker.groups));
    assert_eq!(found, same.map(|asker| (asker.own, asker.groups)));
    found
}

#[tokio::test]
async fn rights_are_looked_at_for_the_account_and_not_for_a_group_in_front_of_it() {
    let stage = stage(1, str::to_owned).await;
    let (own, group) = (sid("S-1-5-21-1-2-3-1104"), sid("S-1-5-21-1-2-3-513"));
    let of_elsewhere = sid("S-1-5-21-9-9-9-1104");
    let everyone = sid("S-1-1-0");
    let known = [(group.clone(), "group"), (own.clone(), "user")];
    stage.state.lock().unwrap().known = known.to_vec();
    for token in [[&own, &group, &everyone], [&everyone, &group, &own], [&group, &own, &everyone]] {
        let (found, groups) = asker(&stage, &token).await.unwrap();
        assert_eq!(found, own, "{token:?}");
        assert_eq!(groups.len(), 2, "{groups:?}");
        assert!(!groups.contains(&own), "{groups:?}");
    }
    for nobody in [&[&group, &of_elsewhere][..], &[&group, &everyone], &[]] {
        let error = asker(&stage, nobody).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Unreadable { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_account_of_another_domain_is_the_first_of_its_token_and_is_not_asked_about_group_by_group()
 {
    let stage = stage(1, str::to_owned).await;
    let of_elsewhere = sid("S-1-5-21-9-9-9-1104");
    let groups: Vec<Sid> = (600..800).map(|rid| sid(&format!("S-1-5-21-1-2-3-{rid}"))).collect();
    let token: Vec<&Sid> = std::iter::once(&of_elsewhere).chain(&groups).collect();
    stage.state.lock().unwrap().known = groups.iter().map(|sid| (sid.clone(), "group")).collect();
    assert_eq!(asker(&stage, &token).await.unwrap(), (of_elsewhere.clone(), groups.clone()));
    // Once by each of the two ways to ask.
    assert_eq!(std::mem::take(&mut stage.state.lock().unwrap().sids_asked), [201, 201]);
    // Where it is in a group, an object here stands for it.
    let stand_in = (of_elsewhere.clone(), "foreignSecurityPrincipal");
    stage.state.lock().unwrap().known.push(stand_in);
    assert_eq!(asker(&stage, &token).await.unwrap().0, of_elsewhere);
}

#[tokio::test]
async fn a_token_of_any_length_is_asked_about_in_questions_that_one_answer_can_hold() {
    let stage = stage(1, str::to_owned).await;
    let all: Vec<Sid> = (1_000..2_015).map(|rid| sid(&format!("S-1-5-21-1-2-3-{rid}"))).collect();
    let (own, groups) = all.split_last().unwrap();
    let mut known: Vec<_> = groups.iter().map(|sid| (sid.clone(), "group")).collect();
    known.push((own.clone(), "user"));
    stage.state.lock().unwrap().known = known;
    let token: Vec<&Sid> = all.iter().collect();
    assert_eq!(asker(&stage, &token).await.unwrap(), (own.clone(), groups.to_vec()));
    let asked = std::mem::take(&mut stage.state.lock().unwrap().sids_asked);
    assert_eq!(asked, [[250, 250, 250, 250, 15]; 2].concat());
}

#[tokio::test]
async fn a_refusal_to_look_for_sids_is_not_taken_for_an_account_of_another_domain() {
    let stage = stage(1, str::to_owned).await;
    let (own, group) = (sid("S-1-5-21-1-2-3-1104"), sid("S-1-5-21-1-2-3-513"));
    stage.state.lock().unwrap().known = vec![(group.clone(), "group"), (own.clone(), "user")];
    for code in [
        LdapResultCode::InsufficentAccessRights,
        LdapResultCode::Busy,
        LdapResultCode::OperationsError,
    ] {
        stage.state.lock().unwrap().refuses_sids = Some(code.clone());
        // The first is a group, for which anybody would be taken of whom nothing is known.
        let error = asker(&stage, &[&group, &own]).await.unwrap_err();
        let DirectoryError::Refused(refusal) = &error else { panic!("{error}") };
        assert_eq!(i64::from(refusal.result), code as i64);
    }
    stage.state.lock().unwrap().refuses_sids = None;
    assert_eq!(asker(&stage, &[&group, &own]).await.unwrap().0, own);
}

#[tokio::test]
async fn a_refusal_to_say_who_has_a_sid_is_not_taken_for_nobody() {
    let stage = stage(1, str::to_owned).await;
    let (somebody, nobody) = (sid("S-1-5-21-1-2-3-1104"), sid("S-1-5-21-1-2-3-1105"));
    stage.state.lock().unwrap().known = vec![(somebody.clone(), "user")];
    let directory = client(&stage);
    for code in [
        LdapResultCode::InsufficentAccessRights,
        LdapResultCode::Busy,
        LdapResultCode::UnwillingToPerform,
        LdapResultCode::OperationsError,
    ] {
        stage.state.lock().unwrap().refuses_sids = Some(code.clone());
        let number = code as i64;
        for sid in [&somebody, &nobody] {
            let error = directory.account_name_of(sid).await.unwrap_err();
            let DirectoryError::Refused(refusal) = &error else { panic!("{error}") };
            assert_eq!(i64::from(refusal.result), number);
        }
    }
    stage.state.lock().unwrap().refuses_sids = None;
    let named = Some(login(&somebody, "user"));
    assert_eq!(directory.account_name_of(&somebody).await.unwrap(), named);
    // 32, by which it says that nobody has it.
    assert_eq!(directory.account_name_of(&nobody).await.unwrap(), None);
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
