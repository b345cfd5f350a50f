//! Answers in SCIM's form.

use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use protocol::scim::{ERROR_SCHEMA, MEDIA_TYPE, User};
use serde_json::{Value, json};
use store::StoreError;
use store::people::Person;

/// An error in SCIM's form (RFC 7644, 3.12).
#[derive(Debug)]
pub(super) struct ScimError {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: &'static str,
}

impl ScimError {
    pub(super) const NOT_FOUND: Self =
        Self { status: StatusCode::NOT_FOUND, kind: None, detail: "there is no such user" };
    pub(super) const UNIQUENESS: Self = Self {
        status: StatusCode::CONFLICT,
        kind: Some("uniqueness"),
        detail: "userName or externalId belongs to another user",
    };
    pub(super) const SYNTAX: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: Some("invalidSyntax"),
        detail: "the body is not a user of the schemas that this service knows",
    };
    pub(super) const MUTABILITY: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: Some("mutability"),
        detail: "externalId never changes",
    };
    pub(super) const FILTER: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: Some("invalidFilter"),
        detail: "supported: userName eq \"…\", externalId eq \"…\"",
    };
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        tracing::error!(event = "scim.fault", cause = %error);
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: None,
            detail: "the service could not do it; its log has the cause",
        }
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": [ERROR_SCHEMA],
            "status": self.status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let Some(kind) = self.kind {
            body["scimType"] = json!(kind);
        }
        scim(self.status, &body)
    }
}

/// An answer with SCIM's media type.
pub(super) fn scim(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

/// One user with ETag and, where it is new, its location.
pub(super) fn user(status: StatusCode, person: &Person, origin: &str) -> Response {
    let location = format!("{origin}/scim/v2/Users/{}", person.id);
    let mut response = scim(status, &resource(person, &location));
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&format!("W/\"{}\"", person.version)) {
        headers.insert(ETAG, etag);
    }
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(LOCATION, location);
    }
    response
}

/// The resource with id, cloudAnchor and meta.
pub(super) fn resource(person: &Person, location: &str) -> Value {
    let mut user: User = person.resource.clone();
    user.id = Some(person.id.clone());
    user.passback.cloud_anchor = Some(person.id.clone());
    let mut value = json!(user);
    value["meta"] = json!({
        "resourceType": "User",
        "location": location,
        "version": format!("W/\"{}\"", person.version),
    });
    value
}
