//! `passback-agent permissions revoke`.

use command::{Failure, print};
use directory::DirectoryError;

use super::changing::{Came, Words};
use super::{Open, What, aside, of_directory};
use crate::permissions::{
    ChangeTold, Extent, Observed, Revocation, add_chain, finding_json, findings_text, stays_text,
    still, still_text, unseen,
};

/// The command in words.
pub(super) const REVOKE: Words = Words {
    stands: [
        "nothing was to be taken back",
        "what was to be taken back is gone",
        "what is to be taken back is printed",
    ],
    sought: "for what stands all the same",
    done: "Taken back",
    found: ["a right stands all the same", "rights stand all the same"],
};

impl Open<'_> {
    /// Takes back, which is only called that where the account has nothing of it by another entry.
    pub(super) async fn revoke(&self, what: &What, revocation: &Revocation) -> Result<(), Failure> {
        let Revocation { changes, stays } = revocation;
        self.tell_stays(what, revocation)?;
        self.carry_out(what, changes).await?;
        let failed = |error| self.not_seen(what, &REVOKE, changes, &error);
        let extent = Extent { people: 0, below: false };
        let mut observed = self.afterwards(what, changes, extent).await.map_err(failed)?;
        self.read_above(&mut observed, what).await.map_err(failed)?;
        let still = still(&observed, &what.wish(false), stays).map_err(Failure::refused)?;
        let unseen = unseen(&observed, &what.wish(false), stays).map_err(Failure::refused)?;
        let findings = unseen.iter().map(|one| finding_json(one, &observed)).collect();
        let of_command = ChangeTold::of("revoke", changes);
        let told = ChangeTold { stays, findings, still: &still, ..of_command };
        let text = still_text(&observed, &still) + &findings_text(&observed, &unseen);
        let (found, unseen) = (still.len(), unseen.len());
        self.tell_what_came(what, &REVOKE, Came { told, found, unseen, text })
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
