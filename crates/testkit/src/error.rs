//! What can go wrong with a stack or a visit: one line each, what it is and what to do.

use std::io;
use std::path::{Path, PathBuf};

use lab::LabError;

/// Why a stack does not run, or why a visit did not get an answer.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The lab, or an LDAP client of it.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// What is served in place of a lab.
    #[error("the embedded directory: {0}")]
    Embedded(String),
    /// Tests and demo run the binaries of the same build.
    #[error("{} is not built: run `cargo build --workspace --bins`", .0.display())]
    NotBuilt(PathBuf),
    /// The mail server is Debian's.
    #[error("a package is missing: run `apt-get install {0}` as root")]
    Missing(&'static str),
    /// A process ended by itself.
    #[error("{name} ended: {last} (log: {})", .log.display())]
    Ended {
        /// Which one.
        name: String,
        /// The last line of its log.
        last: String,
        /// Its log.
        log: PathBuf,
    },
    /// Something was waited for.
    #[error("{what} within {seconds} s: read {}", .log.display())]
    Late {
        /// What did not happen.
        what: String,
        /// How long it was waited for.
        seconds: u64,
        /// Where to look for the cause.
        log: PathBuf,
    },
    /// A command was refused.
    #[error("`{command}` ended with code {code}: {text}")]
    Command {
        /// What was run.
        command: String,
        /// Its exit code.
        code: i32,
        /// The last line of what it said.
        text: String,
    },
    /// An HTTPS request did not come to an answer.
    #[error("the cloud service did not answer {path}: {cause}")]
    NoAnswer {
        /// What was asked.
        path: String,
        /// What the client said.
        cause: String,
    },
    /// An answer is not one that this crate understands.
    #[error("{0}")]
    NotUnderstood(String),
    /// The demo's own finding: something is not as it must be.
    #[error("{0}")]
    NotProven(String),
    /// Ctrl-C or SIGTERM.
    #[error("interrupted: nothing is left running")]
    Interrupted,
    /// Anything else that the system refused.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StackError {
    /// Turns what the system said into an error; usable as
    /// `.map_err(StackError::io("reading", path))`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// The exit code of INTERFACES "Commands": 1 a finding, 3 unavailable, 4 configuration.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotProven(_) | Self::NotUnderstood(_) => 1,
            Self::NotBuilt(_) | Self::Missing(_) => 4,
            Self::Lab(
                LabError::Missing(_) | LabError::OldSamba { .. } | LabError::Unreadable(_),
            ) => 4,
            _ => 3,
        }
    }
}
