//! One request from the moment that it is complete: it is handled, and its answer goes where it
//! belongs. What is too large for the channel is fetched and answered on a WebSocket of its own,
//! the rendezvous.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::{Clock, timeout};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{self};

use super::channel::{Write, Writes};
use super::connect::{self, ConnectError, Socket};
use super::{Handler, Listener, ListenerConfig};
use crate::frame;
use crate::headers;
use crate::limits::{BODY_MAX, HEADERS_MAX, RENDEZVOUS_MAX};
use crate::message::{Request, Response};
use crate::session::answering::{AnsweringSession, Heard, Incoming};

/// How long the relay may take to end a rendezvous after its answer.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why nothing came of a rendezvous, in words for the operator. Addresses are secrets, and are not
/// among them.
#[derive(Debug, thiserror::Error)]
enum RendezvousError {
    #[error("it cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    #[error("it broke: {0}")]
    WebSocket(#[from] tungstenite::Error),
    #[error("it ended before the request came")]
    Ended,
    #[error("the relay broke the protocol there")]
    Malformed,
    #[error("the relay fell silent there")]
    Silent,
}

/// What a request is answered with, apart from its channel: it lives on when that is lost.
struct Answering {
    config: Arc<ListenerConfig>,
    handler: Arc<dyn Handler>,
    clock: Arc<dyn Clock>,
}

/// Answers one request, in a task of its own.
pub(super) async fn answer(listener: &Listener, incoming: Incoming, writes: &Writes) {
    let Incoming { id, address, request } = incoming;
    if is_full(listener) {
        // Certainly nothing was done with it.
        let _ = writes.send(Write::Answer(id, Response::empty(503))).await;
        return;
    }
    let (own, writes) = (Answering::of(listener), writes.clone());
    listener.tasks.spawn(async move {
        let response = own.handle(request).await;
        own.bring(&id, &address, response, &writes).await;
    });
}

/// Fetches a request that waits at `address` and answers it there, in a task of its own.
pub(super) fn fetch(listener: &Listener, id: Option<String>, address: String) {
    if is_full(listener) {
        // Not a byte of it has left the relay, and its sender will be told so.
        tracing::warn!(id, "relay.listener.rendezvous_left");
        return;
    }
    let own = Answering::of(listener);
    listener.tasks.spawn(async move {
        if let Err(error) = own.exchange(id.as_deref(), &address).await {
            tracing::warn!(id, %error, "relay.listener.rendezvous_failed");
        }
    });
}

fn is_full(listener: &Listener) -> bool {
    listener.stop.is_cancelled() || listener.tasks.len() >= listener.config.concurrent
}

impl Answering {
    fn of(listener: &Listener) -> Self {
        let (handler, clock) = (Arc::clone(&listener.handler), Arc::clone(&listener.clock));
        Self { config: Arc::clone(&listener.config), handler, clock }
    }

    async fn handle(&self, request: Request) -> Response {
        let handled = AssertUnwindSafe(async { self.handler.handle(request).await }).catch_unwind();
        match handled.await {
            Ok(response) if fits(&response, RENDEZVOUS_MAX) => response,
            Ok(_) => {
                tracing::error!("relay.listener.answer_too_big");
                Response::empty(500)
            }
            Err(_) => {
                tracing::error!("relay.listener.handler_panicked");
                Response::empty(500)
            }
        }
    }

    /// Brings an answer back: on the channel if it fits there, else by the rendezvous.
    async fn bring(
        &self,
        id: &str,
        address: &str,
        mut response: Response,
        writes: &mpsc::Sender<Write>,
    ) {
        if !fits(&response, BODY_MAX) {
            match self.deliver(id, address, response).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(id, %error, "relay.listener.rendezvous_failed");
                    response = Response::empty(500);
                }
            }
        }
        // It fails if the channel is lost: then nobody waits for the answer.
        let _ = writes.send(Write::Answer(id.to_owned(), response)).await;
    }

    /// Opens a rendezvous for an answer alone.
    async fn deliver(
        &self,
        id: &str,
        address: &str,
        response: Response,
    ) -> Result<(), RendezvousError> {
        let mut socket = connect::meet(&self.config, &*self.clock, address).await?;
        self.end(&mut socket, id, response).await
    }

    /// Fetches a request at a rendezvous, the one of this id if it was announced with one, and answers it
    /// there.
    async fn exchange(&self, id: Option<&str>, address: &str) -> Result<(), RendezvousError> {
        let mut socket = connect::meet(&self.config, &*self.clock, address).await?;
        let received = timeout(&*self.clock, self.config.silence, receive(&mut socket)).await;
        let incoming = received.unwrap_or(Err(RendezvousError::Silent))?;
        if id.is_some_and(|id| incoming.id != id) {
            return Err(RendezvousError::Malformed);
        }
        let response = self.handle(incoming.request).await;
        self.end(&mut socket, &incoming.id, response).await
    }

    /// Sends an answer, and lets the relay end the rendezvous.
    async fn end(
        &self,
        socket: &mut Socket,
        id: &str,
        response: Response,
    ) -> Result<(), RendezvousError> {
        let sent = timeout(&*self.clock, self.config.silence, send(socket, id, response)).await;
        sent.unwrap_or(Err(RendezvousError::Silent))?;
        let over = async { while let Some(Ok(_)) = socket.next().await {} };
        let _ = timeout(&*self.clock, FAREWELL, over).await;
        Ok(())
    }
}

async fn receive(socket: &mut Socket) -> Result<Incoming, RendezvousError> {
    let mut session = AnsweringSession::at_rendezvous();
    loop {
        let heard = match socket.next().await.ok_or(RendezvousError::Ended)?? {
            Message::Text(text) => session.text(&text),
            Message::Binary(body) => session.binary(body),
            Message::Close(_) => return Err(RendezvousError::Ended),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        match heard {
            Ok(Heard::Request(incoming)) => return Ok(incoming),
            Ok(Heard::Nothing) => {}
            Ok(Heard::Rendezvous { .. }) | Err(_) => return Err(RendezvousError::Malformed),
        }
    }
}

async fn send(socket: &mut Socket, id: &str, response: Response) -> Result<(), RendezvousError> {
    let body: Bytes = response.body.clone();
    socket.feed(Message::text(frame::response(id, &response))).await?;
    if !body.is_empty() {
        socket.feed(Message::Binary(body)).await?;
    }
    Ok(socket.flush().await?)
}

/// Whether an answer has at most so many bytes of body, and not too many of headers.
fn fits(response: &Response, most: usize) -> bool {
    response.body.len() <= most && headers::size(&response.headers) <= HEADERS_MAX
}
