//! Who takes the mails of a stack.

use std::path::Path;

use crate::StackError;
use crate::stack::layout::built;

/// The interpreter of Debian's own packages, whatever else is called python3.
const PYTHON: &str = "/usr/bin/python3";
/// What shows that Debian's mail server is installed.
const AIOSMTPD: &str = "/usr/lib/python3/dist-packages/aiosmtpd";

/// A mail server; either keeps every mail in a Maildir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailServer {
    /// Debian's python3-aiosmtpd: a mail server that is not ours.
    Debians,
    /// [`crate::sink`], where nothing may be installed.
    Own,
}

impl MailServer {
    /// Debian's if it is installed, else our own.
    pub fn present() -> Self {
        if Self::Debians.check().is_ok() { Self::Debians } else { Self::Own }
    }

    /// Whether it can be started.
    ///
    /// # Errors
    ///
    /// [`StackError::Missing`], [`StackError::NotBuilt`].
    pub fn check(self) -> Result<(), StackError> {
        match self {
            Self::Debians if Path::new(AIOSMTPD).exists() => Ok(()),
            Self::Debians => Err(StackError::Missing("python3-aiosmtpd")),
            Self::Own => built("passback-mail-sink").map(drop),
        }
    }

    /// What starts it in the directory of a stack.
    pub(super) fn argv(self, listen: &str, directory: &Path) -> Result<Vec<String>, StackError> {
        let path = |name: &str| directory.join(name).display().to_string();
        let (certificate, key) = (path("server.pem"), path("server.key"));
        let maildir = path("mail/Maildir");
        let sink;
        let argv = match self {
            Self::Debians => vec![
                PYTHON,
                "-m",
                "aiosmtpd",
                // Without this it would give up root, and could not read the key.
                "-n",
                "-l",
                listen,
                "--tlscert",
                &certificate,
                "--tlskey",
                &key,
                "-c",
                "aiosmtpd.handlers.Mailbox",
                &maildir,
            ],
            Self::Own => {
                sink = built("passback-mail-sink")?.display().to_string();
                let of = ["--listen", listen, "--certificate", &certificate, "--key", &key];
                [&[sink.as_str()], of.as_slice(), &["--maildir", &maildir]].concat()
            }
        };
        Ok(argv.into_iter().map(str::to_owned).collect())
    }
}
