//! Where an inherited entry stands: the object that has it of its own.

use directory::security::{Ace, AceFlags, Child, mask};
use directory::{DistinguishedName, Surveyed};

use super::Observed;

impl Observed {
    /// An object that was read, by its place.
    pub(crate) fn object(&self, dn: &DistinguishedName) -> Option<&Surveyed> {
        let places = self.places().chain([&self.settings, &self.deleted]);
        let places = places.filter_map(|place| place.object.as_ref());
        let mut all = places.chain(self.people.iter().map(|person| &person.object));
        all.find(|object| object.dn == *dn)
    }

    /// One entry of an object's list.
    pub(crate) fn entry(&self, dn: &DistinguishedName, index: usize) -> Option<&Ace> {
        self.object(dn)?.descriptor.as_ref()?.dacl.as_ref()?.entries.get(index)
    }

    /// Where an inherited entry of an object's list stands: step by step upwards, as long as each list
    /// was read and hands it down, to the first that has it of its own.
    pub(crate) fn origin(
        &self,
        dn: &DistinguishedName,
        index: usize,
    ) -> Option<(&DistinguishedName, &Ace)> {
        let mut child = self.object(dn)?;
        let mut inherited = self.entry(dn, index)?;
        loop {
            let above = self.object(&child.dn.parent()?)?;
            let list = above.descriptor.as_ref()?.dacl.as_ref()?;
            let mut handing: Vec<&Ace> =
                list.entries.iter().filter(|entry| hands_down(entry, child, inherited)).collect();
            handing.sort_by_key(|entry| entry.is_inherited());
            inherited = handing.first()?;
            if !inherited.is_inherited() {
                return Some((&above.dn, inherited));
            }
            child = above;
        }
    }
}

/// Whether a child has an entry by inheriting that one of the object above it.
fn hands_down(entry: &Ace, child: &Surveyed, has: &Ace) -> bool {
    let (Some(descriptor), Some(wanted)) = (&child.descriptor, has.access()) else {
        return false;
    };
    let class = child.class();
    let to = Child {
        classes: class.as_slice(),
        owner: descriptor.owner.as_ref(),
        group: descriptor.group.as_ref(),
    };
    let below_alone = |entry: &Ace| entry.flags.contains(AceFlags::INHERIT_ONLY);
    let is_it = |inherited: &Ace| {
        let same = inherited.access().is_some_and(|access| {
            access.trustee == wanted.trustee
                && access.object_type == wanted.object_type
                && access.inherited_object_type == wanted.inherited_object_type
                && access.application == wanted.application
                && mask::mapped(access.mask) & wanted.mask == wanted.mask
        });
        same && (below_alone(has) || !below_alone(inherited))
    };
    let may = entry.denies() == has.denies() && !descriptor.is_protected();
    may && entry.inherited_by(&to).iter().any(is_it)
}
