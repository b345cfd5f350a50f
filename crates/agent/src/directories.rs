//! One client per configured directory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directory::{
    Account, BoundAs, Directory, DirectoryConfig, DirectoryError, DistinguishedName, LdapDirectory,
};
use protocol::{ClearPassword, Clock};
use zeroize::Zeroizing;

use crate::settings::DirectorySettings;
use crate::surroundings::{OpenDirectory, Surroundings};

/// A directory with its settings.
pub(crate) struct Connected {
    /// What is configured for it.
    pub(crate) settings: DirectorySettings,
    /// What is asked; connects on first use.
    pub(crate) directory: Arc<dyn Directory>,
}

/// All directories of the agent.
#[derive(Clone)]
pub(crate) struct Directories(Arc<All>);

struct All {
    connected: Vec<Connected>,
    /// As whom each controller takes the agent, by connector, as far as one has said it.
    bound: Mutex<HashMap<String, BoundAs>>,
}

/// Why a directory cannot be set up. The message names the directory and the file.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A file cannot be read.
    #[error("directory {name}: cannot read {path}: {cause}")]
    File {
        /// The directory's name.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The service account's password cannot be one.
    #[error("directory {name}: {path} must hold the service account's password on one line")]
    Password {
        /// The directory's name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// The settings do not make a directory.
    #[error("directory {name}: {cause}")]
    Directory {
        /// The directory's name.
        name: String,
        /// What is wrong.
        cause: DirectoryError,
    },
    /// The domain's name is not one.
    #[error("directory {name}: `domain` is not a DNS name")]
    Domain {
        /// The directory's name.
        name: String,
    },
}

impl Directories {
    /// Sets all of them up; connects to none.
    pub(crate) fn set_up(
        settings: &[DirectorySettings],
        surroundings: &Surroundings,
    ) -> Result<Self, SetUpError> {
        let connected = |one: &DirectorySettings| {
            let directory = surroundings.directories.open(one, &surroundings.clock)?;
            Ok(Connected { settings: one.clone(), directory })
        };
        let all = settings.iter().map(connected).collect::<Result<_, _>>()?;
        Ok(Self::of(all))
    }

    /// None, for tests of what stands before them.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self::of(Vec::new())
    }

    /// These.
    pub(crate) fn of(connected: Vec<Connected>) -> Self {
        Self(Arc::new(All { connected, bound: Mutex::default() }))
    }

    /// The directory of that connector.
    pub(crate) fn named(&self, connector: &str) -> Option<&Connected> {
        self.all().iter().find(|one| one.settings.name.as_str() == connector)
    }

    /// All of them, in the order of the configuration.
    pub(crate) fn all(&self) -> &[Connected] {
        &self.0.connected
    }

    /// Takes down as whom a controller of that directory takes the agent.
    pub(crate) fn heard(&self, directory: &Connected, bound_as: Option<&BoundAs>) {
        if let Some(own) = bound_as {
            self.bound().insert(directory.settings.name.as_str().to_owned(), own.clone());
        }
    }

    /// Whether an account of this domain is one with which the agent signs in to any of them. Of a directory
    /// that has not answered yet, the name in the configuration says so.
    pub(crate) fn is_own(&self, account: &Account, domain: &str) -> bool {
        let bound = self.bound();
        self.all().iter().any(|one| match bound.get(one.settings.name.as_str()) {
            Some(own) => own.is(&account.sid),
            None => is_named(account, domain, &one.settings.bind_name),
        })
    }

    fn bound(&self) -> MutexGuard<'_, HashMap<String, BoundAs>> {
        // Nothing panics while it is held; the table stays whole.
        self.0.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a name with which somebody binds may mean an account of this domain, in the forms that AD takes
/// (MS-ADTS 5.1.1.1.1): a DN, a userPrincipalName, `name@domain`, by the domain's short name as well as
/// `DOMAIN\\name` and a displayName, where anybody of that name is taken for it, a SID, a GUID with or without
/// braces, and a canonical name. A servicePrincipalName and a SID of the past are not known of an account.
pub(crate) fn is_named(account: &Account, domain: &str, name: &str) -> bool {
    let is = |one: &str, other: &str| one.to_lowercase() == other.to_lowercase();
    // Controllers escape a canonical name differently, and its last level may stand on a line of its own.
    let plain = |canonical: &str| canonical.replace('\\', "").replace('\n', "/");
    let stored = [&account.user_principal_name, &account.display_name].into_iter().flatten();
    if stored.filter(|one| !one.is_empty()).any(|one| is(one, name))
        || is(&account.sid.to_string(), name)
        || name.parse() == Ok(account.guid)
        || is(&plain(&account.dn.canonical()), &plain(name))
        || name.parse::<DistinguishedName>().is_ok_and(|dn| dn == account.dn)
    {
        return true;
    }
    if let Some((_, login)) = name.split_once('\\') {
        return is(&account.sam_account_name, login);
    }
    let Some((login, of)) = name.rsplit_once('@') else { return false };
    (is(of, domain) || !of.contains('.')) && is(&account.sam_account_name, login)
}

/// Directories over LDAPS: those of production.
pub(crate) struct OverLdaps;

impl OpenDirectory for OverLdaps {
    fn open(
        &self,
        settings: &DirectorySettings,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<dyn Directory>, SetUpError> {
        let directory = over_ldaps(settings, clock)?;
        Ok(Arc::new(directory))
    }
}

/// A client for one directory, signed in as its service account.
pub(crate) fn over_ldaps(
    settings: &DirectorySettings,
    clock: &Arc<dyn Clock>,
) -> Result<LdapDirectory, SetUpError> {
    let name = settings.name.as_str().to_owned();
    let path = &settings.bind_password_file;
    let file = |cause| SetUpError::File { name: name.clone(), path: path.clone(), cause };
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(file)?;
    let password = ClearPassword::from_text(text.trim_end_matches(['\r', '\n']));
    let password =
        password.map_err(|_| SetUpError::Password { name: name.clone(), path: path.clone() })?;
    if settings.allow_without_policy_control {
        tracing::warn!(
            event = "directory.history_not_enforced",
            directory = name,
            "passwords are set also where the controller offers no policy-hints control"
        );
    }
    if settings.administrator_reset_without_history_and_age {
        tracing::warn!(
            event = "directory.history_and_age_not_kept",
            directory = name,
            "administrators reset passwords without history and least age"
        );
    }
    over_ldaps_as(settings, &settings.bind_name, password, clock)
}

/// The same, signed in as somebody else.
pub(crate) fn over_ldaps_as(
    settings: &DirectorySettings,
    bind_name: &str,
    password: ClearPassword,
    clock: &Arc<dyn Clock>,
) -> Result<LdapDirectory, SetUpError> {
    let config = config(settings, bind_name, password)?;
    LdapDirectory::new(config, Arc::clone(clock)).map_err(|cause| {
        let name = settings.name.as_str().to_owned();
        SetUpError::Directory { name, cause }
    })
}

/// What the client needs to know of the settings.
fn config(
    settings: &DirectorySettings,
    bind_name: &str,
    password: ClearPassword,
) -> Result<DirectoryConfig, SetUpError> {
    let name = settings.name.as_str().to_owned();
    let file = |cause| SetUpError::File { name: name.clone(), path: settings.ca.clone(), cause };
    let ca = std::fs::read(&settings.ca).map_err(file)?;
    let config = DirectoryConfig::new(&settings.domain, ca, bind_name, password)
        .map_err(|_| SetUpError::Domain { name: name.clone() })?;
    Ok(DirectoryConfig {
        dns: settings.dns,
        ldaps_port: settings.ldaps_port,
        encryption: settings.encryption,
        ldap_port: settings.ldap_port,
        controllers: settings.controllers.clone(),
        only_preferred: settings.only_preferred,
        connect_timeout: settings.connect_timeout,
        operation_timeout: settings.operation_timeout,
        set_time_limit: settings.set_time_limit,
        allow_without_policy_control: settings.allow_without_policy_control,
        people_attributes: settings.people_attributes.clone(),
        ..config
    })
}

#[cfg(test)]
mod tests {
    use directory::Encryption;

    use super::*;
    use crate::guard::tests::{ordinary, settings};
    use crate::journal::tests::Folder;

    #[test]
    fn an_account_is_known_by_every_name_with_which_it_may_bind() {
        let account = ordinary();
        for (name, own) in [
            ("anna@corp.test", true),
            ("ANNA@Corp.Test", true),
            ("CORP\\anna", true),
            ("sales\\Anna", true),
            ("cn=anna,ou=people,dc=corp,dc=test", true),
            ("anna@CORP", true),
            ("anna@sales.test", false),
            ("anna2@corp.test", false),
            ("CORP\\anna2", false),
            ("cn=anna,ou=sales,dc=corp,dc=test", false),
            ("S-1-5-21-1-2-3-1105", true),
            ("s-1-5-21-1-2-3-1105", true),
            ("S-1-5-21-1-2-3-1106", false),
            ("{01010101-0101-0101-0101-010101010101}", true),
            ("01010101-0101-0101-0101-010101010101", true),
            ("{01010101-0101-0101-0101-010101010102}", false),
            ("corp.test/People/Anna", true),
            ("CORP.test/people/anna", true),
            // Its last level may stand on a line of its own.
            ("corp.test/People\nAnna", true),
            ("corp.test/Sales/Anna", false),
            ("sales.test/People/Anna", false),
            ("People/Anna", false),
            ("anna2", false),
            // The name that is shown of it.
            ("anna", true),
            ("", false),
        ] {
            assert_eq!(is_named(&account, "corp.test", name), own, "{name}");
        }
        // Whose principal name is of another kind.
        let other = Account { user_principal_name: Some("a.smith@example.org".into()), ..account };
        assert!(is_named(&other, "corp.test", "A.Smith@example.org"));
        assert!(is_named(&other, "corp.test", "anna@corp.test"));
        // By the name that is shown of it, and by one whose parts need an escape.
        let shown = Account {
            display_name: Some("Service of Passback".into()),
            dn: r"CN=a/b\\c\, d,OU=People,DC=corp,DC=test".parse().unwrap(),
            ..other
        };
        for (name, own) in [
            ("service of passback", true),
            ("Anna", false),
            ("corp.test/People/a\\/b\\c, d", true),
            ("corp.test/People/a/b\\c, d", true),
            ("corp.test/People/a/b\\c", false),
            (r"cn=A/b\\c\, d,ou=people,dc=corp,dc=test", true),
            (r"cn=A/b\\c\, e,ou=people,dc=corp,dc=test", false),
        ] {
            assert_eq!(is_named(&shown, "corp.test", name), own, "{name}");
        }
        let dn = "CN=svc@corp,OU=People,DC=corp,DC=test".parse().unwrap();
        let with_an_at = Account { dn, ..shown };
        assert!(is_named(&with_an_at, "corp.test", "cn=svc@corp,ou=People,dc=corp,dc=test"));
    }

    #[test]
    fn nobody_without_a_name_to_show_is_taken_for_the_agents_own() {
        for display_name in [None, Some(String::new())] {
            let account = Account { display_name, ..ordinary() };
            assert!(!is_named(&account, "corp.test", ""));
        }
    }

    #[test]
    fn the_client_is_told_how_and_where_to_connect() {
        let folder = Folder::new("directory-config");
        let ca = folder.0.join("ca.pem");
        std::fs::write(&ca, "authority").unwrap();
        let settings = DirectorySettings {
            ca,
            encryption: Encryption::StartTls,
            ldaps_port: 1,
            ldap_port: 2,
            controllers: vec!["dc2.corp.test".to_owned()],
            only_preferred: true,
            ..settings()
        };
        let password = ClearPassword::from_text("Secret-2025").unwrap();
        let config = config(&settings, "svc", password).ok().unwrap();
        assert_eq!((config.encryption, config.port()), (Encryption::StartTls, 2));
        assert_eq!((config.ldaps_port, config.only_preferred), (1, true));
        assert_eq!(config.controllers, ["dc2.corp.test"]);
        assert_eq!(
            (config.ca_pem.as_slice(), config.bind_name.as_str()),
            (&b"authority"[..], "svc")
        );
    }

    /// A bind without a password succeeds as nobody, and would look like one that was signed in (RFC 4513
    /// 5.1.2).
    #[test]
    fn a_service_account_without_a_password_is_never_signed_in() {
        let folder = Folder::new("directory-no-password");
        let (ca, file) = (folder.0.join("ca.pem"), folder.0.join("password"));
        std::fs::write(&ca, "authority").unwrap();
        let clock: Arc<dyn Clock> =
            Arc::new(protocol::ManualClock::at(protocol::Timestamp::from_millis(0)));
        let settings = DirectorySettings { ca, bind_password_file: file.clone(), ..settings() };
        for text in ["", "\n", "\r\n"] {
            std::fs::write(&file, text).unwrap();
            let refused = over_ldaps(&settings, &clock).err().unwrap();
            assert!(
                matches!(&refused, SetUpError::Password { path, .. } if *path == file),
                "{refused}"
            );
        }
        std::fs::write(&file, "Secret-2025\n").unwrap();
        assert!(!matches!(over_ldaps(&settings, &clock), Err(SetUpError::Password { .. })));
    }
}
