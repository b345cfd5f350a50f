//! What can go wrong while a fake directory is built, changed or served.

use directory::dn::DnError;
use directory::{Refusal, SidError};

/// A directory that cannot be made, or a change that an administrator of one would be refused.
#[derive(Debug, thiserror::Error)]
pub enum FakeError {
    /// A name that is none.
    #[error(transparent)]
    Name(#[from] DnError),
    /// Numbers that make no SID.
    #[error(transparent)]
    Sid(#[from] SidError),
    /// A unit, group, account or controller of that name is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// Something of that name is there already.
    #[error("{0} is there already")]
    Exists(String),
    /// The directory refuses it.
    #[error("the directory refused: {0}")]
    Refused(Refusal),
    /// It cannot be served: no port, no certificate, no file.
    #[error("serving: {0}")]
    Serve(String),
}
