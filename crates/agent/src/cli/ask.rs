//! Questions to whoever sits at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use command::Failure;
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
/// If the file cannot be read, or if there is no terminal that can be told not to show it.
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

fn typed(login: &str) -> Result<Zeroizing<String>, Failure> {
    let unseen = Unseen::begin()
        .ok_or_else(|| Failure::usage("there is no terminal to ask at: add --password-file"))?;
    let text = read(&format!("Password of {login}"));
    drop(unseen);
    let _ = writeln!(std::io::stderr());
    text
}

/// Questions go to standard error: standard output may be read by a program.
fn read(question: &str) -> Result<Zeroizing<String>, Failure> {
    let mut error = std::io::stderr();
    write!(error, "{question}: ").and_then(|()| error.flush()).map_err(Failure::unavailable)?;
    let mut answer = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::unavailable)?;
    Ok(answer)
}

/// As long as this lives, the terminal does not show what is typed.
struct Unseen;

impl Unseen {
    /// None where there is no terminal, or none that can be told.
    fn begin() -> Option<Self> {
        (std::io::stdin().is_terminal() && stty("-echo")).then_some(Self)
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// The system's own program for it; on a system without it, passwords come from files.
fn stty(argument: &str) -> bool {
    let status = Command::new("stty").arg(argument).stdin(Stdio::inherit()).status();
    status.is_ok_and(|status| status.success())
}
