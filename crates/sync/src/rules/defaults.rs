//! The default rules, under the field's names and identifiers (SPEC Y-2).

use super::{
    ACCOUNT_ENABLED, Clause, Flow, FlowSource, JoinCriterion, LinkType, MetaverseAttribute, Rule,
    RuleOptions, Scope, Test,
};

/// ADS_UF_ACCOUNTDISABLE (MS-ADTS 2.2.16).
const ACCOUNT_DISABLED: i64 = 0x2;

/// The default rules in the order of their precedence.
pub fn default_rules(options: &RuleOptions) -> Vec<Rule> {
    vec![user_join(options.match_people_by.as_deref()), user_account_enabled(), user_common()]
}

/// Brings a person into the metaverse: the only default rule that makes a link.
fn user_join(match_people_by: Option<&str>) -> Rule {
    let attribute = match_people_by.map(|name| JoinCriterion::Attribute(name.to_owned()));
    let scope = vec![
        Clause::new("objectClass", Test::Equal("user".to_owned())),
        // A computer and a managed service account are users by class, and nobody's (SPEC D-6).
        Clause::new("objectClass", Test::NotEqual("computer".to_owned())),
        Clause::new("isCriticalSystemObject", Test::NotEqual("TRUE".to_owned())),
        Clause::new("sAMAccountName", Test::IsNotNull),
    ];
    Rule {
        identifier: "Microsoft.InfromADUserJoin.0".to_owned(),
        title: "In from AD – User Join".to_owned(),
        precedence: 100,
        scope: Scope(vec![scope]),
        join: [JoinCriterion::SourceAnchor].into_iter().chain(attribute).collect(),
        link_type: LinkType::Provision,
        flows: vec![],
    }
}

/// Says that this AD account is the one that is used: passwords are written back to it alone
/// (SPEC W-7 (d)).
fn user_account_enabled() -> Rule {
    let enabled = Clause::new("userAccountControl", Test::IsNotBitSet(ACCOUNT_DISABLED));
    Rule {
        identifier: format!("{ACCOUNT_ENABLED}.0"),
        title: "In from AD – User AccountEnabled".to_owned(),
        precedence: 101,
        scope: Scope(vec![vec![enabled]]),
        join: vec![],
        link_type: LinkType::Join,
        flows: vec![Flow {
            target: MetaverseAttribute::AccountEnabled,
            source: FlowSource::Constant("true".to_owned()),
        }],
    }
}

/// What is true of every person, enabled or not.
fn user_common() -> Rule {
    let direct = |target, name: &str| Flow { target, source: FlowSource::Direct(name.to_owned()) };
    Rule {
        identifier: "Microsoft.InfromADUserCommon.0".to_owned(),
        title: "In from AD – User Common".to_owned(),
        precedence: 102,
        scope: Scope::default(),
        join: vec![],
        link_type: LinkType::Join,
        flows: vec![
            direct(MetaverseAttribute::UserPrincipalName, "userPrincipalName"),
            direct(MetaverseAttribute::SamAccountName, "sAMAccountName"),
            direct(MetaverseAttribute::DisplayName, "displayName"),
            direct(MetaverseAttribute::Policy, "policy"),
            Flow { target: MetaverseAttribute::Emails, source: FlowSource::Addresses },
            Flow {
                target: MetaverseAttribute::PwdLastSet,
                source: FlowSource::FileTime("pwdLastSet".to_owned()),
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attributes;
    use crate::rules::{Contribution, flow_all, is_account_enabled};

    fn person() -> Attributes {
        let pairs: &[(&str, &[&str])] = &[
            ("objectClass", &["top", "person", "organizationalPerson", "user"]),
            ("sAMAccountName", &["jan"]),
            ("userAccountControl", &["512"]),
        ];
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        pairs.iter().map(|(name, values)| ((*name).to_owned(), owned(values))).collect()
    }

    fn with(name: &str, values: &[&str]) -> Attributes {
        let mut person = person();
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        person.insert(name.to_owned(), values);
        person
    }

    #[test]
    fn user_join_is_for_people_alone() {
        let table = [
            (person(), true),
            (with("objectClass", &["top", "inetOrgPerson", "user"]), true),
            (with("objectClass", &["top", "person", "user", "computer"]), false),
            (with("objectClass", &["top", "person", "contact"]), false),
            (with("isCriticalSystemObject", &["TRUE"]), false),
            (with("isCriticalSystemObject", &["FALSE"]), true),
            (with("sAMAccountName", &[]), false),
            // Disabled people are in the metaverse too.
            (with("userAccountControl", &["514"]), true),
        ];
        for (object, expected) in table {
            assert_eq!(user_join(None).scope.contains(&object), expected, "{object:?}");
        }
    }

    #[test]
    fn account_enabled_is_for_accounts_that_are_known_to_be_enabled() {
        for (flags, expected) in
            [(vec!["512"], true), (vec!["514"], false), (vec!["66048"], true), (vec![], false)]
        {
            let object = with("userAccountControl", &flags);
            assert_eq!(user_account_enabled().scope.contains(&object), expected, "{flags:?}");
        }
    }

    #[test]
    fn user_common_flows_what_is_known_of_everybody() {
        let mut object = with("userPrincipalName", &["jan@corp.example"]);
        for (name, value) in [
            ("displayName", "Jan"),
            ("pwdLastSet", "133444736001230000"),
            ("otherMailbox", "jan@home.example"),
            ("policy", "{}"),
        ] {
            object.insert(name.to_owned(), vec![value.to_owned()]);
        }
        let rule = user_common();
        assert!(rule.scope.contains(&with("userAccountControl", &["514"])));
        let connector = &"corp".parse().unwrap();
        let contribution = Contribution { connector, attributes: &object, rules: vec![&rule] };
        let values = flow_all(&[contribution], &RuleOptions::default());
        let expected = [
            (MetaverseAttribute::UserPrincipalName, "jan@corp.example"),
            (MetaverseAttribute::SamAccountName, "jan"),
            (MetaverseAttribute::DisplayName, "Jan"),
            (MetaverseAttribute::Emails, "jan@home.example"),
            (MetaverseAttribute::PwdLastSet, "1700000000123"),
            (MetaverseAttribute::Policy, "{}"),
        ];
        let expected = expected.map(|(name, value)| (name, vec![value.to_owned()]));
        assert_eq!(values, expected.into_iter().collect());
    }

    #[test]
    fn the_defaults_have_their_identifiers_and_order() {
        let rules = default_rules(&RuleOptions::default());
        assert!(rules.is_sorted_by_key(|rule| rule.precedence));
        let identifiers: Vec<_> = rules.iter().map(|rule| rule.identifier.as_str()).collect();
        let expected = [
            "Microsoft.InfromADUserJoin.0",
            "Microsoft.InfromADUserAccountEnabled.0",
            "Microsoft.InfromADUserCommon.0",
        ];
        assert_eq!(identifiers, expected);
        assert_eq!(identifiers.iter().filter(|id| is_account_enabled(id)).count(), 1);
    }
    #[test]
    fn people_are_matched_by_an_attribute_only_where_one_is_configured_and_after_the_hard_match() {
        let join = |match_people_by: Option<&str>| user_join(match_people_by).join;
        assert_eq!(join(None), [JoinCriterion::SourceAnchor]);
        let by_mail = [JoinCriterion::SourceAnchor, JoinCriterion::Attribute("mail".to_owned())];
        assert_eq!(join(Some("mail")), by_mail);
    }
}
