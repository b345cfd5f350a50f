//! Who looks at its own account is known as that account (SPEC D-6): the agent never resets its own.

use lab::Credentials;

use crate::suite::{Subject, guid, somebody};

pub async fn who_looks_at_its_own_account_is_known_as_it_and_as_no_other(subject: &dyn Subject) {
    let (person, other) = (somebody(subject), somebody(subject));
    // More SIDs in the token than its own.
    let (inner, outer) = (subject.add_group(), subject.add_group());
    subject.join(&inner, &outer);
    subject.join(&person.login, &inner);
    let who = Credentials { login: person.login.clone(), password: person.password.clone() };
    let directory = subject.directory_as(&who);
    let standing = directory.standing(guid(&person)).await.unwrap().unwrap();
    let account = standing.account.await.unwrap().unwrap();
    let bound_as = standing.bound_as.unwrap();
    assert!(account.group_sids.len() >= 3, "{:?}", account.group_sids);
    assert!(bound_as.is(&account.sid), "{bound_as:?}");
    assert_eq!(directory.probe().await.unwrap().bound_as, Some(bound_as.clone()));
    let standing = directory.standing(guid(&other)).await.unwrap().unwrap();
    let account = standing.account.await.unwrap().unwrap();
    assert!(!bound_as.is(&account.sid), "{bound_as:?}");
    assert_eq!(standing.bound_as, Some(bound_as));
}
