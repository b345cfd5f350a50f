//! What a check found: where, what, why it matters, and what to do about it.

use std::fmt;

/// One line of what `cargo xtask test` says about the structure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offence {
    /// Relative to the checkout.
    path: String,
    /// From 1.
    line: usize,
    what: String,
    why: String,
    remedy: String,
}

impl Offence {
    /// `what` stands at this line of this file, and must not, because of `why`; `remedy` says what
    /// to do.
    pub(super) fn new(
        (path, line): (&str, usize),
        what: impl Into<String>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            why: why.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what, why, remedy } = self;
        write!(formatter, "{path}:{line}: {what}, because {why}: {remedy}")
    }
}

/// The number of the first line that this holds for; 1 if there is none, so that every offence has
/// a place to open.
pub(super) fn line_where(text: &str, is_it: impl Fn(&str) -> bool) -> usize {
    text.lines().position(is_it).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offence_is_one_line_that_an_editor_can_jump_to() {
        let one = Offence::new(("a.rs", 7), "x is long", "nobody reads it", "divide it");
        assert_eq!(one.to_string(), "a.rs:7: x is long, because nobody reads it: divide it");
    }

    #[test]
    fn a_line_that_is_nowhere_is_the_first() {
        assert_eq!(line_where("a\nb\n", |line| line == "b"), 2);
        assert_eq!(line_where("a\nb\n", |line| line == "c"), 1);
    }
}
