//! Whether what stands in the journal's place is one, and its pages are as they have to be.
//!
//! What SQLite cannot know, this cannot: what was committed last stands in the write-ahead log beside the
//! file, and of a log that was left behind, or has a damaged frame, it takes what it can read for all there
//! was. Whoever moves an agent moves all of its state directory.

use std::path::Path;

use protocol::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{JournalError, failed};

/// What a database consists of: the file, and what is beside it while it is open.
const FILES: [&str; 3] = ["", "-wal", "-shm"];
/// SQLITE_CORRUPT, SQLITE_NOTADB: the primary result codes.
const DAMAGED: [u32; 2] = [11, 26];

/// Whether the journal is there, and whole. Changes nothing in it.
///
/// # Errors
/// [`JournalError::Gone`] and [`JournalError::Damaged`]; [`JournalError::Database`] if it cannot be read.
pub(super) async fn is_whole(path: &Path) -> Result<(), JournalError> {
    let gone = || JournalError::Gone(path.to_owned());
    if !path.exists() {
        return Err(gone());
    }
    let damaged = |cause| JournalError::Damaged { path: path.to_owned(), cause };
    match looked_at(path).await {
        Ok(Seen::Whole) => Ok(()),
        Ok(Seen::NoJournal) => Err(gone()),
        Ok(Seen::Damage(cause)) => Err(damaged(cause)),
        Err(error) if is_damage(&error) => Err(damaged(error.to_string())),
        Err(error) => Err(failed("say whether it is one")(error)),
    }
}

/// Renames a damaged journal, so that somebody can look at it and none stands in its place. The file goes first:
/// where this ends half way it is not there, and what is left of it never becomes a new one's log.
///
/// # Errors
/// [`JournalError::Database`] if that cannot be done.
pub(super) fn put_aside(path: &Path, now: Timestamp) -> Result<(), JournalError> {
    let beside = |what: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(what);
        name
    };
    let aside = |what: &str| beside(&format!(".damaged-{}{what}", now.as_millis()));
    for what in FILES.into_iter().filter(|what| Path::new(&beside(what)).exists()) {
        std::fs::rename(beside(what), aside(what)).map_err(|cause| JournalError::Database {
            doing: "put the damaged one aside",
            cause: cause.to_string(),
        })?;
    }
    Ok(())
}

enum Seen {
    Whole,
    NoJournal,
    Damage(String),
}

async fn looked_at(path: &Path) -> Result<Seen, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut file: SqliteConnection = options.connect().await?;
    let damage = first_damage(&mut file).await;
    let is_one = says_since_when(&mut file).await;
    file.close().await?;
    Ok(match (damage?, is_one?) {
        (Some(damage), _) => Seen::Damage(damage),
        (None, false) => Seen::NoJournal,
        (None, true) => Seen::Whole,
    })
}

fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // Of an extended result code the lowest byte is the primary one.
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    primary.is_some_and(|code| DAMAGED.contains(&code))
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
