//! What Passback's service account may need, by name (SPEC D-12): where each right stands, what it
//! looks like in a list, and whether it is there.
//!
//! The numbers are those of MS-ADTS 5.1.3.2.1 (rights) and of the attributes' and classes' own
//! sections of MS-ADA1 to MS-ADA3 and MS-ADSC.

mod judged;

pub use judged::Judged;

use super::{
    Ace, Acl, Below, Decision, Depth, Property, Requester, Ruling, SecurityDescriptor, Target,
    Wanted, mask,
};
use crate::{ObjectGuid, Sid};

/// User-Force-Change-Password, called "Reset Password".
pub const RESET_PASSWORD: ObjectGuid = guid(0x0029_9570, 0x246d, 0x11d0, 0xa768_00aa_006e_0529);
/// User-Change-Password, called "Change Password".
pub const CHANGE_PASSWORD: ObjectGuid = guid(0xab72_1a53, 0x1e2f, 0x11d0, 0x9819_00aa_0040_529b);
/// Unexpire-Password, called "Unexpire Password".
pub const UNEXPIRE_PASSWORD: ObjectGuid = guid(0xccc2_dc7d, 0xa6ad, 0x4a7a, 0x8846_c04e_3cc5_3501);
/// DS-Replication-Get-Changes, called "Replicating Directory Changes".
pub const REPLICATION_GET_CHANGES: ObjectGuid =
    guid(0x1131_f6aa, 0x9c07, 0x11d1, 0xf79f_00c0_4fc2_dcd2);

/// The property set User-Account-Restrictions, called "Account Restrictions".
pub const USER_ACCOUNT_RESTRICTIONS: ObjectGuid =
    guid(0x4c16_4200, 0x20c0, 0x11d0, 0xa768_00aa_006e_0529);

/// `lockoutTime`, which is in no property set.
pub const LOCKOUT_TIME: Property =
    Property { attribute: guid(0x2863_0ebf, 0x41d5, 0x11d1, 0xa9c1_0000_f803_67c1), set: None };
/// `pwdLastSet`.
pub const PWD_LAST_SET: Property = Property {
    attribute: guid(0xbf96_7a0a, 0x0de6, 0x11d0, 0xa285_00aa_0030_49e2),
    set: Some(USER_ACCOUNT_RESTRICTIONS),
};
/// `mS-DS-ConsistencyGuid`, which is in no property set.
pub const CONSISTENCY_GUID: Property =
    Property { attribute: guid(0x2377_3dc2, 0xb63a, 0x11d2, 0x90e1_00c0_4fd9_1ab1), set: None };

/// The class `user`.
pub const USER: ObjectGuid = guid(0xbf96_7aba, 0x0de6, 0x11d0, 0xa285_00aa_0030_49e2);
/// The class `inetOrgPerson`, a subclass of `user` that entries for users do not reach.
pub const INET_ORG_PERSON: ObjectGuid = guid(0x4828_cc14, 0x1437, 0x45bc, 0x9b07_ad6f_015e_5f28);

/// `schemaIDGUID` of a class of people by its `lDAPDisplayName`; none of any other class.
pub fn class_of_people(name: &str) -> Option<ObjectGuid> {
    let people = [("user", USER), ("inetOrgPerson", INET_ORG_PERSON)];
    people.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, guid)| guid)
}
/// The class `msDS-PasswordSettings`: a fine-grained policy.
pub const PASSWORD_SETTINGS: ObjectGuid = guid(0x3bcd_9db8, 0xf84b, 0x451c, 0x952f_6c52_b81f_9ec6);

/// To read an object, and to see what is below it.
const READ: u32 = mask::LIST_CONTENTS | mask::READ_PROPERTY | mask::LIST_OBJECT;

/// A right of SPEC D-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// To set a person's password without the old one.
    ResetPassword,
    /// To set it with the old one.
    ChangePassword,
    /// To unlock.
    WriteLockoutTime,
    /// To make a person change the password at the next sign-in.
    WritePwdLastSet,
    /// To set an expired password's account right again.
    UnexpirePassword,
    /// To read fine-grained policies.
    ReadPasswordSettings,
    /// To write the anchor of a synchronised person.
    WriteConsistencyGuid,
    /// To be told of changes, deletions included (DirSync).
    ReplicatingDirectoryChanges,
    /// To read what was deleted.
    ReadDeletedObjects,
    /// To read this of a person. Of SPEC D-12's last sentence, and in none of its lists: in a new domain
    /// everybody who signs in may.
    Read(Judged),
}

/// On what a right stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// On a unit in scope or the root of a domain, inherited by the users below.
    AboveUsers,
    /// On the root of each domain, for that object itself.
    DomainRoot,
    /// On the Password Settings container and what is in it.
    PasswordSettings,
    /// On the container Deleted Objects.
    DeletedObjects,
}

/// What a right is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Password writeback; without the right it does not work.
    Writeback,
    /// Showing the rules of fine-grained policies; without it they are unknown.
    FineGrainedRules,
    /// Anchors in `mS-DS-ConsistencyGuid`.
    Anchor,
    /// Hearing of deletions; without either of the two they are found by a sweep.
    Deletions,
    /// Reading what people are judged by; without it, writeback does not work, or goes on and knows less
    /// ([`Judged::is_needed`]).
    Reading,
}

impl Permission {
    /// Those of a feature.
    pub fn of(feature: Feature) -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter().chain(Judged::ALL.into_iter().map(Self::Read));
        all.filter(move |one| one.feature() == feature)
    }

    /// All that are granted by name, in the order of SPEC D-12.
    pub const ALL: [Self; 9] = [
        Self::ResetPassword,
        Self::ChangePassword,
        Self::WriteLockoutTime,
        Self::WritePwdLastSet,
        Self::UnexpirePassword,
        Self::ReadPasswordSettings,
        Self::WriteConsistencyGuid,
        Self::ReplicatingDirectoryChanges,
        Self::ReadDeletedObjects,
    ];

    /// The name that Active Directory's own tools show: of a control access right, or of the
    /// attribute that is written. Empty for reading a whole object, which has none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResetPassword => "Reset Password",
            Self::ChangePassword => "Change Password",
            Self::WriteLockoutTime => "lockoutTime",
            Self::WritePwdLastSet => "pwdLastSet",
            Self::UnexpirePassword => "Unexpire Password",
            Self::WriteConsistencyGuid => "mS-DS-ConsistencyGuid",
            Self::ReplicatingDirectoryChanges => "Replicating Directory Changes",
            Self::ReadPasswordSettings | Self::ReadDeletedObjects => "",
            Self::Read(attribute) => attribute.name(),
        }
    }

    /// What it is for.
    pub const fn feature(self) -> Feature {
        match self {
            Self::ResetPassword
            | Self::ChangePassword
            | Self::WriteLockoutTime
            | Self::WritePwdLastSet
            | Self::UnexpirePassword => Feature::Writeback,
            Self::ReadPasswordSettings => Feature::FineGrainedRules,
            Self::WriteConsistencyGuid => Feature::Anchor,
            Self::ReplicatingDirectoryChanges | Self::ReadDeletedObjects => Feature::Deletions,
            Self::Read(_) => Feature::Reading,
        }
    }

    /// Where it stands.
    pub const fn stand(self) -> Stand {
        match self {
            Self::ResetPassword
            | Self::ChangePassword
            | Self::WriteLockoutTime
            | Self::WritePwdLastSet
            | Self::WriteConsistencyGuid
            | Self::Read(_) => Stand::AboveUsers,
            Self::UnexpirePassword | Self::ReplicatingDirectoryChanges => Stand::DomainRoot,
            Self::ReadPasswordSettings => Stand::PasswordSettings,
            Self::ReadDeletedObjects => Stand::DeletedObjects,
        }
    }

    /// What it allows, on the object that it has effect on.
    pub const fn wanted(self) -> Wanted {
        match self {
            Self::ResetPassword => Wanted::Control(RESET_PASSWORD),
            Self::ChangePassword => Wanted::Control(CHANGE_PASSWORD),
            Self::WriteLockoutTime => Wanted::Write(LOCKOUT_TIME),
            Self::WritePwdLastSet => Wanted::Write(PWD_LAST_SET),
            Self::UnexpirePassword => Wanted::Control(UNEXPIRE_PASSWORD),
            Self::WriteConsistencyGuid => Wanted::Write(CONSISTENCY_GUID),
            Self::ReplicatingDirectoryChanges => Wanted::Control(REPLICATION_GET_CHANGES),
            Self::ReadPasswordSettings | Self::ReadDeletedObjects => {
                Wanted::Whole(mask::LIST_CONTENTS | mask::READ_PROPERTY)
            }
            Self::Read(attribute) => Wanted::Read(attribute.property()),
        }
    }

    /// The entry that grants it to an account, no more and no less, on the object where it
    /// [stands](Permission::stand); above people, for those of class `user`.
    pub fn entry(self, trustee: Sid) -> Ace {
        self.entry_for(USER, trustee)
    }

    /// The same, above people, for those of this class.
    pub fn entry_for(self, class: ObjectGuid, trustee: Sid) -> Ace {
        let entry = match self.wanted() {
            Wanted::Control(right) => Ace::allow(mask::CONTROL_ACCESS, trustee).on(right),
            Wanted::Write(property) => {
                Ace::allow(mask::WRITE_PROPERTY, trustee).on(property.attribute)
            }
            Wanted::Read(property) => {
                Ace::allow(mask::READ_PROPERTY, trustee).on(property.attribute)
            }
            Wanted::Whole(_) => Ace::allow(READ | mask::READ_CONTROL, trustee),
        };
        match self.stand() {
            Stand::AboveUsers => entry.below(Some(class)),
            Stand::PasswordSettings => entry.with(super::AceFlags::CONTAINER_INHERIT),
            Stand::DomainRoot | Stand::DeletedObjects => entry,
        }
    }

    /// Whether an account has it by the descriptor of the object where it stands. What has to reach
    /// objects below is granted if it reaches those right below and those further down.
    ///
    /// One object below that is protected, or that has a denial of its own, still lacks it: for that
    /// one there is [`SecurityDescriptor::effective`].
    pub fn standing(self, descriptor: &SecurityDescriptor, who: &Requester) -> Ruling {
        self.standing_for(USER, descriptor, who)
    }

    /// The same, above people, for those of this class.
    pub fn standing_for(
        self,
        class: ObjectGuid,
        descriptor: &SecurityDescriptor,
        who: &Requester,
    ) -> Ruling {
        let here = || descriptor.effective(self.wanted(), who, &Target::default());
        let below = |class, depth| {
            let below = Below { classes: &[class], depth };
            descriptor.effective_below(self.wanted(), who, &below)
        };
        match self.stand() {
            Stand::AboveUsers => both(below(class, Depth::Next), || below(class, Depth::Further)),
            Stand::PasswordSettings => both(here(), || below(PASSWORD_SETTINGS, Depth::Next)),
            Stand::DomainRoot | Stand::DeletedObjects => here(),
        }
    }
}

/// Adds the entries that grant these rights to an account, each in its place, and says which are new.
/// To be called with rights that stand on the object whose DACL this is.
pub fn grant(dacl: &mut Acl, permissions: &[Permission], trustee: &Sid) -> Vec<Ace> {
    let entries = permissions.iter().map(|permission| permission.entry(trustee.clone()));
    entries.filter(|entry| dacl.add(entry.clone())).collect()
}

/// Takes away the entries that [`grant`] adds, and says which were there. After it, an account that
/// had none of them before has what it had: nothing else is touched.
pub fn revoke(dacl: &mut Acl, permissions: &[Permission], trustee: &Sid) -> Vec<Ace> {
    let entries = permissions.iter().map(|permission| permission.entry(trustee.clone()));
    entries.filter(|entry| dacl.remove(entry)).collect()
}

/// The first one that refuses; the first one if both grant.
fn both(first: Ruling, second: impl FnOnce() -> Ruling) -> Ruling {
    if first.decision != Decision::Granted {
        return first;
    }
    let second = second();
    if second.decision == Decision::Granted { first } else { second }
}

/// A GUID by the parts of its text; the last two, of 2 and 6 bytes, as one number.
const fn guid(first: u32, second: u16, third: u16, rest: u64) -> ObjectGuid {
    // The first three are stored the least significant byte first (MS-DTYP 2.3.4.2).
    let ([a, b, c, d], [e, f]) = (first.to_le_bytes(), second.to_le_bytes());
    let ([g, h], [i, j, k, l, m, n, o, p]) = (third.to_le_bytes(), rest.to_be_bytes());
    ObjectGuid::from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
}

#[cfg(test)]
mod tests;
