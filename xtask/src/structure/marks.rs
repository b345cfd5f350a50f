//! Nothing unfinished is kept, and no test is left out.

use super::offence::Offence;
use super::sources::Source;
use super::tokens::{self, Token};

// Each in two parts: this file is looked at as well.
const LATER: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
const UNFINISHED: &[&str] = &[concat!("to", "do!"), concat!("unimple", "mented!")];
/// How the runners of tests for scripts are told to leave tests out, and in which files.
const LEFT_OUT: &[&str] = &[concat!(".on", "ly"), concat!(".sk", "ip")];
const SCRIPTS: &[&str] = &["js", "mjs", "cjs", "ts"];

/// A word that is meant as it stands there.
struct Exception {
    path: &'static str,
    word: &'static str,
    /// Why it is no mark there.
    reason: &'static str,
}

/// There are none.
const EXCEPTIONS: &[Exception] = &[];

/// What stands in these sources and must not.
pub(super) fn check(sources: &[Source]) -> Vec<Offence> {
    check_except(sources, EXCEPTIONS)
}

fn check_except(sources: &[Source], exceptions: &[Exception]) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut needed = vec![false; exceptions.len()];
    for source in sources {
        for (word, offence) in marks(source).into_iter().chain(ignored(source)) {
            let excepted = |one: &Exception| one.path == source.path && one.word == word;
            match exceptions.iter().position(excepted) {
                Some(at) => needed[at] = true,
                None => offences.push(offence),
            }
        }
    }
    let in_vain = exceptions.iter().zip(needed).filter(|(_, needed)| !needed);
    for (Exception { path, word, reason }, _) in in_vain {
        offences.push(Offence::new(
            (path, 1),
            format!("the exception for {word} (\"{reason}\") is not needed"),
            "it would hide the next one",
            "remove it from EXCEPTIONS in xtask/src/structure/marks.rs",
        ));
    }
    offences
}

/// The marks, each with its offence.
fn marks(source: &Source) -> Vec<(&'static str, Offence)> {
    let path = source.path.as_str();
    let is_script = source.ends_with(SCRIPTS);
    let mut found = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        let place = (path, at + 1);
        let words = |words: &[&'static str]| -> Vec<&'static str> {
            words.iter().copied().filter(|word| has_word(line, word)).collect()
        };
        found.extend(words(LATER).into_iter().map(|word| {
            let (why, remedy) = ("a mark is read by nobody", "do it now, or open an issue");
            (word, Offence::new(place, format!("{word} marks something for later"), why, remedy))
        }));
        found.extend(words(UNFINISHED).into_iter().map(|word| {
            let (why, remedy) = ("a program ends there", "write it, or take out what leads to it");
            (
                word,
                Offence::new(
                    place,
                    format!("{word} stands for code that is not there"),
                    why,
                    remedy,
                ),
            )
        }));
        found.extend(words(if is_script { LEFT_OUT } else { &[] }).into_iter().map(|word| {
            let why = "nothing is skipped silently";
            (word, Offence::new(place, format!("{word} leaves tests out"), why, "run them all"))
        }));
    }
    found
}

/// Tests of Rust that are ignored, always or sometimes.
fn ignored(source: &Source) -> Vec<(&'static str, Offence)> {
    if !source.is_rust() {
        return Vec::new();
    }
    let tokens = tokens::of(&source.text);
    let opens = (0..tokens.len()).filter(|at| tokens[*at].is_mark("#"));
    let found = opens.filter_map(|at| ignoring(&tokens, at + 1)).map(|line| {
        let offence = Offence::new(
            (&source.path, line),
            "an ignored test",
            "nothing is skipped silently",
            "repair it or remove it",
        );
        ("ignore", offence)
    });
    found.collect()
}

/// The line at which the attribute whose bracket opens here ignores a test: `[ignore]`,
/// `[ignore = "…"]` or `[cfg_attr(…, ignore)]`.
fn ignoring(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let name = tokens.get(open).filter(|token| token.is_mark("[")).and(tokens.get(open + 1))?;
    let end = tokens::closing(tokens, open).min(tokens.len());
    let looked_at = if name.is_word("cfg_attr") { open + 2..end } else { open + 1..open + 2 };
    // In `cfg_attr` an attribute follows a comma; `ignore` as an argument of another does not count.
    let found = looked_at.clone().find(|at| {
        let before = &tokens[at - 1];
        tokens[*at].is_word("ignore") && (before.is_mark(",") || before.is_mark("["))
    });
    found.map(|at| tokens[at].line)
}

/// Whether the word stands there on its own. `_` ends a mark, and does not end a method's name.
fn has_word(line: &str, word: &str) -> bool {
    let method = word.starts_with('.');
    line.match_indices(word).any(|(at, _)| {
        let goes_on = |one: char| one.is_alphanumeric() || method && one == '_';
        let before = line[..at].chars().next_back().filter(|_| !method);
        !before.is_some_and(goes_on) && !line[at + word.len()..].starts_with(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check_except(&[Source::new(path, text)], &[]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn marks_for_later_are_found_in_every_kind_of_file_where_they_stand() {
        for path in ["a.rs", "a.sh", "a.css", "a.html", "A.md", "a.toml", ".ci/run"] {
            for word in LATER.iter().chain(UNFINISHED) {
                for line in [format!("// {word}: x"), format!("x({word}(y))"), (*word).to_owned()] {
                    let offences = found(path, &format!("{}x\n{line}\n", doc()));
                    assert_eq!(offences.len(), 1, "{path} {line}");
                    assert!(offences[0].starts_with(&format!("{path}:3: {word} ")), "{offences:?}");
                }
            }
        }
    }

    fn doc() -> &'static str {
        "//! A.\n"
    }

    #[test]
    fn words_that_only_contain_a_mark_are_fine() {
        let fine = concat!("TO", "DOS MASTO", "DON XX", "XVII HA", "CKNEY to", "do ha", "ck");
        assert_eq!(found("a.rs", fine), [] as [String; 0]);
    }

    #[test]
    fn scripts_leave_no_test_out() {
        for call in LEFT_OUT {
            for line in [format!("test{call}(\"a\")"), format!("describe{call}.each([])")] {
                for path in ["a.js", "a.mjs", "a.ts"] {
                    assert_eq!(found(path, &line).len(), 1, "{path} {line}");
                }
                assert_eq!(found("a.rs", &line), [] as [String; 0], "an iterator's, for example");
            }
            for method in [format!("a{call}ped()"), format!("a{call}_one()")] {
                assert_eq!(found("a.js", &method), [] as [String; 0]);
            }
        }
    }

    #[test]
    fn ignored_tests_are_found_in_every_form() {
        for attribute in [
            "#[ignore]",
            "#[ ignore ]",
            "#[ignore = \"slow\"]",
            "#[cfg_attr(unix, ignore)]",
            "#[cfg_attr(all(a, b), must_use, ignore = \"slow\")]",
            "#[cfg_attr(\n    a,\nignore,\n)]",
        ] {
            let offences = found("a.rs", &format!("#[test]\n{attribute}\nfn a() {{}}\n"));
            assert_eq!(offences.len(), 1, "{attribute}");
            assert!(offences[0].contains("an ignored test"), "{offences:?}");
        }
        assert!(found("a.rs", "\n#[ignore]\n")[0].starts_with("a.rs:2: "));
    }

    #[test]
    fn what_only_speaks_of_ignoring_is_fine() {
        for text in [
            "// #[ignore]",
            "const A: &str = \"#[ignore]\";",
            "fn ignore() { ignore(); }",
            "#[cfg_attr(ignore, must_use)]",
            "#[serde(ignore)]",
            "#[expect(a, reason = \"ignore\")]",
        ] {
            assert_eq!(found("a.rs", text), [] as [String; 0], "{text}");
        }
    }

    #[test]
    fn an_exception_holds_for_its_word_in_its_file_and_must_be_needed() {
        let word = LATER[0];
        let exceptions = [Exception { path: "a.md", word, reason: "the name of a product" }];
        let of = |path| [Source::new(path, word)];
        assert_eq!(check_except(&of("a.md"), &exceptions), []);
        assert_eq!(check_except(&of("b.md"), &exceptions).len(), 2, "an offence, and no need");
    }
}
