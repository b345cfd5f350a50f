//! Tokens of shared keys, as published clients of Azure Relay make them (relay protocol,
//! "Tokens"). Whoever can verify one can make one: the cloud service never takes them, only a
//! relay that stands alone does (SPEC W-5).
//!
//! ```text
//! SharedAccessSignature sr={address, percent-encoded}&sig={base64, percent-encoded}
//!                       &se={seconds since 1970}&skn={name of the rule}
//! sig = HMAC-SHA256(key as text, sr as sent + LF + se as sent)
//! ```
//!
//! Fields may stand in any order. The signature is checked over what was sent, and only then is
//! anything decoded. Expiry is checked against the moment that the caller passes.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::Timestamp;
use zeroize::Zeroizing;

use super::{Right, TokenError};
use crate::entity::Entity;
use crate::limits::TOKEN_MAX;

/// The word that such a token begins with. Case makes no difference.
const SCHEME: &str = "SharedAccessSignature";

/// Who holds a shared key, and what it allows.
#[derive(Clone)]
pub struct Rule {
    name: String,
    keys: Vec<Zeroizing<String>>,
    rights: Vec<Right>,
}

impl Rule {
    /// The rule `name`, whose tokens are signed with `key`, or, while keys are being rolled over,
    /// with `secondary`. [`Right::Manage`] allows everything.
    pub fn new(
        name: impl Into<String>,
        key: Zeroizing<String>,
        secondary: Option<Zeroizing<String>>,
        rights: Vec<Right>,
    ) -> Self {
        let keys = [Some(key), secondary].into_iter().flatten().collect();
        Self { name: name.into(), keys, rights }
    }
}

// Its keys are nobody's to read.
impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({}, {:?})", self.name, self.rights)
    }
}

/// What a token whose signature is good says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Where it holds.
    pub audience: Audience,
    /// Until when it holds.
    pub expires_at: Timestamp,
    rights: Vec<Right>,
}

impl Signed {
    /// Whether its rule allows this.
    pub fn allows(&self, right: Right) -> bool {
        self.rights.iter().any(|given| *given == right || *given == Right::Manage)
    }
}

/// Where a token holds: a host, and a path there with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    host: String,
    /// In lower case, without a slash at either end.
    path: String,
}

impl Audience {
    /// Reads an address; scheme and port make no difference.
    fn parse(address: &str) -> Option<Self> {
        let (_scheme, rest) = address.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host_of(authority);
        if host.is_empty() || path.contains(['?', '#']) {
            return None;
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        Some(Self { host: host.to_ascii_lowercase(), path: path.to_ascii_lowercase() })
    }

    /// Whether it holds for `entity` at `host`, a name with or without port: its path is the
    /// entity's, or that of a parent.
    pub fn covers(&self, host: &str, entity: &Entity) -> bool {
        self.covers_path(host, entity.as_str())
    }

    /// The same for a path in lower case at which there is no entity.
    pub(crate) fn covers_path(&self, host: &str, path: &str) -> bool {
        let below = path.strip_prefix(self.path.as_str());
        let inside = self.path.is_empty()
            || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.host.eq_ignore_ascii_case(host_of(host)) && inside
    }
}

/// Whether `token` is of this kind.
pub fn is_sas(token: &str) -> bool {
    fields(token).is_some()
}

/// Makes a token for `address`, for example `http://relay.example.org/t1/writeback`.
pub fn mint(address: &str, rule: &str, key: &str, expires_at: Timestamp) -> String {
    let (resource, expiry) = (encode(address), expires_at.as_seconds());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let signature = hmac::sign(&key, signed_text(&resource, &expiry.to_string()).as_bytes());
    let signature = encode(&STANDARD.encode(signature));
    format!("{SCHEME} sr={resource}&sig={signature}&se={expiry}&skn={}", encode(rule))
}

/// Checks a token: signature by a key of the rule that it names, expiry. Whether it is for this
/// place and this right is for the caller to ask: [`Audience::covers`], [`Signed::allows`].
///
/// # Errors
/// [`TokenError::Malformed`]; [`TokenError::Signature`], also if there is no such rule;
/// [`TokenError::Expired`].
pub fn verify(token: &str, rules: &[Rule], now: Timestamp) -> Result<Signed, TokenError> {
    let fields = Fields::parse(token).ok_or(TokenError::Malformed)?;
    let signature = decode(fields.signature).and_then(|text| STANDARD.decode(text).ok());
    let signature = signature.ok_or(TokenError::Malformed)?;
    let name = decode(fields.rule).ok_or(TokenError::Malformed)?;
    let text = signed_text(fields.resource, fields.expiry);
    let mut signer = None;
    for rule in rules.iter().filter(|rule| rule.name == name) {
        for key in &rule.keys {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
            // In constant time, by this library.
            if hmac::verify(&key, text.as_bytes(), &signature).is_ok() {
                signer = Some(rule);
            }
        }
    }
    let rule = signer.ok_or(TokenError::Signature)?;
    let expires_at = fields.expires_at().ok_or(TokenError::Malformed)?;
    if now >= expires_at {
        return Err(TokenError::Expired);
    }
    let address = decode(fields.resource).ok_or(TokenError::Malformed)?;
    let audience = Audience::parse(&address).ok_or(TokenError::Malformed)?;
    Ok(Signed { audience, expires_at, rights: rule.rights.clone() })
}

/// The fields of a token, as they were sent.
struct Fields<'a> {
    resource: &'a str,
    signature: &'a str,
    expiry: &'a str,
    rule: &'a str,
}

impl<'a> Fields<'a> {
    fn parse(token: &'a str) -> Option<Self> {
        let (mut resource, mut signature, mut expiry, mut rule) = (None, None, None, None);
        for pair in fields(token)?.split('&') {
            let (name, value) = pair.split_once('=')?;
            let place = match name {
                "sr" => &mut resource,
                "sig" => &mut signature,
                "se" => &mut expiry,
                "skn" => &mut rule,
                _ => continue,
            };
            // Of two values for one field, one would be signed and the other believed.
            if place.replace(value).is_some() {
                return None;
            }
        }
        Some(Self { resource: resource?, signature: signature?, expiry: expiry?, rule: rule? })
    }

    fn expires_at(&self) -> Option<Timestamp> {
        let digits = !self.expiry.is_empty() && self.expiry.bytes().all(|b| b.is_ascii_digit());
        let seconds: i64 = if digits { self.expiry.parse().ok()? } else { return None };
        Some(Timestamp::from_millis(seconds.saturating_mul(1_000)))
    }
}

/// What follows the scheme.
fn fields(token: &str) -> Option<&str> {
    let (scheme, rest) = token.trim().split_once(' ')?;
    let fits = token.len() <= TOKEN_MAX && scheme.eq_ignore_ascii_case(SCHEME);
    fits.then(|| rest.trim_start())
}

fn signed_text(resource: &str, expiry: &str) -> String {
    format!("{resource}\n{expiry}")
}

/// An authority less its port.
pub(crate) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The text that a percent-encoded one stands for. A plus is a plus: these are not forms.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => digit(rest.next()?)? * 16 + digit(rest.next()?)?,
            plain => plain,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[path = "sas_tests.rs"]
mod tests;
