//! The open database.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, Transaction};

use crate::rules::{Rule, RuleOptions, default_rules};
use crate::{SyncError, schema};

/// How many objects an export may delete. SPEC Y-4.
const DELETION_THRESHOLD: u64 = 500;

/// What the administrator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOptions {
    /// What the rules leave open.
    pub rules: RuleOptions,
    /// How many objects an export may delete before it stops (SPEC Y-4; default 500).
    pub deletion_threshold: u64,
}

impl Default for SyncOptions {
    fn default() -> Self {
        Self { rules: RuleOptions::default(), deletion_threshold: DELETION_THRESHOLD }
    }
}

/// Connector spaces, metaverse and links. Clones share the same file.
#[derive(Debug, Clone)]
pub struct SyncState {
    pub(crate) pool: SqlitePool,
    pub(crate) options: Arc<SyncOptions>,
    pub(crate) rules: Arc<Vec<Rule>>,
}

impl SyncState {
    /// Opens the file, and makes it if there is none, with the default options.
    ///
    /// # Errors
    /// [`SyncError::Open`].
    pub async fn open(path: &Path) -> Result<Self, SyncError> {
        let pool = database::open(path, schema::STEPS).await?;
        let options = SyncOptions::default();
        let rules = Arc::new(default_rules(&options.rules));
        Ok(Self { pool, options: Arc::new(options), rules })
    }

    /// The same state under other options.
    #[must_use]
    pub fn with_options(self, options: SyncOptions) -> Self {
        let rules = Arc::new(default_rules(&options.rules));
        Self { options: Arc::new(options), rules, ..self }
    }

    /// Closes the file; what is in memory only is written out.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that writes. It takes the write lock at once: a reader that becomes a writer
    /// would be refused if another one wrote in between.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, SyncError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A transaction that reads one state throughout.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>, SyncError> {
        Ok(self.pool.begin().await?)
    }
}

/// The JSON in which a value is stored.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, SyncError> {
    serde_json::to_string(value).map_err(|_| SyncError::Unreadable("value"))
}

/// A stored value.
pub(crate) fn from_json<T: DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, SyncError> {
    serde_json::from_str(text).map_err(|_| SyncError::Unreadable(what))
}
