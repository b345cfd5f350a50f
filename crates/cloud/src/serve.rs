//! `passback serve`: the whole service on one port.

use std::sync::Arc;

use protocol::SystemClock;
use seal::SystemRandomness;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, StartError};
use crate::settings::CloudSettings;
use crate::{dispatch, http, tls};

/// Serves until `stop`, then lets what is in flight end.
///
/// # Errors
/// [`StartError`], one line that says what is wrong and what to do.
pub async fn serve(settings: CloudSettings, stop: CancellationToken) -> Result<(), StartError> {
    let config = tls::config(&settings.certificate, &settings.key)?;
    let listen = settings.listen;
    let drain = settings.drain;
    let clock = Arc::new(SystemClock);
    let randomness = Arc::new(SystemRandomness::default());
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        StartError::new(format!(
            "cannot listen on {listen} (`server.listen`): {error}; is another service on that port?"
        ))
    })?;
    let app = App::start(settings, clock, randomness).await?;
    dispatch::recover(&app).await.map_err(StartError::new)?;
    app.tasks.spawn(dispatch::sweep_for_ever(Arc::clone(&app)));
    let router = http::router(&app).merge(app.relay.router());
    tracing::info!(event = "service.started", %listen, public_url = %app.settings.public_url);
    let draining = stop.clone();
    let relay = app.relay.clone();
    let drained = tokio::spawn(async move {
        draining.cancelled().await;
        relay.drain().await;
    });
    tls::serve(listener, config, router, stop, drain).await;
    let _ = drained.await;
    app.stop.cancel();
    app.tasks.close();
    // What was sent and not answered is marked as in doubt, mails are handed over.
    let _ = tokio::time::timeout(drain, app.tasks.wait()).await;
    tracing::info!(event = "service.stopped");
    app.store.close().await;
    Ok(())
}
