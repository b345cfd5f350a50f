//! What the documents point to is there: files, and the functions and types that they name.

use std::fs;
use std::path::{Path, PathBuf};

use super::offence::Offence;
use crate::fault::Fault;

/// Every document of the checkout, relative to it.
pub(super) fn documents(root: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    for directory in ["", "docs", "docs/decisions"] {
        let entries = fs::read_dir(root.join(directory))
            .map_err(|error| Fault::unavailable(format!("reading {directory}: {error}")))?;
        let files = entries.flatten().map(|entry| Path::new(directory).join(entry.file_name()));
        found.extend(files.filter(|file| file.extension().is_some_and(|end| end == "md")));
    }
    found.sort();
    Ok(found)
}

/// What those documents point to and is not there.
pub(super) fn check(root: &Path, documents: &[PathBuf]) -> Vec<Offence> {
    let mut offences = Vec::new();
    for document in documents {
        let text = fs::read_to_string(root.join(document)).unwrap_or_default();
        let folder = document.parent().unwrap_or(Path::new(""));
        for (line, name, target) in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let path = root.join(folder).join(file);
            let shown = document.to_string_lossy();
            let offence = |what| {
                let why = "a document that points to nothing is not believed";
                Offence::new((&shown, line), what, why, "correct the link")
            };
            if !path.exists() {
                offences.push(offence(format!("this points to {file}, which is not there")));
            } else if let Some(name) = code(name)
                && is_code(&path)
                && !defines(&fs::read_to_string(&path).unwrap_or_default(), name)
            {
                offences
                    .push(offence(format!("this says that {name} is in {file}, and it is not")));
            }
        }
    }
    offences
}

/// The line, the text and the target of every link in one piece: `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    text.match_indices("](").filter_map(|(at, _)| {
        let (_, name) = text[..at].rsplit_once('[')?;
        let (target, _) = text[at + 2..].split_once(')')?;
        let line = text[..at - name.len()].matches('\n').count() + 1;
        Some((line, name, target))
    })
}

/// The name in `` [`name`] ``, or in a path that ends with it.
fn code(name: &str) -> Option<&str> {
    let name = name.strip_prefix('`')?.strip_suffix('`')?;
    let last = name.rsplit("::").next()?;
    let is_name = |text: &str| text.chars().all(|one| one.is_alphanumeric() || one == '_');
    is_name(last).then_some(last)
}

fn is_code(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rs" || end == "js" || end == "mjs")
}

fn defines(source: &str, name: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "trait", "const", "type", "mod", "function"];
    keywords.iter().any(|keyword| {
        let words = format!("{keyword} {name}");
        source.match_indices(&words).any(|(at, _)| {
            let next = source[at + words.len()..].chars().next();
            !next.is_some_and(|one| one.is_alphanumeric() || one == '_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_also_where_their_text_has_brackets_or_line_breaks() {
        let text = "[a](b.md) [`x::y`](src/z.rs#l)\n[two\nwords](c) [not a link]";
        let found: Vec<_> = links(text).collect();
        assert_eq!(found, [(1, "a", "b.md"), (1, "`x::y`", "src/z.rs#l"), (2, "two\nwords", "c")]);
        assert_eq!(code("`x::y`"), Some("y"));
        assert_eq!(code("words"), None);
    }

    #[test]
    fn what_is_not_there_or_not_in_the_file_is_an_offence() {
        let root = std::env::temp_dir().join(format!("passback-links-{}", std::process::id()));
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("src/a.rs"), "fn begin() {}\nstruct Beginning;\n").unwrap();
        let text = "[`begin`](src/a.rs) [`Begin`](src/a.rs) [x](src/b.rs) [y](https://x.test/)";
        fs::write(root.join("A.md"), text).unwrap();
        let offences = check(&root, &["A.md".into()]);
        fs::remove_dir_all(&root).unwrap();
        let shown: Vec<_> = offences.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].contains("Begin") && shown[1].contains("src/b.rs"), "{shown:?}");
        assert!(shown.iter().all(|one| one.starts_with("A.md:1: ")), "{shown:?}");
    }
}
