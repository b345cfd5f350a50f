//! One controller of the domain by its name, to compare it with the others: what has replicated to it
//! (SPEC D-12), and who holds the PDC role by its word (SPEC D-5). Nothing is set there (SPEC W-8).

use std::time::Duration;

use crate::session::Session;
use crate::{
    Asker, DirectoryError, DistinguishedName, LdapDirectory, ObjectGuid, Surveyed, Witness, witness,
};

/// A connection to one controller of the domain, whichever role it has.
pub struct Controller {
    session: Session,
    head: DistinguishedName,
    time_limit: Duration,
}

impl LdapDirectory {
    /// The DNS names of all controllers of the domain that DNS names, the most preferred one first
    /// (`_ldap._tcp.dc._msdcs.DOMAIN`, MS-ADTS 6.3.2.3). Names that are neither below the domain nor
    /// configured are left out.
    ///
    /// # Errors
    /// [`DirectoryError::PdcUnreachable`] if DNS does not answer or names none,
    /// [`DirectoryError::Unfit`] if it names no other ones than these.
    pub async fn controllers(&self) -> Result<Vec<String>, DirectoryError> {
        self.0.all_by_dns().await
    }

    /// The DNS names of those that DNS names as the PDC emulator (`_ldap._tcp.pdc._msdcs.DOMAIN`): one,
    /// unless the record of a former one is still there. As DNS says it, to be shown.
    ///
    /// # Errors
    /// [`DirectoryError::PdcUnreachable`] if DNS does not answer or names none.
    pub async fn pdc_in_dns(&self) -> Result<Vec<String>, DirectoryError> {
        self.0.locator.pdc_hosts(&self.0.config().domain).await
    }

    /// A connection to the controller with this DNS name.
    ///
    /// # Errors
    /// Where the way ends; [`DirectoryError::Configuration`] if it serves another domain.
    pub async fn at(&self, host: &str) -> Result<Controller, DirectoryError> {
        let session = self.0.connect_at(host).await?;
        let config = self.0.config();
        Ok(Controller {
            session,
            head: config.base_dn.clone(),
            time_limit: config.operation_timeout,
        })
    }
}

impl Controller {
    /// Its DNS name, as it says itself.
    pub fn host(&self) -> &str {
        &self.session.root.host
    }

    /// Whether it is Samba, whose administrators have tools of their own.
    pub const fn is_samba(&self) -> bool {
        self.session.root.is_samba
    }

    /// The DNS name of whoever holds the PDC role, as this controller knows it.
    ///
    /// # Errors
    /// Where the way ends; [`DirectoryError::Unreadable`] where the holder's name is hidden.
    pub async fn pdc(&self) -> Result<String, DirectoryError> {
        let owner = self.session.role_owner(&self.head, self.time_limit).await?;
        if owner == self.session.root.settings {
            return Ok(self.host().to_owned());
        }
        self.session.host_of(&owner, self.time_limit).await
    }

    /// Whom it takes the bound account for.
    ///
    /// # Errors
    /// Those of [`LdapDirectory::asker`].
    pub async fn asker(&self) -> Result<Asker, DirectoryError> {
        let found = self.session.search(Asker::question(), self.time_limit).await?;
        Asker::read(&self.session, found, self.time_limit).await
    }

    /// How an account's password stands by this controller's word; none if there is no such object.
    ///
    /// # Errors
    /// Those of [`crate::Directory::witness`].
    pub async fn witness(&self, guid: ObjectGuid) -> Result<Option<Witness>, DirectoryError> {
        let (session, attributes) = (&self.session, witness::ATTRIBUTES);
        let found = session.object(guid.as_base(), attributes, self.time_limit).await?;
        found.map(|entry| session.witness(&entry)).transpose()
    }

    /// One object as this controller has it; none if it is not there, or not yet.
    ///
    /// # Errors
    /// Those of [`LdapDirectory::surveyed`].
    pub async fn surveyed(
        &self,
        dn: &DistinguishedName,
    ) -> Result<Option<Surveyed>, DirectoryError> {
        let question = Surveyed::question(&dn.to_string());
        Surveyed::read(self.session.search(question, self.time_limit).await)
    }
}
