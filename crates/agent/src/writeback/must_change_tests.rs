//! A password that an administrator has set is to be changed at the next sign-in, and the directory refuses
//! that, or falls silent.

use std::time::Duration;

use directory::LATE_AWAITED;
use directory_fake::{FakeDomain, Fault, NewFakePerson, Rights};
use futures_util::future::BoxFuture;
use lab::Kind;
use protocol::Operation;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::operations_tests::{NEW, World, new_one};
use super::*;
use crate::journal::State;
use crate::settle::Settler;
use crate::steps::StepWatch;

#[tokio::test]
async fn where_it_cannot_be_made_to_be_changed_the_reset_has_not_failed() {
    let mut world = World::new("must-change-refused").await;
    let rights = Rights { write_pwd_last_set: false, ..Rights::ALL };
    let domain = world.population.domain.clone();
    let unit = "OU=Elsewhere";
    domain.add_unit(unit).unwrap();
    let person = NewFakePerson::new("elsewhere").in_unit(unit);
    let guid = world.population.add(person).unwrap().guid;
    domain.delegate(&world.population.service.login, unit, rights).unwrap();
    let reset = world.outcome(Operation::ResetByAdministrator, guid, &new_one()).await;
    assert_eq!(reset, Outcome::MustChangeNotSet);
    assert!(domain.is_password(guid, NEW) && !world.must_change(guid));
}

/// When the set is confirmed, this begins to go wrong.
struct Then<F>(FakeDomain, F);

impl<F: Fn(&FakeDomain) + Send + Sync> StepWatch for Then<F> {
    fn reached(&self, step: Step) -> BoxFuture<'_, ()> {
        if step == Step::Applied {
            (self.1)(&self.0);
        }
        Box::pin(std::future::ready(()))
    }
}

/// A reset by an administrator after whose set the directory falls silent, and who settles what comes of it.
async fn silent(
    name: &str,
    then: impl Fn(&FakeDomain) + Send + Sync + 'static,
) -> (World, directory::ObjectGuid, Unrecorded, Settler, CancellationToken) {
    let mut world = World::new(name).await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.writeback.watch = Arc::new(Then(world.population.domain.clone(), then));
    let (_, ended) = world.ended(Operation::ResetByAdministrator, guid, &new_one()).await;
    let Ended::Unrecorded(known) = ended else { panic!("{name}: what is known is told first") };
    let told = (known.answer.outcome, known.answer.details.inferred);
    assert_eq!(told, (Outcome::MustChangeNotSet, true), "{name}: nobody has refused it");
    assert!(world.population.domain.is_password(guid, NEW));
    let stop = CancellationToken::new();
    let settler = Settler::new(world.writeback.clone(), TaskTracker::new(), stop.clone());
    (world, guid, known, settler, stop)
}

fn twice(fault: Fault) -> impl Fn(&FakeDomain) {
    move |domain| (0..2).for_each(|_| domain.inject(fault.clone()))
}

#[tokio::test]
async fn where_the_directory_falls_silent_after_the_set_the_change_is_asked_for_on_and_told_unconfirmed()
 {
    for (name, fault) in [("lost", Fault::RequestLost), ("unheard", Fault::AnswerLost)] {
        let name = format!("must-change-{name}");
        let (world, guid, known, settler, _) = silent(&name, twice(fault)).await;
        let header = known.header.clone();
        settler.record_later(known);
        assert_eq!(world.goes_on(&header).await, Outcome::MustChangeNotSet, "as it was told");
        assert!(world.must_change(guid), "{name}");
        let steps = ["begun", "noted", "set", "change_asked_later", "finished"];
        assert_eq!(world.trail(&header).await, steps.map(|step| format!("writeback.{step}")));
    }
}

#[tokio::test]
async fn who_has_another_password_meanwhile_is_not_made_to_change_it() {
    let lost = twice(Fault::RequestLost);
    let (world, guid, known, settler, _) = silent("must-change-since", lost).await;
    world.population.domain.administrator_sets(guid, "Chosen-Meanwhile-1").unwrap();
    let header = known.header.clone();
    settler.record_later(known);
    assert_eq!(world.goes_on(&header).await, Outcome::MustChangeNotSet);
    assert!(!world.must_change(guid));
}

#[tokio::test]
async fn a_directory_that_stays_silent_is_not_asked_without_end_and_its_people_are_not_barred() {
    let down = |domain: &FakeDomain| domain.up("dc1", false).unwrap();
    let (world, guid, known, settler, _) = silent("must-change-down", down).await;
    let header = known.header.clone();
    settler.record_later(known);
    let began = world.clock.now();
    assert_eq!(world.goes_on(&header).await, Outcome::MustChangeNotSet);
    let waited = world.clock.now().since(began);
    assert!(waited >= LATE_AWAITED && waited < LATE_AWAITED + Duration::from_secs(60));
    assert!(!world.must_change(guid));
}

/// Nor where the next process asks on.
#[tokio::test]
async fn a_directory_that_stays_silent_bars_nobody_after_a_restart_either() {
    let down = |domain: &FakeDomain| domain.up("dc1", false).unwrap();
    let (world, _, known, ..) = silent("must-change-next", down).await;
    let began = world.clock.now();
    assert_eq!(world.settled(&known.header).await, Outcome::MustChangeNotSet);
    let waited = world.clock.now().since(began);
    assert!(waited >= LATE_AWAITED && waited < LATE_AWAITED + Duration::from_secs(60));
}

/// The disk takes nothing for a while; meanwhile the helpdesk takes back what was asked for.
#[tokio::test]
async fn what_was_asked_for_once_is_not_asked_for_again_while_its_answer_waits_for_the_disk() {
    let lost = twice(Fault::RequestLost);
    let (world, guid, known, settler, _) = silent("must-change-disk", lost).await;
    let header = known.header.clone();
    world.writeback.journal.refuse("writeback.finished").await;
    settler.record_later(known);
    while !world.must_change(guid) {
        world.sleeping().await;
        world.clock.advance(Duration::from_secs(1));
    }
    world.population.domain.put(guid, "pwdLastSet", "133500000000000000").unwrap();
    for _ in 0..120 {
        world.sleeping().await;
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(!world.must_change(guid), "as the helpdesk wants it");
    world.writeback.journal.allow().await;
    assert_eq!(world.goes_on(&header).await, Outcome::MustChangeNotSet);
}

#[tokio::test]
async fn an_agent_that_is_stopped_leaves_the_change_to_be_asked_for_by_the_next_one() {
    let down = |domain: &FakeDomain| domain.up("dc1", false).unwrap();
    let (world, guid, known, settler, stop) = silent("must-change-stopped", down).await;
    let header = known.header.clone();
    settler.record_later(known);
    world.sleeping().await;
    stop.cancel();
    while settler.is_settling(header.request) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
    assert_eq!(entry.state, State::Set);
    world.population.domain.up("dc1", true).unwrap();
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
    assert!(world.must_change(guid));
}
