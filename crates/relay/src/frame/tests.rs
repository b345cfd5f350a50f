use std::net::SocketAddr;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::message::{Request, Response};

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
    let value: Value =
        serde_json::from_str(&accept(Uuid::nil(), "wss://r/", &sample().headers, remote)).unwrap();
    assert_eq!(
        value,
        json!({"accept": {"address": "wss://r/", "id": "00000000-0000-0000-0000-000000000000",
            "connectHeaders": {"Host": "relay"},
            "remoteEndpoint": {"address": "192.0.2.7", "port": 40_000}}})
    );
    let value: Value = serde_json::from_str(&renew_token("t")).unwrap();
    assert_eq!(value, json!({"renewToken": {"token": "t"}}));
}

#[test]
fn a_status_is_a_number_or_a_text_between_200_and_599() {
    let status = |code: &str| {
        let text = format!(r#"{{"response":{{"requestId":"x","statusCode":{code},"z":[1]}}}}"#);
        match from_listener(&text).unwrap() {
            FromListener::Response(head) => Some(head.status),
            FromListener::Unusable { request: None, body: false } => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status("200"), Some(200));
    assert_eq!(status("\"404\""), Some(404));
    for code in ["199", "600", "-1", "2e2", "200.5", "65736", "null", "\"\"", "\"2 00\"", "[]"] {
        assert_eq!(status(code), None, "{code}");
    }
}

#[test]
fn an_answer_that_cannot_be_carried_still_says_whose_it_is_and_whether_a_body_follows() {
    let id = Uuid::from_u128(7);
    let of = |rest: &str| from_listener(&format!(r#"{{"response":{{"requestId":"{id}"{rest}}}}}"#));
    let unusable = |body| Ok(FromListener::Unusable { request: Some(id), body });
    assert_eq!(of(r#","body":true"#), unusable(true), "no status");
    assert_eq!(of(r#","statusCode":99"#), unusable(false));
    for headers in ["[]", "[{}]", "\"x\"", "1", "-1", "1.5", "true"] {
        let rest = format!(r#","statusCode":200,"responseHeaders":{headers},"body":true"#);
        assert_eq!(of(&rest), unusable(true), "{headers}");
    }
    for (rest, reason) in [
        (r#","statusDescription":5"#, ""),
        (r#","statusDescription":null,"responseHeaders":null"#, ""),
        (r#","statusDescription":"fine""#, "fine"),
    ] {
        let read = of(&format!(r#","statusCode":200{rest}"#)).unwrap();
        assert!(matches!(read, FromListener::Response(head) if head.reason == reason), "{rest}");
    }
    let many = format!(r#","statusCode":99,"responseHeaders":{{"X":"{}"}}"#, "y".repeat(40_000));
    assert_eq!(of(&many), Err(FrameError::TooBig), "more than the channel carries");
    assert_eq!(of(r#","statusCode":200,"body":"no""#), Err(FrameError::Malformed));
}

#[test]
fn an_unknown_command_is_ignored_and_half_a_command_is_not() {
    assert_eq!(from_listener(r#"{"weather":{"sunny":true}}"#), Ok(FromListener::Other));
    assert_eq!(from_relay(r#"{"accept":{"id":"1"}}"#), Ok(FromRelay::Other));
    let at = |id: Option<String>| FromRelay::Rendezvous { id, address: "wss://r".to_owned() };
    let announced = from_relay(r#"{"request":{"id":"1","address":"wss://r"}}"#);
    assert_eq!(announced, Ok(at(Some("1".to_owned()))));
    // The protocol's own documentation leaves everything but the address away.
    assert_eq!(from_relay(r#"{"request":{"address":"wss://r"}}"#), Ok(at(None)));
    assert_eq!(from_relay(r#"{"request":{}}"#), Err(FrameError::Malformed));
    let written = from_relay(&rendezvous(Uuid::nil(), "wss://r"));
    assert_eq!(written, Ok(at(Some(Uuid::nil().to_string()))));
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
