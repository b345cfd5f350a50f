//! Entries made from what they should say.

use super::{Access, Ace, AceBody, AceFlags, AceKind};
use crate::{ObjectGuid, Sid};

impl Ace {
    /// Grants rights on the object that it stands on.
    pub const fn allow(mask: u32, trustee: Sid) -> Self {
        Self::about(AceKind::ALLOWED, mask, trustee)
    }

    /// Denies rights on the object that it stands on.
    pub const fn deny(mask: u32, trustee: Sid) -> Self {
        Self::about(AceKind::DENIED, mask, trustee)
    }

    const fn about(kind: AceKind, mask: u32, trustee: Sid) -> Self {
        let access = Access {
            mask,
            object_type: None,
            inherited_object_type: None,
            trustee,
            application: Vec::new(),
        };
        Self { kind, flags: AceFlags::NONE, body: AceBody::Access(access) }
    }

    /// The same about one control access right, property set, attribute or class only.
    #[must_use]
    pub fn on(self, object_type: ObjectGuid) -> Self {
        self.typed(|access| access.object_type = Some(object_type))
    }

    /// The same for what is below, at any distance, and not for the object that it stands on: for
    /// objects of one class, or of any.
    #[must_use]
    pub fn below(self, class: Option<ObjectGuid>) -> Self {
        let below = AceFlags::CONTAINER_INHERIT.with(AceFlags::INHERIT_ONLY);
        let entry = self.with(below);
        match class {
            Some(class) => entry.typed(|access| access.inherited_object_type = Some(class)),
            None => entry,
        }
    }

    /// The same with further flags.
    #[must_use]
    pub fn with(mut self, flags: AceFlags) -> Self {
        self.flags = self.flags.with(flags);
        self
    }

    /// What it says about rights; none for the kinds that are not looked into.
    pub const fn access(&self) -> Option<&Access> {
        match &self.body {
            AceBody::Access(access) => Some(access),
            AceBody::Opaque(_) => None,
        }
    }

    /// Whether it came from above.
    pub const fn is_inherited(&self) -> bool {
        self.flags.contains(AceFlags::INHERITED)
    }

    /// Changes the types, which takes an entry of the kind that has some.
    fn typed(mut self, change: impl FnOnce(&mut Access)) -> Self {
        if let AceBody::Access(access) = &mut self.body {
            self.kind = self.kind.with_types();
            change(access);
        }
        self
    }
}

/// Each kind of entry that has no types, and the one that does the same and has some.
const WITH_TYPES: [(AceKind, AceKind); 6] = [
    (AceKind::ALLOWED, AceKind::ALLOWED_OBJECT),
    (AceKind::DENIED, AceKind::DENIED_OBJECT),
    (AceKind::AUDIT, AceKind::AUDIT_OBJECT),
    (AceKind::ALLOWED_CALLBACK, AceKind::ALLOWED_CALLBACK_OBJECT),
    (AceKind::DENIED_CALLBACK, AceKind::DENIED_CALLBACK_OBJECT),
    (AceKind::AUDIT_CALLBACK, AceKind::AUDIT_CALLBACK_OBJECT),
];

impl AceKind {
    /// The kind that does the same and has types; itself if there is none.
    pub(super) fn with_types(self) -> Self {
        WITH_TYPES.iter().find(|(plain, _)| *plain == self).map_or(self, |(_, object)| *object)
    }

    /// The kind that does the same and has no types; itself if there is none.
    pub(super) fn without_types(self) -> Self {
        WITH_TYPES.iter().find(|(_, object)| *object == self).map_or(self, |(plain, _)| *plain)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mask;
    use super::*;

    #[test]
    fn an_entry_says_what_it_was_made_from() {
        let who = Sid::everyone();
        let plain = Ace::allow(mask::DELETE, who.clone());
        assert_eq!((plain.kind, plain.flags), (AceKind::ALLOWED, AceFlags::NONE));
        assert_eq!(plain.access().unwrap().mask, mask::DELETE);
        let (right, class) = (ObjectGuid::from_bytes([1; 16]), ObjectGuid::from_bytes([2; 16]));
        let delegated = Ace::deny(mask::CONTROL_ACCESS, who).on(right).below(Some(class));
        assert_eq!((delegated.kind, delegated.flags.0), (AceKind::DENIED_OBJECT, 0x0a));
        let access = delegated.access().unwrap();
        assert_eq!((access.object_type, access.inherited_object_type), (Some(right), Some(class)));
        assert_eq!(plain.below(None).kind, AceKind::ALLOWED);
    }

    #[test]
    fn kinds_with_and_without_types_lead_to_each_other() {
        for (plain, object) in WITH_TYPES {
            assert_eq!((plain.with_types(), object.without_types()), (object, plain));
            assert_eq!((object.with_types(), plain.without_types()), (object, plain));
            assert!(object.has_types() && !plain.has_types());
        }
        assert_eq!(AceKind::MANDATORY_LABEL.with_types(), AceKind::MANDATORY_LABEL);
    }
}
