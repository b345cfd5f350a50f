//! `passback-agent permissions grant`.

use command::Failure;

use super::changing::{Came, Words};
use super::{Open, What, named_or_writeback, sentence};
use crate::permissions::{Change, ChangeTold, Extent, finding_json, findings_text, judge};

/// How many people are looked at below each unit, after a grant, for denials that beat it.
const GRANT_PEOPLE: u32 = 100;

/// The command in words.
pub(super) const GRANT: Words = Words {
    stands: [
        "what was to be granted stands already",
        "what was to be granted was written",
        "what was to be granted is printed",
    ],
    sought: "for denials",
    done: "Granted",
    found: ["a denial beats what was granted", "denials beat what was granted"],
};

impl Open<'_> {
    /// Grants, which is only called granted where no denial beats it; with `--print` they are told of at
    /// standard error, because what is printed is for a tool.
    pub(super) async fn grant(&self, what: &What, changes: &[Change]) -> Result<(), Failure> {
        self.carry_out(what, changes).await?;
        let failed = |error| self.not_seen(what, &GRANT, changes, &error);
        let extent = Extent { people: GRANT_PEOPLE, below: true };
        let observed = self.afterwards(what, changes, extent).await.map_err(failed)?;
        let judgement = judge(&observed, &named_or_writeback(&what.features));
        let wish = what.wish(false);
        let denials = judgement.findings.iter().filter(|finding| finding.cause.is_denial());
        let denials: Vec<_> = denials.filter(|finding| wish.is_about(finding)).collect();
        let findings = denials.iter().map(|one| finding_json(one, &observed)).collect();
        let told = ChangeTold { findings, ..ChangeTold::of("grant", changes) };
        let so_far = sentence(GRANT.so_far(what, changes));
        let found = denials.len();
        let named = findings_text(&observed, denials);
        let text = format!("{so_far}, and is denied all the same:\n{named}");
        self.tell_what_came(what, &GRANT, Came { told, found, unseen: 0, text })
    }
}
