//! Lets pages wait for an operation to move on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use protocol::{Answer, RequestId};
use tokio::sync::watch;

/// The operations that somebody in this process carries or settles.
#[derive(Default)]
pub(crate) struct Following(Mutex<HashMap<RequestId, watch::Sender<Progress>>>);

/// How far an operation is, as far as the store does not say it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits, or was sent.
    UnderWay,
    /// It is in doubt; the store says so.
    InDoubt,
    /// The password was changed. The answer is about to be written down; until then it is true all
    /// the same, and whatever becomes of this process, the agent says it again.
    Changed(Answer),
}

impl Following {
    /// Begins with an operation that is under way.
    pub(super) fn open(&self, request: RequestId, progress: Progress) {
        self.all(|all| all.insert(request, watch::Sender::new(progress)));
    }

    /// Tells how far it is.
    pub(super) fn moved(&self, request: RequestId, progress: Progress) {
        self.all(|all| all.get(&request).map(|sender| sender.send_replace(progress)));
    }

    /// Ends: the store says everything.
    pub(super) fn close(&self, request: RequestId) {
        self.all(|all| all.remove(&request));
    }

    /// Waits until it is no longer under way; none once the store says everything.
    pub(super) async fn moves_on(&self, request: RequestId) -> Option<Progress> {
        let mut moves = self.watched(request)?;
        let moved = moves.wait_for(|progress| *progress != Progress::UnderWay).await;
        moved.ok().map(|progress| *progress)
    }

    /// Waits, if a change was told before it was written down, until it is.
    pub(super) async fn written(&self, request: RequestId) {
        let Some(mut moves) = self.watched(request) else { return };
        if matches!(*moves.borrow(), Progress::Changed(_)) {
            let _ = moves.wait_for(|progress| !matches!(progress, Progress::Changed(_))).await;
        }
    }

    fn watched(&self, request: RequestId) -> Option<watch::Receiver<Progress>> {
        self.all(|all| all.get(&request).map(watch::Sender::subscribe))
    }

    fn all<T>(
        &self,
        with: impl FnOnce(&mut HashMap<RequestId, watch::Sender<Progress>>) -> T,
    ) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Details, Outcome, Timestamp};

    use super::*;

    const REQUEST: RequestId = RequestId::from_bytes([1; 16]);

    #[tokio::test]
    async fn a_change_is_told_before_it_is_written_and_pages_wait_until_it_is() {
        let following = Following::default();
        assert_eq!(following.moves_on(REQUEST).await, None, "the store says everything");
        following.open(REQUEST, Progress::UnderWay);
        following.written(REQUEST).await;
        let answer = Answer {
            outcome: Outcome::PasswordChanged,
            details: Details::default(),
            finished_at: Timestamp::from_millis(1),
        };
        following.moved(REQUEST, Progress::Changed(answer));
        assert_eq!(following.moves_on(REQUEST).await, Some(Progress::Changed(answer)));
        let written = following.written(REQUEST);
        let mut written = std::pin::pin!(written);
        let waits = futures_util::poll!(written.as_mut()).is_pending();
        assert!(waits);
        following.close(REQUEST);
        written.await;
        assert_eq!(following.moves_on(REQUEST).await, None);
    }
}
