use std::time::Duration;

use protocol::Timestamp;

use super::*;
use crate::audit::Event;
use crate::journal::Journal;
use crate::journal::tests::Folder;
use crate::state::StateDir;

/// The example configuration with a state directory of its own.
fn settings(folder: &Folder) -> AgentSettings {
    let (file, state) = (folder.0.join("agent.toml"), folder.0.join("state"));
    std::fs::write(&file, settings::example(TITLE, KEYS)).unwrap();
    let vault_key = folder.0.join("vault.key");
    AgentSettings { state_dir: state, vault_key, ..AgentSettings::load(&file).unwrap() }
}

async fn done(command: Command, settings: &AgentSettings) -> ExitCode {
    let carried_out = with_settings(command, settings.clone(), Arc::new(Unwatched));
    let done = tokio::time::timeout(Duration::from_secs(30), carried_out).await.unwrap();
    command::end("passback-agent", done)
}

#[tokio::test]
async fn beside_a_running_agent_no_second_one_runs_and_no_keys_are_made_or_destroyed() {
    let folder = Folder::new("cli-lock");
    let settings = settings(&folder);
    let surroundings = Surroundings::of_this_machine(&settings).unwrap();
    let random = &*surroundings.randomness;
    let state = StateDir::create(&settings.state_dir, &settings.vault_key, random).unwrap();
    let running = state.lock().unwrap();
    let enable = Command::Writeback(WritebackCommand::Enable);
    let disable = Command::Writeback(WritebackCommand::Disable);
    for command in [Command::Run, enable, disable] {
        assert_eq!(done(command, &settings).await, ExitCode::from(1));
    }
    // Nobody has enrolled, which is a refusal, too: it is the lock that was in the way.
    let enabled = enrol::enable(&settings, &surroundings).await;
    let disabled = enrol::disable(&settings, &surroundings).await;
    for refused in [enabled, disabled] {
        assert!(matches!(refused, Err(EnrolError::State(StateError::InUse(_)))), "{refused:?}");
    }
    drop(running);
    assert_eq!(done(Command::Run, &settings).await, ExitCode::from(4));
}

#[tokio::test]
async fn a_trail_that_was_touched_is_a_finding_and_a_bad_moment_a_mistake() {
    let folder = Folder::new("cli-audit");
    let settings = settings(&folder);
    let verify =
        async || done(Command::Audit(AuditCommand::Verify { json: true }), &settings).await;
    let export = async |since: Option<&str>| {
        let since = since.map(str::to_owned);
        let command = AuditCommand::Export { since, request: None, json: true };
        done(Command::Audit(command), &settings).await
    };
    std::fs::create_dir_all(&settings.state_dir).unwrap();
    assert_eq!(verify().await, ExitCode::from(3), "there is none yet");
    assert!(std::fs::read_dir(&settings.state_dir).unwrap().next().is_none(), "none is made");
    let now = Timestamp::from_millis(1_800_000_000_000);
    let journal = Journal::create(&settings.state_dir, now).await.unwrap();
    journal.record(&[Event::of_agent("agent.started", json!({}))], now).await.unwrap();
    assert_eq!(verify().await, ExitCode::SUCCESS);
    assert_eq!(export(Some("2026-11-22")).await, ExitCode::SUCCESS);
    assert_eq!(export(Some("yesterday")).await, ExitCode::from(2));
    journal.done("UPDATE audit SET event = 'agent.stopped'").await;
    assert_eq!(verify().await, ExitCode::from(1));
    assert_eq!(export(None).await, ExitCode::SUCCESS, "what stands there can be looked at");
}

#[tokio::test]
async fn an_open_breaker_is_a_finding_and_is_released_once_beside_a_running_agent() {
    let folder = Folder::new("cli-breaker");
    let settings = settings(&folder);
    let show = async |json| done(Command::Breaker(BreakerCommand::Show { json }), &settings).await;
    let release =
        async |json| done(Command::Breaker(BreakerCommand::Release { json }), &settings).await;
    std::fs::create_dir_all(&settings.state_dir).unwrap();
    assert_eq!(show(false).await, ExitCode::from(3), "there is no journal yet");
    assert_eq!(release(false).await, ExitCode::from(3));
    assert!(std::fs::read_dir(&settings.state_dir).unwrap().next().is_none(), "none is made");
    let now = Timestamp::from_millis(1_800_000_000_000);
    // As a running agent has it open.
    let journal = Journal::create(&settings.state_dir, now).await.unwrap();
    for json in [false, true] {
        assert_eq!(show(json).await, ExitCode::SUCCESS);
        assert_eq!(release(json).await, ExitCode::from(1), "there is nothing to release");
        journal.open_breaker(&Event::of_agent("breaker.opened", json!({})), now).await.unwrap();
        assert_eq!(show(json).await, ExitCode::from(1));
        assert_eq!(release(json).await, ExitCode::SUCCESS);
        assert_eq!(journal.breaker().await.unwrap().opened_at, None);
    }
    let (entries, verified) = crate::audit::read(&settings.state_dir).await.unwrap();
    assert_eq!(verified.wrong, None);
    let names: Vec<_> = entries.iter().map(|entry| entry.event.name.as_str()).collect();
    assert_eq!(names, ["breaker.opened", "breaker.released", "breaker.opened", "breaker.released"]);
}
