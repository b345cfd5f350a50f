//! `passback-agent audit`: the agent's own trail, exported and verified.

use clap::Subcommand;
use command::trail::{self, Line};
use command::{Failure, print};
use protocol::RequestId;

use crate::audit::{AuditError, Entry, Selection, Trail};
use crate::settings::AgentSettings;

/// Entries that are read at once.
const PAGE: i64 = 1_000;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Print the trail as JSON lines, the oldest entry first.
    Export {
        /// From this moment on: 2026-11-22T18:05:00Z, or 2026-11-22.
        #[arg(long)]
        since: Option<String>,
        /// What belongs to this request only.
        #[arg(long)]
        request: Option<RequestId>,
        /// Accepted as everywhere; the answer is in JSON anyway.
        #[arg(long)]
        json: bool,
    },
    /// Check that every entry is as it was written; exit code 1 names the first that is not.
    Verify {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out the command. The agent may be running.
pub(super) async fn audit(command: AuditCommand, settings: &AgentSettings) -> Result<(), Failure> {
    match command {
        AuditCommand::Export { since, request, json: _ } => {
            let since = since.as_deref().map(trail::moment).transpose()?;
            export(settings, Selection { since, request }).await
        }
        AuditCommand::Verify { json } => {
            let trail = open(settings).await?;
            let found = trail.verify().await.map_err(Failure::unavailable)?;
            trail::verified(&found, json)
        }
    }
}

async fn export(settings: &AgentSettings, selection: Selection) -> Result<(), Failure> {
    let trail = open(settings).await?;
    let mut after = i64::MIN;
    loop {
        let page = trail.after(after, &selection, PAGE).await.map_err(Failure::unavailable)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        print(&page.iter().map(line).collect::<String>())?;
    }
}

fn line(entry: &Entry) -> String {
    let event = &entry.event;
    Line {
        seq: entry.seq,
        at: entry.at,
        event: &event.name,
        tenant: event.tenant,
        request: event.request,
        flow: None,
        detail: &event.detail,
        hash: &entry.hash,
    }
    .json()
}

async fn open(settings: &AgentSettings) -> Result<Trail, Failure> {
    Trail::open(&settings.state_dir).await.map_err(|error| match error {
        AuditError::Open(error) => Failure::unavailable(format!(
            "{error}; the trail begins with `passback-agent writeback enable`"
        )),
        error => Failure::unavailable(error),
    })
}
