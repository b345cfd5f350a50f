//! `passback audit` and `passback support`: the audit trail, exported, verified, and found by what
//! people read to the helpdesk.

use clap::Subcommand;
use command::trail::{self, Line};
use command::{Failure, print};
use store::audit::{Entry, Selection};
use store::flows::FlowId;

use super::{open, tenant};
use crate::settings::CloudSettings;
use crate::support;

/// Entries that are read at once.
const PAGE: i64 = 1_000;

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Print the trail as JSON lines, the oldest entry first.
    Export {
        /// From this moment on: 2026-11-22T18:05:00Z, or 2026-11-22.
        #[arg(long)]
        since: Option<String>,
        /// What concerns the organisation with this slug only.
        #[arg(long)]
        tenant: Option<String>,
        /// Accepted as everywhere; the answer is in JSON anyway.
        #[arg(long)]
        json: bool,
    },
    /// Check that every entry, of all organisations, is as it was written; exit code 1 names the
    /// first that is not.
    Verify {
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out the command. The service may be running.
pub(super) async fn audit(command: AuditCommand, settings: &CloudSettings) -> Result<(), Failure> {
    match command {
        AuditCommand::Export { since, tenant, json: _ } => {
            let since = since.as_deref().map(trail::moment).transpose()?;
            export(settings, since, tenant).await
        }
        AuditCommand::Verify { json } => {
            let found = open(settings).await?.verify_audit().await;
            trail::verified(&found.map_err(Failure::unavailable)?, json)
        }
    }
}

/// What a support code stands for, as JSON lines.
pub(super) async fn find(code: &str, settings: &CloudSettings) -> Result<(), Failure> {
    let beginning = support::beginning(code).ok_or_else(|| {
        Failure::usage(format!("{code:?} is not a support code; they look like PB-0A1B-2C3D"))
    })?;
    let found = open(settings).await?.audit_of(beginning).await.map_err(Failure::unavailable)?;
    if found.is_empty() {
        let message = format!(
            "the audit trail knows nothing of {code}; is it of another service, or older than `audit.retention_days`?"
        );
        return Err(Failure::refused(message));
    }
    print(&found.iter().map(line).collect::<String>())
}

async fn export(
    settings: &CloudSettings,
    since: Option<protocol::Timestamp>,
    slug: Option<String>,
) -> Result<(), Failure> {
    let store = open(settings).await?;
    let tenant = match slug {
        Some(slug) => Some(tenant(&store, &slug).await?.id),
        None => None,
    };
    let selection = Selection { since, tenant };
    let mut after = i64::MIN;
    loop {
        let page = store.audit_after(after, &selection, PAGE).await;
        let page = page.map_err(Failure::unavailable)?;
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
        flow: event.flow.map(FlowId::to_bytes),
        detail: &event.detail,
        hash: &entry.hash,
    }
    .json()
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use protocol::{RequestId, Timestamp};
    use store::Store;
    use store::audit::Event;

    use super::*;
    use crate::settings::{KEYS, TITLE};

    /// Settings with a database of their own, which is gone when this is dropped.
    struct Place(CloudSettings, std::path::PathBuf);

    impl Place {
        fn new() -> Self {
            let name = format!("passback-cli-audit-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let file = folder.join("passback.toml");
            std::fs::write(&file, settings::example(TITLE, KEYS)).unwrap();
            Self(CloudSettings::load(&file).unwrap(), folder)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.1);
        }
    }

    fn code(done: Result<(), Failure>) -> ExitCode {
        command::end("passback", done)
    }

    #[tokio::test]
    async fn each_question_to_the_trail_has_its_exit_code() {
        let place = Place::new();
        let settings = &place.0;
        let store = Store::open(&settings.database).await.unwrap();
        let request = Some(RequestId::from_bytes([0; 16]));
        let event = Event { request, name: "operation.answered".into(), ..Event::default() };
        store.record(&event, Timestamp::from_millis(1_800_000_000_000)).await.unwrap();
        let export = async |since: &str, tenant: Option<&str>| {
            let (since, tenant) = (Some(since.to_owned()), tenant.map(str::to_owned));
            code(audit(AuditCommand::Export { since, tenant, json: true }, settings).await)
        };
        assert_eq!(export("2026-11-22T18:05:00Z", None).await, ExitCode::SUCCESS);
        assert_eq!(export("2026-11-22T18:05:00", None).await, ExitCode::from(2));
        assert_eq!(export("2026-11-22", Some("nobody")).await, ExitCode::from(1));
        let found = async |support: &str| code(find(support, settings).await);
        assert_eq!(found("pb-oooo-0000").await, ExitCode::SUCCESS);
        assert_eq!(found("PB-0000-0001").await, ExitCode::from(1));
        assert_eq!(found("0000").await, ExitCode::from(2));
        let verify = async || code(audit(AuditCommand::Verify { json: false }, settings).await);
        assert_eq!(verify().await, ExitCode::SUCCESS);
    }
}
