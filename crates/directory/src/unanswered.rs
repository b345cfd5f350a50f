//! Sets whose answer did not come in time (SPEC PR-2): the connection over which each went is kept until it
//! says how that ended.
//!
//! The agent hangs up as soon as it has stopped waiting, so that what nobody has read yet is not made any
//! more, and goes on reading. A controller hangs up, too, when it works on nothing of that connection any
//! longer, or has died: until then the set may still be made, whatever other connections say of the account.
//! Where the agent itself dies nobody has that connection any more, and only time counts.
//!
//! What does neither, ever, is given up: after a time, or for the sake of others of its kind. Each of them
//! holds a connection, and somebody waits to hear how it ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protocol::Clock;
use tokio::sync::oneshot;

use crate::connection::Flight;
use crate::directory::Late;
use crate::{InvocationId, ObjectGuid, Witness, set};

/// How long the end of a set is awaited once nobody waits for its answer. A controller of Windows itself gives
/// a connection up on which nothing has come for as long (`MaxConnIdleTime` of its LDAP policies, 900 s).
pub const LATE_AWAITED: Duration = Duration::from_secs(15 * 60);
/// So many are awaited at a time, each with its connection. Of more, the one that was awaited longest is given
/// up: a controller that has left so many without a word answers none of them.
const AWAITED_MOST: usize = 64;
/// From so many on those that have ended are forgotten; each is some 200 bytes.
const KEPT_MOST: usize = 1_000;

/// Which set of an account's it was: the one before which its password stood so.
pub(crate) type Noted = (InvocationId, u32);

/// The last one of each account.
pub(crate) struct Unanswered {
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<ObjectGuid, Kept>>,
}

struct Kept {
    noted: Noted,
    /// Since when, by `Clock::running`.
    since: Duration,
    /// How it ended; empty while it may still be made.
    end: Arc<OnceLock<Late>>,
    /// Whoever is to hear of it. It is given up as soon as this is dropped.
    listener: Option<oneshot::Sender<()>>,
}

impl Unanswered {
    /// None yet, and what time passes for those to come.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

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

    /// Keeps a set that got no answer. Its connection ends when the controller hangs up, or when every set
    /// over it was answered or given up; the answer, if one comes, is remembered where the witness can be
    /// compared with it.
    pub(crate) fn keep(
        &self,
        guid: ObjectGuid,
        noted: &Witness,
        mut flight: Flight,
        is_password: bool,
    ) {
        flight.is_read_to_its_end();
        let end = Arc::new(OnceLock::new());
        let (listener, nobody_listens) = oneshot::channel();
        let noted = (noted.invocation_id, noted.version);
        let since = self.clock.running();
        let mut all = self.kept();
        make_room(&mut all);
        let kept = Kept { noted, since, end: Arc::clone(&end), listener: Some(listener) };
        all.insert(guid, kept);
        drop(all);
        let clock = Arc::clone(&self.clock);
        tokio::spawn(async move {
            let answer = tokio::select! {
                biased;
                answer = set::late(&mut flight) => Some(answer),
                () = clock.sleep(LATE_AWAITED) => None,
                _ = nobody_listens => None,
            };
            // Set once, here.
            let _ = end.set(match answer {
                Some(answer) => answer.filter(|_| is_password).map_or(Late::Over, Late::Answered),
                None => {
                    flight.give_up();
                    Late::GivenUp
                }
            });
        });
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ObjectGuid, Kept>> {
        // Nothing panics while it is held; the table stays whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more.
fn make_room(all: &mut HashMap<ObjectGuid, Kept>) {
    if all.len() >= KEPT_MOST {
        // Of what is over nothing is said that is not said of what is not kept. What was given up may still be
        // made, and only the oldest of that is forgotten.
        let may_be_made =
            |kept: &Kept| !matches!(kept.end.get(), Some(Late::Over | Late::Answered(_)));
        all.retain(|_, kept| may_be_made(kept));
        let given_up = all.iter().filter(|(_, kept)| kept.end.get().is_some());
        let oldest = given_up.min_by_key(|(_, kept)| kept.since).map(|(guid, _)| *guid);
        if let Some(oldest) = oldest.filter(|_| all.len() >= KEPT_MOST) {
            all.remove(&oldest);
        }
    }
    let awaited = |kept: &&mut Kept| kept.listener.is_some() && kept.end.get().is_none();
    if all.values_mut().filter(awaited).count() >= AWAITED_MOST
        && let Some(oldest) = all.values_mut().filter(awaited).min_by_key(|kept| kept.since)
    {
        oldest.listener = None;
    }
}

#[cfg(test)]
#[path = "unanswered_tests.rs"]
mod tests;
