//! The binary `passback-agent`.

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = agent::cli::Cli::parse();
    // RUST_LOG narrows or widens; what must never be logged is not logged at any level.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    agent::cli::main(cli).await
}
