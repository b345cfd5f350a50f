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
