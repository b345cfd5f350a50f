//! What can go wrong, by who must act.

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The operator: the file cannot be opened, read or written (permissions, disk, damage).
    #[error("the synchronisation database failed: {0}")]
    Database(#[from] DatabaseFault),
    /// The operator: the file cannot be opened, or was written by a newer agent.
    #[error(transparent)]
    Open(#[from] database::OpenError),
    /// The operator: a stored value is not what this agent writes; the file was changed by
    /// something else. A full import into a new file repairs it.
    #[error("the synchronisation database holds an unreadable {0}")]
    Unreadable(&'static str),
    /// The operator: so many deletions are rarely meant (SPEC Y-4). Nothing is exported until
    /// they are understood, or the threshold is raised.
    #[error("the export would delete {pending} objects, more than the threshold of {threshold}")]
    TooManyDeletions {
        /// How many objects would be deleted.
        pending: u64,
        /// How many may be.
        threshold: u64,
    },
    /// The caller: an object of a directory whose anchor is not the base64 of 16 bytes.
    #[error("the anchor of an imported object is not the base64 of an objectGUID")]
    Anchor,
    /// The administrator: nobody has this login or sourceAnchor.
    #[error("nobody with this login or sourceAnchor is known to the synchronisation engine")]
    NobodyFound,
    /// The administrator: several people have this login; the sourceAnchor tells them apart.
    #[error("{0} people have this login; use the sourceAnchor of the one that is meant")]
    SeveralFound(usize),
}

/// A failure of the database. Which database it is, is nobody's business outside this crate.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DatabaseFault(String);

impl DatabaseFault {
    /// Takes the database's own error as text, which names tables and columns, never a value.
    pub(crate) fn new(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

impl From<sqlx::Error> for SyncError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite names tables and columns in its messages, never a value.
        Self::Database(DatabaseFault::new(error))
    }
}
