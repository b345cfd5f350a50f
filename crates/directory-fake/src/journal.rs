//! What was set, for the invariants of tests.

use directory::ObjectGuid;
use protocol::Timestamp;

use crate::password::Digest;

/// One password that was set: every one, whoever set it and however.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// When it was asked for: when the request arrived at the controller.
    pub asked_at: Timestamp,
    /// When it was made, which is later at a controller that is slow.
    pub at: Timestamp,
    /// Whose.
    pub guid: ObjectGuid,
    /// At which controller, by its DNS name.
    pub controller: String,
    /// The version of `unicodePwd` after it.
    pub version: u32,
    /// The login of who set it.
    pub by: String,
    /// Whether the policy-hints control was on it.
    pub hints: bool,
    /// Whether the same modify unlocked the account.
    pub unlocked: bool,
    pub(crate) digest: Digest,
}

impl Set {
    /// Whether this is the password that was set.
    pub fn is(&self, password: &str) -> bool {
        self.digest == Digest::of(password)
    }
}
