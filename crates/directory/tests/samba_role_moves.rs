//! The role of PDC emulator moves between two real controllers while passwords are set (SPEC W-8, D-5).
//!
//! Each test has a lab of its own: everybody else's tests rely on who holds the role in the shared one,
//! and whatever becomes of a test, its lab ends with it. Which controller wrote a password is not asked
//! of our client but of the controllers, by OpenLDAP's: replication metadata names it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::SystemClock;
use directory::{
    Directory as _, DirectoryError, LdapDirectory, ObjectGuid, ROLE_CHECK, SetError, Terms, Write,
    outcome,
};
use lab::{Bound, Forest, Lab, LabOptions, Person, Watch};
use protocol::{Clock as _, ManualClock, Outcome, Timestamp};
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use world::{LATER, agent, config, connect, guid, password, somebody};

const CALLERS: usize = 4;
/// So many that nobody's turn comes again before the other controller has the last set of theirs: two
/// controllers that write the same password at the same time are another matter.
const PEOPLE_OF_EACH: usize = 20;
/// How many sets are waited for between two moves.
const SETS_BETWEEN: usize = 24;
/// `unicodePwd` in replication metadata (MS-DRSR 5.16.4), and its layout there: the head, then entries
/// of attribute, version, time, originating invocation id and two USNs.
const UNICODE_PWD: u32 = 0x0009_005a;
const HEAD: usize = 16;
const ENTRY: usize = 48;

fn two_controllers() -> Lab {
    let stop = AtomicBool::new(false);
    let options = LabOptions { controllers: 2, ..LabOptions::default() };
    Lab::start_with(&options, Watch { progress: &|_| {}, stop: &stop }).unwrap()
}

/// Waits, for as long as a busy machine may need.
fn soon(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not within a minute: {what}");
}

/// Which copy of the database a controller has.
fn invocation_id(forest: &Forest, index: usize) -> ObjectGuid {
    let there = forest.at(index);
    let root = there.root(&["dsServiceName"]).unwrap();
    let settings = root.text("dsServiceName").unwrap();
    let found = there.search(settings, "(objectClass=nTDSDSA)", &["invocationId"]).unwrap();
    ObjectGuid::from_value(found[0].value("invocationId").unwrap()).unwrap()
}

/// How often a password was written, and by whom last, as a controller knows it; none before it knows
/// the person.
fn written(forest: &Forest, index: usize, person: &Person) -> Option<(u32, ObjectGuid)> {
    let filter = format!("(sAMAccountName={})", person.login);
    let found = forest.at(index).search(&forest.base_dn, &filter, &["replPropertyMetaData"]);
    let found = found.unwrap();
    let metadata = found.first()?.value("replPropertyMetaData").unwrap();
    let number = |at: &[u8]| u32::from_le_bytes(at[..4].try_into().unwrap());
    let mut entries = metadata[HEAD..].chunks_exact(ENTRY);
    let entry = entries.find(|entry| number(entry) == UNICODE_PWD)?;
    Some((number(&entry[4..]), ObjectGuid::from_value(&entry[16..32]).unwrap()))
}

/// What the callers share.
struct World {
    forest: Forest,
    /// By controller.
    ids: [ObjectGuid; 2],
    directory: LdapDirectory,
    stop: AtomicBool,
    done: AtomicUsize,
}

impl World {
    fn controller(&self, id: ObjectGuid) -> usize {
        self.ids.iter().position(|known| *known == id).unwrap()
    }
}

/// A password that was set.
struct Set {
    began: Duration,
    ended: Duration,
    /// Who our client was told that it had set it at.
    answered: usize,
    /// Who wrote it, as the controllers say.
    wrote: usize,
}

/// Somebody's passwords.
struct Somebody {
    person: Person,
    version: u32,
    present: String,
    sets: u32,
}

/// What a caller lived through.
struct Story {
    people: Vec<Somebody>,
    sets: Vec<Set>,
    failures: Vec<Failure>,
}

#[derive(Debug)]
enum Failure {
    Reading(DirectoryError),
    Writing(SetError),
}

impl Failure {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Reading(error) => error.outcome(),
            Self::Writing(error) => outcome::outcome(error),
        }
    }
}

/// As the agent does it: it looks at the account, and writes at the controller that it saw it at.
async fn set(
    directory: &LdapDirectory,
    guid: ObjectGuid,
    new: &str,
) -> Result<ObjectGuid, Failure> {
    let standing = directory.standing(guid).await.map_err(Failure::Reading)?;
    let witness = standing.expect("everybody is known to both controllers").witness;
    let (new, terms) = (password(new), Terms { not_after: LATER, noted: Some(&witness) });
    directory.write(guid, Write::Reset(&new), terms).await.map_err(Failure::Writing)?;
    Ok(witness.invocation_id.0)
}

/// Sets one password after the other until it is told to stop.
async fn call(world: Arc<World>, mut people: Vec<Somebody>) -> Story {
    let (mut sets, mut failures) = (Vec::new(), Vec::new());
    for count in 0.. {
        if world.stop.load(Ordering::SeqCst) {
            break;
        }
        let turn = count % people.len();
        let one = &mut people[turn];
        let new = format!("Moving-Password-{count}");
        let began = SystemClock.running();
        match set(&world.directory, guid(&one.person), &new).await {
            Ok(id) => {
                let (ended, answered) = (SystemClock.running(), world.controller(id));
                (one.present, one.sets) = (new, one.sets + 1);
                let wrote = block_in_place(|| written(&world.forest, answered, &one.person));
                let wrote = world.controller(wrote.unwrap().1);
                sets.push(Set { began, ended, answered, wrote });
                world.done.fetch_add(1, Ordering::SeqCst);
            }
            Err(failure) => failures.push(failure),
        }
    }
    Story { people, sets, failures }
}

/// When one move began, and when everybody knew of it: DNS, the controllers, and our client, which
/// probes as the agent does while it looks after its health.
struct Move {
    to: usize,
    began: Duration,
    ended: Duration,
}

/// Gives the role away after some sets.
fn moved(world: &World, to: usize) -> Move {
    some_more_sets(world);
    let began = SystemClock.running();
    world.forest.transfer_pdc(to).unwrap();
    let probe = Handle::current().block_on(world.directory.probe()).unwrap();
    assert_eq!(probe.controller, world.forest.controllers[to].name);
    Move { to, began, ended: SystemClock.running() }
}

fn some_more_sets(world: &World) {
    let before = world.done.load(Ordering::SeqCst);
    soon("sets go on", || world.done.load(Ordering::SeqCst) >= before + SETS_BETWEEN);
}

/// Everybody of a caller, known to both controllers.
fn people(forest: &Forest) -> Vec<Somebody> {
    let made: Vec<_> = (0..PEOPLE_OF_EACH).map(|_| somebody(forest)).collect();
    let people = made.into_iter().map(|person| {
        soon("a person is at both controllers", || written(forest, 1, &person).is_some());
        let (version, _) = written(forest, 1, &person).unwrap();
        Somebody { present: person.password.clone(), person, version, sets: 0 }
    });
    people.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_role_moves_there_and_back_while_passwords_are_set_and_every_set_ends_as_it_is_told() {
    let lab = block_in_place(two_controllers);
    let forest = lab.forest().clone();
    let ids = [0, 1].map(|index| block_in_place(|| invocation_id(&forest, index)));
    let crowds: Vec<_> = (0..CALLERS).map(|_| block_in_place(|| people(&forest))).collect();
    let directory = agent(&forest);
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let world = Arc::new(World { forest: forest.clone(), ids, directory, stop, done });
    let callers: Vec<_> =
        crowds.into_iter().map(|people| tokio::spawn(call(Arc::clone(&world), people))).collect();

    let moves = [1, 0].map(|to| block_in_place(|| moved(&world, to)));
    block_in_place(|| some_more_sets(&world));
    world.stop.store(true, Ordering::SeqCst);
    let mut stories = Vec::new();
    for caller in callers {
        stories.push(caller.await.unwrap());
    }

    for failure in stories.iter().flat_map(|story| &story.failures) {
        // No connection was cut, so nothing is in doubt; "try again" is what this one says.
        assert_eq!(failure.outcome(), Outcome::PdcUnreachable, "{failure:?}");
    }
    let sets: Vec<_> = stories.iter().flat_map(|story| &story.sets).collect();
    went_where_the_role_was(&sets, &moves);
    block_in_place(|| hold_what_was_told(&world, &stories));
    is_well(&world, &stories).await;
}

/// Each set went to the controller that the client took for the holder of the role; between moves that
/// is the one that holds it.
fn went_where_the_role_was(sets: &[&Set], moves: &[Move; 2]) {
    for set in sets {
        assert_eq!(set.answered, set.wrote, "the controller that answered wrote it");
    }
    let [there, back] = moves;
    let (zero, never) = (Duration::ZERO, Duration::MAX);
    let times = [(zero, there.began), (there.ended, back.began), (back.ended, never)];
    for ((from, until), holder) in times.into_iter().zip([0, there.to, back.to]) {
        let within: Vec<_> =
            sets.iter().filter(|set| set.began >= from && set.ended <= until).collect();
        assert!(within.len() >= SETS_BETWEEN / 2, "{} sets at {holder}", within.len());
        assert!(within.iter().all(|set| set.wrote == holder), "between moves, at {holder}");
    }
}

/// Everybody has the password that was told last, at both controllers, and it was written as often as
/// was told.
fn hold_what_was_told(world: &World, stories: &[Story]) {
    for one in stories.iter().flat_map(|story| &story.people) {
        let expected = Some(one.version + one.sets);
        for index in 0..2 {
            let version = || written(&world.forest, index, &one.person).map(|(version, _)| version);
            soon(&format!("{:?} at {index}, now {:?}", expected, version()), || {
                version() == expected
            });
        }
        let bound = world.forest.bind(&one.person.login, &one.present).unwrap();
        assert_eq!(bound, Bound::Accepted, "{} after {} sets", one.person.login, one.sets);
    }
}

/// The pool serves many at once again, at the first controller.
async fn is_well(world: &World, stories: &[Story]) {
    let directory = &world.directory;
    let probe = directory.probe().await.unwrap();
    assert_eq!(probe.controller, world.forest.controllers[0].name);
    let guids = stories.iter().flat_map(|story| &story.people).map(|one| guid(&one.person));
    let sets = guids.map(|guid| {
        let directory = directory.clone();
        tokio::spawn(async move { set(&directory, guid, "Afterwards-Password-1").await })
    });
    for done in sets.collect::<Vec<_>>() {
        assert_eq!(done.await.unwrap().unwrap(), world.ids[0]);
    }
}

/// Without a probe, the word about the role that a write goes by is not older than [`ROLE_CHECK`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_a_probe_before_it_follows_the_role_when_the_last_word_is_old() {
    let lab = block_in_place(two_controllers);
    let forest = lab.forest().clone();
    let person = block_in_place(|| somebody(&forest));
    block_in_place(|| {
        soon("a person is at both controllers", || written(&forest, 1, &person).is_some());
    });
    let clock = ManualClock::at(Timestamp::from_millis(1_700_000_000_000));
    let directory = LdapDirectory::new(config(&forest), Arc::new(clock.clone())).unwrap();
    for (round, (to, from)) in [(1, 0), (0, 1)].into_iter().enumerate() {
        let set = |text: String| {
            let (directory, guid) = (directory.clone(), guid(&person));
            async move { directory.set_password(guid, &password(&text), LATER).await }
        };
        set(format!("Before-The-Move-{round}")).await.unwrap();
        let at = |index| block_in_place(|| written(&forest, index, &person).unwrap());
        assert_eq!(at(from).1, invocation_id(&forest, from), "round {round}");
        block_in_place(|| {
            soon("the other one has it", || written(&forest, to, &person) == Some(at(from)));
            forest.transfer_pdc(to).unwrap();
        });
        clock.advance(ROLE_CHECK);
        set(format!("After-The-Move-{round}")).await.unwrap();
        assert_eq!(at(to).1, invocation_id(&forest, to), "round {round}");
    }
}

/// Gives the role away, and leaves DNS as it was: as after a role was seized from a controller that never
/// came back to take its record away.
fn moved_behind_dns(forest: &Forest, to: usize) {
    let node = format!(
        "DC=_ldap._tcp.pdc,DC=_msdcs.{},CN=MicrosoftDNS,DC=ForestDnsZones,{}",
        forest.domain, forest.base_dn
    );
    let found = forest.search(&node, "(objectClass=*)", &["dnsRecord"]).unwrap();
    let before = STANDARD.encode(found[0].value("dnsRecord").unwrap());
    forest.transfer_pdc(to).unwrap();
    let ldif =
        format!("dn: {node}\nchangetype: modify\nreplace: dnsRecord\ndnsRecord:: {before}\n-\n");
    (0..forest.controllers.len()).for_each(|index| forest.at(index).modify(&ldif).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_dns_names_only_a_former_holder_that_is_gone_passwords_are_set_at_the_present_one() {
    let lab = block_in_place(two_controllers);
    let forest = lab.forest().clone();
    let person = block_in_place(|| somebody(&forest));
    let before = block_in_place(|| {
        soon("a person is at both controllers", || written(&forest, 1, &person).is_some());
        moved_behind_dns(&forest, 1);
        forest.stop_controller(0).unwrap();
        written(&forest, 1, &person).unwrap().0
    });
    // The DNS of the controller that is left.
    let directory = connect(config(&forest.at(1)));
    assert_eq!(directory.pdc_in_dns().await.unwrap(), [forest.controllers[0].name.clone()]);
    assert_eq!(directory.probe().await.unwrap().controller, forest.controllers[1].name);
    let new = password("Seized-Role-Password-1");
    directory.set_password(guid(&person), &new, LATER).await.unwrap();
    block_in_place(|| {
        let here = invocation_id(&forest, 1);
        assert_eq!(written(&forest, 1, &person), Some((before + 1, here)));
        // Nobody is left who holds the role: nothing is set by whoever else answers.
        forest.start_controller(0).unwrap();
        forest.stop_controller(1).unwrap();
    });
    let directory = connect(config(&forest));
    let again = directory.set_password(guid(&person), &new, LATER).await.unwrap_err();
    assert!(matches!(again, SetError::NotSent(_)), "{again}");
}
