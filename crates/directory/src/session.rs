//! A bound connection to one controller, and what a controller says about itself.

use std::net::SocketAddr;
use std::time::Duration;

use crate::attributes::Entry;
use crate::connection::Connection;
use crate::root::RootDse;
use crate::search;
use crate::witness::{InvocationId, Witness};
use crate::{DirectoryError, DistinguishedName};

pub(crate) use crate::search::{Search, refusal, refused_in};

/// A connection that is bound, to a controller whose rootDSE was read.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) connection: Connection,
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
    pub(crate) root: RootDse,
    /// Which copy of the database the controller had when the connection was opened. It may have been given
    /// another id since, without having been restarted: where it is a virtual machine that notices that it
    /// was put back, or holds a partition anew. Then what is written carries the new id, and what is in doubt
    /// by the old one comes out as another controller's, or as what cannot be known. That something is
    /// unchanged is concluded by versions that count on: whoever puts the database back puts the controller's
    /// end of TLS back as well, and no connection outlives that.
    pub(crate) invocation_id: InvocationId,
}

impl Session {
    /// All entries that a search finds. Referrals are not chased.
    pub(crate) async fn search(
        &self,
        search: Search<'_>,
        limit: Duration,
    ) -> Result<Vec<Entry>, DirectoryError> {
        search::search(&self.connection, search, limit).await
    }

    /// One object; none if it is not in the controller's domain. Values that the controller hands out in parts are all
    /// there.
    pub(crate) async fn object(
        &self,
        base: String,
        attributes: &[&str],
        limit: Duration,
    ) -> Result<Option<Entry>, DirectoryError> {
        match self.search(Search::object(base.clone(), attributes), limit).await {
            Ok(found) => {
                let mut found = found.into_iter().next();
                if let Some(entry) = &mut found {
                    self.complete(entry, &base, limit).await?;
                }
                Ok(found)
            }
            Err(DirectoryError::Refused(refusal)) if refusal.is_not_in_the_domain() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How a password stands by an entry that was read here.
    ///
    /// # Errors
    /// Those of [`Witness::read`].
    pub(crate) fn witness(&self, entry: &Entry) -> Result<Witness, DirectoryError> {
        Witness::read(entry, &self.root.host, self.invocation_id, self.root.judge())
    }

    /// The NTDS Settings object of whoever holds the PDC role, as this controller knows it.
    pub(crate) async fn role_owner(
        &self,
        head: &DistinguishedName,
        limit: Duration,
    ) -> Result<DistinguishedName, DirectoryError> {
        let entry = self.object(head.to_string(), &["fSMORoleOwner"], limit).await?;
        let entry = entry.ok_or_else(|| {
            DirectoryError::Configuration(format!("there is no domain head {head}"))
        })?;
        entry.attributes.required("fSMORoleOwner")
    }

    /// The DNS name of the controller with these NTDS Settings: its server object is one level up.
    pub(crate) async fn host_of(
        &self,
        settings: &DistinguishedName,
        limit: Duration,
    ) -> Result<String, DirectoryError> {
        let hidden = DirectoryError::Unreadable { attribute: "dNSHostName of the role's owner" };
        let server = settings.parent().ok_or(hidden.clone())?;
        let entry = self.object(server.to_string(), &["dNSHostName"], limit).await?;
        let host = entry.and_then(|entry| entry.attributes.text("dNSHostName").map(str::to_owned));
        host.ok_or(hidden)
    }
}
