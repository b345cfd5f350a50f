//! The PDC role moves between the judging and the set, to a controller that knows what the former holder
//! has not heard of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory::{ObjectGuid, ROLE_CHECK};
use directory_fake::FakeDomain;
use futures_util::future::BoxFuture;
use lab::Kind;
use protocol::{ManualClock, Operation};

use super::operations_tests::{NEW, World, new_one};
use super::*;
use crate::steps::StepWatch;

/// Moves the role when a request is noted, once, and lets the agent's word about the role grow old.
struct Moves {
    domain: FakeDomain,
    clock: ManualClock,
    moved: AtomicBool,
}

impl StepWatch for Moves {
    fn reached(&self, step: Step) -> BoxFuture<'_, ()> {
        if step == Step::Noted && !self.moved.swap(true, Ordering::SeqCst) {
            self.domain.move_role("dc2").unwrap();
            self.clock.advance(ROLE_CHECK);
        }
        Box::pin(std::future::ready(()))
    }
}

/// The role moves while somebody's request is noted; what is done to the account is known at the new holder
/// alone.
async fn moving(
    name: &str,
    kind: Kind,
    done: impl Fn(&FakeDomain, ObjectGuid),
) -> (World, ObjectGuid, String) {
    let mut world = World::new(name).await;
    let (guid, old) = world.person(kind);
    let domain = world.population.domain.clone();
    domain.add_controller("dc2").unwrap();
    domain.replicate_after(Duration::MAX);
    domain.move_role("dc2").unwrap();
    done(&domain, guid);
    domain.move_role("dc1").unwrap();
    let (clock, moved) = (world.clock.clone(), AtomicBool::default());
    world.writeback.watch = Arc::new(Moves { domain, clock, moved });
    (world, guid, old)
}

fn disable(domain: &FakeDomain, guid: ObjectGuid) {
    domain.disable(guid, true).unwrap();
}

fn protect(domain: &FakeDomain, guid: ObjectGuid) {
    domain.join(guid, "Domain Admins").unwrap();
}

fn unlock(domain: &FakeDomain, guid: ObjectGuid) {
    domain.put(guid, "lockoutTime", "0").unwrap();
}

#[tokio::test]
async fn what_the_guard_refuses_at_the_new_holder_of_the_role_is_not_set_there() {
    for (name, done, refused) in [
        ("disabled", disable as fn(&FakeDomain, ObjectGuid), Outcome::Disabled),
        ("protected", protect, Outcome::Protected),
    ] {
        for operation in [Operation::Reset, Operation::ResetByAdministrator] {
            let name = format!("moved-{name}-{operation:?}");
            let (mut world, guid, old) = moving(&name, Kind::Ordinary, done).await;
            let (header, outcome) = world.done(operation, guid, &new_one()).await;
            assert_eq!(outcome, Some(refused), "{name}");
            assert!(world.population.domain.is_password(guid, &old), "{name}");
            let steps = ["begun", "noted", "noted", "refused_by_guard", "finished"];
            let steps = steps.map(|step| format!("writeback.{step}"));
            assert_eq!(world.trail(&header).await, steps, "{name}");
        }
    }
}

#[tokio::test]
async fn what_the_rules_refuse_at_the_new_holder_of_the_role_is_not_written_there() {
    let (mut world, guid, _) = moving("moved-unlocked", Kind::Locked, unlock).await;
    let (_, outcome) = world.done(Operation::Unlock, guid, &Passwords::None).await;
    assert_eq!(outcome, Some(Outcome::NotLocked));
}

#[tokio::test]
async fn against_whom_nothing_speaks_there_either_gets_the_password_at_the_new_holder() {
    let (mut world, guid, _) = moving("moved", Kind::Ordinary, |_, _| {}).await;
    assert_eq!(world.outcome(Operation::Reset, guid, &new_one()).await, Outcome::PasswordChanged);
    assert!(world.population.domain.is_password(guid, NEW), "as the new holder has it");
    world.population.domain.move_role("dc1").unwrap();
    assert!(!world.population.domain.is_password(guid, NEW), "the former one was not written to");
}
