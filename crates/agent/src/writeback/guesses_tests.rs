//! Wrong present passwords on the whole way to the fake directory: how many of them it sees, and what a
//! restart, an hour and the right one do to that.

use std::time::Duration;

use directory::ObjectGuid;
use directory_fake::{FakePolicy, Fault};
use lab::Kind;
use protocol::{Operation, Outcome};

use super::Writeback;
use super::operations_tests::{NEW, World, change};
use crate::guard::guesses::Guesses;

const HOUR: Duration = Duration::from_secs(60 * 60);
const WRONG: &str = "Not-The-Password-1";

async fn guessed(world: &mut World, guid: ObjectGuid) -> Outcome {
    world.outcome(Operation::Change, guid, &change(WRONG)).await
}

async fn changed(world: &mut World, guid: ObjectGuid, old: &str) -> Outcome {
    world.outcome(Operation::Change, guid, &change(old)).await
}

/// The agent as it is after a restart: nothing in memory.
fn restarted(world: &mut World) {
    world.writeback.guesses = std::sync::Arc::new(Guesses::default());
}

#[tokio::test]
async fn the_fourth_wrong_password_within_an_hour_is_not_sent_and_neither_is_a_right_one() {
    let mut world = World::new("guesses").await;
    let (guid, old) = world.person(Kind::Ordinary);
    for _ in 0..3 {
        assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword);
    }
    // Whatever is sent would be lost and leave doubt.
    world.population.domain.inject(Fault::RequestLost);
    assert_eq!(guessed(&mut world, guid).await, Outcome::TooManyWrongPasswords);
    assert_eq!(changed(&mut world, guid, &old).await, Outcome::TooManyWrongPasswords);
    world.population.domain.heal();
    // A guess at one account stops nobody else.
    let (other, others) = world.person(Kind::EscapedName);
    assert_eq!(changed(&mut world, other, &others).await, Outcome::ChangedByPerson);
    // Who passes the gates resets it all the same.
    let reset = protocol::Passwords::New(super::operations_tests::password("Meadow-Lantern-2031"));
    let reset = world.outcome(Operation::Reset, guid, &reset).await;
    assert_eq!(reset, Outcome::PasswordChanged);
    world.clock.advance(HOUR);
    assert_eq!(changed(&mut world, guid, "Meadow-Lantern-2031").await, Outcome::ChangedByPerson);
}

#[tokio::test]
async fn a_restart_forgets_no_guess_and_a_clock_put_forward_is_no_hour() {
    let mut world = World::new("guesses-restart").await;
    let (guid, old) = world.person(Kind::Ordinary);
    for _ in 0..3 {
        assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword);
    }
    restarted(&mut world);
    assert_eq!(guessed(&mut world, guid).await, Outcome::TooManyWrongPasswords);
    world.clock.put_to(world.writeback.clock.now().after(HOUR * 2));
    world.writeback.clock_difference.measured(0);
    assert_eq!(guessed(&mut world, guid).await, Outcome::TooManyWrongPasswords);
    world.clock.advance(HOUR);
    assert_eq!(changed(&mut world, guid, &old).await, Outcome::ChangedByPerson);
}

#[tokio::test]
async fn the_right_password_clears_what_was_mistyped_also_over_a_restart() {
    let mut world = World::new("guesses-cleared").await;
    let (guid, old) = world.person(Kind::Ordinary);
    for _ in 0..2 {
        assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword);
    }
    assert_eq!(changed(&mut world, guid, &old).await, Outcome::ChangedByPerson);
    assert!(world.population.domain.is_password(guid, NEW));
    for restart in [false, true] {
        if restart {
            restarted(&mut world);
        }
        assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword, "{restart}");
    }
}

#[tokio::test]
async fn what_may_have_been_compared_counts_as_a_guess() {
    let mut world = World::new("guesses-doubt").await;
    let (guid, _) = world.person(Kind::Ordinary);
    for _ in 0..2 {
        assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword);
    }
    world.population.domain.inject(Fault::AnswerLost);
    let (header, doubt) = world.done(Operation::Change, guid, &change(WRONG)).await;
    assert_eq!(doubt, None);
    assert_eq!(world.settled(&header).await, Outcome::SettledUnchanged);
    for restart in [false, true] {
        if restart {
            restarted(&mut world);
        }
        let stopped = guessed(&mut world, guid).await;
        assert_eq!(stopped, Outcome::TooManyWrongPasswords, "restarted: {restart}");
    }
}

/// The answer was lost to a change that went through, whether its entry is settled by this process or by
/// the next one.
#[tokio::test]
async fn a_change_that_is_settled_as_done_clears_what_was_mistyped() {
    for restart in [false, true] {
        let mut world = World::new(&format!("guesses-settled-{restart}")).await;
        let (guid, old) = world.person(Kind::Ordinary);
        for _ in 0..2 {
            assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword);
        }
        world.population.domain.inject(Fault::AnswerLost);
        let (header, doubt) = world.done(Operation::Change, guid, &change(&old)).await;
        assert_eq!(doubt, None);
        if restart {
            restarted(&mut world);
            // What the next process counts, its open entry among it.
            let Writeback { guesses, journal, clock, .. } = &world.writeback;
            guesses.count(journal, &**clock).await.unwrap();
        }
        assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
        assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword, "{restart}");
    }
}

/// A policy that locks an account at three: the directory sees one.
#[tokio::test]
async fn what_is_sent_stays_two_below_what_would_lock_the_account() {
    let mut world = World::new("guesses-threshold").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let policy = FakePolicy { lockout_threshold: 3, ..FakePolicy::default() };
    world.population.domain.set_policy(&policy).unwrap();
    assert_eq!(guessed(&mut world, guid).await, Outcome::WrongOldPassword);
    assert_eq!(guessed(&mut world, guid).await, Outcome::TooManyWrongPasswords);
    assert!(!world.population.domain.is_locked(guid));
}
