//! Headers between a list of pairs and the JSON object on the channel.

use serde_json::{Map, Value};

use crate::frame::FrameError;
use crate::limits::HEADERS_MAX;

/// Headers that say something about one connection (RFC 9110, 7.6.1), about how a body is
/// framed, or to the relay. None of them is forwarded.
const NOT_FORWARDED: [&str; 12] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "servicebusauthorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// The bytes of all names and values.
pub(crate) fn size(headers: &[(String, String)]) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// The JSON object for `headers`: forwarded ones only, values of one name joined.
pub(crate) fn to_wire(headers: &[(String, String)]) -> Map<String, Value> {
    let mut joined: Vec<(&str, String)> = Vec::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| is_forwarded(name)) {
        let value = clean(value);
        match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, all)) => {
                all.push_str(", ");
                all.push_str(&value);
            }
            None => joined.push((name, value)),
        }
    }
    joined.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}

/// The pairs that a JSON object stands for. Published listeners also write numbers, and arrays
/// for several values of one name. What cannot be a header is left out.
pub(crate) fn from_wire(wire: Map<String, Value>) -> Result<Vec<(String, String)>, FrameError> {
    let mut headers = Vec::with_capacity(wire.len());
    for (name, value) in wire {
        if !is_forwarded(&name) {
            continue;
        }
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        headers.extend(values.iter().filter_map(text).map(|value| (name.clone(), value)));
    }
    if size(&headers) > HEADERS_MAX { Err(FrameError::TooBig) } else { Ok(headers) }
}

/// Whether `text` is a token of RFC 9110, 5.6.2: what methods and names of headers are made of.
pub(crate) fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Whether a header of this name travels at all.
pub(crate) fn is_forwarded(name: &str) -> bool {
    is_token(name) && !NOT_FORWARDED.iter().any(|hidden| hidden.eq_ignore_ascii_case(name))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(clean(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A line break inside a value would begin a header of its own: it becomes a blank, as does
/// every other control character but the tab (RFC 9110, 5.5).
pub(crate) fn clean(value: &str) -> String {
    value.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_of_one_name_are_joined() {
        let wire = to_wire(&pairs(&[("Accept", "a"), ("Host", "h"), ("accept", "b")]));
        assert_eq!(wire["Accept"], "a, b");
        assert_eq!(wire["Host"], "h");
        assert_eq!(wire.len(), 2);
    }

    #[test]
    fn what_is_for_one_connection_or_for_the_relay_is_not_forwarded() {
        let given = pairs(&[
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("ServiceBusAuthorization", "secret"),
            ("bad name", "x"),
            ("Via", "1.1 relay"),
        ]);
        assert_eq!(to_wire(&given).keys().collect::<Vec<_>>(), ["Via"]);
        assert_eq!(from_wire(to_wire(&given)), Ok(pairs(&[("Via", "1.1 relay")])));
    }

    #[test]
    fn no_line_break_survives_in_either_direction() {
        let split = pairs(&[("X", "a\r\nSet-Cookie: b\0")]);
        assert_eq!(to_wire(&split)["X"], "a  Set-Cookie: b ");
        let wire = Map::from_iter([("X".to_owned(), Value::String("a\nb".to_owned()))]);
        assert_eq!(from_wire(wire), Ok(pairs(&[("X", "a b")])));
    }

    #[test]
    fn numbers_and_lists_of_published_listeners_are_understood() {
        let wire = serde_json::json!({"Age": 5, "Set-Cookie": ["a=1", "b=2"], "X": null});
        let Value::Object(wire) = wire else { panic!("not an object") };
        let expected = pairs(&[("Age", "5"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]);
        assert_eq!(from_wire(wire), Ok(expected));
    }

    #[test]
    fn more_than_32_kib_of_headers_are_too_big() {
        let of = |length: usize| Map::from_iter([("X".to_owned(), "y".repeat(length).into())]);
        assert!(from_wire(of(HEADERS_MAX - 1)).is_ok());
        assert_eq!(from_wire(of(HEADERS_MAX)), Err(FrameError::TooBig));
    }
}
