//! Synchronisation rules as values (SPEC Y-2).
//!
//! A rule says which objects it is for (scope), how they find their metaverse object (join), what
//! happens if there is none (link type), and what flows where. Every rule whose scope an object
//! satisfies is recorded on the object's link: the lineage, which [`crate::SyncState::resolve`]
//! asks for by identifier.

use std::collections::BTreeMap;

use crate::ConnectorName;

mod defaults;
mod flow;
mod scope;

pub use defaults::default_rules;
pub(crate) use flow::{Contribution, flow_all};
pub use flow::{Flow, FlowSource, MetaverseAttribute, MetaverseAttributes};
pub use scope::{Clause, Scope, Test};

/// The identifier of the account-enabled rule without its number (SPEC W-7 (d)).
pub const ACCOUNT_ENABLED: &str = "Microsoft.InfromADUserAccountEnabled";

/// The identifier under which a cloud object's link is recorded.
pub const OUT_TO_CLOUD_USER_JOIN: &str = "Passback.OuttoCloudUserJoin.0";

/// What feeds the e-mail gate unless it is configured.
const ADDRESS_ATTRIBUTE: &str = "otherMailbox";

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What names it in the lineage, for ever, for example `Microsoft.InfromADUserJoin.0`.
    pub identifier: String,
    /// What administrators see, for example *In from AD – User Join*.
    pub title: String,
    /// The lowest number wins.
    pub precedence: u32,
    /// Which objects it is for.
    pub scope: Scope,
    /// How an object finds its metaverse object: the first criterion that finds one decides. Empty:
    /// the rule never links.
    pub join: Vec<JoinCriterion>,
    /// What happens to an object that finds none.
    pub link_type: LinkType,
    /// What flows into the metaverse.
    pub flows: Vec<Flow>,
}

/// What must be equal on both sides of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinCriterion {
    /// The sourceAnchor (SPEC Y-3: the hard match).
    SourceAnchor,
    /// The one value of this attribute, with an object of another directory that is linked already
    /// (SPEC D-11). Case and blanks around it do not count; no value, several values and a value
    /// that is not unique match nobody.
    Attribute(String),
}

/// What a rule does with an object in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkType {
    /// Links it to a metaverse object that is there.
    Join,
    /// Links it, and makes the metaverse object if there is none (projection).
    Provision,
}

/// What the default rules leave to the administrator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleOptions {
    /// Of each directory the attributes that feed the e-mail gate, the most wanted first; of one
    /// that is not listed, `otherMailbox`. `mail` is the mailbox behind the lost password and
    /// therefore not among them by default (SPEC G-3).
    pub address_attributes: BTreeMap<ConnectorName, Vec<String>>,
    /// The attribute by which the accounts of one person in several directories are recognised.
    /// None: everybody is in one directory only, or their accounts share a sourceAnchor.
    pub match_people_by: Option<String>,
}

impl RuleOptions {
    /// The attributes of that directory that feed the e-mail gate.
    pub(crate) fn addresses_of(&self, connector: &ConnectorName) -> Vec<&str> {
        let listed = self.address_attributes.get(connector);
        listed.map_or(vec![ADDRESS_ATTRIBUTE], |all| all.iter().map(String::as_str).collect())
    }
}

/// Whether this is the account-enabled rule, whatever its number (SPEC W-7: by this identifier,
/// not by a title).
pub fn is_account_enabled(identifier: &str) -> bool {
    let number = identifier.strip_prefix(ACCOUNT_ENABLED).and_then(|rest| rest.strip_prefix('.'));
    number.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_enabled_rule_is_known_by_its_identifier_and_any_number() {
        for good in
            ["Microsoft.InfromADUserAccountEnabled.0", "Microsoft.InfromADUserAccountEnabled.17"]
        {
            assert!(is_account_enabled(good), "{good}");
        }
        for bad in [
            "Microsoft.InfromADUserAccountEnabled",
            "Microsoft.InfromADUserAccountEnabled.",
            "Microsoft.InfromADUserAccountEnabled.x",
            "Microsoft.InfromADUserAccountEnabledToo.0",
            "microsoft.infromaduseraccountenabled.0",
            "In from AD – User AccountEnabled",
            "X.Microsoft.InfromADUserAccountEnabled.0",
        ] {
            assert!(!is_account_enabled(bad), "{bad}");
        }
    }
}
