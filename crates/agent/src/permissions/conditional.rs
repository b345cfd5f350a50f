//! Entries under a condition that may deny the service account a right: nobody can evaluate the condition
//! here, so that the right counts as lacking until they are gone.

use directory::security::rights::{Permission, Stand};
use directory::security::{Ground, Requester, SecurityDescriptor, Target};
use directory::{DistinguishedName, Surveyed};

use super::judge::own_cause;
use super::plan::Change;
use super::{Cause, Observed};

impl Change {
    /// What takes away the object's own entries under a condition that may deny the account a right of
    /// writeback there; none if it has none.
    pub(crate) fn dropping_conditional(object: &Surveyed, observed: &Observed) -> Option<Self> {
        let mut left = object.descriptor.clone()?;
        let (who, mut remove) = (observed.requester(), Vec::new());
        for permission in bearing(&object.dn, observed) {
            while let Some(index) = may_deny(permission, object, &left, &who) {
                let list = left.dacl.as_mut()?;
                remove.push((permission, list.entries.remove(index)));
            }
        }
        (!remove.is_empty()).then(|| Self { remove, ..Self::to(object) })
    }
}

/// The rights that an entry on this object can bear on.
fn bearing(on: &DistinguishedName, observed: &Observed) -> impl Iterator<Item = Permission> {
    let is_head = *on == observed.head.dn;
    Permission::ALL.into_iter().filter(move |permission| match permission.stand() {
        Stand::AboveUsers => true,
        Stand::DomainRoot => is_head,
        Stand::PasswordSettings | Stand::DeletedObjects => false,
    })
}

/// The place in the list of the object's own entry under a condition that may deny this.
fn may_deny(
    permission: Permission,
    object: &Surveyed,
    list: &SecurityDescriptor,
    who: &Requester,
) -> Option<usize> {
    let target = Target { sid: object.sid.as_ref(), class: object.class() };
    let ruling = match target.sid {
        Some(_) => list.effective(permission.wanted(), who, &target),
        None => permission.standing(list, who),
    };
    let Cause::Unclear { inherited: false, denies: true, .. } = own_cause(&ruling, list) else {
        return None;
    };
    match ruling.grounds.first() {
        Some(Ground::Entry { index, .. }) => Some(*index),
        _ => None,
    }
}
