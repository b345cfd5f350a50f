//! What another agent concludes from a controller that has been given the PDC role since, and of an account
//! that was locked out since.

use std::time::Duration;

use directory::{ROLE_CHECK, Terms, Write};
use directory_fake::{FakeDomain, NewFakePerson};
use lab::Kind;
use protocol::{Operation, Outcome};

use super::elsewhere::Unseen;
use super::elsewhere_tests::{DAY, LATER, seen, set};
use super::operations_tests::World;
use crate::clocks::PUT_RIGHT;

/// A second controller, which hears of nothing that is done from now on.
fn another(world: &World) -> FakeDomain {
    let domain = world.population.domain.clone();
    domain.add_controller("dc2").unwrap();
    domain.replicate_after(Duration::MAX);
    domain
}

/// The role moves when the agent that was asked is gone; this one looks at the new holder.
fn moved(world: &World, domain: &FakeDomain) {
    domain.move_role("dc2").unwrap();
    world.clock.advance(LATER);
}

#[tokio::test]
async fn that_nothing_was_changed_is_not_believed_of_a_controller_that_got_the_role_since() {
    let mut world = World::new("role-unchanged").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.clock.advance(LATER);
    let domain = another(&world);
    let header = world.header(Operation::Reset);
    set(&world, guid, "Meadow-Lantern-2025").await;
    moved(&world, &domain);
    assert!(!domain.is_password(guid, "Meadow-Lantern-2025"), "as the new holder knows it");
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::RoleMoved));
    domain.replicate_after(Duration::ZERO);
    domain.replicate();
    // It was written at the controller that had the role.
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::OfSomebodyElse));
    world.clock.advance(DAY);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown));
}

#[tokio::test]
async fn that_an_account_is_gone_is_not_believed_of_a_controller_that_got_the_role_since() {
    let mut world = World::new("role-gone").await;
    world.clock.advance(LATER);
    let domain = another(&world);
    let newcomer = NewFakePerson::new("newcomer");
    let guid = world.population.add(newcomer).unwrap().guid;
    for operation in [Operation::Reset, Operation::Unlock] {
        let header = world.header(operation);
        moved(&world, &domain);
        assert_eq!(seen(&world, &header, guid).await, Err(Unseen::RoleMoved), "{operation:?}");
        world.clock.advance(DAY);
        let late = seen(&world, &header, guid).await;
        assert_eq!(late, Ok(Outcome::CannotBeKnown), "{operation:?}");
        domain.move_role("dc1").unwrap();
        world.clock.advance(LATER);
    }
}

#[tokio::test]
async fn that_an_account_is_locked_is_not_believed_of_a_controller_that_got_the_role_since() {
    let mut world = World::new("role-locked").await;
    let (guid, _) = world.person(Kind::Locked);
    world.clock.advance(LATER);
    let domain = another(&world);
    let header = world.header(Operation::Unlock);
    let directory = &world.writeback.directories.all()[0].directory;
    directory.write(guid, Write::Unlock, Terms::ANY).await.unwrap();
    moved(&world, &domain);
    assert!(domain.is_locked(guid), "as the new holder knows it");
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::RoleMoved));
    world.clock.advance(DAY);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown));
}

#[tokio::test]
async fn who_got_the_role_long_before_is_believed_and_who_may_have_got_it_since_is_not() {
    // By how much the cloud's clock may have been put right, two controllers' clocks, the age of an agent's word
    // about the role, and what is dated by the second.
    let doubtful = PUT_RIGHT + Duration::from_secs(5 * 60 + 2) + ROLE_CHECK;
    for (name, ago, believed) in
        [("long", doubtful + Duration::from_secs(1), true), ("lately", doubtful, false)]
    {
        let mut world = World::new(&format!("role-{name}")).await;
        let (guid, _) = world.person(Kind::Ordinary);
        let domain = another(&world);
        world.clock.advance(LATER);
        domain.move_role("dc2").unwrap();
        world.clock.advance(ago);
        let header = world.header(Operation::Reset);
        world.clock.advance(LATER);
        let expected = match believed {
            true => Ok(Outcome::SettledElsewhereUnchanged),
            false => Err(Unseen::RoleMoved),
        };
        assert_eq!(seen(&world, &header, guid).await, expected, "{name}");
    }
}

#[tokio::test]
async fn of_an_account_that_was_locked_out_since_nobody_says_that_it_was_not_unlocked() {
    let mut world = World::new("elsewhere-locked-again").await;
    let (guid, _) = world.person(Kind::Locked);
    world.clock.advance(LATER);
    let header = world.header(Operation::Unlock);
    let directory = &world.writeback.directories.all()[0].directory;
    directory.write(guid, Write::Unlock, Terms::ANY).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    world.population.domain.lock(guid).unwrap();
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::LockedSince));
    world.clock.advance(DAY);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown));
}
