//! What the demo stands on: a real Active Directory where that can be had, or the embedded one.

use std::sync::atomic::{AtomicBool, Ordering};

use lab::{Forest, Lab, LabError, LabOptions, Watch};

use crate::demo::screen::Screen;
use crate::{Embedded, MailServer, StackError};

/// Both, so that there is everybody of the ready file: one person is in two forests.
const FORESTS: u8 = 2;

/// Which directory is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A real one, or nothing.
    Real,
    /// The embedded one.
    Embedded,
    /// A real one where that can be had, else the embedded one.
    Whichever,
}

/// The directory that was started; it ends when this value is dropped.
pub(super) enum Ground {
    Real(Box<Lab>),
    Embedded(Box<Embedded>),
}

impl Ground {
    /// Starts what is wanted, and says at the top what it is.
    pub(super) fn start(
        wanted: Wanted,
        screen: &Screen<'_>,
        stop: &AtomicBool,
    ) -> Result<Self, StackError> {
        let told = |reason: &StackError| {
            // Ctrl-C is no reason for another directory.
            let stopped = stop.load(Ordering::SeqCst);
            if !stopped {
                screen.loud(&[
                    "NO REAL ACTIVE DIRECTORY: the demo goes on with the embedded one.",
                    &reason.to_string(),
                    "With --real it would have stopped here.",
                ]);
            }
            !stopped
        };
        let real = || {
            let if_any = if wanted == Wanted::Whichever { ", if there can be one" } else { "" };
            screen.line(&format!(
                "REAL Active Directory (Samba){if_any}; all else is real, too. Without root: --embedded"
            ));
            Self::real(screen, stop)
        };
        choose(wanted, real, || Self::embedded(screen), told)
    }

    fn real(screen: &Screen<'_>, stop: &AtomicBool) -> Result<Self, StackError> {
        screen.step("Starting the Active Directory", |say| {
            // Before minutes are spent on what would not be used.
            MailServer::Debians.check()?;
            let options = LabOptions { forests: FORESTS, ..LabOptions::default() };
            let lab = Lab::start_with(&options, Watch { progress: say, stop })?;
            Ok(Self::Real(Box::new(lab)))
        })
    }

    fn embedded(screen: &Screen<'_>) -> Result<Self, StackError> {
        screen.line(
            "EMBEDDED directory; cloud service, agent, LDAPS and mail are real. Real AD: --real, as root",
        );
        screen.step("Starting the embedded directory", |_| {
            Ok(Self::Embedded(Box::new(Embedded::start(FORESTS)?)))
        })
    }

    /// The first forest, which names the others.
    pub(super) fn forest(&self) -> &Forest {
        match self {
            Self::Real(lab) => lab.forest(),
            Self::Embedded(embedded) => embedded.forest(),
        }
    }

    /// Who takes the mails: with the embedded directory nothing need be installed.
    pub(super) fn mail(&self) -> MailServer {
        match self {
            Self::Real(_) => MailServer::Debians,
            Self::Embedded(_) => MailServer::present(),
        }
    }

    /// What to call it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Real(_) => "Active Directory",
            Self::Embedded(_) => "Embedded directory",
        }
    }

    /// Fails if it has ended by itself.
    pub(super) fn check(&mut self) -> Result<(), StackError> {
        let Self::Real(lab) = self else { return Ok(()) };
        if lab.is_running() {
            return Ok(());
        }
        let log = lab.forest().log.clone();
        Err(LabError::Controller { what: "stopped by itself", log }.into())
    }
}

/// What is wanted, or what there is; `told` hears why it is not the real one, and says whether the
/// other is to be started.
fn choose<T>(
    wanted: Wanted,
    real: impl FnOnce() -> Result<T, StackError>,
    embedded: impl FnOnce() -> Result<T, StackError>,
    told: impl FnOnce(&StackError) -> bool,
) -> Result<T, StackError> {
    match wanted {
        Wanted::Real => real(),
        Wanted::Embedded => embedded(),
        Wanted::Whichever => match real() {
            Err(reason) if told(&reason) => embedded(),
            started => started,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: Wanted, real: Result<&'static str, StackError>) -> (String, Vec<String>) {
        let mut heard = Vec::new();
        let told = |reason: &StackError| {
            heard.push(reason.to_string());
            !matches!(reason, StackError::Interrupted)
        };
        let chosen = choose(wanted, || real, || Ok("embedded"), told);
        (chosen.map_or_else(|error| format!("exit {}", error.exit_code()), str::to_owned), heard)
    }

    #[test]
    fn the_embedded_one_takes_the_place_of_the_real_one_unless_that_must_be() {
        let not_root = || Err(StackError::from(LabError::NotRoot));
        let missing = || Err(StackError::Missing("python3-aiosmtpd"));
        let quiet = Vec::<String>::new;
        assert_eq!(chosen(Wanted::Embedded, not_root()), ("embedded".into(), quiet()));
        assert_eq!(chosen(Wanted::Real, not_root()), ("exit 3".into(), quiet()));
        assert_eq!(chosen(Wanted::Real, missing()), ("exit 4".into(), quiet()));
        assert_eq!(chosen(Wanted::Whichever, Ok("real")), ("real".into(), quiet()));
        let (started, heard) = chosen(Wanted::Whichever, not_root());
        assert_eq!(started, "embedded");
        assert!(heard[0].contains("needs root"), "{heard:?}");
    }

    #[test]
    fn whoever_is_interrupted_gets_no_other_directory() {
        let (ended, _) = chosen(Wanted::Whichever, Err(StackError::Interrupted));
        assert_eq!(ended, "exit 3");
    }
}
