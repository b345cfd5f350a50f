//! Headers between a list of pairs and the JSON object on the channel. Every request and every answer
//! comes by here: they are written and read as they stand, without a tree of values in between.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

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

/// Headers as the channel carries them: a JSON object of the forwarded ones, the values of one name
/// joined.
pub(crate) struct ToWire<'a>(pub(crate) &'a [(String, String)]);

impl Serialize for ToWire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut joined: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(self.0.len());
        for (name, value) in self.0.iter().filter(|(name, _)| is_forwarded(name)) {
            let value = clean(value);
            match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, all)) => {
                    let all = all.to_mut();
                    all.push_str(", ");
                    all.push_str(&value);
                }
                None => joined.push((name, value)),
            }
        }
        serializer.collect_map(joined)
    }
}

/// The pairs that a JSON object on the channel stands for. Published listeners also write numbers, and
/// arrays for several values of one name. What cannot be a header is left out. A name that stands there
/// twice has both values, as it has in HTTP.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FromWire {
    headers: Vec<(String, String)>,
    size: usize,
    /// It was no object.
    is_something_else: bool,
}

impl FromWire {
    /// The pairs, unless they are none, or more than the channel carries.
    pub(crate) fn bounded(self) -> Result<Vec<(String, String)>, FrameError> {
        if self.is_something_else {
            return Err(FrameError::Malformed);
        }
        if self.size > HEADERS_MAX { Err(FrameError::TooBig) } else { Ok(self.headers) }
    }

    /// Takes one more, unless it is one too many: each value of an array is given a name of its own, so
    /// all of them together may be far more than what came.
    fn take(&mut self, name: &str, value: Value) {
        let Some(value) = text(value) else { return };
        self.size = self.size.saturating_add(name.len() + value.len());
        if self.size <= HEADERS_MAX {
            self.headers.push((name.to_owned(), value));
        }
    }
}

impl<'de> Deserialize<'de> for FromWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Pairs)
    }
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = FromWire;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FromWire, A::Error> {
        let mut read = FromWire::default();
        while let Some((name, value)) = map.next_entry::<Cow<'de, str>, Value>()? {
            if !is_forwarded(&name) {
                continue;
            }
            match value {
                Value::Array(values) => values.into_iter().for_each(|one| read.take(&name, one)),
                one => read.take(&name, one),
            }
        }
        Ok(read)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FromWire, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        something_else()
    }

    fn visit_str<E>(self, _: &str) -> Result<FromWire, E> {
        something_else()
    }

    fn visit_bool<E>(self, _: bool) -> Result<FromWire, E> {
        something_else()
    }

    fn visit_u64<E>(self, _: u64) -> Result<FromWire, E> {
        something_else()
    }

    fn visit_i64<E>(self, _: i64) -> Result<FromWire, E> {
        something_else()
    }

    fn visit_f64<E>(self, _: f64) -> Result<FromWire, E> {
        something_else()
    }
}

/// What stands where headers should; the rest of its frame may be well.
fn something_else<E>() -> Result<FromWire, E> {
    Ok(FromWire { is_something_else: true, ..FromWire::default() })
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

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if is_clean(&text) => Some(text),
        Value::String(text) => Some(clean(&text).into_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A line break inside a value would begin a header of its own: it becomes a blank, as does
/// every other control character but the tab (RFC 9110, 5.5).
pub(crate) fn clean(value: &str) -> Cow<'_, str> {
    if is_clean(value) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.chars().map(|c| if is_refused(c) { ' ' } else { c }).collect())
}

fn is_clean(value: &str) -> bool {
    !value.chars().any(is_refused)
}

fn is_refused(c: char) -> bool {
    c.is_control() && c != '\t'
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn to_wire(headers: &[(String, String)]) -> Value {
        serde_json::to_value(ToWire(headers)).unwrap()
    }

    fn from_wire(wire: Value) -> Result<Vec<(String, String)>, FrameError> {
        read(&wire.to_string())
    }

    fn read(text: &str) -> Result<Vec<(String, String)>, FrameError> {
        serde_json::from_str::<FromWire>(text).unwrap().bounded()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_of_one_name_are_joined() {
        let wire = to_wire(&pairs(&[("Accept", "a"), ("Host", "h"), ("accept", "b")]));
        assert_eq!(wire, json!({"Accept": "a, b", "Host": "h"}));
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
        assert_eq!(to_wire(&given), json!({"Via": "1.1 relay"}));
        let written = json!({"Connection": "close", "bad name": [1, 2], "Via": "1.1 relay"});
        assert_eq!(from_wire(written), Ok(pairs(&[("Via", "1.1 relay")])));
    }

    #[test]
    fn no_line_break_survives_in_either_direction() {
        let split = pairs(&[("X", "a\r\nSet-Cookie: b\0")]);
        assert_eq!(to_wire(&split)["X"], "a  Set-Cookie: b ");
        assert_eq!(from_wire(json!({"X": "a\nb"})), Ok(pairs(&[("X", "a b")])));
    }

    #[test]
    fn numbers_and_lists_of_published_listeners_are_understood() {
        let wire = json!({"Age": 5, "Set-Cookie": ["a=1", "b=2", ["c"]], "X": null});
        let expected = pairs(&[("Age", "5"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]);
        assert_eq!(from_wire(wire), Ok(expected));
    }

    #[test]
    fn more_than_32_kib_of_headers_are_too_big() {
        let of = |length: usize| json!({"X": "y".repeat(length)});
        assert!(from_wire(of(HEADERS_MAX - 1)).is_ok());
        assert_eq!(from_wire(of(HEADERS_MAX)), Err(FrameError::TooBig));
    }

    #[test]
    fn a_long_name_with_many_values_takes_no_more_room_than_a_header_may() {
        let (name, values) = ("X".repeat(20_000), vec!["1"; 50_000].join(","));
        let text = format!(r#"{{"{name}":[{values}]}}"#);
        let read = serde_json::from_str::<FromWire>(&text).unwrap();
        assert!(size(&read.headers) <= HEADERS_MAX && read.size > HEADERS_MAX);
        assert_eq!(read.bounded(), Err(FrameError::TooBig));
    }

    #[test]
    fn a_name_that_stands_there_twice_has_both_values() {
        let both = pairs(&[("Link", "a"), ("Via", "r"), ("Link", "b")]);
        assert_eq!(read(r#"{"Link":"a","Via":"r","Link":"b"}"#), Ok(both.clone()));
        assert_eq!(to_wire(&both), json!({"Link": "a, b", "Via": "r"}));
        assert_eq!(read(r#"{"\u004cink":"a"}"#), Ok(pairs(&[("Link", "a")])), "written otherwise");
    }
}
