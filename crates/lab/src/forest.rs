//! A running forest as tests and the demo see it; JSON on disk (INTERFACES, "Ready file").

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Kind, LabError, places};

/// A forest of one domain with one controller.
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
}
