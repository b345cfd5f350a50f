//! What the service account may do all the same after its entries were taken away: by an entry of another
//! form, for a group that it is in, or of a place above (SPEC D-12).

use std::fmt::Write as _;

use directory::security::rights::{Permission, Stand};
use directory::security::{Ground, Requester};
use directory::{DistinguishedName, ObjectGuid, Sid};
use serde_json::{Value, json};

use super::cause::Cause;
use super::judge::{Finding, Kind};
use super::plan::{NotThere, Wish, classes, wished};
use super::print::shown;
use super::remedy::without;
use super::stays::Stay;
use super::{Observed, Remedy, Seen, feature_name, key, label, of_remedy, quoted};

/// Pre-Windows 2000 Compatible Access, in `BUILTIN` (MS-DTYP 2.4.2.4).
const PRE_WINDOWS_2000: u32 = 554;

/// A right that stands all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Still {
    /// Where.
    on: DistinguishedName,
    /// Which one.
    permission: Permission,
    /// By what, one entry or more.
    grounds: Vec<Ground>,
}

/// Those of the rights wished away that the account has all the same. What everybody has who signs in
/// is not its own, and is left out; so is what stands where nobody may look ([`unseen`]), and what is to stay.
pub(crate) fn still(
    observed: &Observed,
    wish: &Wish,
    stays: &[Stay],
) -> Result<Vec<Still>, NotThere> {
    let (who, anybody) = (observed.requester(), anybody());
    let mut found = Vec::new();
    for (permission, place) in wished(observed, wish)? {
        if is_to_stay(stays, permission, place) {
            continue;
        }
        let Some(descriptor) = place.descriptor() else { continue };
        let mut grounds: Vec<Ground> = Vec::new();
        for class in classes(permission) {
            let has = |who: &Requester| permission.standing_for(*class, descriptor, who);
            let ruling = has(&who);
            if ruling.is_granted() && !has(&anybody).is_granted() {
                // Most entries are about people of every class.
                let new = ruling.grounds.into_iter().filter(|one| !grounds.contains(one));
                let new: Vec<Ground> = new.collect();
                grounds.extend(new);
            }
        }
        if !grounds.is_empty() {
            found.push(Still { on: place.dn.clone(), permission, grounds });
        }
    }
    Ok(found)
}

/// The places of which nobody can say that nothing of what is wished away stands there: the service account
/// may not read who has which rights, and nothing is taken away there. What is to stay is left out, and so are
/// containers: what reads them reads their lists as well, and goes with that, so that a hidden one is what a
/// revoke leaves.
pub(crate) fn unseen(
    observed: &Observed,
    wish: &Wish,
    stays: &[Stay],
) -> Result<Vec<Finding>, NotThere> {
    let mut unseen: Vec<Finding> = Vec::new();
    for (permission, place) in wished(observed, wish)? {
        if place.descriptor().is_some() || is_to_stay(stays, permission, place) {
            continue;
        }
        let kind = match permission.stand() {
            Stand::PasswordSettings | Stand::DeletedObjects => continue,
            Stand::DomainRoot => Kind::Root,
            Stand::AboveUsers if place.dn == observed.head.dn => Kind::Root,
            Stand::AboveUsers => Kind::Unit,
        };
        match unseen.iter_mut().find(|known| known.object == place.dn) {
            Some(known) => known.permissions.push(permission),
            None => unseen.push(Finding {
                object: place.dn.clone(),
                kind,
                cause: Cause::Hidden,
                permissions: vec![permission],
            }),
        }
    }
    Ok(unseen)
}

/// Whether a right is to stay where it stands.
fn is_to_stay(stays: &[Stay], permission: Permission, place: &Seen) -> bool {
    stays.iter().any(|stay| stay.on == place.dn && stay.permission == permission)
}

/// Whoever signs in, as nobody in particular. By default, they are in Pre-Windows 2000 Compatible Access as
/// well, by which they read.
fn anybody() -> Requester {
    let groups = [Sid::everyone(), Sid::authenticated_users(), Sid::network()];
    let compatible = Sid::nt(&[32, PRE_WINDOWS_2000]).ok();
    Requester::exactly(groups.into_iter().chain([Sid::this_organization()]).chain(compatible))
}

/// Each of them with its fix below it.
pub(crate) fn still_text(observed: &Observed, all: &[Still]) -> String {
    let mut text = String::new();
    for one in all {
        let _ = writeln!(text, "{}: {}.", observed.name, one.text(observed));
        for line in one.remedies(observed).iter().flat_map(Remedy::lines) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

impl Still {
    /// For programs.
    pub(super) fn json(&self, observed: &Observed) -> Value {
        let remedies = self.remedies(observed);
        json!({
            "object": self.on.to_string(),
            "right": key(self.permission),
            "text": self.text(observed),
            "fixes": remedies.iter().map(of_remedy).collect::<Vec<_>>(),
        })
    }

    fn text(&self, observed: &Observed) -> String {
        let by: Vec<String> = self.grounds.iter().map(|ground| self.by(ground, observed)).collect();
        format!(
            "{} has on {} all the same: {}; {}",
            observed.account(),
            shown(&self.on),
            label(self.permission),
            by.join(" and ")
        )
    }

    fn by(&self, ground: &Ground, observed: &Observed) -> String {
        let Ground::Entry { index, trustee, .. } = ground else {
            return match ground {
                Ground::Owner => "as its owner".to_owned(),
                _ => "because it has no list at all".to_owned(),
            };
        };
        let own = observed.entry(&self.on, *index).is_some_and(|entry| !entry.is_inherited());
        let from = match (own, observed.origin(&self.on, *index)) {
            (true, _) => "of the object's own".to_owned(),
            (false, Some((above, _))) => format!("inherited from {}", shown(above)),
            (false, None) => "inherited from above".to_owned(),
        };
        format!("by an entry for {}, {from}", observed.names.of(trustee))
    }

    fn remedies(&self, observed: &Observed) -> Vec<Remedy> {
        let of = |ground| self.remedy(ground, observed);
        self.grounds.iter().map(of).collect()
    }

    fn remedy(&self, ground: &Ground, observed: &Observed) -> Remedy {
        let (Ground::Entry { index, trustee, .. }, account) = (ground, observed.account()) else {
            return Remedy::note("give the object another owner, or a list");
        };
        let here = observed.entry(&self.on, *index).filter(|entry| !entry.is_inherited());
        let here = here.map(|entry| (&self.on, entry));
        let Some((place, entry)) = here.or_else(|| observed.origin(&self.on, *index)) else {
            return Remedy::note("take the entry away on the place above on which it stands");
        };
        if *trustee != observed.asker.own {
            return Remedy::note(format!(
                "take {account} out of {}, or take that entry away on {}",
                observed.names.of(trustee),
                shown(place)
            ));
        }
        let is_of_grant =
            |class: &ObjectGuid| *entry == self.permission.entry_for(*class, trustee.clone());
        if !classes(self.permission).iter().any(is_of_grant) {
            return without(observed, place, entry);
        }
        let scope = match self.permission.stand() {
            Stand::AboveUsers if *place == observed.head.dn => " --root".to_owned(),
            Stand::AboveUsers => format!(" --ou {}", quoted(&place.to_string())),
            _ => String::new(),
        };
        let feature = self.permission.feature();
        let feature = match feature {
            directory::security::rights::Feature::Writeback => String::new(),
            other => format!(" --feature {}", feature_name(other)),
        };
        let directory = quoted(&observed.name);
        Remedy::command(format!(
            "passback-agent permissions revoke --directory {directory}{scope}{feature}"
        ))
    }
}
