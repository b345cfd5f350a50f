//! What tests ask of a forest, through the LDAP clients of OpenLDAP: a proof by programs that
//! are not ours.
//!
//! Passwords stand in their arguments, where everybody on the machine can see them: a lab has
//! no secrets.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Credentials, Forest, LabError};

/// The policy-hints control, critical, as [`Forest::modify_as`] takes it: with it a reset obeys
/// history (SPEC D-2). The value, in base64, is a BER SEQUENCE of INTEGER 1.
pub const POLICY_HINTS: &str = "!1.2.840.113556.1.4.2239=MAMCAQE=";

/// The exit code of OpenLDAP's clients when they did not get as far as an answer.
const NO_ANSWER: i32 = -1;

/// What a sign-in was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// The password is right, and the account may sign in.
    Accepted,
    /// Refused, with the sub-code of the text (SPEC D-10): "52e" is a wrong password.
    Refused {
        /// In hexadecimal, as it was sent; empty where there was none.
        sub_code: String,
    },
}

/// What a change of an entry was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is done.
    Done,
    /// Nothing has changed.
    Refused {
        /// The LDAP result code.
        code: i32,
        /// What the client said, on one line.
        text: String,
    },
}

/// An entry as a search found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The distinguished name.
    pub dn: String,
    /// Attributes by name; one with several values is here several times.
    pub attributes: Vec<(String, Vec<u8>)>,
}

impl Entry {
    /// The first value of an attribute, whatever the case of its name.
    pub fn value(&self, attribute: &str) -> Option<&[u8]> {
        let mut attributes = self.attributes.iter();
        attributes.find(|(name, _)| name.eq_ignore_ascii_case(attribute)).map(|(_, v)| v.as_slice())
    }

    /// The first value of an attribute as text.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        std::str::from_utf8(self.value(attribute)?).ok()
    }

    /// `objectGUID` as AD writes it: the first three fields are little-endian (MS-DTYP 2.3.4.2).
    pub fn object_guid(&self) -> Option<String> {
        let bytes: [u8; 16] = self.value("objectGUID")?.try_into().ok()?;
        let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (clock, node) = rest.split_at(2);
        Some([hex(&[d, c, b, a]), hex(&[f, e]), hex(&[h, g]), hex(clock), hex(node)].join("-"))
    }
}

impl Forest {
    /// Signs in with a simple bind: the login may be a `sAMAccountName`, a
    /// `userPrincipalName`, or a distinguished name.
    ///
    /// # Errors
    ///
    /// If the client did not get as far as an answer.
    pub fn bind(&self, login: &str, password: &str) -> Result<Bound, LabError> {
        let who = Credentials { login: login.to_owned(), password: password.to_owned() };
        let output = self.run("ldapwhoami", &who, &[], "")?;
        if output.status.success() {
            return Ok(Bound::Accepted);
        }
        let text = one_line(&output);
        if !text.contains("(49)") {
            return Err(refused("ldapwhoami", &output));
        }
        Ok(Bound::Refused { sub_code: sub_code(&text).unwrap_or_default().to_owned() })
    }

    /// Applies LDIF with the rights of `who`; `controls` are general extensions as `ldapmodify -e`
    /// takes them, for example [`POLICY_HINTS`].
    ///
    /// # Errors
    ///
    /// If the client did not get as far as an answer.
    pub fn modify_as(
        &self,
        who: &Credentials,
        controls: &[&str],
        ldif: &str,
    ) -> Result<Written, LabError> {
        let arguments: Vec<&str> = controls.iter().flat_map(|control| ["-e", *control]).collect();
        let output = self.run("ldapmodify", who, &arguments, ldif)?;
        match output.status.code() {
            Some(0) => Ok(Written::Done),
            Some(code) if (1..128).contains(&code) => {
                Ok(Written::Refused { code, text: one_line(&output) })
            }
            _ => Err(refused("ldapmodify", &output)),
        }
    }

    /// Applies LDIF as the administrator.
    ///
    /// # Errors
    ///
    /// Also if it is refused.
    pub fn modify(&self, ldif: &str) -> Result<(), LabError> {
        match self.modify_as(&self.administrator, &[], ldif)? {
            Written::Done => Ok(()),
            Written::Refused { code, text } => {
                Err(LabError::Refused { program: "ldapmodify", code, text })
            }
        }
    }

    /// Gives an attribute one value, as the administrator.
    ///
    /// # Errors
    ///
    /// As for [`Forest::modify`].
    pub fn replace(&self, dn: &str, attribute: &str, value: &str) -> Result<(), LabError> {
        self.modify(&replacement(dn, attribute, value.as_bytes()))
    }

    /// What is at or below `base` and matches an LDAP filter, as the administrator; empty
    /// `attributes` gives all.
    ///
    /// # Errors
    ///
    /// If the search is refused, for example because there is no `base`.
    pub fn search(
        &self,
        base: &str,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<Entry>, LabError> {
        self.search_with(&[], base, filter, attributes)
    }

    /// The root of the directory, which describes the controller (RFC 4512 5.1), as the
    /// administrator.
    ///
    /// # Errors
    ///
    /// If the controller does not answer.
    pub fn root(&self, attributes: &[&str]) -> Result<Entry, LabError> {
        let mut found = self.search_with(&["-s", "base"], "", "(objectClass=*)", attributes)?;
        match found.pop() {
            Some(root) => Ok(root),
            // 32 is noSuchObject (RFC 4511 4.1.9).
            None => Err(LabError::Refused {
                program: "ldapsearch",
                code: 32,
                text: "there is no root".to_owned(),
            }),
        }
    }

    /// A search with more arguments for `ldapsearch`.
    pub(crate) fn search_with(
        &self,
        more: &[&str],
        base: &str,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<Entry>, LabError> {
        let mut arguments = vec!["-LLL", "-o", "ldif_wrap=no", "-b", base];
        arguments.extend(more);
        arguments.extend(["--", filter]);
        arguments.extend(attributes);
        let output = self.run("ldapsearch", &self.administrator, &arguments, "")?;
        if !output.status.success() {
            return Err(refused("ldapsearch", &output));
        }
        Ok(entries(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Runs a client with a simple bind over LDAPS, verified against the lab's authority.
    fn run(
        &self,
        program: &'static str,
        who: &Credentials,
        arguments: &[&str],
        input: &str,
    ) -> Result<Output, LabError> {
        let start = || -> std::io::Result<Output> {
            let mut child = Command::new(program)
                .args(["-x", "-H", &self.ldaps_url(), "-o", "nettimeout=10"])
                .args(["-D", &self.bind_name(&who.login), "-w", &who.password])
                .args(arguments)
                .env("LDAPTLS_CACERT", &self.ca_file)
                .env("LDAPTLS_REQCERT", "demand")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A client that is refused at the bind has gone before it read anything.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        };
        start().map_err(LabError::io("running", program.as_ref()))
    }

    fn bind_name(&self, login: &str) -> String {
        match login {
            name if name.contains(['@', '=', '\\']) => name.to_owned(),
            name => format!("{name}@{}", self.domain),
        }
    }
}

/// LDIF that sets a password the way an administrator does (MS-ADTS 3.1.1.3.1.5).
pub fn reset_ldif(dn: &str, password: &str) -> String {
    replacement(dn, "unicodePwd", &quoted(password))
}

/// LDIF that changes a password the way its owner does, with the old one.
pub fn change_ldif(dn: &str, old: &str, new: &str) -> String {
    let (old, new) = (STANDARD.encode(quoted(old)), STANDARD.encode(quoted(new)));
    format!(
        "{}changetype: modify\ndelete: unicodePwd\nunicodePwd:: {old}\n-\nadd: unicodePwd\n\
         unicodePwd:: {new}\n-\n",
        line("dn", dn.as_bytes())
    )
}

/// The value of `unicodePwd`: in quotes, UTF-16LE.
pub(crate) fn quoted(password: &str) -> Vec<u8> {
    format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A line of LDIF; everything goes in base64, so that no value can be taken for another line.
pub(crate) fn line(name: &str, value: &[u8]) -> String {
    format!("{name}:: {}\n", STANDARD.encode(value))
}

/// LDIF that gives an attribute one value.
pub(crate) fn replacement(dn: &str, attribute: &str, value: &[u8]) -> String {
    let (dn, value) = (line("dn", dn.as_bytes()), line(attribute, value));
    format!("{dn}changetype: modify\nreplace: {attribute}\n{value}-\n")
}

fn refused(program: &'static str, output: &Output) -> LabError {
    let code = output.status.code().unwrap_or(NO_ANSWER);
    LabError::Refused { program, code, text: one_line(output) }
}

fn one_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// "… AcceptSecurityContext error, data 52e, v1db1" (SPEC D-10).
fn sub_code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(", data ")?;
    rest.split([',', ' ']).next()
}

/// Reads LDIF without wrapped lines (RFC 2849).
fn entries(ldif: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, value) in ldif.lines().filter_map(attribute) {
        if name == "dn" {
            let dn = String::from_utf8_lossy(&value).into_owned();
            entries.push(Entry { dn, attributes: Vec::new() });
        } else if let Some(entry) = entries.last_mut() {
            entry.attributes.push((name.to_owned(), value));
        }
    }
    entries
}

fn attribute(line: &str) -> Option<(&str, Vec<u8>)> {
    if line.starts_with('#') {
        return None;
    }
    let (name, value) = line.split_once(':')?;
    match value.strip_prefix(':') {
        Some(encoded) => Some((name, STANDARD.decode(encoded.trim()).ok()?)),
        None => Some((name, value.trim_start().as_bytes().to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_plain_and_encoded_values() {
        let ldif = "# refldap://x\ndn:: Q049w6k=\ncn: Anna\nmember: a\nmember: b\n\ndn: CN=b\n\
                    objectGUID:: AQIDBAUGBwgJCgsMDQ4PEA==\n";
        let entries = entries(ldif);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].dn, "CN=é");
        assert_eq!(entries[0].text("CN"), Some("Anna"));
        assert_eq!(entries[0].attributes.len(), 3);
        let guid = entries[1].object_guid();
        assert_eq!(guid.as_deref(), Some("04030201-0605-0807-090a-0b0c0d0e0f10"));
    }

    #[test]
    fn the_sub_code_is_taken_from_the_text() {
        let text = "additional info: 80090308: LdapErr: DSID-0C0903A9, comment: \
                    AcceptSecurityContext error, data 52e, v1db1";
        assert_eq!(sub_code(text), Some("52e"));
        assert_eq!(sub_code("Invalid credentials (49)"), None);
    }

    #[test]
    fn a_value_with_line_breaks_stays_one_value() {
        assert_eq!(line("cn", b"a\nb"), "cn:: YQpi\n");
    }
}
