//! Why requests were not begun, for when the cloud asks. The request ids of packages that did not open are
//! unproved.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{Outcome, RequestId, Timestamp};

/// How many are remembered, and for how long where there are as many: the cloud has asked long before.
pub(super) const REMEMBERED_MAX: usize = 1_000;
pub(super) const KEPT: Duration = Duration::from_secs(60 * 60);

/// By request, why it was not begun, and since when that is known.
#[derive(Debug, Default)]
pub(super) struct Reasons(Mutex<HashMap<RequestId, (Outcome, Timestamp)>>);

impl Reasons {
    /// Remembers one, unless there are too many that are not old yet.
    pub(super) fn remember(&self, request: RequestId, why: Outcome, now: Timestamp) {
        let mut all = self.lock();
        if all.len() >= REMEMBERED_MAX {
            all.retain(|_, (_, since)| since.apart(now) < KEPT);
        }
        if all.len() < REMEMBERED_MAX {
            all.insert(request, (why, now));
        }
    }

    /// Why a request was not begun, if that is remembered.
    pub(super) fn why(&self, request: RequestId) -> Option<Outcome> {
        self.lock().get(&request).map(|(why, _)| *why)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, (Outcome, Timestamp)>> {
        // Nothing panics while it is held; the table stays whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
