//! Writing the frames, as they stand and without a tree of values in between: every request and every
//! answer is one.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use url::form_urlencoded;
use uuid::Uuid;

use crate::headers::{self, ToWire};
use crate::message::{Request, Response};

/// The frame that announces `request`, which came from `remote`. Its body, if it has one, follows
/// as a binary message.
pub(crate) fn request(
    id: Uuid,
    address: &str,
    request: &Request,
    remote: Option<SocketAddr>,
) -> String {
    written(&Written::Request {
        address,
        id,
        request_target: without_relay_pairs(&request.target),
        method: &request.method,
        request_headers: ToWire(&request.headers),
        body: !request.body.is_empty(),
        remote_endpoint: Endpoint::of(remote),
    })
}

/// The frame that announces a request that waits at `address`.
pub(crate) fn rendezvous(id: Uuid, address: &str) -> String {
    written(&Written::Rendezvous { address, id })
}

/// The frame that announces a sender at `remote` that wants a WebSocket, and is met at `address`.
pub(crate) fn accept(
    id: Uuid,
    address: &str,
    headers: &[(String, String)],
    remote: Option<SocketAddr>,
) -> String {
    let (connect_headers, remote_endpoint) = (ToWire(headers), Endpoint::of(remote));
    written(&Written::Accept { address, id, connect_headers, remote_endpoint })
}

/// The frame that announces `response` to the request `id`.
pub(crate) fn response(id: &str, response: &Response) -> String {
    written(&Written::Response {
        request_id: id,
        status_code: response.status,
        status_description: headers::clean(&response.reason),
        response_headers: ToWire(&response.headers),
        body: !response.body.is_empty(),
    })
}

/// The frame that puts a fresh token in the place of the one that the channel was opened with.
pub(crate) fn renew_token(token: &str) -> String {
    written(&Written::RenewToken { token })
}

fn written(frame: &Written<'_>) -> String {
    // What has nothing but texts, numbers and objects with texts as keys can be written.
    serde_json::to_string(frame).unwrap_or_default()
}

/// `target` less every `sb-hc-…=` pair of its query: those are for the relay, and one of them is
/// a token.
pub(crate) fn without_relay_pairs(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
    let kept = others(query);
    if kept.is_empty() { Cow::Borrowed(path) } else { Cow::Owned(format!("{path}?{kept}")) }
}

/// The pairs of `query` that are not for the relay.
pub(crate) fn others(query: &str) -> String {
    let is_for_relay = |pair: &&str| {
        let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name);
        name.is_some_and(|name| name.to_ascii_lowercase().starts_with("sb-hc-"))
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_for_relay(pair)).collect();
    kept.join("&")
}

/// What this crate writes. One name on the outside, the command.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Written<'a> {
    Request {
        address: &'a str,
        id: Uuid,
        request_target: Cow<'a, str>,
        method: &'a str,
        request_headers: ToWire<'a>,
        body: bool,
        remote_endpoint: Endpoint,
    },
    /// A request that waits at its rendezvous.
    #[serde(rename = "request")]
    Rendezvous {
        address: &'a str,
        id: Uuid,
    },
    Accept {
        address: &'a str,
        id: Uuid,
        connect_headers: ToWire<'a>,
        remote_endpoint: Endpoint,
    },
    Response {
        request_id: &'a str,
        status_code: u16,
        status_description: Cow<'a, str>,
        response_headers: ToWire<'a>,
        body: bool,
    },
    RenewToken {
        token: &'a str,
    },
}

/// Where a sender is, as far as it is known: else an object of nothing.
#[derive(Serialize)]
struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

impl Endpoint {
    fn of(remote: Option<SocketAddr>) -> Self {
        Self { address: remote.map(|at| at.ip()), port: remote.map(|at| at.port()) }
    }
}
