use directory::{InvocationId, ObjectGuid, PwdLastSet};
use protocol::policy::Judge;
use protocol::{AgentId, Details, KeyId, Operation, Outcome};

use super::*;
use crate::journal::tests::Folder;
use crate::journal::{Journal, Noted, State};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn header(request: u8) -> Header {
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

fn answer() -> Answer {
    Answer { outcome: Outcome::PasswordChanged, details: Details::default(), finished_at: NOW }
}

/// Takes one step of a request in the journal.
async fn step(journal: &Journal, header: &Header, name: &str) -> bool {
    let id = InvocationId(ObjectGuid::from_bytes([7; 16]));
    let guid = ObjectGuid::from_bytes(header.request.to_bytes());
    let place = Place { connector: "corp".to_owned(), guid };
    let witness = Witness {
        version: 5,
        originator: Some(id),
        written_at: None,
        pwd_last_set: PwdLastSet::Never,
        of_one_write: false,
        judge: Judge::Windows,
        controller: "dc1".to_owned(),
        invocation_id: id,
    };
    match name {
        "writeback.begun" => journal.begin(header, NOW).await.is_ok_and(|begun| begun),
        "writeback.noted" => {
            let noted = journal.note_before(header, &place, &witness, &[], NOW).await;
            noted.is_ok_and(|noted| noted == Noted::Yes)
        }
        "writeback.set" => journal.set(header, NOW).await.is_ok(),
        _ => {
            let trail = [Event::answered(header, "writeback.finished", &answer())];
            journal.finish(header.request, &answer(), &trail, NOW).await.is_ok()
        }
    }
}

const STEPS: [(&str, State); 4] = [
    ("writeback.begun", State::Begun),
    ("writeback.noted", State::Noted),
    ("writeback.set", State::Set),
    ("writeback.finished", State::Finished),
];

async fn names(folder: &Folder) -> Vec<String> {
    let (entries, verified) = read(&folder.0).await.unwrap();
    assert_eq!(verified.wrong, None);
    entries.into_iter().map(|entry| entry.event.name).collect()
}

#[tokio::test]
async fn the_trail_tells_every_step_of_a_request_and_how_it_ended() {
    let folder = Folder::new("audit-steps");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    for request in [1, 2] {
        for (name, _) in STEPS {
            assert!(step(&journal, &header(request), name).await, "{name}");
        }
    }
    // A request that comes again adds no step.
    assert!(!step(&journal, &header(1), "writeback.begun").await);
    let trail = Trail::open(&folder.0).await.unwrap();
    let second = Selection { request: Some(header(2).request), since: None };
    let entries = trail.after(0, &second, 10).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [5, 6, 7, 8]);
    for (entry, (name, _)) in entries.iter().zip(STEPS) {
        assert_eq!((entry.event.name.as_str(), entry.at), (name, NOW));
        assert_eq!(entry.event.tenant, Some(header(2).tenant));
    }
    let end = &entries[3].event.detail;
    let told = ("password_changed", "31002", "yes");
    let said = |key: &str| end[key].as_str().unwrap().to_owned();
    assert_eq!(told, (&*said("outcome"), &*said("number"), &*said("changed")));
    assert_eq!(trail.verify().await.unwrap().rows, 8);
    let none = Selection { since: Some(NOW.after(DAY)), request: None };
    assert_eq!(trail.after(0, &none, 10).await.unwrap(), []);
}

#[tokio::test]
async fn whatever_was_changed_taken_out_or_moved_is_named() {
    for (number, done, wrong) in [
        (1, "UPDATE audit SET detail = '{\"changed\":\"no\"}' WHERE seq = 4", 4),
        (2, "UPDATE audit SET request = x'00' WHERE seq = 2", 2),
        (3, "DELETE FROM audit WHERE seq = 3", 3),
        (4, "UPDATE audit SET seq = 9 WHERE seq = 1; UPDATE audit SET seq = 1 WHERE seq = 2", 1),
    ] {
        let folder = Folder::new(&format!("audit-touched-{number}"));
        let journal = Journal::create(&folder.0, NOW).await.unwrap();
        for (name, _) in STEPS {
            assert!(step(&journal, &header(1), name).await);
        }
        journal.done(done).await;
        let verified = Trail::open(&folder.0).await.unwrap().verify().await.unwrap();
        assert_eq!(verified.wrong, Some(wrong), "{done}");
    }
}

#[tokio::test]
async fn a_step_that_audit_cannot_be_told_of_is_not_taken() {
    let folder = Folder::new("audit-refused");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    let header = header(1);
    for (taken, (name, state)) in STEPS.into_iter().enumerate() {
        let before = journal.entry(header.request).await.unwrap().map(|entry| entry.state);
        journal.refuse(name).await;
        assert!(!step(&journal, &header, name).await, "{name}");
        let after = journal.entry(header.request).await.unwrap().map(|entry| entry.state);
        assert_eq!(before, after, "{name} left a half");
        assert_eq!(names(&folder).await.len(), taken);
        journal.allow().await;
        assert!(step(&journal, &header, name).await, "{name}");
        assert_eq!(journal.entry(header.request).await.unwrap().unwrap().state, state);
    }
}

#[tokio::test]
async fn on_a_file_that_cannot_be_written_no_step_is_taken() {
    let folder = Folder::new("audit-readonly");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    assert!(step(&journal, &header(1), "writeback.begun").await);
    journal.on_every_connection("PRAGMA query_only = ON").await;
    assert!(!step(&journal, &header(1), "writeback.noted").await);
    assert!(!step(&journal, &header(2), "writeback.begun").await);
    journal.record(&[Event::of_agent("agent.stopped", json!({}))], NOW).await.unwrap_err();
    assert_eq!(names(&folder).await, ["writeback.begun"]);
    journal.on_every_connection("PRAGMA query_only = OFF").await;
    assert!(step(&journal, &header(1), "writeback.noted").await);
}

#[tokio::test]
async fn a_disk_that_fills_up_leaves_journal_and_trail_in_agreement() {
    let folder = Folder::new("audit-full");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    journal.on_every_connection("PRAGMA max_page_count = 24").await;
    let (mut taken, mut refused) = (Vec::new(), 0);
    for request in 1..=200 {
        for (name, _) in STEPS {
            match step(&journal, &header(request), name).await {
                true => taken.push((header(request).request, name.to_owned())),
                false => refused += 1,
            }
        }
    }
    assert!(taken.len() > 20 && refused > 20, "{} taken, {refused} refused", taken.len());
    let (entries, verified) = read(&folder.0).await.unwrap();
    assert_eq!(verified.wrong, None);
    let told = entries.into_iter().map(|entry| (entry.event.request.unwrap(), entry.event.name));
    assert_eq!(told.collect::<Vec<_>>(), taken);
}

#[tokio::test]
async fn what_is_old_is_forgotten_and_the_rest_still_verifies() {
    let folder = Folder::new("audit-forget");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    for (days, name) in [(0, "a.old"), (5, "a.young")] {
        let event = Event::of_agent(name, json!({}));
        journal.record(&[event], NOW.after(DAY * days)).await.unwrap();
    }
    let (retention, now) = (DAY * 30, NOW.after(DAY * 32));
    assert_eq!(journal.forget_trail(retention, NOW.after(DAY * 31)).await.unwrap(), 0);
    assert_eq!(journal.forget_trail(retention, now).await.unwrap(), 1);
    assert_eq!(names(&folder).await, ["a.young", "audit.forgotten"]);
    assert_eq!(journal.forget_trail(retention, now).await.unwrap(), 0);
}

#[tokio::test]
async fn a_journal_of_before_there_was_a_trail_gets_one_when_the_agent_starts() {
    let folder = Folder::new("audit-older");
    let missing = Trail::open(&folder.0).await.err().unwrap();
    assert!(missing.to_string().contains(journal::FILE), "{missing}");
    let before = &journal::SCHEMA[..1];
    let pool = database::open(&folder.0.join(journal::FILE), before).await.unwrap();
    let made = sqlx::query("INSERT INTO about (one, horizon) VALUES (1, 0)");
    made.execute(&pool).await.unwrap();
    pool.close().await;
    let older = Trail::open(&folder.0).await.err().unwrap();
    assert!(older.to_string().contains("start the program once"), "{older}");
    let journal = Journal::open(&folder.0).await.unwrap();
    assert!(step(&journal, &header(1), "writeback.begun").await);
    assert_eq!(names(&folder).await, ["writeback.begun"]);
}

#[test]
fn what_the_relay_can_have_written_at_will_is_written_once_an_hour_and_bounded() {
    let mut at_will = AtWill::default();
    let event = |request: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&request.to_be_bytes());
        let request = Some(RequestId::from_bytes(id));
        Event { request, ..Event::of_agent("intake.known_request", json!({})) }
    };
    let mut written = |event: &Event, at| {
        let admitted = at_will.admits(event, at);
        if admitted == Admitted::Now {
            at_will.wrote(event);
        }
        admitted
    };
    assert_eq!(written(&event(1), NOW), Admitted::Now);
    let nearly = NOW.after(HOUR - Duration::from_millis(1));
    assert_eq!(written(&event(1), nearly), Admitted::Before);
    let other = Event { name: "settle.never_begun".to_owned(), ..event(1) };
    let told = Event { detail: json!({ "outcome": "expired" }), ..other.clone() };
    for another in [&other, &told] {
        assert_eq!(written(another, NOW), Admitted::Now);
    }
    let all = 2..=2 * AT_WILL;
    let admitted = all.filter(|request| written(&event(*request), NOW) == Admitted::Now);
    assert_eq!(admitted.count(), AT_WILL - 3);
    assert_eq!(written(&event(3 * AT_WILL), NOW), Admitted::No);
    assert_eq!(written(&event(1), NOW), Admitted::Before);
    assert_eq!(written(&event(1), NOW.after(HOUR)), Admitted::Now);
    at_will.forget(&event(1));
    let again = at_will.admits(&event(1), NOW.after(HOUR));
    assert_eq!(again, Admitted::Now, "what could not be written may be tried again");
}
