//! What `grant` and `revoke` change: exactly the entries of SPEC D-12, and nothing else.

use directory::security::rights::{Feature, INET_ORG_PERSON, Permission, Stand, USER};
use directory::security::{Ace, Control, SecurityDescriptor};
use directory::{DistinguishedName, ObjectGuid, RightsChange, Surveyed};

use super::judge::{FEATURES, Finding, Kind};
use super::stays::{Stay, stays};
use super::{Observed, Seen};

/// What is to be granted, or taken back.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Rights above people stand on the root of the domain, and not on units.
    pub(crate) root: bool,
    /// The units on which they stand; empty: all in scope.
    pub(crate) units: Vec<DistinguishedName>,
    /// The features that it is for.
    pub(crate) features: Vec<Feature>,
    /// What is granted to people of class `user` is granted to those of class `inetOrgPerson`, too. Taken
    /// back is always both.
    pub(crate) inet_org_person: bool,
}

impl Wish {
    /// Whether it is lacking what was wished that is told here: at the places that are wished or below
    /// them, or on the one object on which a right stands.
    pub(crate) fn is_about(&self, finding: &Finding) -> bool {
        let covers =
            |unit: &DistinguishedName| finding.object == *unit || finding.object.is_below(unit);
        let on_one_object = matches!(finding.kind, Kind::Root | Kind::Container);
        on_one_object || self.root || self.units.is_empty() || self.units.iter().any(covers)
    }
}

/// A change to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The object.
    pub(crate) on: DistinguishedName,
    /// Its descriptor before; none where the service account may not see it.
    pub(crate) before: Option<SecurityDescriptor>,
    /// What is new, with the right that it is.
    pub(crate) add: Vec<(Permission, Ace)>,
    /// What is taken away, with the right that it is.
    pub(crate) remove: Vec<(Permission, Ace)>,
    /// Inheritance is turned on.
    pub(crate) inherit: bool,
    /// `adminCount` is taken away.
    pub(crate) clear_admin_count: bool,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Whoever would make it may not read who has which rights.
    Hidden,
    /// There is no list: everybody may do everything, and one with an entry or two would refuse the rest.
    NoList,
}

/// A unit that a wish names and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not there, or the service account may not see it")]
pub(crate) struct NotThere(pub(crate) DistinguishedName);

/// What grants what is lacking: a right that the account has already, by whatever entry, is not
/// granted again, nor one whose entry is there and is beaten by a denial.
pub(crate) fn grant(observed: &Observed, wish: &Wish) -> Result<Vec<Change>, NotThere> {
    let who = observed.requester();
    changes(observed, wish, |place, permission, change| {
        let wished = |class: &ObjectGuid| *class == USER || wish.inet_org_person;
        for class in classes(permission).iter().copied().filter(wished) {
            let standing = |one| permission.standing_for(class, one, &who);
            let has = place.descriptor().map(standing).is_some_and(|ruling| ruling.is_granted());
            let entry = permission.entry_for(class, observed.asker.own.clone());
            if !has && !place.has_entry(&entry) {
                change.add.push((permission, entry));
            }
        }
    })
}

/// What a revoke does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revocation {
    /// What it takes away.
    pub(crate) changes: Vec<Change>,
    /// What it leaves, because others than those that are named need it.
    pub(crate) stays: Vec<Stay>,
}

/// What takes the entries of [`grant`] away again. One that was there before anybody granted is the
/// same entry.
pub(crate) fn revoke(observed: &Observed, wish: &Wish) -> Result<Revocation, NotThere> {
    let mut changes = changes(observed, wish, |place, permission, change| {
        for class in classes(permission) {
            let entry = permission.entry_for(*class, observed.asker.own.clone());
            if place.has_entry(&entry) {
                change.remove.push((permission, entry));
            }
        }
    })?;
    let stays = stays(observed, wish, &changes)?;
    for change in &mut changes {
        let stays = |permission: Permission| {
            stays.iter().any(|stay| stay.on == change.on && stay.permission == permission)
        };
        change.remove.retain(|(permission, _)| !stays(*permission));
    }
    changes.retain(|change| !change.remove.is_empty());
    Ok(Revocation { changes, stays })
}

/// The classes of people that a right may be granted on; one where it is about no people.
pub(super) const fn classes(permission: Permission) -> &'static [ObjectGuid] {
    match permission.stand() {
        Stand::AboveUsers => &[USER, INET_ORG_PERSON],
        _ => &[USER],
    }
}

/// Whether an entry is about people of class `inetOrgPerson`.
pub(super) fn is_for_inet_org_person(entry: &Ace) -> bool {
    entry.access().is_some_and(|access| access.inherited_object_type == Some(INET_ORG_PERSON))
}

fn changes(
    observed: &Observed,
    wish: &Wish,
    mut each: impl FnMut(&Seen, Permission, &mut Change),
) -> Result<Vec<Change>, NotThere> {
    let mut changes: Vec<Change> = Vec::new();
    for (permission, place) in wished(observed, wish)? {
        let known = changes.iter().position(|change| change.on == place.dn);
        let known = known.unwrap_or_else(|| {
            changes.push(Change::nothing(place));
            changes.len() - 1
        });
        each(place, permission, &mut changes[known]);
    }
    changes.retain(|change| !change.add.is_empty() || !change.remove.is_empty());
    Ok(changes)
}

/// The rights that a wish is about, each with every place where it would stand.
pub(super) fn wished<'o>(
    observed: &'o Observed,
    wish: &Wish,
) -> Result<Vec<(Permission, &'o Seen)>, NotThere> {
    let mut above: Vec<&Seen> = Vec::new();
    if wish.root {
        above.push(&observed.head);
    } else if wish.units.is_empty() {
        above.extend(&observed.units);
    } else {
        for unit in &wish.units {
            let place = observed.places().find(|place| place.dn == *unit);
            above.push(place.ok_or_else(|| NotThere(unit.clone()))?);
        }
    }
    if let Some(place) = above.iter().find(|place| place.object.is_none()) {
        return Err(NotThere(place.dn.clone()));
    }
    let mut wished = Vec::new();
    let features = FEATURES.into_iter().filter(|one| wish.features.contains(one));
    for permission in features.flat_map(Permission::of) {
        let places: Vec<&Seen> = match permission.stand() {
            Stand::AboveUsers => above.clone(),
            Stand::DomainRoot => vec![&observed.head],
            Stand::PasswordSettings => vec![&observed.settings],
            // The other right of this feature is enough, and can be granted without taking the
            // container over.
            Stand::DeletedObjects => Vec::new(),
        };
        wished.extend(places.into_iter().map(|place| (permission, place)));
    }
    Ok(wished)
}

impl Observed {
    /// The same after a change to one of its places, if it is one of them.
    pub(crate) fn apply(&mut self, change: &Change) {
        let own = [&mut self.head, &mut self.settings, &mut self.deleted];
        for place in own.into_iter().chain(&mut self.units).chain(&mut self.below) {
            let object = place.object.as_mut().filter(|object| object.dn == change.on);
            if let Some((object, after)) = object.zip(change.after()) {
                object.descriptor = Some(after);
            }
        }
    }
}

impl Seen {
    /// Whether exactly this entry stands there.
    fn has_entry(&self, entry: &Ace) -> bool {
        let dacl = self.descriptor().and_then(|one| one.dacl.as_ref());
        dacl.is_some_and(|dacl| dacl.entries.contains(entry))
    }
}

impl Change {
    fn nothing(place: &Seen) -> Self {
        Self {
            on: place.dn.clone(),
            before: place.descriptor().cloned(),
            add: Vec::new(),
            remove: Vec::new(),
            inherit: false,
            clear_admin_count: false,
        }
    }

    /// None yet, to an object that was read.
    pub(super) fn to(object: &Surveyed) -> Self {
        Self::nothing(&Seen { dn: object.dn.clone(), object: Some(object.clone()) })
    }

    /// What lets an object inherit again; `left_over` says that its `adminCount` is. None if there is
    /// nothing to do, which of a hidden list nobody can say.
    pub(crate) fn inheriting(object: &Surveyed, left_over: bool) -> Result<Option<Self>, Obstacle> {
        let inherit = object.descriptor.as_ref().ok_or(Obstacle::Hidden)?.is_protected();
        Ok((inherit || left_over).then(|| Self {
            inherit,
            clear_admin_count: left_over,
            ..Self::to(object)
        }))
    }

    /// The same change to the object as it is read at this moment: what is done is what was shown, and
    /// whatever else was changed meanwhile stays.
    pub(crate) fn of(&self, fresh: &Surveyed) -> Self {
        Self { before: fresh.descriptor.clone(), ..self.clone() }
    }

    /// Why it cannot be made to the object as it was read; none if it can.
    pub(crate) fn obstacle(&self) -> Option<Obstacle> {
        if !self.needs_descriptor() {
            return None;
        }
        match &self.before {
            None => Some(Obstacle::Hidden),
            Some(before) => before.dacl.is_none().then_some(Obstacle::NoList),
        }
    }

    /// The descriptor after it; none where the one before is not known, or stays.
    pub(crate) fn after(&self) -> Option<SecurityDescriptor> {
        if !self.needs_descriptor() {
            return None;
        }
        let mut after = self.before.clone()?;
        // No list refuses nothing: there is nothing to add to it or to take away.
        let dacl = after.dacl.as_mut()?;
        for (_, entry) in &self.remove {
            dacl.remove(entry);
        }
        for (_, entry) in &self.add {
            dacl.add(entry.clone());
        }
        if self.inherit {
            after.control = Control(after.control.0 & !Control::DACL_PROTECTED.0);
        }
        Some(after)
    }

    /// Whether anything of the rights themselves changes.
    pub(crate) fn needs_descriptor(&self) -> bool {
        !self.add.is_empty() || !self.remove.is_empty() || self.inherit
    }

    /// What is written.
    pub(crate) fn written(&self) -> RightsChange {
        RightsChange { descriptor: self.after(), clear_admin_count: self.clear_admin_count }
    }
}
