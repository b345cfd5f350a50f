//! Errors of routes for machines, as problem details (RFC 9457, SPEC I-3).

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::Timestamp;
use serde_json::json;
use store::StoreError;

/// An error for a machine and its operator.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: &'static str,
    /// What the service's clock says, where that is the reason.
    now: Option<Timestamp>,
    /// In how many seconds the same may be asked again, where it is a matter of time.
    retry_after: Option<u64>,
}

impl Problem {
    /// An error with what to do about it.
    pub(crate) const fn new(status: StatusCode, detail: &'static str) -> Self {
        Self { status, detail, now: None, retry_after: None }
    }

    /// The caller's clock and the service's are too far apart for what was sent; whoever hears that can
    /// measure by how much (SPEC W-11).
    pub(crate) const fn clocks(status: StatusCode, detail: &'static str, now: Timestamp) -> Self {
        Self { status, detail, now: Some(now), retry_after: None }
    }

    /// The caller says more than it may; it is heard again after so long.
    pub(crate) fn too_many(after: Duration) -> Self {
        let refused = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "an agent has nothing to say so often; it is heard again in a moment",
        );
        let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        Self { retry_after: Some(whole.max(1)), ..refused }
    }

    /// The body is not what the route takes.
    pub(crate) const fn malformed() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "the body is not what this route takes")
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(event = "http.fault", cause = %error);
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the service could not do it; its log has the cause",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("error");
        let status = self.status.as_u16();
        let mut body = json!({ "title": title, "status": status, "detail": self.detail });
        if let Some(now) = self.now {
            body["now"] = json!(now);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
