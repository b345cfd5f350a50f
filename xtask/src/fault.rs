//! Why a command did not do what it was told: one line, and the exit code for it.

/// A finding or a refusal.
pub(crate) const FINDING: u8 = 1;
/// Something that is needed is not there.
pub(crate) const UNAVAILABLE: u8 = 3;

/// One line and an exit code.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Fault {
    /// A check found something.
    pub(crate) fn finding(message: impl Into<String>) -> Self {
        Self { code: FINDING, message: message.into() }
    }

    /// Something that is needed is not there.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self { code: UNAVAILABLE, message: message.into() }
    }
}
