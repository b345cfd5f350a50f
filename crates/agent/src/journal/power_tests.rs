//! The power goes in the middle of a write. Every commit is made durable before the next step (SPEC W-12), so
//! what may be missing afterwards is an end of what was being written; the journal then has what it had before.

use std::ops::Range;
use std::path::Path;

use super::tests::{Folder, NOW, answer, header, place, witness};
use super::*;
use protocol::Outcome;

/// Between two places at which a write is cut: no divisor of a page, so that all parts of pages are met.
const STRIDE: usize = 1_543;

/// What stands on the disk: the journal and its write-ahead log.
struct Disk {
    journal: Vec<u8>,
    log: Vec<u8>,
}

impl Disk {
    fn of(folder: &Folder) -> Self {
        let read = |end: &str| std::fs::read(folder.0.join(format!("{FILE}{end}"))).unwrap();
        Self { journal: read(""), log: read("-wal") }
    }

    /// The same in another folder, with so much of the log, and `torn` bytes behind that.
    fn put(&self, folder: &Path, log: usize, torn: &[u8]) {
        std::fs::write(folder.join(FILE), &self.journal).unwrap();
        std::fs::write(folder.join(format!("{FILE}-wal")), [&self.log[..log], torn].concat())
            .unwrap();
        let _ = std::fs::remove_file(folder.join(format!("{FILE}-shm")));
    }
}

/// The part of the log in which a write has changed anything.
fn written(before: &[u8], after: &[u8]) -> Range<usize> {
    let differs = |at: &usize| before.get(*at) != after.get(*at);
    let mut all = 0..after.len();
    let first = all.find(differs).expect("something was written");
    first..all.rfind(differs).map_or(first, |last| last) + 1
}

async fn state(folder: &Path) -> Option<State> {
    let journal = Journal::open(folder).await.unwrap();
    let entry = journal.entry(header(1).request).await.unwrap();
    journal.close().await;
    entry.map(|entry| entry.state)
}

#[tokio::test]
async fn at_whatever_byte_of_a_write_the_power_goes_the_journal_has_all_of_it_or_what_was_before() {
    let (folder, after_the_cut) = (Folder::new("power"), Folder::new("power-cut"));
    let journal = Journal::create(&folder.0, NOW.before(Duration::from_secs(600))).await.unwrap();
    let steps =
        [None, Some(State::Begun), Some(State::Noted), Some(State::Set), Some(State::Finished)];
    for step in steps.windows(2) {
        let (had, has) = (step[0], step[1]);
        let before = Disk::of(&folder);
        match has {
            Some(State::Begun) => assert!(journal.begin(&header(1), NOW).await.unwrap()),
            Some(State::Noted) => {
                let noted =
                    journal.note_before(&header(1), &place("c", 1), &witness(), &[], NOW).await;
                assert!(matches!(noted.unwrap(), Noted::Yes));
            }
            Some(State::Set) => journal.set(&header(1), NOW).await.unwrap(),
            _ => {
                let answer = answer(Outcome::PasswordChanged);
                journal.finish(header(1).request, &answer, &[], NOW).await.unwrap();
            }
        }
        let after = Disk::of(&folder);
        assert!(after.journal == before.journal, "only the log is written");
        let written = written(&before.log, &after.log);
        let mut is_there = false;
        for cut in written.clone().step_by(STRIDE) {
            // Behind it stands what stood there, or nothing; a file may be longer before it has its content.
            let was = before.log.get(cut..written.end).unwrap_or_default();
            for torn in [was, &[], &vec![0; written.end - cut]] {
                after.put(&after_the_cut.0, cut, torn);
                let found = state(&after_the_cut.0).await;
                assert!(found == had || found == has, "{cut} of {written:?}: {found:?}");
                assert!(found == has || !is_there, "{cut} of {written:?}: gone again");
                assert!(found == had || cut > written.start, "nothing of it was written");
                is_there = found == has;
            }
        }
        after.put(&after_the_cut.0, written.end, &[]);
        assert_eq!(state(&after_the_cut.0).await, has);
    }
}
