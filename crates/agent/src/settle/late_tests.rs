//! What is settled on the fake directory where the controller makes a set late: it stood still, or works on it
//! for long and keeps the connection meanwhile.

use std::time::Duration;

use directory::{LATE_AWAITED, ObjectGuid, SetError, Terms, Write};
use directory_fake::Fault;
use lab::Kind;
use protocol::limits::SET_TIME_LIMIT;
use protocol::{ClearPassword, Header, Operation, Outcome, Passwords};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Look, Settler, Waited, Why};
use crate::writeback::operations_tests::{NEW, World, new_one};

/// Longer than anything is waited for.
const LONG: Duration = Duration::from_secs(60 * 60);
const FOR_LONG: Waited = Waited { in_all: LONG, unchanged: LONG };

impl World {
    fn settler(&self) -> Settler {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Settler::new(self.writeback.clone(), tasks, stop)
    }

    /// Whoever settles begins to look.
    async fn settles(&self) {
        self.settler().settle_all().await.unwrap();
    }

    /// So much time passes for whoever settles, who looks whenever it is time to.
    async fn passes(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.sleeping().await;
            self.clock.advance(Duration::from_secs(1));
        }
        self.sleeping().await;
    }

    /// Whoever has waited for long, and looks once more.
    async fn look(&self, header: &Header) -> Look {
        self.settler().look(header.request, FOR_LONG).await.unwrap()
    }

    /// A set that is noted, and made three time limits later; the agent has stopped waiting after one.
    async fn slow(&mut self, guid: ObjectGuid, new: &str) -> Header {
        self.slow_for(3 * SET_TIME_LIMIT, guid, new).await
    }

    /// The same, made after so much time.
    async fn slow_for(&mut self, takes: Duration, guid: ObjectGuid, new: &str) -> Header {
        self.is_patient();
        let header = self.header(Operation::Reset);
        self.noted(&header, guid).await;
        let directory = &self.writeback.directories.all()[0].directory;
        let noted = directory.witness(guid).await.unwrap().unwrap();
        self.population.domain.slow(takes);
        let new = ClearPassword::from_text(new).unwrap();
        let terms = Terms { not_after: header.expires_at, noted: Some(&noted) };
        let set = directory.write(guid, Write::Reset(&new), terms);
        let waits = async {
            self.sleeping().await;
            self.clock.advance(SET_TIME_LIMIT);
        };
        let (set, ()) = tokio::join!(set, waits);
        assert!(matches!(set, Err(SetError::Unknown { .. })), "{set:?}");
        // Whatever else it is asked it answers at once.
        self.population.domain.slow(Duration::ZERO);
        header
    }
}

#[track_caller]
fn is_not_over(look: &Look) {
    assert!(matches!(look, Look::Waiting(Why::NotOver { .. })), "another look");
}

/// By the time of its writing alone it could be somebody else's.
#[tokio::test]
async fn as_long_as_the_controller_works_on_a_set_nothing_is_concluded_and_its_answer_is_the_truth()
{
    let mut world = World::new("settle-slow").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.slow(guid, NEW).await;
    is_not_over(&world.look(&header).await);
    world.clock.advance(2 * SET_TIME_LIMIT - Duration::from_secs(1));
    is_not_over(&world.look(&header).await);
    assert!(!world.population.domain.is_password(guid, NEW));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
    assert!(world.population.domain.is_password(guid, NEW));
}

/// What the helpdesk sets meanwhile looks like ours, and is overwritten by it.
#[tokio::test]
async fn what_somebody_else_sets_while_ours_is_under_way_is_not_taken_for_it() {
    let mut world = World::new("settle-slow-others").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.slow(guid, NEW).await;
    world.population.domain.administrator_sets(guid, "Helpdesk-Set-1").unwrap();
    is_not_over(&world.look(&header).await);
    world.clock.advance(2 * SET_TIME_LIMIT);
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
    assert!(world.population.domain.is_password(guid, NEW));
}

#[tokio::test]
async fn a_set_that_is_refused_late_has_changed_nothing_and_nobody_waits_any_longer() {
    let mut world = World::new("settle-slow-refused").await;
    let (guid, before) = world.person(Kind::Ordinary);
    let header = world.slow(guid, "short").await;
    is_not_over(&world.look(&header).await);
    world.clock.advance(2 * SET_TIME_LIMIT);
    let look = world.settler().look(header.request, Waited::default()).await.unwrap();
    assert!(matches!(look, Look::Settled), "at once");
    assert_eq!(world.settled(&header).await, Outcome::SettledUnchanged);
    assert!(world.population.domain.is_password(guid, &before));
}

/// Nobody knows then whether it was made, and time decides.
#[tokio::test]
async fn where_the_connection_ends_without_an_answer_the_time_for_a_set_begins() {
    let mut world = World::new("settle-slow-ended").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.slow(guid, NEW).await;
    is_not_over(&world.look(&header).await);
    world.population.domain.disconnect("dc1").unwrap();
    let look = world.settler().look(header.request, Waited::default()).await.unwrap();
    assert!(matches!(look, Look::Waiting(Why::MayStillHappen)), "another look");
}

/// The controller stands still with the set in its queue, for longer than it may take. When it goes on, the
/// question how the password stands is answered before the set is made.
#[tokio::test]
async fn a_controller_that_was_not_there_is_given_its_time_from_its_first_word_on() {
    for (operation, kind, settled) in [
        (Operation::Reset, Kind::Ordinary, Outcome::CannotBeKnown),
        (Operation::Unlock, Kind::Locked, Outcome::Unlocked),
    ] {
        let mut world = World::new(&format!("settle-stood-still-{operation:?}")).await;
        world.is_patient();
        let (guid, _) = world.person(kind);
        let domain = world.population.domain.clone();
        let still = 3 * SET_TIME_LIMIT;
        domain.inject(Fault::SetLater(still + SET_TIME_LIMIT - Duration::from_secs(1)));
        let new = if operation == Operation::Unlock { Passwords::None } else { new_one() };
        let (header, doubt) = world.done(operation, guid, &new).await;
        assert_eq!(doubt, None, "{operation:?}");
        domain.up("dc1", false).unwrap();
        world.settles().await;
        world.passes(still).await;
        domain.up("dc1", true).unwrap();
        // Long after anybody would have made it who was there: so it may be somebody else's.
        assert_eq!(world.goes_on(&header).await, settled, "{operation:?}");
        assert_eq!(domain.is_password(guid, NEW), operation == Operation::Reset);
    }
}

/// The controller says that nothing was changed, and is gone before its time is over: it may not have worked
/// on anything since.
#[tokio::test]
async fn a_controller_that_is_gone_again_begins_its_time_anew() {
    let mut world = World::new("settle-gone-again").await;
    world.is_patient();
    let (guid, _) = world.person(Kind::Ordinary);
    let domain = world.population.domain.clone();
    let away = 3 * SET_TIME_LIMIT;
    domain.inject(Fault::SetLater(away + SET_TIME_LIMIT));
    let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
    assert_eq!(doubt, None);
    world.settles().await;
    world.passes(SET_TIME_LIMIT / 2).await;
    domain.up("dc1", false).unwrap();
    world.passes(away).await;
    domain.up("dc1", true).unwrap();
    assert_eq!(world.goes_on(&header).await, Outcome::CannotBeKnown);
    assert!(domain.is_password(guid, NEW));
}

/// Nobody else is asked while it says "not yet".
#[tokio::test]
async fn not_yet_is_said_of_what_may_still_be_made_and_not_where_the_directory_is_missing() {
    let mut world = World::new("settle-not-yet").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.slow_for(24 * LONG, guid, NEW).await;
    let domain = world.population.domain.clone();
    let settler = world.settler();
    settler.settle_all().await.unwrap();
    world.passes(SET_TIME_LIMIT).await;
    assert!(!settler.cannot_say(header.request), "the connection is there");
    domain.up("dc1", false).unwrap();
    world.passes(SET_TIME_LIMIT).await;
    assert!(settler.cannot_say(header.request));
    domain.up("dc1", true).unwrap();
    world.passes(SET_TIME_LIMIT / 2).await;
    assert!(!settler.cannot_say(header.request), "its time for a set has begun");
    assert_eq!(world.goes_on(&header).await, Outcome::SettledUnchanged);
    assert!(!settler.cannot_say(header.request));
}

/// A balancer that takes everything, passes nothing on and does not hang up; or one process of the controller
/// that never goes on.
#[tokio::test]
async fn a_set_that_is_never_answered_is_given_up_and_its_person_may_try_again() {
    let mut world = World::new("settle-never").await;
    let (guid, before) = world.person(Kind::Ordinary);
    let header = world.slow_for(24 * LONG, guid, NEW).await;
    world.clock.advance(LATE_AWAITED - Duration::from_secs(1));
    is_not_over(&world.look(&header).await);
    let another = Passwords::New(ClearPassword::from_text("Another-Lantern-1").unwrap());
    let meanwhile = world.outcome(Operation::Reset, guid, &another).await;
    assert_eq!(meanwhile, Outcome::AlreadyInFlight);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.settled(&header).await, Outcome::CannotBeKnown, "it may still be made");
    assert!(world.population.domain.is_password(guid, &before));
    let later = world.outcome(Operation::Reset, guid, &another).await;
    assert_eq!(later, Outcome::PasswordChanged);
}
