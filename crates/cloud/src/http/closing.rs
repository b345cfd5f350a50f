//! What is said while the service ends: pages that follow an operation are served to the end, and
//! everybody else is told to come back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::agent_api::Problem;
use crate::app::App;
use crate::http::view;
use crate::http::visit::locale;

/// When to come back, in seconds: about as long as the service takes to end and to start.
const COME_BACK: HeaderValue = HeaderValue::from_static("30");

/// Refuses what is new while the service ends, and notes whose page will ask again.
pub(super) async fn refuse_what_is_new(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    if app.leaving.has_begun() && !is_needed(method, path) {
        return come_back(path, request.headers());
    }
    let _asks_again = submits(method, path).then(|| app.leaving.asks_again());
    next.run(request).await
}

/// What a page asks for that follows an operation.
fn is_needed(method: &Method, path: &str) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    reads && (path.ends_with("/reset/result") || path.starts_with("/assets/"))
}

/// Whether an operation may begin with it, which its page then follows.
fn submits(method: &Method, path: &str) -> bool {
    let places = ["/reset/sealed", "/reset/password"];
    method == Method::POST && places.iter().any(|place| path.ends_with(place))
}

fn come_back(path: &str, headers: &HeaderMap) -> Response {
    let mut response = if path.starts_with("/agent/") || path.starts_with("/scim/") {
        let detail = "the service is being restarted and takes nothing new: come back";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).into_response()
    } else {
        match path.strip_suffix("/ticket").or_else(|| path.strip_suffix("/sealed")) {
            Some(base) => for_script(base, headers),
            None => view::closing(&locale(headers)),
        }
    };
    response.headers_mut().insert(RETRY_AFTER, COME_BACK);
    response
}

/// What the password page's script understands. Whether something changed is not said: it may be
/// the second post of what is under way.
fn for_script(base: &str, headers: &HeaderMap) -> Response {
    let body = json!({
        "request_id": null,
        "state": "refused",
        "outcome": "",
        "number": "",
        "changed": "",
        "message": locale(headers).text("closing-lead"),
        "location": format!("{base}/password"),
    });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_how_an_operation_ended_and_what_its_page_looks_like_is_still_served() {
        let needed = |method, path| is_needed(&method, path);
        assert!(needed(Method::GET, "/t/contoso/reset/result"));
        assert!(needed(Method::GET, "/assets/1234/passback.css"));
        for path in ["/t/contoso/reset", "/t/contoso/reset/password", "/agent/v1/heartbeat"] {
            assert!(!needed(Method::GET, path), "{path}");
        }
        assert!(!needed(Method::POST, "/t/contoso/reset/result"));
    }

    #[tokio::test]
    async fn everybody_is_told_in_a_form_of_theirs_and_when_to_come_back() {
        for (path, media_type) in [
            ("/t/contoso/reset", "text/html; charset=utf-8"),
            ("/t/contoso/reset/sealed", "application/json"),
            ("/agent/v1/heartbeat", "application/problem+json"),
            ("/scim/v2/Users", "application/problem+json"),
        ] {
            let response = come_back(path, &HeaderMap::new());
            assert_eq!(response.status(), 503, "{path}");
            let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(
                (header("content-type").as_str(), header("retry-after").as_str()),
                (media_type, "30")
            );
            let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
            assert!(String::from_utf8_lossy(&body).contains("being restarted"), "{path}");
        }
    }
}
