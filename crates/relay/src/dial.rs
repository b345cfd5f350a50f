//! Connections of an HTTP client, opened by a transport: the same road that the relay channel takes,
//! with the same proxies and the same trust.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tower::Service;

use crate::transport::{ByteStream, Transport, TransportError};

/// Opens connections for the HTTP client.
#[derive(Clone)]
pub struct Dial(pub Arc<dyn Transport>);

impl Service<Uri> for Dial {
    type Response = Dialled;
    type Error = TransportError;
    type Future = BoxFuture<'static, Result<Dialled, TransportError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let transport = Arc::clone(&self.0);
        Box::pin(async move {
            // Never in clear: the transport is encrypted, whatever the scheme says.
            let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443));
            transport.connect(host, port).await.map(|stream| Dialled(TokioIo::new(stream)))
        })
    }
}

/// An open connection.
pub struct Dialled(TokioIo<Box<dyn ByteStream>>);

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Dialled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
