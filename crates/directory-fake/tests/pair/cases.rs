//! The cases.

use std::time::Duration;

use directory::{PwdLastSet, SetError, Terms, Write};
use lab::{Bound, Person};

use super::{LATER, Pair, another_second, guid, password, refused, seen, somebody};

const SECOND: &str = "Second-Password-1";
const THIRD: &str = "Third-Password-1";

async fn set(pair: &dyn Pair, person: &Person, text: &str) {
    pair.directory().set_password(guid(person), &password(text), LATER).await.unwrap();
}

async fn write(pair: &dyn Pair, person: &Person, write: Write<'_>) {
    let terms = Terms { not_after: LATER, noted: None };
    pair.directory().write(guid(person), write, terms).await.unwrap();
}

/// Tries wrong passwords.
fn guess(pair: &dyn Pair, at: usize, person: &Person, times: usize) {
    for _ in 0..times {
        assert_eq!(pair.bind(at, person, "wrong"), refused("52e"));
    }
}

pub async fn a_set_is_seen_at_the_other_controller_once_it_has_replicated(pair: &dyn Pair) {
    let person = somebody(pair);
    let before = seen(pair, 1, &person).await;
    set(pair, &person, SECOND).await;
    let here = seen(pair, 0, &person).await;
    assert_eq!(here.witness.version, before.witness.version + 1);
    assert_eq!(here.witness.originator, Some(pair.invocation_id(0)));
    assert_eq!(seen(pair, 1, &person).await, before, "nothing is known there yet");
    assert_eq!(pair.bind(0, &person, SECOND), Bound::Accepted);
    assert_eq!(pair.bind(1, &person, &person.password), Bound::Accepted);
    assert_eq!(pair.bind(1, &person, SECOND), refused("52e"));

    pair.replicate();
    let there = seen(pair, 1, &person).await.witness;
    assert_eq!(there.version, here.witness.version);
    assert_eq!(there.originator, here.witness.originator);
    assert_eq!(there.pwd_last_set, here.witness.pwd_last_set);
    assert_eq!(there.controller, pair.host(1));
    assert_eq!(there.invocation_id, pair.invocation_id(1));
    assert_eq!(pair.bind(1, &person, SECOND), Bound::Accepted);
    assert_eq!(pair.bind(1, &person, &person.password), refused("52e"));
}

pub async fn witnesses_of_two_controllers_compare(pair: &dyn Pair) {
    let person = somebody(pair);
    let directory = pair.directory();
    let there = seen(pair, 1, &person).await.witness;
    let here = directory.witness(guid(&person)).await.unwrap().unwrap();
    assert_eq!((there.version, there.originator), (here.version, here.originator));
    assert_ne!(there.invocation_id, here.invocation_id);
    for count in 1..=3 {
        set(pair, &person, &format!("Password-Number-{count}")).await;
        let now = directory.witness(guid(&person)).await.unwrap().unwrap();
        assert_eq!(
            now.version,
            there.version + count,
            "each set counts, wherever one looked first"
        );
        assert_eq!(now.invocation_id, here.invocation_id);
    }
    // Whichever role it has, a controller says by its name what it knows.
    let far = directory.witness_at(&pair.host(1), guid(&person)).await.unwrap().unwrap();
    assert_eq!(far, there, "it has not heard of them");
    let near = directory.witness_at(&pair.host(0), guid(&person)).await.unwrap().unwrap();
    assert_eq!(near.version, there.version + 3);
    assert!(directory.witness_at("dc9.nowhere.test", guid(&person)).await.is_err());
    // It is dated by the controller's own clock, to the second.
    let (now, written) = (directory.time().await.unwrap(), near.written_at.unwrap());
    assert!(written.apart(now) < Duration::from_secs(60), "{written:?} {now:?}");
    assert!(there.written_at.unwrap() <= written);
    // What was noted at one controller does not settle a set at another.
    let new = password(SECOND);
    let terms = Terms { not_after: LATER, noted: Some(&there) };
    let moved = directory.write(guid(&person), Write::Reset(&new), terms).await;
    assert_eq!(moved, Err(SetError::ControllerMoved));

    pair.replicate();
    let (there, here) = (seen(pair, 1, &person).await, seen(pair, 0, &person).await);
    assert_eq!(there.witness.version, here.witness.version);
    assert_eq!(there.witness.originator, here.witness.originator);
}

pub async fn an_unlock_is_seen_at_the_other_controller_once_it_has_replicated(pair: &dyn Pair) {
    let person = somebody(pair);
    guess(pair, 0, &person, 5);
    pair.replicate();
    let locked = seen(pair, 1, &person).await;
    assert!(locked.is_locked);
    write(pair, &person, Write::Unlock).await;
    assert!(!seen(pair, 0, &person).await.is_locked);
    assert_eq!(pair.bind(0, &person, &person.password), Bound::Accepted);
    assert_eq!(seen(pair, 1, &person).await, locked);
    assert_eq!(pair.bind(1, &person, &person.password), refused("775"));

    pair.replicate();
    let there = seen(pair, 1, &person).await;
    assert!(!there.is_locked);
    assert_eq!(there.witness, locked.witness, "no password was set");
    assert_eq!(pair.bind(1, &person, &person.password), Bound::Accepted);
}

pub async fn a_lockout_is_seen_at_the_other_controller_once_it_has_replicated(pair: &dyn Pair) {
    let person = somebody(pair);
    guess(pair, 1, &person, 5);
    assert_eq!(pair.bind(1, &person, &person.password), refused("775"));
    assert_eq!(pair.bind(0, &person, &person.password), Bound::Accepted);
    // The agent looks at the PDC emulator.
    let directory = pair.directory();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert_eq!(account.lockout_time, None);
    pair.replicate();
    let account = directory.account(guid(&person)).await.unwrap().unwrap();
    assert!(account.lockout_time.is_some());
    assert_eq!(pair.bind(0, &person, &person.password), refused("775"));
    // A set unlocks, there as here.
    set(pair, &person, SECOND).await;
    pair.replicate();
    for at in [0, 1] {
        assert_eq!(pair.bind(at, &person, SECOND), Bound::Accepted, "at {at}");
    }
}

pub async fn a_must_change_is_seen_at_the_other_controller_once_it_has_replicated(pair: &dyn Pair) {
    let person = somebody(pair);
    let before = seen(pair, 1, &person).await;
    assert!(matches!(before.witness.pwd_last_set, PwdLastSet::At(_)));
    write(pair, &person, Write::RequireChange).await;
    assert_eq!(seen(pair, 0, &person).await.witness.pwd_last_set, PwdLastSet::Never);
    assert_eq!(pair.bind(0, &person, &person.password), refused("773"));
    assert_eq!(seen(pair, 1, &person).await, before);
    assert_eq!(pair.bind(1, &person, &person.password), Bound::Accepted);

    pair.replicate();
    let there = seen(pair, 1, &person).await.witness;
    assert_eq!(there.pwd_last_set, PwdLastSet::Never);
    assert_eq!(there.version, before.witness.version, "no password was set");
    assert_eq!(pair.bind(1, &person, &person.password), refused("773"));
}

pub async fn each_controller_counts_wrong_passwords_for_itself(pair: &dyn Pair) {
    let person = somebody(pair);
    for at in [0, 1] {
        // Two short of a lockout, and more than that together.
        guess(pair, at, &person, 3);
    }
    pair.replicate();
    for at in [0, 1] {
        assert!(!seen(pair, at, &person).await.is_locked, "at {at}");
        assert_eq!(pair.bind(at, &person, &person.password), Bound::Accepted, "at {at}");
    }
}

pub async fn of_as_many_sets_at_each_controller_the_later_one_stands(pair: &dyn Pair) {
    for (first, last) in [(0, 1), (1, 0)] {
        let person = somebody(pair);
        let before = seen(pair, 0, &person).await.witness;
        pair.reset(first, &person, SECOND);
        another_second().await;
        pair.reset(last, &person, THIRD);
        for (at, text) in [(first, SECOND), (last, THIRD)] {
            let witness = seen(pair, at, &person).await.witness;
            assert_eq!(witness.version, before.version + 1);
            assert_eq!(witness.originator, Some(pair.invocation_id(at)));
            assert_eq!(pair.bind(at, &person, text), Bound::Accepted);
        }
        pair.replicate();
        for at in [0, 1] {
            let witness = seen(pair, at, &person).await.witness;
            assert_eq!(witness.version, before.version + 1, "at {at}");
            assert_eq!(witness.originator, Some(pair.invocation_id(last)), "at {at}");
            assert_eq!(pair.bind(at, &person, THIRD), Bound::Accepted, "at {at}");
            assert_eq!(pair.bind(at, &person, SECOND), refused("52e"), "at {at}");
        }
    }
}

pub async fn more_sets_at_one_controller_stand_against_a_later_one_at_the_other(pair: &dyn Pair) {
    let person = somebody(pair);
    let before = seen(pair, 0, &person).await.witness;
    pair.reset(0, &person, SECOND);
    pair.reset(0, &person, THIRD);
    another_second().await;
    pair.reset(1, &person, "Fourth-Password-1");
    pair.replicate();
    for at in [0, 1] {
        let witness = seen(pair, at, &person).await.witness;
        assert_eq!(witness.version, before.version + 2, "at {at}");
        assert_eq!(witness.originator, Some(pair.invocation_id(0)), "at {at}");
        assert_eq!(pair.bind(at, &person, THIRD), Bound::Accepted, "at {at}");
    }
}
