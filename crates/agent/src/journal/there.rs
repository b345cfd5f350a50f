//! Whether what stands in the journal's place is one, and all of it.
//!
//! What was committed last stands in the write-ahead log beside the file until SQLite brings it over, which
//! it does at the latest when the file is closed, and then takes the log away. While the journal is open a
//! third file says so. A journal that was open when its program ended, and has no log, has forgotten
//! something: a copy of the one file that was put back, or a log that somebody tidied away.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{JournalError, failed};

/// The write-ahead log, behind the file's name.
const LOG: &str = "-wal";
/// Beside it while the journal is open.
const OPEN: &str = "-open";

/// Whether the journal is there, with all that it was told. Makes and changes nothing.
///
/// # Errors
/// [`JournalError::Gone`], [`JournalError::WithoutItsLog`], [`JournalError::Damaged`], and
/// [`JournalError::Database`] if it is no database, or cannot be read.
pub(super) async fn is_whole(path: &Path) -> Result<(), JournalError> {
    if !path.exists() {
        return Err(JournalError::Gone(path.to_owned()));
    }
    if beside(path, OPEN).exists() && !beside(path, LOG).exists() {
        return Err(JournalError::WithoutItsLog(path.to_owned()));
    }
    let failed = failed("say whether it is one");
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut file: SqliteConnection = options.connect().await.map_err(failed)?;
    let is_one = says_since_when(&mut file).await.map_err(failed);
    let damage = first_damage(&mut file).await.map_err(failed);
    file.close().await.map_err(failed)?;
    match (is_one?, damage?) {
        (false, _) => Err(JournalError::Gone(path.to_owned())),
        (true, Some(cause)) => Err(JournalError::Damaged { path: path.to_owned(), cause }),
        (true, None) => Ok(()),
    }
}

/// That a journal is open, as it is said beside it. Taken back when this is dropped, and never where the
/// program is killed.
#[derive(Debug)]
pub(super) struct Open(PathBuf);

impl Open {
    /// Says so, once the journal's log is there.
    ///
    /// # Errors
    /// [`JournalError::Database`] if that cannot be said.
    pub(super) fn mark(journal: &Path) -> Result<Self, JournalError> {
        let (mark, doing) = (beside(journal, OPEN), "say that it is open");
        match std::fs::write(&mark, []) {
            Ok(()) => Ok(Self(mark)),
            Err(cause) => Err(JournalError::Database { doing, cause: cause.to_string() }),
        }
    }

    /// Takes it back. To be done before the log goes: that there is none says nothing then.
    pub(super) fn unmark(&self) {
        // Where this cannot be written any more, SQLite leaves its log there as well.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.unmark();
    }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(what);
    name.into()
}

/// Whether the file is a journal that was made: it says since when it knows. It is asked no more than that:
/// what a newer or an older version wrote is one, too.
async fn says_since_when(file: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let schema: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *file).await?;
    let table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'about'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut *file).await?;
    if schema < 1 || tables < 1 {
        return Ok(false);
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM about").fetch_one(file).await?;
    Ok(rows == 1)
}

/// What is not as the pages of a database are, if anything: the first of it.
async fn first_damage(file: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    let found: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(file).await?;
    Ok((found != "ok").then_some(found))
}
