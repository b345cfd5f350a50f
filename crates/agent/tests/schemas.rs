//! What `--json` says is as the schemas of `docs/schemas` say: every snapshot is checked against them, and
//! what is not a snapshot of theirs is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test reports a broken expectation by panicking"
)]

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// What these schemas say of a value, and no word of the language more.
const WORDS: [&str; 12] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "$ref",
    "type",
    "enum",
    "const",
    "anyOf",
    "items",
    "properties",
    "required",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn schema(name: &str) -> Value {
    read(&repository().join("docs/schemas").join(format!("{name}.schema.json")))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("a type called {other}"),
    }
}

/// What is wrong with a value, and where; nothing if it is as the schema says.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    let schema = schema.as_object().unwrap();
    let known = |word: &str| WORDS.contains(&word) || word == "additionalProperties";
    let strange = schema.keys().find(|word| !known(word));
    assert!(strange.is_none(), "{at}: {strange:?} is not looked at here");
    if let Some(name) = schema.get("$ref") {
        let name = name.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
        return wrong(root, &root["$defs"][name], value, at);
    }
    if let Some(any) = schema.get("anyOf") {
        let all: Option<Vec<String>> =
            any.as_array().unwrap().iter().map(|one| wrong(root, one, value, at)).collect();
        return all.map(|all| all.join("; or "));
    }
    if schema.get("const").is_some_and(|expected| expected != value) {
        return Some(format!("{at}: {value}"));
    }
    if let Some(all) = schema.get("enum") {
        return (!all.as_array().unwrap().contains(value)).then(|| format!("{at}: {value}"));
    }
    let types: Vec<&Value> = match schema.get("type") {
        Some(Value::Array(all)) => all.iter().collect(),
        one => one.into_iter().collect(),
    };
    if !types.is_empty() && !types.iter().any(|one| is_of_type(value, one.as_str().unwrap())) {
        return Some(format!("{at}: {value} is not {types:?}"));
    }
    match value {
        Value::Array(all) => {
            let items = schema.get("items")?;
            let mut numbered = all.iter().enumerate();
            numbered.find_map(|(index, one)| wrong(root, items, one, &format!("{at}[{index}]")))
        }
        Value::Object(fields) => wrong_fields(root, schema, fields, at),
        _ => None,
    }
}

fn wrong_fields(
    root: &Value,
    schema: &Map<String, Value>,
    fields: &Map<String, Value>,
    at: &str,
) -> Option<String> {
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(schema["additionalProperties"], json!(false), "{at}");
    let required = schema["required"].as_array().unwrap();
    let missing = required.iter().find(|name| !fields.contains_key(name.as_str().unwrap()));
    if let Some(name) = missing {
        return Some(format!("{at}: no {name}"));
    }
    fields.iter().find_map(|(name, value)| match properties.get(name) {
        Some(schema) => wrong(root, schema, value, &format!("{at}.{name}")),
        None => Some(format!("{at}: {name} is not known")),
    })
}

/// The snapshots of what a command says to programs.
fn snapshots(prefix: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut all: Vec<_> = files.map(|path| (name(&path), path)).collect();
    all.retain(|(name, _)| name.starts_with(prefix) && name.ends_with(".json"));
    all.into_iter().map(|(name, path)| (name, read(&path))).collect()
}

#[test]
fn every_snapshot_is_as_its_schema_says() {
    for (prefix, name, least) in [
        ("check_", "permissions-check", 4),
        ("show", "permissions-show", 1),
        ("preview_", "permissions-change", 3),
        ("explain_", "explain", 13),
    ] {
        let (schema, all) = (schema(name), snapshots(prefix));
        assert!(all.len() >= least, "{name}: {} snapshots", all.len());
        for (file, value) in all {
            assert_eq!(wrong(&schema, &schema, &value, &file), None);
        }
    }
}

/// Puts another value in place of each one of these fields, and takes each away.
fn spoiled(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for name in value.as_object().unwrap().keys() {
        for with in [None, Some(json!({ "strange": 1 }))] {
            let mut other = value.clone();
            let fields = other.as_object_mut().unwrap();
            match with {
                Some(with) => fields.insert(name.clone(), with),
                None => fields.remove(name),
            };
            all.push(other);
        }
    }
    let mut more = value.clone();
    more.as_object_mut().unwrap().insert("more".to_owned(), Value::Null);
    all.push(more);
    all
}

#[test]
fn what_is_not_as_a_schema_says_is_refused() {
    let check = schema("permissions-check");
    let (_, lacking) = snapshots("check_nothing").remove(0);
    for other in spoiled(&lacking) {
        assert!(wrong(&check, &check, &other, "check").is_some(), "{other}");
    }
    for other in spoiled(&lacking["directories"][0]["findings"][0]) {
        let mut value = lacking.clone();
        value["directories"][0]["findings"][0] = other;
        assert!(wrong(&check, &check, &value, "check").is_some(), "{value}");
    }
    let change = schema("permissions-change");
    let (_, revoke) = snapshots("preview_revoke_one").remove(0);
    for other in spoiled(&revoke) {
        assert!(wrong(&change, &change, &other, "change").is_some(), "{other}");
    }
    for (field, entries) in [("changes", "remove"), ("stays", "")] {
        for other in spoiled(&revoke[field][0]) {
            let mut value = revoke.clone();
            value[field][0] = other;
            assert!(wrong(&change, &change, &value, "change").is_some(), "{value}");
        }
        for other in revoke[field][0].get(entries).map(|all| spoiled(&all[0])).unwrap_or_default() {
            let mut value = revoke.clone();
            value[field][0][entries][0] = other;
            assert!(wrong(&change, &change, &value, "change").is_some(), "{value}");
        }
    }
    let explain = schema("explain");
    let (_, orphan) = snapshots("explain_admincount_orphan").remove(0);
    for other in spoiled(&orphan) {
        assert!(wrong(&explain, &explain, &other, "explain").is_some(), "{other}");
    }
}
