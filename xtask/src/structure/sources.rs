//! The files that people write in this checkout, and how long one of Rust may be.

use std::fs;
use std::path::Path;

use super::offence::Offence;
use crate::fault::Fault;

/// No file is longer.
const LONGEST: usize = 800;
/// Hardly any is longer.
const LONG: usize = 450;

/// What programs put here, and people do not write. A directory that a cache lives in says so
/// itself (`CACHEDIR.TAG`), as cargo's does.
const NOT_OURS: &[&str] = &[".git", "node_modules", "Cargo.lock", "package-lock.json"];
/// Where cargo-fuzz puts what it finds, without saying so there.
const FOUND_BY_FUZZING: &[&str] = &["fuzz/artifacts", "fuzz/corpus"];

/// A file of text.
pub(super) struct Source {
    /// Relative to the checkout.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
}

impl Source {
    /// A file of this name with this text.
    pub(super) fn new(path: &str, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), text: text.into() }
    }

    /// Whether it is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.ends_with(&["rs"])
    }

    /// Whether its name ends in one of these.
    pub(super) fn ends_with(&self, ends: &[&str]) -> bool {
        let end = Path::new(&self.path).extension().and_then(|end| end.to_str());
        end.is_some_and(|end| ends.contains(&end))
    }
}

/// Every file of text of the checkout: sources, scripts, style sheets, templates, documents,
/// settings. What is not committed yet is looked at as well.
pub(super) fn below(root: &Path) -> Result<Vec<Source>, Fault> {
    let mut sources = Vec::new();
    collect(root, root, &mut sources)
        .map_err(|error| Fault::unavailable(format!("reading the sources: {error}")))?;
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn collect(root: &Path, directory: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let found = path
            .strip_prefix(root)
            .is_ok_and(|path| FOUND_BY_FUZZING.iter().any(|found| path == Path::new(found)));
        if found || NOT_OURS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() && !path.join("CACHEDIR.TAG").exists() {
            collect(root, &path, sources)?;
        } else if kind.is_file() {
            // What is not UTF-8 is no text, and nobody leaves a mark in it.
            if let Ok(text) = String::from_utf8(fs::read(&path)?) {
                let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                sources.push(Source::new(&shown, text));
            }
        }
    }
    Ok(())
}

/// Files of Rust that are too long, and too many that are long. `most_path` is the file whose last
/// line says how many may be.
pub(super) fn lengths(sources: &[Source], most_path: &str, most_text: &str) -> Vec<Offence> {
    let last = most_text.lines().rfind(|line| !line.starts_with('#')).unwrap_or_default();
    let place = (most_path, most_text.lines().count().max(1));
    let Ok(most) = last.trim().parse() else {
        let what = "the last line is no number";
        return vec![Offence::new(
            place,
            what,
            "long files are counted",
            "write how many there are",
        )];
    };
    let rust = sources.iter().filter(|source| source.is_rust());
    let counted = rust.map(|source| (source.path.as_str(), source.text.lines().count()));
    let long: Vec<_> = counted.filter(|(_, count)| *count > LONG).collect();
    let too_long = long.iter().filter(|(_, count)| *count > LONGEST);
    let mut offences: Vec<Offence> = too_long
        .map(|(path, count)| {
            let what = format!("the file has {count} lines, and none may have more than {LONGEST}");
            Offence::new((path, LONGEST + 1), what, "that is nobody's one subject", "divide it")
        })
        .collect();
    if long.len() > most {
        let one_of = format!("one of {} files that do, and {most} may", long.len());
        offences.extend(long.iter().map(|(path, count)| {
            let what = format!("the file has {count} lines, more than {LONG}, as {one_of}");
            Offence::new((path, LONG + 1), what, "hardly any should", "divide it by its subjects")
        }));
    } else if long.len() < most {
        let what = format!("{most} files may have more than {LONG} lines, and {} do", long.len());
        let remedy = format!("write {} in its place", long.len());
        offences.push(Offence::new(place, what, "the number only becomes smaller", remedy));
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: usize) -> [Source; 1] {
        [Source::new("a.rs", "x\n".repeat(lines))]
    }

    #[test]
    fn length_is_limited_and_long_files_are_counted() {
        assert_eq!(lengths(&of(LONG), "m", "0\n"), []);
        assert_eq!(lengths(&of(LONG + 1), "m", "0\n").len(), 1);
        assert_eq!(lengths(&of(LONG + 1), "m", "# why\n1\n"), []);
        assert_eq!(lengths(&of(LONGEST + 1), "m", "1\n").len(), 1);
        assert_eq!(lengths(&[Source::new("a.md", "x\n".repeat(LONGEST + 1))], "m", "0\n"), []);
    }

    #[test]
    fn the_number_of_long_files_shrinks_with_them() {
        let offences = lengths(&of(LONG), "m", "# why\n1\n");
        assert_eq!(offences.len(), 1);
        assert!(offences[0].to_string().starts_with("m:2: "), "{offences:?}");
        assert_eq!(lengths(&of(LONG), "m", "# none\n").len(), 1, "a number that is not there");
    }

    #[test]
    fn text_is_read_wherever_it_is_and_what_programs_put_there_is_not() {
        let root = std::env::temp_dir().join(format!("passback-sources-{}", std::process::id()));
        for (path, text) in [
            ("A.md", &b"a"[..]),
            (".ci/run", b"b"),
            ("crates/c/d.html", b"c"),
            ("e.bin", b"\xff\xfe"),
            ("Cargo.lock", b"f"),
            ("crates/c/node_modules/g.js", b"g"),
            (".git/config", b"h"),
            ("target/CACHEDIR.TAG", b"i"),
            ("target/j.rs", b"j"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = below(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let read: Vec<_> = read.iter().map(|one| (one.path.as_str(), one.text.as_str())).collect();
        assert_eq!(read, [(".ci/run", "b"), ("A.md", "a"), ("crates/c/d.html", "c")]);
    }
}
