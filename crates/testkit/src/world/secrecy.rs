//! I8: canary passwords and codes appear in no file, log, mail, address or byte between agent and
//! service.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::World;
use crate::canary::Canary;

/// Stands in every password of a world, so that one search finds all of them.
const MARK: &str = "Kanarie7Q";

/// A password for the `number`-th attempt of a world: it satisfies every policy, and no other
/// attempt has it.
pub(super) fn password(number: u32) -> String {
    format!("{MARK}-{number:06}-Zoë")
}

impl World {
    /// Writes something where it may be looked for: a test of the search.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn plant_file(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).expect("a planted file");
    }

    /// Notes that somebody was told *changed*, for nothing: a test of the invariants.
    pub fn plant_told(&mut self, login: &str) {
        let password = self.password();
        self.ledger.plant(login, &password, self.now());
    }

    /// Sends a mail with something in it: a test of the search.
    pub fn plant_mail(&self, text: &str) {
        self.mailbox.plant(text);
    }
}

/// What was found, one line each.
pub(super) fn violations(world: &World) -> Vec<String> {
    let canary = Canary::new(MARK);
    let mut found = Vec::new();
    let mut look = |place: &str, bytes: &[u8]| {
        if let Some(form) = canary.in_bytes(bytes) {
            found.push(format!("a password stands in {place} ({form})"));
        }
    };
    let log = log().bytes().clone();
    look("the log", &log);
    look("what agent and service said", &world.network.heard());
    let asked = world.asked.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
    look("an address", asked.as_bytes());
    let mails = world.mailbox.all();
    for mail in &mails {
        look("a mail", mail.text.as_bytes());
        look("a mail", mail.subject.as_bytes());
    }
    let files = canary.in_files(world.folder.path()).expect("the world's files");
    found.extend(
        files
            .iter()
            .map(|file| format!("a password stands in {} ({})", file.path.display(), file.form)),
    );
    let log = String::from_utf8_lossy(&log);
    for code in mails.iter().filter_map(crate::Mail::code) {
        for (place, text) in [("the log", &*log), ("an address", &asked)] {
            if stands_alone(text, code) {
                found.push(format!("a code stands in {place}"));
            }
        }
    }
    found
}

/// Whether the digits stand there as a number of their own: as a part of a longer one (a moment, an
/// id) they are no code.
fn stands_alone(text: &str, digits: &str) -> bool {
    text.match_indices(digits).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + digits.len()..].chars().next();
        ![before, after].into_iter().flatten().any(|one| one.is_ascii_alphanumeric())
    })
}

/// The log of everything in this process, since it was last looked at.
pub(super) fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let filter = EnvFilter::new("debug,hyper=info,sqlx=warn,tungstenite=info");
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
        // Another subscriber means that somebody else looks at the log.
        let _ = subscriber.with_writer(log.clone()).try_init();
        log
    })
}

/// A log in memory. Clones are the same log.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What was written since the last time.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.bytes())
    }

    /// Whether a line that was written since then has all of these words.
    pub(super) fn has_line(&self, words: &[&str]) -> bool {
        let log = String::from_utf8_lossy(&self.bytes()).into_owned();
        log.lines().any(|line| words.iter().all(|word| line.contains(word)))
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_alone_and_not_within_a_longer_number() {
        assert!(stands_alone("code 123456.", "123456"));
        assert!(stands_alone("123456", "123456"));
        assert!(!stands_alone("at 1800123456000 ms, x123456", "123456"));
    }

    #[test]
    fn every_attempt_has_a_password_of_its_own_with_the_mark() {
        assert_ne!(password(1), password(2));
        assert!(Canary::new(MARK).in_bytes(password(3).as_bytes()).is_some());
    }
}
