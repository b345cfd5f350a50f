//! Senders of HTTP: any method, any path at or below an entity, answered by its listener.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use hyper::ext::ReasonPhrase;
use protocol::timeout;

use super::access::{Refusal, host_of, token_of_sender};
use super::ask::{Road, Sent};
use super::handshake::COME_BACK;
use super::{Inner, room};
use crate::entity::Entity;
use crate::headers;
use crate::limits::{BODY_MAX, HEADERS_MAX, RENDEZVOUS_MAX};
use crate::message::{Delivered, DeliveryError, DeliveryErrorKind, Request, Response};
use crate::token::Right;

/// Why the relay answers by itself.
pub(super) enum Trouble {
    Refused(Refusal),
    Method,
    TooMuchHeader,
    TooBig,
    /// The sender did not send all of what it announced.
    Incomplete,
    Delivery(DeliveryError),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Answers one request of a sender.
pub(super) async fn send(State(relay): State<Arc<Inner>>, request: HttpRequest) -> HttpResponse {
    let host = host_of(request.headers()).to_owned();
    match relay.send(request, &host).await {
        Ok(response) => from_listener(response, &host),
        Err(Trouble::Refused(refusal)) => {
            from_relay(&Trouble::Refused(relay.hold_back_sender(refusal).await))
        }
        Err(trouble) => from_relay(&trouble),
    }
}

impl Inner {
    async fn send(&self, request: HttpRequest, host: &str) -> Result<Response, Trouble> {
        if request.method() == Method::CONNECT {
            return Err(Trouble::Method);
        }
        let (head, body) = request.into_parts();
        let admitted = self.admit_sender(&head, host);
        let admitted = timeout(&*self.clock, self.limits.handshake, admitted).await;
        let (entity, by_authorization) = admitted.unwrap_or(Err(Refusal::Unavailable))?;
        let full = || Trouble::not_delivered(DeliveryErrorKind::Busy);
        let share = self.rooms.share(&entity);
        let under_way = self.rooms.request(&share).ok_or_else(full)?;
        let mut forwarded = forwarded(&head.headers, by_authorization);
        forwarded.push(("Via".to_owned(), via(host)));
        let of_headers = headers::size(&forwarded);
        if of_headers > HEADERS_MAX {
            return Err(Trouble::TooMuchHeader);
        }
        let most = RENDEZVOUS_MAX - of_headers;
        let announced = http_body_size(&body);
        if announced.is_some_and(|announced| announced > most) {
            return Err(Trouble::TooBig);
        }
        // Before the first byte of it is read: a sender that is slow holds no more than this.
        let held = self.rooms.bytes(&share, of_headers + announced.unwrap_or(most));
        let mut held = held.ok_or_else(full)?;
        let body = self.whole(body, most).await?;
        held.shrink_to(of_headers + body.len());
        // Until it is written to the listener.
        let body = room::keep(body, held);
        let chunked = head.headers.contains_key(header::TRANSFER_ENCODING);
        let large = chunked || of_headers + body.len() > BODY_MAX;
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let request = Request { method: head.method.to_string(), target, headers: forwarded, body };
        let road = if large { Road::Rendezvous } else { Road::Either };
        let sent = Sent { request, remote: remote(&head.extensions) };
        let turn = self.rooms.turn(&share, &*self.clock).await;
        let asked = self.ask(&entity, sent, road).map_err(Trouble::not_delivered)?;
        let answer = asked.begun_answer().await.map_err(Trouble::Delivery)?;
        drop(turn);
        // The request is over once its answer is taken.
        Ok(Response { body: room::keep(answer.body, under_way), ..answer })
    }

    /// The entity that a sender may send to, and whether the token stood in `Authorization`.
    async fn admit_sender(&self, head: &Parts, host: &str) -> Result<(Entity, bool), Refusal> {
        let query = head.uri.query().unwrap_or_default();
        let (token, by_authorization) =
            token_of_sender(query, &head.headers).ok_or(Refusal::Token)?;
        let (entity, _) = self.admitted(head.uri.path(), &token, (host, Right::Send)).await?;
        Ok((entity, by_authorization))
    }

    /// The whole body of a sender, at most so many bytes.
    async fn whole(&self, body: Body, most: usize) -> Result<bytes::Bytes, Trouble> {
        let announced = http_body_size(&body);
        let read = timeout(&*self.clock, self.limits.response, to_bytes(body, most)).await;
        match read {
            Ok(Ok(bytes)) => Ok(bytes),
            // With a size that is known to fit, it is the connection that failed.
            Ok(Err(_)) if announced.is_none() => Err(Trouble::TooBig),
            Ok(Err(_)) | Err(_) => Err(Trouble::Incomplete),
        }
    }
}

impl Trouble {
    pub(super) fn not_delivered(kind: DeliveryErrorKind) -> Self {
        Self::Delivery(DeliveryError { kind, delivered: Delivered::No })
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMuchHeader => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooBig => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::Delivery(error) => match error.kind {
                DeliveryErrorKind::NoListener => StatusCode::NOT_FOUND,
                DeliveryErrorKind::ListenerLost | DeliveryErrorKind::TooBig => {
                    StatusCode::BAD_GATEWAY
                }
                DeliveryErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
                DeliveryErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// What it is for whoever looks at the answer.
    fn text(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.to_string(),
            Self::Method => "this method is for proxies".to_owned(),
            Self::TooMuchHeader => format!("more than {HEADERS_MAX} bytes of headers"),
            Self::TooBig => format!("more than {RENDEZVOUS_MAX} bytes of headers and body"),
            Self::Incomplete => "the request did not come to its end".to_owned(),
            Self::Delivery(error) => error.to_string(),
        }
    }

    /// The word for it, where the protocol has one, and what became of the request.
    fn words(&self) -> Option<(&'static str, Delivered)> {
        Some(match self {
            Self::Refused(Refusal::UnknownEntity) => ("no-endpoint", Delivered::No),
            Self::Refused(Refusal::Unavailable) => ("busy", Delivered::No),
            Self::Delivery(DeliveryError { kind, delivered }) => {
                let word = match kind {
                    DeliveryErrorKind::NoListener => "no-listener",
                    DeliveryErrorKind::ListenerLost | DeliveryErrorKind::TooBig => "listener-lost",
                    DeliveryErrorKind::Timeout => "timeout",
                    DeliveryErrorKind::Busy => "busy",
                };
                (word, *delivered)
            }
            _ => return None,
        })
    }
}

/// Where a sender is, if the server that owns the port says so.
pub(super) fn remote(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(remote)| *remote)
}

/// How much a body says that it has.
fn http_body_size(body: &Body) -> Option<usize> {
    let exact = axum::body::HttpBody::size_hint(body).exact()?;
    Some(usize::try_from(exact).unwrap_or(usize::MAX))
}

/// The headers of a sender that its listener shall see. Those that [`headers`] never forwards are
/// left to it.
pub(super) fn forwarded(all: &HeaderMap, by_authorization: bool) -> Vec<(String, String)> {
    let named = all.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|names| names.split(',').map(str::trim)).collect();
    let dropped = |name: &HeaderName| {
        let between_neighbours = |named: &&str| name.as_str().eq_ignore_ascii_case(named);
        (by_authorization && name == header::AUTHORIZATION)
            // A listener is always told which host was asked, whatever the sender calls its own.
            || (name != header::HOST && named.iter().any(between_neighbours))
            || !headers::is_forwarded(name.as_str())
    };
    all.iter()
        .filter(|(name, _)| !dropped(name))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect()
}

pub(super) fn via(host: &str) -> String {
    format!("1.1 {host}")
}

/// Calls a status what the listener calls it, if that can be.
pub(super) fn call(answer: &mut HttpResponse, reason: String) {
    if !reason.is_empty()
        && let Ok(reason) = ReasonPhrase::try_from(reason)
    {
        answer.extensions_mut().insert(reason);
    }
}

/// A listener's answer. `Via` tells it from the relay's own.
fn from_listener(response: Response, host: &str) -> HttpResponse {
    let Response { status, reason, headers, body } = response;
    let mut answer = HttpResponse::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    call(&mut answer, reason);
    let own = [("Via".to_owned(), via(host))];
    for (name, value) in headers.into_iter().chain(own) {
        let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
        // What cannot be a header was left out when the answer was read.
        if let (Ok(name), Ok(value)) = pair {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

pub(super) fn from_relay(trouble: &Trouble) -> HttpResponse {
    let status = trouble.status();
    tracing::info!(status = status.as_u16(), "relay.send.refused");
    let mut answer = (status, format!("{}\n", trouble.text())).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, COME_BACK);
    }
    if let Some((word, delivered)) = trouble.words()
        && let Ok(value) = HeaderValue::try_from(format!("{word}; delivered={delivered}"))
    {
        answer.headers_mut().insert(HeaderName::from_static("relay-error"), value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_neighbours_stays_there_and_the_host_goes_on() {
        let named = [
            ("host", "relay.example"),
            ("connection", "host, X-Hop"),
            ("x-hop", "mine"),
            ("x-own", "theirs"),
            ("authorization", "token"),
        ];
        let all: HeaderMap = named
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let names = |by_authorization| {
            let mut names: Vec<String> =
                forwarded(&all, by_authorization).into_iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(true), ["host", "x-own"]);
        assert_eq!(names(false), ["authorization", "host", "x-own"]);
    }
}
