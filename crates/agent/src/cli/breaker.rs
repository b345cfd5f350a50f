//! `passback-agent breaker`: how near resets are to their limit, and letting them go on after it was
//! reached (SPEC A-5).

use clap::Subcommand;
use command::trail::rfc3339;
use command::{Failure, print};
use protocol::{Clock, Outcome, Timestamp};
use serde_json::{Value, json};

use crate::audit::Event;
use crate::journal::breaker::{BreakerFile, Kept, Standing};
use crate::journal::{Journal, JournalError};
use crate::run::open_sync;
use crate::settings::AgentSettings;
use crate::surroundings::Surroundings;

#[derive(Subcommand, Clone, Copy)]
pub(super) enum BreakerCommand {
    /// How many passwords this agent reset in the last hour, of how many; exit code 1 if its breaker
    /// is open.
    Show {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let this agent's resets go on after its breaker stopped them; each agent has its own. Look first
    /// who resets, and why.
    Release {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// How the breaker stands.
struct Shown {
    kept: Kept,
    count: u64,
    limit: u64,
    alarm: u64,
    people: u64,
}

/// Carries out the command. The agent may be running; it notices a release with the next reset.
pub(super) async fn breaker(
    command: BreakerCommand,
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), Failure> {
    let clock = &*surroundings.clock;
    match command {
        BreakerCommand::Show { json } => {
            let shown = look(settings, clock).await?;
            print(&if json { format!("{}\n", shown.json()) } else { shown.text() })?;
            match shown.kept.opened_at {
                Some(_) => Err(Failure::refused(Outcome::BreakerOpen.operator_text())),
                None => Ok(()),
            }
        }
        BreakerCommand::Release { json } => {
            let now = clock.now();
            let shown = look(settings, clock).await?;
            let journal = Journal::open(&settings.state_dir).await.map_err(of_journal)?;
            let event = Event::of_agent("breaker.released", json!({ "count": shown.count }));
            let released = journal.release_breaker(&event, now).await.map_err(of_journal)?;
            journal.close().await;
            if !released {
                return Err(Failure::refused(
                    "the breaker is not open; there is nothing to release",
                ));
            }
            print(&if json {
                format!("{}\n", json!({ "released_at": rfc3339(now), "resets": shown.count }))
            } else {
                "Resets go on, and are counted anew.\n".to_owned()
            })
        }
    }
}

async fn look(settings: &AgentSettings, clock: &dyn Clock) -> Result<Shown, Failure> {
    let file = BreakerFile::open(&settings.state_dir).await.map_err(of_journal)?;
    let Standing { kept, resets } = file.standing(clock.now()).await.map_err(of_journal)?;
    let status = open_sync(settings).await.map_err(Failure::unavailable)?.status().await;
    let people = status.map_err(Failure::unavailable)?.metaverse_objects;
    let limit = settings.breaker.limit(people);
    let count = u64::try_from(resets.len()).unwrap_or(u64::MAX);
    Ok(Shown { kept, count, limit, alarm: settings.breaker.alarm(limit), people })
}

/// Who must act where the journal cannot be used.
fn of_journal(error: JournalError) -> Failure {
    match error {
        JournalError::Open(error) => Failure::unavailable(format!(
            "{error}; the journal is made by `passback-agent writeback enable`"
        )),
        error => Failure::unavailable(error),
    }
}

impl Shown {
    fn text(&self) -> String {
        let Self { count, limit, alarm, people, .. } = self;
        let state = match self.kept.opened_at {
            Some(at) => format!("OPEN since {}: no password is reset", rfc3339(at)),
            None => "closed".to_owned(),
        };
        let released = self
            .kept
            .released_at
            .map(|at| format!(" (counted since its release at {})", rfc3339(at)));
        format!(
            "The breaker is {state}.\n{count} of {limit} resets in the last hour{}; alarm at {alarm}; {people} people in scope.\n",
            released.unwrap_or_default()
        )
    }

    fn json(&self) -> Value {
        let moment = |at: Option<Timestamp>| at.map(rfc3339);
        json!({
            "open": self.kept.opened_at.is_some(),
            "opened_at": moment(self.kept.opened_at),
            "released_at": moment(self.kept.released_at),
            "resets_in_the_last_hour": self.count,
            "limit": self.limit,
            "alarm": self.alarm,
            "people_in_scope": self.people,
        })
    }
}
