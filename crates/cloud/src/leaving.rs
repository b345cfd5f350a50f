//! The end of the service in good order, before its port is given up: nothing new is taken, and
//! pages that follow an operation are still told how it ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::Clock;
use tokio_util::sync::CancellationToken;

/// By then a page that follows an operation has asked again: it does every 2 s.
const ASKS_AGAIN: Duration = Duration::from_secs(4);
/// How often it is looked whether all pages have heard.
const LOOK: Duration = Duration::from_millis(100);

/// Whether the service is about to end, and who has to hear something before.
pub(crate) struct Leaving {
    begun: CancellationToken,
    followed: Mutex<Followed>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Followed {
    /// How many requests are under way whose page will follow an operation.
    under_way: usize,
    /// When the last of them was answered, by [`Clock::running`].
    answered: Option<Duration>,
}

/// A request whose page will ask again. When this is dropped, it was answered.
pub(crate) struct AsksAgain<'a>(&'a Leaving);

impl Leaving {
    /// Of a service that has only begun.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { begun: CancellationToken::new(), followed: Mutex::default(), clock }
    }

    /// From here on nothing new is taken.
    pub(crate) fn begin(&self) {
        self.begun.cancel();
    }

    /// Whether nothing new is taken.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Comes when nothing new is taken any more.
    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Notes a request whose page will ask again.
    pub(crate) fn asks_again(&self) -> AsksAgain<'_> {
        self.lock().under_way += 1;
        AsksAgain(self)
    }

    /// Waits until no page is about to ask again.
    pub(crate) async fn all_have_heard(&self) {
        loop {
            let now = self.clock.running();
            let heard = {
                let followed = self.lock();
                let long_ago = |at: Duration| now.saturating_sub(at) >= ASKS_AGAIN;
                followed.under_way == 0 && followed.answered.is_none_or(long_ago)
            };
            if heard {
                return;
            }
            self.clock.sleep(LOOK).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Followed> {
        // Each change under this lock is one step: a panic elsewhere leaves nothing half done.
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AsksAgain<'_> {
    fn drop(&mut self) {
        let mut followed = self.0.lock();
        followed.under_way -= 1;
        followed.answered = Some(self.0.clock.running());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use protocol::{ManualClock, Timestamp};

    use super::*;

    #[tokio::test]
    async fn pages_have_heard_once_the_last_answer_is_older_than_their_pause() {
        let clock = ManualClock::at(Timestamp::from_millis(1));
        let leaving = Leaving::new(Arc::new(clock.clone()));
        assert!(leaving.all_have_heard().now_or_never().is_some(), "nobody follows anything");
        let under_way = leaving.asks_again();
        clock.advance(10 * ASKS_AGAIN);
        assert!(leaving.all_have_heard().now_or_never().is_none(), "it has no answer yet");
        drop(under_way);
        clock.advance(ASKS_AGAIN - Duration::from_millis(1));
        assert!(leaving.all_have_heard().now_or_never().is_none(), "it may still ask again");
        clock.advance(Duration::from_millis(1));
        assert!(leaving.all_have_heard().now_or_never().is_some());
    }
}
