//! Entries under a condition that may deny the service account a right: nobody can evaluate the condition
//! here, so that the right counts as lacking until they are gone.

use directory::security::rights::{Feature, Permission, Stand};
use directory::security::{
    Ace, AceBody, AceKind, Aliases, Ground, Ruling, SecurityDescriptor, Target,
};
use directory::{DistinguishedName, Surveyed};

use super::cause::own_cause;
use super::plan::{Change, Obstacle};
use super::{Cause, Observed};

impl Change {
    /// What takes away the object's own entries under a condition that may deny the account a right of
    /// these features there; none if it has none, which of a hidden list nobody can say.
    pub(crate) fn dropping_conditional(
        object: &Surveyed,
        observed: &Observed,
        features: &[Feature],
    ) -> Result<Option<Self>, Obstacle> {
        let mut left = object.descriptor.clone().ok_or(Obstacle::Hidden)?;
        let (who, mut remove) = (observed.requester(), Vec::new());
        let target = Target { sid: object.sid.as_ref(), class: object.class() };
        // The root of the domain has a SID as well.
        let is_person = object.sid.is_some() && object.dn != observed.head.dn;
        let rule = |permission: Permission, list: &SecurityDescriptor| match is_person {
            true => list.effective(permission.wanted(), &who, &target),
            false => permission.standing(list, &who),
        };
        for permission in bearing(&object.dn, observed, features) {
            while let Some(index) = may_deny(&rule(permission, &left), &left)
                && let Some(list) = left.dacl.as_mut()
            {
                remove.push((permission, list.entries.remove(index)));
            }
        }
        Ok((!remove.is_empty()).then(|| Self { remove, ..Self::to(object) }))
    }
}

/// An entry as text, without its condition, which has none; nothing where the rest has none either.
pub(super) fn but_for_its_condition(entry: &Ace) -> Option<String> {
    let kind = match entry.kind {
        AceKind::DENIED_CALLBACK => AceKind::DENIED,
        AceKind::DENIED_CALLBACK_OBJECT => AceKind::DENIED_OBJECT,
        kind => kind,
    };
    let mut plain = Ace { kind, ..entry.clone() };
    if let AceBody::Access(access) = &mut plain.body {
        access.application.clear();
    }
    plain.to_sddl(&Aliases::without_domain()).ok()
}

/// The rights of these features that an entry on this object can bear on.
fn bearing(
    on: &DistinguishedName,
    observed: &Observed,
    features: &[Feature],
) -> impl Iterator<Item = Permission> {
    let wanted = features.iter().flat_map(|one| Permission::of(*one));
    wanted.filter(move |permission| match permission.stand() {
        Stand::AboveUsers => true,
        Stand::DomainRoot => *on == observed.head.dn,
        Stand::PasswordSettings => *on == observed.settings.dn,
        Stand::DeletedObjects => *on == observed.deleted.dn,
    })
}

/// The place in the list of the object's own entry under a condition by which this was ruled.
fn may_deny(ruling: &Ruling, list: &SecurityDescriptor) -> Option<usize> {
    let Cause::Unclear { inherited: false, denies: true, .. } = own_cause(ruling, list) else {
        return None;
    };
    match ruling.grounds.first() {
        Some(Ground::Entry { index, .. }) => Some(*index),
        _ => None,
    }
}
