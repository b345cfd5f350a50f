//! One person, judged: what the service account lacks on the account, and what keeps it from being reset.

use directory::security::rights::{INET_ORG_PERSON, Judged, Permission, USER};
use directory::security::{Ruling, SecurityDescriptor, Target};
use directory::{DistinguishedName, MarkedBy, ObjectGuid, Protection, Sid};

use super::cause::{Cause, own_cause};
use super::grouped::Grouped;
use super::judge::{Finding, Judge, Kind, never_reset};
use super::{Observed, Sampled};

/// What is lacking on people for a reason that lies in a unit above them: told once for all of them.
#[derive(Default)]
pub(super) struct OfUnits(Vec<Finding>);

impl OfUnits {
    /// Each unit with what is lacking below it.
    pub(super) fn findings(self) -> impl Iterator<Item = Finding> {
        self.0.into_iter()
    }

    /// Notes that a right is lacking on a person; under the outermost unit in scope, or under the person
    /// where there is none.
    fn note(&mut self, observed: &Observed, dn: &DistinguishedName, cause: Cause, of: Permission) {
        let units = observed.units.iter().map(|unit| &unit.dn).filter(|unit| dn.is_below(unit));
        let unit = units.min_by_key(|unit| unit.levels());
        let (object, kind) = unit.map_or((dn, Kind::Person), |unit| (unit, Kind::Unit));
        let other_class = |cause: &Cause| matches!(cause, Cause::OtherClass { .. });
        let same = |one: &&mut Finding| {
            one.object == *object && other_class(&one.cause) == other_class(&cause)
        };
        match self.0.iter_mut().find(same) {
            Some(known) if known.permissions.contains(&of) => {}
            Some(known) => known.permissions.push(of),
            None => {
                let (object, permissions) = (object.clone(), vec![of]);
                self.0.push(Finding { object, kind, cause, permissions });
            }
        }
    }
}

impl Judge<'_> {
    /// What is lacking on a person; what is to be granted on a unit above is noted there.
    pub(super) fn person(&self, person: &Sampled, of_units: &mut OfUnits) -> Vec<Finding> {
        let object = &person.object;
        if self.needs_nothing(person) {
            return Vec::new();
        }
        let finding = |cause, permissions| Finding {
            object: object.dn.clone(),
            kind: Kind::Person,
            cause,
            permissions,
        };
        let Some(descriptor) = &object.descriptor else {
            return vec![finding(Cause::Hidden, self.wanted.clone())];
        };
        let mut grouped = Grouped::default();
        for permission in &self.wanted {
            let ruling = self.on(person, descriptor, *permission);
            if ruling.is_granted() {
                continue;
            }
            match cannot_change(*permission, &ruling, descriptor) {
                true => grouped.add(Cause::CannotChange, *permission),
                false => self.lacking(person, *permission, &ruling, &mut grouped, of_units),
            }
        }
        // Inheritance that is off keeps all of it away: what cannot be read is not told beside it.
        let off =
            |grouped: &Grouped| grouped.0.iter().any(|(cause, _)| *cause == Cause::InheritanceOff);
        let unread = self.unread(person);
        if !off(&grouped) {
            for permission in &unread {
                let ruling = self.on(person, descriptor, *permission);
                self.lacking(person, *permission, &ruling, &mut grouped, of_units);
            }
        }
        if self.resets && person.protection == Some(Protection::AdminCountAlone) {
            let inheritance_off = descriptor.is_protected();
            grouped.by_inheritance(match person.marked_by.clone() {
                MarkedBy::Nothing => Cause::AdminCountLeft { inheritance_off },
                MarkedBy::Groups(by) => Cause::AdminCountKept { by, inheritance_off },
                MarkedBy::Unknown => Cause::AdminCountUnclear { inheritance_off },
            });
        }
        // On an account that is not marked, inheritance that is off is what hides it.
        let told = unread.iter().any(|one| Some(one.name()) == person.hidden);
        let unjudged = match object.admin_count {
            true => person.hidden,
            false => person.hidden.filter(|_| !told && !off(&grouped)),
        };
        if let Some(attribute) = unjudged.filter(|_| self.resets) {
            let inheritance_off = descriptor.is_protected();
            grouped.by_inheritance(Cause::Unjudged { attribute, inheritance_off });
        }
        grouped.0.into_iter().map(|(cause, lacking)| finding(cause, lacking)).collect()
    }

    /// A right that is lacking on a person: by something of its own, or on its way from above, or granted
    /// by nobody.
    fn lacking(
        &self,
        person: &Sampled,
        permission: Permission,
        ruling: &Ruling,
        grouped: &mut Grouped,
        of_units: &mut OfUnits,
    ) {
        let Some(descriptor) = &person.object.descriptor else { return };
        let (dn, class) = (&person.object.dn, class(person));
        if let Some(cause) = self.cause(dn, (class, permission), ruling, descriptor) {
            return grouped.add(cause, permission);
        }
        let missing = own_cause(ruling, descriptor) == Cause::Missing;
        if missing && class == INET_ORG_PERSON {
            let cause = Cause::OtherClass { example: dn.clone() };
            of_units.note(self.observed, dn, cause, permission);
        } else if missing && self.reads.contains(&permission) {
            of_units.note(self.observed, dn, Cause::Missing, permission);
        } else if self.reads.contains(&permission) {
            grouped.add(own_cause(ruling, descriptor), permission);
        }
        // What else is lacking on the unit is told of the unit itself.
    }

    /// What the service account may not read of this very person, by the descriptor, of what is to be read.
    fn unread(&self, person: &Sampled) -> Vec<Permission> {
        let descriptor = person.object.descriptor.as_ref();
        let Some(descriptor) = descriptor.filter(|_| !self.needs_nothing(person)) else {
            return Vec::new();
        };
        let unread = |one: &&Permission| !self.on(person, descriptor, **one).is_granted();
        self.reads.iter().filter(unread).copied().collect()
    }

    /// What the service account may not read of somebody, of that which people are judged by, whichever
    /// features are asked for. None where that was looked at of nobody, or not of everybody, because a list
    /// is hidden.
    pub(super) fn unread_of_somebody(&self) -> Option<Vec<Judged>> {
        let people = self.observed.people.iter().filter(|one| !self.needs_nothing(one));
        let lists: Vec<_> = people.map(|one| (one, one.object.descriptor.as_ref())).collect();
        let unread = |one: &Judged| {
            let read = Permission::Read(*one);
            let lacks = |(person, list): &(&Sampled, Option<&SecurityDescriptor>)| {
                list.is_some_and(|list| !self.on(person, list, read).is_granted())
            };
            lists.iter().any(lacks)
        };
        let unread: Vec<Judged> = Judged::ALL.into_iter().filter(unread).collect();
        let all_seen = !lists.is_empty() && lists.iter().all(|(_, list)| list.is_some());
        (all_seen || !unread.is_empty()).then_some(unread)
    }

    /// Whether the service account has all rights on this very person, as far as can be read.
    pub(super) fn reaches(&self, person: &Sampled) -> bool {
        person.object.descriptor.as_ref().is_some_and(|descriptor| {
            let mut all = self.wanted.iter().chain(&self.reads);
            all.all(|one| self.on(person, descriptor, *one).is_granted())
        })
    }

    /// Whether the account is one that is never reset, by design or because it is the agent's own.
    fn needs_nothing(&self, person: &Sampled) -> bool {
        never_reset(person) || person.object.sid.as_ref() == Some(&self.observed.asker.own)
    }

    fn on(&self, person: &Sampled, list: &SecurityDescriptor, permission: Permission) -> Ruling {
        let target = Target { sid: person.object.sid.as_ref(), class: person.object.class() };
        list.effective(permission.wanted(), &self.who, &target)
    }
}

/// The class by which entries above reach a person.
fn class(person: &Sampled) -> ObjectGuid {
    person.object.class().unwrap_or(USER)
}

/// Whether a denial is the one that administrators' tools write for "user cannot change password": it
/// is about everybody, and not about the service account.
fn cannot_change(permission: Permission, ruling: &Ruling, descriptor: &SecurityDescriptor) -> bool {
    permission == Permission::ChangePassword
        && matches!(own_cause(ruling, descriptor), Cause::Denied { trustee, inherited: false, .. }
            if trustee == Sid::everyone())
}
