//! One synchronisation cycle: import the directories and the cloud, synchronise, export, and
//! import what was exported (SPEC Y-1).

use protocol::Clock;
use sync::{
    CloudUser, ConnectorName, ImportReport, ImportedObject, PendingExport, SyncState,
    SynchronisationReport,
};

use self::import::Imports;
use crate::cloud::{CloudClient, CloudError};
use crate::directories::Directories;

mod import;

/// Why a cycle stopped, or was not whole. What it had done stays; the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum CycleError {
    /// The synchronisation state.
    #[error(transparent)]
    Sync(#[from] sync::SyncError),
    /// A directory.
    #[error("directory {name}: {cause}")]
    Directory {
        /// The connector's name.
        name: String,
        /// What went wrong.
        cause: directory::DirectoryError,
    },
    /// A directory in which nobody was found, although somebody was there before.
    #[error(
        "directory {0}: nobody was found in the configured OUs; nothing is deleted. Do the OUs exist, and may the service account read them?"
    )]
    Empty(String),
    /// The cloud service.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

/// What a cycle did.
#[derive(Debug)]
pub struct CycleReport {
    /// People read, per directory.
    pub directories: Vec<(String, ImportReport)>,
    /// What synchronisation found.
    pub synchronised: SynchronisationReport,
    /// Exports that succeeded.
    pub exported: usize,
    /// Exports that the cloud refused; they are tried again.
    pub refused: usize,
}

/// What a cycle works with.
pub(crate) struct Cycle<'a> {
    /// Connector spaces and metaverse.
    pub(crate) sync: &'a SyncState,
    /// Where people are read.
    pub(crate) directories: &'a Directories,
    /// Where they are exported to.
    pub(crate) cloud: &'a CloudClient,
    /// What time it is.
    pub(crate) clock: &'a dyn Clock,
    /// Entries per page.
    pub(crate) page: u32,
}

impl Cycle<'_> {
    /// Runs one cycle. A directory that cannot be read holds up no other one: everything else is
    /// done, and then it is the error.
    pub(crate) async fn run(&self) -> Result<CycleReport, CycleError> {
        let imports = Imports { sync: self.sync, clock: self.clock, page: self.page };
        let (directories, failed) = imports.all(self.directories).await?;
        self.import_cloud().await?;
        let synchronised = self.sync.synchronise(self.clock.now()).await?;
        let (exported, refused) = self.export().await?;
        if exported > 0 {
            // What was exported is confirmed by what is there.
            self.import_cloud().await?;
            self.sync.synchronise(self.clock.now()).await?;
        }
        tracing::info!(event = "sync.cycle", ?directories, ?synchronised, exported, refused);
        if let Some(failed) = failed {
            return Err(failed);
        }
        Ok(CycleReport { directories, synchronised, exported, refused })
    }

    async fn import_cloud(&self) -> Result<(), CycleError> {
        let mut run = self.sync.begin_import(&ConnectorName::cloud()).await?;
        let mut start = 1;
        loop {
            let (users, total) = self.cloud.users(start).await?;
            if users.is_empty() {
                break;
            }
            start += users.len();
            for user in users {
                if let Some(id) = user.id.clone() {
                    let object = ImportedObject::of_cloud(&id, &CloudUser::from_scim(&user));
                    run.see(object).await?;
                }
            }
            if start > total {
                break;
            }
        }
        run.finish(self.clock.now()).await?;
        Ok(())
    }

    /// Carries out what the cloud must be told. A refusal of one person stops nobody else.
    async fn export(&self) -> Result<(usize, usize), CycleError> {
        let (mut exported, mut refused) = (0, 0);
        for export in self.sync.pending_exports().await? {
            match self.export_one(&export).await {
                Ok(()) => exported += 1,
                Err(CycleError::Cloud(CloudError::Refused { status, detail, .. })) => {
                    refused += 1;
                    tracing::error!(event = "sync.export_refused", status, detail);
                }
                Err(error) => return Err(error),
            }
        }
        Ok((exported, refused))
    }

    async fn export_one(&self, export: &PendingExport) -> Result<(), CycleError> {
        match export {
            PendingExport::Add { user } => {
                let added = self.cloud.add_user(&user.to_scim(None)).await?;
                let anchor = added.id.ok_or(CloudError::Unreadable)?;
                self.sync.confirm_added(&user.source_anchor, &anchor).await?;
            }
            PendingExport::Update { cloud_anchor, user } => {
                self.cloud.replace_user(cloud_anchor, &user.to_scim(Some(cloud_anchor))).await?;
                self.sync.confirm_updated(cloud_anchor).await?;
            }
            PendingExport::Delete { cloud_anchor, .. } => {
                self.cloud.remove_user(cloud_anchor).await?;
                self.sync.confirm_deleted(cloud_anchor).await?;
            }
        }
        Ok(())
    }
}
