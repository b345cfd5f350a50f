//! The mails that a stack's mail server took: a Maildir, one file for each mail.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{StackError, wait};

/// The mails so far.
#[derive(Debug, Clone)]
pub struct Outbox {
    directory: PathBuf,
}

/// Which mails were there at a moment, so that a later one can be told apart.
#[derive(Debug, Clone, Default)]
pub struct Mark(BTreeSet<OsString>);

/// A mail as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address in `To`.
    pub to: String,
    /// The subject, as it stands in the header.
    pub subject: String,
    /// The text, decoded.
    pub text: String,
}

impl Mail {
    /// The code: a line of six digits alone (INTERFACES "Pages without a browser").
    pub fn code(&self) -> Option<&str> {
        let digits =
            |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
        self.text.lines().map(str::trim_end).find(digits)
    }
}

impl Outbox {
    /// The mails in the `new` folder of a Maildir.
    pub(crate) fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Where the mails are, one file for each.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is there now.
    pub fn mark(&self) -> Mark {
        Mark(self.files().into_iter().map(|(_, name)| name).collect())
    }

    /// The mails to an address that came after `mark`, oldest first.
    pub fn mails_since(&self, mark: &Mark, to: &str) -> Vec<Mail> {
        self.files()
            .into_iter()
            .filter(|(_, name)| !mark.0.contains(name))
            .filter_map(|(_, name)| fs::read_to_string(self.directory.join(name)).ok())
            .map(|text| read(&text))
            .filter(|mail| mail.to.eq_ignore_ascii_case(to))
            .collect()
    }

    /// Waits for a mail to an address that came after `mark` and is the one looked for.
    ///
    /// # Errors
    ///
    /// [`StackError::Late`].
    pub fn await_mail(
        &self,
        mark: &Mark,
        to: &str,
        limit: Duration,
        wanted: impl Fn(&Mail) -> bool,
    ) -> Result<Mail, StackError> {
        let what = format!("no such mail came to {to}");
        wait::until(&what, limit, &self.directory, None, || {
            Ok(self.mails_since(mark, to).into_iter().rfind(&wanted))
        })
    }

    /// Waits for the newest code to an address that came after `mark`.
    ///
    /// # Errors
    ///
    /// [`StackError::Late`].
    pub fn await_code(&self, mark: &Mark, to: &str) -> Result<String, StackError> {
        let limit = Duration::from_secs(15);
        let mail = self.await_mail(mark, to, limit, |mail| mail.code().is_some())?;
        Ok(mail.code().unwrap_or_default().to_owned())
    }

    /// The files, oldest first.
    fn files(&self) -> Vec<(SystemTime, OsString)> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.file_name())))
            .collect();
        files.sort();
        files
    }
}

/// Reads a mail of one part (RFC 5322, RFC 2045).
fn read(mail: &str) -> Mail {
    let mail = mail.replace("\r\n", "\n");
    let (head, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let text = match header("Content-Transfer-Encoding").to_ascii_lowercase().as_str() {
        "quoted-printable" => quoted_printable(body),
        "base64" => {
            STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap_or_default()
        }
        _ => body.as_bytes().to_vec(),
    };
    Mail {
        to: header("To").trim_matches(['<', '>']).to_owned(),
        subject: header("Subject"),
        text: String::from_utf8_lossy(&text).replace("\r\n", "\n"),
    }
}

/// RFC 2045, 6.7.
fn quoted_printable(text: &str) -> Vec<u8> {
    let text = text.replace("=\n", "");
    let mut parts = text.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let octet = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match octet {
            Some(octet) => {
                bytes.push(octet);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'=');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_every_encoding_that_mailers_choose() {
        let plain = "To: a@home.test\nSubject: s\n\nYour code\n123456\nfive minutes, 12345678\n";
        assert_eq!(read(plain).code(), Some("123456"));
        let quoted = "To: <a@home.test>\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                      Zo=C3=AB, your code is=\r\n here\r\n654321\r\n=3D\r\n";
        let mail = read(quoted);
        assert_eq!(mail.to, "a@home.test");
        assert_eq!(mail.text, "Zoë, your code is here\n654321\n=\n");
        assert_eq!(mail.code(), Some("654321"));
        let encoded = STANDARD.encode("Zoë\r\n111222\r\n");
        let encoded = format!("to: a@home.test\ncontent-transfer-encoding: BASE64\n\n{encoded}\n");
        assert_eq!(read(&encoded).code(), Some("111222"));
    }

    #[test]
    fn six_digits_within_a_line_are_no_code() {
        assert_eq!(read("To: a@b\n\nOn 123456 it rained\n").code(), None);
        assert_eq!(read("To: a@b\n\n1234567\n").code(), None);
    }
}
