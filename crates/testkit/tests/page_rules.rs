//! The rules that the password page marks while somebody types: its script judges as Rust does,
//! by the same vectors and character by character.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::policy::Judge;
use protocol::policy::kinds::counted;
use serde::Deserialize;
use serde_json::{Value, json};

/// What one run of the script says.
#[derive(Deserialize)]
struct Compared {
    verdicts: usize,
    characters: usize,
    differences: Vec<String>,
}

/// As what every character is counted, in runs of the same.
fn runs(judge: Judge) -> Value {
    let mut runs: Vec<(u32, u32, u8, bool)> = Vec::new();
    for character in '\0'..=char::MAX {
        let (code, as_what) = (u32::from(character), counted(character, judge));
        let (possible, sure) = (as_what.possible.bits(), as_what.sure);
        match runs.last_mut() {
            Some(run) if (run.1 + 1, run.2, run.3) == (code, possible, sure) => run.1 = code,
            _ => runs.push((code, code, possible, sure)),
        }
    }
    json!(runs)
}

/// As what Rust counts every character, for both judges.
fn counted_by_rust() -> String {
    json!({ "windows": runs(Judge::Windows), "samba": runs(Judge::Samba) }).to_string()
}

fn compare(script: &Path, characters: &str) -> Compared {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new("node")
        .arg(here.join("browser/rules.mjs"))
        .arg(script)
        .arg(here.join("../protocol/vectors/policy.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs: `apt-get install nodejs`");
    child.stdin.take().unwrap().write_all(characters.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the script ended with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_page_s_script_judges_as_rust_does() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cloud/assets/rules.js");
    let compared = compare(&script, &counted_by_rust());
    assert_eq!(compared.differences, [""; 0]);
    assert!(compared.verdicts > 400, "{}", compared.verdicts);
    // Every assigned character, private ones included, for both judges.
    assert!(compared.characters > 2 * 280_000, "{}", compared.characters);
}

/// A test that compares nothing proves nothing.
#[test]
fn a_script_that_judges_otherwise_is_found_out() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cloud/assets/rules.js");
    let ours = std::fs::read_to_string(&script).unwrap();
    let folder = std::env::temp_dir().join(format!("passback-rules-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (other, characters) = (folder.join("rules.js"), counted_by_rust());
    for (part, instead) in [
        ("[0x3b1, 0x3ce, 1]", "[0x3b1, 0x3cd, 1]"),
        ("password.length <", "[...password].length <"),
        ("return sure(0);", "return sure(SYMBOL);"),
        ("const folded = fold(password)", "const folded = password"),
    ] {
        assert_eq!(ours.matches(part).count(), 1, "{part}");
        std::fs::write(&other, ours.replace(part, instead)).unwrap();
        assert!(!compare(&other, &characters).differences.is_empty(), "{instead}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
