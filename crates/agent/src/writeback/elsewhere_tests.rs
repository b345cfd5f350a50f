//! What another agent concludes from the directory alone, whatever the three clocks say.

use std::sync::Arc;
use std::time::Duration;

use directory::security::rights::Judged;
use directory::{AccountFlags, ObjectGuid, Terms, Write};
use directory_fake::Flavour;
use lab::Kind;
use protocol::{ClearPassword, Clock as _, Header, Operation, Outcome};

use super::elsewhere::Unseen;
use super::expired_tests::{Somebody, somebody};
use super::hidden_tests::hide;
use super::operations_tests::{World, account_of};
use crate::clocks::ClockDifference;
use crate::clocks::tests::in_vain;

/// Longer than a message lives, and than a controller may take for a set.
pub(crate) const LATER: Duration = Duration::from_secs(10 * 60);

/// How long the agent that was asked has to come back with what it noted.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) async fn seen(
    world: &World,
    header: &Header,
    guid: ObjectGuid,
) -> Result<Outcome, Unseen> {
    let (outcome, details) = world.writeback.seen_of(header, &account_of(guid)).await?;
    // It was read in the directory, and nowhere else. That nobody is asked to change it is what is read.
    assert_eq!(details.inferred, outcome != Outcome::MustChangeNotSet);
    Ok(outcome)
}

/// Somebody sets a password in the directory, which this agent knows nothing of.
pub(crate) async fn set(world: &World, guid: ObjectGuid, text: &str) {
    let directory = &world.writeback.directories.all()[0].directory;
    let password = ClearPassword::from_text(text).unwrap();
    directory.write(guid, Write::Reset(&password), Terms::ANY).await.unwrap();
}

#[tokio::test]
async fn a_password_that_was_written_since_is_changed_and_one_written_before_is_not() {
    let mut world = World::new("elsewhere").await;
    let (guid, _) = world.person(Kind::Ordinary);
    set(&world, guid, "Meadow-Lantern-2024").await;
    world.clock.advance(LATER);
    let header = world.header(Operation::Reset);
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereUnchanged));
    let header = world.header(Operation::Reset);
    world.clock.advance(Duration::from_secs(1));
    set(&world, guid, "Meadow-Lantern-2025").await;
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereChanged));
    let nobody = ObjectGuid::from_bytes([9; 16]);
    assert_eq!(seen(&world, &header, nobody).await, Ok(Outcome::UserGone));
}

/// The service was 120 s ahead when it issued a request, which was carried out at once, and is right by now, or
/// 120 s behind: what was written looks older than the request.
#[tokio::test]
async fn of_a_cloud_whose_clock_was_put_right_meanwhile_nothing_is_told_for_certain() {
    for (name, put_right_by, seconds_before, certain) in [
        ("ahead", 120, 0, false),
        ("ahead-and-behind", 240, 0, false),
        ("at-the-limit", 0, 240 + 2, false),
        ("beyond", 0, 240 + 3, true),
    ] {
        let mut world = World::new(&format!("elsewhere-put-right-{name}")).await;
        let (guid, _) = world.person(Kind::Ordinary);
        world.clock.advance(LATER);
        set(&world, guid, "Meadow-Lantern-2024").await;
        world.clock.advance(Duration::from_secs(seconds_before));
        let mut header = world.header(Operation::Reset);
        header.issued_at = header.issued_at.after(Duration::from_secs(put_right_by));
        header.expires_at = header.expires_at.after(Duration::from_secs(put_right_by));
        world.clock.advance(LATER * 2);
        let expected = match certain {
            true => Ok(Outcome::SettledElsewhereUnchanged),
            false => Err(Unseen::OfSomebodyElse),
        };
        assert_eq!(seen(&world, &header, guid).await, expected, "{name}");
        world.clock.advance(DAY);
        if !certain {
            assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown), "{name}");
        }
    }
}

/// The service was 120 s behind when it issued a request, which was lost, and was put right: what the same person
/// had set a minute before looks newer than the request.
#[tokio::test]
async fn where_the_cloud_s_clock_was_seen_to_be_put_right_what_is_newer_is_not_told_as_the_request_s()
 {
    let minute = Duration::from_secs(60);
    let nobody_knows = || Err(Unseen::OfSomebodyElse);
    for (name, seen_before, set_after, concluded) in [
        ("right", None, 2 * minute, Ok(Outcome::SettledElsewhereChanged)),
        ("stepped", Some(Duration::ZERO), minute, nobody_knows()),
        ("stepped-before", Some(4 * minute), minute, nobody_knows()),
        ("stepped-long-before", Some(5 * minute), minute, Ok(Outcome::SettledElsewhereChanged)),
        ("set-long-after", Some(Duration::ZERO), 4 * minute, Ok(Outcome::SettledElsewhereChanged)),
    ] {
        let mut world = World::new(&format!("elsewhere-stepped-{name}")).await;
        let (guid, _) = world.person(Kind::Ordinary);
        world.clock.advance(LATER);
        let difference = Arc::new(ClockDifference::unknown(Arc::new(world.clock.clone())));
        world.writeback.clock_difference = Arc::clone(&difference);
        if let Some(before) = seen_before {
            difference.measured(120_000);
            difference.measured(0);
            world.clock.advance(before);
        }
        let mut header = world.header(Operation::Reset);
        world.clock.advance(set_after);
        set(&world, guid, "Meadow-Lantern-2025").await;
        // By the service's clock as it is now, the request was issued before the set, and by that of then after.
        header.expires_at = header.issued_at.after(Duration::from_secs(180));
        difference.measured(0);
        world.clock.advance(LATER * 2);
        assert_eq!(seen(&world, &header, guid).await, concluded, "{name}");
    }
}

#[tokio::test]
async fn what_somebody_else_can_have_written_is_not_told_as_the_request_s() {
    let mut world = World::new("elsewhere-others").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.population.domain.add_controller("dc2").unwrap();
    world.clock.advance(LATER);
    let header = world.header(Operation::Reset);
    world.clock.advance(Duration::from_secs(10));
    // The helpdesk, at another controller; what the person asked for was lost.
    world.population.domain.administrator_sets_at("dc2", guid, "Helpdesk-Set-1").unwrap();
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::OfSomebodyElse));
    world.clock.advance(DAY - LATER);
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::OfSomebodyElse));
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown));
    // At the same one, when the message had expired by every clock.
    let header = world.header(Operation::Reset);
    world.clock.advance(LATER);
    set(&world, guid, "Helpdesk-Set-2").await;
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::OfSomebodyElse));
    world.clock.advance(DAY);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown));
}

#[tokio::test]
async fn nothing_is_concluded_while_a_set_may_be_under_way() {
    let mut world = World::new("elsewhere-early").await;
    let (guid, _) = world.person(Kind::Ordinary);
    // The first password was written long before.
    world.clock.advance(LATER);
    let header = world.header(Operation::Reset);
    let limit = world.writeback.directories.all()[0].settings.set_time_limit;
    world.clock.advance(header.expires_at.since(header.issued_at));
    // Both agents' clocks may be off by 120 s.
    world.clock.advance(Duration::from_secs(240));
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::MayStillHappen));
    world.clock.advance(limit);
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::MayStillHappen));
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereUnchanged));
}

#[tokio::test]
async fn the_cloud_s_clock_counts_and_not_the_agent_s() {
    // The cloud is 100 s behind this agent; the controller goes with the agent.
    let mut world = World::new("elsewhere-clocks").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let difference = ClockDifference::unknown(Arc::new(world.clock.clone()));
    difference.measured(100_000);
    world.writeback.clock_difference = Arc::new(difference);
    let by_the_cloud = |mut header: Header, world: &World| {
        header.issued_at = world.clock.now().before(Duration::from_secs(100));
        header.expires_at = header.issued_at.after(Duration::from_secs(180));
        header
    };
    // Written 250 s before it was issued: by the agent's clock alone it would look like 150 s before, which
    // the service's having been put right would explain.
    set(&world, guid, "Meadow-Lantern-2024").await;
    world.clock.advance(Duration::from_secs(250));
    let header = by_the_cloud(world.header(Operation::Reset), &world);
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereUnchanged));
    let header = by_the_cloud(world.header(Operation::Reset), &world);
    world.clock.advance(Duration::from_secs(3));
    set(&world, guid, "Meadow-Lantern-2025").await;
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereChanged));
}

#[tokio::test]
async fn clocks_that_cannot_be_compared_conclude_nothing() {
    let mut world = World::new("elsewhere-unknown-clock").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.header(Operation::Reset);
    world.clock.advance(LATER);
    for measured in [None, Some(121_000)] {
        let difference = ClockDifference::unknown(Arc::new(world.clock.clone()));
        measured.into_iter().for_each(|millis| difference.measured(millis));
        world.writeback.clock_difference = Arc::new(difference);
        let seen = in_vain(&world.clock, seen(&world, &header, guid)).await;
        assert_eq!(seen, Err(Unseen::Clock), "{measured:?}");
    }
}

/// As by a heartbeat that was on its way while the service was started: the difference may be wrong by half
/// of that time, and a set would look like one from before the request.
#[tokio::test]
async fn clocks_that_were_compared_too_slowly_conclude_nothing() {
    let mut world = World::new("elsewhere-slow-clock").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.header(Operation::Reset);
    world.clock.advance(Duration::from_secs(1));
    set(&world, guid, "Meadow-Lantern-2024").await;
    world.clock.advance(LATER);
    let difference = Arc::new(ClockDifference::unknown(Arc::new(world.clock.clone())));
    world.writeback.clock_difference = Arc::clone(&difference);
    difference.measured_since(difference.measures(), (10_000, Duration::from_secs(10)));
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::SlowClock));
    difference.measured(0);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereChanged));
}

#[tokio::test]
async fn an_unlock_is_seen_by_the_account_s_being_locked_or_not() {
    let mut world = World::new("elsewhere-unlock").await;
    let (guid, _) = world.person(Kind::Locked);
    world.clock.advance(LATER);
    let header = world.header(Operation::Unlock);
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereUnchanged));
    let directory = &world.writeback.directories.all()[0].directory;
    directory.write(guid, Write::Unlock, Terms::ANY).await.unwrap();
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::Unlocked));
}

#[tokio::test]
async fn of_an_unlock_whose_lockout_may_not_be_read_nobody_can_know_after_a_day() {
    let mut world = World::new("elsewhere-hidden").await;
    let (guid, _) = world.person(Kind::Locked);
    hide(&world.population.domain, guid, Judged::LockoutTime, true);
    let header = world.header(Operation::Unlock);
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Err(Unseen::Hidden));
    world.clock.advance(DAY);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::CannotBeKnown));
}

#[tokio::test]
async fn a_temporary_password_that_need_not_be_changed_is_told_as_such() {
    let mut world = World::new("elsewhere-must-change").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.clock.advance(LATER);
    let header = world.header(Operation::ResetByAdministrator);
    set(&world, guid, "Meadow-Lantern-2025").await;
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::MustChangeNotSet));
    let directory = &world.writeback.directories.all()[0].directory;
    directory.write(guid, Write::RequireChange, Terms::ANY).await.unwrap();
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereChanged));
}

#[tokio::test]
async fn a_password_that_expired_as_it_was_set_is_told_as_such_and_not_one_that_was_asked_for_since()
 {
    let mut world = World::new("elsewhere-expired").await;
    let Somebody { domain, guid, .. } = somebody(&mut world, Flavour::Windows);
    domain.everybody_unexpires(false).unwrap();
    world.clock.advance(LATER);
    let header = world.header(Operation::Reset);
    set(&world, guid, "Meadow-Lantern-2025").await;
    world.clock.advance(LATER);
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SetButExpired));
    domain.flag(guid, AccountFlags::PASSWORD_NEVER_EXPIRES, true).unwrap();
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereChanged));
    domain.flag(guid, AccountFlags::PASSWORD_NEVER_EXPIRES, false).unwrap();
    let directory = &world.writeback.directories.all()[0].directory;
    directory.write(guid, Write::RequireChange, Terms::ANY).await.unwrap();
    assert_eq!(seen(&world, &header, guid).await, Ok(Outcome::SettledElsewhereChanged));
}

#[tokio::test]
async fn a_directory_that_this_agent_does_not_have_is_not_looked_at() {
    let mut world = World::new("elsewhere-unknown").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let header = world.header(Operation::Reset);
    world.clock.advance(LATER);
    let other = sync::AdAccount { connector: "other".parse().unwrap(), ..account_of(guid) };
    let seen = world.writeback.seen_of(&header, &other).await;
    assert_eq!(seen.unwrap_err(), Unseen::NoAccount);
    // Nobody is meant by this cloudAnchor as far as it knows.
    assert_eq!(world.writeback.seen(&header).await.unwrap_err(), Unseen::NoAccount);
}
