//! One key of a configuration file.

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Several texts.
    Texts,
    /// A file or directory, relative to the configuration file.
    Path,
    /// true or false.
    Flag,
    /// A whole number, at least this.
    Number(u64),
    /// Seconds, at least this many.
    Seconds(u64),
    /// Milliseconds, at least this many.
    Millis(u64),
    /// Days of 24 hours, at least this many.
    Days(u64),
}

/// What holds when the file does not have the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// There is none: the file must have it. The text is an example, in TOML.
    Required(&'static str),
    /// The key may be left out, and then the feature is off. The text is an example, in TOML.
    Optional(&'static str),
    /// This value, in TOML.
    Value(&'static str),
}

/// A key: where it stands, what it takes, what it means.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The section, for example `mail`. A section whose name ends in `[]` may be repeated, for
    /// example `directory[]` for `[[directory]]`. An empty one is for keys above all sections.
    pub section: &'static str,
    /// The name in the section.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds without it.
    pub default: Default,
    /// What it means, for the example; with the source of a limit.
    pub meaning: &'static str,
}

impl Key {
    /// A key of a table.
    pub const fn new(
        section: &'static str,
        name: &'static str,
        kind: Kind,
        default: Default,
        meaning: &'static str,
    ) -> Self {
        Self { section, name, kind, default, meaning }
    }

    /// The section's name in the file.
    pub(crate) fn section_name(&self) -> &'static str {
        self.section.strip_suffix("[]").unwrap_or(self.section)
    }

    /// Whether its section may stand in the file several times, as `[[section]]`: one table for
    /// each directory, for example.
    pub(crate) fn is_repeated(&self) -> bool {
        self.section.ends_with("[]")
    }
}
