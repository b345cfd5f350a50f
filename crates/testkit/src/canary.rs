//! Looks for a secret in bytes and files, in every form in which one could have slipped through
//! (THREATS, "Numbers").

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::StackError;

/// A secret to look for, in all its forms.
pub struct Canary {
    // None of them is empty.
    forms: Vec<(&'static str, Vec<u8>)>,
}

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// The form.
    pub form: &'static str,
}

impl Canary {
    /// Prepares looking for a secret: in UTF-8 and UTF-16LE, both also in base64 (of both
    /// alphabets, wherever it starts within a larger whole) and in hexadecimal, and escaped for
    /// addresses, forms and JSON. An empty secret is nowhere.
    pub fn new(secret: &str) -> Self {
        let utf8 = secret.as_bytes().to_vec();
        let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut forms = Vec::new();
        for (plain, encoded, hex, bytes) in [
            ("UTF-8", "base64 of UTF-8", "hexadecimal of UTF-8", &utf8),
            ("UTF-16LE", "base64 of UTF-16LE", "hexadecimal of UTF-16LE", &utf16),
        ] {
            for offset in 0..3 {
                forms.extend(base64_within(bytes, offset).map(|text| (encoded, text)));
            }
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            forms.push((hex, digits.to_uppercase().into_bytes()));
            forms.push((hex, digits.into_bytes()));
            forms.push((plain, bytes.clone()));
        }
        // What is left as it is: in addresses, forms, scripts, nothing.
        for unreserved in ["-_.~", "-_.*", "-_.!~*'()", ""] {
            for upper in [false, true] {
                let escaped = percent(&utf8, unreserved, upper);
                forms.push(("percent-escaped", escaped.replace("%20", "+").into_bytes()));
                forms.push(("percent-escaped", escaped.into_bytes()));
            }
        }
        for ascii_only in [false, true] {
            forms.push(("JSON-escaped", json(secret, ascii_only).into_bytes()));
        }
        forms.retain(|(_, form): &(_, Vec<u8>)| !form.is_empty());
        Self { forms }
    }

    /// The form in which the bytes hold the secret, if they do.
    pub fn in_bytes(&self, bytes: &[u8]) -> Option<&'static str> {
        // Databases have megabytes: one pass, which looks closer only where a form may begin.
        let mut begins = [false; 256];
        for (_, form) in &self.forms {
            begins[usize::from(form[0])] = true;
        }
        let starts = (0..bytes.len()).filter(|at| begins[usize::from(bytes[*at])]);
        starts
            .flat_map(|at| self.forms.iter().filter(move |(_, form)| bytes[at..].starts_with(form)))
            .map(|(name, _)| *name)
            .next()
    }

    /// Every file below a directory that holds the secret, in content or name.
    ///
    /// # Errors
    ///
    /// If a file cannot be read: what was not looked at proves nothing.
    pub fn in_files(&self, directory: &Path) -> Result<Vec<Found>, StackError> {
        let mut found = Vec::new();
        let entries = fs::read_dir(directory).map_err(StackError::io("reading", directory))?;
        for entry in entries {
            let entry = entry.map_err(StackError::io("reading", directory))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(StackError::io("reading", &path))?;
            let mut forms = Vec::from_iter(self.in_bytes(path.as_os_str().as_encoded_bytes()));
            if kind.is_dir() {
                found.extend(self.in_files(&path)?);
            } else if kind.is_file() {
                match fs::read(&path) {
                    Ok(content) => forms.extend(self.in_bytes(&content)),
                    // Databases remove their journals while we look.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(StackError::io("reading", &path)(error)),
                }
            }
            found.extend(forms.into_iter().map(|form| Found { path: path.clone(), form }));
        }
        Ok(found)
    }
}

/// The characters that every base64 text has in it when the bytes stand in the encoded whole at
/// that offset: the ones that no neighbour has a part in.
fn base64_within(bytes: &[u8], offset: usize) -> [Vec<u8>; 2] {
    let mut whole = vec![0; offset];
    whole.extend_from_slice(bytes);
    // Six bits a character: the first ones hold some of the offset, the last some of what follows.
    let (from, to) = ((offset * 8).div_ceil(6), whole.len() * 8 / 6);
    [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)]
        .map(|text| text.as_bytes()[from..to].to_vec())
}

fn percent(bytes: &[u8], unreserved: &str, upper: bool) -> String {
    let escape = |byte: &u8| {
        if byte.is_ascii_alphanumeric() || unreserved.as_bytes().contains(byte) {
            char::from(*byte).to_string()
        } else if upper {
            format!("%{byte:02X}")
        } else {
            format!("%{byte:02x}")
        }
    };
    bytes.iter().map(escape).collect()
}

fn json(text: &str, ascii_only: bool) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            _ if ascii_only && !character.is_ascii() => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Canary \"Zoë\" 😀/2025";

    #[test]
    fn a_planted_secret_is_found_in_every_form() {
        let canary = Canary::new(SECRET);
        let utf16: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut planted = vec![
            format!("…{SECRET}…").into_bytes(),
            [b"x".as_slice(), &utf16, b"y"].concat(),
            br#"{"p":"Canary \"Zo\u00eb\" \ud83d\ude00/2025"}"#.to_vec(),
            serde_json::to_vec(SECRET).unwrap(),
            b"password=Canary+%22Zo%C3%AB%22+%F0%9F%98%80%2F2025&x=1".to_vec(),
            b"/x?p=Canary%20%22Zo%c3%ab%22%20%f0%9f%98%80%2f2025".to_vec(),
        ];
        for before in 0..4 {
            for plain in [SECRET.as_bytes(), &utf16] {
                let whole = [&vec![0xff; before], plain, &[0xff; 5]].concat();
                planted.push(STANDARD_NO_PAD.encode(&whole).into_bytes());
                planted.push(URL_SAFE_NO_PAD.encode(&whole).into_bytes());
            }
        }
        for bytes in planted {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert!(canary.in_bytes(&bytes).is_some(), "{shown}");
        }
    }

    #[test]
    fn what_is_like_the_secret_is_not_it() {
        let canary = Canary::new(SECRET);
        assert_eq!(canary.in_bytes(b"Canary \"Zo\" 2025, canary, Canary+%22Zo"), None);
        assert_eq!(canary.in_bytes(b""), None);
    }

    #[test]
    fn a_secret_planted_in_a_file_is_found_below_the_directory() {
        let top = std::env::temp_dir().join(format!("passback-canary-{}", std::process::id()));
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::write(top.join("a/b/clean.log"), "nothing").unwrap();
        let canary = Canary::new(SECRET);
        assert_eq!(canary.in_files(&top).unwrap(), []);
        let file = top.join("a/b/state.db-wal");
        fs::write(&file, [b"\0\0".as_slice(), SECRET.as_bytes()].concat()).unwrap();
        let found = canary.in_files(&top);
        fs::remove_dir_all(&top).unwrap();
        assert_eq!(found.unwrap(), [Found { path: file, form: "UTF-8" }]);
    }
}
