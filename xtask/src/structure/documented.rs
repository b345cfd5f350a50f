//! Everything that can be seen from outside its module says what it is.
//!
//! The compiler's `missing_docs` looks only at what can be reached from outside the crate. This
//! looks at `pub` and `pub(crate)` wherever they stand, and sees to it that no crate switches the
//! compiler's lint off. `pub(super)` is left to whoever writes the module, and so are tests.

use std::collections::BTreeMap;
use std::ops::Range;

use super::offence::{Offence, line_where};
use super::sources::Source;
use super::tokens::{self, Kind, Token};

/// Keywords of what must be documented. Fields and variants are left to the compiler.
const ITEMS: &[&str] =
    &["fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod", "macro"];

const LINT: &str = "missing_docs";

const WHY: &str = "who uses it should not have to read its body";
const REMEDY: &str = "say what it takes and gives, units, errors and its source";

/// What stands in these sources undocumented. `most_text` is the text of the file `most_path`:
/// lines of `CRATE NUMBER`, how many items for the crate alone may be undocumented in it.
pub(super) fn check(sources: &[Source], most_path: &str, most_text: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut inside: BTreeMap<String, Vec<Offence>> = BTreeMap::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let tokens = tokens::of(&source.text);
        let path = source.path.as_str();
        let opens = tokens.first().is_some_and(|token| token.kind == Kind::InnerDoc);
        if !opens && !is_tests_of_a_module(path) {
            let why = "who opens it should not have to guess what it is for";
            let what = "this file does not open with `//!`";
            offences.push(Offence::new((path, 1), what, why, "say it in a line"));
        }
        if is_program_of_tests(path) {
            continue;
        }
        offences.extend(switched_off(&tokens).map(|line| {
            let what = format!("the lint {LINT} is weakened here");
            let why = "what is exempt from it is not documented";
            Offence::new((path, line), what, why, "document, or `expect` it for one item")
        }));
        for Undocumented { line, visibility, keyword, name } in undocumented(&tokens) {
            let what = format!("`{visibility} {keyword} {name}` is not documented");
            let offence = Offence::new((path, line), what, WHY, REMEDY);
            if visibility == "pub" {
                offences.push(offence);
            } else if !is_tests_of_a_module(path) {
                inside.entry(crate_of(path).to_owned()).or_default().push(offence);
            }
        }
    }
    offences.extend(too_many(inside, most_path, most_text));
    offences
}

/// What is in a crate and for it alone is counted; the numbers only become smaller.
fn too_many(mut inside: BTreeMap<String, Vec<Offence>>, path: &str, text: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (at, written) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let (name, most) = written.split_once(' ').unwrap_or_default();
        let found = inside.remove(name).unwrap_or_default();
        let count = found.len();
        let most = most.parse().ok().filter(|most: &usize| *most > 0);
        if most == Some(count) {
            continue;
        }
        let is_over = most.is_some_and(|most| count > most);
        let remedy = match count {
            0 => "remove the line",
            _ if is_over => "document what came with your change: all of them are listed",
            _ => "write that number",
        };
        offences.push(Offence::new(
            (path, at + 1),
            format!("`{written}` is not how many are undocumented: {count} are"),
            "these numbers only become smaller",
            remedy,
        ));
        offences.extend(found.into_iter().filter(|_| is_over));
    }
    offences.extend(inside.into_values().flatten());
    offences
}

/// `NAME` in `crates/NAME/…`, and `xtask`.
fn crate_of(path: &str) -> &str {
    let path = path.strip_prefix("crates/").unwrap_or(path);
    path.split('/').next().unwrap_or_default()
}

/// The root's `Cargo.toml` must deny the lint; that every crate takes the root's lints is looked at
/// with the manifests.
pub(super) fn lint(manifest: &str) -> Vec<Offence> {
    let denied = [format!("{LINT} = \"deny\""), format!("{LINT} = \"forbid\"")];
    if manifest.lines().any(|line| denied.iter().any(|denied| line == denied)) {
        return Vec::new();
    }
    let line = line_where(manifest, |line| line.starts_with("[workspace.lints.rust]"));
    vec![Offence::new(
        ("Cargo.toml", line),
        format!("the lint {LINT} is not denied"),
        "it sees fields and variants, and what macros make, which this check does not",
        format!("write `{LINT} = \"deny\"` below [workspace.lints.rust]"),
    )]
}

/// Unit tests in a file of their own open with what they use: the module that they stand beside
/// says what it is for.
fn is_tests_of_a_module(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// A program of tests (`crates/NAME/tests/…`) or an example is a crate of its own that nobody uses.
fn is_program_of_tests(path: &str) -> bool {
    matches!(path.split('/').nth(2), Some("tests" | "examples" | "benches"))
}

/// An item that can be seen from outside its module and does not say what it is.
struct Undocumented<'a> {
    line: usize,
    visibility: String,
    keyword: &'a str,
    name: &'a str,
}

fn undocumented<'a>(tokens: &[Token<'a>]) -> Vec<Undocumented<'a>> {
    let exempt = exempt(tokens);
    let items = (0..tokens.len()).filter(|at| tokens[*at].is_word("pub"));
    let items = items.filter(|at| !exempt.iter().any(|range| range.contains(at)));
    let found = items.filter_map(|at| {
        let mut next = at + 1;
        if tokens.get(next)?.is_mark("(") {
            next = tokens::closing(tokens, next) + 1;
        }
        let visibility: String = tokens.get(at..next)?.iter().map(|token| token.text).collect();
        let keyword = next + keyword(tokens.get(next..)?)?;
        let is_module = tokens[keyword].is_word("mod");
        let documented = documented_before(tokens, at);
        if documented || is_module && documented_inside(tokens, keyword) {
            return None;
        }
        let name = tokens[keyword + 1..].iter().find(|token| token.kind == Kind::Word)?.text;
        let (line, keyword) = (tokens[at].line, tokens[keyword].text);
        let counts = visibility == "pub" || visibility == "pub(crate)";
        counts.then_some(Undocumented { line, visibility, keyword, name })
    });
    found.collect()
}

/// Where items stand that are for tests, or of which somebody has said why they are not
/// documented: `#[cfg(test)]`, and `#[expect(missing_docs, …)]` on anything but a module.
fn exempt(tokens: &[Token<'_>]) -> Vec<Range<usize>> {
    let attributes = (0..tokens.len()).filter(|at| tokens[*at].is_mark("#"));
    let exempt = attributes.filter_map(|at| {
        let end = tokens::closing(tokens, at + 1);
        let attribute = tokens.get(at + 1..end)?;
        let words: Vec<&str> = attribute.iter().map(|token| token.text).collect();
        let of_test = words == ["[", "cfg", "(", "test", ")"];
        let expected = attribute.get(1)?.is_word("expect") && words.contains(&LINT);
        let item = item(tokens, end + 1);
        (of_test || expected && !is_module(&tokens[item.clone()])).then_some(item)
    });
    exempt.collect()
}

/// The item that begins here, its other attributes included.
fn item(tokens: &[Token<'_>], start: usize) -> Range<usize> {
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => break,
            "{" => return start..tokens::closing(tokens, at),
            "(" | "[" => at = tokens::closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    start..at.min(tokens.len())
}

fn is_module(item: &[Token<'_>]) -> bool {
    let head = item.iter().take_while(|token| !token.is_mark("{"));
    head.into_iter().any(|token| token.is_word("mod"))
}

/// Where the keyword of an item stands behind `unsafe`, `async` and the like; none for a field or
/// `pub use`.
fn keyword(tokens: &[Token<'_>]) -> Option<usize> {
    let mut at = 0;
    loop {
        let token = tokens.get(at)?;
        let next = tokens.get(at + 1)?;
        let qualifies = match token.text {
            "const" => ["fn", "unsafe", "async", "extern"].iter().any(|word| next.is_word(word)),
            "unsafe" | "async" | "extern" => !next.is_word("crate"),
            // The name of what `extern` calls by.
            _ => token.kind == Kind::Literal,
        };
        if !qualifies {
            let is_item = token.kind == Kind::Word && ITEMS.contains(&token.text);
            // Behind the keyword of an item stands its name; `fn(u8)` is a type.
            let is_named = next.kind == Kind::Word || next.is_mark("$");
            return (is_item && is_named).then_some(at);
        }
        at += 1;
    }
}

/// Whether documentation stands before the item, attributes skipped.
fn documented_before(tokens: &[Token<'_>], item: usize) -> bool {
    let mut end = item;
    while let Some(before) = end.checked_sub(1) {
        if tokens[before].kind == Kind::OuterDoc {
            return true;
        }
        // `$(#[$meta])* pub …` in a macro: who calls it documents, and the compiler looks at that.
        if tokens[before].is_mark("*") && before > 0 && tokens[before - 1].is_mark(")") {
            return true;
        }
        if !tokens[before].is_mark("]") {
            return false;
        }
        let opens = |at: &usize| tokens[*at].is_mark("[") && tokens::closing(tokens, *at) == before;
        let open = (1..before).rev().find(opens);
        let Some(open) = open.filter(|open| tokens[open - 1].is_mark("#")) else { return false };
        if tokens[open + 1].is_word("doc") && tokens[open + 2].is_mark("=") {
            return true;
        }
        end = open - 1;
    }
    false
}

/// A module in a file is looked at where its file begins; one in braces can document itself.
fn documented_inside(tokens: &[Token<'_>], keyword: usize) -> bool {
    let Some([after, inside]) = tokens.get(keyword + 2..keyword + 4) else { return true };
    after.is_mark(";") || inside.kind == Kind::InnerDoc
}

/// The lines at which the compiler's lint is weakened, except for one item with the reason.
fn switched_off(tokens: &[Token<'_>]) -> impl Iterator<Item = usize> {
    let exempt = exempt(tokens);
    (0..tokens.len()).filter_map(move |at| {
        let weakens = ["allow", "expect", "warn"].iter().any(|word| tokens[at].is_word(word));
        if !weakens || !tokens.get(at + 1)?.is_mark("(") {
            return None;
        }
        let end = tokens::closing(tokens, at + 1);
        let list = tokens.get(at + 1..end)?;
        let explained = exempt.iter().any(|item| item.start == end + 2);
        let found = list.iter().find(|token| token.is_word(LINT));
        found.filter(|_| !explained).map(|token| token.line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&[Source::new(path, text)], "m", "").iter().map(ToString::to_string).collect()
    }

    fn items(text: &str) -> Vec<String> {
        found("crates/a/src/b.rs", &format!("//! B.\n{text}"))
    }

    #[test]
    fn every_kind_of_item_is_found_undocumented() {
        for item in [
            "fn a() {}",
            "const fn a() {}",
            "async fn a() {}",
            "unsafe extern \"C\" fn a() {}",
            "struct A;",
            "enum A {}",
            "union A {}",
            "trait A {}",
            "type A = u8;",
            "const A: u8 = 1;",
            "static A: u8 = 1;",
            "unsafe trait A {}",
            "mod a { }",
            "fn $a() {}",
        ] {
            for visibility in ["pub", "pub(crate)"] {
                let text = format!("// Not this.\n#[must_use]\n{visibility} {item}\n");
                let offences = items(&text);
                assert_eq!(offences.len(), 1, "{text}");
                assert!(offences[0].starts_with("crates/a/src/b.rs:4: `pub"), "{offences:?}");
            }
        }
    }

    #[test]
    fn methods_are_items_and_a_hidden_one_is_not_a_documented_one() {
        let offences =
            items("struct A;\nimpl A {\n    #[doc(hidden)]\n    pub fn a(&self) {}\n}\n");
        assert_eq!(offences.len(), 1);
        assert!(offences[0].contains(":5: `pub fn a`"), "{offences:?}");
    }

    #[test]
    fn what_is_documented_or_is_no_item_is_fine() {
        for text in [
            "/// A.\npub fn a() {}",
            "/** A. */ pub struct A;",
            "#[doc = \"A.\"]\npub struct A;",
            "/// A.\n#[derive(Debug)]\n#[serde(x = \"]\", y([1]))]\npub(crate) enum A {}",
            "#[derive(Debug)]\n/// A.\npub(crate) enum A {}",
            "pub use b::C;",
            "pub mod a;",
            "pub mod a { //! A.\n }",
            "struct A { pub a: u8, pub(crate) b: u8 }",
            "struct A(pub u8, pub(crate) fn(u8));",
            "fn a() {}",
            "// pub fn a() {}",
            "const A: &str = \"pub fn a() {}\";",
            "pub extern crate alloc;",
            "pub(super) fn a() {}",
            "#[cfg(test)]\nmod tests { pub(crate) struct A; }",
            "#[cfg(test)]\n#[derive(Debug)]\npub struct A([u8; 2]);",
            "macro_rules! m { ($(#[$m:meta])* $n:ident) => { $(#[$m])* pub struct $n; } }",
        ] {
            assert_eq!(items(text), [] as [String; 0], "{text}");
        }
    }

    #[test]
    fn a_file_opens_with_what_it_is_for() {
        for text in ["use a;\n", "", "// A.\n", "/// A.\nuse b;\n", "#![allow(x)]\n//! A.\n"] {
            assert_eq!(found("crates/a/src/lib.rs", text).len(), 1, "{text:?}");
            assert_eq!(found("crates/a/tests/b.rs", text).len(), 1, "{text:?}");
            assert_eq!(found("crates/a/src/b/tests.rs", text), [] as [String; 0]);
            assert_eq!(found("crates/a/src/b_tests.rs", text), [] as [String; 0]);
        }
        assert_eq!(found("crates/a/src/main.rs", "// Licence\n//! A.\n"), [] as [String; 0]);
    }

    #[test]
    fn no_crate_switches_the_lint_off() {
        for text in [
            "#![allow(missing_docs)]",
            "#![cfg_attr(test, allow(a, missing_docs, reason = \"b\"))]",
            "#![expect(missing_docs, reason = \"b\")]\nstruct A;",
            "#![warn(missing_docs)]",
            "#[expect(missing_docs, reason = \"b\")]\nmod a {}",
            "#[allow(missing_docs)]\nfn a() {}",
        ] {
            assert_eq!(items(text).len(), 1, "{text}");
            for path in ["crates/a/tests/b.rs", "crates/a/examples/b.rs"] {
                assert_eq!(found(path, &format!("//! B.\n{text}")), [] as [String; 0]);
            }
        }
        for text in ["#![deny(missing_docs)]", "#[allow(a, reason = \"missing_docs\")]\nmod a {}"] {
            assert_eq!(items(text), [] as [String; 0], "{text}");
        }
    }

    #[test]
    fn one_item_can_be_exempt_with_its_reason_and_the_next_is_not() {
        let exempt = "#[expect(missing_docs, reason = \"b\")]\nimpl A { pub const B: u8 = 1; }\n";
        assert_eq!(items(exempt), [] as [String; 0]);
        assert_eq!(items(&format!("{exempt}pub fn c() {{}}\n")).len(), 1);
        let tests = "#[cfg(test)]\nuse a;\npub fn c() {}\n";
        assert_eq!(items(tests).len(), 1);
    }

    #[test]
    fn what_is_for_the_crate_alone_is_counted_and_only_becomes_less() {
        let sources = [Source::new(
            "crates/a/src/b.rs",
            "//! B.\npub(crate) fn a() {}\npub(crate) fn b() {}\n",
        )];
        let with = |text| check(&sources, "m", text);
        assert_eq!(with("# why\na 2\n"), []);
        assert_eq!(with("a 1\n").len(), 3, "each is shown, and that they are too many");
        assert_eq!(with("b 2\n").len(), 3, "another crate's line is for nothing");
        assert_eq!(with("").len(), 2);
        for wrong in ["a 3\n", "a two\n"] {
            let offences = with(wrong);
            assert!(offences.len() == 1 && offences[0].to_string().starts_with("m:1: "), "{wrong}");
        }
        let public = [Source::new("crates/a/src/b.rs", "//! B.\npub fn a() {}\n")];
        assert_eq!(check(&public, "m", "a 1\n").len(), 2, "what everybody sees is not counted");
    }

    #[test]
    fn the_root_denies_the_lint() {
        assert_eq!(lint("[workspace.lints.rust]\nmissing_docs = \"deny\"\n"), []);
        for text in ["", "[workspace.lints.rust]\nmissing_docs = \"warn\"\n"] {
            assert_eq!(lint(text).len(), 1, "{text}");
        }
    }
}
