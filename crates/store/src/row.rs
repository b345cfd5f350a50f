//! Reading typed values out of rows.

use protocol::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::StoreError;

/// A row, with the name of what it holds for the error message.
pub(crate) struct Typed<'r> {
    row: &'r SqliteRow,
    what: &'static str,
}

impl<'r> Typed<'r> {
    /// Takes a row and what it is one of, for [`StoreError::Unreadable`]: `"flow"`.
    pub(crate) fn new(row: &'r SqliteRow, what: &'static str) -> Self {
        Self { row, what }
    }

    /// The bytes of a `BLOB`; [`StoreError::Unreadable`] if the column is missing, NULL or of
    /// another type. So with all readers here, but that NULL is none to the optional ones.
    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    /// A `BLOB` of exactly 16 bytes: an id.
    pub(crate) fn bytes16(&self, column: &str) -> Result<[u8; 16], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.unreadable())
    }

    /// A `BLOB` of exactly 32 bytes: a hash or an Ed25519 key.
    pub(crate) fn bytes32(&self, column: &str) -> Result<[u8; 32], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.unreadable())
    }

    /// A `BLOB` of exactly 16 bytes; none where it is NULL.
    pub(crate) fn optional_bytes16(&self, column: &str) -> Result<Option<[u8; 16]>, StoreError> {
        let bytes: Option<Vec<u8>> = self.row.try_get(column).map_err(|_| self.unreadable())?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| self.unreadable())).transpose()
    }

    /// The text of a `TEXT` column.
    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    /// The text of a `TEXT` column; none where it is NULL.
    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    /// The number of an `INTEGER` column, in whatever unit its table says.
    pub(crate) fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    /// The number of an `INTEGER` column; none where it is NULL.
    pub(crate) fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    /// A point in time: an `INTEGER` of milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) fn moment(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.number(column)?))
    }

    /// A point in time, as [`Typed::moment`]; none where it is NULL.
    pub(crate) fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_number(column)?.map(Timestamp::from_millis))
    }

    /// A text that some type reads.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.unreadable())
    }

    /// The error for a row that does not hold what it should: says what it is one of, never a value
    /// of it.
    pub(crate) fn unreadable(&self) -> StoreError {
        StoreError::Unreadable(self.what)
    }
}
