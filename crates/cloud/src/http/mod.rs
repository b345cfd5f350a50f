//! The pages of a reset, and the routes around them (INTERFACES "Pages without a browser").
//!
//! ```text
//! GET  /t/{tenant}/reset            start      is writeback up? which name?
//! POST /t/{tenant}/reset            start      opens a flow, sends a code
//! GET  …/reset/code                 code       asks for the code
//! POST …/reset/code                 code       spends a try
//! POST …/reset/resend               code       another code
//! GET  …/reset/password             password   the rules, and the form that seals
//! POST …/reset/password             password   the form without scripting
//! POST …/reset/ticket               sealed     what to seal for        (JSON)
//! POST …/reset/sealed               sealed     the sealed password     (JSON)
//! GET  …/reset/result               result     how it ended
//! ```
//!
//! Every page is built from the store alone, so that reload, back and a second tab show where the
//! flow stands.

mod assets;
mod closing;
mod code;
mod cookies;
mod form;
mod guard;
mod password;
mod result;
mod sealed;
mod start;
mod view;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};

use crate::app::App;
use crate::{agent_api, scim};

/// Largest body of a request to a page. The largest is three sealed passwords in JSON: 3 × 1.7
/// KiB in base64.
const BODY_MAX: usize = 16 * 1024;

/// All routes of the service but the relay's.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let pages = Router::new()
        .route("/t/{tenant}/reset", get(start::page).post(start::submit))
        .route("/t/{tenant}/reset/code", get(code::page).post(code::submit))
        // A link on the page that answers a resend, such as a language's, leads here with GET.
        .route("/t/{tenant}/reset/resend", get(code::page).post(code::resend))
        .route("/t/{tenant}/reset/password", get(password::page).post(password::submit))
        .route("/t/{tenant}/reset/ticket", post(sealed::ticket))
        .route("/t/{tenant}/reset/sealed", post(sealed::submit))
        .route("/t/{tenant}/reset/result", get(result::page))
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard::same_origin));
    Router::new()
        .merge(pages)
        .route("/assets/{version}/{name}", get(assets::asset))
        .merge(agent_api::router())
        .merge(scim::router())
        .fallback(view::not_found)
        .layer(middleware::from_fn_with_state(Arc::clone(app), closing::refuse_what_is_new))
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard::time_limit))
        .layer(middleware::from_fn(guard::security_headers))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::clone(app))
}
