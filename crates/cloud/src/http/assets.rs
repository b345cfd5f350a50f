//! The style sheet and the script, compiled in. Their address changes with their content, so that
//! browsers may keep them for ever.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};

use crate::http::view;
use crate::http::visit::locale;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const ASSETS: &[Asset] = &[
    Asset {
        name: "passback.css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("../../assets/passback.css"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_str!("../../assets/icon.svg"),
    },
    Asset {
        name: "password.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/password.js"),
    },
    Asset {
        name: "rules.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/rules.js"),
    },
    Asset {
        name: "seal.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/seal.js"),
    },
    Asset {
        name: "follow.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/follow.js"),
    },
];

/// The address of an asset. The version is part of the path, so that what one script imports from
/// beside it is of the same version.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", version())
}

/// The first bytes of SHA-256 over all assets.
fn version() -> String {
    use aws_lc_rs::digest::{Context, SHA256};
    use std::sync::OnceLock;
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION
        .get_or_init(|| {
            let mut context = Context::new(&SHA256);
            for asset in ASSETS {
                context.update(asset.content.as_bytes());
            }
            context.finish().as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
        })
        .clone()
}

/// `GET /assets/{version}/{name}`. A page of an older version gets today's.
pub(super) async fn asset(
    Path((asked, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return view::no_such_page(&locale(&headers));
    };
    let mut response = asset.content.into_response();
    let current = asked == version();
    let kept = if current { "public, max-age=31536000, immutable" } else { "no-store" };
    let kept = HeaderValue::from_static(kept);
    response.headers_mut().insert(CACHE_CONTROL, kept);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    response
}
