//! The agent, but killed with SIGKILL as soon as a request has reached the named step
//! (`docs/decisions/0004`): `passback-agent-crashing STEP ARGUMENTS-OF-PASSBACK-AGENT…`.

use std::process::{Command, ExitCode};
use std::sync::Arc;

use agent::cli::Cli;
use agent::steps::{Step, StepWatch};
use clap::Parser as _;
use futures_util::future::BoxFuture;

/// Kills this process at one step.
struct KillAt(Step);

impl StepWatch for KillAt {
    fn reached(&self, step: Step) -> BoxFuture<'_, ()> {
        if step != self.0 {
            return Box::pin(std::future::ready(()));
        }
        // Nobody of this process has a say any more: no destructor, no flush.
        let pid = std::process::id().to_string();
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        loop {
            std::thread::park();
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let Some(step) = arguments.next().and_then(|name| Step::from_name(&name)) else {
        return ExitCode::from(2);
    };
    command::log();
    let cli = Cli::parse_from(std::iter::once(program).chain(arguments));
    agent::cli::main_watched(cli, Arc::new(KillAt(step))).await
}
