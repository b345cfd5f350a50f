//! Every operation on the fake directory, from the account to the recorded answer; and what a crash
//! leaves of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use directory::{AccountFlags, ObjectGuid};
use directory_fake::{FakeDirectory, Fault, NewFakePerson, Population};
use lab::Kind;
use protocol::limits::SET_TIME_LIMIT;
use protocol::scim::PolicyReference;
use protocol::{
    AgentId, ClearPassword, CloudAnchor, KeyId, ManualClock, Operation, RequestId, TenantId,
    Timestamp,
};
use sync::AdAccount;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::clocks::ClockDifference;
use crate::directories::Connected;
use crate::guard::tests::{limits, settings};
use crate::journal::tests::Folder;
use crate::journal::{Noted, Place, State};
use crate::settings::DirectorySettings;
use crate::settle::Settler;
use crate::steps::Unwatched;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
pub(crate) const NEW: &str = "Meadow-Lantern-2025";

/// An agent on the fake directory.
pub(crate) struct World {
    pub(crate) writeback: Writeback,
    pub(crate) population: Population,
    pub(crate) clock: ManualClock,
    pub(crate) folder: Folder,
    /// The policy that the last import saw.
    pub(crate) seen: Option<PolicyReference>,
    requests: u8,
}

/// The account as the synchronisation knows it.
pub(crate) fn account_of(guid: ObjectGuid) -> AdAccount {
    AdAccount {
        connector: "corp".parse().unwrap(),
        object_guid: guid.to_bytes(),
        dn: String::new(),
        source_anchor: "AQEBAQEBAQEBAQEBAQEBAQ==".parse().unwrap(),
        policy: None,
    }
}

impl World {
    pub(crate) async fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("operations-{name}"));
        let clock = ManualClock::at(NOW);
        let randomness = Arc::new(seal::SystemRandomness::default());
        let population = Population::corp(Arc::new(clock.clone()), randomness).unwrap();
        let service = &population.service;
        let password = ClearPassword::from_text(&service.password).unwrap();
        let directory = FakeDirectory::new(&population.domain, &service.login, password);
        let head = population.domain.head();
        let settings = DirectorySettings { ous: vec![head], ..settings() };
        let difference = ClockDifference::unknown(Arc::new(clock.clone()));
        difference.measured(0);
        let connected = Connected { settings, directory: Arc::new(directory) };
        let writeback = Writeback {
            clock_difference: Arc::new(difference),
            sync: SyncState::open(&folder.0.join("sync.db")).await.unwrap(),
            directories: Directories::of(vec![connected]),
            journal: Journal::create(&folder.0, NOW).await.unwrap(),
            breaker: Arc::new(Breaker::new(limits())),
            guesses: Arc::default(),
            clock: Arc::new(clock.clone()),
            watch: Arc::new(Unwatched),
        };
        Self { writeback, population, clock, folder, seen: None, requests: 0 }
    }

    pub(crate) fn person(&self, kind: Kind) -> (ObjectGuid, String) {
        let person = self.population.person_of(kind).unwrap();
        (person.guid, person.password.clone())
    }

    pub(crate) fn header(&mut self, operation: Operation) -> Header {
        self.requests += 1;
        let now = self.writeback.clock.now();
        Header {
            tenant: TenantId::from_bytes([1; 16]),
            agent: AgentId::from_bytes([2; 16]),
            request: RequestId::from_bytes([self.requests; 16]),
            operation,
            cloud_anchor: "0f6e7a3c-0000-4000-8000-000000000001".parse::<CloudAnchor>().unwrap(),
            key_id: KeyId::from_bytes([4; 16]),
            issued_at: now,
            expires_at: now.after(Duration::from_secs(180)),
        }
    }

    /// From the account that was resolved to the answer, if there is one.
    pub(crate) async fn done(
        &mut self,
        operation: Operation,
        guid: ObjectGuid,
        passwords: &Passwords,
    ) -> (Header, Option<Outcome>) {
        let (header, ended) = self.ended(operation, guid, passwords).await;
        let outcome = match ended {
            Ended::Known(answer) => Some(answer.outcome),
            Ended::Unrecorded(Unrecorded { header, answer, trail }) => {
                self.writeback.record(&header, &answer, &trail).await.unwrap();
                Some(answer.outcome)
            }
            Ended::InDoubt => None,
        };
        (header, outcome)
    }

    /// The same, as it is before anything that is known is recorded.
    pub(crate) async fn ended(
        &mut self,
        operation: Operation,
        guid: ObjectGuid,
        passwords: &Passwords,
    ) -> (Header, Ended) {
        let header = self.header(operation);
        let writeback = &self.writeback;
        assert!(writeback.journal.begin(&header, NOW).await.unwrap());
        let account = AdAccount { policy: self.seen.clone(), ..account_of(guid) };
        let found = writeback.find(account).await.map_err(stop);
        let looked = Looked { found, trail: Vec::new() };
        let ended = writeback.carry_out(&header, looked, Ok(passwords.clone())).await.unwrap();
        (header, ended)
    }

    pub(crate) async fn outcome(
        &mut self,
        operation: Operation,
        guid: ObjectGuid,
        passwords: &Passwords,
    ) -> Outcome {
        self.done(operation, guid, passwords).await.1.unwrap()
    }

    /// A request that was noted; the process ends before anything else is written down.
    pub(crate) async fn noted(&self, header: &Header, guid: ObjectGuid) {
        let journal = &self.writeback.journal;
        assert!(journal.begin(header, NOW).await.unwrap());
        let directory = &self.writeback.directories.all()[0].directory;
        let witness = directory.witness(guid).await.unwrap().unwrap();
        let place = Place { connector: "corp".to_owned(), guid };
        let noted = journal.note_before(header, &place, &witness, &[], NOW).await.unwrap();
        assert_eq!(noted, Noted::Yes);
    }

    /// From now on the directory has as long for a set as it has unless configured otherwise.
    pub(crate) fn is_patient(&mut self) {
        let Connected { settings, directory } = &self.writeback.directories.all()[0];
        let settings = DirectorySettings { set_time_limit: SET_TIME_LIMIT, ..settings.clone() };
        let patient = Connected { settings, directory: Arc::clone(directory) };
        self.writeback.directories = Directories::of(vec![patient]);
    }

    /// What a new process makes of an entry that was left open.
    pub(crate) async fn settled(&self, header: &Header) -> Outcome {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Settler::new(self.writeback.clone(), tasks, stop).settle_all().await.unwrap();
        self.goes_on(header).await
    }

    /// Waits until whoever settles waits for the clock.
    pub(crate) async fn sleeping(&self) {
        while self.clock.until_next().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Time goes on until the entry is settled.
    pub(crate) async fn goes_on(&self, header: &Header) -> Outcome {
        for _ in 0..1_000 {
            let entry = self.writeback.journal.entry(header.request).await.unwrap().unwrap();
            if let Some(answer) = entry.answer {
                return answer.outcome;
            }
            self.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("it was not settled");
    }

    pub(crate) fn must_change(&self, guid: ObjectGuid) -> bool {
        self.population.domain.attribute(guid, "pwdLastSet").as_deref() == Some("0")
    }

    pub(crate) async fn trail(&self, header: &Header) -> Vec<String> {
        let (entries, verified) = crate::audit::read(&self.folder.0).await.unwrap();
        assert_eq!(verified.wrong, None);
        let of_request =
            entries.into_iter().filter(|one| one.event.request == Some(header.request));
        of_request.map(|entry| entry.event.name).collect()
    }
}

pub(crate) fn password(text: &str) -> ClearPassword {
    ClearPassword::from_text(text).unwrap()
}

pub(crate) fn new_one() -> Passwords {
    Passwords::New(password(NEW))
}

pub(crate) fn change(old: &str) -> Passwords {
    Passwords::Change { old: password(old), new: password(NEW) }
}

#[tokio::test]
async fn whoever_knows_the_present_password_changes_it_and_nobody_else() {
    let mut world = World::new("change").await;
    let (guid, old) = world.person(Kind::Ordinary);
    let wrong = world.outcome(Operation::Change, guid, &change("Not-The-Password-1")).await;
    assert_eq!(wrong, Outcome::WrongOldPassword);
    assert!(world.population.domain.is_password(guid, &old));
    let changed = world.outcome(Operation::Change, guid, &change(&old)).await;
    assert_eq!(changed, Outcome::ChangedByPerson);
    assert!(world.population.domain.is_password(guid, NEW));
    let same = world.outcome(Operation::Change, guid, &change(NEW)).await;
    assert_eq!(same, Outcome::PolicyHistory);
}

#[tokio::test]
async fn a_protected_person_changes_the_password_and_gets_nothing_else() {
    let mut world = World::new("protected").await;
    let (guid, old) = world.person(Kind::ProtectedNested);
    for (operation, passwords) in [
        (Operation::Reset, new_one()),
        (Operation::ResetByAdministrator, new_one()),
        (Operation::Unlock, Passwords::None),
    ] {
        assert_eq!(world.outcome(operation, guid, &passwords).await, Outcome::Protected);
    }
    assert!(world.population.domain.is_password(guid, &old));
    let changed = world.outcome(Operation::Change, guid, &change(&old)).await;
    assert_eq!(changed, Outcome::ChangedByPerson);
}

#[tokio::test]
async fn a_locked_account_is_not_changed_and_can_be_unlocked() {
    let mut world = World::new("locked").await;
    let (guid, old) = world.person(Kind::Locked);
    assert_eq!(world.outcome(Operation::Change, guid, &change(&old)).await, Outcome::LockedOut);
    let (header, unlocked) = world.done(Operation::Unlock, guid, &Passwords::None).await;
    assert_eq!(unlocked, Some(Outcome::Unlocked));
    assert!(!world.population.domain.is_locked(guid) && !world.must_change(guid));
    assert!(world.population.domain.is_password(guid, &old));
    let steps = ["writeback.begun", "writeback.noted", "writeback.unlocked", "writeback.finished"];
    assert_eq!(world.trail(&header).await, steps);
    let again = world.outcome(Operation::Unlock, guid, &Passwords::None).await;
    assert_eq!(again, Outcome::NotLocked);
    let changed = world.outcome(Operation::Change, guid, &change(&old)).await;
    assert_eq!(changed, Outcome::ChangedByPerson);
}

#[tokio::test]
async fn a_reset_by_an_administrator_is_to_be_changed_unless_it_never_expires() {
    let mut world = World::new("administrator").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let (header, reset) = world.done(Operation::ResetByAdministrator, guid, &new_one()).await;
    assert_eq!(reset, Some(Outcome::ResetByAdministrator));
    assert!(world.population.domain.is_password(guid, NEW) && world.must_change(guid));
    let steps = ["writeback.begun", "writeback.noted", "writeback.set", "writeback.finished"];
    assert_eq!(world.trail(&header).await, steps);

    let forever = world.population.add(NewFakePerson::new("forever")).unwrap().guid;
    let flag = AccountFlags::PASSWORD_NEVER_EXPIRES;
    world.population.domain.flag(forever, flag, true).unwrap();
    let reset = world.outcome(Operation::ResetByAdministrator, forever, &new_one()).await;
    assert_eq!(reset, Outcome::ResetChangeNotAsked);
    assert!(world.population.domain.is_password(forever, NEW) && !world.must_change(forever));
}

#[tokio::test]
async fn after_a_crash_the_password_is_made_to_be_changed_all_the_same() {
    let mut world = World::new("must-change-later").await;
    let (guid, _) = world.person(Kind::Ordinary);
    // The directory has confirmed, and the process ends before the next step.
    let header = world.header(Operation::ResetByAdministrator);
    world.noted(&header, guid).await;
    let directory = &world.writeback.directories.all()[0].directory;
    directory.set_password(guid, &password(NEW), header.expires_at).await.unwrap();
    world.writeback.journal.set(&header, NOW).await.unwrap();
    assert!(!world.must_change(guid));
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
    assert!(world.must_change(guid));
}

#[tokio::test]
async fn a_password_that_was_changed_since_is_not_made_to_be_changed_by_a_settlement() {
    let mut world = World::new("changed-since").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.population.domain.inject(Fault::AnswerLost);
    let (header, doubt) = world.done(Operation::ResetByAdministrator, guid, &new_one()).await;
    assert_eq!(doubt, None);
    assert!(world.population.domain.is_password(guid, NEW));
    world.population.domain.administrator_sets(guid, "Chosen-Meanwhile-1").unwrap();
    // What was asked for is no longer what the directory holds.
    assert_eq!(world.settled(&header).await, Outcome::CannotBeKnown);
    assert!(!world.must_change(guid));
}

/// The agent's own clock, so many seconds ahead of everybody else's.
struct Ahead {
    clock: ManualClock,
    by: AtomicU64,
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.clock.now().after(Duration::from_secs(self.by.load(Ordering::SeqCst)))
    }

    fn running(&self) -> Duration {
        self.clock.running()
    }

    fn sleep(&self, duration: Duration) -> protocol::Sleep {
        self.clock.sleep(duration)
    }
}

/// What a fault run of seed 4426 found: that a set may still stand in a controller's queue was
/// measured by a clock that somebody can put forward.
#[tokio::test]
async fn a_clock_that_is_put_forward_does_not_settle_what_may_still_be_set() {
    let mut world = World::new("clock-forward").await;
    let (guid, _) = world.person(Kind::Ordinary);
    let own = Arc::new(Ahead { clock: world.clock.clone(), by: AtomicU64::new(0) });
    world.writeback.clock = Arc::<Ahead>::clone(&own);
    world.is_patient();
    world.population.domain.inject(Fault::SetLater(Duration::from_secs(15)));
    let (header, doubt) = world.done(Operation::Reset, guid, &new_one()).await;
    assert_eq!(doubt, None);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    Settler::new(world.writeback.clone(), tasks, stop).settle_all().await.unwrap();
    // The settler has looked once; its next look is after the clock was put forward.
    world.sleeping().await;
    own.by.store(100, Ordering::SeqCst);
    assert_eq!(world.goes_on(&header).await, Outcome::SettledChanged);
    assert!(world.population.domain.is_password(guid, NEW));
}

/// What the guard refuses is noted too; the process may end before that is recorded (decision 0015).
#[tokio::test]
async fn what_was_noted_and_never_sent_is_not_told_as_set_where_the_guard_refuses_it() {
    let mut world = World::new("noted-refused").await;
    let (guid, _) = world.person(Kind::ProtectedNested);
    for (operation, changes, outcome) in [
        (Operation::ResetByAdministrator, true, Outcome::CannotBeKnown),
        (Operation::ResetByAdministrator, false, Outcome::SettledUnchanged),
        (Operation::Unlock, false, Outcome::CannotBeKnown),
    ] {
        let header = world.header(operation);
        world.noted(&header, guid).await;
        if changes {
            world.population.domain.administrator_sets(guid, "Chosen-Meanwhile-1").unwrap();
        }
        assert_eq!(world.settled(&header).await, outcome, "{operation:?}");
        assert!(!world.must_change(guid), "nothing is written to it");
    }
}

#[tokio::test]
async fn an_unlock_in_doubt_is_settled_by_whether_the_account_is_locked() {
    let mut world = World::new("unlock-doubt").await;
    let (guid, _) = world.person(Kind::Locked);
    // It was locked long before.
    world.clock.advance(Duration::from_secs(10 * 60));
    for (fault, settled, locked) in [
        (Fault::RequestLost, Outcome::SettledUnchanged, true),
        (Fault::AnswerLost, Outcome::Unlocked, false),
    ] {
        world.population.domain.inject(fault);
        let (header, doubt) = world.done(Operation::Unlock, guid, &Passwords::None).await;
        assert_eq!(doubt, None);
        let state = world.writeback.journal.entry(header.request).await.unwrap().unwrap().state;
        assert_eq!(state, State::Noted);
        assert_eq!(world.settled(&header).await, settled);
        assert_eq!(world.population.domain.is_locked(guid), locked);
    }
}

#[tokio::test]
async fn who_had_to_change_the_password_has_done_so_by_a_reset_of_their_own() {
    let mut world = World::new("unexpire").await;
    let (guid, _) = world.person(Kind::MustChange);
    assert!(world.must_change(guid));
    assert_eq!(world.outcome(Operation::Reset, guid, &new_one()).await, Outcome::PasswordChanged);
    assert!(!world.must_change(guid));
}

/// The role moves to a controller that hears of what was done at the former one only later.
fn moved_away(world: &World) -> directory_fake::FakeDomain {
    let domain = world.population.domain.clone();
    domain.move_role("dc2").unwrap();
    domain
}

#[tokio::test]
async fn an_unlock_in_doubt_is_not_judged_by_a_controller_that_has_not_heard_of_it() {
    let mut world = World::new("unlock-elsewhere").await;
    let (guid, _) = world.person(Kind::Locked);
    world.population.domain.add_controller("dc2").unwrap();
    world.population.domain.replicate_after(Duration::from_secs(100));
    world.population.domain.inject(Fault::AnswerLost);
    let (header, doubt) = world.done(Operation::Unlock, guid, &Passwords::None).await;
    assert_eq!(doubt, None);
    let domain = moved_away(&world);
    assert!(domain.is_locked(guid), "as the new holder of the role knows it");
    assert_eq!(world.settled(&header).await, Outcome::Unlocked);
    assert!(!domain.is_locked(guid));
}

#[tokio::test]
async fn after_a_crash_it_is_made_to_be_changed_also_where_the_set_arrives_later() {
    let mut world = World::new("must-change-elsewhere").await;
    let (guid, _) = world.person(Kind::Ordinary);
    world.population.domain.add_controller("dc2").unwrap();
    world.population.domain.replicate_after(Duration::from_secs(100));
    let header = world.header(Operation::ResetByAdministrator);
    world.noted(&header, guid).await;
    let directory = &world.writeback.directories.all()[0].directory;
    directory.set_password(guid, &password(NEW), header.expires_at).await.unwrap();
    world.writeback.journal.set(&header, NOW).await.unwrap();
    let domain = moved_away(&world);
    // The agent has been away for as long as it believes an older word about the role.
    world.clock.advance(directory::ROLE_CHECK);
    assert!(!domain.is_password(guid, NEW), "as the new holder of the role knows it");
    assert_eq!(world.settled(&header).await, Outcome::SettledChanged);
    domain.replicate();
    assert!(domain.is_password(guid, NEW) && world.must_change(guid));
}
