//! From text to descriptors: once through the text, without recursion.

use super::super::{
    Access, Ace, AceBody, AceFlags, AceKind, Acl, Control, SecurityDescriptor, WriteError,
};
use super::tokens::{self, Token};
use super::{Aliases, Place, SddlError};
use crate::{ObjectGuid, Sid};

/// The revision of lists with entries for a kind of object, which Active Directory gives to all.
const REVISION: u8 = 4;
/// The length of a GUID's text.
const GUID: usize = 36;
/// The letters of a list's flags.
pub(super) const DACL_FLAGS: [Token<Control>; 3] = [
    ("P", Control::DACL_PROTECTED),
    ("AR", Control::DACL_AUTO_INHERIT_REQUIRED),
    ("AI", Control::DACL_AUTO_INHERITED),
];
/// The same for the SACL.
pub(super) const SACL_FLAGS: [Token<Control>; 3] = [
    ("P", Control::SACL_PROTECTED),
    ("AR", Control::SACL_AUTO_INHERIT_REQUIRED),
    ("AI", Control::SACL_AUTO_INHERITED),
];

/// Reads a whole text as a descriptor.
pub(super) fn descriptor(text: &str, aliases: &Aliases) -> Result<SecurityDescriptor, SddlError> {
    let mut reader = Reader { text, at: 0, aliases };
    let read = reader.descriptor();
    read.map_err(|what| reader.error(what))
}

/// Reads a whole text as one entry.
pub(super) fn entry(text: &str, aliases: &Aliases) -> Result<Ace, SddlError> {
    let mut reader = Reader { text, at: 0, aliases };
    let read = reader.take("(", "an entry begins with (").and_then(|()| reader.entry());
    let whole = read.and_then(|entry| {
        if reader.rest().is_empty() { Ok(entry) } else { Err("something follows the entry") }
    });
    whole.map_err(|what| reader.error(what))
}

/// Whatever is wrong is wrong where the reader stands.
type Read<T> = Result<T, &'static str>;

struct Reader<'a> {
    text: &'a str,
    /// How many bytes are read; always between two characters.
    at: usize,
    aliases: &'a Aliases,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> SddlError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        SddlError { at: Place::Character(before.chars().count() + 1), what }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads these letters if they come next.
    fn eat(&mut self, letters: &str) -> bool {
        let found = self.rest().starts_with(letters);
        self.at += if found { letters.len() } else { 0 };
        found
    }

    fn take(&mut self, letters: &str, otherwise: &'static str) -> Read<()> {
        if self.eat(letters) { Ok(()) } else { Err(otherwise) }
    }

    /// Reads the first of these tokens that comes next.
    fn one_of<T: Copy>(&mut self, tokens: &[Token<T>]) -> Option<T> {
        tokens.iter().find(|(letters, _)| self.eat(letters)).map(|(_, meaning)| *meaning)
    }

    /// Reads as long as the characters are of a kind.
    fn run(&mut self, of_kind: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let run = rest.find(|character| !of_kind(character)).map_or(rest, |end| &rest[..end]);
        self.at += run.len();
        run
    }

    fn descriptor(&mut self) -> Read<SecurityDescriptor> {
        const TWICE: &str = "this part was there before";
        let control = Control::SELF_RELATIVE;
        let (owner, group, sacl, dacl) = (None, None, None, None);
        let mut read =
            SecurityDescriptor { control, resource_manager: 0, owner, group, sacl, dacl };
        while !self.rest().is_empty() {
            let start = self.at;
            let twice = if self.eat("O:") {
                read.owner.replace(self.sid()?).is_some()
            } else if self.eat("G:") {
                read.group.replace(self.sid()?).is_some()
            } else if self.eat("D:") {
                let twice = read.control.contains(Control::DACL_PRESENT);
                read.dacl = self.list(&DACL_FLAGS, Control::DACL_PRESENT, &mut read.control)?;
                twice
            } else if self.eat("S:") {
                let twice = read.control.contains(Control::SACL_PRESENT);
                read.sacl = self.list(&SACL_FLAGS, Control::SACL_PRESENT, &mut read.control)?;
                twice
            } else {
                return Err("a part begins with O:, G:, D: or S:");
            };
            if twice {
                self.at = start;
                return Err(TWICE);
            }
        }
        Ok(read)
    }

    /// What follows `D:` or `S:`. None is the list that refuses nothing.
    fn list(
        &mut self,
        flags: &[Token<Control>],
        present: Control,
        control: &mut Control,
    ) -> Read<Option<Acl>> {
        *control = Control(control.0 | present.0);
        while let Some(flag) = self.one_of(flags) {
            *control = Control(control.0 | flag.0);
        }
        if self.eat(tokens::NO_LIST) {
            return Ok(None);
        }
        let (mut entries, mut size) = (Vec::new(), 0);
        loop {
            let start = self.at;
            if !self.eat("(") {
                return Ok(Some(Acl { revision: REVISION, entries }));
            }
            let entry = self.entry()?;
            size +=
                entry.to_value().map_or_else(|_: WriteError| usize::MAX / 2, |bytes| bytes.len());
            if !Acl::holds(size) {
                self.at = start;
                return Err("a list has at most 65,535 bytes");
            }
            entries.push(entry);
        }
    }

    /// What follows an entry's first parenthesis.
    fn entry(&mut self) -> Read<Ace> {
        let kind = self.kind()?;
        self.semicolon()?;
        let mut flags = AceFlags::NONE;
        while let Some(flag) = self.one_of(&tokens::FLAGS) {
            flags = flags.with(flag);
        }
        self.take(";", "an entry's flags are OI, CI, NP, IO, ID, SA and FA, and then ;")?;
        let mask = self.rights(kind)?;
        self.take(";", "an entry's rights are two letters each, or a number, and then ;")?;
        let object_type = self.guid(kind)?;
        self.semicolon()?;
        let inherited_object_type = self.guid(kind)?;
        self.semicolon()?;
        let trustee = self.sid()?;
        self.take(")", "an entry ends behind whom it is about, with )")?;
        let application = Vec::new();
        let access = Access { mask, object_type, inherited_object_type, trustee, application };
        Ok(Ace { kind, flags, body: AceBody::Access(access) })
    }

    fn semicolon(&mut self) -> Read<()> {
        self.take(";", "a ; is missing")
    }

    fn kind(&mut self) -> Read<AceKind> {
        let start = self.at;
        let letters = self.run(|character| character.is_ascii_uppercase());
        self.at = start;
        let known = |table: &[Token<AceKind>]| {
            table.iter().find(|(kind, _)| *kind == letters).map(|(_, kind)| *kind)
        };
        if known(&tokens::EXPRESSIONS).is_some() {
            return Err("entries with an expression (XA, XD, ZA, XU, RA) are not read from text");
        }
        let kind = known(&tokens::KINDS).ok_or("no kind of entry")?;
        self.at += letters.len();
        Ok(kind)
    }

    fn rights(&mut self, kind: AceKind) -> Read<u32> {
        if self.rest().starts_with(|first: char| first.is_ascii_digit()) {
            return self.number();
        }
        let mut mask = 0;
        let labels: &[Token<u32>] =
            if kind == AceKind::MANDATORY_LABEL { &tokens::LABEL_RIGHTS } else { &[] };
        let tables = [labels, &tokens::RIGHTS, &tokens::FILE_RIGHTS, &tokens::KEY_RIGHTS];
        while let Some(rights) = tables.iter().find_map(|table| self.one_of(table)) {
            mask |= rights;
        }
        Ok(mask)
    }

    /// Hexadecimal behind 0x, octal behind 0, else decimal.
    fn number(&mut self) -> Read<u32> {
        const NO_NUMBER: &str = "a number of at most 32 bits is expected";
        let start = self.at;
        let digits = self.run(|character| character.is_ascii_alphanumeric());
        self.at = start;
        let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        let number = match (hexadecimal, digits.strip_prefix('0')) {
            (Some(digits), _) => u32::from_str_radix(digits, 16),
            (None, Some(digits)) if !digits.is_empty() => u32::from_str_radix(digits, 8),
            _ => digits.parse(),
        };
        let number = number.map_err(|_| NO_NUMBER)?;
        self.at += digits.len();
        Ok(number)
    }

    fn guid(&mut self, kind: AceKind) -> Read<Option<ObjectGuid>> {
        if self.rest().starts_with(';') {
            return Ok(None);
        }
        if !kind.has_types() {
            return Err("only entries of kind OA, OD and OU have types of objects");
        }
        let text = self.rest().get(..GUID).ok_or("a GUID is expected")?;
        let guid = text.parse().map_err(|_| "a GUID is expected")?;
        self.at += GUID;
        Ok(Some(guid))
    }

    fn sid(&mut self) -> Read<Sid> {
        let start = self.at;
        if !self.rest().starts_with("S-") {
            let letters = self.rest().get(..2).unwrap_or_else(|| self.rest());
            let sid = self.aliases.read(letters)?;
            self.at += letters.len();
            return Ok(sid);
        }
        // By its own grammar, because letters may follow: the D of "D:" is a hexadecimal digit.
        self.eat("S-1-");
        if self.eat("0x") {
            self.run(|character| character.is_ascii_hexdigit());
        }
        self.run(|character| character.is_ascii_digit() || character == '-');
        let text = self.text.get(start..self.at).unwrap_or_default();
        text.parse().map_err(|_| {
            self.at = start;
            "no security identifier"
        })
    }
}
