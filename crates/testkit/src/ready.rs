//! The ready file, version 1 (INTERFACES "Ready file"): all that others need to know about a
//! running stack.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lab::Kind;
use protocol::Outcome;
use serde::{Deserialize, Serialize};

use crate::StackError;

/// The version that this code writes.
pub const VERSION: u32 = 1;

/// A running stack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadyFile {
    /// [`VERSION`].
    pub version: u32,
    /// The origin of the cloud service.
    pub cloud_url: String,
    /// The certificate that vouches for the cloud service and the mail server, PEM.
    pub ca_file: PathBuf,
    /// The organisation.
    pub tenant: Tenant,
    /// Where agents listen.
    pub relay_url: String,
    /// Mails, one file for each.
    pub outbox_dir: PathBuf,
    /// The path of the start page.
    pub start_path: String,
    /// Who can be reset, or not.
    pub people: Vec<Person>,
    /// Who can sign in as an administrator; nobody before there is such a page.
    pub admins: Vec<Admin>,
    /// The forests.
    pub directories: Vec<Directory>,
    /// What runs.
    pub processes: Vec<Process>,
    /// The programs.
    pub binaries: Binaries,
    /// The databases of cloud service and agent.
    pub database_files: Vec<PathBuf>,
}

/// An organisation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
}

/// A person of a directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    /// What is typed on the start page.
    pub login: String,
    /// The present password.
    pub password: String,
    /// Where the code goes.
    pub mail: String,
    /// The realm of the forest.
    pub forest: String,
    /// The distinguished name.
    pub dn: String,
    /// The objectGUID, in lower case with dashes.
    pub object_guid: String,
    /// The cloudAnchor.
    pub cloud_anchor: String,
    /// What is special about the person.
    pub kind: Kind,
    /// The stable name of the outcome that a reset has.
    pub expected: String,
    /// The person's accounts in other forests. Nobody can type their names: a person's attributes
    /// come from the account that is enabled.
    #[serde(default)]
    pub also: Vec<Account>,
}

/// A further account of a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// The realm of its forest.
    pub forest: String,
    /// The distinguished name.
    pub dn: String,
    /// The objectGUID, in lower case with dashes.
    pub object_guid: String,
    /// Whether it is switched on.
    pub enabled: bool,
}

/// An administrator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admin {
    /// The name at sign-in.
    pub login: String,
    /// The password.
    pub password: String,
    /// What they may do.
    pub role: String,
}

/// A name and its password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// The name.
    pub login: String,
    /// The password.
    pub password: String,
}

/// A forest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Directory {
    /// The Kerberos realm.
    pub realm: String,
    /// The domain's distinguished name.
    pub base_dn: String,
    /// The controller's address.
    pub address: String,
    /// Its port for LDAP over TLS.
    pub ldaps_port: u16,
    /// Its DNS server, `address:port`.
    pub dns_address: String,
    /// The certificate that vouches for it.
    pub ca_file: PathBuf,
    /// The domain's administrator.
    pub administrator: Credentials,
    /// The agent's account.
    pub service: Credentials,
}

/// A process; it can be killed, and started again from `argv`, `env` and `config`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    /// `cloud`, `agent` or `mail`.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// The configuration; the mail server has none.
    pub config: Option<PathBuf>,
    /// What must survive it.
    pub state_dir: PathBuf,
    /// Its output.
    pub log: PathBuf,
}

/// The programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Binaries {
    /// The cloud service.
    pub passback: PathBuf,
    /// The agent.
    pub passback_agent: PathBuf,
}

impl ReadyFile {
    /// Writes it whole or not at all.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), StackError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| StackError::io("writing", path)(error.into()))?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        fs::write(&part, text).map_err(StackError::io("writing", &part))?;
        fs::rename(&part, path).map_err(StackError::io("renaming", &part))
    }
}

/// How a reset of such a person ends.
pub fn expected(kind: Kind) -> Outcome {
    match kind {
        Kind::Disabled => Outcome::Disabled,
        Kind::Expired => Outcome::AccountExpired,
        Kind::CannotChange => Outcome::CannotChange,
        Kind::ProtectedNested => Outcome::Protected,
        Kind::AdmincountOrphan => Outcome::AdminCountLeftBehind,
        // Its password was set less than the policy's day ago.
        Kind::Pso => Outcome::PolicyTooYoung,
        Kind::Ordinary | Kind::Locked | Kind::MustChange | Kind::TwoForests | Kind::EscapedName => {
            Outcome::PasswordChanged
        }
    }
}
