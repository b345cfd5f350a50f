//! How much a peer takes of what is written to its connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes one connection has taken so far. The server that owns the port puts it into the
/// extensions of every request on that connection, so that the relay can tell a peer that reads
/// slowly from one that does not read. Clones count the same connection.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<AtomicU64>);

impl Taken {
    /// How many bytes that is by now.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream that counts what is taken of what is written to it. It belongs below TLS, which takes
/// much of it by itself before a byte leaves.
#[derive(Debug)]
pub struct Counting<S> {
    stream: S,
    taken: Taken,
}

impl<S> Counting<S> {
    /// Counts from here on what `stream` takes.
    pub fn over(stream: S) -> (Self, Taken) {
        let taken = Taken::default();
        (Self { stream, taken: taken.clone() }, taken)
    }

    fn counted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.taken.0.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.counted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.counted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_the_peer_has_taken_is_counted_and_not_what_waits() {
        let (near, mut far) = duplex(16);
        let (mut near, taken) = Counting::over(near);
        let mut write = Box::pin(near.write_all(&[7; 40]));
        assert!(write.as_mut().now_or_never().is_none());
        assert_eq!(taken.bytes(), 16);
        let mut some = [0; 10];
        far.read_exact(&mut some).await.unwrap();
        assert!(write.as_mut().now_or_never().is_none());
        assert_eq!(taken.bytes(), 26);
    }
}
