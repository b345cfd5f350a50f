//! Memberships, and the fine-grained policy that follows from them.

use std::collections::HashSet;

use directory::{AccountFlags, DistinguishedName, ObjectGuid, Sid};

use crate::bind::flags;
use crate::object::{Class, Object};
use crate::replica::Replica;
use crate::rules::{FakePolicy, Flavour, Place};

/// The `groupType` of a global security group (MS-ADTS 2.2.12).
pub(crate) const SECURITY_GLOBAL: i32 = -2_147_483_646;
/// That of one that the system has made in the built-in container.
pub(crate) const SECURITY_BUILT_IN: i32 = -2_147_483_643;
/// The bit of it that makes a group count for security.
const SECURITY_ENABLED: i64 = 0x8000_0000;
/// The bit of a group that the system has made in the built-in container, and that of a global one.
const BUILT_IN: i64 = 0x1;
const GLOBAL: i64 = 0x2;
/// Domain Users.
pub(crate) const DOMAIN_USERS: u32 = 513;
/// Protected Users.
pub(crate) const PROTECTED_USERS: u32 = 525;
/// Pre-Windows 2000 Compatible Access, of the built-in groups.
pub(crate) const PRE_WINDOWS_2000: u32 = 554;

impl Replica {
    /// The groups that an account is in: nested ones and the primary one included, in the order
    /// in which they are found (`tokenGroups`, MS-ADTS 3.1.1.4.5.19). A cycle ends where it began. Groups
    /// for mail are left out, and lead nowhere (tried on Samba).
    pub(crate) fn token_groups(&self, account: &Object) -> Vec<Sid> {
        self.groups_of(account, &is_for_security)
            .iter()
            .filter_map(|group| group.sid.clone())
            .collect()
    }

    /// The groups that an object is in directly (`memberOf`); the primary one is not listed.
    pub(crate) fn direct_groups(&self, guid: ObjectGuid) -> impl Iterator<Item = &Object> {
        self.objects()
            .filter(move |object| object.class == Class::Group && object.links.contains(&guid))
    }

    /// The policy that decides about a person's account: of those applied to itself the one with
    /// the lowest precedence, else of those applied to its groups, else the domain's (MS-ADTS
    /// 3.1.1.4.5.36). Of two with the same precedence, the one with the smaller GUID.
    pub(crate) fn resultant_settings(&self, account: &Object) -> Option<&Object> {
        if account.class != Class::User || !flags(account).contains(AccountFlags::NORMAL) {
            return None;
        }
        let best = |concerned: &dyn Fn(&ObjectGuid) -> bool| {
            self.objects()
                .filter(|object| object.class == Class::PasswordSettings)
                .filter(|settings| settings.links.iter().any(concerned))
                .min_by_key(|settings| {
                    (settings.number("msDS-PasswordSettingsPrecedence"), settings.guid)
                })
        };
        best(&|guid| *guid == account.guid).or_else(|| {
            let counts = |group: &Object| is_for_security(group) && self.is_for_settings(group);
            let groups: HashSet<_> =
                self.groups_of(account, &counts).iter().map(|group| group.guid).collect();
            best(&|guid| groups.contains(guid))
        })
    }

    /// The rules of the policy that decides about an account.
    pub(crate) fn policy_of(&self, account: &Object) -> FakePolicy {
        match self.resultant_settings(account) {
            Some(settings) => FakePolicy::read(Place::FineGrained, &settings.values),
            None => self.domain_policy(),
        }
    }

    /// The domain's rules.
    pub(crate) fn domain_policy(&self) -> FakePolicy {
        let head = self.named(&self.head).map(|head| &head.values);
        head.map_or_else(FakePolicy::default, |values| FakePolicy::read(Place::Domain, values))
    }

    /// The names of what a group or a policy links to.
    pub(crate) fn link_names(&self, object: &Object) -> Vec<DistinguishedName> {
        let objects = object.links.iter().filter_map(|guid| self.object(*guid));
        objects.map(|object| object.dn.clone()).collect()
    }

    /// The group of an account's `primaryGroupID`, which does not list it.
    pub(crate) fn primary_group(&self, account: &Object) -> Option<&Object> {
        let number = u32::try_from(account.number("primaryGroupID")).ok()?;
        self.with_sid(&self.sid_of(number).ok()?)
    }

    /// Whether a policy applied to a group reaches those who are in it: "account groups" are global ones
    /// (MS-DRSR 4.1.8.1.3, RevMembGetAccountGroups); Samba leaves out the built-in ones alone (as tried).
    fn is_for_settings(&self, group: &Object) -> bool {
        let kind = group.number("groupType");
        match self.flavour {
            Flavour::Samba => kind & BUILT_IN == 0,
            Flavour::Windows => kind & GLOBAL != 0,
        }
    }

    /// The groups that an account is in by way of groups that count; one that does not leads nowhere.
    fn groups_of(&self, account: &Object, counts: &dyn Fn(&Object) -> bool) -> Vec<&Object> {
        let direct = self.direct_groups(account.guid).chain(self.primary_group(account));
        let mut found: Vec<&Object> = direct.filter(|group| counts(group)).collect();
        let mut seen: HashSet<_> = found.iter().map(|group| group.guid).collect();
        let mut next = 0;
        while let Some(group) = found.get(next) {
            for outer in self.direct_groups(group.guid).filter(|group| counts(group)) {
                if seen.insert(outer.guid) {
                    found.push(outer);
                }
            }
            next += 1;
        }
        found
    }
}

fn is_for_security(group: &Object) -> bool {
    group.number("groupType") & SECURITY_ENABLED != 0
}
