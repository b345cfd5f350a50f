//! `passback-agent permissions grant --drop-conditional`: takes away what may deny a right under a condition
//! that nobody can evaluate here.

use command::Failure;
use directory::DistinguishedName;

use super::after::After;
use super::make::{SERVICE_ACCOUNT, obstructed};
use super::{Open, What, named_or_writeback, of_directory};
use crate::permissions::{Change, ChangeTold, Form, shown};

impl Open<'_> {
    /// Takes these entries away, and looks whether the service account has its rights there.
    pub(super) async fn drop_conditional(
        &self,
        what: &What,
        objects: &[DistinguishedName],
    ) -> Result<(), Failure> {
        let failed = |error| of_directory(self.settings.name.as_str(), &error);
        let (features, mut changes) = (named_or_writeback(&what.features), Vec::new());
        for dn in objects {
            let object = self.directory.surveyed(dn).await.map_err(failed)?;
            let there = || Failure::refused(format!("{} is not there", shown(dn)));
            let object = object.ok_or_else(there)?;
            let change = Change::dropping_conditional(&object, &self.observed, &features);
            changes.extend(change.map_err(|why| obstructed(SERVICE_ACCOUNT, dn, why))?);
        }
        match what.print {
            None if what.makes() && !changes.is_empty() => self.make(what, &changes).await?,
            None if what.makes() => {}
            None => return self.tell(what, ChangeTold::of("grant", &changes)),
            Some(form @ Form::Ldif) => return self.print(form, &changes),
            // A condition has no text that these would take, and dsacls takes whole accounts away.
            Some(Form::Dsacls | Form::SambaTool) => {
                return Err(Failure::refused(
                    "an entry with a condition can be printed as ldif alone",
                ));
            }
        }
        let after = After { done: "has no such entry any more", features: &features };
        self.tell_after(what, objects, &changes, &after).await
    }
}
