//! The password policy that counts for one account (SPEC D-8): the domain's, or a fine-grained one.
//!
//! Which of several fine-grained policies (PSO) counts is AD's to say: it computes
//! `msDS-ResultantPSO` by the order of MS-ADTS 3.1.1.4.5.36, one's own before those of groups, then
//! the lowest precedence, then the smallest GUID. Nothing of that is worked out here.

use protocol::PasswordPolicy;
use protocol::policy::Judge;

use crate::{Attributes, DirectoryError, DistinguishedName, filetime};

/// Which fine-grained policy counts for an account (MS-ADTS 3.1.1.4.5.36). Only returned when asked
/// for by name, on a search of the object itself.
pub(crate) const RESULTANT: &str = "msDS-ResultantPSO";
/// The domain's rules, on the domain head (MS-SAMR 3.1.1.5).
pub(crate) const DOMAIN_ATTRIBUTES: &[&str] = &[
    "minPwdLength",
    "pwdProperties",
    "pwdHistoryLength",
    "minPwdAge",
    "maxPwdAge",
    "lockoutThreshold",
    "lockoutDuration",
    "lockOutObservationWindow",
];
/// A fine-grained policy's rules (MS-ADTS, `msDS-PasswordSettings`).
pub(crate) const PSO_ATTRIBUTES: &[&str] = &[
    "msDS-MinimumPasswordLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordHistoryLength",
    "msDS-MinimumPasswordAge",
    "msDS-MaximumPasswordAge",
    "msDS-LockoutThreshold",
    "msDS-LockoutDuration",
    "msDS-LockoutObservationWindow",
];
/// DOMAIN_PASSWORD_COMPLEX in `pwdProperties` (MS-SAMR).
const COMPLEX: u32 = 0x1;

/// The policy that decides about one account's next password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectivePolicy {
    /// Whose rules they are.
    pub source: PolicySource,
    /// The rules, with who judges by them; none if the service account may not read them (a PSO is
    /// readable to domain administrators only, unless that is delegated: SPEC D-12). Unknown is
    /// never wrong.
    pub rules: Option<PasswordPolicy>,
}

impl EffectivePolicy {
    /// The policy of a domain, read from its head.
    ///
    /// # Errors
    /// Those of [`domain_rules`].
    pub fn of_domain(
        name: DistinguishedName,
        head: &Attributes,
        judge: Judge,
    ) -> Result<Self, DirectoryError> {
        let rules = Some(domain_rules(head, judge)?);
        Ok(Self { source: PolicySource::Domain(name), rules })
    }

    /// One of which not even the name may be read.
    pub const fn unknown() -> Self {
        Self { source: PolicySource::Unknown, rules: None }
    }

    /// A fine-grained policy; without rules where its object, or a part of it, is hidden.
    pub fn fine_grained(name: DistinguishedName, pso: Option<&Attributes>, judge: Judge) -> Self {
        let rules = pso.and_then(|pso| pso_rules(pso, judge));
        Self { source: PolicySource::FineGrained(name), rules }
    }
}

/// Whose rules a policy has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// The domain's.
    Domain(DistinguishedName),
    /// A Password Settings object's.
    FineGrained(DistinguishedName),
    /// The domain's, or a Password Settings object's: which may not be read.
    Unknown,
}

impl PolicySource {
    /// The name under which an administrator finds it.
    pub fn reference(&self) -> String {
        match self {
            Self::Domain(head) => format!("domain {head}"),
            Self::FineGrained(pso) => match pso.name() {
                Some(name) => format!("PSO {name}"),
                None => format!("PSO {pso}"),
            },
            Self::Unknown => "hidden".to_owned(),
        }
    }
}

/// Reads the domain's rules from its head. Everybody who is authenticated may read them. What does
/// not decide about a new password (its greatest age, the lockout) may be absent.
///
/// # Errors
/// [`DirectoryError::Unreadable`], with the attribute that is missing or of another form.
pub fn domain_rules(head: &Attributes, judge: Judge) -> Result<PasswordPolicy, DirectoryError> {
    let properties = head.required::<i32>("pwdProperties")?.cast_unsigned();
    let rules = PasswordPolicy {
        minimum_length: head.required("minPwdLength")?,
        complexity: properties & COMPLEX != 0,
        history_length: head.required("pwdHistoryLength")?,
        maximum_age_seconds: seconds(head, "maxPwdAge"),
        lockout_threshold: head.parsed("lockoutThreshold").ok().flatten(),
        lockout_duration_seconds: seconds(head, "lockoutDuration"),
        lockout_window_seconds: seconds(head, "lockOutObservationWindow"),
        judged_by: Some(judge),
        ..PasswordPolicy::default()
    };
    Ok(rules.with_minimum_age(filetime::span(head.required("minPwdAge")?)))
}

/// Reads a fine-grained policy's rules; none unless all of those that decide about a new password
/// can be read.
pub fn pso_rules(pso: &Attributes, judge: Judge) -> Option<PasswordPolicy> {
    let rules = PasswordPolicy {
        minimum_length: pso.parsed("msDS-MinimumPasswordLength").ok()??,
        complexity: pso.flag("msDS-PasswordComplexityEnabled")?,
        history_length: pso.parsed("msDS-PasswordHistoryLength").ok()??,
        maximum_age_seconds: seconds(pso, "msDS-MaximumPasswordAge"),
        lockout_threshold: pso.parsed("msDS-LockoutThreshold").ok().flatten(),
        lockout_duration_seconds: seconds(pso, "msDS-LockoutDuration"),
        lockout_window_seconds: seconds(pso, "msDS-LockoutObservationWindow"),
        judged_by: Some(judge),
        ..PasswordPolicy::default()
    };
    Some(rules.with_minimum_age(filetime::span(pso.parsed("msDS-MinimumPasswordAge").ok()??)))
}

/// A span in seconds. AD writes "for ever" as 0 or as the longest span; both become 0.
fn seconds(attributes: &Attributes, name: &'static str) -> Option<u64> {
    let steps: i64 = attributes.parsed(name).ok()??;
    Some(if steps == i64::MIN { 0 } else { filetime::span(steps).as_secs() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        let mut attributes = Attributes::default();
        pairs.iter().for_each(|(name, value)| attributes.insert(name, *value));
        attributes
    }

    #[test]
    fn a_domain_has_rules() {
        let mut pairs = vec![
            ("minPwdLength", "7"),
            ("pwdProperties", "1"),
            ("pwdHistoryLength", "24"),
            ("minPwdAge", "-864000000000"),
        ];
        let read = |pairs: &[_]| domain_rules(&attributes(pairs), Judge::Windows);
        let expected = PasswordPolicy {
            minimum_length: 7,
            complexity: true,
            history_length: 24,
            minimum_age_seconds: 86_400,
            judged_by: Some(Judge::Windows),
            ..PasswordPolicy::default()
        };
        assert_eq!(read(&pairs).unwrap(), expected);
        // Other bits (16: reversible encryption) are not complexity.
        pairs[1].1 = "16";
        assert!(!read(&pairs).unwrap().complexity);
        pairs.pop();
        assert!(read(&pairs).is_err());
    }

    #[test]
    fn a_pso_is_known_completely_or_not_at_all() {
        let mut pairs = vec![
            ("msDS-MinimumPasswordLength", "14"),
            ("msDS-PasswordComplexityEnabled", "FALSE"),
            ("msDS-PasswordHistoryLength", "3"),
            ("msDS-MinimumPasswordAge", "-15000001"),
        ];
        let read = |pairs: &[_]| pso_rules(&attributes(pairs), Judge::Samba);
        let rules = read(&pairs).unwrap();
        assert_eq!((rules.minimum_length, rules.complexity), (14, false));
        assert_eq!((rules.history_length, rules.judged_by), (3, Some(Judge::Samba)));
        assert_eq!(rules.minimum_age(), Duration::from_nanos(1_500_000_100));
        for missing in 0..pairs.len() {
            let taken = pairs.remove(missing);
            assert_eq!(read(&pairs), None, "without {}", taken.0);
            pairs.insert(missing, taken);
        }
        let name: DistinguishedName = "CN=Strict,DC=example".parse().unwrap();
        let hidden = EffectivePolicy::fine_grained(name.clone(), None, Judge::Windows);
        assert_eq!(
            hidden,
            EffectivePolicy { source: PolicySource::FineGrained(name), rules: None }
        );
    }

    #[test]
    fn the_greatest_age_and_the_lockout_are_read_where_they_can_be() {
        let mut head = vec![
            ("minPwdLength", "7"),
            ("pwdProperties", "1"),
            ("pwdHistoryLength", "24"),
            ("minPwdAge", "0"),
        ];
        let mut pso = vec![
            ("msDS-MinimumPasswordLength", "7"),
            ("msDS-PasswordComplexityEnabled", "TRUE"),
            ("msDS-PasswordHistoryLength", "24"),
            ("msDS-MinimumPasswordAge", "0"),
        ];
        let read = |head: &[_], pso: &[_]| {
            let both = [
                domain_rules(&attributes(head), Judge::Windows).unwrap(),
                pso_rules(&attributes(pso), Judge::Windows).unwrap(),
            ];
            assert_eq!(both[0], both[1]);
            let [rules, _] = both;
            (
                rules.maximum_age_seconds,
                rules.lockout_threshold,
                rules.lockout_duration_seconds,
                rules.lockout_window_seconds,
            )
        };
        assert_eq!(read(&head, &pso), (None, None, None, None));
        let values = ["-36288000000000", "5", "-9223372036854775808", "-18000000000"];
        head.extend(DOMAIN_ATTRIBUTES[4..].iter().copied().zip(values));
        pso.extend(PSO_ATTRIBUTES[4..].iter().copied().zip(values));
        assert_eq!(read(&head, &pso), (Some(3_628_800), Some(5), Some(0), Some(1_800)));
        // For ever, in both ways to write it; never locked.
        for never in ["0", "-9223372036854775808"] {
            (head[4].1, pso[4].1) = (never, never);
            (head[5].1, pso[5].1) = ("0", "0");
            assert_eq!(read(&head, &pso), (Some(0), Some(0), Some(0), Some(1_800)));
        }
        // What cannot be read is not known, and no reason to know nothing.
        (head[5].1, pso[5].1) = ("five", "five");
        assert_eq!(read(&head, &pso).1, None);
    }

    #[test]
    fn a_policy_is_named_as_administrators_know_it() {
        let pso = "CN=Strict\\, long,CN=Password Settings Container,DC=example".parse().unwrap();
        assert_eq!(PolicySource::FineGrained(pso).reference(), "PSO Strict, long");
    }
}
