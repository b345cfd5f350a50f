//! The binary `passback-agent`.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = agent::cli::Cli::parse();
    command::log();
    agent::cli::main(cli).await
}
