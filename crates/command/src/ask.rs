//! Questions to whoever sits at the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::Failure;

/// A question whose answer is yes or no; anything but yes is no.
///
/// # Errors
/// If there is no terminal: the answer is an option then.
pub fn whether(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(format!("{question} There is nobody to ask: add --yes")));
    }
    let answer = line(&format!("{question} [y/N]"))?;
    Ok(matches!(answer.to_lowercase().as_str(), "y" | "yes" | "j" | "ja"))
}

/// A line. Asked at standard error: standard output may be read by a program.
///
/// # Errors
/// If nobody answers.
pub fn line(question: &str) -> Result<String, Failure> {
    let mut error = std::io::stderr();
    write!(error, "{question}: ").and_then(|()| error.flush()).map_err(Failure::unavailable)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::unavailable)?;
    let answer = answer.trim();
    if answer.is_empty() {
        return Err(Failure::usage(format!("{question}: there was no answer")));
    }
    Ok(answer.to_owned())
}
