//! A shared key that stands in a file, and tokens made with it.
//!
//! The file is read whenever a token is made: where the key in it was replaced, the next token is
//! made with the new one, and nothing is restarted. What is in it is never kept or logged.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use protocol::{Clock, Timestamp};
use zeroize::Zeroizing;

use super::sas;
use crate::listener::TokenSource;

/// The longest key, in bytes. Those of Azure Relay have 44.
const KEY_MAX: usize = 1_024;

/// The name of a rule, and where its key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    rule: String,
    path: PathBuf,
}

/// Why there is no key. The message names the file and nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Nothing, or white space only.
    #[error("{} is empty: it must hold the shared key, on one line", .0.display())]
    Empty(PathBuf),
    /// More than one line, or not a text.
    #[error("{} does not hold a key: it must be one line of text and nothing else", .0.display())]
    NotOneLine(PathBuf),
}

impl KeyFile {
    /// The rule `rule`, whose key stands in the file at `path`. Reads nothing yet.
    pub fn new(rule: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { rule: rule.into(), path: path.into() }
    }

    /// The name of the rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Where the key stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a key at this moment.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn check(&self) -> Result<(), KeyFileError> {
        self.read().map(drop)
    }

    /// Makes a token for `resource`, as [`sas::mint`] does.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn token(&self, resource: &str, expires_at: Timestamp) -> Result<String, KeyFileError> {
        let key = self.read()?;
        Ok(sas::mint(resource, &self.rule, &key, expires_at))
    }

    /// The key, less the end of its line: editors and `echo` put one there, and no key has one.
    fn read(&self) -> Result<Zeroizing<String>, KeyFileError> {
        let failed = |cause| KeyFileError::Unreadable { path: self.path.clone(), cause };
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_MAX + 1));
        let file = File::open(&self.path).map_err(failed)?;
        file.take(KEY_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        let not_one_line = || KeyFileError::NotOneLine(self.path.clone());
        let text = std::str::from_utf8(&bytes).map_err(|_| not_one_line())?;
        match text.trim() {
            "" => Err(KeyFileError::Empty(self.path.clone())),
            key if bytes.len() > KEY_MAX || key.chars().any(char::is_control) => {
                Err(not_one_line())
            }
            key => Ok(Zeroizing::new(key.to_owned())),
        }
    }
}

/// Tokens of a shared key with the right to listen.
pub struct SharedKeyTokens {
    /// The rule, and where its key stands.
    pub key: KeyFile,
    /// What tokens are made for: [`RelayAddress::resource`](crate::RelayAddress::resource).
    pub resource: String,
    /// How long each holds.
    pub lifetime: Duration,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl TokenSource for SharedKeyTokens {
    fn token(&self) -> Result<(String, Timestamp), String> {
        let expires_at = self.clock.now().after(self.lifetime);
        let token = self.key.token(&self.resource, expires_at);
        token.map(|token| (token, expires_at)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Right;
    use super::super::sas::{Rule, verify};
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCB2ZWN0b3Iga2V5IDE=";

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("passback-key-file-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn key(&self, content: &[u8]) -> KeyFile {
            let path = self.0.join("send.key");
            fs::write(&path, content).unwrap();
            KeyFile::new("a rule", path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn rules(key: &str) -> [Rule; 1] {
        [Rule::new("a rule", key.to_owned().into(), None, vec![Right::Send])]
    }

    #[test]
    fn a_key_with_the_end_of_a_line_is_the_key() {
        let folder = Folder::new("line");
        for end in ["", "\n", "\r\n", " \n\n"] {
            let file = folder.key(format!("{KEY}{end}").as_bytes());
            let token = file.token("http://h/e", NOW.after(Duration::from_secs(60))).unwrap();
            assert!(verify(&token, &rules(KEY), NOW).is_ok(), "{end:?}");
        }
    }

    #[test]
    fn a_replaced_key_is_used_with_the_next_token() {
        let folder = Folder::new("replaced");
        let file = folder.key(KEY.as_bytes());
        let make = || file.token("http://h/e", NOW.after(Duration::from_secs(60))).unwrap();
        assert!(verify(&make(), &rules(KEY), NOW).is_ok());
        folder.key(b"another key\n");
        assert!(verify(&make(), &rules(KEY), NOW).is_err());
        assert!(verify(&make(), &rules("another key"), NOW).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file_and_without_the_key() {
        let folder = Folder::new("wrong");
        let said = |file: &KeyFile| file.check().unwrap_err().to_string();
        assert!(said(&folder.key(b"")).contains("is empty"));
        assert!(said(&folder.key(b" \n")).contains("is empty"));
        for content in [format!("{KEY}\n{KEY}").into_bytes(), vec![0xff; 44], vec![b'k'; 1_025]] {
            let text = said(&folder.key(&content));
            assert!(text.contains("one line") && text.contains("send.key"), "{text}");
            assert!(!text.contains(KEY), "{text}");
        }
        let missing = said(&KeyFile::new("a rule", folder.0.join("nowhere.key")));
        assert!(missing.contains("cannot read") && missing.contains("nowhere.key"), "{missing}");
        assert!(said(&KeyFile::new("a rule", &folder.0)).contains("cannot read"), "a directory");
        assert!(!format!("{:?}", folder.key(KEY.as_bytes())).contains(KEY));
    }
}
