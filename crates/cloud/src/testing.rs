//! A service without a port, for tests: its store in a folder of the test's own, on time that is the
//! test's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use protocol::{ManualClock, Timestamp};

use crate::app::App;
use crate::notify::{Message, Notifier};
use crate::steps::Unwatched;
use crate::surroundings::Surroundings;

/// When tests begin.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A folder, gone when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// One that no other test has.
    pub(crate) fn of(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("passback-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("master.key"), [7; 32]).unwrap();
        Self(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Nobody is written to.
struct Nobody;

impl Notifier for Nobody {
    fn hand_over(&self, _: String, _: Message) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A service in this folder, with nothing in its store.
pub(crate) async fn app(folder: &Folder, clock: &ManualClock) -> App {
    let mut settings = crate::settings::tests::read(&[]).unwrap();
    settings.database = folder.path().join("passback.db");
    settings.master_key = folder.path().join("master.key");
    let surroundings = Surroundings {
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(seal::SystemRandomness::default()),
        notifier: Arc::new(Nobody),
        watch: Arc::new(Unwatched),
        relay: None,
    };
    let app = App::start(settings, surroundings).await.unwrap();
    Arc::into_inner(app).unwrap()
}
