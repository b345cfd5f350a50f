//! Distinguished names (RFC 4514; SPEC D-9).
//!
//! A name is kept in parts, never as text that somebody glues together: what is between the
//! separators is written with escapes by one function and read by one.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::ObjectGuid;

/// A distinguished name. Compared without regard to case, as the directory does.
#[derive(Clone)]
pub struct DistinguishedName {
    /// From the object itself up to the root.
    rdns: Vec<Rdn>,
}

/// One level of a name: nearly always one assertion, several joined by `+` otherwise.
#[derive(Debug, Clone)]
struct Rdn(Vec<Assertion>);

#[derive(Debug, Clone)]
struct Assertion {
    attribute: String,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    /// `#` and the hexadecimal BER of a value (RFC 4514 section 2.4).
    Ber(Vec<u8>),
}

/// Text that is not a distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a distinguished name: {problem} at byte {position}")]
pub struct DnError {
    problem: &'static str,
    position: usize,
}

impl DistinguishedName {
    /// The name of a domain's head: `DC=corp,DC=example` for `corp.example`.
    ///
    /// # Errors
    /// [`DnError`] if a label is empty.
    pub fn of_domain(domain: &str) -> Result<Self, DnError> {
        let labels = domain.trim_end_matches('.').split('.');
        let rdns: Vec<_> = labels.map(|label| Rdn::new("DC", label)).collect();
        if rdns.iter().any(Rdn::is_empty) {
            return Err(DnError { problem: "an empty label", position: 0 });
        }
        Ok(Self { rdns })
    }

    /// The name of an object below this one, from attribute and value in clear.
    #[must_use]
    pub fn child(&self, attribute: &str, value: &str) -> Self {
        let mut rdns = vec![Rdn::new(attribute, value)];
        rdns.extend(self.rdns.iter().cloned());
        Self { rdns }
    }

    /// The name one level up; none for the root.
    pub fn parent(&self) -> Option<Self> {
        match self.rdns.len() {
            0 => None,
            _ => Some(Self { rdns: self.rdns[1..].to_vec() }),
        }
    }

    /// The head of the domain that the name is of by its own word: the levels of `DC` at its end, which no
    /// level below a domain's head continues (MS-ADTS 3.1.1.1.4). Empty for a name of no domain.
    #[must_use]
    pub fn domain_head(&self) -> Self {
        let below = self.rdns.iter().rposition(|rdn| !rdn.is_of("DC")).map_or(0, |last| last + 1);
        Self { rdns: self.rdns[below..].to_vec() }
    }

    /// Whether this object is `base` itself or lies below it.
    pub fn is_at_or_below(&self, base: &Self) -> bool {
        let above = self.rdns.len().checked_sub(base.rdns.len());
        above.is_some_and(|levels| {
            self.rdns[levels..].iter().zip(&base.rdns).all(|(one, other)| one.same(other))
        })
    }

    /// Whether this object lies below `base` and is not `base`.
    pub fn is_below(&self, base: &Self) -> bool {
        self.rdns.len() > base.rdns.len() && self.is_at_or_below(base)
    }

    /// The name as consoles show it, from the domain's head down: `corp.example/Staff/Jan`
    /// (`canonicalName`, MS-ADTS 3.1.1.4.5.7), but without escapes, which controllers set differently.
    pub fn canonical(&self) -> String {
        let below = self.rdns.len() - self.domain_head().rdns.len();
        let clear = |rdns: &[Rdn]| rdns.iter().map(Rdn::clear).collect::<Vec<_>>();
        let (mut levels, domain) = (clear(&self.rdns[..below]), clear(&self.rdns[below..]));
        levels.reverse();
        format!("{}/{}", domain.join("."), levels.join("/"))
    }

    /// The value of the first level in clear: the `CN` of most objects.
    pub fn name(&self) -> Option<&str> {
        match &self.rdns.first()?.0.first()?.value {
            Value::Text(text) => Some(text),
            Value::Ber(_) => None,
        }
    }

    /// How many levels the name has.
    pub fn levels(&self) -> usize {
        self.rdns.len()
    }
}

impl Rdn {
    fn new(attribute: &str, value: &str) -> Self {
        let value = Value::Text(value.to_owned());
        Self(vec![Assertion { attribute: attribute.to_owned(), value }])
    }

    fn is_empty(&self) -> bool {
        self.0.iter().any(|assertion| assertion.value == Value::Text(String::new()))
    }

    /// The value of its first assertion, in clear where it is text.
    fn clear(&self) -> String {
        match self.0.first().map(|assertion| &assertion.value) {
            Some(Value::Text(text)) => text.clone(),
            Some(ber) => ber.to_string(),
            None => String::new(),
        }
    }

    fn is_of(&self, attribute: &str) -> bool {
        matches!(&self.0[..], [one] if one.attribute.eq_ignore_ascii_case(attribute))
    }

    /// The level as it is compared: order of assertions and case mean nothing.
    fn folded(&self) -> Vec<(String, Value)> {
        let fold = |assertion: &Assertion| {
            let value = match &assertion.value {
                Value::Text(text) => Value::Text(text.to_lowercase()),
                Value::Ber(ber) => Value::Ber(ber.clone()),
            };
            (assertion.attribute.to_ascii_lowercase(), value)
        };
        let mut folded: Vec<_> = self.0.iter().map(fold).collect();
        folded.sort_by_key(|(attribute, value)| (attribute.clone(), value.to_string()));
        folded
    }

    fn same(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.rdns.len() == other.rdns.len() && self.is_at_or_below(other)
    }
}

impl Eq for DistinguishedName {}

impl Hash for DistinguishedName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for rdn in &self.rdns {
            for (attribute, value) in rdn.folded() {
                attribute.hash(state);
                value.to_string().hash(state);
            }
        }
        self.rdns.len().hash(state);
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, rdn) in self.rdns.iter().enumerate() {
            if level > 0 {
                f.write_str(",")?;
            }
            for (place, assertion) in rdn.0.iter().enumerate() {
                let joint = if place > 0 { "+" } else { "" };
                write!(f, "{joint}{}={}", assertion.attribute, assertion.value)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_escaped(f, text),
            Self::Ber(ber) => {
                f.write_str("#")?;
                ber.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// RFC 4514 section 2.4, and `=` as the directory itself writes it.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (place, character) in text.chars().enumerate() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => write!(f, "\\{character}")?,
            '#' if place == 0 => f.write_str("\\#")?,
            ' ' if place == 0 || place == last => f.write_str("\\ ")?,
            '\0'..' ' | '\x7f' => write!(f, "\\{:02X}", u32::from(character))?,
            plain => write!(f, "{plain}")?,
        }
    }
    Ok(())
}

impl FromStr for DistinguishedName {
    type Err = DnError;

    /// Reads RFC 4514, and blanks around separators as RFC 2253 let people write them.
    fn from_str(text: &str) -> Result<Self, DnError> {
        let mut reader = Reader { bytes: text.as_bytes(), position: 0 };
        let mut rdns = Vec::new();
        reader.skip_blanks();
        if reader.peek().is_none() {
            return Ok(Self { rdns });
        }
        loop {
            let mut assertions = vec![reader.assertion()?];
            while reader.take(b'+') {
                assertions.push(reader.assertion()?);
            }
            rdns.push(Rdn(assertions));
            if reader.peek().is_none() {
                return Ok(Self { rdns });
            }
            if !reader.take(b',') && !reader.take(b';') {
                return Err(reader.problem("a separator is missing"));
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.position += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        while self.take(b' ') {}
    }

    const fn problem(&self, problem: &'static str) -> DnError {
        DnError { problem, position: self.position }
    }

    fn assertion(&mut self) -> Result<Assertion, DnError> {
        self.skip_blanks();
        let start = self.position;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
            self.position += 1;
        }
        let attribute: String =
            self.bytes[start..self.position].iter().map(|byte| char::from(*byte)).collect();
        self.skip_blanks();
        if attribute.is_empty() || !self.take(b'=') {
            return Err(self.problem("an attribute and = are missing"));
        }
        self.skip_blanks();
        let value = if self.take(b'#') { self.ber()? } else { self.text()? };
        Ok(Assertion { attribute, value })
    }

    fn ber(&mut self) -> Result<Value, DnError> {
        let mut ber = Vec::new();
        while self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
            ber.push(self.hex_pair()?);
        }
        self.skip_blanks();
        if ber.is_empty() {
            return Err(self.problem("hexadecimal digits are missing"));
        }
        Ok(Value::Ber(ber))
    }

    fn text(&mut self) -> Result<Value, DnError> {
        let mut value = Vec::new();
        // Where the value ends if only unescaped blanks follow.
        let mut end = 0;
        while let Some(byte) = self.peek() {
            match byte {
                b',' | b'+' | b';' => break,
                b'\\' => {
                    self.position += 1;
                    value.push(self.escaped()?);
                    end = value.len();
                }
                b'"' | b'<' | b'>' | 0 => return Err(self.problem("a character needs an escape")),
                plain => {
                    self.position += 1;
                    value.push(plain);
                    end = if plain == b' ' { end } else { value.len() };
                }
            }
        }
        value.truncate(end);
        String::from_utf8(value).map(Value::Text).map_err(|_| self.problem("not UTF-8"))
    }

    fn escaped(&mut self) -> Result<u8, DnError> {
        match self.peek() {
            Some(byte) if byte.is_ascii_hexdigit() => self.hex_pair(),
            Some(special) if b" \"#+,;<=>\\/".contains(&special) => {
                self.position += 1;
                Ok(special)
            }
            _ => Err(self.problem("an escape that does not exist")),
        }
    }

    fn hex_pair(&mut self) -> Result<u8, DnError> {
        let pair = self.bytes.get(self.position..self.position + 2);
        let pair = pair.and_then(|two| str::from_utf8(two).ok());
        let byte = pair
            .filter(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        self.position += 2;
        byte.ok_or(DnError {
            problem: "two hexadecimal digits are missing",
            position: self.position,
        })
    }
}

/// A name as it came, without what names the object for ever, which stands in front of it where that was
/// asked for (LDAP_SERVER_EXTENDED_DN_OID, MS-ADTS 3.1.1.3.4.1.5): `<GUID=…>;<SID=…>;CN=…`. No name begins
/// with such a bracket (RFC 4514 section 2.4).
pub(crate) fn extended(mut name: &str) -> (Option<ObjectGuid>, &str) {
    let mut guid = None;
    while let Some((part, rest)) = name.strip_prefix('<').and_then(|name| name.split_once(">;")) {
        guid = guid.or(part.strip_prefix("GUID=").and_then(|guid| guid.parse().ok()));
        name = rest;
    }
    (guid, name)
}

#[cfg(test)]
#[path = "dn_tests.rs"]
mod tests;
