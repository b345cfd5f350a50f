//! What is written besides a reset: changes, unlocks, and that a password must be changed.

use directory::{AdCode, Directory, PwdLastSet, SetError, Terms, Write, outcome};
use lab::{Bound, NewPerson, Person};
use protocol::Outcome;

use super::{DAY, SECOND, lax, refused};
use crate::suite::{Subject, guid, password, somebody};

async fn change(
    directory: &dyn Directory,
    person: &Person,
    old: &str,
    new: &str,
) -> Result<(), SetError> {
    let (old, new) = (password(old), password(new));
    directory.write(guid(person), Write::Change { old: &old, new: &new }, Terms::ANY).await
}

async fn unlock(directory: &dyn Directory, person: &Person) -> Result<(), SetError> {
    directory.write(guid(person), Write::Unlock, Terms::ANY).await
}

async fn require_change(directory: &dyn Directory, person: &Person) -> Result<(), SetError> {
    directory.write(guid(person), Write::RequireChange, Terms::ANY).await
}

/// Locks an account by wrong passwords.
fn lock(subject: &dyn Subject, person: &Person) {
    for _ in 0..5 {
        assert_eq!(subject.bind(person, "wrong"), refused("52e"));
    }
    assert_eq!(subject.bind(person, &person.password), refused("775"));
}

fn code(error: &SetError) -> Option<AdCode> {
    match error {
        SetError::Refused(refusal) => refusal.code,
        _ => None,
    }
}

pub async fn a_change_takes_the_new_password_for_the_old_one(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    change(&*directory, &person, &person.password, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
    assert_eq!(subject.bind(&person, &person.password), refused("52e"));
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(after.version, before.version + 1, "it is settled like a set");
}

pub async fn a_change_with_a_wrong_old_password_is_refused_as_such(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    for _ in 0..5 {
        assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
        let error = change(&*directory, &person, "Not-The-Password-1", SECOND).await.unwrap_err();
        assert_eq!(code(&error), Some(AdCode::INVALID_PASSWORD), "{error}");
        assert_eq!(outcome::outcome(&error), Outcome::WrongOldPassword);
    }
    // A sign-in in between begins the count anew; without one the directory counts.
    for _ in 0..4 {
        change(&*directory, &person, "Not-The-Password-1", SECOND).await.unwrap_err();
    }
    assert_eq!(subject.bind(&person, &person.password), refused("775"));
    let error = change(&*directory, &person, &person.password, SECOND).await.unwrap_err();
    assert_eq!(outcome::outcome(&error), Outcome::LockedOut, "{error}");
}

pub async fn a_change_obeys_history_and_age_without_any_control(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let error = change(&*directory, &person, &person.password, &person.password).await.unwrap_err();
    assert_eq!(code(&error), Some(AdCode::PASSWORD_RESTRICTION), "{error}");
    let young = somebody(subject);
    let policy = directory_fake::FakePolicy { minimum_age: DAY, ..lax() };
    subject.add_settings(&policy, 30, &young.login);
    let error = change(&*directory, &young, &young.password, SECOND).await.unwrap_err();
    assert_eq!(code(&error), Some(AdCode::PASSWORD_RESTRICTION), "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::PolicyOther);
    assert_eq!(subject.bind(&young, &young.password), Bound::Accepted);
}

pub async fn an_unlock_leaves_the_password_alone(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    lock(subject, &person);
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    unlock(&*directory, &person).await.unwrap();
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.lockout_time, None);
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!((after.version, after.pwd_last_set), (before.version, before.pwd_last_set));
    unlock(&*directory, &person).await.unwrap();
}

pub async fn a_disabled_account_that_is_unlocked_stays_disabled(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { disabled: true, ..NewPerson::default() });
    let directory = subject.directory();
    unlock(&*directory, &person).await.unwrap();
    assert!(directory.account(guid(&person)).await.unwrap().unwrap().is_disabled());
    assert_eq!(subject.bind(&person, &person.password), refused("533"));
}

pub async fn a_password_is_made_to_be_changed_in_a_step_of_its_own(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    super::set(&*directory, &person, SECOND).await.unwrap();
    let set = directory.witness(guid(&person)).await.unwrap().unwrap();
    require_change(&*directory, &person).await.unwrap();
    // It may be repeated after a crash.
    require_change(&*directory, &person).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), refused("773"));
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!((after.version, after.pwd_last_set), (set.version, PwdLastSet::Never));
    assert!(set.of_one_write && !after.of_one_write && !after.expired_when_set());
    change(&*directory, &person, SECOND, "Third-Password-1").await.unwrap();
    assert!(directory.witness(guid(&person)).await.unwrap().unwrap().of_one_write);
    assert_eq!(subject.bind(&person, "Third-Password-1"), Bound::Accepted);
}

pub async fn without_rights_nothing_is_unlocked_or_made_to_be_changed(subject: &dyn Subject) {
    let outside = NewPerson { unit: "OU=Service".to_owned(), ..NewPerson::default() };
    let person = subject.add(&outside);
    let directory = subject.directory();
    for error in [
        unlock(&*directory, &person).await.unwrap_err(),
        require_change(&*directory, &person).await.unwrap_err(),
    ] {
        assert!(matches!(&error, SetError::Refused(refusal) if refusal.result == 50), "{error}");
        assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing);
    }
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn what_is_not_there_cannot_be_written(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    subject.remove(&person);
    for error in [
        unlock(&*directory, &person).await.unwrap_err(),
        require_change(&*directory, &person).await.unwrap_err(),
        change(&*directory, &person, &person.password, SECOND).await.unwrap_err(),
    ] {
        assert_eq!(outcome::outcome(&error), Outcome::UserGone, "{error}");
    }
}

pub async fn a_locked_account_refuses_a_change(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    lock(subject, &person);
    let error = change(&*directory, &person, &person.password, SECOND).await.unwrap_err();
    assert!(matches!(error, SetError::Refused(_)), "{error}");
    unlock(&*directory, &person).await.unwrap();
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}
