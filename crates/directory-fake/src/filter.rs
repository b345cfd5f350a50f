//! Whether an object matches a search filter (RFC 4511 section 4.5.1.7).

use directory::Sid;
use ldap3_proto::proto::{LdapFilter, LdapSubstringFilter};

/// MS-ADTS 3.1.1.3.4.4: all of the bits, any of the bits, membership through any number of groups.
const ALL_BITS: &str = "1.2.840.113556.1.4.803";
const ANY_BIT: &str = "1.2.840.113556.1.4.804";
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// What a filter is asked about.
pub(crate) trait Subject {
    /// The values of an attribute, as a search would return them.
    fn values(&self, attribute: &str) -> Vec<Vec<u8>>;

    /// Whether an attribute has a value, for whoever asks.
    fn is_there(&self, attribute: &str) -> bool;

    /// The names of all groups that it is in, nested ones included.
    fn groups(&self) -> Vec<String>;
}

/// Whether it matches; none is "undefined": a rule that is not known.
pub(crate) fn matches(filter: &LdapFilter, subject: &dyn Subject) -> Option<bool> {
    match filter {
        LdapFilter::And(all) => combined(all, subject, false),
        LdapFilter::Or(any) => combined(any, subject, true),
        LdapFilter::Not(not) => matches(not, subject).map(|one| !one),
        LdapFilter::Present(name) => Some(subject.is_there(name)),
        LdapFilter::Equality(name, wanted) | LdapFilter::Approx(name, wanted) => {
            Some(subject.values(name).iter().any(|value| equal(name, value, wanted)))
        }
        LdapFilter::Substring(name, parts) => {
            Some(texts(subject, name).iter().any(|text| holds(text, parts)))
        }
        LdapFilter::GreaterOrEqual(name, limit) => compare(subject, name, limit, |a, b| a >= b),
        LdapFilter::LessOrEqual(name, limit) => compare(subject, name, limit, |a, b| a <= b),
        LdapFilter::Extensible(rule) => {
            let name = rule.type_.as_deref()?;
            match rule.matching_rule.as_deref()? {
                ALL_BITS => {
                    bits(subject, name, &rule.match_value, |has, asked| has & asked == asked)
                }
                ANY_BIT => bits(subject, name, &rule.match_value, |has, asked| has & asked != 0),
                IN_CHAIN if name.eq_ignore_ascii_case("memberOf") => {
                    let mut groups = subject.groups().into_iter();
                    Some(groups.any(|group| group.eq_ignore_ascii_case(&rule.match_value)))
                }
                _ => None,
            }
        }
    }
}

/// One side decides; else what is undefined spoils it.
fn combined(filters: &[LdapFilter], subject: &dyn Subject, deciding: bool) -> Option<bool> {
    let results: Vec<_> = filters.iter().map(|filter| matches(filter, subject)).collect();
    if results.contains(&Some(deciding)) {
        return Some(deciding);
    }
    if results.contains(&None) { None } else { Some(!deciding) }
}

/// Values that are bytes come as `\xx` and were decoded on the way; text has no case. A category
/// is also named by the name of its class, and a SID is also written as text (MS-ADTS 3.1.1.3.1.2.5).
fn equal(name: &str, value: &[u8], wanted: &str) -> bool {
    if value == wanted.as_bytes() {
        return true;
    }
    if name.eq_ignore_ascii_case("objectSid") {
        return wanted.parse::<Sid>().is_ok_and(|sid| sid.to_value() == value);
    }
    let Ok(text) = str::from_utf8(value) else { return false };
    let category = name.eq_ignore_ascii_case("objectCategory")
        && text.to_lowercase().starts_with(&format!("cn={},", wanted.to_lowercase()));
    category || text.to_lowercase() == wanted.to_lowercase()
}

fn texts(subject: &dyn Subject, name: &str) -> Vec<String> {
    let values = subject.values(name).into_iter();
    values.filter_map(|value| String::from_utf8(value).ok()).map(|one| one.to_lowercase()).collect()
}

fn holds(text: &str, parts: &LdapSubstringFilter) -> bool {
    let initial = parts.initial.as_deref().unwrap_or_default().to_lowercase();
    let last = parts.final_.as_deref().unwrap_or_default().to_lowercase();
    let Some(mut rest) = text.strip_prefix(&initial) else { return false };
    for part in &parts.any {
        let part = part.to_lowercase();
        let Some(at) = rest.find(&part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(&last)
}

fn compare(
    subject: &dyn Subject,
    name: &str,
    limit: &str,
    holds: impl Fn(i64, i64) -> bool,
) -> Option<bool> {
    if let Ok(limit) = limit.parse::<i64>() {
        let numbers = texts(subject, name).into_iter().filter_map(|text| text.parse().ok());
        return Some(numbers.into_iter().any(|number: i64| holds(number, limit)));
    }
    // Times and names: as text.
    let limit = limit.to_lowercase();
    let order = |text: &String| text.as_str().cmp(limit.as_str()) as i64;
    Some(texts(subject, name).iter().any(|text| holds(order(text), 0)))
}

fn bits(
    subject: &dyn Subject,
    name: &str,
    asked: &str,
    holds: impl Fn(i64, i64) -> bool,
) -> Option<bool> {
    let asked: i64 = asked.parse().ok()?;
    let numbers = texts(subject, name).into_iter().filter_map(|text| text.parse::<i64>().ok());
    Some(numbers.into_iter().any(|number| holds(number, asked)))
}

#[cfg(test)]
mod tests {
    use ldap3_proto::parse_ldap_filter_str;
    use ldap3_proto::proto::LdapMatchingRuleAssertion;

    use super::*;

    struct Jan;

    const JAN: &str = "S-1-5-21-1-2-3-1104";

    impl Subject for Jan {
        fn values(&self, attribute: &str) -> Vec<Vec<u8>> {
            let values: &[&str] = match attribute.to_lowercase().as_str() {
                "cn" => &["Jan de Vries"],
                "objectclass" => &["top", "person", "user"],
                "objectcategory" => &["CN=Person,CN=Schema,CN=Configuration,DC=x"],
                "useraccountcontrol" => &["514"],
                "usnchanged" => &["1200"],
                "whenchanged" => &["20240501000000.0Z"],
                "objectsid" => return vec![JAN.parse::<Sid>().unwrap().to_value()],
                _ => &[],
            };
            values.iter().map(|value| value.as_bytes().to_vec()).collect()
        }

        fn is_there(&self, attribute: &str) -> bool {
            !self.values(attribute).is_empty()
        }

        fn groups(&self) -> Vec<String> {
            vec!["CN=Inner,DC=x".to_owned(), "CN=Outer,DC=x".to_owned()]
        }
    }

    fn found(filter: &str) -> Option<bool> {
        matches(&parse_ldap_filter_str(filter).unwrap(), &Jan)
    }

    #[test]
    fn filters_of_every_kind_are_judged() {
        for yes in [
            "(&(objectClass=user)(objectCategory=person))",
            "(objectClass=USER)",
            "(cn=*de*)",
            "(cn=ja*d*ies)",
            "(!(cn=jan))",
            "(|(cn=x)(cn=*))",
            "(usnChanged>=1200)",
            "(usnChanged<=1200)",
            "(whenChanged>=20240430000000.0Z)",
            "(|(objectSid=S-1-5-21-1-2-3-513)(objectSid=S-1-5-21-1-2-3-1104))",
        ] {
            assert_eq!(found(yes), Some(true), "{yes}");
        }
        for no in [
            "(objectCategory=computer)",
            "(cn=de*)",
            "(cn=*jan)",
            "(mail=*)",
            "(usnChanged>=1201)",
            "(objectSid=S-1-5-21-1-2-3-110)",
        ] {
            assert_eq!(found(no), Some(false), "{no}");
        }
    }

    fn extensible(name: &str, rule: &str, value: &str) -> LdapFilter {
        LdapFilter::Extensible(LdapMatchingRuleAssertion {
            matching_rule: Some(rule.to_owned()),
            type_: Some(name.to_owned()),
            match_value: value.to_owned(),
            dn_attributes: false,
        })
    }

    #[test]
    fn bits_and_chains_of_groups_are_judged() {
        for (name, rule, value, expected) in [
            ("userAccountControl", ALL_BITS, "2", Some(true)),
            ("userAccountControl", ALL_BITS, "3", Some(false)),
            ("userAccountControl", ANY_BIT, "3", Some(true)),
            ("memberOf", IN_CHAIN, "cn=outer,dc=x", Some(true)),
            ("memberOf", IN_CHAIN, "cn=other,dc=x", Some(false)),
            ("cn", "1.2.3", "x", None),
        ] {
            let filter = extensible(name, rule, value);
            assert_eq!(matches(&filter, &Jan), expected, "{name} {rule} {value}");
        }
    }

    #[test]
    fn what_is_not_known_neither_matches_nor_fails_to() {
        let unknown = || extensible("cn", "1.2.3", "x");
        let (yes, no) = (|| LdapFilter::Present("cn".to_owned()), || LdapFilter::Or(Vec::new()));
        for (filter, expected) in [
            (LdapFilter::Not(Box::new(unknown())), None),
            (LdapFilter::Or(vec![yes(), unknown()]), Some(true)),
            (LdapFilter::Or(vec![no(), unknown()]), None),
            (LdapFilter::And(vec![no(), unknown()]), Some(false)),
            (LdapFilter::And(vec![yes(), unknown()]), None),
        ] {
            assert_eq!(matches(&filter, &Jan), expected, "{filter:?}");
        }
    }
}
