//! Writing where somebody waits for it: a transaction that begins together with its first statement and
//! ends together with its last.
//!
//! Every statement is a message to the thread that owns the connection, and one back. On a machine whose
//! processors are idle each of them takes as long as the statement itself, and a step of a journal has
//! four: begin, change, append to the trail, commit. Here it has two.
//!
//! ```text
//! begin:   BEGIN IMMEDIATE; first
//! commit:  last; COMMIT
//! ```
//!
//! A transaction that is given up in between is never met by the next writer. Where a statement failed it
//! is rolled back; where nobody waits for it any more its connection is closed, which comes to the same.

use futures_util::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

/// The one connection of this process that writes to a file in this way. Writers have it in the order in
/// which they came; SQLite itself has all but one look again after a while.
pub struct Writer {
    options: SqliteConnectOptions,
    place: Mutex<Place>,
}

/// Where the connection is kept.
#[derive(Default)]
struct Place {
    /// Nothing before the first writer, while somebody writes, and after a transaction was given up.
    connection: Option<SqliteConnection>,
    closed: bool,
}

/// A transaction that was begun. Dropped, it did not happen.
pub struct Writing<'w> {
    connection: SqliteConnection,
    place: MutexGuard<'w, Place>,
}

/// `statement` as [`Writer::begin`] takes it.
pub fn first(statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("BEGIN IMMEDIATE; {statement}"))
}

/// `statement` as [`Writing::commit`] takes it.
pub(crate) fn last(statement: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("{statement}; COMMIT"))
}

impl Writer {
    /// A writer for the file of this pool.
    pub fn of(pool: &SqlitePool) -> Self {
        Self { options: (*pool.connect_options()).clone(), place: Mutex::default() }
    }

    /// Begins a transaction with a statement that [`first`] made, and gives back the first row that this
    /// returned, if it did.
    ///
    /// # Errors
    /// What the database says, or that the writer was closed; nothing was begun.
    pub async fn begin(
        &self,
        first: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<(Writing<'_>, Option<SqliteRow>), sqlx::Error> {
        let mut place = self.place.lock().await;
        let mut connection = self.connected(&mut place).await?;
        match first.fetch_optional(&mut connection).await {
            Ok(row) => Ok((Writing { connection, place }, row)),
            Err(error) => {
                place.connection = rolled_back(connection).await;
                Err(error)
            }
        }
    }

    /// Executes a statement outside of any transaction: a pragma, by which a test takes something away
    /// from whoever writes next.
    ///
    /// # Errors
    /// What the database says.
    pub async fn execute_alone(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        let mut place = self.place.lock().await;
        let mut connection = self.connected(&mut place).await?;
        sqlx::raw_sql(statement).execute(&mut connection).await?;
        place.connection = Some(connection);
        Ok(())
    }

    async fn connected(&self, place: &mut Place) -> Result<SqliteConnection, sqlx::Error> {
        match place.connection.take() {
            Some(connection) => Ok(connection),
            None if place.closed => Err(sqlx::Error::PoolClosed),
            None => self.options.connect().await,
        }
    }

    /// Waits for whoever writes, and closes the connection; nobody writes any more.
    pub async fn close(&self) {
        let mut place = self.place.lock().await;
        place.closed = true;
        if let Some(connection) = place.connection.take() {
            // What was committed is in the file.
            let _ = connection.close().await;
        }
    }
}

impl Writing<'_> {
    /// The connection, for what is to be read within the transaction.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Ends the transaction with a statement that [`last`] made, or with none.
    pub(crate) async fn commit(
        mut self,
        last: Option<Query<'_, Sqlite, SqliteArguments>>,
    ) -> Result<(), sqlx::Error> {
        let (last, statements) = match last {
            Some(last) => (last, 2),
            None => (sqlx::query("COMMIT"), 1),
        };
        // Each statement says that it is done. The connection's thread might end without a word, which is
        // no error to the library, and what is written here is a promise.
        let done = self.connection.execute_many(last).try_collect::<Vec<_>>().await;
        match done {
            Ok(done) if done.len() == statements => {
                self.place.connection = Some(self.connection);
                Ok(())
            }
            Ok(_) => Err(sqlx::Error::WorkerCrashed),
            Err(error) => {
                self.place.connection = rolled_back(self.connection).await;
                Err(error)
            }
        }
    }

    /// Ends the transaction as if it had not been.
    ///
    /// # Errors
    /// What the database says; nothing was written either way.
    pub async fn roll_back(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("ROLLBACK").execute(&mut self.connection).await?;
        self.place.connection = Some(self.connection);
        Ok(())
    }
}

/// A connection on which a statement failed, without the transaction that may be open on it; nothing if it
/// is not known to be without.
async fn rolled_back(mut connection: SqliteConnection) -> Option<SqliteConnection> {
    // It fails where there is one, and where there is none the next statement would.
    let _ = sqlx::query("BEGIN").execute(&mut connection).await;
    sqlx::query("ROLLBACK").execute(&mut connection).await.ok().map(|_| connection)
}

#[cfg(test)]
mod tests;
