//! What an agent is given from outside: time, randomness, the way to the cloud service, the
//! directories. In production all of it is the machine's; in tests a world in one process gives its
//! own, so that the same agent runs there.

use std::path::PathBuf;
use std::sync::Arc;

use clock::SystemClock;
use directory::Directory;
use protocol::{Clock, Randomness};
use relay::token::KeyFileError;
use relay::{Proxy, TlsTransport, Transport};
use seal::SystemRandomness;
use zeroize::Zeroizing;

use crate::directories::{OverLdaps, SetUpError};
use crate::elsewhere;
use crate::settings::{AgentSettings, DirectorySettings, ProxySettings};
use crate::steps::{StepWatch, Unwatched};
use crate::tls::{self, TlsError};

/// What an agent is given. Clones are the same surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// What time it is, and how to wait.
    pub clock: Arc<dyn Clock>,
    /// For ids, nonces and jitter. Key pairs come from the cryptographic library's own source.
    pub randomness: Arc<dyn Randomness>,
    /// Who is told of every step of every request.
    pub watch: Arc<dyn StepWatch>,
    /// How connections to the cloud service are opened.
    pub transport: Arc<dyn Transport>,
    /// How those to a relay that is not the cloud service's are opened.
    pub relay: Arc<dyn Transport>,
    /// How configured directories are reached.
    pub directories: Arc<dyn OpenDirectory>,
}

/// Why there is no way to the cloud service. The message names the file.
#[derive(Debug, thiserror::Error)]
pub enum WayError {
    /// Nobody vouches for the cloud service, or for the relay.
    #[error(transparent)]
    Trust(#[from] TlsError),
    /// The key to listen with at a relay of somebody else's is not in its file.
    #[error("cannot use `relay.listen_key_file`: {0}")]
    ListenKey(KeyFileError),
    /// The proxy's password is not in its file.
    #[error("`proxy.password_file` {}: {cause}", path.display())]
    ProxyPassword {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// The proxy, with the password that is in its file.
fn proxy(settings: &ProxySettings) -> Result<Proxy, WayError> {
    let ProxySettings { proxy, credentials } = settings;
    let Some((user, path)) = credentials else { return Ok(proxy.clone()) };
    let failed = |cause: String| WayError::ProxyPassword { path: path.clone(), cause };
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| failed(error.to_string()))?;
    let proxy = proxy.clone().with_credentials(user, text.trim_end_matches(['\r', '\n']));
    proxy.map_err(|error| failed(error.to_string()))
}

/// Makes a directory of its settings. Connects to nothing yet.
pub trait OpenDirectory: Send + Sync {
    /// The directory with these settings.
    ///
    /// # Errors
    /// [`SetUpError`], which names the directory and the file.
    fn open(
        &self,
        settings: &DirectorySettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Directory>, SetUpError>;
}

impl Surroundings {
    /// Those of this machine.
    ///
    /// # Errors
    /// If the authorities that vouch for the cloud service, the proxy's password, or what `[relay]`
    /// names cannot be read.
    pub fn of_this_machine(settings: &AgentSettings) -> Result<Self, WayError> {
        let trust = tls::config("cloud.ca", settings.cloud_ca.as_deref())?;
        let proxy = settings.proxy.as_ref().map(proxy).transpose()?;
        let through = |trust: &rustls::ClientConfig| -> Arc<dyn Transport> {
            Arc::new(TlsTransport::new(trust).through(proxy.clone()))
        };
        let transport = through(&trust);
        let relay = match &settings.relay {
            Some(relay) => elsewhere::way(relay, through)?,
            None => Arc::clone(&transport),
        };
        Ok(Self {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness::default()),
            watch: Arc::new(Unwatched),
            transport,
            relay,
            directories: Arc::new(OverLdaps),
        })
    }
}
