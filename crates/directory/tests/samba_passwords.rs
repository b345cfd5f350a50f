//! Passwords of whatever Unicode has, end to end: what is set is the password, and nothing like it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

mod world;

use directory::{BindRefusal, Directory as _, DirectoryError};
use lab::{Credentials, Forest, Person};
use world::{LATER, agent, config_as, connect, forest, guid, password, somebody};

/// Whether this person can sign in with this password. With the agent's own client: programs with
/// arguments cannot say everything.
async fn signs_in(forest: &Forest, person: &Person, text: &str) -> bool {
    let who = Credentials { login: person.login.clone(), password: text.to_owned() };
    match connect(config_as(forest, &who)).probe().await {
        Ok(probe) => {
            assert!(probe.bound_as.is_some());
            true
        }
        Err(DirectoryError::BindRefused { refusal: BindRefusal::WrongPassword, .. }) => false,
        Err(error) => panic!("{text:?}: {error}"),
    }
}

#[tokio::test]
async fn a_password_of_any_characters_is_set_and_is_the_password() {
    let forest = forest();
    let directory = agent(&forest);
    // As long as may be: pairs of surrogates fill it to the last unit.
    let longest = format!("Aa1!{}", "😀".repeat(126));
    assert_eq!(longest.encode_utf16().count(), 256);
    let passwords = [
        // One of each plane that has any: emoji, ideographs, more of them, tags, private use.
        "Aa1!word\u{1F600}",
        "Aa1!word\u{20000}",
        "Aa1!word\u{30000}",
        "Aa1!word\u{E0041}",
        "Aa1!word\u{F0000}",
        "Aa1!word\u{10FFFD}",
        // What programs are tempted to take away, or to stop at: a byte order mark, in front too, what is
        // no character, controls, blanks.
        "\u{FEFF}Aa1!word",
        "Aa1!word\u{FEFF}word",
        "Aa1!word\u{FFFF}",
        "Aa1!word\u{FFFE}",
        "Aa1!word\u{1}\u{7F}\r\n\t",
        "  Aa1!word  ",
        "Aa1!word\u{200B}\u{202E}\u{AD}",
        // The same to the eye, composed and decomposed; and compatibility characters.
        "Aa1!word-caf\u{E9}",
        "Aa1!word-cafe\u{301}",
        "Aa1!word\u{FB01}\u{FF21}",
        &longest,
    ];
    let person = somebody(&forest);
    for (place, text) in passwords.iter().enumerate() {
        directory.set_password(guid(&person), &password(text), LATER).await.unwrap();
        assert!(signs_in(&forest, &person, text).await, "{text:?}");
        // The one before, which may look the same, is not.
        let earlier = place.checked_sub(1).map_or(person.password.as_str(), |one| passwords[one]);
        assert!(!signs_in(&forest, &person, earlier).await, "{text:?}: {earlier:?}");
    }
    let shorter = longest.strip_suffix('😀').unwrap();
    assert!(!signs_in(&forest, &person, shorter).await);
}
