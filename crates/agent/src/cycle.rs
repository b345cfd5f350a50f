//! One synchronisation cycle: import the directories and the cloud, synchronise, export, and
//! import what was exported (SPEC Y-1).

use std::collections::HashMap;

use directory::{DistinguishedName, PersonEntry};
use protocol::scim::PolicyReference;
use protocol::{Clock, SourceAnchor};
use sync::{
    Attributes, CloudUser, ConnectorName, ImportReport, ImportedObject, PendingExport, SyncState,
    SynchronisationReport,
};

use crate::cloud::{CloudClient, CloudError};
use crate::directories::{Connected, Directories};

/// Why a cycle stopped. What it had done stays; the next one goes on.
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
    /// Runs one cycle.
    pub(crate) async fn run(&self) -> Result<CycleReport, CycleError> {
        let mut directories = Vec::new();
        for connected in self.directories.all() {
            let report = self.import_directory(connected).await?;
            directories.push((connected.settings.name.as_str().to_owned(), report));
        }
        self.import_cloud().await?;
        let synchronised = self.sync.synchronise(self.clock.now()).await?;
        let (exported, refused) = self.export().await?;
        if exported > 0 {
            // What was exported is confirmed by what is there.
            self.import_cloud().await?;
            self.sync.synchronise(self.clock.now()).await?;
        }
        tracing::info!(event = "sync.cycle", ?directories, ?synchronised, exported, refused);
        Ok(CycleReport { directories, synchronised, exported, refused })
    }

    async fn import_directory(&self, connected: &Connected) -> Result<ImportReport, CycleError> {
        let name = &connected.settings.name;
        let failed = |cause| CycleError::Directory { name: name.as_str().to_owned(), cause };
        let mut run = self.sync.begin_import(name).await?;
        // A few kilobytes a person: 100,000 of them fit, and no transaction is open while reading.
        let mut people = Vec::new();
        let ous = &connected.settings.ous;
        let mut take = |entry| people.push(entry);
        connected.directory.people(ous, self.page, &mut take).await.map_err(failed)?;
        let mut policies = Policies { connected, known: HashMap::new() };
        let found = people.len();
        for person in people {
            let policy = policies.of(&person).await.map_err(failed)?;
            run.see(imported(&person, &policy)).await?;
        }
        if found == 0 && self.had_people(name).await? {
            return Err(CycleError::Empty(name.as_str().to_owned()));
        }
        Ok(run.finish(self.clock.now()).await?)
    }

    async fn had_people(&self, name: &ConnectorName) -> Result<bool, CycleError> {
        let status = self.sync.status().await?;
        Ok(status.connectors.iter().any(|one| one.name == *name && one.objects > 0))
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
                Err(CycleError::Cloud(CloudError::Refused { status, detail })) => {
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

/// The effective policies of one import, each read once.
struct Policies<'a> {
    connected: &'a Connected,
    known: HashMap<Option<String>, String>,
}

impl Policies<'_> {
    /// The policy of a person, as the JSON that the metaverse carries.
    async fn of(&mut self, person: &PersonEntry) -> Result<String, directory::DirectoryError> {
        let fine_grained = person.attributes.text("msDS-ResultantPSO").map(str::to_owned);
        if let Some(known) = self.known.get(&fine_grained) {
            return Ok(known.clone());
        }
        let dn: Option<DistinguishedName> =
            fine_grained.as_deref().and_then(|text| text.parse().ok());
        let policy = self.connected.directory.policy(dn.as_ref()).await?;
        let reference =
            PolicyReference { reference: policy.source.reference(), rules: policy.rules };
        let json = serde_json::to_string(&reference).unwrap_or_default();
        self.known.insert(fine_grained, json.clone());
        Ok(json)
    }
}

/// A person as the connector space takes it. The sourceAnchor is ms-DS-ConsistencyGuid where it is
/// set, else objectGUID (SPEC Y-3).
fn imported(person: &PersonEntry, policy: &str) -> ImportedObject {
    let mut attributes = Attributes::new();
    for (name, values) in person.attributes.iter() {
        let texts: Vec<String> =
            values.iter().filter_map(|value| String::from_utf8(value.clone()).ok()).collect();
        if texts.len() == values.len() {
            attributes.insert(name.to_owned(), texts);
        }
    }
    attributes.insert("policy".to_owned(), vec![policy.to_owned()]);
    ImportedObject::of_directory(
        person.guid.to_bytes(),
        person.dn.to_string(),
        source_anchor(person),
        attributes,
    )
}

fn source_anchor(person: &PersonEntry) -> SourceAnchor {
    let consistency = person.attributes.value("ms-DS-ConsistencyGuid");
    let guid = consistency.and_then(|value| directory::ObjectGuid::from_value(value).ok());
    guid.unwrap_or(person.guid).to_source_anchor()
}
