//! What stands before every page: requests from other sites are refused, and answers carry the
//! headers that keep pages from being framed, sniffed, cached or scripted by others.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use protocol::{Outcome, timeout};

use crate::app::App;
use crate::http::view;

const HEADERS: [(HeaderName, HeaderValue); 9] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Not no-referrer: browsers would then send `Origin: null` with our own forms.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), interest-cohort=()"),
    ),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds the headers to every answer that does not have them.
pub(super) async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// How long one request may take from head to answer: longer than a page waits for an agent. A
/// client that dribbles its body is cut off; what it has submitted is carried on.
const REQUEST: Duration = Duration::from_secs(90);

/// Ends requests that take too long.
pub(super) async fn time_limit(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match timeout(&*app.clock, REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

/// Refuses a post that a browser sent from another site (CSRF). Browsers say where a post comes
/// from in `Sec-Fetch-Site` or `Origin`; a script that says neither carries nobody's cookies but
/// its own.
pub(super) async fn same_origin(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST || is_own(request.headers(), &app.settings.origin()) {
        return next.run(request).await;
    }
    tracing::warn!(event = "http.foreign_request", path = request.uri().path());
    view::refused(request.headers(), Outcome::ForeignRequest)
}

fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let from = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    matches!(site, None | Some(b"same-origin")) && from.is_none_or(|from| from == origin.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_scripts_without_a_page_may_post() {
        let own = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            });
            is_own(&headers.collect(), "https://reset.example.org")
        };
        assert!(own(&[]));
        assert!(own(&[("origin", "https://reset.example.org")]));
        assert!(own(&[("sec-fetch-site", "same-origin")]));
        for foreign in [
            [("origin", "https://evil.example")],
            [("origin", "null")],
            [("origin", "http://reset.example.org")],
            [("origin", "https://reset.example.org.evil.example")],
            [("sec-fetch-site", "cross-site")],
            [("sec-fetch-site", "same-site")],
            [("sec-fetch-site", "none")],
        ] {
            assert!(!own(&foreign), "{foreign:?}");
        }
        let mixed = [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")];
        assert!(!own(&mixed));
    }
}
