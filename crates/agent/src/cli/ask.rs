//! Questions to whoever sits at the terminal.

use std::io::IsTerminal as _;
use std::path::Path;

use command::Failure;
pub(super) use command::ask::{line, whether};
use inquire::{InquireError, Password, PasswordDisplayMode};
use protocol::ClearPassword;
use zeroize::Zeroizing;

/// A password: the one line of a file, or typed without being shown.
///
/// # Errors
/// If the file cannot be read, or if there is no terminal to ask at.
pub(super) fn password(login: &str, file: Option<&Path>) -> Result<ClearPassword, Failure> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path).map(Zeroizing::new).map_err(|cause| {
            Failure::configuration(format!("cannot read {}: {cause}", path.display()))
        })?,
        None => typed(login)?,
    };
    ClearPassword::from_text(text.trim_end_matches(['\r', '\n']))
        .map_err(|_| Failure::usage(format!("there is no password for {login} on one line")))
}

/// Typed, and not shown. Asked at standard error, too.
fn typed(login: &str) -> Result<Zeroizing<String>, Failure> {
    let nowhere = || Failure::usage("there is no terminal to ask at: add --password-file");
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(nowhere());
    }
    let question = format!("Password of {login}:");
    let hidden = Password::new(&question).with_display_mode(PasswordDisplayMode::Hidden);
    // Not typed twice: a wrong one is refused by the directory.
    match hidden.without_confirmation().prompt() {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(InquireError::NotTTY) => Err(nowhere()),
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
            Err(Failure::refused("no password was given: nothing was changed"))
        }
        Err(error) => Err(Failure::unavailable(error)),
    }
}
