//! Writing to a peer that may be slow, but must read.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use axum::extract::ws::WebSocket;
use futures_util::poll;
use protocol::{Clock, timeout};

use crate::limits::Limits;
use crate::taken::Taken;

/// How often it is looked whether the peer takes something, before it is given up.
const LOOKS: u32 = 5;

/// A WebSocket, and how much its peer takes.
pub(super) struct Wire {
    pub(super) socket: WebSocket,
    pub(super) taken: Taken,
}

/// What is borne with while something is written.
pub(super) struct Patience<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) limits: &'a Limits,
    pub(super) taken: &'a Taken,
}

impl Patience<'_> {
    /// Writes; nothing if the peer took no byte for [`Limits::slow_listener`] (noticed a fifth of it
    /// later at most), or not all in [`Limits::response`].
    pub(super) async fn write<T>(&self, write: impl Future<Output = T>) -> Option<T> {
        let mut write = pin!(write);
        // Most of what is written goes at once.
        if let Poll::Ready(written) = poll!(write.as_mut()) {
            return Some(written);
        }
        let began = self.clock.running();
        let (mut before, mut since) = (self.taken.bytes(), began);
        loop {
            let look = self.limits.slow_listener / LOOKS;
            if let Ok(written) = timeout(self.clock, look, write.as_mut()).await {
                return Some(written);
            }
            let (now, taken) = (self.clock.running(), self.taken.bytes());
            if taken != before {
                (before, since) = (taken, now);
            }
            let (stalled, lasted) = (now.saturating_sub(since), now.saturating_sub(began));
            if stalled >= self.limits.slow_listener || lasted >= self.limits.response {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use protocol::{ManualClock, Timestamp};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;
    use crate::taken::Counting;

    /// How much fits between the two ends.
    const BETWEEN: usize = 16;

    /// Writes so much to a peer that takes some of it every so often; how long until it was done, or
    /// given up.
    async fn write(bytes: usize, takes: usize, every: Duration) -> (bool, Duration) {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let limits = Limits::default();
        let (near, mut far) = duplex(BETWEEN);
        let (mut near, taken) = Counting::over(near);
        let patience = Patience { clock: &clock, limits: &limits, taken: &taken };
        let body = vec![7; bytes];
        let mut writing = Box::pin(patience.write(near.write_all(&body)));
        let mut next = every;
        loop {
            if let Some(ended) = writing.as_mut().now_or_never() {
                return (ended.is_some(), clock.running());
            }
            let until_next = clock.until_next().unwrap();
            clock.advance(until_next.min(next));
            next = next.saturating_sub(until_next);
            if next.is_zero() {
                take(&mut far, takes).await;
                next = every;
            }
        }
    }

    async fn take(far: &mut DuplexStream, most: usize) {
        let mut some = vec![0; most];
        let _ = far.read(&mut some).now_or_never();
    }

    #[tokio::test]
    async fn a_peer_that_takes_a_little_now_and_then_gets_all_of_it() {
        let (done, lasted) = write(BETWEEN + 10, 1, Duration::from_secs(4)).await;
        assert!(done, "{lasted:?}");
        assert_eq!(lasted, Duration::from_secs(40));
        let (done, lasted) = write(BETWEEN + 10, 5, Duration::from_secs(7)).await;
        assert!(!done);
        assert_eq!(lasted, Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up_after_5_seconds() {
        let (done, lasted) = write(BETWEEN + 10, 0, Duration::from_secs(4)).await;
        assert!(!done);
        assert_eq!(lasted, Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_peer_that_never_comes_to_the_end_is_given_up_after_a_minute() {
        let (done, lasted) = write(1_000, 1, Duration::from_secs(4)).await;
        assert!(!done);
        assert_eq!(lasted, Duration::from_secs(60));
    }
}
