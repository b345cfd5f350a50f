//! Whom a controller takes for the one who asks: what rights are judged by (SPEC D-12).

use std::time::Duration;

use ldap3_proto::proto::LdapSearchScope;

use crate::attributes::Entry;
use crate::filter::Filter;
use crate::security::Requester;
use crate::session::{Search, Session};
use crate::{DirectoryError, DistinguishedName, PolicyControl, Sid};

/// How many SIDs are asked about at a time. All of them are found at once: an answer holds at most 1,000
/// entries (MaxPageSize, MS-ADTS 3.1.1.3.4.6), and a token has hardly ever a tenth of that.
const SIDS_MAX: usize = 250;

/// Whom a controller takes who asks for.
#[derive(Debug, Clone)]
pub struct Asker {
    /// The controller's DNS name.
    pub controller: String,
    /// The account's own SID, by the word of the directory.
    pub own: Sid,
    /// All groups of its token, nested ones and those of everybody included.
    pub groups: Vec<Sid>,
    /// Which policy-hints control a set would carry.
    pub policy_control: Option<PolicyControl>,
    /// Whether the controller is Samba, whose administrators have tools of their own.
    pub is_samba: bool,
}

impl Asker {
    /// Everything by which an entry can be about it, there.
    pub fn requester(&self) -> Requester {
        Requester::account(self.own.clone(), self.groups.iter().cloned()).at(self.is_samba)
    }

    /// The token as it is at this moment.
    pub(crate) fn question() -> Search<'static> {
        Search::object(String::new(), &["tokenGroups"])
    }

    /// What that search found at a controller, which is asked which of the SIDs is the account's own:
    /// nothing documents their order. Of an account of another domain, whose SID nobody has there,
    /// the first is taken.
    ///
    /// # Errors
    /// [`DirectoryError::Unreadable`] if none of them can be the account's own; what the controller
    /// refuses is not taken for "nobody has it".
    pub(crate) async fn read(
        session: &Session,
        found: Vec<Entry>,
        limit: Duration,
    ) -> Result<Self, DirectoryError> {
        let unreadable = DirectoryError::Unreadable { attribute: "tokenGroups of the rootDSE" };
        let root = found.into_iter().next().ok_or(unreadable.clone())?;
        let mut groups = root.attributes.sids("tokenGroups")?;
        let here = who_is_here(session, &groups, limit).await?;
        let own = groups.remove(place_of_own(&groups, &here).ok_or(unreadable)?);
        Ok(Self {
            controller: session.root.host.clone(),
            own,
            groups,
            policy_control: PolicyControl::among(&session.root.controls),
            is_samba: session.root.is_samba,
        })
    }
}

/// Somebody of a token who is in the controller's domain.
#[derive(Debug)]
struct Here {
    sid: Sid,
    is_user: bool,
}

/// Who of a token is in the controller's domain: one question, unless the token is very long.
async fn who_is_here(
    session: &Session,
    token: &[Sid],
    limit: Duration,
) -> Result<Vec<Here>, DirectoryError> {
    let of_domains: Vec<&Sid> = token.iter().filter(|sid| sid.domain().is_some()).collect();
    let mut here = Vec::new();
    for some in of_domains.chunks(SIDS_MAX) {
        let found = session.search(who_has(&session.root.domain_head, some), limit).await?;
        for entry in found {
            let classes: Vec<&str> = entry.attributes.texts("objectClass").collect();
            let is = |name: &str| classes.iter().any(|class| class.eq_ignore_ascii_case(name));
            // It stands for somebody of another forest, and has their SID.
            if is("foreignSecurityPrincipal") {
                continue;
            }
            let sids = entry.attributes.sids("objectSid")?;
            here.extend(sids.into_iter().map(|sid| Here { sid, is_user: is("user") }));
        }
    }
    Ok(here)
}

/// The search for whoever has one of these SIDs, which AD takes as text (MS-ADTS 3.1.1.3.1.2.5).
fn who_has(head: &DistinguishedName, sids: &[&Sid]) -> Search<'static> {
    let has = |sid: &&Sid| Filter::equal("objectSid", &sid.to_string());
    Search {
        base: head.to_string(),
        scope: LdapSearchScope::Subtree,
        filter: Filter::Any(sids.iter().map(has).collect()),
        attributes: &["objectSid", "objectClass"],
        controls: Vec::new(),
    }
}

/// Where in a token the account's own SID stands: the only user's; else the first, if whoever has it is
/// of another domain.
fn place_of_own(token: &[Sid], here: &[Here]) -> Option<usize> {
    let known = |sid: &Sid| here.iter().find(|one| one.sid == *sid);
    let user = token.iter().position(|sid| known(sid).is_some_and(|one| one.is_user));
    let of_elsewhere = |first: &&Sid| first.domain().is_some() && known(first).is_none();
    user.or_else(|| token.first().filter(of_elsewhere).map(|_| 0))
}
