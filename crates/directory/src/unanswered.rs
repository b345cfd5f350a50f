//! Sets whose answer did not come in time (SPEC PR-2): the connection over which each went is kept until it
//! says how that ended.
//!
//! The agent hangs up as soon as it has stopped waiting, so that what nobody has read yet is not made any
//! more, and goes on reading. A controller hangs up, too, when it works on nothing of that connection any
//! longer, or has died: until then the set may still be made, whatever other connections say of the account.
//! Where the agent itself dies nobody has that connection any more, and only time counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::connection::Flight;
use crate::directory::Late;
use crate::{InvocationId, ObjectGuid, Witness, set};

/// How many are remembered that have ended, at least; each is some 200 bytes.
const ENDED_KEPT: usize = 1_000;

/// Which set of an account's it was: the one before which its password stood so.
pub(crate) type Noted = (InvocationId, u32);

/// The last one of each account.
#[derive(Default)]
pub(crate) struct Unanswered(Mutex<HashMap<ObjectGuid, Kept>>);

struct Kept {
    noted: Noted,
    /// How it ended; empty while it may still be made.
    end: Arc<OnceLock<Late>>,
}

impl Unanswered {
    /// What is known of this set.
    pub(crate) fn late(&self, guid: ObjectGuid, noted: Noted) -> Late {
        match self.kept().get(&guid) {
            Some(kept) if kept.noted == noted => kept.end.get().cloned().unwrap_or(Late::Awaited),
            _ => Late::Over,
        }
    }

    /// Another one goes out: nobody asks about the last one any more.
    pub(crate) fn begin(&self, guid: ObjectGuid) {
        self.kept().remove(&guid);
    }

    /// Keeps a set that got no answer. Its connection ends when nobody else uses it and the controller hangs
    /// up; the answer, if one comes, is remembered where the witness can be compared with it.
    pub(crate) fn keep(
        &self,
        guid: ObjectGuid,
        noted: &Witness,
        mut flight: Flight,
        is_password: bool,
    ) {
        flight.is_read_to_its_end();
        let end = Arc::new(OnceLock::new());
        let mut all = self.kept();
        if all.len() >= ENDED_KEPT {
            all.retain(|_, kept| kept.end.get().is_none());
        }
        let noted = (noted.invocation_id, noted.version);
        all.insert(guid, Kept { noted, end: Arc::clone(&end) });
        drop(all);
        tokio::spawn(async move {
            let answer = set::late(&mut flight).await.filter(|_| is_password);
            // Set once, here.
            let _ = end.set(answer.map_or(Late::Over, Late::Answered));
        });
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ObjectGuid, Kept>> {
        // Nothing panics while it is held; the table stays whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "unanswered_tests.rs"]
mod tests;
