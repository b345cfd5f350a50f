use std::path::PathBuf;

use directory::{InvocationId, PwdLastSet};
use protocol::policy::Judge;
use protocol::{AgentId, Details, KeyId, Operation, Outcome, TenantId};

use super::*;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A state directory that is gone when this is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("passback-journal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn header(request: u8) -> Header {
    Header {
        tenant: TenantId::from_bytes([1; 16]),
        agent: AgentId::from_bytes([2; 16]),
        request: RequestId::from_bytes([request; 16]),
        operation: Operation::Reset,
        cloud_anchor: "0f6e7a3c-0000-4000-8000-000000000001".parse().unwrap(),
        key_id: KeyId::from_bytes([4; 16]),
        issued_at: NOW,
        expires_at: NOW.after(Duration::from_secs(180)),
    }
}

pub(super) fn place(connector: &str, account: u8) -> Place {
    Place { connector: connector.to_owned(), guid: ObjectGuid::from_bytes([account; 16]) }
}

pub(super) fn witness() -> Witness {
    let id = InvocationId(ObjectGuid::from_bytes([7; 16]));
    Witness {
        version: 5,
        originator: Some(id),
        written_at: None,
        pwd_last_set: PwdLastSet::Never,
        of_one_write: false,
        judge: Judge::Windows,
        controller: "dc1".to_owned(),
        invocation_id: id,
    }
}

pub(super) fn answer(outcome: Outcome) -> Answer {
    Answer { outcome, details: Details::default(), finished_at: NOW }
}

/// What goes wrong in tests.
impl Journal {
    /// The audit trail takes no event of this name any more.
    pub(crate) async fn refuse(&self, event: &str) {
        self.done(&format!(
            "CREATE TRIGGER refused BEFORE INSERT ON audit WHEN NEW.event = '{event}'
             BEGIN SELECT RAISE(ABORT, 'no space left'); END"
        ))
        .await;
    }

    /// It takes all of them again.
    pub(crate) async fn allow(&self) {
        self.done("DROP TRIGGER refused").await;
    }

    pub(crate) async fn done(&self, statements: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&self.pool).await.unwrap();
    }

    /// Carries out a statement that holds for the connection that it is carried out on.
    pub(crate) async fn on_every_connection(&self, statement: &'static str) {
        let mut all = Vec::new();
        for _ in 0..self.pool.options().get_max_connections() {
            all.push(self.pool.acquire().await.unwrap());
        }
        for connection in &mut all {
            sqlx::raw_sql(statement).execute(&mut **connection).await.unwrap();
        }
        self.writer.execute_alone(statement).await.unwrap();
    }
}

impl Journal {
    /// Begins an entry and notes the state before.
    async fn begun_and_noted(&self, request: u8, place: &Place) -> Noted {
        let header = header(request);
        assert!(self.begin(&header, NOW).await.unwrap());
        self.note_before(&header, place, &witness(), &[], NOW).await.unwrap()
    }

    async fn finished(&self, request: u8, at: Timestamp) {
        let answer = answer(Outcome::SettledUnchanged);
        self.finish(header(request).request, &answer, &[], at).await.unwrap();
    }
}

#[tokio::test]
async fn a_new_journal_knows_nothing_of_what_was_issued_before_it_was_made() {
    let folder = Folder::new("new");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    assert!(!journal.knows_since(NOW).await.unwrap());
    assert!(journal.knows_since(NOW.after(Duration::from_millis(1))).await.unwrap());
    journal.close().await;
    // Opened later, it knows since it was made.
    let later = NOW.after(DAY);
    for journal in [Journal::open(&folder.0).await, Journal::create(&folder.0, later).await] {
        let journal = journal.unwrap();
        assert!(journal.knows_since(NOW.after(Duration::from_millis(1))).await.unwrap());
        journal.close().await;
    }
}

#[tokio::test]
async fn a_journal_that_is_gone_is_not_made_anew_and_not_put_back() {
    let folder = Folder::new("gone");
    let error = Journal::open(&folder.0).await.err().unwrap();
    assert!(matches!(error, JournalError::Gone(_)));
    assert!(!error.to_string().contains("restore"), "{error}");
    assert!(!folder.0.join(FILE).exists());
}

/// What SQLite takes for a database without complaint: a file that was truncated, touched, or lost its
/// pages with the power.
#[tokio::test]
async fn what_stands_in_a_journals_place_and_is_none_is_not_made_into_one() {
    let folder = Folder::new("empty");
    let file = folder.0.join(FILE);
    let gone = async |what: &str| {
        let before = std::fs::read(&file).unwrap();
        let error = Journal::open(&folder.0).await.err().expect(what);
        assert!(matches!(error, JournalError::Gone(_)), "{what}: {error}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{what}: it is as it was");
    };
    std::fs::write(&file, []).unwrap();
    gone("no bytes").await;
    std::fs::remove_file(&file).unwrap();

    let another: &[&str] = &["CREATE TABLE person (name TEXT)"];
    database::open(&file, another).await.unwrap().close().await;
    gone("another database").await;
    std::fs::remove_file(&file).unwrap();

    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    journal.done("DELETE FROM about").await;
    journal.close().await;
    gone("it does not say since when it knows").await;
    std::fs::remove_file(&file).unwrap();

    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    journal.done("PRAGMA user_version = 1000").await;
    journal.close().await;
    let newer = Journal::open(&folder.0).await.err().unwrap();
    assert!(newer.to_string().contains("has schema 1000"), "{newer}");
}

/// A disk that returns other bytes than it was given, in what SQLite knows its pages by.
#[tokio::test]
async fn a_journal_with_a_page_that_is_none_is_not_opened() {
    let folder = Folder::new("damaged");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    for request in 1..100 {
        assert!(journal.begin(&header(request), NOW).await.unwrap());
    }
    journal.close().await;
    let (file, size) = (folder.0.join(FILE), 4_096);
    let good = std::fs::read(&file).unwrap();
    assert!(good.len() > 4 * size && good.len().is_multiple_of(size));
    for page in 0..good.len() / size {
        let mut bad = good.clone();
        // The page's kind and the number of its cells; on the first page behind the file's own head.
        let head = page * size + if page == 0 { 100 } else { 0 };
        bad[head..head + 8].iter_mut().for_each(|byte| *byte ^= 0xff);
        std::fs::write(&file, &bad).unwrap();
        let error = Journal::open(&folder.0).await.err().unwrap();
        assert!(matches!(error, JournalError::Damaged { .. }), "page {page}: {error}");
    }
    std::fs::write(&file, "this is no database, and longer than the head of one is: ".repeat(9))
        .unwrap();
    let error = Journal::open(&folder.0).await.err().unwrap();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error}");
    // What is done about it: what the new one does not know of it does not begin.
    let later = NOW.after(DAY);
    let journal = Journal::create(&folder.0, later).await.unwrap();
    assert!(!journal.knows_since(NOW).await.unwrap());
    assert!(!journal.begin(&header(1), later).await.unwrap());
    journal.close().await;
    Journal::open(&folder.0).await.unwrap().close().await;
    let aside = folder.0.join(format!("{FILE}.damaged-{}", later.as_millis()));
    assert!(std::fs::read(aside).unwrap().starts_with(b"this is no database"));
    // One that is whole stays.
    std::fs::write(&file, &good).unwrap();
    let journal = Journal::create(&folder.0, later).await.unwrap();
    assert!(journal.entry(header(1).request).await.unwrap().is_some());
}

/// The second lock: should a journal be new beside old keys all the same, what may have been set before
/// it was made is not begun.
#[tokio::test]
async fn what_was_issued_before_the_journal_knows_anything_is_not_begun() {
    let folder = Folder::new("before");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    // An agent's clock may be that far ahead of the cloud's: the first request after onboarding.
    let first = Header { issued_at: NOW.before(CLOCK_DIFFERENCE_MAX), ..header(1) };
    assert!(journal.begin(&first, NOW).await.unwrap());
    let older = Header { issued_at: first.issued_at.before(Duration::from_millis(1)), ..header(2) };
    assert!(!journal.begin(&older, NOW).await.unwrap());
    assert!(journal.entry(older.request).await.unwrap().is_none());
    assert!(!journal.knows_since(older.issued_at).await.unwrap());
}

#[tokio::test]
async fn forgetting_raises_the_horizon_and_never_lowers_it() {
    let folder = Folder::new("prune");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    for request in 1..=3 {
        assert!(journal.begin(&header(request), NOW).await.unwrap());
    }
    journal.finished(1, NOW).await;
    journal.finished(2, NOW.after(DAY)).await;
    // Nothing is forgotten before the clocks' tolerance has passed twice, too.
    let horizon = NOW.after(CLOCK_DIFFERENCE_MAX * 2);
    assert_eq!(journal.prune(DAY, horizon.after(DAY)).await.unwrap(), 0);
    assert!(!journal.knows_since(horizon).await.unwrap());
    let horizon = horizon.after(Duration::from_millis(1));
    assert!(journal.knows_since(horizon).await.unwrap());
    assert_eq!(journal.prune(DAY, horizon.after(DAY)).await.unwrap(), 1);
    assert!(!journal.knows_since(horizon).await.unwrap());
    assert!(journal.entry(header(1).request).await.unwrap().is_none());
    assert!(journal.entry(header(2).request).await.unwrap().is_some());
    // Open ones are kept however old; a clock that is put back lowers nothing.
    assert!(journal.entry(header(3).request).await.unwrap().is_some());
    assert_eq!(journal.prune(DAY, NOW).await.unwrap(), 0);
    assert!(!journal.knows_since(horizon).await.unwrap());
}

/// A relay keeps a package until its entry is forgotten, and delivers it again. It would be told to have
/// expired, and with it that nothing was changed, of a password that was set.
#[tokio::test]
async fn what_was_forgotten_is_never_begun_again_however_far_the_cloud_s_clock_was_ahead() {
    let folder = Folder::new("prune-replay");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    let ahead = [0, 60, 120].map(Duration::from_secs);
    let header_of = |request, ahead| Header { issued_at: NOW.after(ahead), ..header(request) };
    let headers: Vec<Header> = (1..).zip(ahead).map(|(number, by)| header_of(number, by)).collect();
    for (number, header) in (1..).zip(&headers) {
        assert!(journal.begin(header, NOW).await.unwrap());
        journal.finished(number, NOW).await;
    }
    for second in 0..400 {
        let now = NOW.after(DAY).after(Duration::from_secs(second));
        journal.prune(DAY, now).await.unwrap();
        for header in &headers {
            assert!(!journal.begin(header, now).await.unwrap(), "{header:?} after {second} s");
        }
    }
    for header in &headers {
        assert!(journal.entry(header.request).await.unwrap().is_none(), "it was forgotten");
    }
}

/// It was begun by a clock that is right, or nothing was sent; it is settled by one that may be an hour behind.
#[tokio::test]
async fn what_was_settled_by_a_clock_that_was_behind_is_kept_as_long_as_what_was_not() {
    let folder = Folder::new("prune-behind");
    let journal = Journal::create(&folder.0, NOW.before(DAY)).await.unwrap();
    assert!(journal.begin(&header(1), NOW).await.unwrap());
    journal.finished(1, NOW.before(Duration::from_secs(3_600))).await;
    for second in 0..400 {
        let now = NOW.after(DAY).after(Duration::from_secs(second));
        journal.prune(DAY, now).await.unwrap();
        assert!(!journal.begin(&header(1), now).await.unwrap(), "after {second} s");
    }
    assert!(journal.entry(header(1).request).await.unwrap().is_none(), "it was forgotten");
}

#[tokio::test]
async fn an_account_has_one_set_at_a_time() {
    let folder = Folder::new("one");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    let anna = place("corp", 1);
    assert_eq!(journal.begun_and_noted(1, &anna).await, Noted::Yes);
    assert_eq!(journal.begun_and_noted(2, &anna).await, Noted::AnotherIsOpen);
    let entry = journal.entry(header(2).request).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.before), (State::Begun, None));
    // Another account, and the same number in another directory.
    assert_eq!(journal.begun_and_noted(3, &place("corp", 9)).await, Noted::Yes);
    assert_eq!(journal.begun_and_noted(4, &place("other", 1)).await, Noted::Yes);
    // Its own entry is not in its way.
    let again = journal.note_before(&header(1), &anna, &witness(), &[], NOW).await.unwrap();
    assert_eq!(again, Noted::Yes);
    journal.set(&header(1), NOW).await.unwrap();
    let second = journal.note_before(&header(2), &anna, &witness(), &[], NOW).await.unwrap();
    assert_eq!(second, Noted::AnotherIsOpen, "set, and its answer not recorded");
    journal.finished(1, NOW).await;
    let second = journal.note_before(&header(2), &anna, &witness(), &[], NOW).await.unwrap();
    assert_eq!(second, Noted::Yes);
}

#[tokio::test]
async fn of_many_at_once_one_is_noted() {
    let folder = Folder::new("race");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    let mut all = tokio::task::JoinSet::new();
    for request in 1..=8 {
        let journal = journal.clone();
        all.spawn(async move { journal.begun_and_noted(request, &place("corp", 1)).await });
    }
    let noted = all.join_all().await;
    assert_eq!(noted.iter().filter(|noted| **noted == Noted::Yes).count(), 1);
}

#[tokio::test]
async fn a_finished_entry_is_not_noted_again() {
    let folder = Folder::new("order");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    let noted = |request: u8| {
        let journal = journal.clone();
        async move {
            let header = header(request);
            journal.note_before(&header, &place("corp", 1), &witness(), &[], NOW).await
        }
    };
    assert!(matches!(noted(1).await, Err(JournalError::OutOfOrder)), "never begun");
    assert!(journal.begin(&header(1), NOW).await.unwrap());
    journal.finished(1, NOW).await;
    assert!(matches!(noted(1).await, Err(JournalError::OutOfOrder)), "finished");
    assert!(!journal.begin(&header(1), NOW).await.unwrap());
}
