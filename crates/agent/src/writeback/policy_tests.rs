//! Which policy is believed before a set: the one that the last import saw, where it lets somebody
//! pass; else the one that the directory has now (decision 0010).

use std::time::Duration;

use directory::ObjectGuid;
use directory_fake::Fault;
use lab::Kind;
use protocol::scim::PolicyReference;
use protocol::{ClearPassword, Operation, Outcome, PasswordPolicy, Passwords};

use super::operations_tests::World;

const DAY: Duration = Duration::from_secs(86_400);

fn seen(minimum_age: Duration) -> Option<PolicyReference> {
    let rules = PasswordPolicy::default().with_minimum_age(minimum_age);
    Some(PolicyReference { reference: "domain".to_owned(), rules: Some(rules) })
}

/// What somebody is told about a reset whose import saw that policy.
async fn reset(name: &str, kind: Kind, seen: Option<PolicyReference>) -> Outcome {
    let mut world = World::new(name).await;
    world.seen = seen;
    let (guid, _) = world.person(kind);
    let passwords = Passwords::New(ClearPassword::from_text("Meadow-Lantern-2025").unwrap());
    told(&mut world, guid, &passwords).await
}

/// The same where whatever is sent would be lost and leave doubt.
async fn refused_unsent(name: &str, kind: Kind, seen: Option<PolicyReference>) -> Outcome {
    let mut world = World::new(name).await;
    world.seen = seen;
    let (guid, _) = world.person(kind);
    let passwords = Passwords::New(ClearPassword::from_text("Meadow-Lantern-2025").unwrap());
    world.population.domain.inject(Fault::RequestLost);
    told(&mut world, guid, &passwords).await
}

async fn told(world: &mut World, guid: ObjectGuid, passwords: &Passwords) -> Outcome {
    let (header, outcome) = world.done(Operation::Reset, guid, passwords).await;
    let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
    let (answer, outcome) = (entry.answer.unwrap(), outcome.unwrap());
    // Whatever is said about an age comes with the moment.
    assert_eq!(answer.details.not_before.is_some(), outcome == Outcome::PolicyTooYoung);
    outcome
}

#[tokio::test]
async fn an_age_that_is_no_longer_asked_for_refuses_nobody() {
    let outcome = reset("age-gone", Kind::Ordinary, seen(DAY)).await;
    assert_eq!(outcome, Outcome::PasswordChanged);
}

#[tokio::test]
async fn without_an_imported_policy_the_directory_is_asked() {
    let outcome = refused_unsent("age-asked", Kind::Pso, None).await;
    assert_eq!(outcome, Outcome::PolicyTooYoung);
    let outcome = reset("age-asked-plain", Kind::Ordinary, None).await;
    assert_eq!(outcome, Outcome::PasswordChanged);
}

#[tokio::test]
async fn an_age_that_the_import_knows_is_told_before_anything_is_sent() {
    let outcome = refused_unsent("age-known", Kind::Pso, seen(DAY)).await;
    assert_eq!(outcome, Outcome::PolicyTooYoung);
}

/// The fake refuses it as Samba does; Windows documents that for the history alone.
#[tokio::test]
async fn an_age_that_came_after_the_import_is_the_directorys_to_refuse_and_named_by_its_rules_of_now()
 {
    let outcome = reset("age-new", Kind::Pso, seen(Duration::ZERO)).await;
    assert_eq!(outcome, Outcome::PolicyTooYoung);
}
