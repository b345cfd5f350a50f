//! Rust cut into tokens, as far as the structure checks look at it.
//!
//! By hand: a parser of Rust as a dependency would be built once more than the one that the derive
//! macros use, and this program is to answer within seconds on a fresh machine. What makes counting
//! braces wrong is known here: strings, raw strings, characters, lifetimes and comments.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    /// A string, a character or a number.
    Literal,
    /// `'a`.
    Lifetime,
    /// One character of punctuation.
    Mark,
    /// `///` or `/** */`: documents what follows.
    OuterDoc,
    /// `//!` or `/*! */`: documents what it stands in.
    InnerDoc,
}

/// A token, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// As written.
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: usize,
}

impl Token<'_> {
    /// Whether it is this name or keyword.
    pub(super) fn is_word(&self, text: &str) -> bool {
        self.kind == Kind::Word && self.text == text
    }

    /// Whether it is this punctuation.
    pub(super) fn is_mark(&self, text: &str) -> bool {
        self.kind == Kind::Mark && self.text == text
    }
}

/// Cuts a source into its tokens. Ordinary comments are left out.
pub(super) fn of(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Where the bracket that opens at `open` closes, or the end if it does not.
pub(super) fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.kind == Kind::Mark {
            match token.text {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len()
}

/// The kind and the length of what stands first; no kind for white space and comments.
fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (comment(rest, "/"), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        let empty = rest.starts_with("/**/");
        return (comment(rest, "*").filter(|_| !empty), block(rest));
    }
    if let Some(length) = prefixed(rest) {
        return (Some(Kind::Literal), length);
    }
    if starts_name(first) {
        return (Some(Kind::Word), name(rest));
    }
    if first == '\'' {
        return quote(rest);
    }
    if first.is_ascii_digit() {
        return (Some(Kind::Literal), number(rest));
    }
    (Some(Kind::Mark), first.len_utf8())
}

/// What a comment that begins with two characters documents, if it does: three of a kind do, and
/// four are a line drawn.
fn comment(rest: &str, third: &str) -> Option<Kind> {
    let after = &rest[2..];
    if after.starts_with('!') {
        return Some(Kind::InnerDoc);
    }
    let documents = after.strip_prefix(third).is_some_and(|after| !after.starts_with(third));
    documents.then_some(Kind::OuterDoc)
}

/// The length of `/* … */`, which may contain others.
fn block(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(two) = rest.as_bytes().get(at..at + 2) {
        match two {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a string in any of its forms, or of a byte (`b'x'`), if that stands first.
fn prefixed(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| after.starts_with(['"', '#', '\'']))
    })?;
    let after = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        let inside = after[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    match after.chars().next()? {
        '"' => Some(prefix.len() + until(after, '"')),
        '\'' if prefix == "b" => Some(prefix.len() + until(after, '\'')),
        _ => None,
    }
}

/// The length of what stands between two of these, backslashes heeded.
fn until(quoted: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, one) in quoted.char_indices().skip(1) {
        if !escaped && one == end {
            return at + end.len_utf8();
        }
        escaped = !escaped && one == '\\';
    }
    quoted.len()
}

/// A character, or else a lifetime.
fn quote(rest: &str) -> (Option<Kind>, usize) {
    let mut after = rest.chars().skip(1);
    let (first, second) = (after.next(), after.next());
    if first == Some('\\') || second == Some('\'') {
        (Some(Kind::Literal), until(rest, '\''))
    } else {
        (Some(Kind::Lifetime), 1 + name(&rest[1..]))
    }
}

fn number(rest: &str) -> usize {
    let whole = name(rest);
    let fraction = rest[whole..].strip_prefix('.');
    match fraction.filter(|after| after.starts_with(|one: char| one.is_ascii_digit())) {
        Some(after) => whole + 1 + name(after),
        None => whole,
    }
}

fn name(rest: &str) -> usize {
    // A raw name (`r#type`) is one name.
    let raw = rest.strip_prefix("r#").filter(|after| after.starts_with(starts_name));
    let (skipped, rest) = raw.map_or((0, rest), |after| (2, after));
    skipped + rest.find(|one: char| !one.is_alphanumeric() && one != '_').unwrap_or(rest.len())
}

fn starts_name(first: char) -> bool {
    first.is_alphabetic() || first == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        of(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn braces_in_strings_characters_and_comments_are_not_braces() {
        for hidden in [
            "\"{\"",
            "\"\\\"{\"",
            "\"\\\\\"",
            "b\"{\"",
            "c\"{\"",
            "r\"{\\\"",
            "r#\"{\"{\"#",
            "br##\"{\"#{\"##",
            "'{'",
            "b'{'",
            "'\\''",
            "'\\u{7b}'",
            "'\\\\'",
            "b'\\''",
            "'\"'",
        ] {
            let source = format!("a {hidden} }}");
            let found = of(&source);
            assert_eq!(texts(&source), ["a", hidden, "}"], "{hidden}");
            assert_eq!(found[1].kind, Kind::Literal, "{hidden}");
        }
        for hidden in ["// {\n", "/* { */", "/* /* { */ { */", "/**/", "//// {\n", "/*** { */"] {
            assert_eq!(texts(&format!("a {hidden} }}")), ["a", "}"], "{hidden}");
        }
    }

    #[test]
    fn lifetimes_are_not_characters() {
        let found = of("fn a<'a, 'static>(x: &'_ str) -> 'b' {");
        let of_kind = |kind| -> Vec<&str> {
            found.iter().filter(|token| token.kind == kind).map(|token| token.text).collect()
        };
        assert_eq!(of_kind(Kind::Lifetime), ["'a", "'static", "'_"]);
        assert_eq!(of_kind(Kind::Literal), ["'b'"]);
        assert_eq!(texts("'é' 'é"), ["'é'", "'é"]);
    }

    #[test]
    fn names_numbers_and_ranges_are_cut_where_they_end() {
        assert_eq!(texts("r#type br b r"), ["r#type", "br", "b", "r"]);
        assert_eq!(
            texts("1.5_f64 0..2 0x7b x.0"),
            "1.5_f64 0 . . 2 0x7b x . 0".split(' ').collect::<Vec<_>>()
        );
        assert_eq!(texts("#[a] r#\"x"), ["#", "[", "a", "]", "r#\"x"]);
    }

    #[test]
    fn documentation_is_told_from_comments_and_lines_are_counted() {
        let found = of("//! a\n/*! b\n*/\n/// c\n/** d */ x \"\n\" y // no");
        let found: Vec<_> = found.iter().map(|token| (token.kind, token.line)).collect();
        let (inner, outer, word) = (Kind::InnerDoc, Kind::OuterDoc, Kind::Word);
        let wanted = [
            (inner, 1),
            (inner, 2),
            (outer, 4),
            (outer, 5),
            (word, 5),
            (Kind::Literal, 5),
            (word, 6),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_bracket_closes_where_its_pair_is_or_at_the_end() {
        let found = of("a([{}]) }");
        assert_eq!(closing(&found, 1), 6);
        let found = of("a ( [ ]");
        assert_eq!(closing(&found, 1), 4);
    }

    #[test]
    fn what_is_cut_off_anywhere_is_read_to_its_end() {
        let source = "fn é() { r##\"x\"# \"##; b'\\''; /* /* */ é */ '\\u{e9}' \"\\\"\" 1.5 'a }";
        for (at, _) in source.char_indices() {
            let read: usize = of(&source[..at]).iter().map(|token| token.text.len()).sum();
            assert!(read <= at);
        }
    }
}
