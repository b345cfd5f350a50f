//! Sets whose answer did not come in time: the connection is kept until it says how that ended, as the LDAP
//! client does.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use directory::{InvocationId, LATE_AWAITED, Late, ObjectGuid};
use tokio::sync::oneshot;

use super::{Client, Held, judge};
use crate::answer::Refused;

/// Which set of an account's it was: the one before which its password stood so.
pub(super) type Noted = (InvocationId, u32);

/// A set that got no answer in time.
pub(super) struct Kept {
    pub(super) noted: Noted,
    pub(super) held: Held,
    /// Since when, as the clock runs.
    pub(super) since: Duration,
    pub(super) answer: oneshot::Receiver<Result<(), Refused>>,
    pub(super) is_password: bool,
    /// How it ended, once that is known.
    pub(super) end: Option<Late>,
}

impl Client {
    /// What has become of it by now.
    pub(super) fn late(&self, guid: ObjectGuid, noted: Noted) -> Late {
        let mut all = self.unanswered();
        let Some(kept) = all.get_mut(&guid).filter(|kept| kept.noted == noted) else {
            return Late::Over;
        };
        if let Some(end) = &kept.end {
            return end.clone();
        }
        // What is due has arrived by then.
        let is_there = self.domain.state().is_alive(&kept.held);
        let end = match kept.answer.try_recv() {
            Ok(answer) if kept.is_password => Late::Answered(judge(answer)),
            Err(oneshot::error::TryRecvError::Empty) if is_there => {
                let passed = self.domain.clock().running().saturating_sub(kept.since);
                if passed < LATE_AWAITED {
                    return Late::Awaited;
                }
                Late::GivenUp
            }
            Ok(_) | Err(_) => Late::Over,
        };
        kept.end.insert(end).clone()
    }

    pub(super) fn unanswered(&self) -> MutexGuard<'_, HashMap<ObjectGuid, Kept>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
