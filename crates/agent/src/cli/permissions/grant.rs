//! `passback-agent permissions grant`.

use command::{Failure, print};

use super::{Open, What, aside, named_or_writeback, not_looked};
use crate::permissions::{Change, ChangeTold, Extent, finding_json, findings_text, judge};

/// How many people are looked at below each unit, after a grant, for denials that beat it.
const GRANT_PEOPLE: u32 = 100;

impl Open<'_> {
    /// Grants, which is only called granted where no denial beats it; with `--print` they are told of at
    /// standard error, because what is printed is for a tool.
    pub(super) async fn grant(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        if let Some(form) = what.print {
            self.print(form, changes)?;
        } else if what.makes() && !changes.is_empty() {
            self.make(what, changes).await?;
        }
        let stands = match (changes.is_empty(), what.makes()) {
            (true, _) => "stands already",
            (false, true) => "was written",
            (false, false) => "is printed",
        };
        let (done, name) = (format!("what was to be granted {stands}"), &self.settings.name);
        let failed = |error| not_looked(&done, "for denials", name.as_str(), &error);
        let extent = Extent { people: GRANT_PEOPLE, below: true };
        let mut observed = self.again(extent).await.map_err(failed)?;
        if !what.makes() {
            changes.iter().for_each(|change| observed.apply(change));
        }
        let (judgement, wish) =
            (judge(&observed, &named_or_writeback(&what.features)), what.wish(false));
        let denials = judgement.findings.iter().filter(|finding| finding.cause.is_denial());
        let denials: Vec<_> = denials.filter(|finding| wish.is_about(finding)).collect();
        if what.json {
            let findings = denials.iter().map(|one| finding_json(one, &observed)).collect();
            self.tell(what, ChangeTold { findings, ..ChangeTold::of("grant", changes) })?;
            return beaten(denials.len());
        }
        let denied = format!("What was to be granted {stands}, and is denied all the same:\n");
        match (denials.len(), changes.is_empty()) {
            (0, _) if what.print.is_some() => Ok(()),
            (0, true) => print("There is nothing to do.\n"),
            (0, false) => self.done("Granted"),
            (_, _) if what.print.is_some() => {
                aside(&format!("{denied}{}", findings_text(&observed, denials)));
                Ok(())
            }
            (count, _) => {
                print(&denied)?;
                print(&findings_text(&observed, denials))?;
                beaten(count)
            }
        }
    }
}

/// How it ends where so many denials beat what was granted.
fn beaten(denials: usize) -> Result<(), Failure> {
    match denials {
        0 => Ok(()),
        1 => Err(Failure::refused("a denial beats what was granted")),
        count => Err(Failure::refused(format!("{count} denials beat what was granted"))),
    }
}
