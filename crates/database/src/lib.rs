//! How both processes open a SQLite file: durable, private, and at a known schema.
//!
//! Every file is opened with `synchronous=FULL` and a write-ahead log, so that what was committed
//! survives a power cut; with foreign keys on; readable by its owner only (SPEC A-7). The schema
//! is a list of steps, each applied once, in order, in a transaction of its own with the number
//! of the step in `user_version`.
//!
//! What the statements mean is the business of whoever opens the file: `store` for the cloud's
//! state, `sync` for connector spaces and metaverse, the agent for its journal. How rows are
//! chained by hashes, so that audit trails show what was done to them, is the same for all of
//! them: [`chain`]. Where somebody waits for a step to be durable, it is written by [`writer`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test reports a broken expectation by panicking"
    )
)]

pub mod chain;
pub mod writer;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteExecutor, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _};

/// Why a file could not be opened. The message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made or opened.
    #[error(
        "cannot open the database {path}: {cause}; check that the directory exists, is writable and has space"
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// A newer version wrote the file.
    #[error(
        "the database {path} has schema {found}, this version knows {known}; use the version that wrote it"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema in the file.
        found: usize,
        /// The newest schema that this build knows.
        known: usize,
    },
    /// An older version wrote the file, and who opened it only reads.
    #[error(
        "the database {path} has schema {found}, this version reads {known}; start the program once, which brings it up to date"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The schema in the file.
        found: usize,
        /// The schema that this build reads.
        known: usize,
    },
    /// A step of the schema could not be applied.
    #[error("cannot bring the database {path} to schema {step}: {cause}")]
    Schema {
        /// The file.
        path: PathBuf,
        /// The step.
        step: usize,
        /// What the database said.
        cause: sqlx::Error,
    },
}

/// How long a writer waits for another one: longer than a synchronisation of 100,000 objects
/// (SPEC X-4) holds its file.
const WRITER_WAIT: Duration = Duration::from_secs(60);
/// Connections to a file: one may write while others read.
const CONNECTIONS: u32 = 4;

/// How large the write-ahead log is from the start, in bytes: what it grows to until SQLite begins
/// it anew (1,000 pages of 4 KiB).
const LOG_SIZE: usize = 4_000 * 1_024;

/// Opens `path`, makes it if it is not there, and applies the steps of `schema` that it lacks.
///
/// # Errors
/// [`OpenError`].
pub async fn open(path: &Path, schema: &'static [&'static str]) -> Result<SqlitePool, OpenError> {
    let file_error = |cause: String| OpenError::File { path: path.to_owned(), cause };
    make_private(path).map_err(|error| file_error(error.to_string()))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(WRITER_WAIT);
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        // A file does not hang up as a server does: asking before every use would only take time.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(|error| file_error(error.to_string()))?;
    apply(&pool, path, schema).await?;
    if let Err(error) = fill_log(&pool).await {
        return Err(file_error(error.to_string()));
    }
    Ok(pool)
}

/// Gives the write-ahead log its full size. A commit that makes the file longer waits for the file
/// system's own journal as well, which is more than twice as long; the first thousand commits after
/// every start would.
///
/// More is written than the cache takes, so it goes to the log, and is then rolled back: the next
/// commits overwrite it, and the database's file does not grow.
async fn fill_log(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let cached: i64 = sqlx::query_scalar("PRAGMA cache_size").fetch_one(&mut *connection).await?;
    sqlx::raw_sql("PRAGMA cache_size = 10").execute(&mut *connection).await?;
    let filled = async {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql("CREATE TABLE log_filler (bytes BLOB)").execute(&mut *transaction).await?;
        let fill = AssertSqlSafe(format!("INSERT INTO log_filler VALUES (zeroblob({LOG_SIZE}))"));
        sqlx::raw_sql(fill).execute(&mut *transaction).await?;
        transaction.rollback().await
    };
    filled.await?;
    let cached = AssertSqlSafe(format!("PRAGMA cache_size = {cached}"));
    sqlx::raw_sql(cached).execute(&mut *connection).await?;
    Ok(())
}

/// Opens `path` to read what is there; makes and changes nothing. Somebody else may be writing.
///
/// # Errors
/// [`OpenError`], also where the file is not there or its schema is another one.
pub async fn open_to_read(
    path: &Path,
    schema: &'static [&'static str],
) -> Result<SqlitePool, OpenError> {
    let file_error =
        |error: sqlx::Error| OpenError::File { path: path.to_owned(), cause: error.to_string() };
    let options =
        SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(WRITER_WAIT);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let pool = pool.map_err(file_error)?;
    let found = schema_of(&pool).await.map_err(file_error)?;
    let known = schema.len();
    match found.cmp(&known) {
        Ordering::Equal => Ok(pool),
        Ordering::Less => Err(OpenError::Older { path: path.to_owned(), found, known }),
        Ordering::Greater => Err(OpenError::Newer { path: path.to_owned(), found, known }),
    }
}

async fn schema_of(of: impl SqliteExecutor<'_>) -> Result<usize, sqlx::Error> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(of).await?;
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

async fn apply(
    pool: &SqlitePool,
    path: &Path,
    schema: &'static [&'static str],
) -> Result<(), OpenError> {
    let failed =
        |step: usize| move |cause| OpenError::Schema { path: path.to_owned(), step, cause };
    // Immediate: of two processes that open a new file at once, one applies the schema.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed(0))?;
    let found = schema_of(&mut *transaction).await.map_err(failed(0))?;
    if found > schema.len() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: schema.len() });
    }
    for (index, statements) in schema.iter().enumerate().skip(found) {
        let step = index + 1;
        sqlx::raw_sql(*statements).execute(&mut *transaction).await.map_err(failed(step))?;
        // A pragma takes no parameters; the number is our own.
        let version = AssertSqlSafe(format!("PRAGMA user_version = {step}"));
        sqlx::raw_sql(version).execute(&mut *transaction).await.map_err(failed(step))?;
    }
    transaction.commit().await.map_err(failed(schema.len()))
}

/// Makes the file with mode 0600 before SQLite does it with the umask's; SQLite gives its journal
/// files the same mode.
#[cfg(unix)]
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(path)?;
    // A file that was there before keeps its mode when it is opened.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    static ONE: &[&str] = &["CREATE TABLE a (x INTEGER)"];
    static TWO: &[&str] = &["CREATE TABLE a (x INTEGER)", "ALTER TABLE a ADD COLUMN y INTEGER"];

    /// A directory that is gone when this is dropped.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("passback-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn a_file_gets_the_steps_that_it_lacks_and_keeps_what_it_has() {
        let folder = Folder::new("steps");
        let path = folder.0.join("a.db");
        let pool = open(&path, ONE).await.unwrap();
        sqlx::query("INSERT INTO a (x) VALUES (7)").execute(&pool).await.unwrap();
        pool.close().await;
        let pool = open(&path, TWO).await.unwrap();
        let kept: i64 =
            sqlx::query_scalar("SELECT x FROM a WHERE y IS NULL").fetch_one(&pool).await.unwrap();
        assert_eq!(kept, 7);
        pool.close().await;
        let newer = open(&path, ONE).await.unwrap_err();
        assert!(newer.to_string().contains("schema 2, this version knows 1"), "{newer}");
    }

    #[tokio::test]
    async fn the_log_has_its_full_size_and_the_file_has_nothing_more() {
        let folder = Folder::new("log");
        let path = folder.0.join("a.db");
        let pool = open(&path, ONE).await.unwrap();
        let log = || std::fs::metadata(folder.0.join("a.db-wal")).unwrap().len();
        let full = log();
        assert!(full >= LOG_SIZE as u64, "{full} bytes");
        for number in 0..50 {
            let insert = sqlx::query("INSERT INTO a (x) VALUES ($1)").bind(number);
            insert.execute(&pool).await.unwrap();
        }
        assert_eq!(log(), full, "commits go into the room that is there");
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema").fetch_all(&pool).await.unwrap();
        assert_eq!(tables, ["a"]);
        pool.close().await;
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 100_000, "{size} bytes");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_reads_a_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        let path = folder.0.join("a.db");
        open(&path, ONE).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn who_only_reads_makes_and_changes_nothing() {
        let folder = Folder::new("read");
        let path = folder.0.join("a.db");
        let missing = open_to_read(&path, ONE).await.unwrap_err();
        assert!(matches!(missing, OpenError::File { .. }), "{missing}");
        assert!(!path.exists());
        let writing = open(&path, ONE).await.unwrap();
        sqlx::query("INSERT INTO a (x) VALUES (7)").execute(&writing).await.unwrap();
        let reading = open_to_read(&path, ONE).await.unwrap();
        let read: i64 = sqlx::query_scalar("SELECT x FROM a").fetch_one(&reading).await.unwrap();
        assert_eq!(read, 7, "beside somebody who writes");
        sqlx::query("DELETE FROM a").execute(&reading).await.unwrap_err();
        let older = open_to_read(&path, TWO).await.unwrap_err();
        assert!(older.to_string().contains("schema 1, this version reads 2"), "{older}");
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_named() {
        let error = open(Path::new("/nonexistent/a.db"), ONE).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot open the database /nonexistent/a.db"));
    }
}
