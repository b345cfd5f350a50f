//! The binary `passback`.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cloud::cli::Cli::parse();
    command::log();
    cloud::cli::run(cli).await
}
