//! The client: everything the agent asks of a directory, at the domain's PDC emulator.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::{ClearPassword, Clock, Timestamp};
use tracing::{debug, warn};

use crate::attributes::Entry;
use crate::pdc::{Pdc, ROLE_CHECK};
use crate::people::{self, PersonEntry};
use crate::policy::{self, EffectivePolicy, PolicySource};
use crate::root::PolicyControl;
use crate::session::Session;
use crate::witness::Witness;
use crate::{
    Account, DirectoryConfig, DirectoryError, DistinguishedName, ObjectGuid, SetError, Sid,
    account, set, wire, witness,
};

/// A directory. Clones share one connection to the PDC emulator, over which requests run at the
/// same time; it is made when it is first needed and made again whenever it breaks.
#[derive(Clone)]
pub struct Directory(Arc<Pdc>);

/// What a probe of the whole path saw (SPEC A-4).
#[derive(Debug, Clone)]
pub struct Probe {
    /// The DNS name of the PDC emulator.
    pub controller: String,
    /// The address at which it was reached.
    pub address: SocketAddr,
    /// The service account as the controller knows it: the agent's own account, which is never
    /// reset (SPEC D-6). None if the controller does not say.
    pub bound_as: Option<Sid>,
    /// The controls that the controller offers, by number.
    pub controls: Vec<String>,
    /// Which policy-hints control a set will carry; none means that sets are refused (SPEC D-2).
    pub policy_control: Option<PolicyControl>,
}

impl Directory {
    /// A client for one directory. Connects when it is first used.
    ///
    /// # Errors
    /// [`DirectoryError::Configuration`] for authorities, names or a resolver that cannot be used.
    pub fn new(config: DirectoryConfig, clock: Arc<dyn Clock>) -> Result<Self, DirectoryError> {
        if config.bind_name.trim().is_empty() {
            // A bind without a name is anonymous, whatever the password.
            let problem = "the service account has no name".to_owned();
            return Err(DirectoryError::Configuration(problem));
        }
        Pdc::new(config, clock).map(|pdc| Self(Arc::new(pdc)))
    }

    /// Goes the whole way once: the PDC emulator is found, bound, and says that it holds the role.
    ///
    /// # Errors
    /// Where the way ends.
    pub async fn probe(&self) -> Result<Probe, DirectoryError> {
        let session = self.0.session(Duration::ZERO).await?;
        Ok(Probe {
            controller: session.root.host.clone(),
            address: session.address,
            bound_as: session.root.bound_sid.clone(),
            controls: session.root.controls.clone(),
            policy_control: PolicyControl::among(&session.root.controls),
        })
    }

    /// The account with this GUID; none if the directory has no such object.
    ///
    /// # Errors
    /// Besides failures on the way, [`DirectoryError::Unreadable`] if protection cannot be judged
    /// because groups or flags are hidden from the service account, or if it is no account.
    pub async fn account(&self, guid: ObjectGuid) -> Result<Option<Account>, DirectoryError> {
        let found = self.object(guid.as_base(), account::ATTRIBUTES).await?;
        found.map(|(_, entry)| Account::try_from(entry)).transpose()
    }

    /// The policy that decides about this account's next password.
    ///
    /// # Errors
    /// If the domain's rules cannot be read; those of a PSO that is hidden are merely unknown.
    pub async fn effective_policy(
        &self,
        account: &Account,
    ) -> Result<EffectivePolicy, DirectoryError> {
        self.policy(account.resultant_pso.as_ref()).await
    }

    /// The rules of a fine-grained policy, or of the domain where there is none.
    ///
    /// # Errors
    /// If the domain's policy cannot be read. A fine-grained one that may not be read has no
    /// rules, which is no error (SPEC D-12).
    pub async fn policy(
        &self,
        fine_grained: Option<&DistinguishedName>,
    ) -> Result<EffectivePolicy, DirectoryError> {
        if let Some(pso) = fine_grained {
            let (session, found) = self.read(pso.to_string(), policy::PSO_ATTRIBUTES).await?;
            return Ok(EffectivePolicy {
                source: PolicySource::FineGrained(pso.clone()),
                rules: found.and_then(|entry| policy::pso_rules(&entry.attributes)),
                names_judged: !session.root.is_samba,
            });
        }
        let head = &self.0.config().base_dn;
        let found = self.object(head.to_string(), policy::DOMAIN_ATTRIBUTES).await?;
        let (session, entry) =
            found.ok_or(DirectoryError::Unreadable { attribute: "the domain head" })?;
        Ok(EffectivePolicy {
            source: PolicySource::Domain(head.clone()),
            rules: Some(policy::domain_rules(&entry.attributes)?),
            names_judged: !session.root.is_samba,
        })
    }

    /// How the account's password stands at the PDC emulator; none if there is no such object.
    ///
    /// # Errors
    /// If the metadata cannot be read.
    pub async fn witness(&self, guid: ObjectGuid) -> Result<Option<Witness>, DirectoryError> {
        let Some((session, entry)) = self.object(guid.as_base(), witness::ATTRIBUTES).await? else {
            return Ok(None);
        };
        Witness::read(&entry, &session.root.host, session.invocation_id).map(Some)
    }

    /// Sets the password and unlocks the account, under the policy that AD enforces on a user's own
    /// change (SPEC D-2, PR-3). From `not_after` on nothing is sent, however long connecting took
    /// (SPEC W-11).
    ///
    /// # Errors
    /// [`SetError::Unknown`] is the only one after which the password may be changed.
    pub async fn set_password(
        &self,
        guid: ObjectGuid,
        password: &ClearPassword,
        not_after: Timestamp,
    ) -> Result<(), SetError> {
        self.set(guid, password, not_after, None).await
    }

    /// As [`Directory::set_password`], but only at the controller that gave this witness: a reading
    /// elsewhere would not settle the set.
    ///
    /// # Errors
    /// Those of [`Directory::set_password`], and [`SetError::ControllerMoved`].
    pub async fn set_password_at(
        &self,
        noted: &Witness,
        guid: ObjectGuid,
        password: &ClearPassword,
        not_after: Timestamp,
    ) -> Result<(), SetError> {
        self.set(guid, password, not_after, Some(noted)).await
    }

    /// Reads the people at and below each base, `page` at a time, and hands each one over as it
    /// comes; how many there were. Uses a connection of its own, so that no reset waits for it.
    ///
    /// # Errors
    /// After some people were handed over, too: the run is to be repeated then.
    pub async fn people(
        &self,
        bases: &[DistinguishedName],
        page: u32,
        each: &mut (dyn FnMut(PersonEntry) + Send),
    ) -> Result<u64, DirectoryError> {
        let session = self.0.connect().await?;
        people::read(&session, self.0.config(), bases, page, each).await
    }

    async fn set(
        &self,
        guid: ObjectGuid,
        password: &ClearPassword,
        not_after: Timestamp,
        noted: Option<&Witness>,
    ) -> Result<(), SetError> {
        let session = self.0.session(ROLE_CHECK).await.map_err(SetError::NotSent)?;
        if noted.is_some_and(|noted| noted.invocation_id != session.invocation_id) {
            return Err(SetError::ControllerMoved);
        }
        let control = PolicyControl::among(&session.root.controls);
        if control.is_none() {
            if !self.0.config().allow_without_policy_control {
                return Err(SetError::NoPolicyControl);
            }
            warn!(controller = session.host, "directory.set.without_policy_control");
        }
        let oid = control.map(PolicyControl::oid);
        let target = guid.as_base();
        // Looked at last: finding and connecting may have taken long.
        let left = not_after.since(self.0.now());
        if left.is_zero() {
            return Err(SetError::TooLate);
        }
        let flight = session
            .connection
            .start(|id| Ok(wire::set(id, &target, password, oid)))
            .map_err(|closed| SetError::NotSent(DirectoryError::Lost { cause: closed.0 }))?;
        let result = set::answer(flight, self.0.config().set_time_limit, left).await;
        let broken = matches!(
            result,
            Err(SetError::Unknown { .. } | SetError::NotSent(_) | SetError::TooLate)
        );
        if broken {
            self.0.forget(&session).await;
        }
        result
    }

    /// Reads one object at the PDC emulator.
    async fn object(
        &self,
        base: String,
        attributes: &[&str],
    ) -> Result<Option<(Arc<Session>, Entry)>, DirectoryError> {
        let (session, found) = self.read(base, attributes).await?;
        Ok(found.map(|entry| (session, entry)))
    }

    /// Reads one object. A connection that turns out to be dead is replaced once: a read may be
    /// repeated, a set never.
    async fn read(
        &self,
        base: String,
        attributes: &[&str],
    ) -> Result<(Arc<Session>, Option<Entry>), DirectoryError> {
        let limit = self.0.config().operation_timeout;
        let session = self.0.session(ROLE_CHECK).await?;
        match session.object(base.clone(), attributes, limit).await {
            Err(DirectoryError::Lost { cause }) => {
                debug!(controller = session.host, cause, "directory.read.again");
                self.0.forget(&session).await;
            }
            other => return other.map(|found| (session, found)),
        }
        let session = self.0.session(ROLE_CHECK).await?;
        let found = session.object(base, attributes, limit).await?;
        Ok((session, found))
    }
}

#[cfg(test)]
mod tests {
    use protocol::SystemClock;

    use super::*;

    fn directory(bind_name: &str, ca_pem: &[u8]) -> Result<Directory, DirectoryError> {
        let password = ClearPassword::from_text("Service-Password-1").unwrap();
        let config =
            DirectoryConfig::new("corp.example", ca_pem.to_vec(), bind_name, password).unwrap();
        Directory::new(config, Arc::new(SystemClock))
    }

    #[test]
    fn a_client_can_be_made_before_there_is_a_runtime() {
        let authority = lab::Authority::create().unwrap();
        assert!(directory("svc@corp.example", authority.pem().as_bytes()).is_ok());
    }

    #[test]
    fn nobody_binds_anonymously_or_trusts_nobody() {
        let authority = lab::Authority::create().unwrap();
        for (name, pem) in [("", authority.pem()), ("  ", authority.pem()), ("svc", "")] {
            let error = directory(name, pem.as_bytes()).err();
            assert!(matches!(error, Some(DirectoryError::Configuration(_))), "{name:?}");
        }
    }
}
