//! A file of its own for each test, and people to put in it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use protocol::{CloudAnchor, SourceAnchor, Timestamp};
use sync::{
    Attributes, CloudUser, ConnectorName, ImportReport, ImportedObject, PendingExport, Resolution,
    SyncError, SyncState, SynchronisationReport,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Attributes from name and value; a name may come several times.
pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    let mut attributes = Attributes::new();
    for (name, value) in pairs {
        attributes.entry((*name).to_owned()).or_default().push((*value).to_owned());
    }
    attributes
}

/// Sixteen bytes that differ for each number.
pub(crate) fn guid(number: u32) -> [u8; 16] {
    let mut guid = [0xa5; 16];
    guid[..4].copy_from_slice(&number.to_le_bytes());
    guid
}

/// The sourceAnchor of a person.
pub(crate) fn source_anchor(number: u32) -> SourceAnchor {
    format!("source-{number}").parse().unwrap()
}

/// The cloudAnchor of a person.
pub(crate) fn cloud_anchor(number: u32) -> CloudAnchor {
    format!("cloud-{number}").parse().unwrap()
}

/// An enabled person of a directory.
pub(crate) fn person(number: u32) -> ImportedObject {
    let name = format!("person{number}");
    let attributes = attributes(&[
        ("objectClass", "top"),
        ("objectClass", "user"),
        ("sAMAccountName", &name),
        ("userPrincipalName", &format!("{name}@corp.example")),
        ("displayName", &format!("Person {number}")),
        ("userAccountControl", "512"),
        ("otherMailbox", &format!("{name}@home.example")),
        ("pwdLastSet", "133444736001230000"),
    ]);
    let dn = format!("CN=Person {number},OU=People,DC=corp,DC=example");
    ImportedObject::of_directory(guid(number), dn, source_anchor(number), attributes)
}

/// The same with one attribute replaced.
pub(crate) fn with(mut object: ImportedObject, name: &str, value: &str) -> ImportedObject {
    object.attributes.insert(name.to_owned(), vec![value.to_owned()]);
    object
}

pub(crate) fn directory(name: &str) -> ConnectorName {
    name.parse().unwrap()
}

/// A state in a directory that is removed at the end of the test.
pub(crate) struct World {
    pub(crate) state: SyncState,
    directory: PathBuf,
}

impl World {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("passback-sync-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let state = SyncState::open(&directory.join("sync.db")).await.unwrap();
        Self { state, directory }
    }

    /// A state with these people imported, synchronised and exported.
    pub(crate) async fn with_people(people: &[ImportedObject]) -> Self {
        let world = Self::new().await;
        world.import("corp", people).await;
        world.synchronise().await;
        world.export().await.unwrap();
        world
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("sync.db")
    }

    /// Closes the file and opens it again, as a new process would.
    pub(crate) async fn restart(&mut self) {
        self.state.close().await;
        self.state = SyncState::open(&self.file()).await.unwrap();
    }

    /// A full import of a directory.
    pub(crate) async fn import(&self, connector: &str, objects: &[ImportedObject]) -> ImportReport {
        self.import_from(&directory(connector), objects).await
    }

    /// A full import of the cloud.
    pub(crate) async fn import_cloud(&self, users: &[(CloudAnchor, CloudUser)]) -> ImportReport {
        let objects: Vec<_> =
            users.iter().map(|(anchor, user)| ImportedObject::of_cloud(anchor, user)).collect();
        self.import_from(&ConnectorName::cloud(), &objects).await
    }

    async fn import_from(
        &self,
        connector: &ConnectorName,
        objects: &[ImportedObject],
    ) -> ImportReport {
        let mut run = self.state.begin_import(connector).await.unwrap();
        for object in objects {
            run.see(object.clone()).await.unwrap();
        }
        run.finish(NOW).await.unwrap()
    }

    pub(crate) async fn synchronise(&self) -> SynchronisationReport {
        self.state.synchronise(NOW).await.unwrap()
    }

    /// Exports everything to a cloud that agrees to everything; `source-7` becomes `cloud-7`.
    pub(crate) async fn export(&self) -> Result<Vec<PendingExport>, SyncError> {
        let exports = self.state.pending_exports().await?;
        for export in &exports {
            match export {
                PendingExport::Add { user } => {
                    let anchor = user.source_anchor.as_str().replace("source", "cloud");
                    let anchor = anchor.parse().unwrap();
                    self.state.confirm_added(&user.source_anchor, &anchor).await?;
                }
                PendingExport::Update { cloud_anchor, .. } => {
                    self.state.confirm_updated(cloud_anchor).await?;
                }
                PendingExport::Delete { cloud_anchor, .. } => {
                    self.state.confirm_deleted(cloud_anchor).await?;
                }
            }
        }
        Ok(exports)
    }

    pub(crate) async fn pending(&self) -> Vec<PendingExport> {
        self.state.pending_exports().await.unwrap()
    }

    pub(crate) async fn resolve(&self, number: u32) -> Resolution {
        self.state.resolve(&cloud_anchor(number)).await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
