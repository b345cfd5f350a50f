//! What of an account may not be read: told from what is absent by its descriptor.

use crate::security::rights::{Judged, Permission, class_of_people};
use crate::security::{Requester, SecurityDescriptor, Target, Wanted};
use crate::{Attributes, DirectoryError, Sid};

/// What of an account may not be read, so that its absence says nothing. Of what is not listed here,
/// absence is an error, or [`PwdLastSet::Hidden`](super::PwdLastSet::Hidden).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hidden {
    /// `lockoutTime`: whether it is locked out is not known.
    pub lockout_time: bool,
    /// `msDS-ResultantPSO`: whose rules the next password obeys is not known.
    pub resultant_pso: bool,
}

/// Somebody who reads an account with these attributes and that descriptor.
pub(super) struct Reader<'a> {
    pub(super) sid: &'a Sid,
    pub(super) attributes: &'a Attributes,
    pub(super) descriptor: Option<&'a SecurityDescriptor>,
    /// None: nobody in particular, of whom nothing is said.
    pub(super) who: Option<&'a Requester>,
}

impl Reader<'_> {
    /// What is hidden of it.
    ///
    /// # Errors
    /// [`DirectoryError::Unreadable`] where it cannot be said whether the account has ended: every account
    /// has a value (MS-SAMR 3.1.1.8.1), and one that has ended must not be reset (SPEC D-7). The same where
    /// the descriptor says that an `adminCount` could not be seen: one that is there protects (SPEC D-6).
    /// Few accounts have one, so that its absence says nothing where the descriptor is hidden as well: then
    /// the groups alone protect, or a domain that takes the descriptors away would have nobody reset.
    pub(super) fn hidden(&self) -> Result<Hidden, DirectoryError> {
        let unreadable = |one: Judged| Err(DirectoryError::Unreadable { attribute: one.name() });
        if self.is_hidden(Judged::AccountExpires) {
            return unreadable(Judged::AccountExpires);
        }
        if self.descriptor.is_some() && self.is_hidden(Judged::AdminCount) {
            return unreadable(Judged::AdminCount);
        }
        Ok(Hidden {
            lockout_time: self.is_hidden(Judged::LockoutTime),
            resultant_pso: self.is_hidden(Judged::ResultantPso),
        })
    }

    /// Why the groups are absent, which every account has. A controller that is no global catalog asks one
    /// for them, and returns the account without them where none answers.
    pub(super) fn without_groups(&self) -> DirectoryError {
        let attribute = Judged::TokenGroups.name();
        match self.may_read(Judged::TokenGroups) {
            Some(true) => DirectoryError::NotComputed { attribute },
            _ => DirectoryError::Unreadable { attribute },
        }
    }

    fn is_hidden(&self, attribute: Judged) -> bool {
        let absent = self.attributes.value(attribute.name()).is_none();
        absent && self.may_read(attribute) == Some(false)
    }

    /// Whether whoever asks certainly lacks Change Password on it: not where that is nobody in particular, or
    /// the descriptor is hidden, which would say so.
    pub(super) fn may_not_change(&self) -> bool {
        let wanted = Permission::ChangePassword.wanted();
        self.descriptor.is_some() && self.may(wanted) == Some(false)
    }

    /// Whether this may be read, for certain: not where the descriptor is hidden, or an entry depends on a
    /// condition.
    fn may_read(&self, attribute: Judged) -> Option<bool> {
        self.may(Wanted::Read(attribute.property()))
    }

    fn may(&self, wanted: Wanted) -> Option<bool> {
        let who = self.who?;
        let class = self.attributes.texts("objectClass").last().and_then(class_of_people);
        let target = Target { sid: Some(self.sid), class };
        let held = self.descriptor;
        Some(held.is_some_and(|held| held.effective(wanted, who, &target).is_granted()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::{account_with, attributes};
    use crate::attributes::Entry;
    use crate::{Account, security};

    /// What is hidden of Jan, whose descriptor that is, from an account of that group.
    fn hidden(sddl: Option<&str>, changes: &[(&str, &str)]) -> Hidden {
        read(attributes(), sddl, changes).unwrap().hidden
    }

    /// Jan with these attributes, as that account reads him.
    fn read(
        mut attributes: Attributes,
        sddl: Option<&str>,
        changes: &[(&str, &str)],
    ) -> Result<Account, DirectoryError> {
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
        Account::read(Entry { dn, attributes }, Some(&who))
    }

    fn without(absent: &str) -> Attributes {
        let mut left = Attributes::default();
        for (name, values) in
            attributes().iter().filter(|(name, _)| !name.eq_ignore_ascii_case(absent))
        {
            values.iter().for_each(|value| left.insert(name, value.clone()));
        }
        left
    }

    #[test]
    fn groups_that_may_be_read_and_are_absent_were_not_worked_out() {
        let attribute = "tokenGroups";
        let told = |sddl| read(without(attribute), sddl, &[]).err();
        let unreadable = Some(DirectoryError::Unreadable { attribute });
        assert_eq!(told(Some("D:(A;;RP;;;AU)")), Some(DirectoryError::NotComputed { attribute }));
        assert_eq!(told(Some("D:(A;;RP;;;S-1-5-21-1-2-3-2001)")), unreadable, "by another group");
        assert_eq!(told(None), unreadable, "the list itself is hidden");
        let outcome = DirectoryError::NotComputed { attribute }.outcome();
        assert_eq!(outcome, protocol::Outcome::PdcUnreachable);
    }

    #[test]
    fn nobody_is_taken_for_one_who_does_not_expire_whose_end_may_not_be_read() {
        let attribute = "accountExpires";
        // Of the property set that the flags are of as well, it is denied by itself.
        let denied = "D:(OD;;RP;bf967915-0de6-11d0-a285-00aa003049e2;;AU)(A;;RP;;;AU)";
        let told = read(without(attribute), Some(denied), &[]);
        assert_eq!(told.err(), Some(DirectoryError::Unreadable { attribute }));
        let jan = read(without(attribute), Some("D:(A;;RP;;;AU)"), &[]).unwrap();
        assert_eq!(jan.account_expires, None, "there is none");
    }

    #[test]
    fn nobody_is_taken_for_unmarked_whose_mark_may_not_be_read() {
        let attribute = "adminCount";
        let denied = format!("(OD;;RP;{};;AU)", Judged::AdminCount.property().attribute);
        let (denied, all) = (format!("D:{denied}(A;;RP;;;AU)"), "D:(A;;RP;;;AU)");
        let told = |sddl| read(attributes(), sddl, &[]).map(|jan| jan.admin_count);
        let unreadable = Err(DirectoryError::Unreadable { attribute });
        assert_eq!(told(Some(&*denied)), unreadable);
        assert_eq!(told(Some("D:(A;;RP;;;S-1-5-21-1-2-3-2001)")), unreadable, "by another group");
        assert_eq!(told(Some(all)), Ok(false), "there is none");
        assert_eq!(told(None), Ok(false), "the list itself is hidden");
        let marked = read(attributes(), Some(&*denied), &[(attribute, "1")]).unwrap();
        assert!(marked.admin_count, "what is there was read, whatever the list says");
    }

    #[test]
    fn who_lacks_change_password_is_read_out_of_the_descriptor() {
        let lacks =
            |sddl: Option<&str>| read(attributes(), sddl, &[]).unwrap().service_may_not_change;
        let given = |whom: &str| {
            let list =
                format!("D:(OA;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;{whom})(A;;RP;;;AU)");
            !lacks(Some(&list))
        };
        assert!(lacks(Some("D:(A;;RP;;;AU)")));
        assert!(given("WD") && !given("PS"), "the other is the person alone");
        assert!(!lacks(None), "the list itself is hidden");
        assert!(!account_with(&[]).unwrap().service_may_not_change, "nobody in particular asks");
    }

    /// As its owner, but at Samba, which does not look at that; by the class nowhere.
    #[test]
    fn who_may_not_change_the_password_is_judged_as_the_controller_does() {
        let (class, all) = ("bf967aba-0de6-11d0-a285-00aa003049e2", "(A;;CRRP;;;AU)");
        let of_class = format!("D:(OD;;CR;{class};;PS){all}");
        let of_owner = format!("O:S-1-5-21-1-2-3-1104D:(D;;CR;;;OW){all}");
        let service = Requester::account("S-1-5-21-1-2-3-1199".parse().unwrap(), []);
        for (sddl, at_windows, at_samba) in [(of_class, false, false), (of_owner, true, false)] {
            let cannot = |who: Option<&Requester>| {
                let held =
                    SecurityDescriptor::from_sddl(&sddl, &security::Aliases::without_domain());
                let mut attributes = attributes();
                attributes.insert(security::ATTRIBUTE, held.unwrap().to_value().unwrap());
                let dn = "CN=Jan de Vries,OU=People,DC=corp,DC=example".parse().unwrap();
                Account::read(Entry { dn, attributes }, who).unwrap().cannot_change_password
            };
            assert_eq!(cannot(Some(&service)), at_windows, "{sddl}");
            assert_eq!(cannot(Some(&service.clone().at_samba())), at_samba, "{sddl}");
            assert_eq!(cannot(None), at_windows, "{sddl}");
        }
    }

    #[test]
    fn what_is_absent_is_told_from_what_may_not_be_read() {
        let nothing = Hidden::default();
        let all = Hidden { lockout_time: true, resultant_pso: true };
        assert_eq!(hidden(Some("D:(A;;RP;;;AU)"), &[]), nothing, "there is none");
        assert_eq!(hidden(Some("D:(A;;RP;;;S-1-5-21-1-2-3-2000)"), &[]), nothing, "by a group");
        let mark = "(OA;;RP;bf967918-0de6-11d0-a285-00aa003049e2;;AU)";
        let another = format!("D:{mark}(A;;RP;;;S-1-5-21-1-2-3-2001)");
        assert_eq!(hidden(Some(&another), &[]), all, "by another one");
        assert_eq!(hidden(None, &[]), all, "the list itself is hidden");
        // What is there was read, whatever the list says.
        let there = [("lockoutTime", "0"), ("msDS-ResultantPSO", "CN=Strict,DC=corp")];
        assert_eq!(hidden(None, &there), nothing);
        let lockout = "(OA;;RP;28630ebf-41d5-11d1-a9c1-0000f80367c1;;AU)";
        let only = Hidden { lockout_time: false, resultant_pso: true };
        assert_eq!(hidden(Some(&format!("D:{mark}{lockout}")), &[]), only);
        let of_class = "D:(OA;;RP;;bf967aba-0de6-11d0-a285-00aa003049e2;AU)";
        assert_eq!(hidden(Some(of_class), &[]), nothing, "an entry for users");
        assert_eq!(account_with(&[]).unwrap().hidden, nothing, "nobody in particular asks");
    }
}
