//! Reading a filter's text (RFC 4515 section 3). What is wrong is named by its place.

use std::borrow::Cow;
use std::str::FromStr;

use super::{Attribute, Filter, MatchingRule, Pieces, Rule};

/// How deep a filter may be: no administrator writes one that is deeper, and reading one costs a
/// frame of the stack for each level.
pub const DEPTH_MAX: usize = 32;
/// How long a filter's text may be, in bytes.
pub const LENGTH_MAX: usize = 16 * 1_024;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter cannot be read at character {}: {expected}", .at + 1)]
pub struct FilterError {
    /// How many characters were read before.
    pub at: usize,
    /// What should be there.
    pub expected: &'static str,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        if text.len() > LENGTH_MAX {
            let expected = "it has more than 16 KiB";
            return Err(FilterError { at: LENGTH_MAX, expected });
        }
        let mut reader = Reader { text, at: 0 };
        let filter = reader.filter(0)?;
        match reader.left() {
            "" => Ok(filter),
            _ => Err(reader.wrong("nothing is expected after the last `)`")),
        }
    }
}

impl FromStr for Attribute {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let expected = "the name of an attribute, or its OID, is expected";
        match is_description(text.as_bytes()) {
            true => Ok(Self(Cow::Owned(text.to_owned()))),
            false => Err(FilterError { at: 0, expected }),
        }
    }
}

impl FromStr for MatchingRule {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let expected = "the name of a matching rule, or its OID, is expected";
        let plain = is_description(text.as_bytes()) && !text.contains(';');
        match plain && !text.eq_ignore_ascii_case("dn") {
            true => Ok(Self(text.to_owned())),
            false => Err(FilterError { at: 0, expected }),
        }
    }
}

/// Whether this names an attribute: a name or an OID, and options behind it. Constant, because names
/// in the code are looked at, too.
pub(super) const fn is_description(text: &[u8]) -> bool {
    let (mut at, mut part, mut dots) = (0, 0, 0);
    let is_oid = !text.is_empty() && text[0].is_ascii_digit();
    let mut in_options = false;
    while at < text.len() {
        let byte = text[at];
        let begins = at == part;
        let sound = match byte {
            b';' if !begins => {
                in_options = true;
                part = at + 1;
                true
            }
            b'.' if is_oid && !in_options && !begins => {
                dots += 1;
                part = at + 1;
                true
            }
            // A number has no zero in front.
            b'0'..=b'9' if is_oid && !in_options => at != part + 1 || text[part] != b'0',
            b'0'..=b'9' | b'-' => in_options || !is_oid && !begins,
            b'a'..=b'z' | b'A'..=b'Z' => in_options || !is_oid,
            _ => false,
        };
        if !sound {
            return false;
        }
        at += 1;
    }
    part < at && (!is_oid || dots > 0)
}

const fn is_key(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '-'
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn left(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, expected: &'static str) -> FilterError {
        let before = self.text.get(..self.at).unwrap_or_default();
        FilterError { at: before.chars().count(), expected }
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = self.left().starts_with(sign);
        self.at += if there { sign.len() } else { 0 };
        there
    }

    fn need(&mut self, sign: &str, expected: &'static str) -> Result<(), FilterError> {
        if self.take(sign) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth == DEPTH_MAX {
            return Err(self.wrong("it is more than 32 levels deep"));
        }
        self.need("(", "`(` is expected")?;
        let filter = if self.take("&") {
            Filter::All(self.several(depth)?)
        } else if self.take("|") {
            Filter::Any(self.several(depth)?)
        } else if self.take("!") {
            Filter::Not(Box::new(self.filter(depth + 1)?))
        } else {
            self.item()?
        };
        self.need(")", "`)` is expected")?;
        Ok(filter)
    }

    fn several(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        let mut parts = vec![self.filter(depth + 1)?];
        while self.left().starts_with('(') {
            parts.push(self.filter(depth + 1)?);
        }
        Ok(parts)
    }

    fn item(&mut self) -> Result<Filter, FilterError> {
        if self.left().starts_with(':') {
            return self.rule(None).map(Filter::Rule);
        }
        let attribute = self.named()?;
        if self.left().starts_with(':') {
            self.rule(Some(attribute)).map(Filter::Rule)
        } else if self.take(">=") {
            Ok(Filter::AtLeast(attribute, self.value()?))
        } else if self.take("<=") {
            Ok(Filter::AtMost(attribute, self.value()?))
        } else {
            self.need("=", "`=`, `>=`, `<=` or a matching rule is expected")?;
            self.equal(attribute)
        }
    }

    /// An attribute's name, or a matching rule's.
    fn named<T: FromStr<Err = FilterError>>(&mut self) -> Result<T, FilterError> {
        let left = self.left();
        let is_part = |one: char| is_key(one) || one == '.' || one == ';';
        let end = left.find(|one| !is_part(one)).unwrap_or(left.len());
        let name = left.get(..end).unwrap_or_default();
        let named = name.parse().map_err(|error: FilterError| self.wrong(error.expected))?;
        self.at += end;
        Ok(named)
    }

    /// From the first colon on.
    fn rule(&mut self, attribute: Option<Attribute>) -> Result<Rule, FilterError> {
        let of_name = [":dn:", ":DN:", ":Dn:", ":dN:"].iter().any(|dn| self.left().starts_with(dn));
        self.at += if of_name { ":dn".len() } else { 0 };
        let rule = match self.left().starts_with(":=") {
            true => None,
            false => {
                self.need(":", "`:` and a matching rule, or `:=`, is expected")?;
                Some(self.named()?)
            }
        };
        if rule.is_none() && attribute.is_none() {
            return Err(self.wrong("an attribute or a matching rule is expected"));
        }
        self.need(":=", "`:=` is expected")?;
        Ok(Rule { attribute, rule, of_name, value: self.value()? })
    }

    /// What stands behind the sign of equality: a value, its pieces, or that there is one.
    fn equal(&mut self, attribute: Attribute) -> Result<Filter, FilterError> {
        let mut pieces = vec![self.value()?];
        while self.take("*") {
            pieces.push(self.value()?);
        }
        let some = |piece: String| (!piece.is_empty()).then_some(piece);
        let last = pieces.pop().unwrap_or_default();
        let mut pieces = pieces.into_iter();
        let Some(first) = pieces.next() else { return Ok(Filter::Equal(attribute, last)) };
        let between: Vec<String> = pieces.collect();
        if first.is_empty() && last.is_empty() && between.is_empty() {
            return Ok(Filter::Present(attribute));
        }
        let between_stars = "something is expected between two stars";
        let pieces = Pieces::new(some(first), between, some(last));
        pieces
            .map(|pieces| Filter::Pieces(attribute, pieces))
            .ok_or_else(|| self.wrong(between_stars))
    }

    /// A value up to what ends it.
    fn value(&mut self) -> Result<String, FilterError> {
        let mut bytes = Vec::new();
        while let Some(next) = self.left().chars().next() {
            match next {
                '*' | ')' => break,
                '(' => return Err(self.wrong("`(` in a value is written `\\28`")),
                '\0' => return Err(self.wrong("NUL in a value is written `\\00`")),
                '\\' => {
                    let digits = self
                        .left()
                        .get(1..3)
                        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    let Some(byte) = byte else {
                        return Err(self.wrong("two hexadecimal digits are expected behind `\\`"));
                    };
                    bytes.push(byte);
                    self.at += 3;
                }
                plain => {
                    bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += plain.len_utf8();
                }
            }
        }
        String::from_utf8(bytes)
            .map_err(|_| self.wrong("the value before holds bytes that are no text"))
    }
}
