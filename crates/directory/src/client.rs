//! The client: everything the agent asks of a directory, at the domain's PDC emulator.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, Ready, ready, select};
use protocol::{Clock, Timestamp};
use tracing::{debug, warn};

use crate::attributes::Entry;
use crate::directory::{Directory, Late, Probe, Standing, Terms, Write};
use crate::dirsync::{self, Change, ChangesRead, Cookie};
use crate::pdc::{Pdc, ROLE_CHECK};
use crate::people::{self, PeopleRead, PersonEntry};
use crate::policy::{self, EffectivePolicy};
use crate::reading::Patience;
use crate::root::PolicyControl;
use crate::session::Session;
use crate::survey::sid_base;
use crate::witness::Witness;
use crate::{
    Account, DirectoryConfig, DirectoryError, DistinguishedName, Holder, InvocationId, ObjectGuid,
    SetError, Sid, account, filetime, holder, role, set, wire, witness,
};

/// An Active Directory over LDAPS. Clones share a few connections to the PDC emulator, over each of
/// which requests run at the same time; they are made when they are first needed and made again
/// whenever they break.
#[derive(Clone)]
pub struct LdapDirectory(pub(crate) Arc<Pdc>);

/// What a controller says about its clock (MS-ADTS 3.1.1.3.2.4).
const CURRENT_TIME: &str = "currentTime";

impl Directory for LdapDirectory {
    fn probe(&self) -> BoxFuture<'_, Result<Probe, DirectoryError>> {
        Box::pin(async move {
            let session = self.0.session(Duration::ZERO).await?;
            Ok(Probe {
                controller: session.root.host.clone(),
                address: session.address,
                bound_as: session.root.bound_as.clone(),
                controls: session.root.controls.clone(),
                policy_control: PolicyControl::among(&session.root.controls),
            })
        })
    }

    fn account(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Account>, DirectoryError>> {
        Box::pin(self.account_with(guid, Patience::Whole))
    }

    fn policy<'a>(
        &'a self,
        fine_grained: Option<&'a DistinguishedName>,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        Box::pin(async move {
            match fine_grained {
                Some(pso) => self.fine_grained_policy(pso).await,
                None => self.domain_policy().await,
            }
        })
    }

    fn resultant_pso(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<DistinguishedName>, DirectoryError>> {
        Box::pin(async move {
            let found = self.object(guid.as_base(), &[policy::RESULTANT]).await?;
            let read =
                |(_, entry): (Arc<Session>, Entry)| entry.attributes.parsed(policy::RESULTANT);
            Ok(found.map(read).transpose()?.flatten())
        })
    }

    fn holder<'a>(&'a self, sid: &'a Sid) -> BoxFuture<'a, Result<Holder, DirectoryError>> {
        Box::pin(async move {
            let head = self.0.config().base_dn.to_string();
            let head = self.object(head, holder::ATTRIBUTES).await?;
            let head = head.map(|(_, entry)| entry.attributes).unwrap_or_default();
            if Holder::is_elsewhere(sid, &head)? {
                return Ok(Holder::OfAnotherDomain);
            }
            let found = self.object(sid_base(sid), holder::ATTRIBUTES).await?;
            Holder::read(found.map(|(_, entry)| entry))
        })
    }

    /// Two searches, sent together over one connection: the second one is worked on while what the
    /// first one found is noted (decision 0015).
    fn standing(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<Standing<'_>>, DirectoryError>> {
        Box::pin(async move {
            let about = [account::STORED, witness::ATTRIBUTES].concat();
            let (session, (found, groups)) = self
                .reading(|session| {
                    let groups = self.groups(Arc::clone(&session), guid);
                    let found = self.object_over(session, guid.as_base(), &about);
                    both_sent(found, groups)
                })
                .await?;
            let Some(stored) = found else { return Ok(None) };
            let witness = session.witness(&stored)?;
            let bound_as = session.root.bound_as.clone();
            let policy_control = PolicyControl::among(&session.root.controls);
            let account = Box::pin(self.with_groups(guid, session, stored, groups));
            Ok(Some(Standing { bound_as, witness, policy_control, account }))
        })
    }

    fn witness(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>> {
        Box::pin(async move {
            let found = self.object(guid.as_base(), witness::ATTRIBUTES).await?;
            let read = |(session, entry): (Arc<Session>, Entry)| session.witness(&entry);
            found.map(read).transpose()
        })
    }

    fn witness_at<'a>(
        &'a self,
        controller: &'a str,
        guid: ObjectGuid,
    ) -> BoxFuture<'a, Result<Option<Witness>, DirectoryError>> {
        Box::pin(async move { self.at(controller).await?.witness(guid).await })
    }

    fn time(&self) -> BoxFuture<'_, Result<Timestamp, DirectoryError>> {
        Box::pin(async move {
            // The rootDSE has no name (RFC 4512 section 5.1).
            let found = self.object(String::new(), &[CURRENT_TIME]).await?;
            let said = found.as_ref().and_then(|(_, root)| root.attributes.text(CURRENT_TIME));
            let unreadable = DirectoryError::Unreadable { attribute: CURRENT_TIME };
            said.and_then(filetime::generalized).ok_or(unreadable)
        })
    }

    fn role_given(&self) -> BoxFuture<'_, Result<Option<Timestamp>, DirectoryError>> {
        Box::pin(async move {
            let head = self.0.config().base_dn.to_string();
            let head = self.object(head, role::GIVEN).await?;
            Ok(head.and_then(|(_, head)| role::role_given(&head.attributes)))
        })
    }

    fn write<'a>(
        &'a self,
        guid: ObjectGuid,
        write: Write<'a>,
        terms: Terms<'a>,
    ) -> BoxFuture<'a, Result<(), SetError>> {
        Box::pin(self.write_on(guid, write, terms))
    }

    fn late(&self, guid: ObjectGuid, noted: (InvocationId, u32)) -> Late {
        self.0.unanswered.late(guid, noted)
    }

    /// Uses a connection of its own, so that no reset waits for it.
    fn people<'a>(
        &'a self,
        bases: &'a [DistinguishedName],
        page: u32,
        each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<PeopleRead, DirectoryError>> {
        Box::pin(async move {
            let session = self.0.connect_for_people().await?;
            people::read(&session, self.0.config(), bases, page, each).await
        })
    }
}

impl LdapDirectory {
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

    /// Reads which people have changed since a reading ended, or everybody, and hands each one over as
    /// it comes; where the next reading begins, and who could not be read. At the controllers at which people are read, over a
    /// connection of its own. See [`crate::dirsync`] for what is not seen.
    ///
    /// # Errors
    /// After some changes were handed over, too: the reading is to be repeated then, from where it
    /// began. A controller that does not take the cookie refuses it: begin anew.
    pub async fn changes(
        &self,
        since: Option<&Cookie>,
        each: &mut (dyn FnMut(Change) + Send),
    ) -> Result<ChangesRead, DirectoryError> {
        let session = self.0.connect_for_people().await?;
        dirsync::read(&session, self.0.config(), since, each).await
    }

    /// All values of one attribute of an object at the PDC emulator, also where the controller hands
    /// them out in parts; none if there is no such object.
    ///
    /// # Errors
    /// [`DirectoryError::TooMuch`] beyond a million values or 64 MiB.
    pub async fn values(
        &self,
        object: &DistinguishedName,
        attribute: &str,
    ) -> Result<Option<Vec<Vec<u8>>>, DirectoryError> {
        let found = self.object(object.to_string(), &[attribute]).await?;
        let name = attribute.split(';').next().unwrap_or(attribute);
        Ok(found.map(|(_, mut entry)| entry.attributes.take(name)))
    }

    async fn fine_grained_policy(
        &self,
        pso: &DistinguishedName,
    ) -> Result<EffectivePolicy, DirectoryError> {
        let (session, found) = self.read(pso.to_string(), policy::PSO_ATTRIBUTES).await?;
        let found = found.as_ref().map(|entry| &entry.attributes);
        Ok(EffectivePolicy::fine_grained(pso.clone(), found, session.root.judge()))
    }

    async fn domain_policy(&self) -> Result<EffectivePolicy, DirectoryError> {
        let head = &self.0.config().base_dn;
        let found = self.object(head.to_string(), policy::DOMAIN_ATTRIBUTES).await?;
        let (session, entry) =
            found.ok_or(DirectoryError::Unreadable { attribute: "the domain head" })?;
        EffectivePolicy::of_domain(head.clone(), &entry.attributes, session.root.judge())
    }

    async fn write_on(
        &self,
        guid: ObjectGuid,
        write: Write<'_>,
        Terms { not_after, noted }: Terms<'_>,
    ) -> Result<(), SetError> {
        let session = self.0.session(ROLE_CHECK).await.map_err(SetError::NotSent)?;
        if noted.is_some_and(|noted| noted.invocation_id != session.invocation_id) {
            return Err(SetError::ControllerMoved);
        }
        let control = match write {
            Write::Reset(_) => self.hints(&session)?,
            // Asked for without, whatever is offered.
            Write::ResetWithoutHints(_) => None,
            // AD enforces all of its policy by itself.
            Write::Change { .. } | Write::Unlock | Write::RequireChange => None,
        };
        let oid = control.map(PolicyControl::oid);
        let target = guid.as_base();
        // Looked at last: finding and connecting may have taken long.
        let left = not_after.since(self.0.now());
        if left.is_zero() {
            return Err(SetError::TooLate);
        }
        self.0.unanswered.begin(guid);
        let mut flight =
            session
                .connection
                .start(|id| Ok(wire::modify(id, &target, write, oid)))
                .map_err(|closed| SetError::NotSent(DirectoryError::Lost { cause: closed.0 }))?;
        let result = set::answer(&mut flight, self.0.config().set_time_limit, left).await;
        let broken = matches!(
            result,
            Err(SetError::Unknown { .. } | SetError::NotSent(_) | SetError::TooLate)
        );
        if let (Err(SetError::Unknown { .. }), Some(noted)) = (&result, noted) {
            self.0.unanswered.keep(guid, noted, flight, write.is_of_a_password());
        }
        if broken {
            self.0.forget(&session);
        }
        result
    }

    /// The control with which a reset obeys the policy; none where it may go without.
    fn hints(&self, session: &Session) -> Result<Option<PolicyControl>, SetError> {
        let control = PolicyControl::among(&session.root.controls);
        if control.is_none() {
            if !self.0.config().allow_without_policy_control {
                return Err(SetError::NoPolicyControl);
            }
            warn!(controller = session.host, "directory.set.without_policy_control");
        }
        Ok(control)
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

    /// Reads one object.
    async fn read(
        &self,
        base: String,
        attributes: &[&str],
    ) -> Result<(Arc<Session>, Option<Entry>), DirectoryError> {
        self.reading(|session| self.object_over(session, base.clone(), attributes)).await
    }

    /// One object, over this connection.
    async fn object_over(
        &self,
        session: Arc<Session>,
        base: String,
        attributes: &[&str],
    ) -> Result<Option<Entry>, DirectoryError> {
        session.object(base, attributes, self.0.config().operation_timeout).await
    }

    /// The groups of an account, over this connection.
    async fn groups(
        &self,
        session: Arc<Session>,
        guid: ObjectGuid,
    ) -> Result<Option<Entry>, DirectoryError> {
        self.object_over(session, guid.as_base(), &[account::GROUPS]).await
    }

    /// The account whose groups were asked for together with all the rest. Where that connection has
    /// broken in between, all of it is read anew.
    async fn with_groups(
        &self,
        guid: ObjectGuid,
        session: Arc<Session>,
        mut stored: Entry,
        groups: impl Future<Output = Result<Option<Entry>, DirectoryError>>,
    ) -> Result<Option<Account>, DirectoryError> {
        match groups.await {
            Ok(None) => Ok(None),
            Ok(Some(mut entry)) => {
                stored.attributes.extend(account::GROUPS, entry.attributes.take(account::GROUPS));
                Account::read(stored, session.root.requester().as_ref()).map(Some)
            }
            Err(DirectoryError::Lost { cause }) => {
                debug!(controller = session.host, cause, "directory.read.again");
                let patience = Patience::Whole.after(&session);
                self.0.forget(&session);
                self.account_with(guid, patience).await
            }
            Err(error) => Err(error),
        }
    }

    /// All of an account in one reading.
    async fn account_with(
        &self,
        guid: ObjectGuid,
        patience: Patience,
    ) -> Result<Option<Account>, DirectoryError> {
        let about = [account::STORED, &[account::GROUPS]].concat();
        let ask = |session| self.object_over(session, guid.as_base(), &about);
        let (session, found) = self.reading_with(patience, ask).await?;
        let who = session.root.requester();
        found.map(|entry| Account::read(entry, who.as_ref())).transpose()
    }
}

/// Sends two questions one right behind the other; the answer to the first, and the second on its way.
///
/// # Errors
/// That of the first.
async fn both_sent<A, E, S: Future>(
    first: impl Future<Output = Result<A, E>>,
    second: S,
) -> Result<(A, Either<Pin<Box<S>>, Ready<S::Output>>), E> {
    match select(Box::pin(first), Box::pin(second)).await {
        Either::Left((answer, second)) => Ok((answer?, Either::Left(second))),
        Either::Right((early, first)) => Ok((first.await?, Either::Right(ready(early)))),
    }
}

#[cfg(test)]
mod tests {
    use clock::SystemClock;
    use protocol::ClearPassword;

    use super::*;

    fn directory(bind_name: &str, ca_pem: &[u8]) -> Result<LdapDirectory, DirectoryError> {
        let password = ClearPassword::from_text("Service-Password-1").unwrap();
        let config =
            DirectoryConfig::new("corp.example", ca_pem.to_vec(), bind_name, password).unwrap();
        LdapDirectory::new(config, Arc::new(SystemClock))
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
