//! The running service, and `passback serve`: all of it on one port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use protocol::timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::alone::Alone;
use crate::app::{App, StartError};
use crate::settings::CloudSettings;
use crate::surroundings::Surroundings;
use crate::tls::Port;
use crate::{connection, dispatch, http, revocation, tls};

/// The whole service but its port: pages, agents' routes and relay on connections that somebody
/// else accepts.
pub struct Service {
    app: Arc<App>,
    router: Router,
}

impl Service {
    /// Opens the store, settles what the last process left, and begins the work in the background.
    ///
    /// # Errors
    /// [`StartError`], one line.
    pub async fn start(
        settings: CloudSettings,
        surroundings: Surroundings,
    ) -> Result<Self, StartError> {
        let app = App::start(settings, surroundings).await?;
        dispatch::recover(&app).await.map_err(StartError::new)?;
        app.tasks.spawn(dispatch::sweep_for_ever(Arc::clone(&app)));
        app.tasks.spawn(revocation::look_for_ever(Arc::clone(&app)));
        let router = http::router(&app).merge(app.relay.router());
        Ok(Self { app, router })
    }

    /// Serves one connection, whose bytes are in clear, to its end. `remote` is who is counted by
    /// the throttles.
    pub async fn connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        remote: SocketAddr,
    ) {
        let (router, stop) = (self.router.clone(), self.app.stop.clone());
        connection::serve(connection::watched(stream), remote, router, stop).await;
    }

    /// Takes nothing new from here on, and lets what is in flight end, at most for the configured
    /// `drain`: agents are sent away, and pages that follow an operation hear how it ended. Somebody
    /// must go on to serve connections meanwhile; nobody is left that needs one when this returns.
    pub async fn leave(&self) {
        tracing::info!(event = "service.draining");
        self.app.leaving.begin();
        let App { relay, clock, leaving, settings, .. } = &*self.app;
        let heard = timeout(&**clock, settings.drain, leaving.all_have_heard());
        let _ = tokio::join!(relay.drain(), heard);
    }

    /// Ends the work in the background: what was sent and not answered is marked as in doubt, mails
    /// are handed over. At most for the configured `drain`.
    pub async fn stop(&self) {
        self.app.leaving.begin();
        self.app.stop.cancel();
        self.app.tasks.close();
        let drain = self.app.settings.drain;
        let _ = timeout(&*self.app.clock, drain, self.app.tasks.wait()).await;
        self.app.store.close().await;
    }
}

/// Serves until `stop`. Then whoever is new is told to come back, and what is in flight may end,
/// before the port is given up.
///
/// # Errors
/// [`StartError`], one line that says what is wrong and what to do.
pub async fn serve(settings: CloudSettings, stop: CancellationToken) -> Result<(), StartError> {
    let config = tls::config("server.", &settings.certificate, &settings.key)?;
    let (listen, drain) = (settings.listen, settings.drain);
    let (connections, of_one) = (settings.connections, settings.connections_per_address);
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        StartError::new(format!(
            "cannot listen on {listen} (`server.listen`): {error}; is another service on that port?"
        ))
    })?;
    let bound = listener.local_addr();
    // Before anything is settled that another process may have in hand.
    let alone = Alone::with(&settings.database)?;
    let surroundings = Surroundings::of_this_machine(&settings)?;
    let public_url = settings.public_url.clone();
    let service = Arc::new(Service::start(settings, surroundings).await?);
    // Where port 0 was asked for, the log says which one it became.
    let listen = bound.unwrap_or(listen);
    tracing::info!(event = "service.started", %listen, %public_url);
    let (router, leaving) = (service.router.clone(), Arc::clone(&service));
    let leave = async move { leaving.leave().await };
    let port = Port { listener, connections, of_one };
    tls::serve(port, config, router, (stop, drain), leave).await;
    service.stop().await;
    drop(alone);
    tracing::info!(event = "service.stopped");
    Ok(())
}
