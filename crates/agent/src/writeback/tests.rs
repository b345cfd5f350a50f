use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use directory::{
    Account, BoundAs, Directory, DirectoryError, DistinguishedName, EffectivePolicy, Holder,
    InvocationId, ObjectGuid, PersonEntry, PolicySource, Probe, PwdLastSet, Sid, Terms, Witness,
    Write,
};
use futures_util::future::BoxFuture;
use protocol::policy::Judge;
use protocol::{
    AgentId, ClearPassword, KeyId, ManualClock, Operation, PasswordPolicy, RequestId, TenantId,
    Timestamp,
};

use sync::AdAccount;

use super::look::Found;
use super::*;
use crate::clocks::ClockDifference;
use crate::directories::Connected;
use crate::guard::tests::{limits, ordinary, settings};
use crate::journal::State;
use crate::journal::tests::Folder;
use crate::steps::Unwatched;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A directory of one account that takes every password, and counts.
struct Willing {
    account: Account,
    sets: Arc<AtomicUsize>,
    then: Then,
}

/// What it says of a password that was set.
#[derive(Clone, Copy)]
enum Then {
    /// It is to be changed at the next sign-in.
    Expired,
    /// Nobody has heard of the set: another controller speaks.
    Unheard,
    /// `pwdLastSet` may not be read.
    Hidden,
    /// It refuses to say.
    Refused,
    /// Nothing at all.
    Nothing,
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

fn policy() -> EffectivePolicy {
    let head = "DC=corp,DC=test".parse().unwrap();
    EffectivePolicy { source: PolicySource::Domain(head), rules: Some(PasswordPolicy::default()) }
}

impl Directory for Willing {
    fn probe(&self) -> BoxFuture<'_, Result<Probe, DirectoryError>> {
        ready(Ok(Probe {
            controller: "dc1".to_owned(),
            address: "127.0.0.1:636".parse().unwrap(),
            bound_as: BoundAs::of("S-1-5-21-1-2-3-9999".parse::<Sid>()),
            controls: Vec::new(),
            policy_control: None,
        }))
    }

    fn account(&self, _guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Account>, DirectoryError>> {
        ready(Ok(Some(self.account.clone())))
    }

    fn policy<'a>(
        &'a self,
        _fine_grained: Option<&'a DistinguishedName>,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        ready(Ok(policy()))
    }

    fn resultant_pso(
        &self,
        _guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<DistinguishedName>, DirectoryError>> {
        ready(Ok(None))
    }

    fn holder<'a>(&'a self, _sid: &'a Sid) -> BoxFuture<'a, Result<Holder, DirectoryError>> {
        ready(Ok(Holder::Nobody))
    }

    fn witness(&self, _guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>> {
        let sets = u32::try_from(self.sets.load(Ordering::Relaxed)).unwrap();
        let id = InvocationId(ObjectGuid::from_bytes([7; 16]));
        let mut witness = Witness {
            version: 5 + sets,
            originator: Some(id),
            written_at: None,
            pwd_last_set: PwdLastSet::Never,
            of_one_write: true,
            judge: Judge::Windows,
            controller: "dc1".to_owned(),
            invocation_id: id,
        };
        match self.then {
            _ if sets == 0 => {}
            Then::Expired => {}
            Then::Unheard => witness.version = 5,
            Then::Hidden => witness.pwd_last_set = PwdLastSet::Hidden,
            Then::Refused => {
                let hidden = DirectoryError::Unreadable { attribute: "replPropertyMetaData" };
                return ready(Err(hidden));
            }
            Then::Nothing => return Box::pin(std::future::pending()),
        }
        ready(Ok(Some(witness)))
    }

    fn witness_at<'a>(
        &'a self,
        _controller: &'a str,
        guid: ObjectGuid,
    ) -> BoxFuture<'a, Result<Option<Witness>, DirectoryError>> {
        self.witness(guid)
    }

    fn time(&self) -> BoxFuture<'_, Result<Timestamp, DirectoryError>> {
        ready(Ok(NOW))
    }

    fn role_given(&self) -> BoxFuture<'_, Result<Option<Timestamp>, DirectoryError>> {
        ready(Ok(None))
    }

    fn write<'a>(
        &'a self,
        _guid: ObjectGuid,
        _write: Write<'a>,
        _terms: Terms<'a>,
    ) -> BoxFuture<'a, Result<(), SetError>> {
        self.sets.fetch_add(1, Ordering::Relaxed);
        ready(Ok(()))
    }

    fn people<'a>(
        &'a self,
        _bases: &'a [DistinguishedName],
        _page: u32,
        _each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<directory::PeopleRead, DirectoryError>> {
        ready(Ok(directory::PeopleRead::default()))
    }
}

/// An agent on that directory, with one request begun.
struct World {
    writeback: Writeback,
    sets: Arc<AtomicUsize>,
    folder: Folder,
    clock: ManualClock,
}

impl World {
    async fn new(name: &str, account: Account) -> Self {
        Self::which_then(name, account, Then::Hidden).await
    }

    async fn which_then(name: &str, account: Account, then: Then) -> Self {
        let set_once = PwdLastSet::At(NOW.before(Duration::from_secs(86_400)));
        let account = Account { pwd_last_set: set_once, ..account };
        let folder = Folder::new(&format!("writeback-{name}"));
        let sets = Arc::default();
        let directory = Arc::new(Willing { account, sets: Arc::clone(&sets), then });
        let connected = Connected { settings: settings(), directory };
        let clock = ManualClock::at(NOW);
        let difference = ClockDifference::unknown(Arc::new(clock.clone()));
        difference.measured(0);
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
        assert!(writeback.journal.begin(&header(), NOW).await.unwrap());
        Self { writeback, sets, folder, clock }
    }

    /// From the account on, to the end.
    async fn set(&self) -> (Ended, Vec<Event>) {
        let passwords = Passwords::New(ClearPassword::from_text("New-Password-1").unwrap());
        let (header, mut trail) = (header(), Vec::new());
        let found = self.found().await;
        let write = self.writeback.write(&header, found, Ok(passwords), &mut trail);
        let stop = write.await.unwrap().unwrap();
        let told = trail.clone();
        (self.writeback.finish(&header, stop, trail).await.unwrap(), told)
    }

    async fn found(&self) -> Found<'_> {
        self.writeback.find(imported()).await.unwrap()
    }

    async fn state(&self) -> State {
        self.writeback.journal.entry(header().request).await.unwrap().unwrap().state
    }

    async fn names(&self) -> Vec<String> {
        let (entries, verified) = crate::audit::read(&self.folder.0).await.unwrap();
        assert_eq!(verified.wrong, None);
        entries.into_iter().map(|entry| entry.event.name).collect()
    }
}

fn imported() -> AdAccount {
    AdAccount {
        connector: "corp".parse().unwrap(),
        object_guid: ordinary().guid.to_bytes(),
        dn: ordinary().dn.to_string(),
        source_anchor: "AQEBAQEBAQEBAQEBAQEBAQ==".parse().unwrap(),
        policy: None,
    }
}

fn header() -> Header {
    Header {
        tenant: TenantId::from_bytes([1; 16]),
        agent: AgentId::from_bytes([2; 16]),
        request: RequestId::from_bytes([3; 16]),
        operation: Operation::Reset,
        cloud_anchor: "0f6e7a3c-0000-4000-8000-000000000001".parse().unwrap(),
        key_id: KeyId::from_bytes([4; 16]),
        issued_at: NOW,
        expires_at: NOW.after(Duration::from_secs(180)),
    }
}

#[tokio::test]
async fn a_set_that_cannot_be_noted_in_audit_is_not_sent() {
    let world = World::new("not-noted", ordinary()).await;
    world.writeback.journal.refuse("writeback.noted").await;
    let (ended, _) = world.set().await;
    assert!(matches!(ended, Ended::Known(answer) if answer.outcome == Outcome::Fault));
    assert_eq!(world.sets.load(Ordering::Relaxed), 0);
    assert_eq!(world.names().await, ["writeback.begun", "writeback.finished"]);
}

#[tokio::test]
async fn passwords_that_do_not_open_end_a_request_before_anything_is_sent() {
    let world = World::new("not-opened", ordinary()).await;
    let event = Event::of(&header(), "intake.password_not_opened", json!({}));
    let looked = Looked { found: Ok(world.found().await), trail: Vec::new() };
    let opened = Err((Outcome::NotDecryptable, event));
    let ended = world.writeback.carry_out(&header(), looked, opened).await.unwrap();
    assert!(matches!(ended, Ended::Known(answer) if answer.outcome == Outcome::NotDecryptable));
    assert_eq!(world.sets.load(Ordering::Relaxed), 0);
    let steps = ["begun", "noted", "finished"].map(|step| format!("writeback.{step}"));
    let told = [&steps[0], &steps[1], "intake.password_not_opened", &steps[2]];
    assert_eq!(world.names().await, told);
}

#[tokio::test]
async fn that_passwords_do_not_open_is_not_told_of_a_request_for_nobody() {
    let world = World::new("for-nobody", ordinary()).await;
    let event = Event::of(&header(), "intake.password_not_opened", json!({}));
    let looked = Looked { found: Err(stop(Outcome::UserGone)), trail: Vec::new() };
    let opened = Err((Outcome::NotDecryptable, event));
    let ended = world.writeback.carry_out(&header(), looked, opened).await.unwrap();
    assert!(matches!(ended, Ended::Known(answer) if answer.outcome == Outcome::UserGone));
    assert_eq!(world.names().await, ["writeback.begun", "writeback.finished"]);
}

#[tokio::test]
async fn what_the_guard_refuses_is_not_sent_although_it_is_noted_and_opened_by_then() {
    let protected = Account {
        admin_count: true,
        group_sids: vec!["S-1-5-32-544".parse().unwrap()],
        ..ordinary()
    };
    let world = World::new("guard", protected).await;
    let (ended, told) = world.set().await;
    assert!(matches!(ended, Ended::Known(answer) if answer.outcome == Outcome::Protected));
    assert_eq!(world.sets.load(Ordering::Relaxed), 0);
    assert_eq!(told[0].detail["dn"], ordinary().dn.to_string());
    let steps = ["begun", "noted", "refused_by_guard", "finished"];
    assert_eq!(world.names().await, steps.map(|step| format!("writeback.{step}")));
}

#[tokio::test]
async fn what_the_guard_refuses_is_told_so_also_where_nothing_can_be_noted() {
    let protected = Account { admin_count: true, ..ordinary() };
    let world = World::new("guard-not-noted", protected).await;
    world.writeback.journal.refuse("writeback.noted").await;
    let (ended, _) = world.set().await;
    let told = Outcome::AdminCountLeftBehind;
    assert!(matches!(ended, Ended::Known(answer) if answer.outcome == told));
    assert_eq!(world.sets.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn nothing_at_all_can_be_written_and_nothing_is_sent() {
    let world = World::new("readonly", ordinary()).await;
    world.writeback.journal.on_every_connection("PRAGMA query_only = ON").await;
    let (ended, _) = world.set().await;
    let Ended::Unrecorded(unrecorded) = ended else { panic!("it cannot be recorded") };
    assert_eq!(unrecorded.answer.outcome, Outcome::Fault);
    assert_eq!(world.sets.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_set_that_the_directory_confirmed_is_told_although_audit_fails_afterwards() {
    let world = World::new("after", ordinary()).await;
    world.writeback.journal.refuse("writeback.set").await;
    let (ended, told) = world.set().await;
    let Ended::Unrecorded(Unrecorded { answer, trail, .. }) = ended else { panic!("not recorded") };
    assert_eq!(answer.outcome, Outcome::PasswordChanged);
    assert_eq!(world.sets.load(Ordering::Relaxed), 1);
    assert_eq!(told, [Event::set(&header())], "it is told with the answer");
    // Until then a crash leaves an entry that is settled by looking.
    assert_eq!(world.state().await, State::Noted);
    world.writeback.journal.allow().await;
    world.writeback.record(&header(), &answer, &trail).await.unwrap();
    assert_eq!(world.state().await, State::Finished);
    let steps = ["writeback.begun", "writeback.noted", "writeback.set", "writeback.finished"];
    assert_eq!(world.names().await, steps);
}

#[tokio::test]
async fn a_password_that_was_set_is_told_as_set_whatever_becomes_of_the_question_whether_it_has_expired()
 {
    for (number, then, told) in [
        (0, Then::Expired, Outcome::SetButExpired),
        (1, Then::Unheard, Outcome::PasswordChanged),
        (2, Then::Hidden, Outcome::PasswordChanged),
        (3, Then::Refused, Outcome::PasswordChanged),
    ] {
        let world = World::which_then(&format!("expired-{number}"), ordinary(), then).await;
        let (ended, _) = world.set().await;
        let Ended::Known(answer) = ended else { panic!("{number}") };
        assert_eq!((answer.outcome, world.sets.load(Ordering::Relaxed)), (told, 1), "{number}");
    }
}

#[tokio::test]
async fn nobody_waits_long_to_hear_whether_a_password_has_expired() {
    let world = World::which_then("expired-silent", ordinary(), Then::Nothing).await;
    let patience = async {
        while world.clock.until_next().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(world.clock.until_next().unwrap() <= Duration::from_secs(5));
        world.clock.advance(world.clock.until_next().unwrap());
    };
    let ((ended, _), ()) = tokio::join!(world.set(), patience);
    assert!(matches!(ended, Ended::Known(answer) if answer.outcome == Outcome::PasswordChanged));
}
