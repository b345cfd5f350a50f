//! Makes `vectors/policy.json`: what a page's script must mark of which password, by which rules.
//!
//! `cargo run -p protocol --example make_policy_vectors > crates/protocol/vectors/policy.json`,
//! whenever the checker's definition changes on purpose; `tests/policy_vectors.rs` and
//! `crates/testkit/tests/page_rules.rs` hold Rust and the script to what stands there.

use std::io::Write as _;

use protocol::policy::{AccountNames, Judge, PasswordPolicy};
use protocol::{ClearPassword, PasswordError};
use serde_json::json;

/// Passwords that decide something by one rule or another.
const PASSWORDS: &[&str] = &[
    "a",
    "Ab1!",
    "abcdefg",
    "Abcdef1",
    "Abcdefgh",
    "ABCDEFG1",
    "1234567!",
    "aaaa AAAA",
    "aaaa_AAAA",
    "\u{2}\u{1}\u{1f}\u{7f}aA",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/1",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/1a",
    "10 €uros voor taart",
    "10 £ for a cake",
    "éÉéÉéÉ1",
    "aaaaéaaa1",
    "aaaaÉaaa1",
    "ßßßaaa1",
    "Șșșșșș1",
    "ЖжЖжЖж1",
    "Ωωωωωω1",
    "Σίσυφος",
    "ႠႠaaaa1",
    "Ꭰꭰaaaa1",
    "ǅǅaaaa1",
    "ªªaaaa1",
    "ⒶⓐAAAA1",
    "Ⓐⓐ11111",
    "ⅧAAAAA1",
    "密碼密碼密碼a",
    "密碼密碼a1a",
    "קוֹדקוֹדa1",
    "كلمةسر12",
    "٣٣٣aaaA",
    "²²²aaaA",
    "😀😀😀😀",
    "😀😀😀1",
    "a1a1a1😀",
    "😀😀aA1",
    "𠮷𠮷𠮷a1",
    "𝐀𝐀𝐀a1",
    "𐐀𐐨𐐀a1",
    "\u{378}\u{10ffff}aaa1",
    "\u{e000}\u{ffff}aaaa1",
    "e\u{301}e\u{301}A1",
    "my-VRIES-9",
    "xJDEVRIES9!",
    "Xx9-jdevries-",
    "Under-de-bridge-9",
    "jan1!aaa",
    "ZOË-koffie-1",
    "zoe-Koffie-1",
    "STRASSE-koffie-1",
    "straße-Koffie-1",
    "ΟΔΥΣΣΕΥΣ-1a",
    "οδυσσευσ-1A",
    "密碼字-koffie-1A",
];

fn policies() -> [(&'static str, PasswordPolicy); 8] {
    let policy = |minimum_length, complexity, judged_by| PasswordPolicy {
        minimum_length,
        complexity,
        history_length: 24,
        judged_by,
        ..PasswordPolicy::default()
    };
    let (windows, samba) = (Some(Judge::Windows), Some(Judge::Samba));
    let day = PasswordPolicy { minimum_age_seconds: 86_400, ..policy(7, true, windows) };
    [
        ("nothing is asked for", PasswordPolicy::default()),
        ("length alone", policy(7, false, None)),
        ("the longest", policy(255, false, windows)),
        ("Windows", day),
        ("Samba", policy(7, true, samba)),
        ("somebody", policy(7, true, None)),
        ("complexity alone, Windows", policy(0, true, windows)),
        ("complexity alone, Samba", policy(0, true, samba)),
    ]
}

fn names() -> AccountNames {
    AccountNames {
        account_name: "jdevries".to_owned(),
        display_name: "Jan de Vries, Zoë_Straße-Οδυσσευς #密碼字".to_owned(),
    }
}

/// One vector, with a line for each password.
fn vector(name: &str, policy: &PasswordPolicy) -> Result<String, PasswordError> {
    let names = names();
    let rules = policy.shown(&names);
    let head = json!({
        "name": name,
        "policy": policy,
        "accountName": names.account_name,
        "displayName": names.display_name,
        "rules": rules,
    });
    let mut verdicts = Vec::new();
    for text in PASSWORDS {
        let unmet = rules.unmet(&ClearPassword::from_text(text)?);
        verdicts.push(json!({ "password": text, "unmet": unmet }).to_string());
    }
    let head = head.to_string();
    let open = head.trim_end_matches('}');
    let closed = &head[open.len()..head.len() - 1];
    Ok(format!("{open}{closed},\"verdicts\":[\n  {}\n]}}", verdicts.join(",\n  ")))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vectors = policies().into_iter().map(|(name, policy)| vector(name, &policy));
    let vectors: Vec<String> = vectors.collect::<Result<_, _>>()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "[{}]", vectors.join(",\n"))?;
    Ok(())
}
