//! What the journal answers in place of what it was asked for.

use std::path::PathBuf;

/// Why the journal did not do what it was asked. The request is then not carried out.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be opened.
    #[error(transparent)]
    Open(#[from] database::OpenError),
    /// It was there at onboarding and is gone, or what stands in its place is none: without it a
    /// replayed message could be applied twice, so the agent does not start with an empty one.
    #[error(
        "the journal {0} is gone, or empty; run `passback-agent writeback disable`, then `enable`: new keys make every older message void. Do not put an older copy of it back: it does not know what was set since"
    )]
    Gone(PathBuf),
    /// The file is not as a database is.
    #[error(
        "the journal {path} is damaged: {cause}; look after the disk, then run `passback-agent writeback disable`, then `enable`: a new journal is made, this one is kept beside it, and new keys make every older message void"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database said of the first damage.
        cause: String,
    },
    /// The database failed: disk full, file damaged.
    #[error("the journal failed to {doing}: {cause}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        cause: String,
    },
    /// A row cannot be read.
    #[error("the journal holds an entry that cannot be read")]
    Unreadable,
    /// The step does not follow on the state that the entry is in.
    #[error("the journal has no entry in the state that this step needs")]
    OutOfOrder,
}
