//! Why a person's password can be reset or cannot: the directory's part of SPEC X-2, one section per
//! question, each line good or bad with the exact fix.
//!
//! What is told is worked out from what was read ([`Subject`]), by nothing else; whether a reset is
//! refused is the guard's word, as for a real one.

mod fixes;
mod lines;
mod password;
mod protection;
mod read;
mod role;
mod sections;
mod way;

pub(crate) use lines::{Explanation, Line, Mark, Section};
pub(crate) use read::{Found, find, hidden, subject};
pub(crate) use way::{fault, moved, of_error};

use directory::{Account, BoundAs, EffectivePolicy, MarkedBy, MemberOf, Sid, Surveyed, Witness};
use protocol::{Operation, Timestamp};

use crate::guard;
use crate::permissions::{Judgement, Observed};
use crate::settings::DirectorySettings;

/// A person, and all that was read about the account.
pub(crate) struct Subject<'s> {
    /// The directory's settings.
    pub(crate) settings: &'s DirectorySettings,
    /// The account.
    pub(crate) account: Account,
    /// The same object with its descriptor.
    pub(crate) object: Surveyed,
    /// The places above it, and the service account. The person is the only one looked at.
    pub(crate) observed: Observed,
    /// The same, judged by the rights of writeback.
    pub(crate) judgement: Judgement,
    /// By way of which groups it is in each group that protects it.
    pub(crate) chains: Vec<(Sid, Vec<MemberOf>)>,
    /// By way of which groups the directory marks it, though its groups name none that protects.
    pub(crate) marked_by: MarkedBy,
    /// The policy that decides about the next password.
    pub(crate) policy: EffectivePolicy,
    /// How the password stands; none where that is hidden.
    pub(crate) witness: Option<Witness>,
    /// Whom DNS names as the PDC emulator; nobody where it does not answer.
    pub(crate) pdc_in_dns: Vec<String>,
    /// To which other directories the agent signs in with this account.
    pub(crate) signs_in_to: Vec<String>,
    /// At which controller the password was last set, as far as that is known.
    pub(crate) set_at: Option<String>,
    /// The present moment.
    pub(crate) now: Timestamp,
}

impl Subject<'_> {
    /// Everything about the person, the verdict first.
    pub(crate) fn explain(&self) -> Explanation {
        let sections = vec![
            self.protection(),
            self.scope(),
            self.flags(),
            self.controller(),
            self.rights(),
            self.inheritance(),
            self.rules(),
            self.last_set(),
        ];
        let stopping = sections.iter().flat_map(|one| &one.lines).find(|line| line.stops);
        let refusal = guard::refusal(
            Operation::Reset,
            self.settings,
            &self.account,
            BoundAs::of([self.observed.asker.own.clone()]).as_ref(),
            self.now,
        );
        let bad = sections.iter().flat_map(|one| &one.lines);
        let bad = bad.filter(|line| line.mark == Mark::Bad).collect::<Vec<_>>();
        let verdict = match (stopping, refusal) {
            (Some(line), _) => {
                Line { text: format!("cannot be reset: {}", line.text), ..line.clone() }
            }
            (None, Some(outcome)) => {
                Line::stopping(format!("cannot be reset: {}", outcome.operator_text()))
            }
            (None, None) => match bad[..] {
                [] => Line::good("can be reset"),
                [first, ..] => {
                    let text = format!("can be reset; not as it should be: {}", first.text);
                    Line { text, ..first.clone() }
                }
            },
        };
        Explanation {
            directory: self.settings.name.as_str().to_owned(),
            login: self.account.sam_account_name.clone(),
            dn: Some(self.account.dn.clone()),
            verdict,
            sections,
        }
    }
}

#[cfg(test)]
mod protection_tests;
#[cfg(test)]
mod tests;
