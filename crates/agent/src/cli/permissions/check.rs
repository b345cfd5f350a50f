//! `passback-agent permissions check`: at the PDC emulator, and with `--wait` at every other controller.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use command::{Failure, print};
use directory::security::rights::Feature;
use directory::{DirectoryError, LdapDirectory};
use protocol::Clock;
use serde_json::{Value, json};

use super::{Wanted, aside, chosen, client, named_or_writeback, who_must_act};
use crate::explain::{Line, moved, of_error};
use crate::guard::groups::idle;
use crate::permissions::{
    Arrival, Extent, Judgement, Observed, Remedy, arrivals, check_json, check_text, judge,
    not_checked_json, not_checked_text, observe,
};
use crate::settings::{AgentSettings, DirectorySettings};
use crate::surroundings::Surroundings;

/// How many people are looked at below each unit of the configuration, unless more are asked for.
const PEOPLE: &str = "100";
/// How long `--wait` waits unless told otherwise, in seconds: "an hour or more" (SPEC D-12).
const WAIT: &str = "7200";
/// How long it is between two looks, in seconds.
const PAUSE: &str = "30";

#[derive(Args)]
pub(in crate::cli) struct Check {
    /// This directory alone, by its name in the configuration.
    #[arg(long)]
    directory: Option<String>,
    /// Look for the rights of this feature; without it, of writeback. May be given several times.
    #[arg(long = "feature", value_enum)]
    features: Vec<Wanted>,
    /// How many people to look at below each OU of the configuration.
    #[arg(long, default_value = PEOPLE)]
    people: u32,
    /// Look again and again until the rights have arrived, at the PDC emulator and at every other
    /// controller, at most so many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = WAIT)]
    wait: Option<u64>,
    /// The seconds between two looks.
    #[arg(long, default_value = PAUSE)]
    pause: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// A directory, looked at.
struct Looked {
    observed: Observed,
    judgement: Judgement,
    /// The other controllers; nobody without `--wait`.
    arrivals: Vec<Arrival>,
}

impl Looked {
    fn findings(&self) -> usize {
        let late = self.arrivals.iter().filter(|one| !one.is_complete()).count();
        self.judgement.findings.len() + late
    }

    /// Whether something is lacking that may come by itself.
    fn may_come(&self) -> bool {
        let findings = &self.judgement.findings;
        findings.iter().any(|finding| finding.cause.is_about_rights())
            || self.arrivals.iter().any(|one| !one.is_complete())
    }
}

impl Check {
    /// Looks, and tells what was found; a failure where something is lacking. A directory that cannot be
    /// looked at keeps no other one from being told about, and its failure is the command's.
    pub(super) async fn carry_out(
        &self,
        settings: &AgentSettings,
        surroundings: &Surroundings,
    ) -> Result<(), Failure> {
        let features = named_or_writeback(&self.features);
        let (mut values, mut findings, mut failed) = (Vec::new(), 0, None);
        for settings in chosen(settings, self.directory.as_deref())? {
            let looked = match client(settings, surroundings) {
                Ok(directory) => {
                    self.look(settings, &directory, &features, &surroundings.clock).await
                }
                Err(failure) => Err(NotLooked::of_failure(failure)),
            };
            findings += looked.as_ref().map_or(0, Looked::findings);
            if self.json {
                values.push(match &looked {
                    Ok(Looked { observed, judgement, arrivals }) => {
                        check_json(observed, judgement, arrivals)
                    }
                    Err(NotLooked { line, failure }) => {
                        let (name, domain) = (settings.name.as_str(), &settings.domain);
                        let fix = &line.remedy;
                        not_checked_json(name, domain, failure.message(), fix, failure.code())
                    }
                });
            } else {
                print(&match &looked {
                    Ok(Looked { observed, judgement, arrivals }) => {
                        check_text(observed, judgement, arrivals)
                    }
                    Err(NotLooked { line, .. }) => {
                        not_checked_text(settings.name.as_str(), &line.text, &line.remedy)
                    }
                })?;
            }
            // The first one is what the command ends with.
            failed = failed.or(looked.err().map(|not_looked| not_looked.failure));
        }
        if self.json {
            let good = findings == 0 && failed.is_none();
            let value: Value = json!({ "version": 1, "good": good, "directories": values });
            print(&format!("{value}\n"))?;
        }
        match (failed, findings) {
            (Some(failure), _) => Err(failure),
            (None, 0) => Ok(()),
            (None, 1) => Err(Failure::refused("1 finding")),
            (None, many) => Err(Failure::refused(format!("{many} findings"))),
        }
    }

    /// Looks once, or until what can arrive has arrived. What keeps it from looking and may pass is
    /// waited for as well, and named when it begins.
    async fn look(
        &self,
        settings: &DirectorySettings,
        directory: &LdapDirectory,
        features: &[Feature],
        clock: &Arc<dyn Clock>,
    ) -> Result<Looked, NotLooked> {
        let begun = clock.running();
        let limit = Duration::from_secs(self.wait.unwrap_or_default());
        let pause = Duration::from_secs(self.pause.max(1));
        let mut told = None;
        loop {
            let looked = self.once(settings, directory, features).await;
            let over = clock.running().saturating_sub(begun) + pause > limit;
            match looked {
                Ok(looked) if over || !looked.may_come() => return Ok(looked),
                Ok(_) => told = None,
                Err(error) => {
                    let moved = moved(settings, directory, clock.as_ref(), &error).await;
                    let passes = may_pass(&error) && moved.is_none();
                    let line = moved.unwrap_or_else(|| of_error(settings, &error));
                    let not_looked = NotLooked::of(settings, &error, line);
                    if over || !passes {
                        return Err(not_looked);
                    }
                    let message = not_looked.failure.message();
                    if told.as_deref() != Some(message) {
                        aside(&format!("{message}; waiting"));
                        told = Some(message.to_owned());
                    }
                }
            }
            clock.sleep(pause).await;
        }
    }

    async fn once(
        &self,
        settings: &DirectorySettings,
        directory: &LdapDirectory,
        features: &[Feature],
    ) -> Result<Looked, DirectoryError> {
        let extent = Extent { people: self.people, below: true };
        let mut observed = observe(settings, directory, extent).await?;
        observed.idle_groups = idle(settings, directory).await?;
        let judgement = judge(&observed, features);
        let arrivals = match self.wait {
            Some(_) => arrivals(settings, directory, &observed, features).await?,
            None => Vec::new(),
        };
        Ok(Looked { observed, judgement, arrivals })
    }
}

/// A directory that could not be looked at.
struct NotLooked {
    /// Why, and what puts it right.
    line: Line,
    /// By which the command ends.
    failure: Failure,
}

impl NotLooked {
    fn of(settings: &DirectorySettings, error: &DirectoryError, line: Line) -> Self {
        let message = format!("directory {}: {}", settings.name.as_str(), line.text);
        Self { failure: who_must_act(error, message), line }
    }

    /// What keeps it from being set up: a file, or the configuration.
    fn of_failure(failure: Failure) -> Self {
        let remedy =
            Remedy::note("correct it in the configuration, or let the agent read the file");
        Self { line: Line::stopping(failure.message()).with(remedy), failure }
    }
}

/// Whether an error may be over by itself: a controller or a global catalog that is started again, a network
/// that is back, a controller that is too busy. What somebody has to put right is not, and a refused bind is not tried
/// again and again, because each one counts towards a lockout.
fn may_pass(error: &DirectoryError) -> bool {
    /// timeLimitExceeded, adminLimitExceeded, busy, unavailable (RFC 4511 section 4.1.9).
    const PASSING: [u32; 4] = [3, 11, 51, 52];
    match error {
        DirectoryError::PdcUnreachable { .. }
        | DirectoryError::Lost { .. }
        | DirectoryError::NoPreferred { .. }
        | DirectoryError::NotComputed { .. } => true,
        DirectoryError::Refused(refusal) => PASSING.contains(&refusal.result),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use directory::{BindRefusal, Refusal};

    use super::*;

    #[test]
    fn what_may_pass_is_waited_for_and_a_refused_bind_is_not() {
        let cause = || "no".to_owned();
        let refused = |result| {
            DirectoryError::Refused(Refusal { result, code: None, diagnostic: String::new() })
        };
        let bind = DirectoryError::BindRefused {
            controller: cause(),
            name: cause(),
            refusal: BindRefusal::LockedOut,
            diagnostic: String::new(),
        };
        for (error, passes) in [
            (DirectoryError::PdcUnreachable { cause: cause() }, true),
            (DirectoryError::Lost { cause: cause() }, true),
            (DirectoryError::NoPreferred { cause: cause() }, true),
            (DirectoryError::NotComputed { attribute: "tokenGroups" }, true),
            (refused(51), true),
            (refused(52), true),
            (refused(50), false),
            (bind, false),
            (DirectoryError::Certificate { controller: cause(), cause: cause() }, false),
            (DirectoryError::Unfit { controller: cause(), cause: cause() }, false),
            (DirectoryError::Configuration(cause()), false),
        ] {
            assert_eq!(may_pass(&error), passes, "{error}");
        }
    }
}
