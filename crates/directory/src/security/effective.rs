//! Whether somebody may do something to an object (MS-ADTS 5.1.3.3, MS-DTYP 2.5.3.2).
//!
//! For each right by itself, the first entry decides that has effect on the object, is about whoever
//! asks, and speaks of the right: for everything, for the object's class, for a property set or for
//! the one attribute or control access right. In a list in its order that is: denied beats granted,
//! the object's own entries beat inherited ones.

use std::collections::HashSet;

use super::{Access, Ace, AceFlags, AceKind, Acl, SecurityDescriptor, mask};
use crate::{ObjectGuid, Sid};

/// Whoever asks: all SIDs by which an entry can be about an account.
#[derive(Debug, Clone)]
pub struct Requester(HashSet<Sid>);

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
        Self(sids.into_iter().collect())
    }

    /// Whether one of the SIDs is this one.
    pub fn is(&self, sid: &Sid) -> bool {
        self.0.contains(sid)
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
}

/// What is decided, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// For several rights at once: granted if all are, denied if one is.
    pub decision: Decision,
    /// What the decision rests on: a denial on one entry, a grant of several rights on one or more.
    /// Empty where nothing was granted.
    pub grounds: Vec<Ground>,
    /// Before the decision there was an entry about it that has a condition, which was passed over:
    /// conditions are about the claims of somebody who is signing in. On a controller it may count.
    pub conditional: bool,
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
            return Ruling { decision: Decision::Granted, grounds, conditional: false };
        };
        let owns = self.owner.as_ref().is_some_and(|owner| who.is(owner));
        let question = Question { wanted, who, target: *target, owns };
        question.put_to(dacl.numbered())
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
        let mut all =
            Ruling { decision: Decision::Granted, grounds: Vec::new(), conditional: false };
        for bit in mask::bits(self.wanted.mask()) {
            let one = self.about(bit, entries.clone());
            all.conditional |= one.conditional;
            match (all.decision, one.decision) {
                (_, Decision::Denied) => return Ruling { conditional: all.conditional, ..one },
                (Decision::Granted, Decision::Granted) => {
                    for ground in one.grounds {
                        if !all.grounds.contains(&ground) {
                            all.grounds.push(ground);
                        }
                    }
                }
                _ => {
                    all.decision = Decision::NotGranted;
                    all.grounds.clear();
                }
            }
        }
        all
    }

    fn about<'e>(
        &self,
        bit: u32,
        entries: impl Iterator<Item = (usize, &'e Ace)> + Clone,
    ) -> Ruling {
        let ruling = |decision, ground: Option<Ground>, conditional| Ruling {
            decision,
            grounds: ground.into_iter().collect(),
            conditional,
        };
        let of_owner = bit & (mask::READ_CONTROL | mask::WRITE_DACL) != 0 && self.owns;
        if of_owner && !entries.clone().any(|(_, entry)| entry.is_about_the_owner()) {
            return ruling(Decision::Granted, Some(Ground::Owner), false);
        }
        let mut conditional = false;
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
                    return ruling(Decision::Granted, Some(ground()), conditional);
                }
                Some(Effect::Denies) => {
                    return ruling(Decision::Denied, Some(ground()), conditional);
                }
                Some(Effect::Depends) => conditional = true,
                None => {}
            }
        }
        ruling(Decision::NotGranted, None, conditional)
    }

    /// Whether an entry has effect on the object, is about who asks, and speaks of the right.
    fn concerns(&self, bit: u32, entry: &Ace, access: &Access) -> bool {
        !entry.flags.contains(AceFlags::INHERIT_ONLY)
            && mask::mapped(access.mask) & bit != 0
            && access.object_type.is_none_or(|object_type| self.is_named_by(object_type))
            && self.is_asked_by(&access.trustee)
    }

    /// Whether an entry for this class, property set, attribute or right is about what is wanted: the
    /// tree of MS-ADTS 5.1.3.3.3, from its root to what is wanted.
    fn is_named_by(&self, object_type: ObjectGuid) -> bool {
        self.target.class == Some(object_type) || self.wanted.types().contains(&Some(object_type))
    }

    fn is_asked_by(&self, trustee: &Sid) -> bool {
        self.who.is(trustee)
            || *trustee == Sid::principal_self()
                && self.target.sid.is_some_and(|own| self.who.is(own))
            || self.owns && *trustee == Sid::owner_rights()
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

/// What an entry does where it concerns somebody.
enum Effect {
    Grants,
    Denies,
    /// It has a condition.
    Depends,
}

impl Ace {
    /// None for entries that audit, label or carry attributes.
    fn effect(&self) -> Option<Effect> {
        match self.kind {
            AceKind::ALLOWED | AceKind::ALLOWED_OBJECT => Some(Effect::Grants),
            AceKind::DENIED | AceKind::DENIED_OBJECT => Some(Effect::Denies),
            AceKind::ALLOWED_CALLBACK
            | AceKind::DENIED_CALLBACK
            | AceKind::ALLOWED_CALLBACK_OBJECT
            | AceKind::DENIED_CALLBACK_OBJECT => Some(Effect::Depends),
            _ => None,
        }
    }

    /// An entry for Owner Rights: the owner may do what such entries say, and no more by owning.
    fn is_about_the_owner(&self) -> bool {
        !self.flags.contains(AceFlags::INHERIT_ONLY)
            && matches!(self.effect(), Some(Effect::Grants | Effect::Denies))
            && self.access().is_some_and(|access| access.trustee == Sid::owner_rights())
    }
}

#[cfg(test)]
mod tests;
