//! What of an account may not be read: told from what is absent by its descriptor.

use crate::security::rights::{INET_ORG_PERSON, Judged, USER};
use crate::security::{Requester, SecurityDescriptor, Target, Wanted};
use crate::{Attributes, Sid};

/// What of an account may not be read, so that its absence says nothing. Of what is not listed here,
/// absence is an error, or [`PwdLastSet::Hidden`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hidden {
    /// `lockoutTime`: whether it is locked out is not known.
    pub lockout_time: bool,
    /// `msDS-ResultantPSO`: whose rules the next password obeys is not known.
    pub resultant_pso: bool,
}

impl Hidden {
    /// What is hidden from whoever asks, of an account with these attributes and that descriptor.
    pub(super) fn of(
        sid: &Sid,
        attributes: &Attributes,
        descriptor: Option<&SecurityDescriptor>,
        who: Option<&Requester>,
    ) -> Self {
        let hidden = |attribute: Judged| {
            attributes.value(attribute.name()).is_none()
                && who.is_some_and(|who| !may_read(descriptor, attribute, who, sid, attributes))
        };
        Self {
            lockout_time: hidden(Judged::LockoutTime),
            resultant_pso: hidden(Judged::ResultantPso),
        }
    }
}

/// Whether this may be read of an account, for certain: not where its descriptor is hidden, or an entry
/// depends on a condition.
fn may_read(
    descriptor: Option<&SecurityDescriptor>,
    attribute: Judged,
    who: &Requester,
    sid: &Sid,
    attributes: &Attributes,
) -> bool {
    let class = match attributes.texts("objectClass").last() {
        Some(class) if class.eq_ignore_ascii_case("user") => Some(USER),
        Some(class) if class.eq_ignore_ascii_case("inetOrgPerson") => Some(INET_ORG_PERSON),
        _ => None,
    };
    let (wanted, target) = (Wanted::Read(attribute.property()), Target { sid: Some(sid), class });
    descriptor.is_some_and(|held| held.effective(wanted, who, &target).is_granted())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::{account_with, attributes};
    use crate::attributes::Entry;
    use crate::{Account, security};

    /// What is hidden of Jan, whose descriptor that is, from an account of that group.
    fn hidden(sddl: Option<&str>, changes: &[(&str, &str)]) -> Hidden {
        let mut attributes = attributes();
        if let Some(sddl) = sddl {
            let aliases = security::Aliases::without_domain();
            let held = SecurityDescriptor::from_sddl(sddl, &aliases).unwrap();
            attributes.insert(security::ATTRIBUTE, held.to_value().unwrap());
        }
        changes.iter().for_each(|(name, value)| attributes.insert(name, *value));
        let dn = "CN=Jan de Vries,OU=People,DC=corp,DC=example".parse().unwrap();
        let service = "S-1-5-21-1-2-3-1199".parse().unwrap();
        let group = "S-1-5-21-1-2-3-2000".parse().unwrap();
        let who = Requester::account(service, [group]);
        Account::read(Entry { dn, attributes }, Some(&who)).unwrap().hidden
    }

    #[test]
    fn what_is_absent_is_told_from_what_may_not_be_read() {
        let nothing = Hidden::default();
        let all = Hidden { lockout_time: true, resultant_pso: true };
        assert_eq!(hidden(Some("D:(A;;RP;;;AU)"), &[]), nothing, "there is none");
        assert_eq!(hidden(Some("D:(A;;RP;;;S-1-5-21-1-2-3-2000)"), &[]), nothing, "by a group");
        assert_eq!(hidden(Some("D:(A;;RP;;;S-1-5-21-1-2-3-2001)"), &[]), all, "by another one");
        assert_eq!(hidden(None, &[]), all, "the list itself is hidden");
        // What is there was read, whatever the list says.
        let there = [("lockoutTime", "0"), ("msDS-ResultantPSO", "CN=Strict,DC=corp")];
        assert_eq!(hidden(None, &there), nothing);
        let lockout = "(OA;;RP;28630ebf-41d5-11d1-a9c1-0000f80367c1;;AU)";
        let only = Hidden { lockout_time: false, resultant_pso: true };
        assert_eq!(hidden(Some(&format!("D:{lockout}")), &[]), only);
        let of_class = "D:(OA;;RP;;bf967aba-0de6-11d0-a285-00aa003049e2;AU)";
        assert_eq!(hidden(Some(of_class), &[]), nothing, "an entry for users");
        assert_eq!(account_with(&[]).unwrap().hidden, nothing, "nobody in particular asks");
    }
}
