//! What is settled on the fake directory where somebody else wrote, the account is new to the controller
//! that has the role, or the live answer would have said more than "changed".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory::AccountFlags;
use directory_fake::{Fault, Flavour, NewFakePerson};
use futures_util::future::BoxFuture;
use lab::Kind;
use protocol::{Clock as _, Operation, Outcome, Passwords};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Look, Settler, Waited, Why};
use crate::steps::{Step, StepWatch};
use crate::writeback::expired_tests::{Somebody, passwords, somebody};
use crate::writeback::operations_tests::{NEW, World, new_one};

const LATER: Duration = Duration::from_secs(60 * 60);
const FOR_LONG: Waited = Waited { in_all: LATER, unchanged: LATER };

/// The request or its answer was lost; the person calls the helpdesk.
#[tokio::test]
async fn what_somebody_else_wrote_meanwhile_is_not_told_as_the_person_s_password() {
    for (number, fault, controller) in [
        (0, Fault::RequestLost, "dc2"),
        (1, Fault::AnswerLost, "dc2"),
        (2, Fault::AnswerLost, "dc1"),
    ] {
        let mut world = World::new(&format!("settle-others-{number}")).await;
        let (guid, _) = world.person(Kind::Ordinary);
        let domain = world.population.domain.clone();
        domain.add_controller("dc2").unwrap();
        domain.inject(fault.clone());
        let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
        assert_eq!(doubt, None, "{fault:?}");
        domain.administrator_sets_at(controller, guid, "Helpdesk-Set-1").unwrap();
        assert!(!domain.is_password(guid, NEW));
        assert_eq!(world.settled(&header).await, Outcome::CannotBeKnown, "{fault:?}");
    }
}

/// The request was lost, and the agent with it; an hour later the helpdesk sets a password where the
/// agent would have. The version is the next one and the controller the right one.
#[tokio::test]
async fn what_was_written_when_the_message_had_long_expired_is_somebody_else_s() {
    let mut world = World::new("settle-late").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.population.domain.inject(Fault::RequestLost);
    let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
    assert_eq!(doubt, None);
    world.clock.advance(LATER);
    world.population.domain.administrator_sets(guid, "Helpdesk-Set-1").unwrap();
    assert_eq!(world.settled(&header).await, Outcome::CannotBeKnown);
}

#[tokio::test]
async fn what_was_written_in_time_is_told_however_late_the_agent_comes_back() {
    let mut world = World::new("settle-in-time").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.population.domain.inject(Fault::AnswerLost);
    let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
    assert_eq!(doubt, None);
    world.clock.advance(LATER);
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
}

/// Panics when an answer was recorded, once.
#[derive(Default)]
struct PanicsOnce(AtomicBool);

impl StepWatch for PanicsOnce {
    fn reached(&self, step: Step) -> BoxFuture<'_, ()> {
        assert!(step != Step::Finished || self.0.swap(true, Ordering::SeqCst), "what a bug does");
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn a_look_that_panics_is_made_again_and_nobody_is_looked_at_for_ever() {
    let mut world = World::new("settle-panics").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.population.domain.inject(Fault::RequestLost);
    let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
    assert_eq!(doubt, None);
    world.writeback.watch = Arc::new(PanicsOnce::default());
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let settler = Settler::new(world.writeback.clone(), tasks, stop);
    settler.settle_all().await.unwrap();
    assert_eq!(world.goes_on(&header).await, Outcome::SettledUnchanged);
    for _ in 0..1_000 {
        if !settler.is_settling(header.request) {
            return;
        }
        world.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it is looked at for ever");
}

/// However it was before. What expires as it is set stands in `writeback::expired_tests`.
#[tokio::test]
async fn that_the_helpdesk_asked_for_another_password_since_is_not_told_of_the_set() {
    for (number, flavour) in [Flavour::Samba, Flavour::Windows].into_iter().enumerate() {
        for (operation, before) in
            [(Operation::Reset, true), (Operation::Reset, false), (Operation::Change, false)]
        {
            let name = format!("settle-asked-since-{number}-{operation:?}-{before}");
            let mut world = World::new(&name).await;
            let Somebody { domain, guid, old } = somebody(&mut world, flavour);
            if before {
                domain.put(guid, "pwdLastSet", "0").unwrap();
            }
            domain.inject(Fault::AnswerLost);
            let (header, doubt) = world.done(operation, guid, &passwords(operation, &old)).await;
            assert_eq!(doubt, None);
            domain.put(guid, "pwdLastSet", "0").unwrap();
            assert_eq!(world.settled(&header).await, Outcome::SettledChanged, "{name}");
        }
    }
}

#[tokio::test]
async fn a_reset_by_an_administrator_that_asks_for_no_change_is_told_so_after_a_crash_as_well() {
    let mut world = World::new("settle-never-expires").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let domain = world.population.domain.clone();
    domain.flag(guid, AccountFlags::PASSWORD_NEVER_EXPIRES, true).unwrap();
    domain.inject(Fault::AnswerLost);
    let (header, doubt) = world.done(Operation::ResetByAdministrator, guid, &new_one()).await;
    assert_eq!(doubt, None);
    assert_eq!(world.settled(&header).await, Outcome::ResetChangeNotAsked);
}

/// An account that is minutes old; the role moves to a controller that has not heard of it.
#[tokio::test]
async fn who_is_not_there_yet_is_not_gone() {
    for (number, operation, fault, settled) in [
        (0, Operation::Reset, Fault::AnswerLost, Outcome::SettledChanged),
        (1, Operation::Reset, Fault::RequestLost, Outcome::SettledUnchanged),
        (2, Operation::ResetByAdministrator, Fault::AnswerLost, Outcome::SettledChanged),
    ] {
        let mut world = World::new(&format!("settle-new-{number}")).await;
        let domain = world.population.domain.clone();
        domain.add_controller("dc2").unwrap();
        domain.replicate_after(Duration::from_secs(100));
        let guid = world.population.add(NewFakePerson::new("newcomer")).unwrap().guid;
        domain.inject(fault.clone());
        let (header, doubt) = world.done(operation, guid, &new_one()).await;
        assert_eq!(doubt, None);
        domain.move_role("dc2").unwrap();
        world.clock.advance(directory::ROLE_CHECK);
        assert_eq!(world.settled(&header).await, settled, "{operation:?} {fault:?}");
    }
}

#[tokio::test]
async fn who_was_removed_is_gone_for_whoever_was_asked() {
    let mut world = World::new("settle-removed").await;
    for (operation, kind) in [(Operation::Reset, Kind::Ordinary), (Operation::Unlock, Kind::Locked)]
    {
        let (guid, _) = world.person(kind);
        let header = world.header(operation);
        world.noted(&header, guid).await;
        world.population.domain.remove(guid).unwrap();
        assert_eq!(world.settled(&header).await, Outcome::UserGone, "{operation:?}");
    }
}

/// The role was seized: the controller that was asked never comes back.
#[tokio::test]
async fn who_was_removed_is_gone_after_a_day_where_the_controller_that_was_asked_is_gone_for_good()
{
    for (operation, kind) in [(Operation::Reset, Kind::Ordinary), (Operation::Unlock, Kind::Locked)]
    {
        let mut world = World::new(&format!("settle-seized-{operation:?}")).await;
        let domain = world.population.domain.clone();
        domain.add_controller("dc2").unwrap();
        let (guid, _) = world.person(kind);
        let header = world.header(operation);
        world.noted(&header, guid).await;
        domain.remove(guid).unwrap();
        domain.move_role("dc2").unwrap();
        domain.up("dc1", false).unwrap();
        world.clock.advance(directory::ROLE_CHECK);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settler = Settler::new(world.writeback.clone(), tasks, stop);
        for _ in 0..2 {
            let look = settler.look(header.request, FOR_LONG).await.unwrap();
            assert!(matches!(look, Look::Waiting(Why::NotThere { .. })), "{operation:?}");
            world.clock.advance(LATER * 11);
        }
        world.clock.advance(LATER * 2);
        // By a clock that was put forward it would be a day as well.
        let now = world.clock.now();
        world.clock.put_to(now.after(LATER));
        let look = settler.look(header.request, FOR_LONG).await.unwrap();
        assert!(matches!(look, Look::Waiting(_)), "{operation:?}");
        world.clock.put_to(now);
        assert_eq!(world.settled(&header).await, Outcome::UserGone, "{operation:?}");
    }
}

/// The role was seized, and whether the set had been made is known to nobody who comes back. Whoever is waited
/// for is not waited for without end: nothing else could be done for that person by this agent.
#[tokio::test]
async fn what_only_a_controller_knows_that_never_comes_back_can_be_known_by_nobody_after_a_day() {
    for (operation, kind) in [(Operation::Reset, Kind::Ordinary), (Operation::Unlock, Kind::Locked)]
    {
        let mut world = World::new(&format!("settle-never-back-{operation:?}")).await;
        let domain = world.population.domain.clone();
        domain.add_controller("dc2").unwrap();
        let (guid, _) = world.person(kind);
        let header = world.header(operation);
        world.noted(&header, guid).await;
        domain.move_role("dc2").unwrap();
        domain.up("dc1", false).unwrap();
        world.clock.advance(LATER * 23);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settler = Settler::new(world.writeback.clone(), tasks, stop);
        let waits = |look| matches!(look, Look::Waiting(Why::OtherController { .. }));
        assert!(waits(settler.look(header.request, FOR_LONG).await.unwrap()), "{operation:?}");
        world.clock.advance(LATER);
        let just_begun = Waited::default();
        assert!(waits(settler.look(header.request, just_begun).await.unwrap()), "it may be back");
        let look = settler.look(header.request, FOR_LONG).await.unwrap();
        assert!(matches!(look, Look::Settled), "{operation:?}");
        let entry = world.writeback.journal.entry(header.request).await.unwrap().unwrap();
        assert_eq!(entry.answer.unwrap().outcome, Outcome::CannotBeKnown, "{operation:?}");
    }
}

/// It was unlocked, or the request was lost; then wrong passwords lock it out again.
#[tokio::test]
async fn of_an_account_that_was_locked_out_since_nobody_can_know_whether_it_was_unlocked() {
    for (number, fault) in [(0, Fault::AnswerLost), (1, Fault::RequestLost)] {
        let mut world = World::new(&format!("settle-locked-since-{number}")).await;
        let (guid, _) = world.person(Kind::Locked);
        world.clock.advance(LATER);
        world.population.domain.inject(fault.clone());
        let (header, doubt) = world.done(Operation::Unlock, guid, &Passwords::None).await;
        assert_eq!(doubt, None);
        world.clock.advance(Duration::from_secs(60));
        world.population.domain.lock(guid).unwrap();
        assert_eq!(world.settled(&header).await, Outcome::CannotBeKnown, "{fault:?}");
    }
}

/// A lockout is dated by the controller at which the wrong passwords were typed, whose clock may be five
/// minutes behind that of the controller that was asked, and the service's may have been put right by four
/// minutes.
#[tokio::test]
async fn of_a_lockout_that_was_certainly_before_the_request_an_unlock_is_known_not_to_have_been_made()
 {
    for (number, ago, settled) in
        [(0, 9 * 60 + 5, Outcome::CannotBeKnown), (1, 9 * 60 + 6, Outcome::SettledUnchanged)]
    {
        let mut world = World::new(&format!("settle-locked-before-{number}")).await;
        let (guid, _) = world.person(Kind::Ordinary);
        world.population.domain.lock(guid).unwrap();
        world.clock.advance(Duration::from_secs(ago));
        world.population.domain.inject(Fault::RequestLost);
        let (header, doubt) = world.done(Operation::Unlock, guid, &Passwords::None).await;
        assert_eq!(doubt, None);
        assert_eq!(world.settled(&header).await, settled, "{ago} s");
    }
}

/// What was written is dated by the controller that was asked; the one that has the role now is four
/// minutes behind it, and so is the agent.
#[tokio::test]
async fn between_two_controllers_the_difference_of_their_clocks_is_allowed_for() {
    for (number, moved, settled) in
        [(0, true, Outcome::SettledChanged), (1, false, Outcome::CannotBeKnown)]
    {
        let mut world = World::new(&format!("settle-apart-{number}")).await;
        let (guid, _) = world.person(Kind::Ordinary);
        let domain = world.population.domain.clone();
        domain.add_controller("dc2").unwrap();
        domain.inject(Fault::AnswerLost);
        let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
        assert_eq!(doubt, None);
        if moved {
            domain.move_role("dc2").unwrap();
        }
        world.clock.advance(directory::ROLE_CHECK);
        let behind = Duration::from_secs(4 * 60) + directory::ROLE_CHECK;
        world.clock.put_to(world.clock.now().before(behind));
        assert_eq!(world.settled(&header).await, settled, "moved: {moved}");
    }
}

#[test]
fn what_is_waited_for_long_is_looked_for_seldom_and_a_queue_as_often_as_ever() {
    let unreadable = Why::Unreadable { cause: "it is down".to_owned() };
    for (waited, pause) in [(0, 2), (20, 2), (100, 10), (600, 20), (86_400, 20)] {
        let waited = Duration::from_secs(waited);
        assert_eq!(unreadable.pause(waited), Duration::from_secs(pause), "{waited:?}");
        assert_eq!(Why::MayStillHappen.pause(waited), super::LOOK_AGAIN);
    }
}
