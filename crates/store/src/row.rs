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
    pub(crate) fn new(row: &'r SqliteRow, what: &'static str) -> Self {
        Self { row, what }
    }

    pub(crate) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    pub(crate) fn bytes16(&self, column: &str) -> Result<[u8; 16], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.unreadable())
    }

    pub(crate) fn bytes32(&self, column: &str) -> Result<[u8; 32], StoreError> {
        self.bytes(column)?.try_into().map_err(|_| self.unreadable())
    }

    pub(crate) fn optional_bytes16(&self, column: &str) -> Result<Option<[u8; 16]>, StoreError> {
        let bytes: Option<Vec<u8>> = self.row.try_get(column).map_err(|_| self.unreadable())?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| self.unreadable())).transpose()
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    pub(crate) fn optional_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    pub(crate) fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    pub(crate) fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.row.try_get(column).map_err(|_| self.unreadable())
    }

    pub(crate) fn moment(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.number(column)?))
    }

    pub(crate) fn optional_moment(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_number(column)?.map(Timestamp::from_millis))
    }

    /// A text that some type reads.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.unreadable())
    }

    pub(crate) fn unreadable(&self) -> StoreError {
        StoreError::Unreadable(self.what)
    }
}
