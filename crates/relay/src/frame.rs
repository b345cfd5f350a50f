//! The JSON text frames of the control channel. One top-level key names the command; unknown
//! keys are ignored.

mod write;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::write::without_relay_pairs;
pub(crate) use self::write::{accept, others, rendezvous, renew_token, request, response};
use crate::headers::{self, FromWire};
use crate::limits::{MESSAGE_MAX, TOKEN_MAX};

/// The longest request id that a listener takes, in bytes. Ours are UUIDs, other relays' may not
/// be.
const ID_MAX: usize = 128;
/// The longest request target that a listener takes, in bytes.
const TARGET_MAX: usize = 16 * 1024;
/// The longest address of a rendezvous that a listener takes, in bytes: a target, and what the
/// relay adds.
const ADDRESS_MAX: usize = TARGET_MAX + 1024;
/// The longest name of a status that is passed on, in bytes.
const REASON_MAX: usize = 256;
/// The longest method that a listener takes, in bytes.
const METHOD_MAX: usize = 32;

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// Not JSON, or a field is missing or has a value that it cannot have.
    Malformed,
    /// Larger than the channel carries.
    TooBig,
}

/// What a listener says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromListener {
    Response(ResponseHead),
    /// An answer that cannot be carried: its status is none, or its headers are none. Where its body
    /// ends is known all the same.
    Unusable {
        request: Option<Uuid>,
        body: bool,
    },
    RenewToken(String),
    /// A command that this version does not know.
    Other,
}

/// An answer without its body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    /// Nothing if the text is no id of this relay's.
    pub(crate) request: Option<Uuid>,
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether a binary message with the body follows.
    pub(crate) body: bool,
}

/// What a relay says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromRelay {
    Request(RequestHead),
    /// Only an address, and an id where the relay is ours: the request itself waits at the rendezvous.
    Rendezvous {
        id: Option<String>,
        address: String,
    },
    /// A command that this version does not know.
    Other,
}

/// A request without its body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) id: String,
    /// Where an answer goes that is too large for the channel; empty if nowhere.
    pub(crate) address: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether a binary message with the body follows.
    pub(crate) body: bool,
}

/// Reads what a listener wrote.
pub(crate) fn from_listener(text: &str) -> Result<FromListener, FrameError> {
    let frame: ListenerFrame<'_> = read(text)?;
    match (frame.response, frame.renew_token) {
        (Some(response), None) => read_response(response),
        (None, Some(renewal)) if renewal.token.len() > TOKEN_MAX => Err(FrameError::TooBig),
        (None, Some(renewal)) => Ok(FromListener::RenewToken(renewal.token)),
        (None, None) => Ok(FromListener::Other),
        (Some(_), Some(_)) => Err(FrameError::Malformed),
    }
}

/// Reads what a relay wrote.
pub(crate) fn from_relay(text: &str) -> Result<FromRelay, FrameError> {
    let frame: RelayFrame = read(text)?;
    let Some(wire) = frame.request else { return Ok(FromRelay::Other) };
    if wire.id.as_ref().is_some_and(|id| id.is_empty() || id.len() > ID_MAX) {
        return Err(FrameError::Malformed);
    }
    let address = wire.address.unwrap_or_default();
    if address.len() > ADDRESS_MAX {
        return Err(FrameError::TooBig);
    }
    let (method, id) = match (wire.method, wire.id) {
        (Some(method), Some(id)) => (method, id),
        (None, id) if id.is_some() || !address.is_empty() => {
            return Ok(FromRelay::Rendezvous { id, address });
        }
        _ => return Err(FrameError::Malformed),
    };
    let target = wire.request_target.unwrap_or_default();
    if method.len() > METHOD_MAX || !headers::is_token(&method) || !is_target(&target) {
        return Err(FrameError::Malformed);
    }
    Ok(FromRelay::Request(RequestHead {
        id,
        address,
        method,
        target,
        headers: wire.request_headers.unwrap_or_default().bounded()?,
        body: wire.body.unwrap_or(false),
    }))
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, FrameError> {
    if text.len() > MESSAGE_MAX {
        return Err(FrameError::TooBig);
    }
    // serde would also read a struct from an array; a command is an object.
    if !text.trim_start().starts_with('{') {
        return Err(FrameError::Malformed);
    }
    serde_json::from_str(text).map_err(|_| FrameError::Malformed)
}

/// What of an answer can only be wrong for the one who waits for it is not the channel's end: others are
/// answered there, too.
fn read_response(wire: WireResponse<'_>) -> Result<FromListener, FrameError> {
    let status = match &wire.status_code {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let status = status.filter(|status| (200..600).contains(status));
    let (request, body) = (Uuid::try_parse(&wire.request_id).ok(), wire.body.unwrap_or(false));
    let headers = match wire.response_headers.unwrap_or_default().bounded() {
        Ok(headers) => Some(headers),
        Err(FrameError::Malformed) => None,
        Err(too_big) => return Err(too_big),
    };
    let (Some(status), Some(headers)) = (status, headers) else {
        return Ok(FromListener::Unusable { request, body });
    };
    let reason = match wire.status_description {
        Value::String(text) => reason(text),
        _ => String::new(),
    };
    Ok(FromListener::Response(ResponseHead { request, status, reason, headers, body }))
}

/// What a status is called; nothing if it is too long to be believed.
pub(crate) fn reason(text: String) -> String {
    if text.len() > REASON_MAX { String::new() } else { headers::clean(&text).into_owned() }
}

fn is_target(target: &str) -> bool {
    target.len() <= TARGET_MAX && !target.chars().any(char::is_control)
}

#[derive(Deserialize)]
struct ListenerFrame<'a> {
    #[serde(borrow)]
    response: Option<WireResponse<'a>>,
    #[serde(rename = "renewToken")]
    renew_token: Option<WireRenewal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResponse<'a> {
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(default)]
    status_code: Value,
    #[serde(default)]
    status_description: Value,
    response_headers: Option<FromWire>,
    body: Option<bool>,
}

#[derive(Deserialize)]
struct WireRenewal {
    token: String,
}

#[derive(Deserialize)]
struct RelayFrame {
    request: Option<WireRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRequest {
    id: Option<String>,
    address: Option<String>,
    request_target: Option<String>,
    method: Option<String>,
    request_headers: Option<FromWire>,
    body: Option<bool>,
}

#[cfg(test)]
mod tests;
