//! What a revoke leaves where it stands, though it is one of the rights that are wished away: a right on
//! one object of the domain, which serves other units than those that are named as well.

use std::fmt::Write as _;

use directory::DistinguishedName;
use directory::security::SecurityDescriptor;
use directory::security::rights::{Feature, Permission, Stand};
use serde_json::{Value, json};

use super::plan::{Change, NotThere, Wish, classes, wished};
use super::print::shown;
use super::{Observed, Seen, key, label};

/// A right that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stay {
    /// Where it stands.
    pub(crate) on: DistinguishedName,
    /// Which one.
    pub(crate) permission: Permission,
    /// Why.
    pub(crate) why: WhyStays,
}

/// Why a right stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhyStays {
    /// People of this unit are reset with it.
    ServesUnit(DistinguishedName),
    /// People of this unit may be reset with it: who has which rights there is hidden.
    MayServeUnit(DistinguishedName),
    /// No unit has it: it is the whole domain's, and only units were named.
    OfTheDomain,
}

/// Those of the rights wished away that stay after these changes to everything else.
pub(super) fn stays(
    observed: &Observed,
    wish: &Wish,
    changes: &[Change],
) -> Result<Vec<Stay>, NotThere> {
    let single = wished(observed, wish)?.into_iter();
    let single = single.filter(|(permission, _)| permission.stand() != Stand::AboveUsers);
    let why = |permission: Permission| match permission.feature() {
        Feature::Writeback => {
            // Of several, one that was not named is told.
            let mut units: Vec<&Seen> = observed.units.iter().collect();
            units.sort_by_key(|unit| wish.units.contains(&unit.dn));
            let some = wish.root || !wish.units.is_empty();
            let certain = units.iter().find(|unit| some && keeps(observed, unit, changes));
            let serves = certain.map(|unit| WhyStays::ServesUnit(unit.dn.clone()));
            // What stands where nobody may look is taken for something that stays, and is not taken away.
            let hidden = || units.iter().find(|unit| unit.descriptor().is_none());
            serves.or_else(|| hidden().map(|unit| WhyStays::MayServeUnit(unit.dn.clone())))
        }
        _ => (!wish.units.is_empty()).then_some(WhyStays::OfTheDomain),
    };
    let stay = |(permission, place): (Permission, &Seen)| {
        Some(Stay { on: place.dn.clone(), permission, why: why(permission)? })
    };
    Ok(single.filter_map(stay).collect())
}

/// Whether people of a unit can certainly be reset all the same after these changes, by entries on the unit
/// or above. Where an entry comes from that was not read, it is taken for one that stays.
fn keeps(observed: &Observed, unit: &Seen, changes: &[Change]) -> bool {
    let Some(mut left) = unit.descriptor().cloned() else { return false };
    left.dacl = left.dacl.map(|mut list| {
        let mut index = 0;
        list.entries.retain(|entry| {
            let place = match entry.is_inherited() {
                true => observed.origin(&unit.dn, index),
                false => Some((&unit.dn, entry)),
            };
            index += 1;
            let goes = |change: &Change| {
                let removed = |(_, gone): &(Permission, _)| {
                    place.is_some_and(|(on, entry)| *on == change.on && entry == gone)
                };
                change.remove.iter().any(removed)
            };
            !changes.iter().any(goes)
        });
        list
    });
    let who = observed.requester();
    let has = |list: &SecurityDescriptor| {
        let sets = [Permission::ResetPassword, Permission::ChangePassword];
        let of = |one: &Permission| {
            let mut classes = classes(*one).iter();
            classes.any(|class| one.standing_for(*class, list, &who).is_granted())
        };
        sets.iter().any(of)
    };
    has(&left)
}

impl Stay {
    /// Whether `grant` has made it, so that taking it away would have been expected.
    pub(super) fn was_granted(&self, observed: &Observed) -> bool {
        let entry = self.permission.entry(observed.asker.own.clone());
        let list = observed.object(&self.on).and_then(|object| object.descriptor.as_ref());
        let list = list.and_then(|descriptor| descriptor.dacl.as_ref());
        list.is_some_and(|list| list.entries.contains(&entry))
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "object": self.on.to_string(),
            "right": key(self.permission),
            "reason": self.reason(),
        })
    }

    /// The reason, as a sentence without its dot.
    fn reason(&self) -> String {
        match &self.why {
            WhyStays::ServesUnit(unit) => {
                format!("{} keeps writeback, which needs it", shown(unit))
            }
            WhyStays::MayServeUnit(unit) => format!(
                "who has which rights on {} is hidden from the service account, and writeback there, if it stays, needs it",
                shown(unit)
            ),
            WhyStays::OfTheDomain => {
                "it is of the whole domain, and only OUs were named: it goes without --ou"
                    .to_owned()
            }
        }
    }
}

/// What stays of that which `grant` has made, each with its reason; empty where nothing does.
pub(crate) fn stays_text(observed: &Observed, stays: &[Stay]) -> String {
    let (account, mut text) = (observed.account(), String::new());
    for stay in stays.iter().filter(|stay| stay.was_granted(observed)) {
        let (on, right) = (shown(&stay.on), label(stay.permission));
        let _ = writeln!(text, "On {on}:\n  = {account} may still: {right}; {}", stay.reason());
    }
    text
}
