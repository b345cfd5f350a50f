//! The agent that was given a request dies at each of its steps and stays away: ten minutes after the
//! message has expired another agent looks at the directory, writes nothing, and the person is told
//! what is true (SPEC PR-2). Then the first one comes back, and the invariants are checked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests report a broken expectation by panicking, and a random one prints its seed"
)]

use std::time::Duration;

use directory_fake::Fault;
use lab::Kind;
use testkit::world::{CrashPoint, Told, World};

const PATIENCE: Duration = Duration::from_secs(30 * 60);
const AWAY: Duration = Duration::from_secs(60 * 60);
/// How long a message lives, and how long after that others look.
const OTHERS_LOOK: Duration = Duration::from_secs(13 * 60);

/// What came of a reset at whose step `point` its agent died for an hour.
struct Story {
    told: Told,
    took: Duration,
    set: bool,
}

fn story(seed: u64, point: CrashPoint, agents: usize) -> Story {
    println!("seed {seed}: {point}, {agents} agents");
    let mut world = World::start(seed, agents);
    let (mut guest, password) = (world.guest(), world.password());
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap();
    let login = format!("{}@{}", person.login, world.domain().domain());
    let (mail, guid) = (person.private_mail.clone(), person.guid);
    // Whichever of them is given the request.
    for name in ["agent-1", "agent-2"].into_iter().take(agents) {
        world.crash_at(point, name, AWAY);
    }
    let (known, before) = (password.clone(), world.now());
    let told = world.attend(move || {
        // Everybody's first password was written when the world began; a controller dates by seconds.
        guest.wait(Duration::from_secs(5));
        guest.reset(&login, &mail, &password, PATIENCE)
    });
    assert_eq!(world.crashes(), 1, "{point}");
    let took = world.now().since(before);
    Story { told, took, set: world.domain().is_password(guid, &known) }
}

#[test]
fn another_agent_tells_how_it_ended_when_the_first_one_stays_away() {
    let points =
        CrashPoint::all().into_iter().filter(|point| matches!(point, CrashPoint::Agent(_)));
    let mut looked = 0;
    for (seed, point) in (2_000..).zip(points) {
        let Story { told, took, set } = story(seed, point, 2);
        match told {
            Told::Changed => assert!(set, "{point}"),
            Told::Unchanged(outcome) => {
                assert!(!set, "{point}");
                assert_eq!(outcome, "settled_elsewhere_unchanged", "{point}");
            }
            other => panic!("{point}: {other:?}"),
        }
        if took > Duration::from_secs(60) {
            assert!(took >= OTHERS_LOOK, "{point}: {took:?}");
            assert!(took < OTHERS_LOOK + Duration::from_secs(60), "{point}: {took:?}");
            looked += 1;
        }
    }
    assert!(looked >= 3, "{looked}");
}

#[test]
fn where_there_is_no_other_agent_the_person_hears_it_from_the_first_one() {
    let points = CrashPoint::all();
    let point = points.into_iter().find(|point| point.to_string().contains("noted")).unwrap();
    let Story { told, took, .. } = story(2_100, point, 1);
    // Patience ends before the agent is back.
    assert_eq!(told, Told::Unknown);
    assert!(took >= PATIENCE, "{took:?}");
}

/// One process of the controller works on the set for longer than it takes until others look, and all others say
/// all the time that nothing was set. The first agent has its connection; the second one knows nothing of it.
#[test]
fn while_the_agent_that_was_asked_awaits_the_answer_no_other_one_says_how_it_ended() {
    let slow = OTHERS_LOOK + Duration::from_secs(90);
    let mut world = World::start(2_200, 2);
    let (mut guest, password) = (world.guest(), world.password());
    let person = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap();
    let login = format!("{}@{}", person.login, world.domain().domain());
    let (mail, guid) = (person.private_mail.clone(), person.guid);
    world.inject(Fault::Slow(slow));
    let (known, before) = (password.clone(), world.now());
    // Given to the other agent, a second one would be set now, and the first one after it.
    let (mut again, another) = (world.guest(), world.password());
    let (login_again, mail_again) = (login.clone(), mail.clone());
    let told = world.attend_all::<Told>(vec![
        Box::new(move || {
            guest.wait(Duration::from_secs(5));
            guest.reset(&login, &mail, &password, PATIENCE)
        }),
        Box::new(move || {
            again.wait(OTHERS_LOOK + Duration::from_secs(30));
            again.reset(&login_again, &mail_again, &another, PATIENCE)
        }),
    ]);
    assert_eq!(told, [Told::Changed, Told::Refused("already_in_flight".to_owned())]);
    assert!(world.domain().is_password(guid, &known));
    assert!(world.now().since(before) >= slow);
}
