//! A running forest as tests and the demo see it; JSON on disk (INTERFACES, "Ready file").

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Kind, LabError, places};

/// A forest of one domain. What is said of its controller is said of the first one; it holds all
/// roles when a lab starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forest {
    /// The Kerberos realm, in capitals.
    pub realm: String,
    /// The distinguished name of the domain.
    pub base_dn: String,
    /// The domain's DNS name.
    pub domain: String,
    /// The controller's DNS name; its certificate has it, the domain's name and the address.
    pub controller: String,
    /// Where the controller listens.
    pub address: IpAddr,
    /// Its port for LDAP over TLS.
    pub ldaps_port: u16,
    /// Its DNS server: what a client must ask to find the controller by name.
    pub dns_address: SocketAddr,
    /// The certificate of the authority that vouches for it, as PEM.
    pub ca_file: PathBuf,
    /// The domain's administrator: for tests only.
    pub administrator: Credentials,
    /// The account of Passback's agent, with the rights of SPEC D-12 on the people's units.
    pub service: Credentials,
    /// Who is in the domain.
    pub people: Vec<Person>,
    /// The controller's log.
    pub log: PathBuf,
    /// All its controllers, the first one first.
    #[serde(default)]
    pub controllers: Vec<Controller>,
    /// The lab's other forests, in the description of the first one; they name none themselves.
    #[serde(default)]
    pub other_forests: Vec<Forest>,
}

/// A domain controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// Its DNS name; its certificate has it, the domain's name and the address.
    pub name: String,
    /// Where it listens.
    pub address: IpAddr,
    /// Its port for LDAP over TLS.
    pub ldaps_port: u16,
    /// Its DNS server.
    pub dns_address: SocketAddr,
    /// Its log; after a further start the new lines are below the old ones.
    pub log: PathBuf,
    /// While this file exists the lab keeps the controller down. See
    /// [`Forest::stop_controller`].
    pub switch: PathBuf,
}

/// A login (sAMAccountName) and its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The name that is typed at a sign-in.
    pub login: String,
    /// The password, in clear: a lab has no secrets.
    pub password: String,
}

/// A person in the directory, as it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// `sAMAccountName`; `userPrincipalName` is this at the domain.
    pub login: String,
    /// The password.
    pub password: String,
    /// The address at work: attribute `mail`.
    pub mail: String,
    /// The private address, where codes go: attribute `otherMailbox`.
    pub private_mail: String,
    /// The distinguished name.
    pub dn: String,
    /// The GUID, in lower case with dashes.
    pub object_guid: String,
    /// `displayName`.
    pub display_name: String,
    /// The account is switched off.
    #[serde(default)]
    pub disabled: bool,
    /// What is special about the person.
    pub kind: Kind,
}

impl Forest {
    /// Reads what [`Lab::start`](crate::Lab::start) wrote.
    ///
    /// # Errors
    ///
    /// [`LabError::NotRunning`] if the file is missing.
    pub fn load(path: &Path) -> Result<Self, LabError> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(LabError::NotRunning);
            }
            other => other.map_err(LabError::io("reading", path))?,
        };
        serde_json::from_slice(&text).map_err(|_| LabError::Unreadable(path.to_owned()))
    }

    /// The forest that `cargo xtask test` or `cargo xtask lab up` started: the file that
    /// `PASSBACK_LAB` names, or the one of this checkout.
    ///
    /// # Errors
    ///
    /// [`LabError::NotRunning`] says which command to run first.
    pub fn of_running_lab() -> Result<Self, LabError> {
        Self::load(&places::forest_file())
    }

    /// Writes the forest down, whole or not at all.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LabError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| LabError::io("writing", path)(error.into()))?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(LabError::io("making the directory", parent))?;
        }
        let part = path.with_extension("part");
        fs::write(&part, text).map_err(LabError::io("writing", &part))?;
        fs::rename(&part, path).map_err(LabError::io("renaming", &part))
    }

    /// All forests of the lab, this one first.
    pub fn whole_lab(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.other_forests)
    }

    /// The same forest as one of its controllers has it: every question goes there. The first
    /// one if there are not so many.
    #[must_use]
    pub fn at(&self, controller: usize) -> Self {
        let Some(chosen) = self.controllers.get(controller) else { return self.clone() };
        Self {
            controller: chosen.name.clone(),
            address: chosen.address,
            ldaps_port: chosen.ldaps_port,
            dns_address: chosen.dns_address,
            log: chosen.log.clone(),
            ..self.clone()
        }
    }

    /// Where LDAP clients connect to.
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://{}:{}", self.address, self.ldaps_port)
    }

    /// The person with this login.
    pub fn person(&self, login: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.login == login)
    }

    /// The first person of a kind.
    pub fn person_of(&self, kind: Kind) -> Option<&Person> {
        self.people.iter().find(|person| person.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_says_how_to_start_a_lab() {
        let error = Forest::load(Path::new("/no/such/forest.json")).unwrap_err();
        assert!(matches!(error, LabError::NotRunning));
        assert!(error.to_string().contains("cargo xtask lab up"), "{error}");
    }

    #[test]
    fn what_a_lab_without_further_controllers_wrote_is_still_read() {
        let text = r#"{"realm":"R","base_dn":"DC=r","domain":"r","controller":"dc1.r",
            "address":"127.0.0.2","ldaps_port":636,"dns_address":"127.0.0.2:53",
            "ca_file":"/ca.pem","administrator":{"login":"a","password":"b"},
            "service":{"login":"c","password":"d"},"people":[{"login":"e","password":"f",
            "mail":"","private_mail":"","dn":"CN=e","object_guid":"g","display_name":"e",
            "kind":"ordinary"}],"log":"/log"}"#;
        let forest: Forest = serde_json::from_str(text).unwrap();
        assert_eq!(forest.at(0), forest);
        assert_eq!(forest.whole_lab().count(), 1);
        assert!(!forest.people[0].disabled);
        let error = forest.stop_controller(0).unwrap_err().to_string();
        assert!(error.contains("--controllers 2"), "{error}");
    }
}
