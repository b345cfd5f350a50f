//! The proof: a sign-in to the directory over LDAPS, by a client that is not ours where there is one.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;

use clock::SystemClock;
use directory::{BindRefusal, Directory as _, DirectoryConfig, DirectoryError, LdapDirectory};
use lab::{Bound, Forest};
use protocol::ClearPassword;
use tokio::runtime::Builder;

use crate::StackError;
use crate::demo::not_proven;

/// Who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prover {
    /// OpenLDAP's `ldapwhoami`.
    OpenLdap,
    /// The agent's own LDAP client, where that is not installed.
    Own,
}

impl Prover {
    /// OpenLDAP's if it is installed, else our own.
    pub(super) fn present() -> Self {
        let asked = Command::new("ldapwhoami")
            .arg("-VV")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if asked.is_ok_and(|status| status.success()) { Self::OpenLdap } else { Self::Own }
    }

    /// What to call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OpenLdap => "OpenLDAP's client",
            Self::Own => "The agent's LDAP client",
        }
    }

    /// Whether the directory takes the password.
    ///
    /// # Errors
    ///
    /// If it is refused for another reason than that it is wrong (SPEC D-10), or if there is no
    /// answer.
    pub(super) fn accepted(
        self,
        forest: &Forest,
        login: &str,
        password: &str,
    ) -> Result<bool, StackError> {
        match self {
            Self::OpenLdap => match forest.bind(login, password)? {
                Bound::Accepted => Ok(true),
                Bound::Refused { sub_code } if sub_code == "52e" => Ok(false),
                other => Err(not_proven(&format!("the directory answered {login} with {other:?}"))),
            },
            Self::Own => probe(forest, login, password),
        }
    }
}

fn probe(forest: &Forest, login: &str, password: &str) -> Result<bool, StackError> {
    let broken = |cause: &dyn std::fmt::Display| not_proven(&format!("no sign-in: {cause}"));
    let ca = fs::read(&forest.ca_file).map_err(StackError::io("reading", &forest.ca_file))?;
    let password = ClearPassword::from_text(password).map_err(|error| broken(&error))?;
    let config = DirectoryConfig::new(&forest.domain, ca, login, password);
    let config = DirectoryConfig {
        dns: Some(forest.dns_address),
        ldaps_port: forest.ldaps_port,
        ..config.map_err(|error| broken(&error))?
    };
    let directory = LdapDirectory::new(config, Arc::new(SystemClock));
    let directory = directory.map_err(|error| broken(&error))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| broken(&error))?;
    match runtime.block_on(directory.probe()) {
        Ok(_) => Ok(true),
        Err(DirectoryError::BindRefused { refusal: BindRefusal::WrongPassword, .. }) => Ok(false),
        Err(error) => Err(broken(&error)),
    }
}

#[cfg(test)]
mod tests {
    use lab::Kind;

    use super::*;
    use crate::Embedded;

    #[test]
    fn the_agents_client_tells_a_right_password_from_a_wrong_one_and_both_from_an_account_that_is_off()
     {
        let embedded = Embedded::start(1).unwrap();
        let forest = embedded.forest();
        let login = |kind| {
            let person = forest.person_of(kind).unwrap();
            (format!("{}@{}", person.login, forest.domain), person.password.clone())
        };
        let (anna, password) = login(Kind::Ordinary);
        assert!(Prover::Own.accepted(forest, &anna, &password).unwrap());
        assert!(!Prover::Own.accepted(forest, &anna, "Not-The-Password-1").unwrap());
        let (off, password) = login(Kind::Disabled);
        assert!(Prover::Own.accepted(forest, &off, &password).is_err());
    }
}
