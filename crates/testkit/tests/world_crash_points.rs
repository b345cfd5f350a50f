//! Whoever carries out a request dies at each of its steps, three times each: quickly back, late, and
//! after the message has expired. The list of steps is iterated: a new step is tested by itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::time::Duration;

use lab::Kind;
use testkit::world::{CrashPoint, Told, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);

#[test]
fn nobody_is_told_what_is_not_true_wherever_a_process_dies() {
    for (number, point) in (0..).zip(CrashPoint::all()) {
        for (turn, back_after) in (0..).zip([1, 30, 240].map(Duration::from_secs)) {
            let mut world = World::start(1_000 + 10 * number + turn, 1);
            let (mut guest, password) = (world.guest(), world.password());
            let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap();
            let login = format!("{}@{}", person.login, world.domain().domain());
            let (mail, guid) = (person.private_mail.clone(), person.guid);
            world.crash_at(point, "agent-1", back_after);
            let known = password.clone();
            let told = world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
            assert_eq!(world.crashes(), 1, "{point}");
            let set = world.domain().is_password(guid, &known);
            match told {
                Told::Changed => assert!(set, "{point}, back after {back_after:?}"),
                Told::Unchanged(_) => assert!(!set, "{point}, back after {back_after:?}"),
                other => panic!("{point}, back after {back_after:?}: {other:?}"),
            }
        }
    }
}
