//! The connections to one controller: a few, so that one request's answer does not wait behind
//! another's.
//!
//! A controller works on the requests of one connection in turn. What is asked at the same time is
//! therefore spread: whoever asks gets the connection on which least is under way. Another one is
//! opened beside it, without anybody waiting for it, when there are fewer than [`READY`], or when all
//! are busy, up to [`MOST`]. One that has ended is dropped when it is met, and its place is filled
//! in the same way: the pool heals itself.
//!
//! One whose answer is late is let go. The others may be as dead as it is, as behind a firewall that has
//! forgotten them, or may be well, where one question was a slow one. Each is asked something small, and
//! used again once it has answered; who needs one meanwhile also connects anew, and takes what is there
//! first. So nobody waits for a second silence, whichever it was, and one slow question costs one
//! connection, and those that are as busy with slow ones.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::JoinSet;

use crate::InvocationId;
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
    /// The copy of the database that all of them lead to, from the first connection on.
    copy: Option<InvocationId>,
    opening: bool,
    /// Those that are asked whether they still lead anywhere; who has answered is handed back.
    doubted: JoinSet<Option<Arc<Session>>>,
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

    /// Begins anew with the first connection to a controller. Those that are doubted may come back.
    pub(crate) fn restart(&mut self, first: Arc<Session>) {
        self.copy = Some(first.invocation_id);
        self.held = vec![first];
    }

    /// Takes in a connection that was opened because the pool wanted one.
    pub(crate) fn join(&mut self, another: Arc<Session>) {
        self.opening = false;
        if !self.held.is_empty() {
            self.admit(another);
        }
    }

    /// Notes that the connection that was wanted could not be opened.
    pub(crate) fn gave_up(&mut self) {
        self.opening = false;
    }

    /// Whether it has this connection, and nobody doubts it.
    pub(crate) fn has(&self, session: &Arc<Session>) -> bool {
        self.held.iter().any(|held| Arc::ptr_eq(held, session))
    }

    /// Lets go of a connection over which something failed, unless that was done already; whoever still
    /// waits on it may do so. One that has ended has ended alone. Where one is merely silent, all others
    /// are doubted: `ask` asks one of them something small, and hands it back if there was an answer.
    pub(crate) fn let_go<F>(&mut self, session: &Arc<Session>, ask: impl Fn(Arc<Session>) -> F)
    where
        F: Future<Output = Option<Arc<Session>>> + Send + 'static,
    {
        if !self.has(session) {
            return;
        }
        self.held.retain(|held| !Arc::ptr_eq(held, session));
        if !session.connection.has_ended() {
            for other in self.held.drain(..) {
                self.doubted.spawn(ask(other));
            }
        }
    }

    /// Takes back those that have answered by now.
    pub(crate) fn take_back(&mut self) {
        while let Some(asked) = self.doubted.try_join_next() {
            if let Ok(Some(session)) = asked {
                self.admit(session);
            }
        }
    }

    /// Takes the next one back that answers, once there is one; none if none is left that could. One waits
    /// for that at a time; [`Pool::take_back`] may be called meanwhile.
    pub(crate) fn poll_back(&mut self, context: &mut Context<'_>) -> Poll<Option<Arc<Session>>> {
        loop {
            match ready!(self.doubted.poll_join_next(context)) {
                None => return Poll::Ready(None),
                Some(Ok(Some(session))) if self.admit(Arc::clone(&session)) => {
                    return Poll::Ready(Some(session));
                }
                Some(_) => {}
            }
        }
    }

    /// Lets go of all connections, which are like this one, unless they have been replaced already.
    pub(crate) fn drop_all_with(&mut self, session: &Arc<Session>) {
        if self.has(session) {
            self.held.clear();
            self.copy = None;
            self.doubted = JoinSet::new();
        }
    }

    /// One that leads to another controller, or to another copy of its database, is turned away: what was
    /// read over one must hold for a set over any other. Says whether it was taken in.
    fn admit(&mut self, another: Arc<Session>) -> bool {
        let same = self.copy.is_none_or(|copy| copy == another.invocation_id);
        let fits = same && self.held.len() < MOST && !another.connection.has_ended();
        if fits {
            self.held.push(another);
        }
        fits
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
