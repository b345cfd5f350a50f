//! Second forms and small damages of each structure: all of them must be refused.

use ciborium::Value;

/// Something that is not the structure, and what is wrong with it.
pub(crate) type Variant = (String, Vec<u8>);

pub(crate) fn value(bytes: &[u8]) -> Value {
    ciborium::from_reader(bytes).unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

/// The parts of a package: its header and its outer structure.
pub(crate) fn parts(package: &[u8]) -> (Vec<u8>, Value) {
    let mut parts = value(package).into_array().unwrap();
    let outer = parts.pop().unwrap();
    (parts.pop().unwrap().into_bytes().unwrap(), outer)
}

pub(crate) fn package(header: &[u8], outer: &Value) -> Vec<u8> {
    bytes(&Value::Array(vec![Value::Bytes(header.to_vec()), outer.clone()]))
}

/// A package with something wrong that can be done without any key.
pub(crate) fn of_package(good: &[u8]) -> Vec<Variant> {
    let (header, outer) = parts(good);
    let mut all = of_any(good);
    all.extend(
        of_header(&header)
            .into_iter()
            .map(|(what, bad)| (format!("header: {what}"), package(&bad, &outer))),
    );
    all.extend(
        of_encrypt0(&outer)
            .into_iter()
            .map(|(what, bad)| (format!("outer: {what}"), package(&header, &bad))),
    );
    let clear = Value::Array(vec![value(&header), outer.clone()]);
    all.push(("header as a map".to_owned(), bytes(&clear)));
    let header = Value::Bytes(header);
    let three = Value::Array(vec![header.clone(), outer.clone(), Value::Null]);
    all.push(("three parts".to_owned(), bytes(&three)));
    all.push(("one part".to_owned(), bytes(&Value::Array(vec![header]))));
    all.push(("outer alone".to_owned(), bytes(&outer)));
    all
}

/// What can be wrong with any structure that is an array.
pub(crate) fn of_any(good: &[u8]) -> Vec<Variant> {
    assert_eq!(good[0] & 0xe0, 0x80, "an array of fewer than 24 items");
    let long_form = [&[0x98, good[0] & 0x1f], &good[1..]].concat();
    let indefinite = [&[0x9f], &good[1..], &[0xff]].concat();
    let tagged = [&[0xd8, 0x60], good].concat();
    [
        ("one byte behind it", [good, &[0]].concat()),
        ("itself behind it", [good, good].concat()),
        ("one byte short", good[..good.len() - 1].to_vec()),
        ("nothing", Vec::new()),
        ("its length in a longer form", long_form),
        ("without a length", indefinite),
        ("tagged", tagged),
        ("in a byte string", bytes(&Value::Bytes(good.to_vec()))),
    ]
    .map(|(what, bad)| (what.to_owned(), bad))
    .into()
}

fn of_header(good: &[u8]) -> Vec<Variant> {
    let entries = value(good).into_map().unwrap();
    let mut all = vec![
        ("one byte behind it".to_owned(), [good, &[0]].concat()),
        ("empty".to_owned(), Vec::new()),
        ("version in a longer form".to_owned(), [&good[..2], &[0x18], &good[2..]].concat()),
    ];
    for at in 0..entries.len() {
        let label = format!("label {:?}", entries[at].0.as_integer().map(i128::from));
        let mut fewer = entries.clone();
        let entry = fewer.remove(at);
        all.push((format!("{label} missing"), bytes(&Value::Map(fewer))));
        let mut twice = entries.clone();
        twice.insert(at, entry);
        all.push((format!("{label} twice"), bytes(&Value::Map(twice))));
        let mut null = entries.clone();
        null[at].1 = Value::Null;
        all.push((format!("{label} null"), bytes(&Value::Map(null))));
    }
    let mut more = entries.clone();
    more.push((Value::from(10), Value::from(0)));
    all.push(("label 10 too many".to_owned(), bytes(&Value::Map(more))));
    let mut swapped = entries;
    swapped.swap(3, 4);
    all.push(("two labels swapped".to_owned(), bytes(&Value::Map(swapped))));
    all
}

/// Wrong forms of `[protected, unprotected, ciphertext]`.
pub(crate) fn of_encrypt0(good: &Value) -> Vec<(String, Value)> {
    let mut all = of_protected(good);
    all.extend(of_map(good, &[1]));
    for (what, bad) in [
        ("no ciphertext", Value::Null),
        ("empty ciphertext", Value::Bytes(Vec::new())),
        ("ciphertext as text", Value::Text("x".repeat(40))),
    ] {
        all.push((what.to_owned(), with(good, &[2], bad)));
    }
    all
}

/// Wrong forms of an inner structure.
pub(crate) fn of_inner(good: &[u8]) -> Vec<Variant> {
    let inner = value(good);
    let mut all = of_protected(&inner);
    all.extend(of_map(&inner, &[1]));
    let prefixed = |(what, bad): (String, Value)| (format!("recipient: {what}"), bad);
    all.extend(of_map(&inner, &[3, 0, 1]).into_iter().map(prefixed));
    let recipient = at(&inner, &[3, 0]).clone();
    let wrapped = at(&inner, &[3, 0, 2]).as_bytes().unwrap().clone();
    let area = at(&inner, &[2]).as_bytes().unwrap().clone();
    let mut nested = recipient.clone().into_array().unwrap();
    nested.push(Value::Array(vec![recipient.clone()]));
    for (what, path, bad) in [
        ("no recipient", &[3][..], Value::Array(Vec::new())),
        ("two recipients", &[3], Value::Array(vec![recipient.clone(), recipient])),
        ("recipient in a recipient", &[3, 0], Value::Array(nested)),
        ("recipient's protected header an empty map", &[3, 0, 0], Value::Bytes(vec![0xa0])),
        ("no wrapped key", &[3, 0, 2], Value::Null),
        ("wrapped key too short", &[3, 0, 2], Value::Bytes(wrapped[..255].to_vec())),
        ("wrapped key too long", &[3, 0, 2], Value::Bytes([&wrapped[..], &[0]].concat())),
        ("no ciphertext", &[2], Value::Null),
        ("area too short", &[2], Value::Bytes(area[..area.len() - 1].to_vec())),
        ("area too long", &[2], Value::Bytes([&area[..], &[0]].concat())),
    ] {
        all.push((what.to_owned(), with(&inner, path, bad)));
    }
    let all = all.into_iter().map(|(what, bad)| (what, bytes(&bad)));
    of_any(good).into_iter().chain(all).collect()
}

/// Wrong forms of the area that an answer is signed in.
pub(crate) fn of_answer_area(good: &[u8]) -> Vec<Variant> {
    let length = u16::from_be_bytes([good[0], good[1]]);
    let end = 2 + usize::from(length);
    let lengths = [0, length - 1, length + 1, 158, 159, u16::MAX];
    let mut all: Vec<_> = lengths
        .map(|wrong| (format!("length {wrong}"), [&wrong.to_be_bytes(), &good[2..]].concat()))
        .into();
    for at in [end, good.len() - 1] {
        let mut dirty = good.to_vec();
        dirty[at] = 1;
        all.push((format!("padding not zero at {at}"), dirty));
    }
    for size in [0, 2, end, good.len() - 1, good.len() + 1] {
        let mut other = good.to_vec();
        other.resize(size, 0);
        all.push((format!("{size} bytes"), other));
    }
    all.push(("the answer without an area".to_owned(), good[2..end].to_vec()));
    let mut little_endian = good.to_vec();
    little_endian[..2].reverse();
    all.push(("length little endian".to_owned(), little_endian));
    all
}

/// Wrong forms of the protected header, which is the first item: {1: algorithm} in a byte string.
pub(crate) fn of_protected(good: &Value) -> Vec<(String, Value)> {
    let protected = at(good, &[0]).as_bytes().unwrap().clone();
    let long_form = [&protected[..1], &[0x18], &protected[1..]].concat();
    let more = [&[0xa2], &protected[1..], &[0x04, 0x41, 0x00]].concat();
    [
        ("protected header in a longer form", Value::Bytes(long_form)),
        ("protected header with a key id", Value::Bytes(more)),
        ("protected header with another algorithm", Value::Bytes(vec![0xa1, 0x01, 0x02])),
        ("protected header empty", Value::Bytes(Vec::new())),
        ("protected header an empty map", Value::Bytes(vec![0xa0])),
        ("protected header not in a byte string", value(&protected)),
    ]
    .map(|(what, bad)| (what.to_owned(), with(good, &[0], bad)))
    .into()
}

/// Wrong forms of the unprotected header at `path`.
fn of_map(good: &Value, path: &[usize]) -> Vec<(String, Value)> {
    let entries = at(good, path).as_map().unwrap().clone();
    let mut all = Vec::new();
    let mut push = |what: String, entries: Vec<(Value, Value)>| {
        all.push((what, with(good, path, Value::Map(entries))));
    };
    push("unprotected header empty".to_owned(), Vec::new());
    if entries.len() > 1 {
        push(
            "unprotected header in another order".to_owned(),
            entries.iter().rev().cloned().collect(),
        );
    }
    for label in [0, 2, 3, 6, 99] {
        let mut more = entries.clone();
        more.push((Value::from(label), Value::Bytes(vec![1])));
        push(format!("unprotected header with label {label}"), more);
    }
    for index in 0..entries.len() {
        let Some(content) = entries[index].1.as_bytes().cloned() else { continue };
        let longer = [&content[..], &[0]].concat();
        for bad in [Vec::new(), content[1..].to_vec(), longer] {
            let what = format!("byte string of {} instead of {}", bad.len(), content.len());
            let mut entries = entries.clone();
            entries[index].1 = Value::Bytes(bad);
            push(what, entries);
        }
    }
    all
}

fn at<'a>(value: &'a Value, path: &[usize]) -> &'a Value {
    path.iter().fold(value, |value, index| &value.as_array().unwrap()[*index])
}

/// The value with what is at `path` replaced.
pub(crate) fn with(value: &Value, path: &[usize], new: Value) -> Value {
    let Some((index, rest)) = path.split_first() else { return new };
    let mut items = value.as_array().unwrap().clone();
    items[*index] = with(&items[*index], rest, new);
    Value::Array(items)
}
