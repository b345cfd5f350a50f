//! Reading entries out of rows.

use directory::ObjectGuid;
use protocol::{Answer, Header};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Before, Entry, JournalError, Place, State};

/// The entry that a row holds.
pub(super) fn entry(row: &SqliteRow) -> Result<Entry, JournalError> {
    let unreadable = |_| JournalError::Unreadable;
    let header: Vec<u8> = row.try_get("header").map_err(unreadable)?;
    let state: String = row.try_get("state").map_err(unreadable)?;
    let answer: Option<Vec<u8>> = row.try_get("answer").map_err(unreadable)?;
    let state = match state.as_str() {
        "begun" => State::Begun,
        "noted" => State::Noted,
        "set" => State::Set,
        "finished" => State::Finished,
        _ => return Err(JournalError::Unreadable),
    };
    Ok(Entry {
        header: Header::decode(&header).map_err(|_| JournalError::Unreadable)?,
        state,
        before: before(row)?,
        answer: answer
            .map(|bytes| Answer::decode(&bytes))
            .transpose()
            .map_err(|_| JournalError::Unreadable)?,
    })
}

fn before(row: &SqliteRow) -> Result<Option<Before>, JournalError> {
    let unreadable = |_| JournalError::Unreadable;
    let connector: Option<String> = row.try_get("connector").map_err(unreadable)?;
    let Some(connector) = connector else { return Ok(None) };
    let sixteen = |column: &str| -> Result<[u8; 16], JournalError> {
        let bytes: Vec<u8> = row.try_get(column).map_err(|_| JournalError::Unreadable)?;
        bytes.try_into().map_err(|_| JournalError::Unreadable)
    };
    let version: i64 = row.try_get("version").map_err(unreadable)?;
    Ok(Some(Before {
        place: Place { connector, guid: ObjectGuid::from_bytes(sixteen("object_guid")?) },
        controller: row.try_get("controller").map_err(unreadable)?,
        invocation_id: sixteen("invocation_id")?,
        version: u32::try_from(version).map_err(|_| JournalError::Unreadable)?,
    }))
}
