//! Each bug on purpose is caught by the invariants; and the same story without it by none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests report a broken expectation by panicking"
)]

use std::time::Duration;

use directory_fake::FakePolicy;
use lab::Kind;
use testkit::world::{Bug, CrashPoint, Visit, Weather, World};

const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The story in which the bug shows, and the invariant that it breaks.
fn story(bug: Bug) -> (fn(&mut World), &'static str) {
    match bug {
        Bug::JournalOff => (a_relay_says_everything_again, "I3"),
        Bug::GuardOff => (a_protected_person_resets, "I5"),
        Bug::UnguardedUpdate => (many_tabs_send_one_code, "I9"),
        Bug::LimiterOff => (somebody_guesses, "I9"),
    }
}

fn login(world: &World, kind: Kind) -> (String, String) {
    let person = world.people().iter().find(|person| person.kind == kind).unwrap();
    (format!("{}@{}", person.login, world.domain().domain()), person.private_mail.clone())
}

/// The agent dies after the set. Before it is back, the administrator sets another password. Then
/// the relay, in other hands, says to the agent what it said to the last one.
fn a_relay_says_everything_again(world: &mut World) {
    let (login, mail) = login(world, Kind::Ordinary);
    // A directory that remembers refuses a password that was there before, and so hides what the
    // journal is for.
    let forgetful = FakePolicy { history_length: 0, ..FakePolicy::default() };
    world.domain().set_policy(&forgetful).unwrap();
    let guid = world.people().iter().find(|one| one.kind == Kind::Ordinary).unwrap().guid;
    let (mut guest, password) = (world.guest(), world.password());
    world.set_weather("agent-1", Weather { replay: true, ..Weather::default() });
    let applied = CrashPoint::Agent(agent::steps::Step::Applied);
    world.crash_at(applied, "agent-1", Duration::from_secs(30));
    world.after(Duration::from_secs(10), move |world| {
        world.domain().administrator_sets(guid, "Somebody-Else-2024").unwrap();
    });
    world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
    assert_eq!(world.crashes(), 1);
}

fn a_protected_person_resets(world: &mut World) {
    let (login, mail) = login(world, Kind::ProtectedNested);
    let (mut guest, password) = (world.guest(), world.password());
    world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
}

fn many_tabs_send_one_code(world: &mut World) {
    let (login, mail) = login(world, Kind::Ordinary);
    let mut guest = world.guest();
    let mailbox = world.mailbox().clone();
    let of = mail.clone();
    let (guest, code) = world.attend(move || {
        assert_eq!(guest.visitor().start(&login).unwrap().step, "code");
        while mailbox.to(&of).is_empty() {
            guest.wait(Duration::from_millis(100));
        }
        let code = mailbox.to(&of).last().unwrap().code().unwrap().to_owned();
        (guest, code)
    });
    let tabs = (0..16).map(|_| {
        let (mut tab, code) = (guest.tab(), code.clone());
        Box::new(move || {
            // Woken by one tick of the clock, they come at the same moment.
            tab.wait(Duration::from_secs(1));
            tab.visitor().code(&code).unwrap().step
        }) as Visit<String>
    });
    let tabs = tabs.collect();
    world.attend_all(tabs);
}

fn somebody_guesses(world: &mut World) {
    let (login, _) = login(world, Kind::Ordinary);
    let mut guest = world.guest();
    world.attend(move || {
        guest.visitor().start(&login).unwrap();
        for guess in 0..8 {
            guest.visitor().code(&format!("{guess:06}")).unwrap();
        }
    });
}

#[test]
fn every_bug_on_purpose_is_caught() {
    for bug in Bug::ALL {
        let (story, invariant) = story(bug);
        let mut world = World::start_with(7, 1, Some(bug));
        story(&mut world);
        let violations = world.violations();
        let caught = violations.iter().any(|violation| violation.starts_with(invariant));
        assert!(caught, "{bug:?} broke {violations:?}");
    }
}

#[test]
fn the_same_stories_without_the_bug_break_nothing() {
    for bug in Bug::ALL {
        let (story, _) = story(bug);
        let mut world = World::start(7, 1);
        story(&mut world);
        assert_eq!(world.violations(), Vec::<String>::new(), "the story of {bug:?}");
    }
}

/// Puts a secret somewhere.
type Plant = fn(&mut World, &str);

#[test]
fn a_password_in_a_log_a_file_an_address_or_a_mail_is_caught() {
    let plants: [(Plant, &str); 4] = [
        (|_, secret| tracing::warn!(secret, "planted"), "the log"),
        (|world, secret| world.plant_file("cloud/notes.txt", secret), "notes.txt"),
        (
            |world, secret| {
                let (mut guest, path) = (world.guest(), format!("/code?p={secret}"));
                world.attend(move || guest.visitor().get(&path).map(drop)).unwrap();
            },
            "an address",
        ),
        (|world, secret| world.plant_mail(secret), "a mail"),
    ];
    for (plant, place) in plants {
        let mut world = World::start(8, 1);
        let secret = world.password();
        plant(&mut world, &secret);
        let violations = world.violations();
        let caught = violations.iter().any(|one| one.starts_with("I8") && one.contains(place));
        assert!(caught, "{place}: {violations:?}");
    }
}

#[test]
fn who_is_told_changed_and_is_not_is_caught() {
    let mut world = World::start(9, 1);
    let (login, _) = login(&world, Kind::Ordinary);
    world.plant_told(&login);
    let violations = world.violations();
    assert!(violations.iter().any(|one| one.starts_with("I1")), "{violations:?}");
}
