//! What the cloud service is given from outside: time, randomness, the way to people. In production
//! all of it is the machine's; in tests a world in one process gives its own.

use std::sync::Arc;

use clock::SystemClock;
use protocol::{Clock, Randomness};
use relay::Transport;
use seal::SystemRandomness;

use crate::app::StartError;
use crate::notify::{Notifier, Smtp};
use crate::settings::CloudSettings;
use crate::steps::{StepWatch, Unwatched};

/// What the service is given. Clones are the same surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// What time it is, and how to wait.
    pub clock: Arc<dyn Clock>,
    /// For ids, cookies, codes and nonces.
    pub randomness: Arc<dyn Randomness>,
    /// Who hands mails over.
    pub notifier: Arc<dyn Notifier>,
    /// Who is told of every step of every operation.
    pub watch: Arc<dyn StepWatch>,
    /// How connections to a relay of somebody else's are opened, where one is configured; without
    /// this, over TLS as the configuration says.
    pub relay: Option<Arc<dyn Transport>>,
}

impl Surroundings {
    /// Those of this machine, with the configured mail server.
    ///
    /// # Errors
    /// If the mail settings cannot be used.
    pub fn of_this_machine(settings: &CloudSettings) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let smtp = Smtp::new(&settings.mail, Arc::clone(&clock)).map_err(StartError::new)?;
        Ok(Self {
            clock,
            randomness: Arc::new(SystemRandomness::default()),
            notifier: Arc::new(smtp),
            watch: Arc::new(Unwatched),
            relay: None,
        })
    }
}
