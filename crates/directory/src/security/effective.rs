//! Whether somebody may do something to an object (MS-ADTS 5.1.3.3, MS-DTYP 2.5.3.2).
//!
//! For each right by itself, the first entry decides that has effect on the object, is about whoever
//! asks, and speaks of the right: for everything, for the object's class, for a property set or for
//! the one attribute or control access right. In a list in its order that is: denied beats granted,
//! the object's own entries beat inherited ones.
//!
//! An entry with a condition (MS-DTYP 2.4.4.17) may count or not: conditions are about the claims of
//! somebody who is signing in, which nobody has here. Where it matters whether one holds, that is the
//! answer ([`Decision::Unclear`]).

use std::collections::HashSet;

use super::{Access, Ace, AceFlags, AceKind, Acl, SecurityDescriptor, mask};
use crate::{ObjectGuid, Sid};

/// Whoever asks: all SIDs by which an entry can be about an account.
#[derive(Debug, Clone)]
pub struct Requester {
    sids: HashSet<Sid>,
    /// Entries for Owner Rights count.
    owner_rights: bool,
}

impl Requester {
    /// An account that signs in over LDAP: its own SID, the groups that it is in, nested ones and the
    /// primary one included (`tokenGroups`), and what everybody is who signs in: Everyone,
    /// Authenticated Users, Network, This Organization.
    pub fn account(own: Sid, groups: impl IntoIterator<Item = Sid>) -> Self {
        let everybody = [
            own,
            Sid::everyone(),
            Sid::authenticated_users(),
            Sid::network(),
            Sid::this_organization(),
        ];
        Self::exactly(everybody.into_iter().chain(groups))
    }

    /// These SIDs and no others.
    pub fn exactly(sids: impl IntoIterator<Item = Sid>) -> Self {
        Self { sids: sids.into_iter().collect(), owner_rights: true }
    }

    /// The same at a controller that is Samba, or not.
    #[must_use]
    pub fn at(self, is_samba: bool) -> Self {
        if is_samba { self.at_samba() } else { self }
    }

    /// The same at a controller of Samba, whose directory passes over entries for Owner Rights and always
    /// lets the owner read the descriptor and change the DACL (seen with 4.24, whose file server does
    /// otherwise).
    #[must_use]
    pub fn at_samba(self) -> Self {
        Self { owner_rights: false, ..self }
    }

    /// Whether entries for Owner Rights count where it asks.
    pub const fn heeds_owner_rights(&self) -> bool {
        self.owner_rights
    }

    /// Whether one of the SIDs is this one.
    pub fn is(&self, sid: &Sid) -> bool {
        self.sids.contains(sid)
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What a control access right stands for; by its `rightsGuid` (MS-ADTS 5.1.3.2.1).
    Control(ObjectGuid),
    /// To read an attribute.
    Read(Property),
    /// To write an attribute.
    Write(Property),
    /// All these rights ([`mask`]) on the object as a whole.
    Whole(u32),
}

/// An attribute, as entries name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// `schemaIDGUID` of its schema object.
    pub attribute: ObjectGuid,
    /// `attributeSecurityGUID` of its schema object: the property set that it is in, if it is in one.
    pub set: Option<ObjectGuid>,
}

/// The object, as far as entries can be about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Target<'a> {
    /// `objectSid`: whom entries for Self are about. None: nobody.
    pub sid: Option<&'a Sid>,
    /// `schemaIDGUID` of its most specific class. None: entries for a class are not for it.
    pub class: Option<ObjectGuid>,
}

/// What a list says about a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// An entry grants it before any other one denies it.
    Granted,
    /// An entry denies it before any other one grants it.
    Denied,
    /// No entry speaks of it, which is a refusal too.
    NotGranted,
    /// Whether it is granted depends on an entry with a condition, which cannot be evaluated here. To be
    /// treated as a refusal: a condition that nobody can look into is not harmless.
    Unclear,
}

/// What is decided, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// For several rights at once: granted if all are, denied if one is, not granted if one is not,
    /// else unclear.
    pub decision: Decision,
    /// What the decision rests on: a denial on one entry, a grant of several rights on one or more, and
    /// what is unclear on the entry with the condition. Empty where nothing was granted.
    pub grounds: Vec<Ground>,
}

impl Ruling {
    /// Whether it may be done.
    pub fn is_granted(&self) -> bool {
        self.decision == Decision::Granted
    }
}

/// What a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// There is no DACL, so that everybody may do everything (MS-DTYP 2.5.3.2).
    NoList,
    /// The owner may read the descriptor and change the DACL, unless an entry for Owner Rights says
    /// what the owner may do.
    Owner,
    /// An entry of the DACL.
    Entry {
        /// Its place in the list that was looked at, from 0.
        index: usize,
        /// Whether it stands there because the object inherited it.
        inherited: bool,
        /// Whom it is about, as it says.
        trustee: Sid,
    },
}

impl SecurityDescriptor {
    /// Whether this may be done to the object whose descriptor this is. Generic rights count for what
    /// they stand for. What a controller grants by privilege (taking ownership, reading the SACL) is
    /// not looked at.
    ///
    /// The owner is granted what MS-DTYP 2.5.3.2 says and Windows and Samba do; MS-ADTS 5.1.3.3.2
    /// also names WRITE_OWNER.
    pub fn effective(&self, wanted: Wanted, who: &Requester, target: &Target<'_>) -> Ruling {
        let Some(dacl) = &self.dacl else {
            let grounds = vec![Ground::NoList];
            return Ruling { decision: Decision::Granted, grounds };
        };
        let owns = self.owner.as_ref().is_some_and(|owner| who.is(owner));
        let question = Question { wanted, who, target: *target, owns };
        question.put_to(dacl.numbered())
    }
}

impl SecurityDescriptor {
    /// Whether entries for Owner Rights say what the owner may do, in place of what owners may do by
    /// owning: to read the descriptor and to change the DACL.
    pub fn has_owner_rights(&self) -> bool {
        self.dacl.iter().flat_map(|dacl| &dacl.entries).any(Ace::is_about_the_owner)
    }
}

impl Acl {
    /// The entries with their places.
    fn numbered(&self) -> impl Iterator<Item = (usize, &Ace)> + Clone {
        self.entries.iter().enumerate()
    }
}

/// A question to a list.
pub(super) struct Question<'a> {
    /// What is to be done.
    pub(super) wanted: Wanted,
    /// Who asks.
    pub(super) who: &'a Requester,
    /// To what.
    pub(super) target: Target<'a>,
    /// Whether who asks owns the object.
    pub(super) owns: bool,
}

impl Question<'_> {
    /// Asks for each right by itself. The numbers are those that the grounds name.
    pub(super) fn put_to<'e>(
        &self,
        entries: impl Iterator<Item = (usize, &'e Ace)> + Clone,
    ) -> Ruling {
        let mut all = Ruling { decision: Decision::Granted, grounds: Vec::new() };
        for bit in mask::bits(self.wanted.mask()) {
            let one = self.about(bit, entries.clone());
            match (all.decision, one.decision) {
                (_, Decision::Denied) => return one,
                (Decision::Granted, Decision::Granted) => {
                    for ground in one.grounds {
                        if !all.grounds.contains(&ground) {
                            all.grounds.push(ground);
                        }
                    }
                }
                (Decision::Granted, _) | (_, Decision::NotGranted) => all = one,
                _ => {}
            }
        }
        all
    }

    fn about<'e>(
        &self,
        bit: u32,
        entries: impl Iterator<Item = (usize, &'e Ace)> + Clone,
    ) -> Ruling {
        let ruling = |decision, ground: Option<Ground>| Ruling {
            decision,
            grounds: ground.into_iter().collect(),
        };
        let of_owner = bit & (mask::READ_CONTROL | mask::WRITE_DACL) != 0 && self.owns;
        let said = |(_, entry): (usize, &Ace)| self.who.owner_rights && entry.is_about_the_owner();
        if of_owner && !entries.clone().any(said) {
            return ruling(Decision::Granted, Some(Ground::Owner));
        }
        // The first entries that deny it, and that grant it, if their conditions hold.
        let (mut may_deny, mut may_grant) = (None, None);
        for (index, entry) in entries {
            let Some(access) = entry.access().filter(|access| self.concerns(bit, entry, access))
            else {
                continue;
            };
            let ground = || Ground::Entry {
                index,
                inherited: entry.is_inherited(),
                trustee: access.trustee.clone(),
            };
            match entry.effect() {
                Some(Effect::Grants) => {
                    let decision = decided(Decision::Granted, may_deny.is_some());
                    return ruling(decision, may_deny.or_else(|| Some(ground())));
                }
                Some(Effect::Denies) => {
                    let decision = decided(Decision::Denied, may_grant.is_some());
                    return ruling(decision, may_grant.or_else(|| Some(ground())));
                }
                Some(Effect::MayGrant) => may_grant = may_grant.or_else(|| Some(ground())),
                Some(Effect::MayDeny) => may_deny = may_deny.or_else(|| Some(ground())),
                None => {}
            }
        }
        ruling(decided(Decision::NotGranted, may_grant.is_some()), may_grant)
    }

    /// Whether an entry has effect on the object, is about who asks, and speaks of the right.
    fn concerns(&self, bit: u32, entry: &Ace, access: &Access) -> bool {
        !entry.flags.contains(AceFlags::INHERIT_ONLY)
            && mask::mapped(access.mask) & bit != 0
            && access.object_type.is_none_or(|object_type| self.is_named_by(object_type))
            && self.is_asked_by(&access.trustee)
    }

    /// Whether an entry for this class, property set, attribute or right is about what is wanted: the
    /// tree of MS-ADTS 5.1.3.3.3, from its root to what is wanted. A control access right is in no such tree:
    /// an entry names it or nothing (5.1.3.3.4; seen of Samba 4.24 as well).
    fn is_named_by(&self, object_type: ObjectGuid) -> bool {
        let of_class = || self.target.class == Some(object_type);
        !matches!(self.wanted, Wanted::Control(_)) && of_class()
            || self.wanted.types().contains(&Some(object_type))
    }

    fn is_asked_by(&self, trustee: &Sid) -> bool {
        self.who.is(trustee)
            || *trustee == Sid::principal_self()
                && self.target.sid.is_some_and(|own| self.who.is(own))
            || self.owns && self.who.owner_rights && *trustee == Sid::owner_rights()
    }
}

impl Wanted {
    /// The rights that it takes.
    fn mask(self) -> u32 {
        match self {
            Self::Control(_) => mask::CONTROL_ACCESS,
            Self::Read(_) => mask::READ_PROPERTY,
            Self::Write(_) => mask::WRITE_PROPERTY,
            Self::Whole(rights) => mask::mapped(rights),
        }
    }

    /// What an entry may name to be about it, besides the object's class.
    fn types(self) -> [Option<ObjectGuid>; 2] {
        match self {
            Self::Control(right) => [Some(right), None],
            Self::Read(property) | Self::Write(property) => {
                [Some(property.attribute), property.set]
            }
            Self::Whole(_) => [None, None],
        }
    }
}

/// A decision, unless an entry with a condition came first that could turn it.
const fn decided(decision: Decision, in_doubt: bool) -> Decision {
    if in_doubt { Decision::Unclear } else { decision }
}

/// What an entry does where it concerns somebody.
enum Effect {
    Grants,
    Denies,
    /// It grants where its condition holds.
    MayGrant,
    /// It denies where its condition holds, or where that is not known (MS-DTYP 2.5.3.2).
    MayDeny,
}

impl Ace {
    /// None for entries that audit, label or carry attributes.
    fn effect(&self) -> Option<Effect> {
        match self.kind {
            AceKind::ALLOWED | AceKind::ALLOWED_OBJECT => Some(Effect::Grants),
            AceKind::DENIED | AceKind::DENIED_OBJECT => Some(Effect::Denies),
            AceKind::ALLOWED_CALLBACK | AceKind::ALLOWED_CALLBACK_OBJECT => Some(Effect::MayGrant),
            AceKind::DENIED_CALLBACK | AceKind::DENIED_CALLBACK_OBJECT => Some(Effect::MayDeny),
            _ => None,
        }
    }

    /// Whether it denies, with a condition or without.
    pub fn denies(&self) -> bool {
        matches!(self.effect(), Some(Effect::Denies | Effect::MayDeny))
    }

    /// An entry for Owner Rights: the owner may do what such entries say, and no more by owning. One
    /// with a condition is there as well, whether it holds or not.
    fn is_about_the_owner(&self) -> bool {
        !self.flags.contains(AceFlags::INHERIT_ONLY)
            && self.effect().is_some()
            && self.access().is_some_and(|access| access.trustee == Sid::owner_rights())
    }
}

#[cfg(test)]
mod tests;
