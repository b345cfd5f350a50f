//! Questions to whoever sits at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use command::Failure;
use inquire::{InquireError, Password, PasswordDisplayMode};
use protocol::ClearPassword;
use zeroize::Zeroizing;

/// A question whose answer is yes or no; anything but yes is no.
///
/// # Errors
/// If there is no terminal: the answer is an option then.
pub(super) fn whether(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{question} There is nobody to ask: add --yes")));
    }
    let answer = line(&format!("{question} [y/N]"))?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes" | "j" | "ja"))
}

/// A line.
///
/// # Errors
/// If nobody answers.
pub(super) fn line(question: &str) -> Result<String, Failure> {
    let answer = read(question)?;
    let answer = answer.trim();
    if answer.is_empty() {
        return Err(Failure::usage(format!("{question}: there was no answer")));
    }
    Ok(answer.to_owned())
}

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

/// Questions go to standard error: standard output may be read by a program.
fn read(question: &str) -> Result<String, Failure> {
    let mut error = std::io::stderr();
    write!(error, "{question}: ").and_then(|()| error.flush()).map_err(Failure::unavailable)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::unavailable)?;
    Ok(answer)
}
