//! A Maildir: each mail is written in `tmp` and moved to `new`, so that nobody reads half of one.

use std::fs;
use std::io::Result;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use clock::SystemClock;
use protocol::Clock as _;

#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
    count: AtomicU64,
}

impl Maildir {
    pub(super) fn make(path: PathBuf) -> Result<Self> {
        for folder in ["cur", "new", "tmp"] {
            fs::create_dir_all(path.join(folder))?;
        }
        Ok(Self { path, count: AtomicU64::new(0) })
    }

    /// Keeps a mail; it is there when this returns.
    pub(super) fn keep(&self, mail: &[u8]) -> Result<()> {
        let count = self.count.fetch_add(1, Ordering::SeqCst);
        let (millis, process) = (SystemClock.now().as_millis(), std::process::id());
        let name = format!("{millis}.P{process}Q{count}.localhost");
        let part = self.path.join("tmp").join(&name);
        fs::write(&part, mail)?;
        fs::rename(part, self.path.join("new").join(name))
    }
}
