//! Fresh accounts for tests: each test has people of its own, so that tests do not meet.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::contents::{LOCKOUT_THRESHOLD, TESTS_UNIT};
use crate::escape::escaped;
use crate::ldap::{line, quoted, replacement};
use crate::{Forest, Kind, LabError, Person, Written, descriptor};

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
    /// Locked by wrong passwords, until somebody unlocks it.
    pub locked: bool,
    /// The account's time has been over since 2020.
    pub expired: bool,
    /// A new password is due at the next sign-in.
    pub must_change: bool,
    /// "User cannot change password".
    pub cannot_change: bool,
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
            locked: false,
            expired: false,
            must_change: false,
            cannot_change: false,
            member_of: Vec::new(),
            attributes: Vec::new(),
            kind: Kind::Ordinary,
        }
    }
}

/// ACCOUNTDISABLE and NORMAL_ACCOUNT (MS-ADTS 2.2.16).
const DISABLED: u32 = 0x2;
const NORMAL: u32 = 0x200;
/// The start of 2020 as AD counts: in 100 ns since 1601 (MS-ADTS 2.2.24 for accountExpires).
const EXPIRED: &str = "132223104000000000";
/// The SD-flags control (MS-ADTS 3.1.1.3.4.1.11) with the DACL alone, as `ldapmodify -e` takes it:
/// the value is a BER SEQUENCE of INTEGER 4.
const SD_FLAGS: &str = "!1.2.840.113556.1.4.801=MAMCAQQ=";
/// The same as `ldapsearch -E` takes it.
const SD_FLAGS_OF_A_SEARCH: &str = "!1.2.840.113556.1.4.801=::MAMCAQQ=";

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
        if new.expired {
            ldif.push_str(&line("accountExpires", EXPIRED.as_bytes()));
        }
        for (attribute, value) in &new.attributes {
            ldif.push_str(&line(attribute, value.as_bytes()));
        }
        self.modify(&ldif)?;
        self.make_special(&dn, new)?;
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
            disabled: new.disabled,
            kind: new.kind,
        })
    }

    /// What cannot be said while an account is made.
    fn make_special(&self, dn: &str, new: &NewPerson) -> Result<(), LabError> {
        if new.admin_count {
            self.replace(dn, "adminCount", "1")?;
        }
        for group in &new.member_of {
            self.join(dn, group)?;
        }
        if new.cannot_change {
            self.forbid_change(dn)?;
        }
        if new.locked {
            for _ in 0..LOCKOUT_THRESHOLD {
                self.bind(dn, "Not-The-Password-1")?;
            }
        }
        if new.must_change {
            self.replace(dn, "pwdLastSet", "0")?;
        }
        Ok(())
    }

    /// Ticks "User cannot change password" for an account, as the administrator.
    ///
    /// # Errors
    ///
    /// If there is no such account.
    pub fn forbid_change(&self, dn: &str) -> Result<(), LabError> {
        let arguments = ["-s", "base", "-E", SD_FLAGS_OF_A_SEARCH];
        let attribute = "nTSecurityDescriptor";
        let found = self.search_with(&arguments, dn, "(objectClass=*)", &[attribute])?;
        let bytes = found.first().and_then(|entry| entry.value(attribute));
        let changed = bytes.and_then(descriptor::without_change).ok_or_else(|| vanished(dn))?;
        let ldif = replacement(dn, attribute, &changed);
        match self.modify_as(&self.administrator, &[SD_FLAGS], &ldif)? {
            Written::Done => Ok(()),
            Written::Refused { code, text } => {
                Err(LabError::Refused { program: "ldapmodify", code, text })
            }
        }
    }

    /// Removes an entry, as the administrator.
    ///
    /// # Errors
    ///
    /// If there is no such entry, or something is below it.
    pub fn remove(&self, dn: &str) -> Result<(), LabError> {
        self.modify(&format!("{}changetype: delete\n", line("dn", dn.as_bytes())))
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
    fn two_made_up_names_differ_and_fit_into_a_login() {
        let (one, other) = (random_hex().unwrap(), random_hex().unwrap());
        assert_ne!(one, other);
        assert!("test-".len() + one.len() <= 20);
    }
}
