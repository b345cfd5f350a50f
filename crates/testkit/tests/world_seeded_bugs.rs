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
use testkit::world::{Bug, CrashPoint, Tampering, Told, Visit, Weather, World};

const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Minutes after which what was kept back is handed over: a message lives three.
const LATE: Duration = Duration::from_secs(4 * 60);

/// The story in which the bug shows, the invariant that it breaks, and what is said of that.
fn story(bug: Bug) -> (fn(&mut World), &'static str, &'static str) {
    match bug {
        Bug::ExpiryOff => (a_relay_hands_over_what_has_expired, "I4", "was set after its expiry"),
        Bug::ExpiryUnbound => (a_relay_prolongs_what_has_expired, "I4", "was set after its expiry"),
        Bug::PersonUnbound => (a_relay_names_somebody_else, "I2", "password of somebody else"),
        Bug::AnswerFromAnywhere => {
            (an_agent_answers_that_was_not_asked, "I7", "in doubt although nothing went wrong")
        }
        Bug::SettledByAnother => (another_agent_settles, "I1", "was told unchanged and it was set"),
        Bug::NobodyAsked => (an_agent_dies_and_comes_back, "I7", "agent-1 could have settled it"),
        Bug::OthersLookLate => (an_agent_dies_and_stays_away, "I7", "could have settled it"),
        Bug::LookSeesNothing => {
            (another_agent_looks, "I1", "was concluded unchanged and it was set")
        }
        Bug::SaidAgain => (something_is_said_again, "I3", "was given to agents 2 times"),
        Bug::SentToAnother => (something_is_said_again, "I3", "was set 2 times"),
        Bug::JournalOff => (a_relay_says_everything_again, "I3", "was set 2 times"),
        Bug::GuardOff => (a_protected_person_resets, "I5", "who is protected"),
        Bug::UnguardedUpdate => (many_tabs_send_one_code, "I9", "opened its gate"),
        Bug::LimiterOff => (somebody_guesses, "I9", "was compared more than 5 times"),
    }
}

/// How many agents a story needs.
fn agents(bug: Bug) -> usize {
    let two = [
        Bug::AnswerFromAnywhere,
        Bug::SentToAnother,
        Bug::SettledByAnother,
        Bug::OthersLookLate,
        Bug::LookSeesNothing,
    ];
    1 + usize::from(two.contains(&bug))
}

fn login(world: &World, kind: Kind) -> (String, String) {
    let person = world.people().iter().find(|person| person.kind == kind).unwrap();
    (format!("{}@{}", person.login, world.domain().domain()), person.private_mail.clone())
}

/// A directory that remembers refuses a password that was there before, and so hides what the journal
/// is for.
fn forget_old_passwords(world: &World) {
    let forgetful = FakePolicy { history_length: 0, ..FakePolicy::default() };
    world.domain().set_policy(&forgetful).unwrap();
}

/// The relay keeps a package until it is void and the person has been told so. Nothing else is late:
/// the channel is alive, and the clocks agree.
fn a_relay_hands_over_what_has_expired(world: &mut World) {
    handed_over_late(world, World::hand_over);
}

/// The same, and it writes a later expiry on it.
fn a_relay_prolongs_what_has_expired(world: &mut World) {
    handed_over_late(world, World::hand_over_prolonged);
}

fn handed_over_late(world: &mut World, hand_over: fn(&mut World)) {
    let (login, mail) = login(world, Kind::Ordinary);
    let (mut guest, password) = (world.guest(), world.password());
    world.keep_packages_back();
    world.after(LATE, hand_over);
    let told = world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
    assert!(matches!(told, Told::Unchanged(_)), "{told:?}");
    // Past the moment at which it is handed over.
    world.pass(LATE);
}

/// Somebody in whose hands the relay is wants another person's password to be set.
fn a_relay_names_somebody_else(world: &mut World) {
    let (login, mail) = login(world, Kind::Ordinary);
    let others = world.people().iter().filter(|one| one.kind == Kind::Ordinary);
    let other = others.map(|one| one.login.clone()).find(|one| !login.starts_with(one.as_str()));
    let other = format!("{}@{}", other.unwrap(), world.domain().domain());
    world.readdress_packages(&other);
    let (mut guest, password) = (world.guest(), world.password());
    world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
}

fn an_agent_answers_that_was_not_asked(world: &mut World) {
    let (login, mail) = login(world, Kind::Ordinary);
    // That something went wrong before, and is long over, explains nothing.
    world.restart_agent("agent-1");
    world.pass(Duration::from_secs(120));
    world.let_others_answer();
    let (mut guest, password) = (world.guest(), world.password());
    let told = world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
    assert_eq!(told, Told::Changed);
}

/// Everything is well, the person has been told; and then somebody says the package once more.
fn something_is_said_again(world: &mut World) {
    let (login, mail) = login(world, Kind::Ordinary);
    forget_old_passwords(world);
    let (mut guest, password) = (world.guest(), world.password());
    let told = world.attend(move || guest.reset(&login, &mail, &password, PATIENCE));
    assert_eq!(told, Told::Changed);
    world.after(Duration::from_secs(5), World::say_again);
    world.pass(Duration::from_secs(10));
}

/// The agent dies after the set. Before it is back, the administrator sets another password. Then
/// the relay, in other hands, says to the agent what it said to the last one.
fn a_relay_says_everything_again(world: &mut World) {
    let (login, mail) = login(world, Kind::Ordinary);
    forget_old_passwords(world);
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

/// Whoever is given the request dies after the set, and is away for so long.
fn dies_after_the_set(world: &mut World, away: Duration, patience: Duration) -> Told {
    let (login, mail) = login(world, Kind::Ordinary);
    let (mut guest, password) = (world.guest(), world.password());
    let applied = CrashPoint::Agent(agent::steps::Step::Applied);
    for name in ["agent-1", "agent-2"].into_iter().take(world.agents()) {
        world.crash_at(applied, name, away);
    }
    let told = world.attend(move || {
        // Everybody's first password was written when the world began; a controller dates by seconds.
        guest.wait(Duration::from_secs(5));
        guest.reset(&login, &mail, &password, patience)
    });
    assert_eq!(world.crashes(), 1);
    told
}

/// The relay, in other hands, has the other agent answer for the one that died.
fn another_agent_settles(world: &mut World) {
    world.let_another_settle();
    dies_after_the_set(world, Duration::from_secs(30), Duration::from_secs(60));
    world.give_the_relay_back();
}

fn an_agent_dies_and_comes_back(world: &mut World) {
    world.let_nobody_be_asked();
    dies_after_the_set(world, Duration::from_secs(30), Duration::from_secs(120));
}

fn an_agent_dies_and_stays_away(world: &mut World) {
    dies_after_the_set(world, Duration::from_secs(60 * 60), Duration::from_secs(20 * 60));
}

/// Nobody waits any more when the other agent looks.
fn another_agent_looks(world: &mut World) {
    let told = dies_after_the_set(world, Duration::from_secs(60 * 60), Duration::from_secs(60));
    assert_eq!(told, Told::Unknown);
    world.pass(Duration::from_secs(20 * 60));
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
        let (story, invariant, what) = story(bug);
        let mut world = World::start_with(7, agents(bug), Some(bug));
        story(&mut world);
        let violations = world.violations();
        let caught = violations.iter().any(|one| one.starts_with(invariant) && one.contains(what));
        assert!(caught, "{bug:?} broke {violations:?}");
    }
}

/// Where a relay may deny what it delivered, and has done so before, it is not excused for good.
#[test]
fn what_is_said_again_is_caught_at_a_relay_of_somebody_elses_too() {
    let to_both = "was given to {\"agent-1\", \"agent-2\"}";
    for (bug, what) in
        [(Bug::SaidAgain, "was given to agents 2 times"), (Bug::SentToAnother, to_both)]
    {
        let mut world = World::start_elsewhere_with(7, 2, Some(bug));
        world.tamper(Tampering { deny: 100, ..Tampering::default() }, Duration::from_secs(1));
        world.pass(Duration::from_secs(2));
        something_is_said_again(&mut world);
        let violations = world.violations();
        let caught = violations.iter().any(|one| one.starts_with("I3") && one.contains(what));
        assert!(caught, "{bug:?} broke {violations:?}");
    }
}

#[test]
fn the_same_stories_without_the_bug_break_nothing() {
    for bug in Bug::ALL {
        let (story, ..) = story(bug);
        let mut world = World::start(7, agents(bug));
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
