//! Reading and checking a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use crate::key::{Default, Key, Kind};

/// What is wrong with a configuration file. Each message names the file and the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is not TOML, or a key is wrong.
    #[error("{path}: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is expected.
        problem: String,
    },
}

/// A checked configuration.
#[derive(Debug)]
pub struct Settings {
    path: PathBuf,
    sections: BTreeMap<&'static str, Vec<Section>>,
}

/// A section of a checked configuration. Asking for a key that the table does not have is an
/// error in the program and is answered as one.
#[derive(Debug, Clone)]
pub struct Section {
    path: PathBuf,
    name: &'static str,
    values: BTreeMap<&'static str, Value>,
}

impl Settings {
    /// Reads the file at `path` by the table `keys`.
    ///
    /// # Errors
    /// [`SettingsError`], the first problem found.
    pub fn load(path: &Path, keys: &[Key]) -> Result<Self, SettingsError> {
        let file = |cause| SettingsError::File { path: path.to_owned(), cause };
        let text = std::fs::read_to_string(path).map_err(file)?;
        let path = std::path::absolute(path).map_err(file)?;
        Self::parse(&path, &text, keys)
    }

    /// Reads `text` as if it stood in the file at `path`, which must be absolute.
    ///
    /// # Errors
    /// [`SettingsError::Content`], the first problem found.
    pub fn parse(path: &Path, text: &str, keys: &[Key]) -> Result<Self, SettingsError> {
        let wrong = |problem: String| SettingsError::Content { path: path.to_owned(), problem };
        let mut file: Table = text
            .parse()
            .map_err(|error: toml::de::Error| wrong(format!("not TOML: {}", error.message())))?;
        let mut sections = BTreeMap::new();
        for name in section_names(keys) {
            let of_section: Vec<&Key> =
                keys.iter().filter(|key| key.section_name() == name).collect();
            let value = match name {
                "" => Some(Value::Table(above_sections(&mut file, keys))),
                name => file.remove(name),
            };
            let found = tables(name, &of_section, value).map_err(wrong)?;
            let read = found
                .into_iter()
                .map(|table| section(path, name, &of_section, table))
                .collect::<Result<Vec<_>, String>>()
                .map_err(wrong)?;
            sections.insert(name, read);
        }
        if let Some(unknown) = file.keys().next() {
            return Err(wrong(format!("there is no section or key `{unknown}`")));
        }
        Ok(Self { path: path.to_owned(), sections })
    }

    /// The section with this name.
    ///
    /// # Errors
    /// If the table has none.
    pub fn section(&self, name: &str) -> Result<&Section, SettingsError> {
        self.all(name)?.first().ok_or_else(|| self.content(format!("no section `{name}`")))
    }

    /// All sections of a repeated name, at least one.
    ///
    /// # Errors
    /// If the table has none.
    pub fn all(&self, name: &str) -> Result<&[Section], SettingsError> {
        let found = self.sections.get(name).map(Vec::as_slice);
        found.ok_or_else(|| self.content(format!("no section `{name}`")))
    }

    /// An error about this file that the caller found.
    pub fn content(&self, problem: String) -> SettingsError {
        SettingsError::Content { path: self.path.clone(), problem }
    }
}

impl Section {
    /// A text.
    ///
    /// # Errors
    /// If the key was left out and has no default.
    pub fn text(&self, name: &str) -> Result<String, SettingsError> {
        self.required(name, self.optional_text(name))
    }

    /// A text that may be left out.
    pub fn optional_text(&self, name: &str) -> Option<String> {
        self.values.get(name)?.as_str().map(str::to_owned)
    }

    /// A text that some type reads; `expected` says what it must be.
    ///
    /// # Errors
    /// If the key was left out and has no default, or the type does not read it.
    pub fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<T, SettingsError> {
        let wrong = |_| self.wrong(name, &format!("must be {expected}"));
        self.text(name)?.parse().map_err(wrong)
    }

    /// A number that some smaller type holds, such as a port.
    ///
    /// # Errors
    /// If the key was left out and has no default, or the number is too large.
    pub fn small<T: TryFrom<u64>>(&self, name: &str) -> Result<T, SettingsError> {
        T::try_from(self.number(name)?).map_err(|_| self.wrong(name, "is too large"))
    }

    /// Several texts.
    ///
    /// # Errors
    /// If the key was left out and has no default.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, SettingsError> {
        let array = self.values.get(name).and_then(Value::as_array);
        let texts = array.map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned));
        self.required(name, texts.map(Iterator::collect))
    }

    /// A path; a relative one is relative to the configuration file.
    ///
    /// # Errors
    /// If the key was left out and has no default.
    pub fn path(&self, name: &str) -> Result<PathBuf, SettingsError> {
        self.required(name, self.optional_path(name))
    }

    /// A path that may be left out.
    pub fn optional_path(&self, name: &str) -> Option<PathBuf> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        Some(folder.join(self.values.get(name)?.as_str()?))
    }

    /// True or false.
    ///
    /// # Errors
    /// If the key was left out and has no default.
    pub fn flag(&self, name: &str) -> Result<bool, SettingsError> {
        self.required(name, self.values.get(name).and_then(Value::as_bool))
    }

    /// A whole number.
    ///
    /// # Errors
    /// If the key was left out and has no default.
    pub fn number(&self, name: &str) -> Result<u64, SettingsError> {
        let value = self.values.get(name).and_then(Value::as_integer);
        self.required(name, value.and_then(|number| u64::try_from(number).ok()))
    }

    /// A duration, from a key in seconds, milliseconds or days as its name says.
    ///
    /// # Errors
    /// If the key was left out and has no default.
    pub fn duration(&self, name: &str) -> Result<Duration, SettingsError> {
        let number = self.number(name)?;
        let days = number.saturating_mul(24 * 60 * 60);
        Ok(match name.rsplit('_').next() {
            Some("millis") => Duration::from_millis(number),
            Some("days") => Duration::from_secs(days),
            _ => Duration::from_secs(number),
        })
    }

    /// An error about a key of this section that the caller found.
    pub fn wrong(&self, name: &str, problem: &str) -> SettingsError {
        let problem = format!("`{}` {problem}", full_name(self.name, name));
        SettingsError::Content { path: self.path.clone(), problem }
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, SettingsError> {
        value.ok_or_else(|| self.wrong(name, "is not set"))
    }
}

fn section_names(keys: &[Key]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for key in keys {
        if !names.contains(&key.section_name()) {
            names.push(key.section_name());
        }
    }
    names
}

/// Takes the keys out of `file` that stand above all sections.
fn above_sections(file: &mut Table, keys: &[Key]) -> Table {
    let is_section = |name: &str| keys.iter().any(|key| key.section_name() == name);
    let all = std::mem::take(file).into_iter();
    let (sections, above) = all.partition(|(name, _)| is_section(name));
    *file = sections;
    above
}

/// The name of a key for people.
fn full_name(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

fn tables(name: &str, keys: &[&Key], value: Option<Value>) -> Result<Vec<Table>, String> {
    let repeated = keys.iter().any(|key| key.is_repeated());
    match value {
        None => Ok(vec![Table::new()]),
        Some(Value::Table(table)) if !repeated => Ok(vec![table]),
        Some(Value::Array(array)) if repeated && !array.is_empty() => array
            .into_iter()
            .map(|one| match one {
                Value::Table(table) => Ok(table),
                _ => Err(format!("`{name}` must be written as [[{name}]]")),
            })
            .collect(),
        Some(_) if repeated => Err(format!("`{name}` must be written as [[{name}]]")),
        Some(_) => Err(format!("`{name}` must be written as [{name}]")),
    }
}

fn section(
    path: &Path,
    name: &'static str,
    keys: &[&Key],
    mut table: Table,
) -> Result<Section, String> {
    let mut values = BTreeMap::new();
    for key in keys {
        let value = match (table.remove(key.name), key.default) {
            (Some(value), _) => value,
            (None, Default::Optional(_)) => continue,
            (None, Default::Value(text)) => value_of(text)?,
            (None, Default::Required(example)) => {
                let full = full_name(name, key.name);
                return Err(format!("`{full}` is missing, for example {example}"));
            }
        };
        check(key, &value)?;
        values.insert(key.name, value);
    }
    if let Some(unknown) = table.keys().next() {
        let kind = if name.is_empty() { "section or key" } else { "key" };
        return Err(format!("there is no {kind} `{}`", full_name(name, unknown)));
    }
    Ok(Section { path: path.to_owned(), name, values })
}

fn value_of(text: &str) -> Result<Value, String> {
    let table: Table =
        format!("value = {text}").parse().map_err(|_| format!("a default is not TOML: {text}"))?;
    table.get("value").cloned().ok_or_else(|| format!("a default is not TOML: {text}"))
}

fn check(key: &Key, value: &Value) -> Result<(), String> {
    let name = format!("`{}`", full_name(key.section_name(), key.name));
    let (expected, least) = match key.kind {
        Kind::Text | Kind::Path => ("a text in quotes", None),
        Kind::Texts => ("a list of texts", None),
        Kind::Flag => ("true or false", None),
        Kind::Number(least) => ("a whole number", Some(least)),
        Kind::Seconds(least) => ("a whole number of seconds", Some(least)),
        Kind::Millis(least) => ("a whole number of milliseconds", Some(least)),
        Kind::Days(least) => ("a whole number of days", Some(least)),
    };
    let fits = match key.kind {
        Kind::Text | Kind::Path => value.is_str(),
        Kind::Texts => value.as_array().is_some_and(|all| all.iter().all(Value::is_str)),
        Kind::Flag => value.is_bool(),
        Kind::Number(_) | Kind::Seconds(_) | Kind::Millis(_) | Kind::Days(_) => value.is_integer(),
    };
    if !fits {
        return Err(format!("{name} must be {expected}"));
    }
    let number = value.as_integer().map(|number| u64::try_from(number).unwrap_or(0));
    match (number, least) {
        (Some(number), Some(least)) if number < least => {
            Err(format!("{name} must be at least {least}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[Key] = &[
        Key {
            section: "server",
            name: "name",
            kind: Kind::Text,
            default: Default::Required("\"x\""),
            meaning: "A name.",
        },
        Key {
            section: "server",
            name: "idle_seconds",
            kind: Kind::Seconds(5),
            default: Default::Value("30"),
            meaning: "How long.",
        },
        Key {
            section: "server",
            name: "kept_days",
            kind: Kind::Days(2),
            default: Default::Value("3"),
            meaning: "How long.",
        },
        Key {
            section: "place[]",
            name: "file",
            kind: Kind::Path,
            default: Default::Optional("\"a\""),
            meaning: "Where.",
        },
    ];

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(Path::new("/etc/x/a.toml"), text, KEYS).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_and_paths_are_relative_to_the_file() {
        let settings = parse("[server]\nname = \"n\"\n[[place]]\nfile = \"b/c\"").unwrap();
        let server = settings.section("server").unwrap();
        assert_eq!(server.text("name").unwrap(), "n");
        assert_eq!(server.duration("idle_seconds").unwrap(), Duration::from_secs(30));
        assert_eq!(server.duration("kept_days").unwrap(), Duration::from_secs(3 * 86_400));
        let place = settings.section("place").unwrap();
        assert_eq!(place.path("file").unwrap(), Path::new("/etc/x/b/c"));
    }

    #[test]
    fn each_mistake_names_the_key_and_what_is_expected() {
        for (text, problem) in [
            ("", "`server.name` is missing, for example \"x\""),
            ("[server]\nname = 3", "`server.name` must be a text in quotes"),
            (
                "[server]\nname = \"n\"\nidle_seconds = 4",
                "`server.idle_seconds` must be at least 5",
            ),
            ("[server]\nname = \"n\"\nidle_seconds = -4", "must be at least 5"),
            ("[server]\nname = \"n\"\nkept_days = 1", "`server.kept_days` must be at least 2"),
            ("[server]\nname = \"n\"\nnmae = 1", "there is no key `server.nmae`"),
            ("[srever]\nname = \"n\"", "`server.name` is missing"),
            ("[server]\nname = \"n\"\n[other]\na = 1", "there is no section or key `other`"),
            ("[server]\nname = \"n\"\n[place]", "`place` must be written as [[place]]"),
            ("[server", "not TOML"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("/etc/x/a.toml: "), "{error}");
            assert!(error.contains(problem), "{error} does not contain {problem}");
        }
    }

    #[test]
    fn keys_may_stand_above_all_sections() {
        let keys = [
            Key::new("", "name", Kind::Text, Default::Required("\"x\""), "A name."),
            Key::new("more", "count", Kind::Number(1), Default::Value("3"), "A number."),
        ];
        let parse = |text: &str| {
            let settings = Settings::parse(Path::new("/a.toml"), text, &keys);
            settings.map_err(|error| error.to_string())
        };
        let read = parse("name = \"y\"\n[more]\ncount = 2").unwrap();
        assert_eq!(read.section("").unwrap().text("name").unwrap(), "y");
        assert_eq!(read.section("more").unwrap().number("count").unwrap(), 2);
        for (text, problem) in [
            ("[more]\ncount = 2", "`name` is missing"),
            ("name = 1", "`name` must be a text"),
            ("name = \"y\"\nother = 1", "there is no section or key `other`"),
            ("name = \"y\"\n[name]", "not TOML"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        let example = crate::example("A title.", &keys);
        assert!(example.starts_with("# A title.\n\n# A name.\n"), "{example}");
        parse(&example).unwrap();
    }
}
