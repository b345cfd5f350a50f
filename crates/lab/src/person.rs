//! Fresh accounts for tests: each test has people of its own, so that tests do not meet.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::contents::TESTS_UNIT;
use crate::ldap::{line, quoted};
use crate::{Forest, Kind, LabError, Person};

/// What a fresh account should be; the rest is made up. `NewPerson::default()` is an ordinary
/// person.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// The password; one that the domain's policy accepts.
    pub password: String,
    /// The common name, with any characters; made up if none.
    pub name: Option<String>,
    /// The unit, relative to the domain.
    pub unit: String,
    /// The account is switched off.
    pub disabled: bool,
    /// `adminCount` is 1.
    pub admin_count: bool,
    /// A new password is due at the next sign-in.
    pub must_change: bool,
    /// Groups to be in, by `sAMAccountName`.
    pub member_of: Vec<String>,
    /// Other attributes, one value each.
    pub attributes: Vec<(String, String)>,
    /// What [`Person::kind`] says; changes nothing in the directory.
    pub kind: Kind,
}

impl Default for NewPerson {
    fn default() -> Self {
        Self {
            password: "First-Password-2024".to_owned(),
            name: None,
            unit: TESTS_UNIT.to_owned(),
            disabled: false,
            admin_count: false,
            must_change: false,
            member_of: Vec::new(),
            attributes: Vec::new(),
            kind: Kind::Ordinary,
        }
    }
}

/// ACCOUNTDISABLE and NORMAL_ACCOUNT (MS-ADTS 2.2.16).
const DISABLED: u32 = 0x2;
const NORMAL: u32 = 0x200;

impl Forest {
    /// Makes an account that nobody else uses, as the administrator.
    ///
    /// # Errors
    ///
    /// If AD refuses it: a password against the policy, a unit or group that is not there.
    pub fn add_person(&self, new: &NewPerson) -> Result<Person, LabError> {
        // At most 20 characters are allowed (MS-SAMR 3.1.1.6).
        let login = format!("test-{}", random_hex()?);
        let name = new.name.clone().unwrap_or_else(|| login.clone());
        let mail = format!("{login}@passback.test");
        let private_mail = format!("{login}@home.passback.test");
        let dn = format!("CN={},{},{}", escaped(&name), new.unit, self.base_dn);
        let control = if new.disabled { NORMAL | DISABLED } else { NORMAL };

        let mut ldif = line("dn", dn.as_bytes());
        ldif.push_str("changetype: add\nobjectClass: user\n");
        let principal = format!("{login}@{}", self.domain);
        for (attribute, value) in [
            ("sAMAccountName", login.as_str()),
            ("userPrincipalName", &principal),
            ("displayName", &name),
            ("mail", &mail),
            ("otherMailbox", &private_mail),
            ("userAccountControl", &control.to_string()),
        ] {
            ldif.push_str(&line(attribute, value.as_bytes()));
        }
        ldif.push_str(&line("unicodePwd", &quoted(&new.password)));
        for (attribute, value) in &new.attributes {
            ldif.push_str(&line(attribute, value.as_bytes()));
        }
        self.modify(&ldif)?;

        if new.admin_count {
            self.replace(&dn, "adminCount", "1")?;
        }
        if new.must_change {
            self.replace(&dn, "pwdLastSet", "0")?;
        }
        for group in &new.member_of {
            self.join(&dn, group)?;
        }
        let filter = format!("(sAMAccountName={login})");
        let found = self.search(&self.base_dn, &filter, &["objectGUID"])?;
        let entry = found.first().ok_or_else(|| vanished(&dn))?;
        Ok(Person {
            login,
            password: new.password.clone(),
            mail,
            private_mail,
            dn: entry.dn.clone(),
            object_guid: entry.object_guid().ok_or_else(|| vanished(&dn))?,
            display_name: name,
            kind: new.kind,
        })
    }

    /// Puts an entry into a group, named by its `sAMAccountName`, as the administrator.
    ///
    /// # Errors
    ///
    /// If there is no such group.
    pub fn join(&self, dn: &str, group: &str) -> Result<(), LabError> {
        let filter = format!("(&(objectClass=group)(sAMAccountName={group}))");
        let found = self.search(&self.base_dn, &filter, &["cn"])?;
        let group = found.first().ok_or_else(|| vanished(group))?;
        let (to, member) = (line("dn", group.dn.as_bytes()), line("member", dn.as_bytes()));
        self.modify(&format!("{to}changetype: modify\nadd: member\n{member}-\n"))
    }
}

fn vanished(what: &str) -> LabError {
    // 32 is noSuchObject (RFC 4511 4.1.9).
    LabError::Refused { program: "ldapsearch", code: 32, text: format!("{what} is not there") }
}

/// A value of a distinguished name with what has a meaning there in hexadecimal (RFC 4514 2.4).
fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let escape = |(index, character): (usize, char)| {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '/')
            || (index == 0 && matches!(character, '#' | ' '))
            || (index == last && character == ' ')
            || character.is_ascii_control();
        if special { format!("\\{:02x}", character as u32) } else { character.to_string() }
    };
    value.chars().enumerate().map(escape).collect()
}

fn random_hex() -> Result<String, LabError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 6];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(LabError::io("reading", source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_where_their_characters_have_a_meaning() {
        assert_eq!(escaped("Anna de Vries"), "Anna de Vries");
        assert_eq!(escaped(r#" a,b+"c" "#), r"\20a\2cb\2b\22c\22\20");
        assert_eq!(escaped("#a#"), r"\23a#");
        assert_eq!(escaped("Zoë 😀"), "Zoë 😀");
    }

    #[test]
    fn two_made_up_names_differ_and_fit_into_a_login() {
        let (one, other) = (random_hex().unwrap(), random_hex().unwrap());
        assert_ne!(one, other);
        assert!("test-".len() + one.len() <= 20);
    }
}
