//! Whoever carries out a request dies at each of its steps, three times each: quickly back, late, and
//! after the message has expired. The list of steps is iterated: a new step is tested by itself.
//!
//! Worlds have seeds from 1,000 on; `PASSBACK_SEED=1000000` makes others, as `cargo xtask soak` does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests report a broken expectation by panicking, and a random one prints its seed"
)]

use std::time::Duration;

use lab::Kind;
use testkit::world::{CrashPoint, Told, World};

const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Seeds of the worlds are this and more.
fn first_seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "who wants other worlds names a seed")]
    let wanted = std::env::var("PASSBACK_SEED");
    wanted.map_or(1_000, |seed| seed.parse().expect("PASSBACK_SEED is a seed"))
}

#[test]
fn nobody_is_told_what_is_not_true_wherever_a_process_dies() {
    let first = first_seed();
    for (number, point) in (0..).zip(CrashPoint::all()) {
        for (turn, back_after) in (0..).zip([1, 30, 240].map(Duration::from_secs)) {
            let seed = first + 10 * number + turn;
            println!("seed {seed}: {point}, back after {back_after:?}");
            let mut world = World::start(seed, 1);
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
