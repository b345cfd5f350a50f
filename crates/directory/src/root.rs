//! What a controller says about itself (the rootDSE, MS-ADTS 3.1.1.3.2).

use protocol::policy::Judge;

use crate::security::Requester;
use crate::{Attributes, BoundAs, DirectoryError, DistinguishedName, wire};

/// A controller's rootDSE, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) struct RootDse {
    /// Its NTDS Settings object: who it is among the controllers.
    pub(crate) settings: DistinguishedName,
    /// Its domain's head.
    pub(crate) domain_head: DistinguishedName,
    /// `dnsHostName`.
    pub(crate) host: String,
    /// The controls that it offers, by number.
    pub(crate) controls: Vec<String>,
    /// The bound account; none where the controller does not say.
    pub(crate) bound_as: Option<BoundAs>,
    /// The highest update number that it had given by then (`highestCommittedUSN`, MS-ADTS 3.1.1.1.9); none
    /// where it does not say.
    pub(crate) highest_usn: Option<u64>,
    /// Whether it is Samba: Windows has no `vendorName`.
    pub(crate) is_samba: bool,
}

/// Under which number a controller offers the policy-hints control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyControl {
    /// 1.2.840.113556.1.4.2239.
    Current,
    /// 1.2.840.113556.1.4.2066, where only that is offered.
    Deprecated,
}

impl PolicyControl {
    /// The control's number.
    pub const fn oid(self) -> &'static str {
        match self {
            Self::Current => wire::POLICY_HINTS,
            Self::Deprecated => wire::POLICY_HINTS_DEPRECATED,
        }
    }

    /// Which one to use with a controller that offers these controls (SPEC D-2).
    pub fn among(offered: &[String]) -> Option<Self> {
        [Self::Current, Self::Deprecated]
            .into_iter()
            .find(|control| offered.iter().any(|oid| oid == control.oid()))
    }
}

impl RootDse {
    /// Who judges passwords at this controller.
    pub(crate) const fn judge(&self) -> Judge {
        if self.is_samba { Judge::Samba } else { Judge::Windows }
    }

    /// Everything by which an entry can be about the bound account; none where the controller does not say
    /// who that is.
    pub(crate) fn requester(&self) -> Option<Requester> {
        Some(self.bound_as.as_ref()?.requester().at(self.is_samba))
    }

    /// What a rootDSE is asked for: the attributes that its `TryFrom` reads.
    pub(crate) const ATTRIBUTES: &'static [&'static str] = &[
        "dsServiceName",
        "defaultNamingContext",
        "dnsHostName",
        "supportedControl",
        "tokenGroups",
        "vendorName",
        "highestCommittedUSN",
    ];
}

impl TryFrom<Attributes> for RootDse {
    type Error = DirectoryError;

    fn try_from(attributes: Attributes) -> Result<Self, DirectoryError> {
        Ok(Self {
            settings: attributes.required("dsServiceName")?,
            domain_head: attributes.required("defaultNamingContext")?,
            host: attributes.required("dnsHostName")?,
            controls: attributes.texts("supportedControl").map(str::to_owned).collect(),
            bound_as: BoundAs::of(attributes.sids("tokenGroups")?),
            highest_usn: attributes.text("highestCommittedUSN").and_then(|usn| usn.parse().ok()),
            is_samba: attributes.text("vendorName").is_some_and(|name| name.contains("Samba")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deprecated_number_is_used_only_where_nothing_else_is_offered() {
        let offered = |oids: &[&str]| {
            PolicyControl::among(&oids.iter().map(|oid| (*oid).to_owned()).collect::<Vec<_>>())
        };
        let (current, deprecated) = ("1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.2066");
        assert_eq!(offered(&[deprecated, current]), Some(PolicyControl::Current));
        assert_eq!(offered(&[deprecated]), Some(PolicyControl::Deprecated));
        assert_eq!(offered(&["1.2.840.113556.1.4.319"]), None);
    }
}
