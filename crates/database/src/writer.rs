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

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

/// The one connection of this process that writes to a file in this way. Writers have it in the order in
/// which they came; SQLite itself has all but one look again after a while.
pub struct Writer {
    options: SqliteConnectOptions,
    /// Nothing before the first writer, while somebody writes, and after a transaction was given up.
    connection: Mutex<Option<SqliteConnection>>,
}

/// A transaction that was begun. Dropped, it did not happen.
pub struct Writing<'w> {
    connection: SqliteConnection,
    place: MutexGuard<'w, Option<SqliteConnection>>,
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
        Self { options: (*pool.connect_options()).clone(), connection: Mutex::default() }
    }

    /// Begins a transaction with a statement that [`first`] made, and gives back the first row that this
    /// returned, if it did.
    ///
    /// # Errors
    /// What the database says; nothing was begun.
    pub async fn begin(
        &self,
        first: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<(Writing<'_>, Option<SqliteRow>), sqlx::Error> {
        let mut place = self.connection.lock().await;
        let mut connection = self.connected(&mut place).await?;
        match first.fetch_optional(&mut connection).await {
            Ok(row) => Ok((Writing { connection, place }, row)),
            Err(error) => {
                *place = rolled_back(connection).await;
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
        let mut place = self.connection.lock().await;
        let mut connection = self.connected(&mut place).await?;
        sqlx::raw_sql(statement).execute(&mut connection).await?;
        *place = Some(connection);
        Ok(())
    }

    async fn connected(
        &self,
        place: &mut Option<SqliteConnection>,
    ) -> Result<SqliteConnection, sqlx::Error> {
        match place.take() {
            Some(connection) => Ok(connection),
            None => self.options.connect().await,
        }
    }

    /// Waits for whoever writes, and closes the connection.
    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
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

    /// Ends the transaction with a statement that [`last`] made.
    pub(crate) async fn commit(
        mut self,
        last: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<(), sqlx::Error> {
        match last.execute(&mut self.connection).await {
            Ok(_) => {
                *self.place = Some(self.connection);
                Ok(())
            }
            Err(error) => {
                *self.place = rolled_back(self.connection).await;
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
        *self.place = Some(self.connection);
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
