//! Answers out of bytes. What comes in may be anybody's until it has been read: how large it says it
//! is, how deep and into how many pieces it is cut are looked at before anything is made of it.

use std::io;
use std::ops::Range;

use bytes::BytesMut;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use tokio_util::codec::Decoder;

/// The largest answer that is taken, in bytes: an entry with 10,000 values of 1 KiB, or one
/// attribute of 10 MB.
pub(crate) const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// How deep an answer may be nested; an entry with controls has 6 levels.
pub(crate) const DEPTH_MAX: usize = 16;
/// Into how many pieces an answer may be cut: each costs some 60 bytes of memory besides its own,
/// and two are enough for one.
pub(crate) const PIECES_MAX: usize = 500_000;

/// How much of a name is told, in characters: a distinguished name seldom has as many.
const NAME_SHOWN: usize = 300;

/// SEQUENCE, which every message is (RFC 4511 section 4.1.1).
const MESSAGE: u8 = 0x30;
/// SearchResultEntry (RFC 4511 section 4.5.2).
const ENTRY: u8 = 0x64;
/// OCTET STRING.
const OCTETS: u8 = 0x04;
/// The bit of a tag that says that there are pieces inside (X.690 section 8.1.2.5).
const CONSTRUCTED: u8 = 0x20;
/// The bit of a length that says that it has more bytes (X.690 section 8.1.3.5).
const LONG: u8 = 0x80;

/// Reads answers, one after another.
pub(crate) struct Answers {
    codec: LdapCodec,
    largest: usize,
}

impl Answers {
    /// For answers of at most [`ANSWER_MAX`] bytes.
    pub(crate) fn new() -> Self {
        Self::of_at_most(ANSWER_MAX)
    }

    /// For answers of at most so many bytes.
    pub(crate) fn of_at_most(largest: usize) -> Self {
        Self { codec: LdapCodec::new(Some(largest), Some(DEPTH_MAX)), largest }
    }
}

impl Decoder for Answers {
    type Item = LdapMsg;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<LdapMsg>> {
        match buffer.first() {
            None => return Ok(None),
            Some(&MESSAGE) => {}
            Some(_) => return Err(refused("what came is not LDAP".to_owned())),
        }
        let Some(head) = Head::of(buffer)? else { return Ok(None) };
        let whole = head.whole();
        if whole > self.largest {
            let (most, about) = (self.largest, about(buffer));
            let problem = format!("an answer of {whole} bytes{about}; at most {most} are taken");
            return Err(refused(problem));
        }
        if buffer.len() < whole {
            return Ok(None);
        }
        if count(&buffer[..whole]) > PIECES_MAX {
            let problem = format!("an answer in pieces; at most {PIECES_MAX} of them are taken");
            return Err(refused(problem));
        }
        // The codec sees one message at a time: others may wait behind it, of any size together.
        let mut message = buffer.split_to(whole);
        mend_name(&mut message);
        match self.codec.decode(&mut message) {
            Ok(Some(message)) => Ok(Some(message)),
            Ok(None) => Err(refused("an answer that is longer inside than it says".to_owned())),
            Err(error) => Err(refused(format!("an answer that cannot be read: {error}"))),
        }
    }
}

/// Makes text of an entry's name that is none, with `?` for each byte that belongs to no character: the
/// codec would refuse the answer for it, and the whole connection with that, because of one object.
fn mend_name(message: &mut [u8]) {
    let Some(name) = name_in(message).and_then(|place| message.get_mut(place)) else { return };
    if str::from_utf8(name).is_ok() {
        return;
    }
    let mut mended = Vec::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        mended.extend_from_slice(chunk.valid().as_bytes());
        mended.extend(chunk.invalid().iter().map(|_| b'?'));
    }
    name.copy_from_slice(&mended);
}

/// Whom an answer is about that is refused before all of it is there, as far as it can be read.
fn about(begun: &[u8]) -> String {
    let Some(name) = name_in(begun).and_then(|place| begun.get(place)) else {
        return String::new();
    };
    let name = String::from_utf8_lossy(name);
    let shown: String = name.chars().filter(|c| !c.is_control()).take(NAME_SHOWN).collect();
    format!(" about {shown}")
}

/// Where the name of an entry stands in a message; none in one of another kind.
fn name_in(message: &[u8]) -> Option<Range<usize>> {
    let head = |at: usize| Head::of(message.get(at..)?).ok()?;
    let id = head(0)?.size;
    let op = id.checked_add(head(id)?.whole())?;
    let name = op.checked_add(head(op)?.size)?;
    let is_entry = message.get(op) == Some(&ENTRY) && message.get(name) == Some(&OCTETS);
    let from = name.checked_add(head(name)?.size)?;
    is_entry.then_some(from..name.checked_add(head(name)?.whole())?)
}

/// What came is not an answer that is taken: the other side speaks, and not as a controller does.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Garbled(String);

impl Garbled {
    /// Whether this is why reading failed, rather than the network.
    pub(crate) fn is_cause_of(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

fn refused(problem: String) -> io::Error {
    io::Error::other(Garbled(problem))
}

/// What stands before the content of one element.
struct Head {
    /// How many bytes it has itself.
    size: usize,
    /// How many bytes of content follow.
    length: usize,
}

impl Head {
    /// How many bytes the element has with what stands before it.
    const fn whole(&self) -> usize {
        self.size.saturating_add(self.length)
    }

    /// None if there are too few bytes yet; an error if no length is said, or one that nobody needs.
    fn of(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(&first) = bytes.get(1) else { return Ok(None) };
        if first < LONG {
            return Ok(Some(Self { size: 2, length: usize::from(first) }));
        }
        let more = usize::from(first & !LONG);
        if !(1..=size_of::<usize>()).contains(&more) {
            return Err(refused("an answer without a length that can be read".to_owned()));
        }
        let Some(length) = bytes.get(2..2 + more) else { return Ok(None) };
        let length = length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
        Ok(Some(Self { size: 2 + more, length }))
    }
}

/// How many elements these bytes are cut into, as far as they can be read.
fn count(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Ok(Some(head)) = Head::of(bytes) {
        count += 1;
        let inside = bytes[0] & CONSTRUCTED != 0;
        let step = if inside { head.size } else { head.whole() };
        bytes = bytes.get(step..).unwrap_or_default();
    }
    count
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
