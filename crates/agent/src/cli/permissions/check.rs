//! `passback-agent permissions check`: at the PDC emulator, and with `--wait` at every other controller.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use command::{Failure, print};
use directory::LdapDirectory;
use directory::security::rights::Feature;
use protocol::Clock;
use serde_json::{Value, json};

use super::{Wanted, chosen, client, of_directory, with_writeback};
use crate::permissions::{
    Arrival, Extent, Judgement, Observed, arrivals, check_json, check_text, judge, observe,
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
    /// Look for the rights of this feature, too. May be given several times.
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
    /// Looks, and tells what was found; a failure where something is lacking.
    pub(super) async fn carry_out(
        &self,
        settings: &AgentSettings,
        surroundings: &Surroundings,
    ) -> Result<(), Failure> {
        let features = with_writeback(&self.features);
        let (mut values, mut findings) = (Vec::new(), 0);
        for settings in chosen(settings, self.directory.as_deref())? {
            let directory = client(settings, surroundings)?;
            let looked = self.look(settings, &directory, &features, &surroundings.clock).await?;
            findings += looked.findings();
            let Looked { observed, judgement, arrivals } = &looked;
            if self.json {
                values.push(check_json(observed, judgement, arrivals));
            } else {
                print(&check_text(observed, judgement, arrivals))?;
            }
        }
        if self.json {
            let value: Value =
                json!({ "version": 1, "good": findings == 0, "directories": values });
            print(&format!("{value}\n"))?;
        }
        match findings {
            0 => Ok(()),
            1 => Err(Failure::refused("1 finding")),
            many => Err(Failure::refused(format!("{many} findings"))),
        }
    }

    /// Looks once, or until what can arrive has arrived.
    async fn look(
        &self,
        settings: &DirectorySettings,
        directory: &LdapDirectory,
        features: &[Feature],
        clock: &Arc<dyn Clock>,
    ) -> Result<Looked, Failure> {
        let begun = clock.running();
        let limit = Duration::from_secs(self.wait.unwrap_or_default());
        let pause = Duration::from_secs(self.pause.max(1));
        loop {
            let looked = self.once(settings, directory, features).await;
            let looked = looked.map_err(|error| of_directory(settings.name.as_str(), &error))?;
            let over = clock.running().saturating_sub(begun) + pause > limit;
            if !looked.may_come() || over {
                return Ok(looked);
            }
            clock.sleep(pause).await;
        }
    }

    async fn once(
        &self,
        settings: &DirectorySettings,
        directory: &LdapDirectory,
        features: &[Feature],
    ) -> Result<Looked, directory::DirectoryError> {
        let extent = Extent { people: self.people, below: true };
        let observed = observe(settings, directory, extent).await?;
        let judgement = judge(&observed, features);
        let arrivals = match self.wait {
            Some(_) => arrivals(settings, directory, &observed, features).await?,
            None => Vec::new(),
        };
        Ok(Looked { observed, judgement, arrivals })
    }
}
