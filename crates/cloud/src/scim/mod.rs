//! SCIM 2.0 (RFC 7643, RFC 7644) for the people that agents export; the resource stands in
//! [`protocol::scim`]. The `id` of a user is its cloudAnchor.
//!
//! ```text
//! GET    /scim/v2/Users?filter=…&startIndex=…&count=…   filters: userName eq, externalId eq
//! POST   /scim/v2/Users            409 where the name or the sourceAnchor is somebody else's
//! GET    /scim/v2/Users/{id}
//! PUT    /scim/v2/Users/{id}
//! DELETE /scim/v2/Users/{id}
//! GET    /scim/v2/ServiceProviderConfig
//! ```

mod answer;
mod filter;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/scim/v2/Users", get(users::list).post(users::add))
        .route("/scim/v2/Users/{id}", get(users::read).put(users::replace).delete(users::remove))
        .route("/scim/v2/ServiceProviderConfig", get(users::service_provider_config))
}
