//! What a heartbeat tells beside that the agent is there, in a world in one process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::time::Duration;

use lab::Kind;
use testkit::world::{Told, World};

const AGENT: &str = "agent-1";
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Longer than it is from one probe to the next, and shorter than from one heartbeat to the next: what
/// changes is told at once.
const A_PROBE: Duration = Duration::from_secs(90);

#[test]
fn the_cloud_service_hears_that_a_breaker_opened_and_that_it_was_released() {
    let mut world = World::start(3, 1);
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().clone();
    let login = format!("{}@{}", person.login, world.domain().domain());
    let reset = |world: &mut World| {
        let (mut guest, password) = (world.guest(), world.password());
        let (login, mail) = (login.clone(), person.private_mail.clone());
        world.attend(move || guest.reset(&login, &mail, &password, PATIENCE))
    };
    assert_eq!(world.told_of_breaker(AGENT), Some(false));
    world.break_agent(AGENT, true);
    world.pass(A_PROBE);
    assert_eq!(world.told_of_breaker(AGENT), Some(true));
    assert_eq!(reset(&mut world), Told::Unchanged("breaker_open".to_owned()));
    world.break_agent(AGENT, false);
    world.pass(A_PROBE);
    assert_eq!(world.told_of_breaker(AGENT), Some(false));
    assert_eq!(reset(&mut world), Told::Changed);
}

/// Its tokens are not valid yet, or no longer, where it shows them: it cannot even say what its clock says.
#[test]
fn an_agent_whose_clock_is_too_far_off_for_its_tokens_knows_why_it_is_refused() {
    for (seed, ahead) in [(4, 130_000), (5, -4_000_000)] {
        let mut world = World::start(seed, 1);
        world.kill_agent(AGENT);
        world.put_clock_ahead(AGENT, ahead);
        world.start_agent(AGENT);
        world.pass(A_PROBE);
        let difference = format!("difference_ms={ahead}");
        assert!(world.has_logged(&["heartbeat.failed", "do the clocks differ?"]));
        assert!(world.has_logged(&["heartbeat.clock_difference", &difference]), "{ahead}");
        // Once it is corrected nobody has to do anything.
        world.put_clock_ahead(AGENT, 0);
        world.pass(Duration::from_secs(120));
        assert!(world.has_channel(AGENT), "{ahead}");
    }
}

/// SPEC W-11: 120 seconds are served; what is more is refused, and says so.
#[test]
fn a_person_hears_that_the_clocks_are_too_far_apart_and_is_served_as_soon_as_they_are_not() {
    for sign in [1, -1] {
        let mut world = World::start(6, 1);
        let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().clone();
        let login = format!("{}@{}", person.login, world.domain().domain());
        for (ahead, told) in [
            (110_000, Told::Changed),
            (140_000, Told::Unchanged("clock_difference".to_owned())),
            (0, Told::Changed),
        ] {
            world.put_clock_ahead(AGENT, sign * ahead);
            world.pass(A_PROBE);
            let (mut guest, password) = (world.guest(), world.password());
            let (login, mail) = (login.clone(), person.private_mail.clone());
            let heard = world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
            assert_eq!(heard, told, "{}", sign * ahead);
            // Which clock showed what at a moment is told by its end.
            world.pass(Duration::from_secs(1));
        }
    }
}
