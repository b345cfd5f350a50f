//! The minimum age: from the moment that is told a set succeeds, and not before.

use std::time::Duration;

use clock::SystemClock;
use directory::{Directory as _, SetError, explain_refusal, too_young};
use protocol::{Clock as _, Outcome};

use crate::Settings;
use crate::world::{LATER, agent, forest, guid, password, somebody};

/// Long enough for a first try on a busy machine, and with a rest of less than a millisecond.
const AGE: Duration = Duration::from_nanos(3_000_123_400);

/// The lab's controller and this test go by the same clock.
#[tokio::test]
async fn a_set_succeeds_from_the_moment_that_is_told() {
    let forest = forest();
    let person = somebody(&forest);
    Settings { minimum_age: AGE, ..Settings::LAX }.add(&forest, &person.login, &[&person.dn]);
    let directory = agent(&forest);
    // So that the age counts from now, whatever setting this up has taken.
    forest.modify(&lab::reset_ldif(&person.dn, "Second-Password-1")).unwrap();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    let now = SystemClock.now();
    let not_before = too_young(policy.rules.as_ref(), &account, now).unwrap();
    // The steps that AD counts, rounded up.
    let steps = account.pwd_last_set_steps + 30_001_234;
    assert_eq!(directory::filetime::moment_from(steps), not_before);
    assert!(directory::filetime::moment(steps) <= not_before);

    let new = password("Third-Password-1");
    let error = directory.set_password(guid(&person), &new, LATER).await.unwrap_err();
    let SetError::Refused(refusal) = &error else { panic!("{error}") };
    assert!(refusal.diagnostic.contains("too young"), "{error}");
    let (outcome, details) = explain_refusal(policy.rules.as_ref(), &account, &new, now);
    assert_eq!((outcome, details.not_before), (Outcome::PolicyTooYoung, Some(not_before)));

    SystemClock.sleep(not_before.since(SystemClock.now())).await;
    while SystemClock.now() < not_before {
        tokio::task::yield_now().await;
    }
    assert_eq!(too_young(policy.rules.as_ref(), &account, SystemClock.now()), None);
    directory.set_password(guid(&person), &new, LATER).await.unwrap();
}
