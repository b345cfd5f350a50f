//! What an agent is given from outside: time, randomness, the way to the cloud service, the
//! directories. In production all of it is the machine's; in tests a world in one process gives its
//! own, so that the same agent runs there.

use std::sync::Arc;

use clock::SystemClock;
use directory::Directory;
use protocol::{Clock, Randomness};
use relay::{TlsTransport, Transport};
use seal::SystemRandomness;

use crate::directories::{OverLdaps, SetUpError};
use crate::settings::{AgentSettings, DirectorySettings};
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
    /// How configured directories are reached.
    pub directories: Arc<dyn OpenDirectory>,
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
    /// If the authorities that vouch for the cloud service cannot be read.
    pub fn of_this_machine(settings: &AgentSettings) -> Result<Self, TlsError> {
        let trust = tls::config(settings.cloud_ca.as_deref())?;
        Ok(Self {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness::default()),
            watch: Arc::new(Unwatched),
            transport: Arc::new(TlsTransport::new(&trust)),
            directories: Arc::new(OverLdaps),
        })
    }
}
