//! A connection whose peer must take what is written to it: one that asks for much and reads
//! nothing would hold its answer and a place for ever.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer may take no byte. A phone in a lift takes less.
pub(crate) const STALLED: Duration = Duration::from_secs(60);

/// A stream that fails when its peer has taken nothing for so long, while there was something to
/// be taken.
pub(crate) struct Patient<S> {
    stream: S,
    limit: Duration,
    /// Since the peer takes nothing: until when that is borne with.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: Unpin> Patient<S> {
    /// A stream to a peer that may take nothing for `limit`.
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, stalled: None }
    }

    /// Passes on what came of a write, unless nothing has for too long.
    fn borne<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        let over = stalled.as_mut().poll(context).is_ready();
        if over { Poll::Ready(Err(ErrorKind::TimedOut.into())) } else { Poll::Pending }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.borne(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.borne(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.borne(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.borne(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (near, far) = duplex(16);
        let mut near = Patient::new(near, Duration::from_millis(20));
        near.write_all(b"sixteen bytes !!").await.unwrap();
        let error = near.write_all(b"and more").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test]
    async fn a_peer_that_takes_a_little_at_a_time_gets_all_of_it() {
        let (near, mut far) = duplex(16);
        let mut near = Patient::new(near, STALLED);
        let write = async {
            near.write_all(&[7; 10_000]).await.unwrap();
            near.shutdown().await.unwrap();
            assert!(near.stalled.is_none(), "each byte that is taken ends the wait");
        };
        let read = async {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.unwrap();
            all.len()
        };
        assert_eq!(tokio::join!(write, read).1, 10_000);
    }

    #[tokio::test]
    async fn what_the_peer_says_is_heard_while_it_takes_nothing() {
        let (near, mut far) = duplex(16);
        let mut near = Patient::new(near, STALLED);
        near.write_all(b"sixteen bytes !!").await.unwrap();
        assert!(near.write(b"and more").now_or_never().is_none() && near.stalled.is_some());
        far.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        near.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
    }
}
