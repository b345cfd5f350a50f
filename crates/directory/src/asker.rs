//! Whom a controller takes for the one who asks: what rights are judged by (SPEC D-12).

use std::time::Duration;

use crate::attributes::Entry;
use crate::security::Requester;
use crate::session::{Search, Session};
use crate::{DirectoryError, PolicyControl, Sid};

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
        let who = Requester::account(self.own.clone(), self.groups.iter().cloned());
        if self.is_samba { who.at_samba() } else { who }
    }

    /// The token as it is at this moment.
    pub(crate) fn question() -> Search<'static> {
        Search::object(String::new(), &["tokenGroups"])
    }

    /// What that search found at a controller, which is asked which of the SIDs is the account's own:
    /// nothing documents their order. Of an account of another domain, whose SIDs nobody has there,
    /// the first is taken.
    pub(crate) async fn read(
        session: &Session,
        found: Vec<Entry>,
        limit: Duration,
    ) -> Result<Self, DirectoryError> {
        let unreadable = DirectoryError::Unreadable { attribute: "tokenGroups of the rootDSE" };
        let root = found.into_iter().next().ok_or(unreadable.clone())?;
        let mut groups = root.attributes.sids("tokenGroups")?;
        let mut own = None;
        for (place, sid) in groups.iter().enumerate().filter(|(_, sid)| sid.domain().is_some()) {
            match is_user(session, sid, limit).await? {
                Some(true) => {
                    own = Some(place);
                    break;
                }
                None if place == 0 => own = Some(place),
                None | Some(false) => {}
            }
        }
        let own = groups.remove(own.ok_or(unreadable)?);
        Ok(Self {
            controller: session.root.host.clone(),
            own,
            groups,
            policy_control: PolicyControl::among(&session.root.controls),
            is_samba: session.root.is_samba,
        })
    }
}

/// Whether whoever has this SID is a user; none if nobody has it there.
async fn is_user(
    session: &Session,
    sid: &Sid,
    limit: Duration,
) -> Result<Option<bool>, DirectoryError> {
    match session.search(Search::object(sid_base(sid), &["objectClass"]), limit).await {
        Ok(found) => Ok(found.first().map(|entry| {
            entry.attributes.texts("objectClass").any(|class| class.eq_ignore_ascii_case("user"))
        })),
        Err(DirectoryError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The base by which an account or group is found by its SID (MS-ADTS 3.1.1.3.1.2.4).
pub(crate) fn sid_base(sid: &Sid) -> String {
    format!("<SID={sid}>")
}
