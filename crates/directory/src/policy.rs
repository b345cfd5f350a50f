//! The password policy that counts for one account (SPEC D-8): the domain's, or a fine-grained one.

use protocol::PasswordPolicy;

use crate::{Attributes, DirectoryError, DistinguishedName, filetime};

/// The domain's rules, on the domain head (MS-SAMR 3.1.1.7).
pub(crate) const DOMAIN_ATTRIBUTES: &[&str] =
    &["minPwdLength", "pwdProperties", "pwdHistoryLength", "minPwdAge"];
/// A fine-grained policy's rules (MS-ADTS, `msDS-PasswordSettings`).
pub(crate) const PSO_ATTRIBUTES: &[&str] = &[
    "msDS-MinimumPasswordLength",
    "msDS-PasswordComplexityEnabled",
    "msDS-PasswordHistoryLength",
    "msDS-MinimumPasswordAge",
];
/// DOMAIN_PASSWORD_COMPLEX in `pwdProperties` (MS-SAMR).
const COMPLEX: u32 = 0x1;

/// The policy that decides about one account's next password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectivePolicy {
    /// Whose rules they are.
    pub source: PolicySource,
    /// The rules; none if the service account may not read them (a PSO is readable to domain
    /// administrators only, unless that is delegated: SPEC D-12). Unknown is never wrong.
    pub rules: Option<PasswordPolicy>,
    /// Whether complexity looks at the account's names. Windows does (MS-SAMR 3.1.1.7.2), Samba
    /// does not, so that a name must not be blamed for what was refused for another rule.
    pub names_judged: bool,
}

/// Whose rules a policy has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// The domain's.
    Domain(DistinguishedName),
    /// A Password Settings object's.
    FineGrained(DistinguishedName),
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
        }
    }
}

/// Reads the domain's rules from its head. Everybody who is authenticated may read them.
///
/// # Errors
/// [`DirectoryError::Unreadable`], with the attribute that is missing or of another form.
pub fn domain_rules(head: &Attributes) -> Result<PasswordPolicy, DirectoryError> {
    let properties = head.required::<i32>("pwdProperties")?.cast_unsigned();
    Ok(PasswordPolicy {
        minimum_length: head.required("minPwdLength")?,
        complexity: properties & COMPLEX != 0,
        history_length: head.required("pwdHistoryLength")?,
        minimum_age_seconds: filetime::span(head.required("minPwdAge")?).as_secs(),
    })
}

/// Reads a fine-grained policy's rules; none unless all of them can be read.
pub fn pso_rules(pso: &Attributes) -> Option<PasswordPolicy> {
    Some(PasswordPolicy {
        minimum_length: pso.parsed("msDS-MinimumPasswordLength").ok()??,
        complexity: pso.flag("msDS-PasswordComplexityEnabled")?,
        history_length: pso.parsed("msDS-PasswordHistoryLength").ok()??,
        minimum_age_seconds: filetime::span(pso.parsed("msDS-MinimumPasswordAge").ok()??).as_secs(),
    })
}

#[cfg(test)]
mod tests {
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
        let rules = domain_rules(&attributes(&pairs)).unwrap();
        let expected = PasswordPolicy {
            minimum_length: 7,
            complexity: true,
            history_length: 24,
            minimum_age_seconds: 86_400,
        };
        assert_eq!(rules, expected);
        // Other bits (16: reversible encryption) are not complexity.
        pairs[1].1 = "16";
        assert!(!domain_rules(&attributes(&pairs)).unwrap().complexity);
        pairs.pop();
        assert!(domain_rules(&attributes(&pairs)).is_err());
    }

    #[test]
    fn a_pso_is_known_completely_or_not_at_all() {
        let mut pairs = vec![
            ("msDS-MinimumPasswordLength", "14"),
            ("msDS-PasswordComplexityEnabled", "FALSE"),
            ("msDS-PasswordHistoryLength", "3"),
            ("msDS-MinimumPasswordAge", "-600000000"),
        ];
        let rules = pso_rules(&attributes(&pairs)).unwrap();
        assert_eq!((rules.minimum_length, rules.complexity), (14, false));
        assert_eq!((rules.history_length, rules.minimum_age_seconds), (3, 60));
        pairs.remove(1);
        assert_eq!(pso_rules(&attributes(&pairs)), None);
        assert_eq!(pso_rules(&Attributes::default()), None);
    }

    #[test]
    fn a_policy_is_named_as_administrators_know_it() {
        let pso = "CN=Strict\\, long,CN=Password Settings Container,DC=example".parse().unwrap();
        assert_eq!(PolicySource::FineGrained(pso).reference(), "PSO Strict, long");
    }
}
