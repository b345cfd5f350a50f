//! A stream that notes whether anything was written to it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::ByteStream;

/// The stream.
pub(super) struct Watched {
    inner: Box<dyn ByteStream>,
    first_byte: Arc<AtomicBool>,
}

/// Whether the first byte may have left.
pub(super) struct FirstByte(Arc<AtomicBool>);

impl Watched {
    /// Watches `inner`, to which nothing was written yet.
    pub(super) fn over(inner: Box<dyn ByteStream>) -> (Self, FirstByte) {
        let first_byte = Arc::new(AtomicBool::new(false));
        (Self { inner, first_byte: Arc::clone(&first_byte) }, FirstByte(first_byte))
    }
}

impl FirstByte {
    /// Whether it may have left: it was tried to write it.
    pub(super) fn may_have_left(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Before it is tried: of what failed, a part may be on its way.
        self.first_byte.store(true, Ordering::SeqCst);
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
