//! Fresh people, many at a time. Everybody gets one new password and no more, so that all of them
//! have the same history when they get it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::{Forest, Kind, Person};

use super::statistics::Draw;
use crate::StackError;

/// How many are made by one call of the LDAP client: it gives up on the whole file at the first
/// that is refused.
const AT_ONCE: usize = 50;
/// Where they stand: below the units that the agent may write to (LAB "Delegation").
const UNIT: &str = "OU=Tests";
/// What everybody has before.
const FIRST_PASSWORD: &str = "Before-Measuring-2024";

/// People who are not measured yet, and passwords for them.
#[derive(Debug)]
pub(super) struct Crowd {
    people: Vec<Person>,
    draw: Draw,
}

impl Crowd {
    /// Makes so many people, as the administrator.
    pub(super) fn make(
        forest: &Forest,
        count: usize,
        mut draw: Draw,
        say: &dyn Fn(&str),
    ) -> Result<Self, StackError> {
        // Runs on a lab that is kept must not meet.
        let run = draw.next() & 0xffff_ffff;
        let people: Vec<Person> = (0..count).map(|at| person(forest, run, at)).collect();
        for (at, some) in people.chunks(AT_ONCE).enumerate() {
            say(&format!("{} of {count} people are made", at * AT_ONCE));
            forest.modify(&some.iter().map(|one| ldif(forest, one)).collect::<String>())?;
        }
        Ok(Self { people, draw })
    }

    /// Somebody fresh, with a new password.
    pub(super) fn next(&mut self) -> Result<(Person, String), StackError> {
        let used_up = || StackError::NotUnderstood("there are no fresh people left".to_owned());
        let person = self.people.pop().ok_or_else(used_up)?;
        Ok((person, format!("Measured-{:016x}", self.draw.next())))
    }

    /// Several of them.
    pub(super) fn several(&mut self, count: usize) -> Result<Vec<(Person, String)>, StackError> {
        (0..count).map(|_| self.next()).collect()
    }
}

fn person(forest: &Forest, run: u64, at: usize) -> Person {
    // At most 20 characters (MS-SAMR 3.1.1.6).
    let login = format!("b{run:08x}-{at}");
    Person {
        password: FIRST_PASSWORD.to_owned(),
        mail: format!("{login}@passback.test"),
        private_mail: format!("{login}@home.passback.test"),
        dn: format!("CN={login},{UNIT},{}", forest.base_dn),
        object_guid: String::new(),
        display_name: login.clone(),
        disabled: false,
        kind: Kind::Ordinary,
        login,
    }
}

/// An LDIF record (RFC 2849) that adds the person.
fn ldif(forest: &Forest, person: &Person) -> String {
    let Person { login, mail, private_mail, dn, display_name, .. } = person;
    let quoted = format!("\"{}\"", person.password);
    let password: Vec<u8> = quoted.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut ldif = format!("dn: {dn}\nchangetype: add\nobjectClass: user\n");
    // Everything here is ASCII that begins and ends with a letter or a digit, and is not folded.
    let _ = write!(
        ldif,
        "sAMAccountName: {login}\nuserPrincipalName: {login}@{}\ndisplayName: {display_name}\n\
         mail: {mail}\notherMailbox: {private_mail}\nuserAccountControl: 512\nunicodePwd:: {}\n\n",
        forest.domain,
        STANDARD.encode(password)
    );
    ldif
}
