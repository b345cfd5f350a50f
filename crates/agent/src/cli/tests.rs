use std::time::Duration;

use super::*;
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
