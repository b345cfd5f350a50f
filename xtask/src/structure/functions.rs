//! How long a function may be, and that the exceptions only become fewer.

use std::collections::BTreeMap;

use super::offence::Offence;
use super::sources::Source;
use super::tokens::{self, Kind, Token};

/// From the signature to the closing brace, comments and blank lines counted (STYLE: at most 70).
const LONGEST: usize = 70;

const WHY: &str = "what does not fit on a screen is not read as a whole";

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function<'a> {
    name: &'a str,
    /// Where its signature begins, from 1.
    line: usize,
    /// How many lines it has.
    length: usize,
}

/// Functions that are too long, and exceptions that are no longer needed in full. `exceptions` is
/// the text of the file `exceptions_path`: lines of `PATH NAME LINES`.
pub(super) fn check(sources: &[Source], exceptions_path: &str, exceptions: &str) -> Vec<Offence> {
    let (mut allowed, mut offences) = read(exceptions_path, exceptions);
    for source in sources.iter().filter(|source| source.is_rust()) {
        let path = source.path.as_str();
        for Function { name, line, length } in functions(&source.text) {
            if length <= LONGEST {
                continue;
            }
            let exception = allowed.get_mut(&(path, name));
            let most = exception.map_or(LONGEST, |exception| {
                exception.found = exception.found.max(length);
                exception.most
            });
            if length > most {
                offences.push(Offence::new(
                    (path, line),
                    format!("the function {name} has {length} lines, and may have {most}"),
                    WHY,
                    "divide it by what its parts do",
                ));
            }
        }
    }
    for ((path, name), Exception { line, most, found }) in allowed {
        let remedy = match found {
            0 => "remove the line".to_owned(),
            found if found < most => format!("write {found} in its place"),
            _ => continue,
        };
        offences.push(Offence::new(
            (exceptions_path, line),
            format!("the exception of {most} lines for {name} in {path} is more than it needs"),
            "exceptions only become fewer and smaller",
            remedy,
        ));
    }
    offences
}

struct Exception {
    line: usize,
    most: usize,
    /// The longest function that it was needed for; 0 for none.
    found: usize,
}

/// The exceptions by file and name, and the lines that are none.
fn read<'a>(path: &str, text: &'a str) -> (BTreeMap<(&'a str, &'a str), Exception>, Vec<Offence>) {
    let (mut exceptions, mut offences) = (BTreeMap::new(), Vec::new());
    for (at, written) in text.lines().enumerate() {
        if written.is_empty() || written.starts_with('#') {
            continue;
        }
        let line = at + 1;
        let words: Vec<&str> = written.split(' ').collect();
        match words[..] {
            [file, name, most] if most.parse().is_ok_and(|most: usize| most > LONGEST) => {
                let most = most.parse().unwrap_or(LONGEST);
                exceptions.insert((file, name), Exception { line, most, found: 0 });
            }
            _ => offences.push(Offence::new(
                (path, line),
                format!("this is not `PATH NAME LINES` with more than {LONGEST} lines"),
                "an exception that is not read is one that nobody sees",
                "correct it or remove it",
            )),
        }
    }
    (exceptions, offences)
}

fn functions(text: &str) -> Vec<Function<'_>> {
    let tokens = tokens::of(text);
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if let Some(name) = name_after(&tokens, at)
            && let Some(open) = body(&tokens, at)
        {
            let end = tokens::closing(&tokens, open).min(tokens.len() - 1);
            let line = tokens[at].line;
            found.push(Function { name, line, length: tokens[end].line - line + 1 });
        }
    }
    found
}

/// The name of the function whose `fn` stands here: `fn(u8)` is the type of a pointer, and in a
/// macro the name can be `$name`.
fn name_after<'a>(tokens: &[Token<'a>], at: usize) -> Option<&'a str> {
    if !tokens[at].is_word("fn") {
        return None;
    }
    let name = tokens[at + 1..].iter().find(|token| !token.is_mark("$"))?;
    (name.kind == Kind::Word).then_some(name.text)
}

/// Where the body opens: none for what a trait only names.
fn body(tokens: &[Token<'_>], function: usize) -> Option<usize> {
    let mut at = function + 1;
    // Between `<` and `>` a brace is the argument of a constant parameter.
    let mut angles = 0_usize;
    while let Some(token) = tokens.get(at) {
        if token.kind == Kind::Mark {
            match token.text {
                "{" if angles == 0 => return Some(at),
                ";" => return None,
                "(" | "[" | "{" => at = tokens::closing(tokens, at),
                "<" => angles += 1,
                ">" if !tokens[at - 1].is_mark("-") => angles = angles.saturating_sub(1),
                _ => {}
            }
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: impl Into<String>) -> [Source; 1] {
        [Source::new("a.rs", text)]
    }

    /// A function of so many lines, with blank lines, comments and braces that are none.
    fn of(lines: usize) -> String {
        let middle = "\n    // }\n    let _ = \"}\";\n".lines().cycle().take(lines - 2);
        format!("\n\nfn long() {{\n{}\n}}\n", middle.collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn a_function_is_counted_from_its_signature_to_its_closing_brace() {
        assert_eq!(check(&source(of(LONGEST)), "e", ""), []);
        let offences = check(&source(of(LONGEST + 1)), "e", "");
        assert_eq!(offences.len(), 1);
        let shown = offences[0].to_string();
        assert!(shown.starts_with("a.rs:3: the function long has 71 lines"), "{shown}");
    }

    #[test]
    fn every_form_of_function_is_seen_and_what_is_none_is_not() {
        let text = "
            pub(crate) async fn a<const N: usize>(
                x: [u8; { N }], y: fn(u8) -> u8,
            ) -> Result<X<{ 1 }>, impl Fn() -> u8>
            where
                X: Y,
            {
            }
            trait T {
                fn b();
                fn c() {}
            }
            macro_rules! m { ($name:ident) => { fn $name() {
            } } }
            // fn d() {}
            const E: &str = \"fn e() {}\";
            fn outer() {
                fn inner() {}
            }
            fn cut() {
        ";
        let found: Vec<_> = functions(text).iter().map(|one| (one.name, one.length)).collect();
        let wanted = [("a", 7), ("c", 1), ("name", 2), ("outer", 3), ("inner", 1), ("cut", 1)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn an_exception_holds_for_its_function_and_length_only() {
        let long = source(of(80));
        assert_eq!(check(&long, "e", "# why\na.rs long 80\n"), []);
        assert_eq!(check(&long, "e", "a.rs long 79\n").len(), 1, "it has grown");
        assert_eq!(check(&long, "e", "a.rs other 80\n").len(), 2, "another function");
        assert_eq!(check(&long, "e", "b.rs long 80\n").len(), 2, "another file");
    }

    #[test]
    fn an_exception_shrinks_with_its_function_and_goes_with_it() {
        let shrunk = check(&source(of(75)), "e", "\na.rs long 80\n");
        assert_eq!(shrunk.len(), 1);
        let shown = shrunk[0].to_string();
        assert!(shown.starts_with("e:2: ") && shown.contains("write 75"), "{shown}");
        let gone = check(&source(of(20)), "e", "a.rs long 80\n");
        assert!(gone.len() == 1 && gone[0].to_string().contains("remove the line"), "{gone:?}");
    }

    #[test]
    fn a_line_that_is_no_exception_is_an_offence() {
        for wrong in ["a.rs long", "a.rs long 70", "a.rs long many", "a.rs  long 80"] {
            assert_eq!(check(&source(""), "e", wrong).len(), 1, "{wrong}");
        }
    }
}
