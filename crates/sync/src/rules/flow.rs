//! Attribute flow from directory objects into the metaverse.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Rule, RuleOptions};
use crate::connector::values;
use crate::{Attributes, ConnectorName};

/// Milliseconds from 1601-01-01 (MS-DTYP 2.3.3, FILETIME) to 1970-01-01.
const MILLIS_1601_TO_1970: i64 = 11_644_473_600_000;

/// What a metaverse object may hold, besides its sourceAnchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MetaverseAttribute {
    /// userPrincipalName.
    UserPrincipalName,
    /// sAMAccountName.
    #[serde(rename = "sAMAccountName")]
    SamAccountName,
    /// displayName.
    DisplayName,
    /// `true` if the account is enabled, else absent.
    AccountEnabled,
    /// Addresses for codes, the primary one first.
    Emails,
    /// When the password was last set, in ms since 1970; absent when it must be changed.
    PwdLastSet,
    /// JSON of a `PolicyReference`, as the agent worked it out.
    Policy,
}

/// The values of a metaverse object; an attribute without a value is not there.
pub type MetaverseAttributes = BTreeMap<MetaverseAttribute, Vec<String>>;

/// One flow: a value for one attribute of the metaverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Where it goes.
    pub target: MetaverseAttribute,
    /// Where it comes from.
    pub source: FlowSource,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowSource {
    /// Direct: the values of this attribute; empty ones do not count.
    Direct(String),
    /// Constant.
    Constant(String),
    /// A function: this attribute is a FILETIME (100 ns since 1601), wanted in ms since 1970.
    /// 0 and *never* (the largest value) have none.
    FileTime(String),
    /// A function: the addresses in the directory's [`RuleOptions::address_attributes`], in that
    /// order; within an attribute sorted, because AD promises no order and another one would be a
    /// change.
    Addresses,
}

impl FlowSource {
    fn values(&self, from: &Contribution<'_>, options: &RuleOptions) -> Vec<String> {
        let attributes = from.attributes;
        match self {
            Self::Direct(name) => {
                let found = values(attributes, name).iter();
                found.filter(|value| !value.is_empty()).cloned().collect()
            }
            Self::Constant(value) => vec![value.clone()],
            Self::FileTime(name) => {
                let first = values(attributes, name).first();
                first.and_then(|text| millis(text)).map(|ms| ms.to_string()).into_iter().collect()
            }
            Self::Addresses => addresses(attributes, &options.addresses_of(from.connector)),
        }
    }
}

/// What one linked object has to offer: its attributes and the rules on its link.
pub(crate) struct Contribution<'a> {
    pub(crate) connector: &'a ConnectorName,
    pub(crate) attributes: &'a Attributes,
    pub(crate) rules: Vec<&'a Rule>,
}

/// The values of a metaverse object. Contributions and their rules come in the order of their
/// right: the first that has a value for an attribute gives it.
pub(crate) fn flow_all(
    contributions: &[Contribution<'_>],
    options: &RuleOptions,
) -> MetaverseAttributes {
    let mut result = MetaverseAttributes::new();
    for contribution in contributions {
        for flow in contribution.rules.iter().flat_map(|rule| &rule.flows) {
            if result.contains_key(&flow.target) {
                continue;
            }
            let values = flow.source.values(contribution, options);
            if !values.is_empty() {
                result.insert(flow.target, values);
            }
        }
    }
    result
}

fn millis(file_time: &str) -> Option<i64> {
    let ticks: i64 = file_time.parse().ok()?;
    (ticks > 0 && ticks < i64::MAX).then(|| ticks / 10_000 - MILLIS_1601_TO_1970)
}

fn addresses(attributes: &Attributes, names: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        // In proxyAddresses the primary one has its prefix in capitals, and sorts first.
        let mut sorted: Vec<_> = values(attributes, name).iter().collect();
        sorted.sort();
        for address in sorted.into_iter().filter_map(|value| address(value)) {
            if !found.iter().any(|other| other.eq_ignore_ascii_case(address)) {
                found.push(address.to_owned());
            }
        }
    }
    found
}

/// The longest address, in bytes: RFC 5321 section 4.5.3.1.3 gives a path 256 with its two brackets. A
/// directory takes megabytes for one, and the cloud service does not.
const ADDRESS_MAX: usize = 254;

/// The e-mail address in a value, if it is one: not `sip:` or `X500:`, and nothing that could
/// become a second header of a mail.
fn address(value: &str) -> Option<&str> {
    let value = value.trim();
    let smtp = value.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("smtp:"));
    let address = if smtp { &value[5..] } else { value };
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == ':';
    if address.len() > ADDRESS_MAX {
        return None;
    }
    let (local, domain) = address.rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty() && !address.contains(odd)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(pairs: &[(&str, &[&str])]) -> Attributes {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        pairs.iter().map(|(name, values)| ((*name).to_owned(), owned(values))).collect()
    }

    #[test]
    fn a_file_time_becomes_milliseconds() {
        for (file_time, expected) in [
            ("133444736001230000", Some(1_700_000_000_123)),
            ("116444736000000000", Some(0)),
            ("0", None),
            ("-1", None),
            ("9223372036854775807", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(millis(file_time), expected, "{file_time}");
        }
    }

    #[test]
    fn addresses_come_from_the_configured_attributes_in_their_order() {
        let person = object(&[
            ("mail", &["lost@corp.example"]),
            ("otherMailbox", &["z@home.example", "a@home.example"]),
            (
                "proxyAddresses",
                &["smtp:b@x.example", "sip:c@x.example", "SMTP:p@x.example", "smtp:A@home.example"],
            ),
        ]);
        let with = |names: &[&str]| addresses(&person, names);
        let listed: ConnectorName = "corp".parse().unwrap();
        let options = RuleOptions {
            address_attributes: [(listed, vec!["mail".to_owned()])].into(),
            ..RuleOptions::default()
        };
        let of = |name: &str| with(&options.addresses_of(&name.parse().unwrap()));
        assert_eq!(of("corp"), ["lost@corp.example"]);
        assert_eq!(of("not listed"), ["a@home.example", "z@home.example"]);
        assert_eq!(with(&["mail", "othermailbox"])[0], "lost@corp.example");
        assert_eq!(with(&["proxyAddresses"]), ["p@x.example", "A@home.example", "b@x.example"]);
        assert_eq!(with(&["otherMailbox", "proxyAddresses"]).len(), 4, "no address twice");
        assert!(with(&[]).is_empty());
    }

    #[test]
    fn what_is_no_address_does_not_flow() {
        for bad in ["", "jan", "@x", "x@", "a b@x", "a@x\r\nBcc: b@y", "X500:/o=a@b", "é"] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
        assert_eq!(address(" zoë@élan.example "), Some("zoë@élan.example"));
        let longest = format!("{}@x", "a".repeat(ADDRESS_MAX - 2));
        assert_eq!(address(&longest), Some(&*longest));
        assert_eq!(address(&format!("a{longest}")), None);
    }

    #[test]
    fn the_first_contribution_with_a_value_wins() {
        let rule = |source: FlowSource| Rule {
            identifier: "x".to_owned(),
            title: "x".to_owned(),
            precedence: 1,
            scope: super::super::Scope::default(),
            join: vec![],
            link_type: super::super::LinkType::Join,
            flows: vec![Flow { target: MetaverseAttribute::DisplayName, source }],
        };
        let direct = rule(FlowSource::Direct("displayName".to_owned()));
        let constant = rule(FlowSource::Constant("Nobody".to_owned()));
        let (empty, full) =
            (object(&[("displayName", &[""])]), object(&[("displayName", &["Jan"])]));
        let name = |contributions: &[Contribution<'_>]| {
            flow_all(contributions, &RuleOptions::default())
                .remove(&MetaverseAttribute::DisplayName)
        };
        let connector = &"corp".parse().unwrap();
        let of = |attributes, rules| Contribution { connector, attributes, rules };
        let two = [of(&empty, vec![&direct]), of(&full, vec![&direct])];
        assert_eq!(name(&two).unwrap(), ["Jan"]);
        assert_eq!(name(&[of(&full, vec![&constant, &direct])]).unwrap(), ["Nobody"]);
        assert_eq!(name(&[of(&empty, vec![&direct, &constant])]).unwrap(), ["Nobody"]);
        assert_eq!(name(&[of(&empty, vec![&direct])]), None);
    }
}
