//! The breaker on the whole way to the fake directory (SPEC A-5): what it stops, what it lets by, and
//! what a restart and an administrator do to it.

use std::time::Duration;

use directory::ObjectGuid;
use directory_fake::Fault;
use lab::Kind;
use protocol::Operation;
use serde_json::json;

use super::operations_tests::{World, change, password};
use super::*;
use crate::guard::breaker::WINDOW;
use crate::guard::tests::limits;
use crate::journal::tests::Folder;

const MINUTE: Duration = Duration::from_secs(60);
/// What the configuration lets through where few people are in scope.
const LIMIT: usize = 60;

/// Passwords that no history holds, one after the other.
struct Passwordbook(u32);

impl Passwordbook {
    fn next(&mut self) -> Passwords {
        self.0 += 1;
        Passwords::New(password(&format!("Meadow-Lantern-{}", 2_000 + self.0)))
    }
}

/// Resets a person's password so often; what came of the last one.
async fn resets(
    world: &mut World,
    guid: ObjectGuid,
    book: &mut Passwordbook,
    count: usize,
) -> Outcome {
    let mut last = Outcome::Fault;
    for _ in 0..count {
        last = world.outcome(Operation::Reset, guid, &book.next()).await;
    }
    last
}

/// What audit was told of the breaker.
async fn told(folder: &Folder) -> Vec<String> {
    let (entries, verified) = crate::audit::read(&folder.0).await.unwrap();
    assert_eq!(verified.wrong, None);
    let names = entries.into_iter().map(|entry| entry.event.name);
    names.filter(|name| name.starts_with("breaker.")).collect()
}

/// The agent as it is after a restart: nothing in memory.
fn restarted(world: &mut World) {
    world.writeback.breaker = Arc::new(Breaker::new(limits()));
}

async fn released(world: &World) -> bool {
    let event = Event::of_agent("breaker.released", json!({}));
    let now = world.writeback.clock.now();
    world.writeback.journal.release_breaker(&event, now).await.unwrap()
}

#[tokio::test]
async fn one_reset_more_than_the_limit_is_stopped_until_somebody_releases_it() {
    let mut world = World::new("breaker").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    assert_eq!(resets(&mut world, guid, &mut book, 47).await, Outcome::PasswordChanged);
    assert_eq!(told(&world.folder).await, [""; 0]);
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT - 47).await, Outcome::PasswordChanged);
    assert_eq!(told(&world.folder).await, ["breaker.alarm"]);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
    assert_eq!(told(&world.folder).await, ["breaker.alarm", "breaker.opened"]);
    // What was stopped was not noted, and nothing was set.
    assert_eq!(book.0, 61);
    assert!(world.population.domain.is_password(guid, "Meadow-Lantern-2060"));
    // Neither time nor a restart lets resets go on.
    world.clock.advance(WINDOW * 3);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
    restarted(&mut world);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
    assert!(released(&world).await);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::PasswordChanged);
    assert!(!released(&world).await, "it is closed");
    assert_eq!(told(&world.folder).await.last().unwrap(), "breaker.released");
}

#[tokio::test]
async fn after_a_release_resets_are_counted_anew() {
    let mut world = World::new("breaker-anew").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT + 1).await, Outcome::BreakerOpen);
    world.clock.advance(MINUTE);
    assert!(released(&world).await);
    world.clock.advance(MINUTE);
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT).await, Outcome::PasswordChanged);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
}

#[tokio::test]
async fn a_clock_that_is_put_forward_makes_no_new_hour() {
    let mut world = World::new("breaker-forward").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT).await, Outcome::PasswordChanged);
    world.clock.put_to(world.writeback.clock.now().after(WINDOW));
    // The cloud's clock was put forward with it.
    world.writeback.clock_difference.measured(0);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
    // A release is dated by the clock as it is now, and counting begins anew there.
    world.clock.advance(MINUTE);
    assert!(released(&world).await);
    world.clock.advance(MINUTE);
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT).await, Outcome::PasswordChanged);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
}

#[tokio::test]
async fn an_hour_later_as_many_are_let_through_again() {
    let mut world = World::new("breaker-hour").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    for _ in 0..2 {
        assert_eq!(resets(&mut world, guid, &mut book, LIMIT).await, Outcome::PasswordChanged);
        world.clock.advance(WINDOW);
    }
}

#[tokio::test]
async fn a_restart_forgets_no_reset() {
    let mut world = World::new("breaker-restart").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT).await, Outcome::PasswordChanged);
    restarted(&mut world);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
}

#[tokio::test]
async fn a_change_and_an_unlock_are_never_stopped_and_an_administrators_reset_is() {
    let mut world = World::new("breaker-others").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT + 1).await, Outcome::BreakerOpen);
    let by_administrator = world.outcome(Operation::ResetByAdministrator, guid, &book.next()).await;
    assert_eq!(by_administrator, Outcome::BreakerOpen);
    let changed = world.outcome(Operation::Change, guid, &change("Meadow-Lantern-2060")).await;
    assert_eq!(changed, Outcome::ChangedByPerson);
    let (locked, _) = world.person(Kind::Locked);
    let unlocked = world.outcome(Operation::Unlock, locked, &Passwords::None).await;
    assert_eq!(unlocked, Outcome::Unlocked);
}

#[tokio::test]
async fn what_certainly_changed_nothing_does_not_count_and_what_may_have_does() {
    let mut world = World::new("breaker-counts").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    let short = Passwords::New(password("x"));
    for _ in 0..LIMIT + 5 {
        let refused = world.outcome(Operation::Reset, guid, &short).await;
        assert_eq!(refused, Outcome::PolicyNotComplex);
    }
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT - 1).await, Outcome::PasswordChanged);
    world.population.domain.inject(Fault::AnswerLost);
    let (_, doubt) = world.done(Operation::Reset, guid, &book.next()).await;
    assert_eq!(doubt, None);
    for restart in [false, true] {
        if restart {
            restarted(&mut world);
        }
        let (other, _) = world.person(Kind::EscapedName);
        let stopped = world.outcome(Operation::Reset, other, &book.next()).await;
        assert_eq!(stopped, Outcome::BreakerOpen, "restarted: {restart}");
    }
}

/// A full disk must not close the breaker: it is open in memory, and stays so.
#[tokio::test]
async fn a_breaker_that_cannot_be_written_down_is_open_all_the_same() {
    let mut world = World::new("breaker-disk").await;
    let ((guid, _), mut book) = (world.person(Kind::Ordinary), Passwordbook(0));
    assert_eq!(resets(&mut world, guid, &mut book, LIMIT).await, Outcome::PasswordChanged);
    world.writeback.journal.refuse("breaker.opened").await;
    for _ in 0..2 {
        assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
    }
    assert_eq!(told(&world.folder).await, ["breaker.alarm"]);
    // As soon as the disk takes it, it stands there, and can be released.
    world.writeback.journal.allow().await;
    assert!(!released(&world).await);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::BreakerOpen);
    assert_eq!(told(&world.folder).await, ["breaker.alarm", "breaker.opened"]);
    assert!(released(&world).await);
    assert_eq!(resets(&mut world, guid, &mut book, 1).await, Outcome::PasswordChanged);
}
