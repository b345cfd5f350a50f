//! The listener's end of tunnels: a transport.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use protocol::{Clock, timeout};
use tokio::io::{
    AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};

use super::{BYTES, PARKED, PATH, PIECE, SILENCE};
use crate::dial::Dial;
use crate::transport::{ByteStream, Transport, TransportError};

/// How long one request may take besides the time that it is parked.
const PATIENCE: Duration = Duration::from_secs(15);
/// The pause before a request that failed is made again.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest name of a tunnel, in bytes.
const NAME_MAX: usize = 64;

/// Streams of bytes over requests that the service parks, for networks that let no WebSocket through.
/// Each request goes over another transport.
pub struct LongPolling {
    over: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl LongPolling {
    /// Requests go over `over`.
    pub fn over(over: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { over, clock }
    }
}

impl Transport for LongPolling {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn ByteStream>, TransportError>> {
        Box::pin(async move {
            let host = host.trim_matches(['[', ']']);
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let client = Client::builder(TokioExecutor::new()).build(Dial(Arc::clone(&self.over)));
            let clock = Arc::clone(&self.clock);
            let service = format!("https://{host}:{port}");
            let mut far = Far { client, clock, place: format!("{service}{PATH}"), name: None };
            let opened = far.ask(Method::POST, "", Bytes::new(), PATIENCE).await;
            let (status, name) = opened.map_err(TransportError::Tunnel)?;
            let name = (status == StatusCode::CREATED).then(|| bearer(&name)).flatten();
            if name.is_none() {
                let cause = format!("it opens none (status {})", status.as_u16());
                return Err(TransportError::Tunnel(cause));
            }
            (far.place, far.name) = (format!("{service}{BYTES}"), name);
            let (near, inner) = duplex(PIECE);
            tokio::spawn(carry(far, inner));
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}

/// What shows that a tunnel is ours; nothing if this is no tunnel's name.
fn bearer(name: &[u8]) -> Option<HeaderValue> {
    let plain = name.iter().all(u8::is_ascii_alphanumeric);
    if name.is_empty() || name.len() > NAME_MAX || !plain {
        return None;
    }
    let mut value = HeaderValue::from_bytes(&[b"Bearer ", name].concat()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// An error with everything that led to it.
fn causes(error: &dyn std::error::Error) -> String {
    let more = error.source().map(|cause| format!(": {}", causes(cause)));
    format!("{error}{}", more.unwrap_or_default())
}

/// The service's end.
#[derive(Clone)]
struct Far {
    client: Client<Dial, Full<Bytes>>,
    clock: Arc<dyn Clock>,
    place: String,
    /// The tunnel, once there is one.
    name: Option<HeaderValue>,
}

/// Carries bytes until either end is over.
async fn carry(far: Far, stream: DuplexStream) {
    let (read, write) = split(stream);
    tokio::select! {
        () = up(&far, read) => {}
        () = down(&far, write) => {}
    }
    // The service would notice it by itself, later.
    let _ = far.ask(Method::DELETE, "", Bytes::new(), PATIENCE).await;
}

async fn up(far: &Far, mut stream: ReadHalf<DuplexStream>) {
    let (mut at, mut piece) = (0_u64, BytesMut::with_capacity(PIECE));
    loop {
        piece.reserve(PIECE);
        match stream.read_buf(&mut piece).await {
            Ok(1..) => {}
            _ => return,
        }
        while !piece.is_empty() {
            let part = piece.split_to(piece.len().min(PIECE)).freeze();
            let question = format!("?at={at}");
            let sent = far.insist(Method::POST, &question, &part, PATIENCE).await;
            if !matches!(sent, Some((StatusCode::NO_CONTENT, _))) {
                return;
            }
            at += part.len() as u64;
        }
    }
}

async fn down(far: &Far, mut stream: WriteHalf<DuplexStream>) {
    let mut from = 0_u64;
    loop {
        let (question, before) = (format!("?from={from}"), from);
        let limit = PARKED.saturating_add(PATIENCE);
        let asked = far.clock.running();
        match far.insist(Method::GET, &question, &Bytes::new(), limit).await {
            Some((StatusCode::OK, mut bytes)) => {
                from += bytes.len() as u64;
                if stream.write_all_buf(&mut bytes).await.is_err() {
                    return;
                }
                debug_assert!(!bytes.has_remaining(), "all of it was written");
            }
            Some((StatusCode::NO_CONTENT, _)) => {}
            _ => return,
        }
        // Something on the way that answers by itself would be asked without end.
        if from == before && far.clock.running().saturating_sub(asked) < PAUSE {
            far.clock.sleep(PAUSE).await;
        }
    }
}

impl Far {
    /// Asks again and again where no answer comes, or one that may pass, for as long as the tunnel
    /// would be kept.
    async fn insist(
        &self,
        method: Method,
        question: &str,
        body: &Bytes,
        limit: Duration,
    ) -> Option<(StatusCode, Bytes)> {
        let since = self.clock.running();
        loop {
            match self.ask(method.clone(), question, body.clone(), limit).await {
                Ok((status, bytes)) if !status.is_server_error() => return Some((status, bytes)),
                _ if self.clock.running().saturating_sub(since) >= SILENCE => return None,
                _ => self.clock.sleep(PAUSE).await,
            }
        }
    }

    /// One request; why there is no answer, in words for the operator.
    async fn ask(
        &self,
        method: Method,
        question: &str,
        body: Bytes,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder().method(method).uri(format!("{}{question}", self.place));
        let request = request.body(Full::new(body));
        let mut request = request.map_err(|error| error.to_string())?;
        request.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(name) = &self.name {
            request.headers_mut().insert(AUTHORIZATION, name.clone());
        }
        let answered = async {
            let response = self.client.request(request).await.map_err(|error| causes(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), 2 * PIECE).collect().await;
            Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
        };
        let answered = timeout(&*self.clock, limit, answered).await;
        answered.unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
    }
}
