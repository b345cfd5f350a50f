//! Importing people: each directory into its connector space.

use std::collections::HashMap;

use directory::{DistinguishedName, LeftOut, PersonEntry};
use protocol::scim::PolicyReference;
use protocol::{Clock, SourceAnchor};
use sync::{Attributes, ConnectorName, ImportReport, ImportedObject, SyncError, SyncState};

use super::CycleError;
use crate::directories::{Connected, Directories};

/// What imports work with.
pub(super) struct Imports<'a> {
    pub(super) sync: &'a SyncState,
    pub(super) clock: &'a dyn Clock,
    /// Entries per page.
    pub(super) page: u32,
}

/// What was imported, by directory.
pub(super) type Imported = Vec<(String, ImportReport)>;

impl Imports<'_> {
    /// Imports every directory; one that fails is logged, and left as it was. The first such failure
    /// is handed back beside what succeeded.
    pub(super) async fn all(
        &self,
        directories: &Directories,
    ) -> Result<(Imported, Option<CycleError>), SyncError> {
        let (mut imported, mut failed) = (Vec::new(), None);
        for connected in directories.all() {
            match self.import_directory(connected).await {
                Ok(report) => imported.push((connected.settings.name.as_str().to_owned(), report)),
                Err(CycleError::Sync(error)) => return Err(error),
                Err(error) => {
                    tracing::error!(event = "sync.directory_failed", cause = %error);
                    failed.get_or_insert(error);
                }
            }
        }
        Ok((imported, failed))
    }

    async fn import_directory(&self, connected: &Connected) -> Result<ImportReport, CycleError> {
        let name = &connected.settings.name;
        let failed = |cause| CycleError::Directory { name: name.as_str().to_owned(), cause };
        let mut run = self.sync.begin_import(name).await?;
        // A few kilobytes a person: 100,000 of them fit, and no transaction is open while reading.
        let mut people = Vec::new();
        let ous = &connected.settings.ous;
        let mut take = |entry| people.push(entry);
        let read = connected.directory.people(ous, self.page, &mut take).await.map_err(failed)?;
        let mut policies = Policies { connected, known: HashMap::new() };
        let found = people.len() + read.left_out.len();
        for person in people {
            let policy = policies.of(&person).await.map_err(failed)?;
            run.see(imported(&person, &policy)).await?;
        }
        for LeftOut { guid, cause } in read.left_out {
            let operator = "the person stays as the last import found them, and everybody else is imported; take values away that nobody needs";
            let directory = name.as_str();
            tracing::error!(event = "sync.person_left_out", directory, %guid, %cause, operator);
            run.leave_out(guid.to_bytes()).await?;
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

#[cfg(test)]
mod tests;
