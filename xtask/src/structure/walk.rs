//! The walk of ARCHITECTURE.md, and every link of the other pages: the file is there, and what the
//! link names stands in it. Pages that name code which no longer exists are worse than none.

use std::path::Path;

/// Checks every relative link of one page. `read` gives the text of a file below the repository's
/// root, or nothing.
pub(super) fn check(page: &str, text: &str, read: impl Fn(&Path) -> Option<String>) -> Vec<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (label, target) in links(text) {
        let file = target.split('#').next().unwrap_or_default();
        if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let path = normal(&folder.join(file));
        match (read(Path::new(&path)), name(label)) {
            (None, _) => findings.push(format!("{page}: there is no {path}")),
            (Some(code), Some(name)) if is_code(&path) && !defines(&code, name) => {
                findings.push(format!("{page}: {path} has no `{name}` any more"));
            }
            _ => {}
        }
    }
    findings
}

/// `[label](target)`, in order.
fn links(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (middle, _) in text.match_indices("](") {
        let label = text[..middle].rfind('[').map(|start| &text[start + 1..middle]);
        let target = text[middle + 2..].split(')').next();
        if let (Some(label), Some(target)) = (label, target) {
            found.push((label, target));
        }
    }
    found
}

/// The name in a label that is nothing but one: `` `submit` ``.
fn name(label: &str) -> Option<&str> {
    label.strip_prefix('`')?.strip_suffix('`').filter(|name| !name.contains('/'))
}

fn is_code(path: &str) -> bool {
    path.ends_with(".rs") || path.ends_with(".js")
}

/// Whether the file defines something of that name.
fn defines(code: &str, name: &str) -> bool {
    ["fn", "function", "struct", "enum", "trait", "const"].iter().any(|word| {
        let definition = format!("{word} {name}");
        code.match_indices(&definition).any(|(at, _)| {
            let next = code[at + definition.len()..].chars().next();
            !next.is_some_and(|next| next.is_alphanumeric() || next == '_')
        })
    }) || code.contains("outcomes! {") && name == "Outcome"
}

/// The path without `.` and `..`; a folder stays one.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(text: &str) -> Vec<String> {
        check("docs/a.md", text, |path| match path.to_str() {
            Some("crates/x/src/y.rs") => Some("pub fn submit(\n".to_owned()),
            Some("README.md") => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn a_link_to_what_is_there_is_good() {
        let text =
            "[`submit`](../crates/x/src/y.rs), [start](../README.md#top), [x](https://x.test)";
        assert_eq!(check_page(text), [""; 0]);
    }

    #[test]
    fn a_file_or_a_name_that_has_moved_is_named() {
        let text = "[`sub`](../crates/x/src/y.rs) and [gone](gone.md)";
        let expected = [
            "docs/a.md: crates/x/src/y.rs has no `sub` any more",
            "docs/a.md: there is no docs/gone.md",
        ];
        assert_eq!(check_page(text), expected);
    }
}
