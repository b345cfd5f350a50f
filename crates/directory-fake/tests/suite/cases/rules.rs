//! The rules that a password is judged by: length and kinds of characters, history, age.

use std::time::Duration;

use clock::SystemClock;
use directory::{PolicyControl, PwdLastSet, SetError, Terms, Write, filetime, too_young};
use directory_fake::{FakePolicy, PolicyControls};
use lab::{Bound, NewPerson};
use protocol::{Clock as _, Outcome};

use super::{DAY, SECOND, explained, lax, set};
use crate::suite::{Subject, guid, password, somebody};

pub async fn every_refused_rule_is_named_and_changes_nothing(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(explained(&*directory, &person, "Ab1!").await, Outcome::PolicyTooShort);
    assert_eq!(explained(&*directory, &person, "aaaaaaaaaaaa").await, Outcome::PolicyNotComplex);
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(before, after);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn kinds_of_characters_are_counted_alike(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    for (text, complex) in [
        ("aaaa AAAA", false),
        ("aaaa_AAAA", true),
        ("密碼密碼😀😀a", false),
        ("密碼密碼😀😀a1", true),
        ("aaaaÉaaa1", true),
        ("aaaaéaaa1", false),
        ("1234567!", false),
    ] {
        let taken = set(&*directory, &person, text).await;
        assert_eq!(taken.is_ok(), complex, "{text}");
    }
}

pub async fn history_is_enforced_on_the_present_password_and_on_earlier_ones(
    subject: &dyn Subject,
) {
    let person = somebody(subject);
    let directory = subject.directory();
    assert_eq!(explained(&*directory, &person, &person.password).await, Outcome::PolicyHistory);
    set(&*directory, &person, SECOND).await.unwrap();
    assert_eq!(explained(&*directory, &person, &person.password).await, Outcome::PolicyHistory);
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn a_history_of_three_remembers_three(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.add_settings(&FakePolicy { history_length: 3, ..lax() }, 20, &person.login);
    let mut taken = Vec::new();
    for text in ["A1", "A2", "A1", "A3", "A4", "A1", "A2", "A1"] {
        taken.push(set(&*directory, &person, text).await.is_ok());
    }
    assert_eq!(taken, [true, true, false, true, true, true, true, false]);
}

pub async fn a_history_that_was_kept_counts_under_a_shorter_one_until_the_next_set(
    subject: &dyn Subject,
) {
    let person = somebody(subject);
    let directory = subject.directory();
    set(&*directory, &person, SECOND).await.unwrap();
    // From here on no history is asked for.
    subject.add_settings(&lax(), 20, &person.login);
    for text in [&person.password, SECOND] {
        assert_eq!(explained(&*directory, &person, text).await, Outcome::PolicyOther);
    }
    for text in ["a", "a", "b", "a", SECOND, &person.password] {
        set(&*directory, &person, text).await.unwrap();
    }
}

pub async fn a_password_that_is_too_young_is_refused_whatever_the_new_one_is(
    subject: &dyn Subject,
) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.add_settings(
        &FakePolicy { minimum_age: DAY, ..FakePolicy::default() },
        20,
        &person.login,
    );
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(policy.rules.as_ref().unwrap().minimum_age_seconds, 86_400);
    // The agent's own check says from when on; the directory refuses, too.
    let PwdLastSet::At(last_set) = account.pwd_last_set else { panic!("never set") };
    let from = too_young(policy.rules.as_ref(), &account, SystemClock.now()).unwrap();
    // To the next millisecond: AD counts in steps of 100 ns.
    assert!(from.since(last_set.after(DAY)) <= Duration::from_millis(1));
    assert_eq!(from, filetime::moment_from(account.pwd_last_set_steps + 864_000_000_000));
    for text in [SECOND, "S", &person.password] {
        let error = set(&*directory, &person, text).await.unwrap_err();
        assert!(matches!(&error, SetError::Refused(refusal) if refusal.is_policy()), "{error}");
    }
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn the_older_control_has_history_and_age_enforced_too(subject: &dyn Subject) {
    subject.offer(PolicyControls::DeprecatedOnly);
    let (person, young) = (somebody(subject), somebody(subject));
    let directory = subject.directory();
    let control = directory.probe().await.unwrap().policy_control;
    assert_eq!(control, Some(PolicyControl::Deprecated));
    assert_eq!(explained(&*directory, &person, &person.password).await, Outcome::PolicyHistory);
    set(&*directory, &person, SECOND).await.unwrap();
    assert_eq!(explained(&*directory, &person, &person.password).await, Outcome::PolicyHistory);
    subject.add_settings(&FakePolicy { minimum_age: DAY, ..lax() }, 20, &young.login);
    assert_eq!(explained(&*directory, &young, SECOND).await, Outcome::PolicyTooYoung);
}

pub async fn a_reset_without_policy_hints_asks_for_neither_history_nor_age(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { locked: true, ..NewPerson::default() });
    let directory = subject.directory();
    let policy = FakePolicy { minimum_age: DAY, ..FakePolicy::default() };
    subject.add_settings(&policy, 20, &person.login);
    let reset = async |text: &str| {
        let new = password(text);
        directory.write(guid(&person), Write::ResetWithoutHints(&new), Terms::ANY).await
    };
    for text in [&person.password, SECOND, &person.password, &person.password] {
        reset(text).await.unwrap();
        assert_eq!(subject.bind(&person, text), Bound::Accepted);
    }
    // All else is the directory's in every reset.
    for text in ["Ab1!", "aaaaaaaaaaaa"] {
        let error = reset(text).await.unwrap_err();
        assert!(matches!(&error, SetError::Refused(refusal) if refusal.is_policy()), "{error}");
    }
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn whoever_must_change_is_never_too_young(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.add_settings(
        &FakePolicy { minimum_age: DAY, ..FakePolicy::default() },
        20,
        &person.login,
    );
    subject.put(&person, "pwdLastSet", "0");
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    assert_eq!(too_young(policy.rules.as_ref(), &account, SystemClock.now()), None);
    set(&*directory, &person, SECOND).await.unwrap();
}
