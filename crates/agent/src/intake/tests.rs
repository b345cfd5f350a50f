use protocol::{ClearPassword, Clock, ManualClock, Operation, Passwords, Timestamp};
use seal::{KeyPair, SystemRandomness};
use sync::SyncState;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::clocks::ClockDifference;
use crate::clocks::tests::in_vain;
use crate::directories::Directories;
use crate::guard::breaker::Breaker;
use crate::guard::tests::limits;
use crate::journal::tests::Folder;
use crate::journal::{Journal, VOID_STEP};
use crate::steps::Unwatched;

const MADE: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// An agent without directories: whoever comes past the intake is not found.
pub(super) struct Agent {
    pub(super) intake: Intake,
    pub(super) clock: ManualClock,
    folder: Folder,
}

impl Agent {
    pub(super) async fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("intake-{name}"));
        let clock = ManualClock::at(MADE);
        let given: Arc<dyn Clock> = Arc::new(clock.clone());
        let difference = ClockDifference::unknown(Arc::new(clock.clone()));
        let writeback = Writeback {
            clock_difference: Arc::new(difference),
            sync: SyncState::open(&folder.0.join("sync.db")).await.unwrap(),
            directories: Directories::none(),
            journal: Journal::create(&folder.0, MADE).await.unwrap(),
            breaker: Arc::new(Breaker::new(limits())),
            guesses: Arc::default(),
            clock: given,
            watch: Arc::new(Unwatched),
        };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let random = SystemRandomness::default();
        let intake = Intake {
            tenant: TenantId::from_bytes([1; 16]),
            agent: AgentId::from_bytes([2; 16]),
            keys: Arc::new(AgentKeys::new(
                KeyPair::generate().unwrap(),
                PackageKey::generate(&random),
            )),
            identity: Arc::new(SigningKey::generate().unwrap()),
            settler: Settler::new(writeback.clone(), tasks, stop),
            writeback,
            randomness: Arc::new(random),
            memory: Memory::default(),
        };
        intake.writeback.clock_difference.measured(0);
        Self { intake, clock, folder }
    }

    pub(super) fn header(&self, request: u8, issued_at: Timestamp) -> Header {
        Header {
            tenant: self.intake.tenant,
            agent: self.intake.agent,
            request: RequestId::from_bytes([request; 16]),
            operation: Operation::Reset,
            cloud_anchor: "0f6e7a3c-0000-4000-8000-000000000001".parse().unwrap(),
            key_id: self.intake.keys.current().pair.public().key_id(),
            issued_at,
            expires_at: issued_at.after(Duration::from_secs(180)),
        }
    }

    fn package(&self, header: &Header) -> Vec<u8> {
        let random = self.intake.randomness.as_ref();
        let current = self.intake.keys.current();
        let passwords = Passwords::New(ClearPassword::from_text("New-Password-1").unwrap());
        let public = current.pair.public();
        let inner = seal::seal_passwords(public, header, &passwords, random).unwrap();
        seal::seal_request(&current.package_key, header, &inner, random).unwrap()
    }

    async fn asked(&self, target: &str, body: Vec<u8>, header: &Header) -> Result<Outcome, u16> {
        let request = Request {
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: Bytes::from(body),
        };
        let response = self.intake.handle(request).await;
        if response.status != 200 {
            return Err(response.status);
        }
        let key = &self.intake.keys.current().package_key;
        let identity = self.intake.identity.verifying_key();
        Ok(seal::open_answer(key, &identity, header, &response.body).unwrap().outcome)
    }

    pub(super) async fn given(&self, header: &Header) -> Result<Outcome, u16> {
        self.asked(TARGET_WRITEBACK, self.package(header), header).await
    }

    pub(super) async fn settled(&self, header: &Header) -> Result<Outcome, u16> {
        self.asked(TARGET_SETTLE, header.encode(), header).await
    }
}

/// Time passes, or is put back and measured anew.
impl Agent {
    pub(super) fn at(&self, moment: Timestamp) {
        let now = self.clock.now();
        self.clock.advance(moment.since(now));
        if moment < now {
            self.clock.put_to(moment);
            self.intake.writeback.clock_difference.measured(0);
        }
    }
}

pub(super) fn second(seconds: u64) -> Timestamp {
    MADE.after(Duration::from_secs(seconds))
}

#[tokio::test]
async fn what_was_never_begun_is_said_to_have_expired_only_once_it_has() {
    let agent = Agent::new("expired").await;
    let header = agent.header(1, second(10));
    agent.at(header.expires_at.after(Duration::from_secs(4)));
    assert_eq!(agent.settled(&header).await, Err(STATUS_NOT_YET));
    agent.at(header.expires_at.after(EXPIRY_MARGIN));
    assert_eq!(agent.settled(&header).await, Ok(Outcome::Expired));
}

#[tokio::test]
async fn what_audit_cannot_take_is_said_to_nobody_until_it_can() {
    let agent = Agent::new("full").await;
    let header = agent.header(1, second(10));
    agent.at(header.expires_at.after(EXPIRY_MARGIN));
    let journal = &agent.intake.writeback.journal;
    journal.refuse("settle.never_begun").await;
    for _ in 0..2 {
        assert!(agent.settled(&header).await.is_err(), "not even where it was tried before");
    }
    assert!(agent.trail(header.request).await.is_empty());
    journal.allow().await;
    assert_eq!(agent.settled(&header).await, Ok(Outcome::Expired));
    assert_eq!(agent.trail(header.request).await, ["settle.never_begun expired"]);
}

#[tokio::test]
async fn of_what_the_journal_does_not_reach_back_to_nobody_says_that_nothing_was_changed() {
    let agent = Agent::new("horizon").await;
    agent.at(second(1_000));
    let before = agent.header(1, MADE);
    // Not even where a package with its number did not open: another one may have.
    agent.intake.remember(before.request, Outcome::NotDecryptable);
    assert_eq!(agent.settled(&before).await, Ok(Outcome::CannotBeKnown));
    let after = agent.header(2, second(1));
    assert_eq!(agent.settled(&after).await, Ok(Outcome::Expired));
    let journal = &agent.intake.writeback.journal;
    journal.prune(Duration::from_secs(500), second(1_000)).await.unwrap();
    assert_eq!(agent.settled(&after).await, Ok(Outcome::CannotBeKnown));
    let known = agent.header(3, second(501));
    agent.intake.remember(known.request, Outcome::NotDecryptable);
    assert_eq!(agent.settled(&known).await, Ok(Outcome::NotDecryptable));
}

#[tokio::test]
async fn what_may_have_been_set_before_the_journal_was_made_is_not_carried_out() {
    let agent = Agent::new("old").await;
    let old = agent.header(1, MADE.before(Duration::from_secs(121)));
    assert_eq!(agent.given(&old).await, Err(STATUS_NOT_YET));
    assert_eq!(agent.trail(old.request).await, ["intake.before_the_horizon"]);
    agent.at(old.expires_at.after(EXPIRY_MARGIN));
    assert_eq!(agent.settled(&old).await, Ok(Outcome::CannotBeKnown));
}

#[tokio::test]
async fn with_a_clock_that_is_not_known_to_be_right_nothing_is_said_to_have_expired() {
    let mut agent = Agent::new("clock").await;
    let header = agent.header(1, second(10));
    agent.at(second(1_000));
    agent.intake.writeback.clock_difference.measured(120_001);
    assert_eq!(agent.settled(&header).await, Err(STATUS_CANNOT_SAY));
    agent.intake.writeback.clock_difference =
        Arc::new(ClockDifference::unknown(Arc::new(agent.clock.clone())));
    let said = in_vain(&agent.clock, agent.settled(&header)).await;
    assert_eq!(said, Err(STATUS_CANNOT_SAY));
    agent.intake.writeback.clock_difference.measured(-120_000);
    assert_eq!(agent.settled(&header).await, Ok(Outcome::Expired));
}

/// SPEC W-11: never more than 5 minutes with all tolerances.
#[tokio::test]
async fn the_longest_message_that_is_taken_is_five_minutes_old_by_the_slowest_clock_that_is_allowed()
 {
    let agent = Agent::new("lifetime").await;
    let issued_at = second(10);
    let lives = |request, lifetime: Duration| {
        let expires_at = issued_at.after(lifetime);
        Header { expires_at, ..agent.header(request, issued_at) }
    };
    let most = Duration::from_secs(5 * 60) - CLOCK_DIFFERENCE_MAX;
    agent.at(second(20));
    let longest = agent.given(&lives(1, most)).await;
    assert_eq!(longest, Ok(Outcome::UserNotFoundNoCloudLink), "as far as that goes");
    let longer = lives(2, most + Duration::from_millis(1));
    assert_eq!(agent.given(&longer).await, Ok(Outcome::BadInput));
}

/// SPEC W-11: clocks differ by 120 s at most, and time goes forward.
#[tokio::test]
async fn what_was_made_too_far_ahead_or_ends_before_it_begins_is_not_taken() {
    let agent = Agent::new("ahead").await;
    agent.at(second(20));
    let now = agent.clock.now();
    let ahead = |request, by: Duration| agent.header(request, now.after(by));
    let most = agent.given(&ahead(1, CLOCK_DIFFERENCE_MAX)).await;
    assert_eq!(most, Ok(Outcome::UserNotFoundNoCloudLink), "as far as that goes");
    let more = CLOCK_DIFFERENCE_MAX + Duration::from_millis(1);
    assert_eq!(agent.given(&ahead(2, more)).await, Ok(Outcome::ClockDifference));
    let issued_at = now.after(Duration::from_secs(60));
    for (request, expires_at) in [(3, issued_at), (4, issued_at.before(Duration::from_secs(1)))] {
        let header = Header { expires_at, ..agent.header(request, issued_at) };
        assert_eq!(agent.given(&header).await, Ok(Outcome::BadInput), "{request}");
    }
}

/// THREATS: a package, or a question, that is for another tenant or another agent.
#[tokio::test]
async fn what_is_for_somebody_else_is_neither_begun_nor_answered_under_a_signature() {
    let agent = Agent::new("elsewhere").await;
    agent.at(second(20));
    let own = agent.header(1, second(10));
    let of_tenant = Header { tenant: TenantId::from_bytes([9; 16]), ..agent.header(2, second(10)) };
    let of_agent = Header { agent: AgentId::from_bytes([9; 16]), ..agent.header(3, second(10)) };
    for other in [&of_tenant, &of_agent] {
        // Sealed for this agent's keys all the same, as only who has the service's can.
        assert_eq!(agent.given(other).await, Err(400));
        assert_eq!(agent.journal().entry(other.request).await.unwrap().map(drop), None);
        assert_eq!(agent.trail(other.request).await, ["intake.not_for_this_agent"]);
        for target in [TARGET_SETTLE, TARGET_LOOK] {
            assert_eq!(agent.asked(target, other.encode(), other).await, Err(400), "{target}");
        }
    }
    assert_eq!(agent.given(&own).await, Ok(Outcome::UserNotFoundNoCloudLink), "it goes on");
}

#[tokio::test]
async fn an_expired_package_stays_refused_when_the_clock_is_put_back() {
    let agent = Agent::new("late").await;
    let late = agent.header(1, second(10));
    agent.at(late.expires_at);
    assert_eq!(agent.given(&late).await, Ok(Outcome::Expired));
    agent.at(second(20));
    assert_eq!(agent.given(&late).await, Ok(Outcome::Expired));
    assert_eq!(agent.settled(&late).await, Ok(Outcome::Expired));
    // Another one in its time is carried out, as far as that goes.
    let fresh = agent.header(2, second(10));
    assert_eq!(agent.given(&fresh).await, Ok(Outcome::UserNotFoundNoCloudLink));
}

#[tokio::test]
async fn what_was_said_to_be_void_is_never_begun_whatever_the_clock_shows_later() {
    let agent = Agent::new("void").await;
    let kept_back = agent.header(1, second(10));
    agent.at(kept_back.expires_at.after(EXPIRY_MARGIN));
    assert_eq!(agent.settled(&kept_back).await, Ok(Outcome::Expired));
    // The cloud and the person have heard that nothing was changed; then the package comes, in its time
    // by a clock that was ahead.
    agent.at(second(100));
    assert_eq!(agent.given(&kept_back).await, Ok(Outcome::Expired));
    assert!(agent.journal().entry(kept_back.request).await.unwrap().is_none());
    // So is whatever has expired by then, and nothing that has not.
    let until = kept_back.expires_at.after(VOID_STEP);
    let expiring = |request, expires_at| Header { expires_at, ..agent.header(request, second(20)) };
    let (last, first) = (expiring(2, until), expiring(3, until.after(Duration::from_millis(1))));
    assert_eq!(agent.given(&last).await, Ok(Outcome::Expired));
    assert_eq!(agent.given(&first).await, Ok(Outcome::UserNotFoundNoCloudLink));
    agent.at(first.expires_at.after(EXPIRY_MARGIN));
    for void in [&kept_back, &last] {
        assert_eq!(agent.settled(void).await, Ok(Outcome::Expired));
    }
    assert_eq!(agent.settled(&first).await, Ok(Outcome::UserNotFoundNoCloudLink));
    let trail = agent.trail(kept_back.request).await;
    assert_eq!(trail, ["settle.never_begun expired", "intake.void"]);
    // Also what is said of a package that came later is told once audit has it.
    assert_eq!(agent.trail(last.request).await, ["intake.void", "settle.never_begun expired"]);
}

impl Agent {
    pub(super) fn journal(&self) -> &Journal {
        &self.intake.writeback.journal
    }

    /// What the audit trail holds of a request, as names with outcomes.
    pub(super) async fn trail(&self, request: RequestId) -> Vec<String> {
        let (entries, verified) = crate::audit::read(&self.folder.0).await.unwrap();
        assert_eq!(verified.wrong, None);
        let of_request = entries.iter().filter(|entry| entry.event.request == Some(request));
        let named = of_request.map(|entry| match entry.event.detail["outcome"].as_str() {
            Some(outcome) => format!("{} {outcome}", entry.event.name),
            None => entry.event.name.clone(),
        });
        named.collect()
    }
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_begun_and_nobody_hears_too_early_that_it_is_void() {
    let agent = Agent::new("unwritten").await;
    agent.at(second(20));
    let (void, again) = (agent.header(1, second(10)), agent.header(2, second(10)));
    agent.journal().refuse("writeback.begun").await;
    for header in [&void, &again] {
        assert_eq!(agent.given(header).await, Err(500));
        assert!(agent.journal().entry(header.request).await.unwrap().is_none());
        assert_eq!(agent.settled(header).await, Err(STATUS_NOT_YET));
    }
    agent.journal().allow().await;
    // It was not begun, so it may still be.
    assert_eq!(agent.given(&again).await, Ok(Outcome::UserNotFoundNoCloudLink));
    agent.at(void.expires_at.after(EXPIRY_MARGIN));
    assert_eq!(agent.settled(&void).await, Ok(Outcome::Fault));
    assert_eq!(agent.given(&void).await, Ok(Outcome::Fault));
    assert_eq!(agent.trail(void.request).await[0], "settle.never_begun fault");
    assert_eq!(
        agent.trail(again.request).await,
        ["writeback.begun", "writeback.finished user_not_found_no_cloud_link"]
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_down_goes_out_and_is_written_down_later() {
    let agent = Agent::new("unrecorded").await;
    agent.at(second(20));
    let header = agent.header(1, second(10));
    let answer = Ok(Outcome::UserNotFoundNoCloudLink);
    agent.journal().refuse("writeback.finished").await;
    assert_eq!(agent.given(&header).await, answer);
    assert_eq!(agent.settled(&header).await, answer, "asked again, it says the same");
    assert_eq!(agent.given(&header).await, answer, "and given again");
    assert_eq!(agent.trail(header.request).await, ["writeback.begun", "intake.known_request"]);
    agent.journal().allow().await;
    let recorded = async || {
        let entry = agent.journal().entry(header.request).await.unwrap().unwrap();
        entry.answer.map(|answer| answer.outcome)
    };
    for _ in 0..1_000 {
        if recorded().await.is_some() {
            break;
        }
        agent.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(recorded().await, Some(Outcome::UserNotFoundNoCloudLink));
    let last = agent.trail(header.request).await.pop().unwrap();
    assert_eq!(last, "writeback.finished user_not_found_no_cloud_link");
    assert_eq!(agent.settled(&header).await, answer);
}

#[tokio::test]
async fn why_requests_were_not_begun_is_forgotten_where_there_are_too_many_that_nobody_asks_for() {
    let agent = Agent::new("reasons").await;
    let id = |number: usize| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        RequestId::from_bytes(bytes)
    };
    (0..reasons::REMEMBERED_MAX)
        .for_each(|one| agent.intake.remember(id(one), Outcome::NotDecryptable));
    let (full, later) = (id(reasons::REMEMBERED_MAX), id(reasons::REMEMBERED_MAX + 1));
    agent.intake.remember(full, Outcome::Fault);
    assert_eq!(agent.intake.why_never_begun(full), Outcome::Expired, "there is no room");
    assert_eq!(agent.intake.why_never_begun(id(0)), Outcome::NotDecryptable);
    agent.clock.advance(reasons::KEPT);
    agent.intake.remember(later, Outcome::Fault);
    assert_eq!(agent.intake.why_never_begun(later), Outcome::Fault);
    assert_eq!(agent.intake.why_never_begun(id(0)), Outcome::Expired);
}

#[tokio::test]
async fn what_is_refused_at_the_door_stands_in_the_trail() {
    let agent = Agent::new("door").await;
    agent.at(second(20));
    let stranger = Header { agent: AgentId::from_bytes([9; 16]), ..agent.header(1, second(10)) };
    assert_eq!(agent.given(&stranger).await, Err(400));
    assert_eq!(agent.trail(stranger.request).await, ["intake.not_for_this_agent"]);
    let garbled = agent.header(2, second(10));
    let mut package = agent.package(&garbled);
    *package.last_mut().unwrap() ^= 1;
    for _ in 0..3 {
        assert_eq!(agent.asked(TARGET_WRITEBACK, package.clone(), &garbled).await, Err(422));
    }
    // Said once, however often the relay repeats it.
    assert_eq!(agent.trail(garbled.request).await, ["intake.package_not_opened"]);
    agent.at(garbled.expires_at.after(EXPIRY_MARGIN));
    for _ in 0..3 {
        assert_eq!(agent.settled(&garbled).await, Ok(Outcome::NotDecryptable));
    }
    assert_eq!(
        agent.trail(garbled.request).await,
        ["intake.package_not_opened", "settle.never_begun not_decryptable"]
    );
}

/// As much as a test that waits in vain may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Decision 0015: the disk works while the clocks are measured.
#[tokio::test]
async fn the_entry_is_begun_beside_the_wait_for_the_clocks() {
    let agent = Agent::new("beside").await;
    agent.at(second(20));
    // A channel has opened, and nobody has measured since.
    agent.intake.writeback.clock_difference.grow_old();
    let header = agent.header(1, second(10));
    let begun = async {
        while agent.journal().entry(header.request).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(agent.trail(header.request).await, ["writeback.begun"]);
        agent.intake.writeback.clock_difference.measured(0);
    };
    let given = async { tokio::join!(agent.given(&header), begun) };
    let (given, ()) = tokio::time::timeout(PATIENCE, given).await.expect("begun before they are");
    assert_eq!(given, Ok(Outcome::UserNotFoundNoCloudLink));
    // One that was begun before has its answer, and waits for no clock.
    agent.intake.writeback.clock_difference.grow_old();
    let again = tokio::time::timeout(PATIENCE, agent.given(&header)).await;
    assert_eq!(again.expect("nobody measures"), Ok(Outcome::UserNotFoundNoCloudLink));
}
