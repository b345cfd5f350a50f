//! Tokens of shared keys, against the vectors of the relay protocol.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCB2ZWN0b3Iga2V5IDE=";
const ADDRESS: &str = "http://contoso.servicebus.windows.net/hyco";
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// `sr`, `se`, `sig`: relay protocol, "Tokens".
const VECTORS: [(&str, &str, &str); 3] = [
    (
        "http%3A%2F%2Fcontoso.servicebus.windows.net%2Fhyco",
        "1700003600",
        "73kkQXLUBS6GI/0xo5rWTF9VObDWOz17/2HJAEunx08=",
    ),
    (
        "http%3A%2F%2Fcontoso.servicebus.windows.net%3A443%2Fhyco",
        "1700003600",
        "MaeFnHcCgd/6ZqFEyxnYDeVxluJjp+HB7iYg0eGNRWo=",
    ),
    (
        "http%3A%2F%2F127.0.0.1%3A9443%2Ftenants%2Ft1%2Fwriteback",
        "1700000300",
        "eFNOEMXxd27k1tTzhkku8wqfljjnk/ESFvpUpptYn/g=",
    ),
];

fn key(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn rules() -> [Rule; 1] {
    [Rule::new("a rule", key(KEY), None, vec![Right::Listen])]
}

fn hour() -> Timestamp {
    NOW.after(Duration::from_secs(3_600))
}

fn entity(path: &str) -> Entity {
    Entity::parse(path).unwrap()
}

#[test]
fn the_vectors_of_the_protocol_are_made_and_verified() {
    for (resource, expiry, signature) in VECTORS {
        let signature = encode(signature);
        let token =
            format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=a%20rule");
        let expires_at = Timestamp::from_millis(expiry.parse::<i64>().unwrap() * 1_000);
        assert_eq!(mint(&decode(resource).unwrap(), "a rule", KEY, expires_at), token);
        assert_eq!(verify(&token, &rules(), NOW).unwrap().expires_at, expires_at);
    }
}

#[test]
fn fields_may_stand_in_any_order_and_once_only() {
    let token = mint(ADDRESS, "a rule", KEY, hour());
    let fields: Vec<_> = token.split_once(' ').unwrap().1.split('&').collect();
    let [resource, signature, expiry, rule] = fields[..] else { panic!("four fields") };
    for order in [
        format!("{rule}&{expiry}&{signature}&{resource}"),
        format!("{signature}&{resource}&{rule}&x=y&{expiry}"),
    ] {
        let token = format!("sharedaccesssignature {order}");
        assert!(verify(&token, &rules(), NOW).is_ok(), "{order}");
        let twice = format!("{token}&se=1");
        assert_eq!(verify(&twice, &rules(), NOW), Err(TokenError::Malformed));
    }
}

#[test]
fn either_key_of_a_rule_signs_and_no_other() {
    let both = [Rule::new("r", key("new"), Some(key("old")), vec![Right::Send])];
    for (signed_with, good) in [("new", true), ("old", true), ("other", false), ("", false)] {
        let verified = verify(&mint(ADDRESS, "r", signed_with, hour()), &both, NOW);
        assert_eq!(verified.is_ok(), good, "{signed_with}");
    }
    let stranger = mint(ADDRESS, "another rule", "new", hour());
    assert_eq!(verify(&stranger, &both, NOW), Err(TokenError::Signature));
    assert!(!format!("{both:?}").contains("old"));
}

#[test]
fn a_token_ends_with_its_second_by_the_clock_that_is_passed() {
    let token = mint(ADDRESS, "a rule", KEY, hour());
    let at = |now| verify(&token, &rules(), now).map(|_| ());
    assert_eq!(at(hour().before(Duration::from_millis(1))), Ok(()));
    assert_eq!(at(hour()), Err(TokenError::Expired));
}

#[test]
fn a_right_is_what_the_rule_gives_and_manage_is_all() {
    let given = |rights: Vec<Right>| {
        let rules = [Rule::new("r", key(KEY), None, rights)];
        verify(&mint(ADDRESS, "r", KEY, hour()), &rules, NOW).unwrap()
    };
    assert!(given(vec![Right::Listen]).allows(Right::Listen));
    assert!(!given(vec![Right::Listen]).allows(Right::Send));
    assert!(given(vec![Right::Manage]).allows(Right::Send));
    assert!(!given(Vec::new()).allows(Right::Listen));
}

#[test]
fn an_audience_is_the_entity_or_a_parent_at_a_slash() {
    let covers = |address: &str, host: &str, path: &str| {
        Audience::parse(address).is_some_and(|audience| audience.covers(host, &entity(path)))
    };
    for address in [
        "http://h.test/a/b",
        "sb://H.test:9/A/B/",
        "https://h.test/a",
        "wss://h.test/",
        "wss://h.test",
    ] {
        assert!(covers(address, "h.TEST", "a/b"), "{address}");
        assert!(covers(address, "h.test:443", "A/b"), "{address}");
    }
    for address in [
        "http://h.test/a/b/c",
        "http://h.test/a/",
        "http://other.test/a/b",
        "http://h.test/b",
        "h.test/a/b",
        "http:///a/b",
        "http://h.test/a/b?c",
        "http://h.test//a/b",
    ] {
        assert!(!covers(address, "h.test", "ab"), "{address}");
        assert!(address.ends_with("/a/") || !covers(address, "h.test", "a/b"), "{address}");
    }
    assert!(covers("http://[::1]:9443/a", "[::1]:9443", "a"));
    assert!(!covers("http://h.test/a/b", "h.test", "a/bc"), "no boundary");
}

#[test]
fn what_is_no_such_token_is_refused() {
    let good = mint(ADDRESS, "a rule", KEY, hour());
    for text in [
        "",
        "SharedAccessSignature",
        "SharedAccessSignature ",
        "SharedAccessSignature sr&sig&se&skn",
        &good.replace("SharedAccessSignature", "Bearer"),
        &good.replace("&skn=", "&xkn="),
        &good.replace("sig=", "sig=%"),
        &good.replace("sig=", "sig=%2"),
        &format!("{good}{}", "x".repeat(TOKEN_MAX)),
    ] {
        assert_eq!(verify(text, &rules(), NOW), Err(TokenError::Malformed), "{text}");
    }
    for expiry in ["", "+1700003600", "x", "99999999999999999999", "-1"] {
        let text = signed_text(&encode(ADDRESS), expiry);
        let signer = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let signature = encode(&STANDARD.encode(hmac::sign(&signer, text.as_bytes())));
        let token = format!(
            "SharedAccessSignature sr={}&sig={signature}&se={expiry}&skn=a%20rule",
            encode(ADDRESS)
        );
        assert_eq!(verify(&token, &rules(), NOW), Err(TokenError::Malformed), "{expiry}");
    }
}

proptest! {
    #[test]
    fn a_token_changed_in_what_is_signed_is_refused(at in 0_usize..60, byte in b'0'..=b'z') {
        let token = mint(ADDRESS, "a rule", KEY, hour());
        let (scheme, rest) = token.split_once("sr=").unwrap();
        let mut bytes = rest.as_bytes().to_vec();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let changed = format!("{scheme}sr={}", String::from_utf8(bytes).unwrap());
        prop_assert!(verify(&changed, &rules(), NOW).is_err());
    }

    #[test]
    fn reading_never_panics(text in "(SharedAccessSignature )?[a-z&=%+ ]{0,80}\\PC{0,20}") {
        prop_assert!(verify(&text, &rules(), NOW).is_err());
        let _ = Audience::parse(&text);
    }
}
