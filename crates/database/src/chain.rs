//! Rows that are chained by hashes, so that one that was changed, taken out or moved is noticed
//! (SPEC L-7).
//!
//! ```text
//! hash = SHA-256(previous hash | seq | columns in their order), each with its length before it
//! ```
//!
//! Numbers are 8 bytes, big-endian; a column without a value has the length 0; the first row has no
//! previous hash. The table has `seq INTEGER PRIMARY KEY` (1, 2, 3, …), `hash BLOB NOT NULL`, the
//! hashed columns, and among them `at`, in milliseconds. Beside it stands the table of the same
//! name with `_anchor` behind it, which takes the place of the rows that were forgotten: without
//! one, [`Chain::verify`] could not tell forgetting from taking out.
//!
//! ```text
//! CREATE TABLE audit_anchor (
//!     one INTEGER PRIMARY KEY CHECK (one = 1),
//!     seq INTEGER NOT NULL,
//!     hash BLOB NOT NULL
//! );
//! ```
//!
//! A chain shows what was done to single rows. Whoever may write the file can calculate all of it
//! anew, or cut off its end: against that stands a copy of an older [`Head`] elsewhere, such as an
//! export holds one in every line.

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, TypeInfo as _, ValueRef as _};

use crate::writer::{self, Writing};

/// Rows that are read at once when a chain is verified, and forgotten at once: few enough that
/// nobody waits for the file.
const PAGE: i64 = 1_000;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// A table whose rows are chained over `N` columns.
#[derive(Debug, Clone, Copy)]
pub struct Chain<const N: usize> {
    table: &'static str,
    columns: [&'static str; N],
}

/// The value of a hashed column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Nothing,
    /// INTEGER.
    Number(i64),
    /// BLOB.
    Bytes(Vec<u8>),
    /// TEXT.
    Text(String),
}

/// The end of a chain, or the place where it begins after what was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the row.
    pub seq: i64,
    /// Its hash, which stands for all rows up to it.
    pub hash: Vec<u8>,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// How many rows.
    pub rows: u64,
    /// The last of them: the anchor from now on.
    pub last: Head,
}

/// What came out of verifying a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How many rows there are.
    pub rows: u64,
    /// The last row that was forgotten, if any was: the rows begin after it.
    pub anchor: Option<Head>,
    /// The last row.
    pub head: Option<Head>,
    /// The number of the first row that is not what was written there. A row that is missing is
    /// named by the number that it had.
    pub wrong: Option<i64>,
}

impl<const N: usize> Chain<N> {
    /// The chain of this table. `columns` are hashed in this order, for ever.
    pub const fn new(table: &'static str, columns: [&'static str; N]) -> Self {
        Self { table, columns }
    }

    /// What a statement of the same transaction may give back besides its own (`RETURNING`), so that
    /// [`Chain::append`] need not ask for it: the last row's number and hash, NULL in a chain
    /// without rows.
    pub fn last_row(&self) -> String {
        let Self { table, .. } = self;
        format!(
            "(SELECT seq FROM {table} ORDER BY seq DESC LIMIT 1) AS last_seq, \
             (SELECT hash FROM {table} ORDER BY seq DESC LIMIT 1) AS last_hash"
        )
    }

    /// Appends rows, and gives back the number that is the last one then. `last` is what a statement
    /// of this transaction gave back as [`Chain::last_row`], if one did.
    ///
    /// `within` must be in a transaction that was begun with `BEGIN IMMEDIATE`: of two writers
    /// that read the same last row, one would write a second row of the same number. The rows are
    /// there when the transaction is committed, together with whatever else it holds.
    ///
    /// # Errors
    /// What the database says; the transaction must be rolled back then.
    pub async fn append(
        &self,
        within: &mut SqliteConnection,
        last: Option<&SqliteRow>,
        rows: Vec<[Value; N]>,
    ) -> Result<i64, sqlx::Error> {
        let last = match last {
            Some(row) => self.given_back(row, within).await?,
            None => self.head(within).await?,
        };
        if rows.is_empty() {
            return Ok(last.map_or(0, |head| head.seq));
        }
        let seq = last.as_ref().map_or(0, |head| head.seq);
        let added = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let (statement, values) = self.insertion(last, rows);
        bound(sqlx::query(AssertSqlSafe(statement)), values).execute(within).await?;
        Ok(seq.saturating_add(added))
    }

    /// Appends rows as [`Chain::append`] does, and commits; `last` is what the transaction's first statement
    /// gave back as [`Chain::last_row`].
    ///
    /// # Errors
    /// What the database says; nothing was written then.
    pub async fn append_and_commit(
        &self,
        mut within: Writing<'_>,
        last: &SqliteRow,
        rows: Vec<[Value; N]>,
    ) -> Result<(), sqlx::Error> {
        if rows.is_empty() {
            return within.commit(None).await;
        }
        let last = self.given_back(last, within.connection()).await?;
        let (statement, values) = self.insertion(last, rows);
        within.commit(Some(bound(sqlx::query(writer::last(&statement)), values))).await
    }

    /// The statement that appends rows behind `last`, and what it is given.
    fn insertion(&self, mut last: Option<Head>, rows: Vec<[Value; N]>) -> (String, Vec<Value>) {
        let places: Vec<String> = (0..rows.len()).map(Self::places).collect();
        let statement = format!(
            "INSERT INTO {} (seq, hash, {}) VALUES {}",
            self.table,
            self.columns.join(", "),
            places.join(", ")
        );
        let mut given = Vec::with_capacity(rows.len() * (N + 2));
        for values in rows {
            let (seq, previous) = last.map_or((1, Vec::new()), Head::followed);
            let hash = link(&previous, seq, values.iter().map(Value::hashed));
            given.extend([Value::Number(seq), Value::Bytes(hash.clone())]);
            given.extend(values);
            last = Some(Head { seq, hash });
        }
        (statement, given)
    }

    /// The placeholders of one row of several.
    fn places(row: usize) -> String {
        let width = N + 2;
        let numbers: Vec<String> =
            (1..=width).map(|column| format!("${}", row * width + column)).collect();
        format!("({})", numbers.join(", "))
    }

    /// Looks at every row, from the beginning, as they stand at this moment.
    ///
    /// # Errors
    /// What the database says. A row that cannot be what was written is no error, but named.
    pub async fn verify(&self, pool: &SqlitePool) -> Result<Verification, sqlx::Error> {
        // One transaction: rows that are forgotten meanwhile stay in view.
        let mut transaction = pool.begin().await?;
        let anchor = self.anchor(&mut transaction).await?;
        let mut found =
            Verification { rows: 0, anchor: anchor.clone(), head: anchor.clone(), wrong: None };
        let statement = format!(
            "SELECT seq, hash, {} FROM {} WHERE seq > $1 ORDER BY seq LIMIT $2",
            self.columns.join(", "),
            self.table
        );
        let first = format!("SELECT coalesce(min(seq), 1) FROM {}", self.table);
        let first: i64 =
            sqlx::query_scalar(AssertSqlSafe(first)).fetch_one(&mut *transaction).await?;
        let mut after = first.saturating_sub(1);
        loop {
            let rows = sqlx::query(AssertSqlSafe(statement.as_str()))
                .bind(after)
                .bind(PAGE)
                .fetch_all(&mut *transaction)
                .await?;
            let Some(last) = rows.last() else { break };
            after = last.try_get("seq")?;
            for row in &rows {
                found.take(row, &self.columns)?;
            }
        }
        Ok(found)
    }

    /// Forgets the oldest rows, up to the first one whose `at` is not before `before`; how many.
    /// What they stood for stays as the anchor, and that they were forgotten is a row itself, with
    /// the values that `noted` gives. So that such rows are not all that is ever forgotten, nothing
    /// is before the oldest row is older by a day.
    ///
    /// # Errors
    /// What the database says; what was forgotten before it stays so.
    pub async fn forget(
        &self,
        pool: &SqlitePool,
        before: i64,
        noted: impl Fn(&Forgotten) -> [Value; N],
    ) -> Result<u64, sqlx::Error> {
        let oldest = format!("SELECT at FROM {} ORDER BY seq LIMIT 1", self.table);
        let oldest: Option<i64> =
            sqlx::query_scalar(AssertSqlSafe(oldest)).fetch_optional(pool).await?;
        if oldest.is_none_or(|oldest| oldest >= before.saturating_sub(DAY_MILLIS)) {
            return Ok(0);
        }
        let mut rows = 0;
        loop {
            let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
            let Some(gone) = self.forget_page(&mut transaction, before).await? else {
                return Ok(rows);
            };
            self.append(&mut transaction, None, vec![noted(&gone)]).await?;
            transaction.commit().await?;
            rows += gone.rows;
        }
    }

    async fn forget_page(
        &self,
        within: &mut SqliteConnection,
        before: i64,
    ) -> Result<Option<Forgotten>, sqlx::Error> {
        let table = self.table;
        let old = format!("SELECT seq, hash, at FROM {table} ORDER BY seq LIMIT $1");
        let old = sqlx::query(AssertSqlSafe(old)).bind(PAGE).fetch_all(&mut *within).await?;
        let mut last = None;
        for row in &old {
            if row.try_get::<i64, _>("at")? >= before {
                break;
            }
            last = Some(Head { seq: row.try_get("seq")?, hash: row.try_get("hash")? });
        }
        let Some(last) = last else { return Ok(None) };
        let anchor = format!(
            "INSERT INTO {table}_anchor (one, seq, hash) VALUES (1, $1, $2)
             ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash"
        );
        let anchored = sqlx::query(AssertSqlSafe(anchor)).bind(last.seq).bind(&last.hash);
        anchored.execute(&mut *within).await?;
        let forget = format!("DELETE FROM {table} WHERE seq <= $1");
        let forgotten = sqlx::query(AssertSqlSafe(forget)).bind(last.seq).execute(within).await?;
        Ok(Some(Forgotten { rows: forgotten.rows_affected(), last }))
    }

    /// The last row; the last one that was forgotten if there is none.
    async fn head(&self, within: &mut SqliteConnection) -> Result<Option<Head>, sqlx::Error> {
        let last = format!("SELECT seq, hash FROM {} ORDER BY seq DESC LIMIT 1", self.table);
        let row = sqlx::query(AssertSqlSafe(last)).fetch_optional(&mut *within).await?;
        match row {
            Some(row) => Ok(Some(Head { seq: row.try_get("seq")?, hash: row.try_get("hash")? })),
            None => self.anchor(within).await,
        }
    }

    /// The head that a statement gave back.
    async fn given_back(
        &self,
        row: &SqliteRow,
        within: &mut SqliteConnection,
    ) -> Result<Option<Head>, sqlx::Error> {
        match (row.try_get("last_seq")?, row.try_get("last_hash")?) {
            (Some(seq), Some(hash)) => Ok(Some(Head { seq, hash })),
            _ => self.anchor(within).await,
        }
    }

    async fn anchor(&self, within: &mut SqliteConnection) -> Result<Option<Head>, sqlx::Error> {
        let anchor = format!("SELECT seq, hash FROM {}_anchor", self.table);
        let row = sqlx::query(AssertSqlSafe(anchor)).fetch_optional(within).await?;
        row.map(|row| Ok(Head { seq: row.try_get("seq")?, hash: row.try_get("hash")? })).transpose()
    }
}

impl Head {
    /// The number of the row that follows, and the hash that it hangs on.
    fn followed(self) -> (i64, Vec<u8>) {
        (self.seq.saturating_add(1), self.hash)
    }
}

impl Value {
    /// The value that is there; nothing otherwise.
    pub fn or_nothing<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }

    fn hashed(&self) -> Vec<u8> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Number(number) => number.to_be_bytes().to_vec(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Text(text) => text.clone().into_bytes(),
        }
    }
}

impl From<[u8; 16]> for Value {
    fn from(bytes: [u8; 16]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl Verification {
    /// Takes the next row into account.
    fn take(&mut self, row: &SqliteRow, columns: &[&str]) -> Result<(), sqlx::Error> {
        let (expected, previous) = self.head.take().map_or((1, Vec::new()), Head::followed);
        let seq: i64 = row.try_get("seq")?;
        let hash = hashed(row, "hash")?.unwrap_or_default();
        let values: Option<Vec<Vec<u8>>> =
            columns.iter().map(|column| hashed(row, column)).collect::<Result<_, _>>()?;
        let right = seq == expected
            && values.is_some_and(|values| hash == link(&previous, seq, values.into_iter()));
        if self.wrong.is_none() && !right {
            self.wrong = Some(expected);
        }
        self.rows += 1;
        self.head = Some(Head { seq, hash });
        Ok(())
    }
}

/// What a column holds, as it is hashed; none for a type that is never written.
fn hashed(row: &SqliteRow, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let value = row.try_get_raw(column)?;
    let of_type = value.type_info().name().to_owned();
    Ok(match of_type.as_str() {
        "NULL" => Some(Vec::new()),
        "INTEGER" => Some(row.try_get::<i64, _>(column)?.to_be_bytes().to_vec()),
        "TEXT" => Some(row.try_get_unchecked::<Vec<u8>, _>(column)?),
        "BLOB" => Some(row.try_get(column)?),
        _ => None,
    })
}

/// A statement with its values.
fn bound<'q>(
    statement: Query<'q, Sqlite, SqliteArguments>,
    values: Vec<Value>,
) -> Query<'q, Sqlite, SqliteArguments> {
    values.into_iter().fold(statement, |statement, value| match value {
        Value::Nothing => statement.bind(None::<i64>),
        Value::Number(number) => statement.bind(number),
        Value::Bytes(bytes) => statement.bind(bytes),
        Value::Text(text) => statement.bind(text),
    })
}

fn link(previous: &[u8], seq: i64, values: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    let mut field = |bytes: &[u8]| {
        context.update(&(bytes.len() as u64).to_be_bytes());
        context.update(bytes);
    };
    field(previous);
    field(&seq.to_be_bytes());
    values.for_each(|bytes| field(&bytes));
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests;
