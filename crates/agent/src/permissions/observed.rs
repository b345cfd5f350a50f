//! What was read of a directory to judge the service account's rights.

use std::collections::HashMap;

use directory::security::{Requester, SecurityDescriptor};
use directory::{Asker, DistinguishedName, MarkedBy, Protection, Sid, Surveyed};

use crate::guard::groups::Idle;

/// A directory, as it was at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    /// The connector's name.
    pub(crate) name: String,
    /// The domain's DNS name.
    pub(crate) domain: String,
    /// The service account, at the controller that was asked.
    pub(crate) asker: Asker,
    /// The configuration allows resets without the policy-hints control.
    pub(crate) without_policy_control: bool,
    /// The root of the domain.
    pub(crate) head: Seen,
    /// The units in scope, in the order of the configuration.
    pub(crate) units: Vec<Seen>,
    /// Units and containers below those.
    pub(crate) below: Vec<Seen>,
    /// Units in scope with more below them than was read.
    pub(crate) below_cut: Vec<DistinguishedName>,
    /// Groups of the configuration by which nobody is protected; looked for by `check` alone.
    pub(crate) idle_groups: Vec<Idle>,
    /// The Password Settings container.
    pub(crate) settings: Seen,
    /// The container Deleted Objects.
    pub(crate) deleted: Seen,
    /// Some of the people in scope.
    pub(crate) people: Vec<Sampled>,
    /// Names of those whom entries are about.
    pub(crate) names: Names,
}

/// A place, and what stands there; nothing where it is not there or may not be seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The place.
    pub(crate) dn: DistinguishedName,
    /// What stands there.
    pub(crate) object: Option<Surveyed>,
}

/// A person who was looked at.
#[derive(Debug, Clone)]
pub(crate) struct Sampled {
    /// As read.
    pub(crate) object: Surveyed,
    /// What protects the account.
    pub(crate) protection: Option<Protection>,
    /// What gives it an `adminCount` that looks as if it were left over.
    pub(crate) marked_by: MarkedBy,
    /// What is hidden of it, so that nobody can say what protects it.
    pub(crate) hidden: Option<&'static str>,
}

impl Observed {
    /// Everything by which an entry can be about the service account.
    pub(crate) fn requester(&self) -> Requester {
        self.asker.requester()
    }

    /// The service account as administrators' tools take it: `login@domain`.
    pub(crate) fn account(&self) -> String {
        let name = self.names.of(&self.asker.own);
        if name.starts_with("S-1-") { name } else { format!("{name}@{}", self.domain) }
    }

    /// All places above people, the root of the domain first.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Seen> {
        std::iter::once(&self.head).chain(&self.units).chain(&self.below)
    }

    /// The nearest place above an object that is known and can be read.
    pub(crate) fn above(&self, dn: &DistinguishedName) -> Option<&Seen> {
        let above = self.places().filter(|place| dn.is_below(&place.dn));
        above.filter(|place| place.descriptor().is_some()).max_by_key(|place| place.dn.levels())
    }
}

impl Sampled {
    /// Somebody of whom nothing protects the account, as far as is known.
    pub(crate) const fn of(object: Surveyed) -> Self {
        Self { object, protection: None, marked_by: MarkedBy::Nothing, hidden: None }
    }
}

impl Seen {
    /// Its descriptor, if it can be read.
    pub(crate) fn descriptor(&self) -> Option<&SecurityDescriptor> {
        self.object.as_ref()?.descriptor.as_ref()
    }
}

/// Names of those whom entries are about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(HashMap<Sid, String>);

impl Names {
    /// Notes a name.
    pub(crate) fn note(&mut self, sid: Sid, name: String) {
        self.0.insert(sid, name);
    }

    /// Whether this one has a name already.
    pub(crate) fn knows(&self, sid: &Sid) -> bool {
        self.0.contains_key(sid) || well_known(sid).is_some()
    }

    /// The name; the SID itself where nobody knows one.
    pub(crate) fn of(&self, sid: &Sid) -> String {
        let known = || well_known(sid).map(str::to_owned);
        self.0.get(sid).cloned().or_else(known).unwrap_or_else(|| sid.to_string())
    }
}

/// Names that do not stand in a domain (MS-DTYP 2.4.2.4).
fn well_known(sid: &Sid) -> Option<&'static str> {
    Some(match sid.to_string().as_str() {
        "S-1-1-0" => "Everyone",
        "S-1-3-0" => "Creator Owner",
        "S-1-3-4" => "Owner Rights",
        "S-1-5-2" => "Network",
        "S-1-5-9" => "Enterprise Domain Controllers",
        "S-1-5-10" => "Self",
        "S-1-5-11" => "Authenticated Users",
        "S-1-5-18" => "System",
        _ => return None,
    })
}
