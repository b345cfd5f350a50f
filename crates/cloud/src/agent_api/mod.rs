//! The agents' own routes (INTERFACES "Agent's HTTPS routes on the cloud"); the messages stand in
//! [`protocol::onboarding`].

mod bearer;
mod enrol;
mod health;
mod onboarding;
mod pace;
mod problem;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use crate::app::App;

pub(crate) use bearer::Caller;
pub(crate) use pace::Pace;
pub(crate) use problem::Problem;

/// The routes.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/agent/v1/enrol", post(enrol::enrol))
        .route("/agent/v1/onboarding", post(onboarding::onboarding))
        .route("/agent/v1/offboarding", post(onboarding::offboarding))
        .route("/agent/v1/heartbeat", post(health::heartbeat))
}

#[cfg(test)]
mod tests;
