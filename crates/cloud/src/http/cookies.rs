//! Cookies: the flow's secret and the chosen language.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Randomness;

const FLOW: &str = "passback_flow";
const TURNED: &str = "passback_turned";
const LANGUAGE: &str = "passback_language";

/// A browser's secret of its flow: 32 random bytes.
pub(super) struct FlowCookie([u8; 32]);

impl FlowCookie {
    /// A new secret.
    pub(super) fn random(randomness: &dyn Randomness) -> Self {
        let mut secret = [0; 32];
        randomness.fill(&mut secret);
        Self(secret)
    }

    /// The secret that the browser sent. If it sent several, none counts: somebody planted one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(only(headers, FLOW)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The bytes of the secret.
    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The `Set-Cookie` header: only these pages, only over TLS, not for scripts, and not sent
    /// from other sites.
    pub(super) fn header(&self, path: &str, seconds: u64) -> String {
        let value = URL_SAFE_NO_PAD.encode(self.0);
        format!("{FLOW}={value}; Path={path}; Max-Age={seconds}; Secure; HttpOnly; SameSite=Strict")
    }
}

/// The `Set-Cookie` header of an answer after which the page before must not be shown again as it
/// was left. Browsers that keep pages for the way back, even those that are not to be stored, drop
/// them when a cookie of theirs has changed; its value means nothing.
pub(super) fn turned_header(randomness: &dyn Randomness, path: &str) -> String {
    let mut value = [0; 8];
    randomness.fill(&mut value);
    let value = URL_SAFE_NO_PAD.encode(value);
    format!("{TURNED}={value}; Path={path}; Max-Age=60; Secure; HttpOnly; SameSite=Strict")
}

/// The language that was chosen on a page.
pub(super) fn language(headers: &HeaderMap) -> Option<String> {
    only(headers, LANGUAGE).map(str::to_owned)
}

/// The `Set-Cookie` header for a chosen language.
pub(super) fn language_header(tag: &str) -> String {
    const YEAR: u64 = 365 * 24 * 60 * 60;
    format!("{LANGUAGE}={tag}; Path=/; Max-Age={YEAR}; Secure; HttpOnly; SameSite=Lax")
}

/// The value of the cookie of that name, if there is exactly one (RFC 6265, 4.2.1).
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_secret_reads_back_among_other_cookies() {
        let secret = FlowCookie([7; 32]);
        let header = secret.header("/t/a/reset", 900);
        let pair = header.split(';').next().unwrap();
        let read = FlowCookie::of(&headers(&format!("a=b; {pair}; c=d"))).unwrap();
        assert_eq!(read.bytes(), secret.bytes());
        for part in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/t/a/reset"] {
            assert!(header.contains(part), "{header}");
        }
    }

    #[test]
    fn a_planted_second_cookie_counts_for_nothing() {
        let one = URL_SAFE_NO_PAD.encode([7; 32]);
        let two = URL_SAFE_NO_PAD.encode([8; 32]);
        let both = format!("passback_flow={one}; passback_flow={two}");
        assert!(FlowCookie::of(&headers(&both)).is_none());
        assert!(FlowCookie::of(&headers("passback_flow=short")).is_none());
    }
}
