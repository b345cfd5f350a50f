//! `passback-agent permissions revoke`.

use command::{Failure, print};
use directory::DirectoryError;

use super::{Open, What, aside, not_looked, of_directory};
use crate::permissions::{
    ChangeTold, Extent, Observed, Revocation, add_chain, stays_text, still, still_text,
};

impl Open<'_> {
    /// Takes back, which is only called that where the account has nothing of it by another entry.
    pub(super) async fn revoke(&self, what: &What, revocation: &Revocation) -> Result<(), Failure> {
        let Revocation { changes, stays } = revocation;
        self.tell_stays(what, revocation)?;
        if let Some(form) = what.print {
            self.print(form, changes)?;
        } else if what.makes() && !changes.is_empty() {
            self.make(what, changes).await?;
        }
        let done = match (changes.is_empty(), what.makes()) {
            (true, _) => "nothing was to be taken back",
            (false, true) => "what was to be taken back is gone",
            (false, false) => "what is to be taken back is printed",
        };
        let what_stands = "what stands all the same";
        let failed = |error| not_looked(done, what_stands, self.settings.name.as_str(), &error);
        let mut observed = self.again(Extent { people: 0, below: false }).await.map_err(failed)?;
        if !what.makes() {
            changes.iter().for_each(|change| observed.apply(change));
        }
        self.read_above(&mut observed, what).await.map_err(failed)?;
        let still = still(&observed, &what.wish(false), stays).map_err(Failure::refused)?;
        if what.json {
            let told = ChangeTold { stays, still: &still, ..ChangeTold::of("revoke", changes) };
            self.tell(what, told)?;
            return standing(still.len());
        }
        let text = still_text(&observed, &still);
        match (still.len(), changes.is_empty()) {
            (0, _) if what.print.is_some() => Ok(()),
            (0, true) => print("There is nothing to do.\n"),
            (0, false) => self.done("Taken back"),
            (_, _) if what.print.is_some() => {
                aside(text.trim_end());
                Ok(())
            }
            (count, _) => {
                print(&text)?;
                standing(count)
            }
        }
    }

    /// Tells what stays; beside what is printed for a tool.
    fn tell_stays(&self, what: &What, revocation: &Revocation) -> Result<(), Failure> {
        let staying = stays_text(&self.observed, &revocation.stays);
        match what.print {
            _ if staying.is_empty() || what.json => Ok(()),
            Some(_) => {
                aside(&format!("This stays:\n{}", staying.trim_end()));
                Ok(())
            }
            None => print(&staying),
        }
    }

    /// The places above the units, from which they may have what a revoke leaves them.
    pub(super) async fn look_above(&mut self) -> Result<(), Failure> {
        let failed = |error| of_directory(self.settings.name.as_str(), &error);
        for unit in &self.settings_with_units.ous {
            add_chain(&self.directory, unit, &mut self.observed).await.map_err(failed)?;
        }
        Ok(())
    }

    /// The places above those that are wished, on which an inherited entry may stand.
    async fn read_above(&self, observed: &mut Observed, what: &What) -> Result<(), DirectoryError> {
        let all = if what.ou.is_empty() { &self.settings.ous } else { &what.ou };
        for unit in all {
            add_chain(&self.directory, unit, observed).await?;
        }
        Ok(())
    }
}

/// How it ends where so many rights stand all the same.
fn standing(rights: usize) -> Result<(), Failure> {
    match rights {
        0 => Ok(()),
        1 => Err(Failure::refused("a right stands all the same")),
        count => Err(Failure::refused(format!("{count} rights stand all the same"))),
    }
}
