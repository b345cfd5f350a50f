//! The connections to one controller: a few, so that one request's answer does not wait behind
//! another's.
//!
//! A controller works on the requests of one connection in turn. What is asked at the same time is
//! therefore spread: whoever asks gets the connection on which least is under way. Another one is
//! opened beside it, without anybody waiting for it, when there are fewer than [`READY`], or when all
//! are busy, up to [`MOST`]. One that has ended is dropped when it is met, and its place is filled
//! in the same way: the pool heals itself.

use std::sync::Arc;

use crate::session::Session;

/// How many connections are kept at least, once the first one is there: while one that broke is made
/// again, nobody waits.
const READY: usize = 2;
/// How many there are at most. A controller sets about as many passwords at a time as it has
/// processors.
pub(crate) const MOST: usize = 4;

/// Connections that all lead to one copy of one controller's database.
#[derive(Default)]
pub(crate) struct Pool {
    held: Vec<Arc<Session>>,
    opening: bool,
}

impl Pool {
    /// The connection on which least is under way; none if there is none that works.
    pub(crate) fn idlest(&mut self) -> Option<Arc<Session>> {
        self.held.retain(|session| !session.connection.has_ended());
        self.held.iter().min_by_key(|session| session.connection.under_way()).cloned()
    }

    /// Whether another connection is to be opened now. Who is told so opens it, and says with
    /// [`Pool::join`] or [`Pool::gave_up`] what came of it.
    pub(crate) fn wants_another(&mut self) -> bool {
        let count = self.held.len();
        let all_busy = || self.held.iter().all(|session| session.connection.under_way() > 0);
        let wants = !self.opening && count > 0 && (count < READY || count < MOST && all_busy());
        self.opening |= wants;
        wants
    }

    /// Begins anew with the first connection to a controller.
    pub(crate) fn restart(&mut self, first: Arc<Session>) {
        self.held = vec![first];
    }

    /// Takes in a connection that was opened because the pool wanted one. One that leads to another
    /// controller, or to another copy of its database, is turned away: what was read over one must
    /// hold for a set over any other.
    pub(crate) fn join(&mut self, another: Arc<Session>) {
        self.opening = false;
        let same = |held: &Arc<Session>| held.invocation_id == another.invocation_id;
        if self.held.first().is_some_and(same) {
            self.held.push(another);
        }
    }

    /// Notes that the connection that was wanted could not be opened.
    pub(crate) fn gave_up(&mut self) {
        self.opening = false;
    }

    /// Whether it has this connection.
    pub(crate) fn has(&self, session: &Arc<Session>) -> bool {
        self.held.iter().any(|held| Arc::ptr_eq(held, session))
    }

    /// Lets go of a connection over which something failed; whoever still waits on it may do so. One that
    /// has ended has ended alone. Of one that is merely silent all others are suspected as well, because
    /// what keeps answers from coming, such as a firewall that has forgotten them, seldom does so to one
    /// alone, and each would cost somebody as long again.
    pub(crate) fn let_go(&mut self, session: &Arc<Session>) {
        if session.connection.has_ended() {
            self.held.retain(|held| !Arc::ptr_eq(held, session));
        } else {
            self.drop_all_with(session);
        }
    }

    /// Lets go of all connections, which are like this one, unless they have been replaced already.
    pub(crate) fn drop_all_with(&mut self, session: &Arc<Session>) {
        if self.has(session) {
            self.held.clear();
        }
    }
}
