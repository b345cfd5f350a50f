//! What a client is told about itself: whom it is bound as, or why it is not bound.

use directory::{BindRefusal, DirectoryError, PolicyControl, SetError};
use lab::{Bound, Credentials, NewPerson};
use protocol::Outcome;

use super::{SECOND, set};
use crate::suite::{Subject, guid, somebody};

pub async fn a_probe_says_who_is_bound_and_which_control_there_is(subject: &dyn Subject) {
    let directory = subject.directory();
    let probe = directory.probe().await.unwrap();
    assert!(probe.controller.starts_with("dc1."), "{}", probe.controller);
    assert_eq!(probe.policy_control, Some(PolicyControl::Current));
    for oid in ["1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801"] {
        assert!(probe.controls.iter().any(|offered| offered == oid), "{oid}");
    }
    // Somebody else is somebody else.
    let person = somebody(subject);
    let own = directory.account(guid(&person)).await.unwrap().unwrap().sid;
    let who = Credentials { login: person.login, password: person.password };
    assert!(subject.directory_as(&who).probe().await.unwrap().bound_as.unwrap().is(&own));
    assert!(!probe.bound_as.unwrap().is(&own));
}

pub async fn a_client_with_a_wrong_password_is_told_so(subject: &dyn Subject) {
    let person = somebody(subject);
    let who = Credentials { login: person.login.clone(), password: "wrong".to_owned() };
    let directory = subject.directory_as(&who);
    // The second time nothing is asked: every wrong password counts towards a lockout.
    for _ in 0..7 {
        let error = directory.probe().await.unwrap_err();
        let DirectoryError::BindRefused { refusal, .. } = &error else { panic!("{error}") };
        assert_eq!(*refusal, BindRefusal::WrongPassword);
        assert_eq!(error.outcome(), Outcome::ServiceAccountRefused);
    }
    let set = set(&*directory, &person, SECOND).await;
    assert!(matches!(set, Err(SetError::NotSent(DirectoryError::BindRefused { .. }))));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn a_client_whose_account_is_disabled_is_told_so(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { disabled: true, ..NewPerson::default() });
    let who = Credentials { login: person.login, password: person.password };
    let error = subject.directory_as(&who).probe().await.unwrap_err();
    let DirectoryError::BindRefused { refusal, .. } = &error else { panic!("{error}") };
    assert_eq!(*refusal, BindRefusal::Disabled);
}
