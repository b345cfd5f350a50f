//! `passback-mail-sink`: the mail server of a stack on a machine where none is installed.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use testkit::sink::Sink;

/// Takes every mail and keeps it in a Maildir.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// The certificate (PEM).
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The certificate's key (PEM).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the mails go.
    #[arg(long, value_name = "DIRECTORY")]
    maildir: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { listen, certificate, key, maildir } = Arguments::parse();
    let sink = Sink { listen, certificate, key, maildir };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.and_then(|runtime| runtime.block_on(sink.serve()));
    if let Err(error) = ended {
        let _ = writeln!(std::io::stderr(), "error: mail at {listen}: {error}");
    }
    ExitCode::from(3)
}
