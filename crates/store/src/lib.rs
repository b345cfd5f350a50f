//! The state of the cloud service: tenants, agents, people, flows, codes, operations, audit.
//!
//! How to work in it:
//!
//! - A transition is one guarded `UPDATE … WHERE <the state it must be in>` whose row count is
//!   looked at. Reading first and writing then would let two requests both pass the guard.
//! - Ids are 16 bytes, times milliseconds, states short texts that only this crate writes.
//! - Nothing secret is stored in clear: codes as keyed hashes, cookies and enrolment codes as
//!   SHA-256, package keys wrapped under the master key by the caller. Passwords never come here,
//!   sealed ones neither.
//! - Statements use `$1` parameters and no SQLite specialities beyond the schema, so that
//!   PostgreSQL can take the same ones (SPEC X-1).
//! - Errors are [`StoreError`]; the database's own error type stays inside.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "a test reports a broken expectation by panicking"
    )
)]

pub mod agents;
pub mod audit;
pub mod codes;
pub mod flows;
pub mod operations;
pub mod people;
mod row;
mod schema;
pub mod sweep;
pub mod tenants;
pub mod throttle;

use std::path::Path;

use sqlx::SqlitePool;

/// The state of the cloud service. Clones share one pool.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be opened.
    #[error(transparent)]
    Open(#[from] database::OpenError),
    /// The database failed: disk full, file damaged, locked for too long.
    #[error("the database failed to {doing}: {cause}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said; never holds values.
        cause: String,
    },
    /// A row cannot be read: written by a newer version, or damaged.
    #[error("the database holds a {0} that cannot be read")]
    Unreadable(&'static str),
    /// It is there already.
    #[error("there is already a {0} of that name")]
    Exists(&'static str),
}

impl Store {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { pool: database::open(path, schema::STEPS).await? })
    }

    /// Waits for what is running and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Turns the database's error into ours, saying what was being done.
fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |cause| StoreError::Database { doing, cause: cause.to_string() }
}

/// SHA-256, for secrets with at least 128 random bits (cookies, enrolment codes): nothing slower
/// is needed to keep them from being guessed.
fn hash_of_secret(secret: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret).as_ref().to_vec()
}

#[cfg(test)]
mod testing {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};

    use protocol::{Randomness, Timestamp};

    use super::*;

    pub(crate) struct Temporary {
        pub(crate) store: Store,
        folder: PathBuf,
    }

    impl Temporary {
        pub(crate) async fn new() -> Self {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let next = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("passback-store-{}-{next}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            Self { store: Store::open(&folder.join("store.db")).await.unwrap(), folder }
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    /// Counts up: every draw differs and every run is the same.
    #[derive(Default)]
    pub(crate) struct Counting(AtomicU64);

    impl Randomness for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let next = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = next.to_be_bytes()[at % 8] ^ u8::try_from(at).unwrap_or(0);
            }
        }
    }

    pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
}
