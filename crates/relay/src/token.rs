//! Our own bearer tokens: JWT (RFC 7519), EdDSA (RFC 8037), signed by a key of the agent that
//! never leaves it. The other side holds the public half only, and can make none (SPEC W-5).
//!
//! ```text
//! {"typ":"passback-token+jwt","alg":"EdDSA"}
//! {"iss": agent id, "aud": entity or API, "right": "Listen" (none for the API),
//!  "nbf": seconds, "exp": seconds, "instance": process's random id}
//! ```
//!
//! The type in the header keeps these apart from anything else that the same key signs
//! (RFC 8725, 3.11). Times are checked against the moment that the caller passes.

mod key_file;
pub mod sas;

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use protocol::{AgentId, InstanceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::TOKEN_MAX;

pub use key_file::{KeyFile, KeyFileError, SharedKeyTokens};

/// What the header of every token says it is.
const TYPE: &str = "passback-token+jwt";

/// What a token allows at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    /// To listen on an entity.
    Listen,
    /// To send to an entity.
    Send,
    /// Everything on an entity.
    Manage,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The agent that signed it.
    pub issuer: AgentId,
    /// What it is for: an entity's path, or the name of the cloud's API. Case makes no
    /// difference.
    pub audience: String,
    /// What it allows there; nothing for the API.
    pub right: Option<Right>,
    /// From when it holds. Whole seconds travel, rounded down.
    pub not_before: Timestamp,
    /// Until when it holds. Whole seconds travel, rounded down.
    pub expires_at: Timestamp,
    /// The process that made it (SPEC A-3).
    pub instance: InstanceId,
}

/// Why a token is not made or not accepted. It never contains any of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The key cannot be read.
    #[error("the signing key cannot be read")]
    Key,
    /// Not a token of ours.
    #[error("not a token of this kind")]
    Malformed,
    /// Not signed by the expected key.
    #[error("not signed by the expected key")]
    Signature,
    /// Its time has passed.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    NotYet,
    /// A good token, for something else.
    #[error("for another audience")]
    Audience,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    iss: AgentId,
    aud: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    right: Option<Right>,
    nbf: i64,
    exp: i64,
    instance: InstanceId,
}

/// Signs a token. `pkcs8` is an Ed25519 private key (PKCS #8, DER).
///
/// # Errors
/// [`TokenError::Key`].
pub fn mint(pkcs8: &[u8], claims: &Claims) -> Result<String, TokenError> {
    let wire = Wire {
        iss: claims.issuer,
        aud: claims.audience.clone(),
        right: claims.right,
        nbf: claims.not_before.as_seconds(),
        exp: claims.expires_at.as_seconds(),
        instance: claims.instance,
    };
    let header = Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, &wire, &EncodingKey::from_ed_der(pkcs8))
        .map_err(|_| TokenError::Key)
}

/// Checks a token: signature by the Ed25519 public key `key`, audience, times. `leeway` is how
/// far the maker's clock may be off, and how long the token may be used after its expiry.
///
/// # Errors
/// [`TokenError`]. The audience is looked at last: [`TokenError::Audience`] means that all else
/// is well.
pub fn verify(
    token: &str,
    key: &[u8; 32],
    expected_audience: &str,
    now: Timestamp,
    leeway: Duration,
) -> Result<Claims, TokenError> {
    let claims = verify_signature(token, key)?;
    if now < claims.not_before.before(leeway) {
        return Err(TokenError::NotYet);
    }
    if now >= claims.expires_at.after(leeway) {
        return Err(TokenError::Expired);
    }
    if !claims.audience.eq_ignore_ascii_case(expected_audience) {
        return Err(TokenError::Audience);
    }
    Ok(claims)
}

/// Who a token says signed it: to find the key to verify with, and for nothing else.
pub fn unverified_issuer(token: &str) -> Option<AgentId> {
    unverified(token).map(|wire| wire.iss)
}

/// What a token says it is for: to find the keys to verify with, and for nothing else.
pub(crate) fn unverified_audience(token: &str) -> Option<String> {
    unverified(token).map(|wire| wire.aud)
}

fn verify_signature(token: &str, key: &[u8; 32]) -> Result<Claims, TokenError> {
    if token.len() > TOKEN_MAX {
        return Err(TokenError::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(TokenError::Malformed);
    }
    // Times and audience are checked by the caller: this library would ask the system's clock.
    let mut signature_only = Validation::new(Algorithm::EdDSA);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_nbf = false;
    signature_only.validate_aud = false;
    let decoded =
        jsonwebtoken::decode::<Wire>(token, &DecodingKey::from_ed_der(key), &signature_only);
    let wire = decoded.map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => TokenError::Signature,
        _ => TokenError::Malformed,
    })?;
    Ok(wire.claims.into())
}

fn unverified(token: &str) -> Option<Wire> {
    if token.len() > TOKEN_MAX {
        return None;
    }
    Some(jsonwebtoken::dangerous::insecure_decode::<Wire>(token).ok()?.claims)
}

impl From<Wire> for Claims {
    fn from(wire: Wire) -> Self {
        let moment = |seconds: i64| Timestamp::from_millis(seconds.saturating_mul(1_000));
        Self {
            issuer: wire.iss,
            audience: wire.aud,
            right: wire.right,
            not_before: moment(wire.nbf),
            expires_at: moment(wire.exp),
            instance: wire.instance,
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const LEEWAY: Duration = Duration::from_secs(120);

    fn key() -> (Vec<u8>, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), public)
    }

    fn claims() -> Claims {
        Claims {
            issuer: AgentId::from_bytes([1; 16]),
            audience: "t/x/a/y".to_owned(),
            right: Some(Right::Listen),
            not_before: NOW,
            expires_at: NOW.after(Duration::from_secs(600)),
            instance: InstanceId::from_bytes([2; 16]),
        }
    }

    #[test]
    fn what_was_signed_is_what_is_read() {
        let (private, public) = key();
        let token = mint(&private, &claims()).unwrap();
        assert_eq!(verify(&token, &public, "T/X/a/y", NOW, LEEWAY), Ok(claims()));
        assert_eq!(unverified_issuer(&token), Some(claims().issuer));
        let api = Claims { right: None, ..claims() };
        let token = mint(&private, &api).unwrap();
        assert_eq!(verify(&token, &public, "t/x/a/y", NOW, LEEWAY), Ok(api));
    }

    #[test]
    fn times_hold_with_the_leeway_and_not_a_moment_longer() {
        let (private, public) = key();
        let token = mint(&private, &claims()).unwrap();
        let at = |now| verify(&token, &public, "t/x/a/y", now, LEEWAY).map(|_| ());
        let millisecond = Duration::from_millis(1);
        let (first, end) = (NOW.before(LEEWAY), claims().expires_at.after(LEEWAY));
        assert_eq!(at(first), Ok(()));
        assert_eq!(at(first.before(millisecond)), Err(TokenError::NotYet));
        assert_eq!(at(end.before(millisecond)), Ok(()));
        assert_eq!(at(end), Err(TokenError::Expired));
    }

    #[test]
    fn another_key_or_another_audience_is_refused() {
        let (private, public) = key();
        let token = mint(&private, &claims()).unwrap();
        let other = verify(&token, &public, "t/x/a/z", NOW, LEEWAY);
        assert_eq!(other, Err(TokenError::Audience));
        let stranger = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
        let stranger = stranger.public_key().as_ref().try_into().unwrap();
        let other = verify(&token, &stranger, "t/x/a/y", NOW, LEEWAY);
        assert_eq!(other, Err(TokenError::Signature));
        assert_eq!(mint(b"no key", &claims()), Err(TokenError::Key));
    }

    /// `token` with other headers, signature kept.
    fn with_header(token: &str, header: &str) -> String {
        let (_, rest) = token.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn only_this_kind_of_token_in_this_algorithm_is_looked_at() {
        let (private, public) = key();
        let token = mint(&private, &claims()).unwrap();
        for header in [
            r#"{"typ":"passback-token+jwt","alg":"none"}"#,
            r#"{"typ":"passback-token+jwt","alg":"HS256"}"#,
            r#"{"typ":"JWT","alg":"EdDSA"}"#,
            r#"{"alg":"EdDSA"}"#,
        ] {
            let forged = with_header(&token, header);
            let refused = verify(&forged, &public, "t/x/a/y", NOW, LEEWAY);
            assert_eq!(refused, Err(TokenError::Malformed), "{header}");
        }
        // Signed by the right key, but as something else.
        let plain = jsonwebtoken::encode(
            &Header::new(Algorithm::EdDSA),
            &serde_json::json!({"iss": claims().issuer, "aud": "t/x/a/y", "nbf": 0,
                "exp": i64::MAX, "instance": claims().instance}),
            &EncodingKey::from_ed_der(&private),
        );
        let refused = verify(&plain.unwrap(), &public, "t/x/a/y", NOW, LEEWAY);
        assert_eq!(refused, Err(TokenError::Malformed));
    }

    #[test]
    fn without_signature_there_is_no_token() {
        let (private, public) = key();
        let token = mint(&private, &claims()).unwrap();
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        for text in ["", ".", "..", "a.b.c", unsigned, &format!("{unsigned}."), &token[1..]] {
            assert!(verify(text, &public, "t/x/a/y", NOW, LEEWAY).is_err(), "{text}");
        }
        let long = "x".repeat(TOKEN_MAX + 1);
        assert_eq!(verify(&long, &public, "", NOW, LEEWAY), Err(TokenError::Malformed));
        assert_eq!(unverified_issuer(&long), None);
    }

    proptest! {
        #[test]
        fn a_token_changed_in_one_character_is_refused(at in any::<prop::sample::Index>(), to in 0_u8..64) {
            let (private, public) = key();
            let token = mint(&private, &claims()).unwrap();
            let mut bytes = token.clone().into_bytes();
            let at = at.index(bytes.len());
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let to = alphabet[usize::from(to)];
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert!(verify(&changed, &public, "t/x/a/y", NOW, LEEWAY).is_err());
        }

        #[test]
        fn reading_never_panics(text in "[A-Za-z0-9_.-]{0,300}") {
            prop_assert!(verify(&text, &[1; 32], "", NOW, LEEWAY).is_err());
            let _ = unverified_issuer(&text);
        }
    }
}
