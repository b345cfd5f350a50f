//! Which policy applies to whom, and who may read it.

use std::time::Duration;

use clock::SystemClock;
use directory::{SetError, Terms, Write, filetime};
use directory_fake::FakePolicy;
use lab::{Bound, Credentials, Person};
use protocol::policy::Judge;
use protocol::{Clock as _, Outcome};

use super::{explained, lax, refused, set};
use crate::suite::{DOMAIN_LOCAL, GLOBAL, MAIL, Subject, UNIVERSAL, guid, somebody};

pub async fn the_domain_s_policy_is_read(subject: &dyn Subject) {
    let policy = subject.directory().policy(None).await.unwrap();
    let rules = policy.rules.unwrap();
    assert_eq!((rules.minimum_length, rules.complexity), (7, true));
    assert_eq!((rules.history_length, rules.minimum_age_seconds), (24, 0));
    assert_eq!(policy.source.reference(), format!("domain {}", subject.head()));
    assert_eq!(rules.judged_by, Some(Judge::Samba));
}

async fn source(subject: &dyn Subject, person: &Person) -> String {
    let directory = subject.directory();
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert!(policy.rules.is_some());
    policy.source.reference()
}

pub async fn of_two_policies_the_one_with_precedence_decides(subject: &dyn Subject) {
    let person = somebody(subject);
    let (inner, outer) = (subject.add_group(), subject.add_group());
    subject.join(&person.login, &inner);
    subject.join(&inner, &outer);
    assert_eq!(source(subject, &person).await, format!("domain {}", subject.head()));
    let second = subject.add_settings(&lax(), 31, &inner);
    assert_eq!(source(subject, &person).await, format!("PSO {second}"));
    // Through a nested group, too.
    let first = subject.add_settings(&lax(), 30, &outer);
    assert_eq!(source(subject, &person).await, format!("PSO {first}"));
    // It decides: the domain's policy would refuse this one.
    set(&*subject.directory(), &person, "x").await.unwrap();
}

pub async fn a_policy_of_ones_own_comes_before_those_of_groups(subject: &dyn Subject) {
    let person = somebody(subject);
    let group = subject.add_group();
    subject.join(&person.login, &group);
    subject.add_settings(&lax(), 5, &group);
    let strict = FakePolicy { minimum_length: 20, ..lax() };
    let own = subject.add_settings(&strict, 50, &person.login);
    assert_eq!(source(subject, &person).await, format!("PSO {own}"));
    let directory = subject.directory();
    assert_eq!(
        explained(&*directory, &person, "nineteen characters").await,
        Outcome::PolicyTooShort
    );
    set(&*directory, &person, "twenty characters ok").await.unwrap();
}

/// Whether this policy, which asks for nothing, decides about a person: the directory says so, and judges
/// by it.
async fn decides(subject: &dyn Subject, settings: &str, person: &Person) -> bool {
    let source = source(subject, person).await;
    let decides = source == format!("PSO {settings}");
    assert!(decides || source == format!("domain {}", subject.head()), "{source}");
    // The domain's refuses this one.
    match set(&*subject.directory(), person, "x").await {
        Ok(()) => assert!(decides, "{source}"),
        Err(SetError::Refused(refusal)) => assert!(refusal.is_policy() && !decides, "{source}"),
        Err(error) => panic!("{error}"),
    }
    decides
}

/// Samba counts every group for security but the built-in ones, and AD only global ones (MS-ADTS
/// 3.1.1.4.5.36), of which `time_and_flavour` has what the fake says as Windows.
pub async fn a_policy_reaches_through_groups_for_security_and_not_through_built_in_ones(
    subject: &dyn Subject,
) {
    for (kinds, reaches) in [
        (&[GLOBAL][..], true),
        (&[UNIVERSAL], true),
        (&[DOMAIN_LOCAL], true),
        (&[MAIL], false),
        (&[GLOBAL, GLOBAL], true),
        (&[GLOBAL, UNIVERSAL, GLOBAL], true),
        (&[GLOBAL, MAIL, GLOBAL], false),
    ] {
        let person = somebody(subject);
        let mut last = person.login.clone();
        for kind in kinds {
            let group = subject.add_group_of(*kind);
            subject.join(&last, &group);
            last = group;
        }
        let settings = subject.add_settings(&lax(), 20, &last);
        assert_eq!(decides(subject, &settings, &person).await, reaches, "{kinds:?}");
    }
    let person = somebody(subject);
    subject.join(&person.login, "Replicator");
    let settings = subject.add_settings(&lax(), 20, "Replicator");
    assert!(!decides(subject, &settings, &person).await, "built in");
}

pub async fn a_policy_reaches_through_the_primary_group(subject: &dyn Subject) {
    let (inner, outer) = (subject.add_group(), subject.add_group());
    subject.join(&inner, &outer);
    let person = somebody(subject);
    subject.join(&person.login, &inner);
    let number = subject.sid_of(&inner).domain_rid().unwrap();
    subject.put(&person, "primaryGroupID", &number.to_string());
    let settings = subject.add_settings(&lax(), 20, &inner);
    assert!(decides(subject, &settings, &person).await);
    let settings = subject.add_settings(&lax(), 19, &outer);
    assert!(decides(subject, &settings, &person).await, "from above it, too");
}

/// Also one that is applied to the account itself.
pub async fn a_policy_is_for_ordinary_accounts_alone(subject: &dyn Subject) {
    let person = somebody(subject);
    let settings = subject.add_settings(&lax(), 20, &person.login);
    assert_eq!(source(subject, &person).await, format!("PSO {settings}"));
    // WORKSTATION_TRUST_ACCOUNT (MS-ADTS 2.2.16).
    subject.put(&person, "userAccountControl", "4096");
    assert_eq!(source(subject, &person).await, format!("domain {}", subject.head()));
}

pub async fn a_policy_s_rules_are_hidden_from_whoever_may_not_read_them(subject: &dyn Subject) {
    let (person, other) = (somebody(subject), somebody(subject));
    let name = subject.add_settings(&lax(), 20, &person.login);
    let who = Credentials { login: other.login, password: other.password };
    let directory = subject.directory_as(&who);
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(policy.source.reference(), format!("PSO {name}"));
    assert_eq!(policy.rules, None);
}

pub async fn a_policy_has_a_lockout_of_its_own(subject: &dyn Subject) {
    let person = somebody(subject);
    subject.add_settings(&FakePolicy { lockout_threshold: 2, ..lax() }, 20, &person.login);
    for _ in 0..2 {
        assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    }
    assert_eq!(subject.bind(&person, &person.password), refused("775"));
}

/// A lockout that has run out stays in `lockoutTime` until the next sign-in (SPEC D-7).
pub async fn a_lockout_is_over_when_it_has_run_out_for_whoever_may_not_read_its_rules(
    subject: &dyn Subject,
) {
    let (person, other) = (somebody(subject), somebody(subject));
    subject.add_settings(&FakePolicy { lockout_threshold: 5, ..lax() }, 20, &person.login);
    let who = Credentials { login: other.login, password: other.password };
    let directory = subject.directory_as(&who);
    // Of half an hour.
    for (minutes, locked) in [(1, true), (60, false)] {
        let since = SystemClock.now().before(Duration::from_secs(minutes * 60));
        subject.put(&person, "lockoutTime", &filetime::from_moment(since).to_string());
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!(directory.effective_policy(&account).await.unwrap().rules, None);
        assert_eq!((account.lockout_time.is_some(), account.locked_now), (true, Some(locked)));
        assert_eq!(account.is_locked(None, SystemClock.now()), Some(locked), "{minutes} minutes");
    }
    subject.put(&person, "lockoutTime", "0");
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!((account.lockout_time, account.locked_now), (None, Some(false)));
}

/// The sign-in writes it: the version rises, and nothing is left to unlock.
pub async fn a_lockout_that_has_run_out_is_cleared_by_the_next_sign_in(subject: &dyn Subject) {
    let person = somebody(subject);
    subject.add_settings(&FakePolicy { lockout_threshold: 2, ..lax() }, 20, &person.login);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
    assert_eq!(subject.lockout_writes(&person), 0, "there was nothing to clear");
    for _ in 0..2 {
        assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    }
    assert_eq!(subject.bind(&person, &person.password), refused("775"));
    assert_eq!(subject.lockout_writes(&person), 1);
    // It was of half an hour, and an hour ago.
    let since = SystemClock.now().before(Duration::from_secs(60 * 60));
    subject.put(&person, "lockoutTime", &filetime::from_moment(since).to_string());
    let directory = subject.directory();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!((account.is_unlocked(), account.locked_now), (false, Some(false)));
    for _ in 0..2 {
        assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!((account.lockout_time, account.is_unlocked()), (None, true));
        assert_eq!(subject.lockout_writes(&person), 3, "the second sign-in has nothing to clear");
    }
    directory.write(guid(&person), Write::Unlock, Terms::ANY).await.unwrap();
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}
