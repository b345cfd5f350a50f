//! Search filters (RFC 4511 section 4.5.1.7) as parts that fit together, and as the text that an
//! administrator writes (RFC 4515).
//!
//! What is sent is built from parts, so nothing that a person types can end a value or begin another
//! one. What is shown or read is text, in which every value is escaped.

mod read;

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use ldap3_proto::proto::{LdapFilter, LdapMatchingRuleAssertion, LdapSubstringFilter};

pub use read::{DEPTH_MAX, FilterError, LENGTH_MAX};

/// The name of an attribute, or its OID, with its options (RFC 4512 section 2.5).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attribute(Cow<'static, str>);

/// The name of a matching rule, or its OID (RFC 4512 section 1.4). None is called `dn`: that has a
/// meaning of its own where a rule is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchingRule(String);

/// Which objects a search is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Those that every part is for. AD takes no empty list.
    All(Vec<Self>),
    /// Those that a part is for. AD takes no empty list.
    Any(Vec<Self>),
    /// Those that the part is not for.
    Not(Box<Self>),
    /// Those that have the attribute, as far as they can be seen.
    Present(Attribute),
    /// Those with this value.
    Equal(Attribute, String),
    /// Those with this value or a greater one.
    AtLeast(Attribute, String),
    /// Those with this value or a smaller one.
    AtMost(Attribute, String),
    /// Those whose value has these pieces, in this order.
    Pieces(Attribute, Pieces),
    /// Those that a matching rule is for.
    Rule(Rule),
}

/// The pieces of a value between the stars; at least one of them is there, and none is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    first: Option<String>,
    between: Vec<String>,
    last: Option<String>,
}

/// A matching rule and its value; an attribute, a rule or both are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    attribute: Option<Attribute>,
    rule: Option<MatchingRule>,
    of_name: bool,
    value: String,
}

impl Attribute {
    /// An attribute that the code names, and not somebody else: what is no name is a mistake of ours,
    /// which tests find.
    pub const fn of(name: &'static str) -> Self {
        debug_assert!(read::is_description(name.as_bytes()), "no attribute has such a name");
        Self(Cow::Borrowed(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Pieces {
    /// What the value begins with, what it has in between, in this order, and what it ends with. None
    /// if there is nothing, or one of them is empty: such a filter means something else as a text.
    pub fn new(first: Option<String>, between: Vec<String>, last: Option<String>) -> Option<Self> {
        let mut all = first.iter().chain(&between).chain(&last).peekable();
        let sound = all.peek().is_some() && all.all(|piece| !piece.is_empty());
        sound.then_some(Self { first, between, last })
    }
}

impl Rule {
    /// The rule, for example 1.2.840.113556.1.4.803 (all bits are set, MS-ADTS 3.1.1.3.4.4.1), for an
    /// attribute, or for every one that it applies to if none is named.
    pub const fn new(attribute: Option<Attribute>, rule: MatchingRule, value: String) -> Self {
        Self { attribute, rule: Some(rule), of_name: false, value }
    }

    /// The attribute, compared as its own rule of equality does.
    pub const fn usual(attribute: Attribute, value: String) -> Self {
        Self { attribute: Some(attribute), rule: None, of_name: false, value }
    }

    /// The parts of the object's name count, too.
    #[must_use]
    pub fn and_of_name(self) -> Self {
        Self { of_name: true, ..self }
    }
}

impl Filter {
    /// Objects that have the attribute.
    pub const fn present(name: &'static str) -> Self {
        Self::Present(Attribute::of(name))
    }

    /// Objects with this value.
    pub fn equal(name: &'static str, value: &str) -> Self {
        Self::Equal(Attribute::of(name), value.to_owned())
    }

    /// Objects with this value or a greater one.
    pub fn at_least(name: &'static str, value: &str) -> Self {
        Self::AtLeast(Attribute::of(name), value.to_owned())
    }

    /// Whom passwords are set for: no computers, no contacts.
    pub fn people() -> Self {
        Self::All(vec![Self::equal("objectClass", "user"), Self::equal("objectCategory", "person")])
    }
}

/// As it is sent.
impl From<&Filter> for LdapFilter {
    fn from(filter: &Filter) -> Self {
        let name = |attribute: &Attribute| attribute.name().to_owned();
        let parts = |all: &[Filter]| all.iter().map(Self::from).collect();
        match filter {
            Filter::All(all) => Self::And(parts(all)),
            Filter::Any(any) => Self::Or(parts(any)),
            Filter::Not(part) => Self::Not(Box::new(Self::from(&**part))),
            Filter::Present(attribute) => Self::Present(name(attribute)),
            Filter::Equal(attribute, value) => Self::Equality(name(attribute), value.clone()),
            Filter::AtLeast(attribute, value) => {
                Self::GreaterOrEqual(name(attribute), value.clone())
            }
            Filter::AtMost(attribute, value) => Self::LessOrEqual(name(attribute), value.clone()),
            Filter::Pieces(attribute, pieces) => {
                let pieces = LdapSubstringFilter {
                    initial: pieces.first.clone(),
                    any: pieces.between.clone(),
                    final_: pieces.last.clone(),
                };
                Self::Substring(name(attribute), pieces)
            }
            Filter::Rule(rule) => Self::Extensible(LdapMatchingRuleAssertion {
                matching_rule: rule.rule.as_ref().map(|rule| rule.0.clone()),
                type_: rule.attribute.as_ref().map(name),
                match_value: rule.value.clone(),
                dn_attributes: rule.of_name,
            }),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MatchingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, sign: char, parts: &[Self]| {
            f.write_char(sign)?;
            parts.iter().try_for_each(|part| write!(f, "{part}"))
        };
        let value = |value: &str| escape(value.as_bytes());
        f.write_char('(')?;
        match self {
            Self::All(all) => several(f, '&', all)?,
            Self::Any(any) => several(f, '|', any)?,
            Self::Not(part) => write!(f, "!{part}")?,
            Self::Present(attribute) => write!(f, "{attribute}=*")?,
            Self::Equal(attribute, equal) => write!(f, "{attribute}={}", value(equal))?,
            Self::AtLeast(attribute, least) => write!(f, "{attribute}>={}", value(least))?,
            Self::AtMost(attribute, most) => write!(f, "{attribute}<={}", value(most))?,
            Self::Pieces(attribute, pieces) => write!(f, "{attribute}={pieces}")?,
            Self::Rule(rule) => write!(f, "{rule}")?,
        }
        f.write_char(')')
    }
}

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let piece =
            |piece: &Option<String>| escape(piece.as_deref().unwrap_or_default().as_bytes());
        write!(f, "{}*", piece(&self.first))?;
        self.between.iter().try_for_each(|one| write!(f, "{}*", escape(one.as_bytes())))?;
        f.write_str(&piece(&self.last))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(attribute) = &self.attribute {
            write!(f, "{attribute}")?;
        }
        if self.of_name {
            f.write_str(":dn")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ":{rule}")?;
        }
        write!(f, ":={}", escape(self.value.as_bytes()))
    }
}

/// A value as it stands in a filter: whatever could end it or has a meaning of its own becomes
/// `\xx` (RFC 4515 section 3), and so do bytes that are no text, so that binary values work.
pub fn escape(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '*' | '(' | ')' | '\\' | '\0'..' ' | '\x7f' => {
                    hexadecimal(&mut text, &[character as u8]);
                }
                plain => text.push(plain),
            }
        }
        hexadecimal(&mut text, chunk.invalid());
    }
    text
}

fn hexadecimal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "\\{byte:02x}");
    }
}

#[cfg(test)]
mod tests;
