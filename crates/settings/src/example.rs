//! The commented example, printed from the table.

use std::fmt::Write as _;

use crate::key::{Default, Key, Kind};

/// The example file of a table: every key with meaning, unit, default and lower bound. Required
/// keys stand there with an example value, all others commented out with their default.
pub fn example(title: &str, keys: &[Key]) -> String {
    let mut text = String::new();
    for line in wrapped(title) {
        let _ = writeln!(text, "# {line}");
    }
    let mut section = None;
    for key in keys {
        if section.replace(key.section) != Some(key.section) {
            let name = key.section_name();
            let _ = match name {
                "" => writeln!(text),
                name if key.is_repeated() => writeln!(text, "\n[[{name}]]"),
                name => writeln!(text, "\n[{name}]"),
            };
        }
        for line in wrapped(key.meaning) {
            let _ = writeln!(text, "# {line}");
        }
        if let Some(bound) = bound(key.kind) {
            let _ = writeln!(text, "# {bound}");
        }
        let name = key.name;
        let _ = match key.default {
            Default::Required(value) => writeln!(text, "# Required.\n{name} = {value}"),
            Default::Optional(value) => {
                writeln!(text, "# Optional, for example:\n#{name} = {value}")
            }
            Default::Value(value) => writeln!(text, "#{name} = {value}"),
        };
    }
    text
}

fn bound(kind: Kind) -> Option<String> {
    match kind {
        Kind::Number(least) => Some(format!("At least {least}.")),
        Kind::Seconds(least) => Some(format!("Seconds, at least {least}.")),
        Kind::Millis(least) => Some(format!("Milliseconds, at least {least}.")),
        Kind::Days(least) => Some(format!("Days, at least {least}.")),
        Kind::Text | Kind::Texts | Kind::Path | Kind::Flag => None,
    }
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].len() + word.len() > 90 {
            lines.push(word.to_owned());
            continue;
        }
        if !lines[last].is_empty() {
            lines[last].push(' ');
        }
        lines[last].push_str(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Settings;

    #[test]
    fn an_example_is_itself_a_configuration() {
        let keys = [
            Key {
                section: "mail",
                name: "from",
                kind: Kind::Text,
                default: Default::Required("\"a@b.test\""),
                meaning: "Who it comes from.",
            },
            Key {
                section: "mail",
                name: "wait_seconds",
                kind: Kind::Seconds(1),
                default: Default::Value("5"),
                meaning: "How long to wait.",
            },
        ];
        let text = example("An example.", &keys);
        assert!(text.contains("# Seconds, at least 1.\n#wait_seconds = 5\n"), "{text}");
        let settings = Settings::parse(Path::new("/a.toml"), &text, &keys).unwrap();
        assert_eq!(settings.section("mail").unwrap().text("from").unwrap(), "a@b.test");
    }
}
