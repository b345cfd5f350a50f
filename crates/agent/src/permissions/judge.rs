//! What is lacking, where, and why (SPEC D-12). Pure: of what was read, and nothing else.

use std::collections::HashMap;

use directory::security::rights::{Feature, Judged, Permission, Stand, USER};
use directory::security::{Requester, Ruling, SecurityDescriptor};
use directory::{DistinguishedName, ObjectGuid, Protection};

use super::cause::{Cause, own_cause};
use super::grouped::Grouped;
use super::person::OfUnits;
use super::{Observed, Sampled, Seen};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The object that it is about.
    pub(crate) object: DistinguishedName,
    /// What kind of object.
    pub(crate) kind: Kind,
    /// What is wrong.
    pub(crate) cause: Cause,
    /// The rights that are lacking by it; none where it is not about rights.
    pub(crate) permissions: Vec<Permission>,
}

/// What an object is to writeback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The root of the domain.
    Root,
    /// A unit or container with people in scope.
    Unit,
    /// A person.
    Person,
    /// The Password Settings container or Deleted Objects.
    Container,
    /// The PDC emulator, told of under the root of its domain.
    Controller,
    /// The configuration, told of under the root of its domain.
    Configuration,
}

/// A directory, judged.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    /// What is not as it must be, what is nearer to the root first.
    pub(crate) findings: Vec<Finding>,
    /// Each feature, and whether it has what it needs where that stands; none where nobody looked.
    pub(crate) features: Vec<(Feature, Option<bool>)>,
    /// What may not be read of somebody who was looked at.
    pub(crate) unread: Vec<Judged>,
    /// People who were looked at and of whom nothing is lacking.
    pub(crate) people_good: usize,
    /// People who are protected by a group, and are never reset.
    pub(crate) people_protected: usize,
}

/// All features, the one that is always wanted first.
pub(crate) const FEATURES: [Feature; 5] = [
    Feature::Writeback,
    Feature::FineGrainedRules,
    Feature::Anchor,
    Feature::Deletions,
    Feature::Reading,
];

/// The rights that a feature needs on or above people, in whose descriptors alone it is judged what may be
/// read of them: a new account may have that by entries of its own.
fn above_people(features: &[Feature]) -> Vec<Permission> {
    let stands = |one: &Permission| one.stand() == Stand::AboveUsers;
    let granted = features.iter().filter(|one| **one != Feature::Reading);
    granted.flat_map(|one| Permission::of(*one)).filter(stands).collect()
}

/// Judges a directory by the rights that these features need.
pub(crate) fn judge(observed: &Observed, features: &[Feature]) -> Judgement {
    let resets = features.contains(&Feature::Writeback);
    let (who, wanted) = (observed.requester(), above_people(features));
    let places = observed.places().map(|place| (&place.dn, place)).collect();
    let reads = match resets || features.contains(&Feature::Reading) {
        true => Permission::of(Feature::Reading).collect(),
        false => Vec::new(),
    };
    let judge = Judge { observed, places, who, wanted, reads, resets };
    let mut findings = judge.controller();
    findings.extend(judge.groups());
    findings.extend(judge.root(features));
    findings.extend(judge.spelt_otherwise());
    findings.extend(judge.cut());
    let mut places: Vec<&Seen> = observed.units.iter().chain(&observed.below).collect();
    places.sort_by_key(|place| place.dn.levels());
    places.dedup_by(|one, other| one.dn == other.dn);
    findings.extend(places.into_iter().flat_map(|place| judge.place(place)));
    let (mut good, mut protected, mut of_units) = (0, 0, OfUnits::default());
    let mut of_people = Vec::new();
    for person in &observed.people {
        let found = judge.person(person, &mut of_units);
        let never = never_reset(person);
        good += usize::from(!never && judge.reaches(person) && found.is_empty());
        protected += usize::from(never);
        of_people.extend(found);
    }
    findings.extend(of_units.findings());
    findings.extend(of_people);
    // What is about one person's state comes after what the service account lacks.
    findings.sort_by_key(|finding| finding.cause.is_of_one_account());
    let unread = judge.unread_of_somebody();
    let has = |feature: Feature| match feature {
        Feature::Reading => (feature, unread.as_ref().map(Vec::is_empty)),
        feature => (feature, Some(judge.has(feature))),
    };
    Judgement {
        findings,
        features: FEATURES.map(has).to_vec(),
        unread: unread.unwrap_or_default(),
        people_good: good,
        people_protected: protected,
    }
}

/// Whether a group protects the account, so that it lacks rights by design.
pub(super) const fn never_reset(person: &Sampled) -> bool {
    is_by_design(person.protection.as_ref())
}

/// Whether this protection is the directory's own, which it gives again whenever it is taken away.
pub(crate) const fn is_by_design(protection: Option<&Protection>) -> bool {
    matches!(protection, Some(Protection::Account(_) | Protection::Member(_)))
}

pub(super) struct Judge<'o> {
    pub(super) observed: &'o Observed,
    /// All places above people, by name.
    places: HashMap<&'o DistinguishedName, &'o Seen>,
    pub(super) who: Requester,
    /// What is granted on people, and looked for on the places above as well.
    pub(super) wanted: Vec<Permission>,
    /// What is to be read of people.
    pub(super) reads: Vec<Permission>,
    /// Writeback is one of the features, so that what keeps somebody from being reset matters.
    pub(super) resets: bool,
}

impl<'o> Judge<'o> {
    /// The nearest place above an object that can be read.
    fn above(&self, dn: &DistinguishedName) -> Option<&'o Seen> {
        let above = std::iter::successors(dn.parent(), DistinguishedName::parent);
        let mut known = above.filter_map(|dn| self.places.get(&dn).copied());
        known.find(|place| place.descriptor().is_some())
    }

    /// Units of the configuration that the directory finds under a name that is another one here.
    fn spelt_otherwise(&self) -> impl Iterator<Item = Finding> {
        self.observed.units.iter().filter_map(|unit| {
            let there = &unit.object.as_ref()?.dn;
            (*there != unit.dn).then(|| Finding {
                object: unit.dn.clone(),
                kind: Kind::Unit,
                cause: Cause::SpeltOtherwise { there: there.clone() },
                permissions: Vec::new(),
            })
        })
    }

    /// Units of which not all is looked at.
    fn cut(&self) -> impl Iterator<Item = Finding> {
        self.observed.below_cut.iter().map(|unit| Finding {
            object: unit.clone(),
            kind: Kind::Unit,
            cause: Cause::NotAllLookedAt,
            permissions: Vec::new(),
        })
    }

    /// Whether history is enforced where passwords are set.
    fn controller(&self) -> Vec<Finding> {
        let observed = self.observed;
        let enforced = observed.asker.policy_control.is_some();
        if enforced || observed.without_policy_control || !self.resets {
            return Vec::new();
        }
        vec![Finding {
            object: observed.head.dn.clone(),
            kind: Kind::Controller,
            cause: Cause::NoPolicyControl,
            permissions: Vec::new(),
        }]
    }

    /// Groups that are to protect their members, and do not.
    fn groups(&self) -> impl Iterator<Item = Finding> {
        let findings = self.observed.idle_groups.iter().filter(|group| group.is_finding());
        findings.filter(|_| self.resets).map(|group| Finding {
            object: self.observed.head.dn.clone(),
            kind: Kind::Configuration,
            cause: Cause::ProtectsNobody(group.clone()),
            permissions: Vec::new(),
        })
    }

    /// The rights that stand on one object of the domain each.
    fn root(&self, features: &[Feature]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for feature in FEATURES.into_iter().filter(|one| features.contains(one)) {
            let here = self.on_one_object(feature);
            if feature == Feature::Deletions && self.hears_of_deletions() {
                continue;
            }
            let lacking = here.into_iter().filter(|(permission, _, granted)| {
                !granted && (feature != Feature::Deletions || self.tells_of_deletions(*permission))
            });
            for (permission, place, _) in lacking {
                let kind = match permission.stand() {
                    Stand::DomainRoot => Kind::Root,
                    _ => Kind::Container,
                };
                let cause = match place.descriptor() {
                    // Nobody sees these containers who may not read them.
                    None if kind == Kind::Container => Cause::Missing,
                    None => Cause::Hidden,
                    Some(descriptor) => {
                        let ruling = permission.standing(descriptor, &self.who);
                        own_cause(&ruling, descriptor)
                    }
                };
                let (object, permissions) = (place.dn.clone(), vec![permission]);
                findings.push(Finding { object, kind, cause, permissions });
                if feature == Feature::Deletions {
                    break;
                }
            }
        }
        findings
    }

    /// Each right of a feature that stands on one object, with that, and whether it is there.
    fn on_one_object(&self, feature: Feature) -> Vec<(Permission, &Seen, bool)> {
        let of_feature = Permission::ALL.into_iter().filter(|one| one.feature() == feature);
        of_feature
            .filter_map(|permission| {
                let place = match permission.stand() {
                    Stand::AboveUsers => return None,
                    Stand::DomainRoot => &self.observed.head,
                    Stand::PasswordSettings => &self.observed.settings,
                    Stand::DeletedObjects => &self.observed.deleted,
                };
                Some((permission, place, self.grants(place, permission)))
            })
            .collect()
    }

    /// Whether a feature has what it needs where that stands, broken inheritance apart.
    fn has(&self, feature: Feature) -> bool {
        let single = self.on_one_object(feature);
        let enough = match feature {
            Feature::Deletions => self.hears_of_deletions(),
            _ => single.iter().all(|(_, _, granted)| *granted),
        };
        let units = &self.observed.units;
        let above = above_people(&[feature]);
        enough && above.iter().all(|one| units.iter().all(|unit| self.grants(unit, *one)))
    }

    /// Of the rights that tell of deletions, one is enough.
    fn hears_of_deletions(&self) -> bool {
        let here = self.on_one_object(Feature::Deletions);
        here.iter().any(|(permission, _, granted)| *granted && self.tells_of_deletions(*permission))
    }

    /// By the right to replicate, Samba tells of changes and keeps deletions from whoever may not read them
    /// (seen with 4.24).
    fn tells_of_deletions(&self, permission: Permission) -> bool {
        !self.observed.asker.is_samba || permission == Permission::ReadDeletedObjects
    }

    fn grants(&self, place: &Seen, permission: Permission) -> bool {
        self.grants_to(USER, place, permission)
    }

    /// The same, above people, to those of this class.
    fn grants_to(&self, class: ObjectGuid, place: &Seen, permission: Permission) -> bool {
        let standing = |one| permission.standing_for(class, one, &self.who);
        place.descriptor().map(standing).is_some_and(|ruling| ruling.is_granted())
    }

    /// A unit or container with people below.
    fn place(&self, place: &Seen) -> Vec<Finding> {
        let in_scope = self.observed.units.iter().any(|unit| unit.dn == place.dn);
        let finding = |cause, permissions| Finding {
            object: place.dn.clone(),
            kind: Kind::Unit,
            cause,
            permissions,
        };
        if place.object.is_none() {
            return vec![finding(Cause::NotThere, self.wanted.clone())];
        }
        let Some(descriptor) = place.descriptor() else {
            return vec![finding(Cause::Hidden, self.wanted.clone())];
        };
        // What is lacking in a unit of the scope is said there, and not again of all below it.
        let outermost =
            in_scope && !self.observed.units.iter().any(|unit| place.dn.is_below(&unit.dn));
        let mut grouped = Grouped::default();
        for permission in &self.wanted {
            let ruling = permission.standing(descriptor, &self.who);
            let cause = self.cause(&place.dn, (USER, *permission), &ruling, descriptor);
            let cause = cause.or_else(|| outermost.then(|| own_cause(&ruling, descriptor)));
            if let Some(cause) = cause.filter(|_| !ruling.is_granted()) {
                grouped.add(cause, *permission);
            }
        }
        grouped.0.into_iter().map(|(cause, lacking)| finding(cause, lacking)).collect()
    }

    /// Why something below another place lacks what that place grants; none if that place does not
    /// grant it either.
    pub(super) fn cause(
        &self,
        dn: &DistinguishedName,
        (class, permission): (ObjectGuid, Permission),
        ruling: &Ruling,
        descriptor: &SecurityDescriptor,
    ) -> Option<Cause> {
        let above = self.above(dn).filter(|above| self.grants_to(class, above, permission))?;
        Some(match own_cause(ruling, descriptor) {
            // What stands above would grant it without a condition.
            Cause::Missing | Cause::Unclear { denies: false, .. } => {
                match descriptor.is_protected() {
                    true => Cause::InheritanceOff,
                    false => Cause::NotArrived { from: above.dn.clone() },
                }
            }
            own => own,
        })
    }
}
