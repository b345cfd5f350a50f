//! After a change to single objects: whether the service account has its rights there.

use command::{Failure, print};
use directory::DistinguishedName;
use directory::security::rights::Feature;

use super::{Open, What, not_looked, sentence};
use crate::permissions::{
    Change, ChangeTold, Extent, Finding, Kind, Observed, Seen, add_chain, finding_json,
    findings_text, judge, sampled, shown,
};

/// What is looked for after a change to single objects.
pub(super) struct After<'a> {
    /// What was done, said of an object.
    pub(super) done: &'a str,
    /// The features whose rights are looked for.
    pub(super) features: &'a [Feature],
}

/// How a command ends that has done what it should, and something is lacking all the same.
const NOT_ALL: &str = "it was done, and something else is lacking";

/// Whether it is one of those objects of the domain on which rights stand by themselves.
fn is_single(observed: &Observed, dn: &DistinguishedName) -> bool {
    [&observed.head, &observed.settings, &observed.deleted].iter().any(|place| place.dn == *dn)
}

/// Whether an object lacks by it what it should have: something of its own, or of a unit above it.
fn is_about(finding: &Finding, dn: &DistinguishedName) -> bool {
    let here = match finding.kind {
        Kind::Unit | Kind::Person => dn.is_at_or_below(&finding.object),
        Kind::Root | Kind::Container => *dn == finding.object,
        Kind::Controller | Kind::Configuration => false,
    };
    here && !finding.cause.is_wanted()
}

impl Open<'_> {
    /// Tells what was done, once the service account lacks nothing there any more.
    pub(super) async fn tell_after(
        &self,
        what: &What,
        objects: &[DistinguishedName],
        changes: &[Change],
        after: &After<'_>,
    ) -> Result<(), Failure> {
        if changes.is_empty() {
            return match what.json {
                true => self.tell(what, ChangeTold::of("grant", changes)),
                false => print("There is nothing to do.\n"),
            };
        }
        let mut findings = Vec::new();
        for dn in objects {
            let (observed, left) = self.left(dn, after).await?;
            if what.json {
                findings.extend(left.iter().map(|finding| finding_json(finding, &observed)));
            } else if !left.is_empty() {
                let on = format!("{} {}", shown(dn), after.done);
                print(&format!("{on}, and this is not as it should be:\n"))?;
                print(&findings_text(&observed, &left))?;
                return Err(Failure::refused(NOT_ALL));
            }
        }
        if !what.json {
            return self.done(&sentence(after.done));
        }
        let lacks = !findings.is_empty();
        self.tell(what, ChangeTold { findings, ..ChangeTold::of("grant", changes) })?;
        if lacks { Err(Failure::refused(NOT_ALL)) } else { Ok(()) }
    }

    /// A second look, as the service account: what it lacks there by now has another cause.
    async fn left(
        &self,
        dn: &DistinguishedName,
        after: &After<'_>,
    ) -> Result<(Observed, Vec<Finding>), Failure> {
        let (on, name) = (format!("{} {}", shown(dn), after.done), self.settings.name.as_str());
        let failed = |error| not_looked(&on, "what is lacking there", name, &error);
        let mut observed = self.again(Extent { people: 0, below: false }).await.map_err(failed)?;
        add_chain(&self.directory, dn, &mut observed).await.map_err(failed)?;
        let object = self.directory.surveyed(dn).await.map_err(failed)?;
        match object {
            // What stands on these is read with every look, and they are neither units nor people.
            _ if is_single(&observed, dn) => {}
            Some(person) if person.sid.is_some() => {
                let is_samba = observed.asker.is_samba;
                let person = sampled(&self.directory, person, is_samba).await.map_err(failed)?;
                observed.people.push(person);
            }
            object => observed.below.push(Seen { dn: dn.clone(), object }),
        }
        let mut findings = judge(&observed, after.features).findings;
        findings.retain(|one| is_about(one, dn));
        Ok((observed, findings))
    }
}

#[cfg(test)]
mod tests {
    use directory::security::rights::Permission;

    use super::*;
    use crate::permissions::Cause;
    use crate::permissions::tests::{dn, domain};

    const JAN: &str = "CN=Jan,OU=P,DC=corp,DC=example";

    #[test]
    fn what_an_object_lacks_is_its_own_or_of_a_unit_above() {
        let observed = domain("", "D:AI");
        let (head, unit) = (&observed.head.dn, &observed.units[0].dn);
        let finding = |kind, object: &DistinguishedName| Finding {
            object: object.clone(),
            kind,
            cause: Cause::Missing,
            permissions: vec![Permission::UnexpirePassword],
        };
        let jan = dn(JAN);
        assert!(
            is_about(&finding(Kind::Unit, unit), &jan)
                && is_about(&finding(Kind::Person, &jan), &jan)
        );
        assert!(is_about(&finding(Kind::Root, head), head), "the root was put right itself");
        assert!(!is_about(&finding(Kind::Root, head), &jan), "and not somebody in it");
        assert!(!is_about(&finding(Kind::Person, &jan), unit));
        let settings = &observed.settings.dn;
        assert!(is_about(&finding(Kind::Container, settings), settings));
        assert!(!is_about(&finding(Kind::Controller, head), head));
        for place in [head, settings, &observed.deleted.dn] {
            assert!(is_single(&observed, place), "{place}");
        }
        assert!(!is_single(&observed, unit));
    }
}
