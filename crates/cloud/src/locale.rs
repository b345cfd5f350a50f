//! Languages (SPEC L-8): everything a person reads stands in `locales/<language>/*.ftl`. A new
//! language is a new folder with a copy of one of the files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader as _, static_loader};

static_loader! {
    static LOCALES = {
        locales: "./locales",
        fallback_language: "en",
        // Isolation marks would stand in mails and attributes as stray characters.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// A language that everything is there in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Locale(LanguageIdentifier);

/// What a message needs filled in.
pub(crate) type Arguments = HashMap<Cow<'static, str>, FluentValue<'static>>;

impl Locale {
    /// Every language, in alphabetical order of its tag.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<_> = LOCALES.locales().cloned().map(Self).collect();
        all.sort_by_key(Self::tag);
        all
    }

    /// The language with this tag (BCP 47), if it is there.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        let asked: LanguageIdentifier = tag.parse().ok()?;
        Self::all().into_iter().find(|one| one.0.language == asked.language)
    }

    /// The language that a browser asks for first among those that are there (RFC 9110, 12.5.4);
    /// English if none is.
    pub(crate) fn from_accept_language(header: &str) -> Self {
        let mut asked: Vec<(f32, &str)> = header
            .split(',')
            .filter_map(|one| {
                let (tag, quality) = one.split_once(';').unwrap_or((one, "q=1"));
                let quality = quality.trim().strip_prefix("q=")?.parse().ok()?;
                Some((quality, tag.trim()))
            })
            .collect();
        asked.sort_by(|one, other| other.0.total_cmp(&one.0));
        asked.iter().find_map(|(_, tag)| Self::from_tag(tag)).unwrap_or_default()
    }

    /// The tag of the language.
    pub(crate) fn tag(&self) -> String {
        self.0.to_string()
    }

    /// The message with this key.
    pub(crate) fn text(&self, key: &str) -> String {
        LOCALES.try_lookup(&self.0, key).unwrap_or_else(|| key.to_owned())
    }

    /// The message with this key, filled in.
    pub(crate) fn text_with(&self, key: &str, arguments: &Arguments) -> String {
        LOCALES.try_lookup_with_args(&self.0, key, arguments).unwrap_or_else(|| key.to_owned())
    }

    /// Whether there is a message with this key in the language itself.
    #[cfg(test)]
    fn has(&self, key: &str) -> bool {
        let names = [
            "dated", "history", "inferred", "left", "minimum", "minutes", "tenant", "title", "when",
        ];
        let filled = names.map(|name| (name, FluentValue::from(7)));
        LOCALES.lookup_no_default_fallback(&self.0, key, Some(&HashMap::from(filled))).is_some()
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self(LOCALES.fallback().clone())
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
