//! Hears what the agent says before it is encrypted: a transport around the agent's own.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use relay::{BoxFuture, ByteStream, Transport, TransportError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::{self, Conversation};
use crate::StackError;

/// How the answer to an upgrade begins: only relay channels have one.
const UPGRADED: &[u8] = b"HTTP/1.1 101 ";

/// Everything that was said so far. Clones hear the same.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Inner>);

#[derive(Default)]
struct Inner {
    connections: Mutex<Vec<Arc<Mutex<Bytes>>>>,
    cut: AtomicBool,
}

#[derive(Default)]
struct Bytes {
    said: Vec<u8>,
    heard: Vec<u8>,
}

impl Heard {
    /// `transport`, heard.
    pub(super) fn through(&self, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        Arc::new(Tap { transport, heard: self.clone() })
    }

    /// What was said on each connection so far.
    pub(super) fn conversations(&self) -> Result<Vec<Conversation>, StackError> {
        let all = lock(&self.0.connections);
        let read = all.iter().map(|one| {
            let bytes = lock(one);
            wire::read(&bytes.said, &bytes.heard).map_err(StackError::NotUnderstood)
        });
        read.collect()
    }

    /// The next thing that is said on the relay channel is not: the channel breaks instead.
    pub(super) fn cut_the_channel(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
    }
}

struct Tap {
    transport: Arc<dyn Transport>,
    heard: Heard,
}

impl Transport for Tap {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            let stream = self.transport.connect(host, port).await?;
            let bytes = Arc::new(Mutex::new(Bytes::default()));
            lock(&self.heard.0.connections).push(Arc::clone(&bytes));
            let heard = self.heard.clone();
            Ok(Box::new(Tapped { stream, bytes, heard, broken: false }) as Box<dyn ByteStream>)
        })
    }
}

struct Tapped {
    stream: Box<dyn ByteStream>,
    bytes: Arc<Mutex<Bytes>>,
    heard: Heard,
    /// It was cut, and stays so: what could not be said is not said with a farewell either.
    broken: bool,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        lock(&self.bytes).heard.extend(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let is_channel = lock(&self.bytes).heard.starts_with(UPGRADED);
        if is_channel && self.heard.0.cut.swap(false, Ordering::SeqCst) {
            self.broken = true;
        }
        if self.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        lock(&self.bytes).said.extend(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
