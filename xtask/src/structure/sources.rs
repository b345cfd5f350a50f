//! What must not stand in a source, and how long one may be.

use std::fs;
use std::path::Path;

use crate::fault::Fault;

/// No file is longer.
const LONGEST: usize = 800;
/// Hardly any is longer.
const LONG: usize = 450;

/// A file of Rust.
pub(super) struct Source {
    /// Relative to the checkout.
    path: String,
    text: String,
}

/// Every Rust file of the checkout's crates.
pub(super) fn below(root: &Path) -> Result<Vec<Source>, Fault> {
    let mut sources = Vec::new();
    for directory in ["crates", "xtask"] {
        collect(root, &root.join(directory), &mut sources)
            .map_err(|error| Fault::unavailable(format!("reading {directory}: {error}")))?;
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn collect(root: &Path, directory: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(root, &path, sources)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            sources.push(Source { path: shown, text: fs::read_to_string(&path)? });
        }
    }
    Ok(())
}

/// What stands in them and must not.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for Source { path, text } in sources {
        for (number, line) in text.lines().enumerate() {
            if let Some(reason) = wrong(line) {
                findings.push(format!("{path}:{}: {reason}", number + 1));
            }
        }
    }
    findings
}

/// Files that are too long, and too many that are long.
pub(super) fn lengths(sources: &[Source], most: usize) -> Vec<String> {
    let lines = |source: &Source| source.text.lines().count();
    let too_long = sources.iter().filter(|source| lines(source) > LONGEST);
    let mut findings: Vec<String> = too_long
        .map(|source| {
            let (path, count) = (&source.path, lines(source));
            format!("{path} has {count} lines: more than {LONGEST} is nobody's one subject")
        })
        .collect();
    let long: Vec<&Source> = sources.iter().filter(|source| lines(source) > LONG).collect();
    if long.len() > most {
        let names: Vec<_> = long.iter().map(|source| source.path.as_str()).collect();
        findings.push(format!(
            "more than {LONG} lines are in {} files, and may be in {most}: divide one of {}",
            long.len(),
            names.join(", ")
        ));
    }
    findings
}

// Written in two parts: this file is checked as well.
const IGNORED: &str = concat!("#[", "ignore");
const LATER: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const UNFINISHED: &[&str] = &[concat!("to", "do!"), concat!("unimple", "mented!")];

fn wrong(line: &str) -> Option<&'static str> {
    let word = |name: &&str| {
        line.match_indices(*name).any(|(at, _)| {
            let letter = |one: Option<char>| one.is_some_and(char::is_alphanumeric);
            !letter(line[..at].chars().next_back())
                && !letter(line[at + name.len()..].chars().next())
        })
    };
    if line.contains(IGNORED) {
        Some("an ignored test: repair it or remove it, nothing is skipped silently")
    } else if LATER.iter().any(word) {
        Some("a mark for later: do it now, or open an issue")
    } else if UNFINISHED.iter().any(|name| line.contains(name)) {
        Some("unfinished code")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: String) -> [Source; 1] {
        [Source { path: "a.rs".to_owned(), text }]
    }

    #[test]
    fn marks_for_later_and_ignored_tests_are_found_where_they_stand() {
        for text in LATER.iter().chain(UNFINISHED).chain(&[IGNORED]) {
            let findings = check(&source(format!("fn a() {{}}\n    // {text}: x\n")));
            assert_eq!(findings.len(), 1, "{text}");
            assert!(findings[0].starts_with("a.rs:2: "), "{findings:?}");
        }
    }

    #[test]
    fn words_that_only_contain_a_mark_are_fine() {
        let fine = concat!("let a = \"TO", "DOS MASTO", "DON XX", "XVII\";\n");
        assert_eq!(check(&source(fine.to_owned())), [] as [String; 0]);
    }

    #[test]
    fn length_is_limited_and_long_files_are_counted() {
        let of = |lines: usize| source("x\n".repeat(lines));
        assert_eq!(lengths(&of(LONG), 0), [] as [String; 0]);
        assert_eq!(lengths(&of(LONG + 1), 0).len(), 1);
        assert_eq!(lengths(&of(LONG + 1), 1), [] as [String; 0]);
        assert_eq!(lengths(&of(LONGEST + 1), 1).len(), 1);
    }
}
