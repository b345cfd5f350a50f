//! What both programs' command lines have in common: exit codes, how a failure is said, logging,
//! being told to stop, and how an audit trail is shown ([`trail`]).
//!
//! | code | means |
//! |---|---|
//! | 0 | done |
//! | 1 | a finding or a refusal |
//! | 2 | usage (clap's own) |
//! | 3 | unavailable: something that is needed cannot be reached or used |
//! | 4 | configuration |

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test reports a broken expectation by panicking"
    )
)]

pub mod ask;
pub mod trail;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Why a command did not do what it was told: one line, and the exit code for it.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A finding or a refusal.
    pub fn refused(message: impl Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// The command line asks for something that cannot be.
    pub fn usage(message: impl Display) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// Something that is needed cannot be reached or used.
    pub fn unavailable(message: impl Display) -> Self {
        Self { code: 3, message: message.to_string() }
    }

    /// The configuration, or a file that it names, is wrong.
    pub fn configuration(message: impl Display) -> Self {
        Self { code: 4, message: message.to_string() }
    }

    /// The exit code for it.
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Its line, for whoever tells it in another form.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// The end of a program: says what went wrong, if anything did.
pub fn end(program: &str, done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{program}: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Writes to standard output.
///
/// # Errors
/// If nobody reads it any more.
pub fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::unavailable)
}

/// Writes the log to standard error, one JSON object per line. `RUST_LOG` narrows or widens it;
/// what must never be logged is not logged at any level.
pub fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Returns when the program is asked to stop: SIGTERM or Ctrl-C.
#[cfg(unix)]
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Returns when the program is asked to stop: Ctrl-C.
#[cfg(not(unix))]
pub async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}
