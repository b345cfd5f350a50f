//! A password is set: what that does to the account, what the witness shows of it, and who may.

use clock::SystemClock;
use directory::{ObjectGuid, PwdLastSet, SetError, Terms, Write, outcome};
use futures_util::future::join_all;
use lab::{Bound, NewPerson};
use protocol::{Clock as _, Outcome};

use super::{SECOND, refused, set};
use crate::suite::{LATER, Subject, guid, password, somebody};

pub async fn after_a_set_the_new_password_is_taken_and_the_old_one_refused(subject: &dyn Subject) {
    let person = somebody(subject);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
    set(&*subject.directory(), &person, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
    assert_eq!(subject.bind(&person, &person.password), refused("52e"));
}

pub async fn a_set_unlocks(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(before.lockout_time, None);
    for _ in 0..5 {
        assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    }
    assert_eq!(subject.bind(&person, &person.password), refused("775"));
    let locked = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(locked.lockout_time.is_some());
    set(&*directory, &person, SECOND).await.unwrap();
    let unlocked = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(unlocked.lockout_time, None);
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
    // The count began anew: one wrong one does not lock again.
    assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn a_disabled_account_is_set_and_stays_disabled(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { disabled: true, ..NewPerson::default() });
    let directory = subject.directory();
    set(&*directory, &person, SECOND).await.unwrap();
    assert!(directory.account(guid(&person)).await.unwrap().unwrap().is_disabled());
    assert_eq!(subject.bind(&person, SECOND), refused("533"));
}

pub async fn an_expired_account_is_set_and_stays_expired(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { expired: true, ..NewPerson::default() });
    set(&*subject.directory(), &person, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), refused("701"));
}

pub async fn who_must_change_has_done_so_after_a_set(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { must_change: true, ..NewPerson::default() });
    let directory = subject.directory();
    set(&*directory, &person, SECOND).await.unwrap();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(matches!(account.pwd_last_set, PwdLastSet::At(_)));
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn who_cannot_change_is_read_and_set(subject: &dyn Subject) {
    let person = subject.add(&NewPerson { cannot_change: true, ..NewPerson::default() });
    let directory = subject.directory();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(account.cannot_change_password);
    // The directory does not mind; it is the agent that refuses (SPEC D-7).
    set(&*directory, &person, SECOND).await.unwrap();
    assert_eq!(subject.bind(&person, SECOND), Bound::Accepted);
}

pub async fn hard_passwords_are_taken_as_they_are(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let longest = format!("Aa1!{}", "x".repeat(252));
    for text in
        ["\"Quoted-1\"", "'); DROP--1aA", "Zoë-Ĳssel-12", "😀😀😀aA", "密碼密碼aA1", &longest]
    {
        set(&*directory, &person, text).await.unwrap();
        assert_eq!(subject.bind(&person, text), Bound::Accepted, "{text}");
    }
    // One that is made of other code points is another one.
    assert_eq!(subject.bind(&person, &longest[1..]), refused("52e"));
}

pub async fn the_witness_rises_by_one_with_each_set_and_not_with_a_refusal(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let first = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(first.controller, directory.probe().await.unwrap().controller);
    assert_eq!(first.originator, Some(first.invocation_id));
    for count in 1..=3 {
        let new = password(&format!("Password-Number-{count}"));
        directory
            .write(
                guid(&person),
                Write::Reset(&new),
                Terms { not_after: LATER, noted: Some(&first) },
            )
            .await
            .unwrap();
        let after = directory.witness(guid(&person)).await.unwrap().unwrap();
        assert_eq!(after.version, first.version + count);
        // Not later: the account may have been made within the same millisecond.
        let (PwdLastSet::At(made), PwdLastSet::At(set)) = (first.pwd_last_set, after.pwd_last_set)
        else {
            panic!("{first:?} {after:?}")
        };
        assert!(set >= made);
    }
    set(&*directory, &person, "a").await.unwrap_err();
    subject.put(&person, "pwdLastSet", "0");
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!((after.version, after.pwd_last_set), (first.version + 3, PwdLastSet::Never));
}

pub async fn how_somebody_stands_is_the_witness_and_the_account(subject: &dyn Subject) {
    let person = somebody(subject);
    let group = subject.add_group();
    subject.join(&person.login, &group);
    let directory = subject.directory();
    let standing = directory.standing(guid(&person)).await.unwrap().unwrap();
    let (witness, account) = (standing.witness, standing.account.await.unwrap().unwrap());
    assert_eq!(standing.bound_as, directory.probe().await.unwrap().bound_as);
    assert_eq!(Some(witness), directory.witness(guid(&person)).await.unwrap());
    let alone = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(format!("{account:?}"), format!("{alone:?}"));
    assert!(account.group_sids.len() >= 2, "{:?}", account.group_sids);
    subject.remove(&person);
    assert!(directory.standing(guid(&person)).await.unwrap().is_none());
}

pub async fn when_the_role_was_given_is_told_and_no_set_changes_it(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let now = directory.time().await.unwrap();
    let given = directory.role_given().await.unwrap().expect("a domain has a PDC emulator");
    assert!(given <= now, "{given:?} is before {now:?}");
    set(&*directory, &person, SECOND).await.unwrap();
    assert_eq!(directory.role_given().await.unwrap(), Some(given));
}

pub async fn a_set_for_another_controller_s_witness_is_not_sent(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let mut elsewhere = directory.witness(guid(&person)).await.unwrap().unwrap();
    elsewhere.invocation_id.0 = ObjectGuid::from_bytes([1; 16]);
    let moved = directory
        .write(
            guid(&person),
            Write::Reset(&password(SECOND)),
            Terms { not_after: LATER, noted: Some(&elsewhere) },
        )
        .await;
    assert_eq!(moved, Err(SetError::ControllerMoved));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn a_set_whose_time_is_over_is_not_sent(subject: &dyn Subject) {
    let person = somebody(subject);
    let now = SystemClock.now();
    let late = subject.directory().set_password(guid(&person), &password(SECOND), now).await;
    assert_eq!(late, Err(SetError::TooLate));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn sets_at_the_same_time_are_all_counted(subject: &dyn Subject) {
    let person = somebody(subject);
    let directory = subject.directory();
    let before = directory.witness(guid(&person)).await.unwrap().unwrap();
    let texts: Vec<_> = (0..4).map(|count| format!("Password-Number-{count}")).collect();
    let sets = texts.iter().map(|text| set(&*directory, &person, text));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    let after = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!(after.version, before.version + 4);
    let accepted = texts.iter().filter(|text| subject.bind(&person, text) == Bound::Accepted);
    assert_eq!(accepted.count(), 1, "one of them is the password");
}

pub async fn where_no_right_was_delegated_the_set_is_refused_as_such(subject: &dyn Subject) {
    let outside = NewPerson { unit: "OU=Service".to_owned(), ..NewPerson::default() };
    let person = subject.add(&outside);
    let error = set(&*subject.directory(), &person, SECOND).await.unwrap_err();
    assert!(matches!(&error, SetError::Refused(refusal) if refusal.result == 50), "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing);
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

pub async fn rights_come_before_rules(subject: &dyn Subject) {
    let outside = NewPerson { unit: "OU=Service".to_owned(), ..NewPerson::default() };
    let person = subject.add(&outside);
    for text in ["S", &person.password] {
        let error = set(&*subject.directory(), &person, text).await.unwrap_err();
        assert_eq!(outcome::outcome(&error), Outcome::PermissionMissing, "{text}");
    }
}
