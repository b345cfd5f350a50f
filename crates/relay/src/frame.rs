//! The JSON text frames of the control channel. One top-level key names the command; unknown
//! keys are ignored.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use crate::headers;
use crate::limits::{MESSAGE_MAX, TOKEN_MAX};
use crate::message::{Request, Response};

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
    /// Only id and address: the request itself waits at the rendezvous.
    Rendezvous {
        id: String,
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

/// The frame that announces `request`, which came from `remote`. Its body, if it has one, follows
/// as a binary message.
pub(crate) fn request(
    id: Uuid,
    address: &str,
    request: &Request,
    remote: Option<SocketAddr>,
) -> String {
    json!({"request": {
        "address": address,
        "id": id.to_string(),
        "requestTarget": without_relay_pairs(&request.target),
        "method": request.method,
        "requestHeaders": headers::to_wire(&request.headers),
        "body": !request.body.is_empty(),
        "remoteEndpoint": endpoint(remote),
    }})
    .to_string()
}

/// The frame that announces a request that waits at `address`.
pub(crate) fn rendezvous(id: Uuid, address: &str) -> String {
    json!({"request": {"address": address, "id": id.to_string()}}).to_string()
}

/// The frame that announces a sender at `remote` that wants a WebSocket, and is met at `address`.
pub(crate) fn accept(
    id: Uuid,
    address: &str,
    headers: &[(String, String)],
    remote: Option<SocketAddr>,
) -> String {
    json!({"accept": {
        "address": address,
        "id": id.to_string(),
        "connectHeaders": headers::to_wire(headers),
        "remoteEndpoint": endpoint(remote),
    }})
    .to_string()
}

/// The frame that announces `response` to the request `id`.
pub(crate) fn response(id: &str, response: &Response) -> String {
    json!({"response": {
        "requestId": id,
        "statusCode": response.status,
        "statusDescription": headers::clean(&response.reason),
        "responseHeaders": headers::to_wire(&response.headers),
        "body": !response.body.is_empty(),
    }})
    .to_string()
}

/// The frame that puts a fresh token in the place of the one that the channel was opened with.
pub(crate) fn renew_token(token: &str) -> String {
    json!({"renewToken": {"token": token}}).to_string()
}

/// Reads what a listener wrote.
pub(crate) fn from_listener(text: &str) -> Result<FromListener, FrameError> {
    let frame: ListenerFrame = read(text)?;
    match (frame.response, frame.renew_token) {
        (Some(response), None) => read_response(response).map(FromListener::Response),
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
    if wire.id.is_empty() || wire.id.len() > ID_MAX {
        return Err(FrameError::Malformed);
    }
    let address = wire.address.unwrap_or_default();
    if address.len() > ADDRESS_MAX {
        return Err(FrameError::TooBig);
    }
    let Some(method) = wire.method else {
        return Ok(FromRelay::Rendezvous { id: wire.id, address });
    };
    let target = wire.request_target.unwrap_or_default();
    if method.len() > METHOD_MAX || !headers::is_token(&method) || !is_target(&target) {
        return Err(FrameError::Malformed);
    }
    Ok(FromRelay::Request(RequestHead {
        id: wire.id,
        address,
        method,
        target,
        headers: headers::from_wire(wire.request_headers.unwrap_or_default())?,
        body: wire.body.unwrap_or(false),
    }))
}

/// Where a sender is, as far as it is known.
fn endpoint(remote: Option<SocketAddr>) -> Value {
    remote.map_or_else(|| json!({}), |at| json!({"address": at.ip(), "port": at.port()}))
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

fn read_response(wire: WireResponse) -> Result<ResponseHead, FrameError> {
    let status = match &wire.status_code {
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let status = status.filter(|status| (200..600).contains(status));
    Ok(ResponseHead {
        request: Uuid::try_parse(&wire.request_id).ok(),
        status: status.ok_or(FrameError::Malformed)?,
        reason: reason(wire.status_description.unwrap_or_default()),
        headers: headers::from_wire(wire.response_headers.unwrap_or_default())?,
        body: wire.body.unwrap_or(false),
    })
}

/// What a status is called; nothing if it is too long to be believed.
fn reason(text: String) -> String {
    if text.len() > REASON_MAX { String::new() } else { headers::clean(&text) }
}

fn is_target(target: &str) -> bool {
    target.len() <= TARGET_MAX && !target.chars().any(char::is_control)
}

/// `target` less every `sb-hc-…=` pair of its query: those are for the relay, and one of them is
/// a token.
fn without_relay_pairs(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let kept = others(query);
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{kept}") }
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

#[derive(Deserialize)]
struct ListenerFrame {
    response: Option<WireResponse>,
    #[serde(rename = "renewToken")]
    renew_token: Option<WireRenewal>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireResponse {
    request_id: String,
    status_code: Value,
    status_description: Option<String>,
    response_headers: Option<Map<String, Value>>,
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
    id: String,
    address: Option<String>,
    request_target: Option<String>,
    method: Option<String>,
    request_headers: Option<Map<String, Value>>,
    body: Option<bool>,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Request {
        Request {
            method: "POST".to_owned(),
            target: "/passback/v1?x=1&sb-hc-token=secret&sb%2Dhc-id=2&y=".to_owned(),
            headers: vec![("Host".to_owned(), "relay".to_owned())],
            body: Bytes::from_static(b"body"),
        }
    }

    #[test]
    fn a_request_arrives_as_it_was_sent_without_the_relays_own_pairs() {
        let id = Uuid::from_u128(7);
        let text = request(id, "wss://relay/x", &sample(), None);
        assert!(!text.contains("secret"));
        let expected = RequestHead {
            id: id.to_string(),
            address: "wss://relay/x".to_owned(),
            method: "POST".to_owned(),
            target: "/passback/v1?x=1&y=".to_owned(),
            headers: sample().headers,
            body: true,
        };
        assert_eq!(from_relay(&text), Ok(FromRelay::Request(expected)));
    }

    #[test]
    fn a_query_of_relay_pairs_only_leaves_no_question_mark() {
        assert_eq!(without_relay_pairs("/a?sb-hc-action=connect"), "/a");
        assert_eq!(without_relay_pairs("/a?SB-HC-ID"), "/a");
        assert_eq!(without_relay_pairs("/a?x=sb-hc-id"), "/a?x=sb-hc-id");
    }

    #[test]
    fn the_wire_is_that_of_azure_relay() {
        let remote = Some(SocketAddr::from(([192, 0, 2, 7], 40_000)));
        let value: Value =
            serde_json::from_str(&request(Uuid::nil(), "wss://r/", &sample(), remote)).unwrap();
        assert_eq!(
            value,
            json!({"request": {"address": "wss://r/", "id": "00000000-0000-0000-0000-000000000000",
                "requestTarget": "/passback/v1?x=1&y=", "method": "POST",
                "requestHeaders": {"Host": "relay"}, "body": true,
                "remoteEndpoint": {"address": "192.0.2.7", "port": 40_000}}})
        );
        let value: Value = serde_json::from_str(&response("i", &Response::empty(204))).unwrap();
        assert_eq!(
            value,
            json!({"response": {"requestId": "i", "statusCode": 204, "statusDescription": "",
                "responseHeaders": {}, "body": false}})
        );
        let value: Value = serde_json::from_str(&renew_token("t")).unwrap();
        assert_eq!(value, json!({"renewToken": {"token": "t"}}));
    }

    #[test]
    fn a_status_is_a_number_or_a_text_between_200_and_599() {
        let status = |code: &str| {
            let text = format!(r#"{{"response":{{"requestId":"x","statusCode":{code},"z":[1]}}}}"#);
            match from_listener(&text)? {
                FromListener::Response(head) => Ok(head.status),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(status("200"), Ok(200));
        assert_eq!(status("\"404\""), Ok(404));
        for code in ["199", "600", "-1", "2e2", "200.5", "65736", "null", "\"\"", "\"2 00\"", "[]"]
        {
            assert_eq!(status(code), Err(FrameError::Malformed), "{code}");
        }
    }

    #[test]
    fn an_unknown_command_is_ignored_and_half_a_command_is_not() {
        assert_eq!(from_listener(r#"{"weather":{"sunny":true}}"#), Ok(FromListener::Other));
        assert_eq!(from_relay(r#"{"accept":{"id":"1"}}"#), Ok(FromRelay::Other));
        let rendezvous =
            FromRelay::Rendezvous { id: "1".to_owned(), address: "wss://r".to_owned() };
        assert_eq!(from_relay(r#"{"request":{"id":"1","address":"wss://r"}}"#), Ok(rendezvous));
        let written =
            FromRelay::Rendezvous { id: Uuid::nil().to_string(), address: "wss://r".to_owned() };
        assert_eq!(from_relay(&super::rendezvous(Uuid::nil(), "wss://r")), Ok(written));
        for text in [
            "",
            "[]",
            "null",
            "[null,null]",
            "{",
            "{}{}",
            r#"{"response":{}}"#,
            r#"{"response":5}"#,
            r#"{"renewToken":{}}"#,
            r#"{"renewToken":{"token":"a"},"response":{"requestId":"x","statusCode":200}}"#,
        ] {
            assert_eq!(from_listener(text), Err(FrameError::Malformed), "{text}");
        }
        for text in [
            r#"{"request":{}}"#,
            r#"{"request":{"id":""}}"#,
            r#"{"request":{"id":"1","method":"GE T"}}"#,
            r#"{"request":{"id":"1","method":"GET","requestTarget":"/\r\nx"}}"#,
            r#"{"request":{"id":"1","method":"GET","requestHeaders":[]}}"#,
        ] {
            assert_eq!(from_relay(text), Err(FrameError::Malformed), "{text}");
        }
    }

    #[test]
    fn what_is_longer_than_a_message_is_not_even_parsed() {
        let long = "x".repeat(MESSAGE_MAX + 1);
        assert_eq!(from_listener(&long), Err(FrameError::TooBig));
        let token = format!(r#"{{"renewToken":{{"token":"{}"}}}}"#, "x".repeat(TOKEN_MAX + 1));
        assert_eq!(from_listener(&token), Err(FrameError::TooBig));
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
        assert_eq!(from_listener(&deep), Err(FrameError::Malformed));
        assert_eq!(from_relay(&deep), Err(FrameError::Malformed));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in "\\PC{0,200}") {
            let _ = from_listener(&text);
            let _ = from_relay(&text);
        }

        #[test]
        fn decoding_a_damaged_frame_never_panics(
            at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400, own in any::<bool>(),
        ) {
            let whole = if own {
                request(Uuid::from_u128(9), "wss://relay/$hc/e", &sample(), None)
            } else {
                let headers = vec![("Via".to_owned(), "1.1 r".to_owned())];
                let body = Bytes::from_static(b"b");
                response("id", &Response { headers, body, ..Response::empty(200) })
            };
            let mut bytes = whole.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len() - cut % bytes.len());
            let text = String::from_utf8_lossy(&bytes);
            let _ = from_listener(&text);
            let _ = from_relay(&text);
        }

        #[test]
        fn every_answer_arrives_as_it_was_given(
            status in 200_u16..600, value in "[ -~]{0,40}", value_of_reason in "[ -~]{0,40}",
            body in any::<bool>(),
        ) {
            let id = Uuid::from_u128(3);
            let headers = vec![("X-Answer".to_owned(), value)];
            let bytes = if body { Bytes::from_static(b"b") } else { Bytes::new() };
            let reason = value_of_reason.clone();
            let given = Response { status, reason, headers: headers.clone(), body: bytes };
            let reason = value_of_reason;
            let head = ResponseHead { request: Some(id), status, reason, headers, body };
            let read = from_listener(&response(&id.to_string(), &given));
            prop_assert_eq!(read, Ok(FromListener::Response(head)));
        }
    }
}
