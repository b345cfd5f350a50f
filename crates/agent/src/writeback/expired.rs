//! Whether a password expired as it was set: what a service account without Unexpire Password does at
//! Windows (MS-SAMR 3.1.1.8.7).

use std::time::Duration;

use directory::{Account, PwdLastSet, Witness};
use protocol::policy::Judge;
use protocol::{Elapsed, Header, Operation, timeout};

use super::{Writeback, refused};
use crate::directories::Connected;

/// How long whoever has a new password waits to hear whether it has expired already: a small question
/// to a controller that has just answered.
const EXPIRED_PATIENCE: Duration = Duration::from_secs(3);

impl Writeback {
    /// Whether the password that was set has to be changed at once: where the service account lacks the
    /// right Unexpire Password (SPEC D-12). Whoever chose it is told, or is surprised at the next sign-in.
    /// Where the directory does not say in time it was set, and that is what counts.
    pub(super) async fn has_expired(
        &self,
        header: &Header,
        connected: &Connected,
        account: &Account,
        noted: &Witness,
    ) -> bool {
        let asked = connected.directory.witness(account.guid);
        match timeout(&*self.clock, EXPIRED_PATIENCE, asked).await {
            Ok(Ok(Some(now))) => expired_when_set(&now, noted.version, Asked::AtOnce),
            Ok(Ok(None)) => false,
            Ok(Err(error)) => {
                refused("has_expired", header, &error);
                false
            }
            Err(Elapsed) => {
                tracing::warn!(
                    event = "writeback.expired_unknown",
                    request = %header.request,
                    "the password was set; the directory does not say in time whether it has to be changed at the next sign-in"
                );
                false
            }
        }
    }
}

/// When it is asked how a password stands that was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Right after the set: nobody else has written in between.
    AtOnce,
    /// When somebody else may have asked for another password since, which is a write of its own.
    Later,
}

/// Whether the password whose write came next after the version `noted` expired as it was set. Of an account
/// that is never asked to change it this says nothing.
pub(crate) fn expired_when_set(now: &Witness, noted: u32, asked: Asked) -> bool {
    // Behind another version stands somebody else's write; at another controller, none of ours yet.
    now.version == noted.saturating_add(1)
        && match asked {
            Asked::AtOnce => now.pwd_last_set == PwdLastSet::Never,
            Asked::Later => now.expired_when_set(),
        }
}

/// Whether it is to be found out if a password that was set has expired. Without Unexpire Password
/// Windows lets every one expire (MS-SAMR 3.1.1.8.7), whoever sets it and however it stood before. Samba
/// looks at no such right, and is asked where it was to be changed before.
pub(super) fn may_have_expired(operation: Operation, account: &Account, noted: &Witness) -> bool {
    if account.is_never_asked_to_change() {
        return false;
    }
    match noted.judge {
        Judge::Windows => true,
        Judge::Samba => operation == Operation::Reset && account.pwd_last_set == PwdLastSet::Never,
    }
}
