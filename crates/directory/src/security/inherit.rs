//! What an object gets from the one above it (MS-DTYP 2.5.3.4, MS-ADTS 6.1.3): so that a right that is
//! delegated on a unit can be judged without looking at everybody below.

use super::effective::Question;
use super::{
    Access, Ace, AceBody, AceFlags, Acl, Decision, Requester, Ruling, SecurityDescriptor, Target,
    Wanted, mask,
};
use crate::{ObjectGuid, Sid};

/// An object that stands, or would stand, right below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child<'a> {
    /// `schemaIDGUID` of its most specific class, and of its auxiliary ones. What is inherited by a
    /// class is not inherited by its subclasses: an entry for users has no effect on an
    /// `inetOrgPerson`.
    pub classes: &'a [ObjectGuid],
    /// Its owner, whom entries for Creator Owner become entries for. None: not known, so that these
    /// have no effect on it.
    pub owner: Option<&'a Sid>,
    /// Its group, in the same way.
    pub group: Option<&'a Sid>,
}

/// Objects below, known by their class alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Below<'a> {
    /// As in [`Child::classes`].
    pub classes: &'a [ObjectGuid],
    /// How far below.
    pub depth: Depth,
}

/// How far below something an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Right below.
    Next,
    /// Below something that stands below and passes on what it inherits.
    Further,
}

/// A child whose class no entry names.
const UNNAMED: Child<'_> = Child { classes: &[], owner: None, group: None };

impl SecurityDescriptor {
    /// Whether this may be done to objects below, by what they inherit from here and by nothing else:
    /// neither entries of their own, nor their owner, nor entries for Self are looked at. A descriptor
    /// below that is [protected](SecurityDescriptor::is_protected) inherits nothing.
    ///
    /// The grounds name the entries of this object's list; for those below, all are inherited.
    pub fn effective_below(&self, wanted: Wanted, who: &Requester, below: &Below<'_>) -> Ruling {
        let Some(dacl) = &self.dacl else {
            let (decision, grounds) = (Decision::NotGranted, Vec::new());
            return Ruling { decision, grounds };
        };
        let child = Child { classes: below.classes, ..UNNAMED };
        let mut inherited = Vec::new();
        for (index, entry) in dacl.entries.iter().enumerate() {
            let above = match below.depth {
                Depth::Next => vec![entry.clone()],
                Depth::Further => entry.inherited_by(&UNNAMED),
            };
            for entry in above.iter().flat_map(|entry| entry.inherited_by(&child)) {
                inherited.push((index, entry));
            }
        }
        let target = Target { sid: None, class: below.classes.first().copied() };
        let question = Question { wanted, who, target, owns: false };
        question.put_to(inherited.iter().map(|(index, entry)| (*index, entry)))
    }
}

impl Acl {
    /// What an object right below inherits of this list, in the same order.
    #[must_use]
    pub fn inherited_by(&self, child: &Child<'_>) -> Self {
        let entries = self.entries.iter().flat_map(|entry| entry.inherited_by(child)).collect();
        Self { revision: self.revision, entries }
    }
}

impl Ace {
    /// What an object right below has of this entry: nothing, one entry, or two, of which the first
    /// has effect and the second is there to be inherited further, with what only the next one below
    /// can fill in (generic rights, Creator Owner, Creator Group).
    pub fn inherited_by(&self, child: &Child<'_>) -> Vec<Self> {
        let stays = |flag| self.flags.contains(flag);
        let to_containers = stays(AceFlags::CONTAINER_INHERIT);
        if !to_containers && !stays(AceFlags::OBJECT_INHERIT) {
            return Vec::new();
        }
        let last = stays(AceFlags::NO_PROPAGATE);
        let applies = to_containers && self.is_for(child.classes);
        let further = self.clone().with(AceFlags::INHERITED);
        match (applies, last) {
            (false, true) => Vec::new(),
            (false, false) => vec![further.with(AceFlags::INHERIT_ONLY)],
            (true, true) => self.filled_in(child).into_iter().collect(),
            (true, false) if self.is_open() => {
                let further = further.with(AceFlags::INHERIT_ONLY);
                self.filled_in(child).into_iter().chain([further]).collect()
            }
            (true, false) => {
                vec![Self { flags: further.flags.without(AceFlags::INHERIT_ONLY), ..further }]
            }
        }
    }

    /// Whether objects of one of these classes are those that it is inherited by.
    fn is_for(&self, classes: &[ObjectGuid]) -> bool {
        let class = self.access().and_then(|access| access.inherited_object_type);
        // A class of only zeros stands for all of them, as in Samba.
        let named = class.filter(|class| class.to_bytes() != [0; 16]);
        named.is_none_or(|class| classes.contains(&class))
    }

    /// Whether it says something that only the object that inherits it can fill in.
    fn is_open(&self) -> bool {
        self.access().is_some_and(|access| {
            mask::has_generic(access.mask)
                || access.trustee == Sid::creator_owner()
                || access.trustee == Sid::creator_group()
        })
    }

    /// The entry with what the child fills in, for the child alone. None if it is about an owner or a
    /// group that is not known.
    fn filled_in(&self, child: &Child<'_>) -> Option<Self> {
        let heritable = AceFlags::CONTAINER_INHERIT
            .with(AceFlags::OBJECT_INHERIT)
            .with(AceFlags::NO_PROPAGATE)
            .with(AceFlags::INHERIT_ONLY);
        let flags = self.flags.without(heritable).with(AceFlags::INHERITED);
        let AceBody::Access(access) = &self.body else {
            return Some(Self { flags, ..self.clone() });
        };
        let trustee = match &access.trustee {
            creator if *creator == Sid::creator_owner() => child.owner?,
            creator if *creator == Sid::creator_group() => child.group?,
            other => other,
        };
        let body = Access {
            mask: mask::mapped(access.mask),
            inherited_object_type: None,
            trustee: trustee.clone(),
            ..access.clone()
        };
        let plain = access.object_type.is_none();
        let kind = if plain { self.kind.without_types() } else { self.kind };
        Some(Self { kind, flags, body: AceBody::Access(body) })
    }
}

#[cfg(test)]
mod tests;
