//! What the service account's rights are judged by (SPEC D-12): whom the controller takes it for, the
//! descriptors of units and of some people, and the one change that is made to a descriptor.
//!
//! No part of [`crate::Directory`]: setting passwords needs none of it, and administrators ask it of a
//! real directory only.

mod membership;
mod paged;

pub use membership::{MarkedBy, MemberOf};

use std::sync::Arc;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapModify, LdapModifyRequest, LdapModifyType, LdapOp, LdapPartialAttribute, LdapResultCode,
    LdapSearchScope,
};
use tokio::time::timeout;

use crate::asker::Asker;
use crate::attributes::Entry;
use crate::filter::Filter;
use crate::pdc::ROLE_CHECK;
use crate::security::{self, SecurityDescriptor, rights};
use crate::session::{Search, Session, refusal, refused_in};
use crate::witness::InvocationId;
use crate::{DirectoryError, DistinguishedName, LdapDirectory, ObjectGuid, Sid, wire};

/// DACL_SECURITY_INFORMATION (MS-ADTS 3.1.1.3.4.1.11) alone: owner, group and SACL stay as they are.
const DACL_ONLY: i32 = 4;
/// LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS 3.1.1.3.4.1.14): without it, the container Deleted Objects is
/// not there.
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// The most entries that one page holds: AD's own limit (MaxPageSize, MS-ADTS 3.1.1.3.4.6).
const PAGE_MAX: u32 = 1_000;
/// The most units and containers below a base that are looked at: what fits into memory with their lists,
/// some 10 KiB each.
pub const UNITS_MAX: u32 = 20_000;

/// What is read of an object.
const ATTRIBUTES: &[&str] =
    &["objectGUID", "objectSid", "objectClass", "adminCount", security::ATTRIBUTE];

/// An object with its descriptor.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// Where it stands.
    pub dn: DistinguishedName,
    /// What names it for ever; none where it is hidden.
    pub guid: Option<ObjectGuid>,
    /// Its own SID, if it has one.
    pub sid: Option<Sid>,
    /// `objectClass`, most general first.
    pub classes: Vec<String>,
    /// `adminCount` is 1 (or more).
    pub admin_count: bool,
    /// Owner, group and DACL; none where they are hidden from who asks.
    pub descriptor: Option<SecurityDescriptor>,
}

impl Surveyed {
    /// `schemaIDGUID` of the most specific class, as far as it matters here: of `user` and of
    /// `inetOrgPerson`, none of any other.
    pub fn class(&self) -> Option<ObjectGuid> {
        self.classes.last().and_then(|class| rights::class_of_people(class))
    }

    /// The search that reads one object, the container Deleted Objects too.
    pub(crate) fn question(base: &str) -> Search<'static> {
        let deleted =
            LdapControl::Unknown { oid: SHOW_DELETED.to_owned(), criticality: false, value: None };
        Search {
            base: base.to_owned(),
            scope: LdapSearchScope::Base,
            filter: Filter::present("objectClass"),
            attributes: ATTRIBUTES,
            controls: vec![security::readable_parts(), deleted],
        }
    }

    /// What that search found; none if the object is not there for who asks, or in another domain.
    pub(crate) fn read(
        found: Result<Vec<Entry>, DirectoryError>,
    ) -> Result<Option<Self>, DirectoryError> {
        match found {
            Ok(found) => found.into_iter().next().map(surveyed).transpose(),
            Err(DirectoryError::Refused(refusal)) if refusal.is_not_in_the_domain() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A change to an object's rights.
#[derive(Debug, Clone)]
pub struct RightsChange {
    /// The new DACL with its control bits; the rest of it is not written.
    pub descriptor: Option<SecurityDescriptor>,
    /// `adminCount` is taken away.
    pub clear_admin_count: bool,
}

/// Why an object's rights are as they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The directory refused, or the way to it failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The new DACL has no form.
    #[error(transparent)]
    Descriptor(#[from] security::WriteError),
}

impl LdapDirectory {
    /// Whom the controller takes the bound account for, at this moment.
    ///
    /// # Errors
    /// Where the way ends; [`DirectoryError::Unreadable`] if the controller does not say.
    pub async fn asker(&self) -> Result<Asker, DirectoryError> {
        let (session, found) = self.look(Asker::question).await?;
        Asker::read(&session, found, self.0.config().operation_timeout).await
    }

    /// One object, the container Deleted Objects too; none if it is not there for who asks, or in another
    /// domain.
    ///
    /// # Errors
    /// Where the way ends, and [`DirectoryError::Unreadable`] for a descriptor that is none.
    pub async fn surveyed(
        &self,
        dn: &DistinguishedName,
    ) -> Result<Option<Surveyed>, DirectoryError> {
        self.surveyed_at(&dn.to_string()).await
    }

    /// The same by what names an object for ever.
    ///
    /// # Errors
    /// Those of [`LdapDirectory::surveyed`].
    pub async fn surveyed_by_guid(
        &self,
        guid: ObjectGuid,
    ) -> Result<Option<Surveyed>, DirectoryError> {
        self.surveyed_at(&guid.as_base()).await
    }

    async fn surveyed_at(&self, base: &str) -> Result<Option<Surveyed>, DirectoryError> {
        let found = self.look(|| Surveyed::question(base)).await;
        Surveyed::read(found.map(|(_, found)| found))
    }

    /// The units and containers below a base, at most [`UNITS_MAX`].
    ///
    /// # Errors
    /// Those of [`LdapDirectory::surveyed`].
    pub async fn units_below(
        &self,
        base: &DistinguishedName,
    ) -> Result<Vec<Surveyed>, DirectoryError> {
        let filter = Filter::Any(vec![
            Filter::equal("objectClass", "organizationalUnit"),
            Filter::equal("objectClass", "container"),
        ]);
        // The base itself is found as well.
        let found = self.some(base, LdapSearchScope::Subtree, &filter, UNITS_MAX + 1).await?;
        Ok(found.into_iter().filter(|unit| unit.dn != *base).take(UNITS_MAX as usize).collect())
    }

    /// At most so many people right below a unit.
    ///
    /// # Errors
    /// Those of [`LdapDirectory::surveyed`].
    pub async fn people_in(
        &self,
        unit: &DistinguishedName,
        most: u32,
    ) -> Result<Vec<Surveyed>, DirectoryError> {
        self.some(unit, LdapSearchScope::OneLevel, &Filter::people(), most).await
    }

    /// At most so many people at and below a base that have an `adminCount`: of those whose inheritance
    /// is off, most have it.
    ///
    /// # Errors
    /// Those of [`LdapDirectory::surveyed`].
    pub async fn marked_people(
        &self,
        base: &DistinguishedName,
        most: u32,
    ) -> Result<Vec<Surveyed>, DirectoryError> {
        let filter = Filter::All(vec![Filter::people(), Filter::at_least("adminCount", "1")]);
        self.some(base, LdapSearchScope::Subtree, &filter, most).await
    }

    /// The accounts of the domain with this `sAMAccountName` or `userPrincipalName`, at most two. Where there is
    /// none, `login@domain` is whoever has that login in this domain: everybody has such a name besides the one
    /// that is stored (MS-ADTS 5.1.1.1.1).
    ///
    /// # Errors
    /// Where the way ends.
    pub async fn accounts_called(&self, name: &str) -> Result<Vec<ObjectGuid>, DirectoryError> {
        let found = self.accounts_with(&["sAMAccountName", "userPrincipalName"], name).await?;
        let head = &self.0.config().base_dn;
        let is_own = |of: &str| DistinguishedName::of_domain(of).is_ok_and(|dn| dn == *head);
        match name.rsplit_once('@') {
            Some((login, of)) if found.is_empty() && !login.is_empty() && is_own(of) => {
                self.accounts_with(&["sAMAccountName"], login).await
            }
            _ => Ok(found),
        }
    }

    /// The accounts of the domain with this value of one of these attributes, at most two.
    async fn accounts_with(
        &self,
        attributes: &[&'static str],
        value: &str,
    ) -> Result<Vec<ObjectGuid>, DirectoryError> {
        let named = |attribute| Filter::equal(attribute, value);
        let names = Filter::Any(attributes.iter().copied().map(named).collect());
        let filter = Filter::All(vec![Filter::equal("objectClass", "user"), names]);
        let head = self.0.config().base_dn.clone();
        let found = self.some(&head, LdapSearchScope::Subtree, &filter, 2).await?;
        Ok(found.into_iter().filter_map(|one| one.guid).collect())
    }

    /// The short name that people put before a backslash (`nETBIOSName` of the domain's crossRef, MS-ADTS
    /// 6.1.1.2.1.1.1); none where it is hidden.
    ///
    /// # Errors
    /// Where the way ends.
    pub async fn netbios_name(&self) -> Result<Option<String>, DirectoryError> {
        let session = self.0.session(ROLE_CHECK).await?;
        // NTDS Settings, server, Servers, site, Sites, Configuration (MS-ADTS 6.1.1.2.2).
        let own = session.root.settings.clone();
        let configuration = std::iter::successors(Some(own), DistinguishedName::parent).nth(5);
        let Some(configuration) = configuration else { return Ok(None) };
        let head = self.0.config().base_dn.to_string();
        let search = || Search {
            base: configuration.child("CN", "Partitions").to_string(),
            scope: LdapSearchScope::OneLevel,
            filter: Filter::equal("nCName", &head),
            attributes: &["nETBIOSName"],
            controls: Vec::new(),
        };
        let found = match self.look(search).await {
            Err(DirectoryError::Refused(refusal)) if refusal.is_no_such_object() => {
                return Ok(None);
            }
            found => found?.1,
        };
        let name = found.first().and_then(|entry| entry.attributes.text("nETBIOSName"));
        Ok(name.map(str::to_owned))
    }

    /// The `sAMAccountName` of whoever has this SID; none if nobody of the domain has, or nobody that may be
    /// seen.
    ///
    /// # Errors
    /// Where the way ends; what the controller refuses is not taken for "nobody has it".
    pub async fn account_name_of(&self, sid: &Sid) -> Result<Option<String>, DirectoryError> {
        let search = || Search::object(sid_base(sid), &["sAMAccountName"]);
        match self.look(search).await {
            Ok((_, found)) => Ok(found
                .first()
                .and_then(|entry| entry.attributes.text("sAMAccountName").map(str::to_owned))),
            Err(DirectoryError::Refused(refusal)) if refusal.is_not_in_the_domain() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The name of the controller that has this copy of the database now; none if none of the forest has. A
    /// controller that was restored has another one since, and the ids of those before it stand in an
    /// attribute whose form nobody has published (`retiredReplDSASignatures`).
    ///
    /// # Errors
    /// Where the way ends.
    pub async fn controller_of(
        &self,
        copy: InvocationId,
    ) -> Result<Option<String>, DirectoryError> {
        let session = self.0.session(ROLE_CHECK).await?;
        // NTDS Settings, server, Servers, site, Sites (MS-ADTS 6.1.1.2.2).
        let own = session.root.settings.clone();
        let sites = std::iter::successors(Some(own), DistinguishedName::parent).nth(4);
        let Some(sites) = sites else { return Ok(None) };
        let search = || Search {
            base: sites.to_string(),
            scope: LdapSearchScope::Subtree,
            filter: Filter::equal("objectClass", "nTDSDSA"),
            attributes: &["invocationId"],
            controls: Vec::new(),
        };
        let (_, found) = self.look(search).await?;
        let is_it = |entry: &&Entry| {
            let value = entry.attributes.value("invocationId");
            value.is_some_and(|value| ObjectGuid::from_value(value) == Ok(copy.0))
        };
        let server = found.iter().find(is_it).and_then(|entry| entry.dn.parent());
        Ok(server.and_then(|server| server.name().map(str::to_owned)))
    }

    /// Changes an object's rights with one modify, which is done as a whole or not at all. Never
    /// repeated: a change whose answer is lost is to be looked at.
    ///
    /// # Errors
    /// [`ChangeError`]; after [`DirectoryError::Lost`] it may be done.
    pub async fn change_rights(
        &self,
        dn: &DistinguishedName,
        change: &RightsChange,
    ) -> Result<(), ChangeError> {
        let mut changes = Vec::new();
        if let Some(descriptor) = &change.descriptor {
            let dacl =
                SecurityDescriptor { owner: None, group: None, sacl: None, ..descriptor.clone() };
            changes.push(modification(
                LdapModifyType::Replace,
                security::ATTRIBUTE,
                vec![dacl.to_value()?],
            ));
        }
        if change.clear_admin_count {
            changes.push(modification(LdapModifyType::Delete, "adminCount", Vec::new()));
        }
        if changes.is_empty() {
            return Ok(());
        }
        // Critical: a controller that passed it over would write owner and SACL away.
        let controls = vec![LdapControl::SdFlags { criticality: true, flags: DACL_ONLY }];
        let request = LdapModifyRequest { dn: dn.to_string(), changes };
        let session = self.0.session(ROLE_CHECK).await?;
        self.send(&session, LdapOp::ModifyRequest(request), controls).await.map_err(Into::into)
    }

    async fn send(
        &self,
        session: &Session,
        op: LdapOp,
        controls: Vec<LdapControl>,
    ) -> Result<(), DirectoryError> {
        let lost = |cause: String| DirectoryError::Lost { cause };
        let flight = session.connection.start(|id| wire::plain(id, op, controls));
        let mut flight = flight.map_err(|closed| lost(closed.0))?;
        let answer = timeout(self.0.config().operation_timeout, flight.next()).await;
        let answer = answer.map_err(|_| lost("no answer to a change in time".to_owned()))?;
        let result = match answer.ok_or_else(|| lost(flight.cause()))?.op {
            LdapOp::ModifyResponse(result) => Some(result),
            LdapOp::ExtendedResponse(response) => refused_in(response),
            _ => None,
        };
        let result = result.ok_or_else(|| lost("an answer of another kind".to_owned()))?;
        match result.code {
            LdapResultCode::Success => Ok(()),
            _ => Err(DirectoryError::Refused(refusal(result))),
        }
    }

    /// Searches at the PDC emulator, for somebody who asks for much and has time.
    async fn look<'a>(
        &self,
        search: impl Fn() -> Search<'a>,
    ) -> Result<(Arc<Session>, Vec<Entry>), DirectoryError> {
        let limit = self.0.config().operation_timeout;
        self.reading_unhurried(|session| {
            let search = search();
            async move { session.search(search, limit).await }
        })
        .await
    }
}

/// The base by which an account or group is found by its SID (MS-ADTS 3.1.1.3.1.2.4).
pub(crate) fn sid_base(sid: &Sid) -> String {
    format!("<SID={sid}>")
}

fn modification(operation: LdapModifyType, name: &str, vals: Vec<Vec<u8>>) -> LdapModify {
    let modification = LdapPartialAttribute { atype: name.to_owned(), vals };
    LdapModify { operation, modification }
}

fn surveyed(entry: Entry) -> Result<Surveyed, DirectoryError> {
    let Entry { dn, attributes } = entry;
    let descriptor = attributes.value(security::ATTRIBUTE).map(SecurityDescriptor::from_value);
    let descriptor = descriptor
        .transpose()
        .map_err(|_| DirectoryError::Unreadable { attribute: security::ATTRIBUTE })?;
    Ok(Surveyed {
        guid: attributes.guid().ok(),
        sid: attributes.sids("objectSid")?.pop(),
        classes: attributes.texts("objectClass").map(str::to_owned).collect(),
        admin_count: attributes.parsed::<i32>("adminCount")?.is_some_and(|count| count > 0),
        descriptor,
        dn,
    })
}
