//! Cloud service and agent of a stack inside this process, so that their steps can be timed by one
//! clock and the agent's bytes can be seen before they are encrypted. They are the same programs
//! with the same configuration; only their surroundings are ours.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::AgentSettings;
use cloud::CloudSettings;
use cloud::serve::Service;
use relay::Transport;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::StackError;

/// How long one of them gets to end.
const DRAIN: Duration = Duration::from_secs(30);

/// One of the two, running; it ends when this value is dropped.
pub(super) struct Running {
    // A runtime of its own, as each has in a process of its own.
    runtime: Runtime,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Running {
    /// The cloud service with the configuration at `config`; it listens when this returns.
    pub(super) fn cloud(
        config: &Path,
        watch: Arc<dyn cloud::steps::StepWatch>,
    ) -> Result<Self, StackError> {
        let settings = CloudSettings::load(config).map_err(|error| unusable(&error))?;
        let tls = TlsAcceptor::from(Arc::new(tls(&settings)?));
        let surroundings = cloud::Surroundings::of_this_machine(&settings);
        let surroundings = surroundings.map_err(|error| unusable(&error))?;
        let surroundings = cloud::Surroundings { watch, ..surroundings };
        let mut running = Self::nothing()?;
        let started = running.runtime.block_on(async {
            let listener = TcpListener::bind(settings.listen).await;
            let listener = listener.map_err(|error| unusable(&error))?;
            let service = Service::start(settings, surroundings).await;
            Ok::<_, StackError>((listener, service.map_err(|error| unusable(&error))?))
        });
        let (listener, service) = started?;
        let stop = running.stop.clone();
        running.task = Some(running.runtime.spawn(serve(listener, tls, Arc::new(service), stop)));
        Ok(running)
    }

    /// The agent in `surroundings`; it dials when this returns.
    pub(super) fn agent(
        settings: AgentSettings,
        surroundings: agent::Surroundings,
    ) -> Result<Self, StackError> {
        let mut running = Self::nothing()?;
        let stop = running.stop.clone();
        running.task = Some(running.runtime.spawn(async move {
            // Whoever waits for its channel hears if it does not come about.
            let _ = agent::run(settings, surroundings, stop).await;
        }));
        Ok(running)
    }

    fn nothing() -> Result<Self, StackError> {
        let runtime = Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unusable(&error))?;
        Ok(Self { runtime, stop: CancellationToken::new(), task: None })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // One that does not end is cut off with its runtime.
            let _ = self.runtime.block_on(async { tokio::time::timeout(DRAIN, task).await });
        }
    }
}

/// The agent's configuration at `config`, and its surroundings on this machine with the transport
/// that `through` makes of theirs.
pub(super) fn agent_at(
    config: &Path,
    watch: Arc<dyn agent::steps::StepWatch>,
    through: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>,
) -> Result<(AgentSettings, agent::Surroundings), StackError> {
    let settings = AgentSettings::load(config).map_err(|error| unusable(&error))?;
    let surroundings = agent::Surroundings::of_this_machine(&settings);
    let surroundings = surroundings.map_err(|error| unusable(&error))?;
    let transport = through(Arc::clone(&surroundings.transport));
    Ok((settings, agent::Surroundings { watch, transport, ..surroundings }))
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    service: Arc<Service>,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((stream, remote)) = accepted else { break };
        let (tls, service) = (tls.clone(), Arc::clone(&service));
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            if let Ok(stream) = tls.accept(stream).await {
                service.connection(stream, remote).await;
            }
        });
    }
    service.stop().await;
}

fn tls(settings: &CloudSettings) -> Result<ServerConfig, StackError> {
    let chain = CertificateDer::pem_file_iter(&settings.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&error))?;
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| unusable(&error))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let mut config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// What somebody said who does not start.
pub(super) fn unusable(cause: &dyn std::fmt::Display) -> StackError {
    StackError::NotUnderstood(format!("what is measured does not start: {cause}"))
}
