//! Whether what stands in the journal's place is one.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{JournalError, failed};

/// Whether the file is a journal that was made: it says since when it knows. Makes and changes
/// nothing, and asks no more than that: what a newer or an older version wrote is one, too.
///
/// # Errors
/// [`JournalError::Database`] if it is no database, or cannot be read.
pub(super) async fn is_journal(path: &Path) -> Result<bool, JournalError> {
    let failed = failed("say whether it is one");
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut file: SqliteConnection = options.connect().await.map_err(failed)?;
    let says = since_when(&mut file).await.map_err(failed);
    file.close().await.map_err(failed)?;
    says
}

async fn since_when(file: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let schema: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *file).await?;
    let table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'about'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut *file).await?;
    if schema < 1 || tables < 1 {
        return Ok(false);
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM about").fetch_one(file).await?;
    Ok(rows == 1)
}
