//! Forests that only act like Active Directory, served over LDAPS from this process, where a lab
//! cannot be: the same people, the same kinds, no root, nothing installed. Programs that run on a lab
//! run on these: they are described as a lab is.

use std::sync::Arc;

use clock::SystemClock;
use directory_fake::{FakeDomain, FakeError, Population, Served};
use lab::{Authority, Forest};
use seal::SystemRandomness;
use tokio::runtime::{Builder, Runtime};

use crate::StackError;
use crate::directory::StackDirectory;

/// Enough for a handful of agents and clients.
const THREADS: usize = 2;

/// One or two forests; they end when this value is dropped.
pub struct Embedded {
    forest: Forest,
    domains: Vec<FakeDomain>,
    // Dropped in this order: nobody is left who serves what is removed.
    _served: Vec<Served>,
    _directory: StackDirectory,
    _runtime: Runtime,
}

impl Embedded {
    /// Serves the first forest of the lab, or both.
    ///
    /// # Errors
    ///
    /// If there is no port, or the directory for the certificates cannot be made.
    pub fn start(forests: u8) -> Result<Self, StackError> {
        let directory = StackDirectory::make(false)?;
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(StackError::io("starting threads for", directory.path()))?;
        let first = Population::corp(Arc::new(SystemClock), randomness())?;
        let mut populations = vec![first];
        if forests >= 2 {
            populations.push(Population::fabriek(Arc::new(SystemClock), randomness())?);
        }
        let (mut described, mut served, mut domains) = (Vec::new(), Vec::new(), Vec::new());
        for population in populations {
            let ca_file = directory.path().join(format!("{}.pem", population.domain.domain()));
            let authority = Authority::create()?;
            let serving = runtime.block_on(Served::start(&population.domain, &authority))?;
            described.push(serving.forest(&population, &ca_file)?);
            served.push(serving);
            domains.push(population.domain);
        }
        let mut forest = described.remove(0);
        forest.other_forests = described;
        Ok(Self { forest, domains, _served: served, _directory: directory, _runtime: runtime })
    }

    /// The first forest, which names the other.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// The domains as a test looks at them, in the order of the forests.
    pub fn domains(&self) -> &[FakeDomain] {
        &self.domains
    }
}

fn randomness() -> Arc<SystemRandomness> {
    Arc::new(SystemRandomness::default())
}

impl From<FakeError> for StackError {
    fn from(error: FakeError) -> Self {
        Self::Embedded(error.to_string())
    }
}
