//! Answers out of bytes. What comes in may be anybody's until it has been read: how large it says it
//! is, how deep and into how many pieces it is cut are looked at before anything is made of it.

use std::io;
use std::ops::Range;

use bytes::{Buf as _, BytesMut};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::LdapMsg;
use tokio_util::codec::Decoder;

use crate::ObjectGuid;
use crate::dn::extended;

/// The largest answer that is taken, in bytes: an entry with 10,000 values of 1 KiB, or one
/// attribute of 10 MB.
pub(crate) const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// How deep an answer may be nested; an entry with controls has 6 levels.
pub(crate) const DEPTH_MAX: usize = 16;
/// Into how many pieces an answer may be cut: each costs some 60 bytes of memory besides its own,
/// and two are enough for one.
pub(crate) const PIECES_MAX: usize = 500_000;

/// The largest entry that is passed over, in bytes, so that what comes behind it can be read. It costs
/// time and no memory; beyond it, nobody would wait for the end.
pub(crate) const PASSED_OVER_MAX: usize = 512 * 1024 * 1024;
/// Within how many bytes an entry that is passed over must have said whose it is.
const BEGINNING_MAX: usize = 64 * 1024;

/// How much of a name is told, in characters: a distinguished name seldom has as many.
const NAME_SHOWN: usize = 300;

/// SEQUENCE, which every message is (RFC 4511 section 4.1.1).
const MESSAGE: u8 = 0x30;
/// SearchResultEntry (RFC 4511 section 4.5.2).
const ENTRY: u8 = 0x64;
/// What answers are (RFC 4511 sections 4.2 to 4.13): BindResponse, the three of a search, those to modify,
/// add, delete, rename and compare, ExtendedResponse and IntermediateResponse.
const ANSWERS: [u8; 11] = [0x61, ENTRY, 0x65, 0x73, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x78, 0x79];
/// INTEGER.
const NUMBER: u8 = 0x02;
/// OCTET STRING.
const OCTETS: u8 = 0x04;
/// The bit of a tag that says that there are pieces inside (X.690 section 8.1.2.5).
const CONSTRUCTED: u8 = 0x20;
/// The bit of a length that says that it has more bytes (X.690 section 8.1.3.5).
const LONG: u8 = 0x80;

/// What came for a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An answer.
    Whole(LdapMsg),
    /// An entry that is more than is taken. Its bytes are let go of; the next answer follows.
    TooLarge(TooLarge),
}

/// What is known of an entry that is more than is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// The request that it answers.
    pub(crate) id: i32,
    /// What names it for ever, where that was asked for with its name.
    pub(crate) guid: Option<ObjectGuid>,
    /// Its name as it came, `\u{fffd}` for what is no text.
    pub(crate) name: String,
    /// Its name is text, and so the one by which it is found.
    pub(crate) is_text: bool,
    /// How much it is, and how much is taken.
    pub(crate) limit: String,
}

impl TooLarge {
    /// Its name, as it is told.
    pub(crate) fn shown(&self) -> String {
        shown(&self.name)
    }
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_SHOWN).collect()
}

/// Reads answers, one after another.
pub(crate) struct Answers {
    codec: LdapCodec,
    largest: usize,
    /// How many bytes of an entry that is passed over are still to come.
    to_pass_over: usize,
}

impl Answers {
    /// For answers of at most [`ANSWER_MAX`] bytes.
    pub(crate) fn new() -> Self {
        Self::of_at_most(ANSWER_MAX)
    }

    /// For answers of at most so many bytes.
    pub(crate) fn of_at_most(largest: usize) -> Self {
        Self { codec: LdapCodec::new(Some(largest), Some(DEPTH_MAX)), largest, to_pass_over: 0 }
    }

    /// An entry that is more than is taken; whose it is stands at its beginning. None if that is not
    /// there yet.
    fn pass_over(&mut self, buffer: &mut BytesMut, limit: String) -> io::Result<Option<Answer>> {
        let whole = Head::of(buffer)?.map_or(0, |head| head.whole());
        // What stands behind it is another answer's, and says nothing about this one.
        let most = whole.min(BEGINNING_MAX);
        let begun = &buffer[..buffer.len().min(most)];
        let Some((id, name, is_text)) = beginning(begun) else {
            let may_come = may_be_entry(begun) && begun.len() < most;
            if may_come && whole <= PASSED_OVER_MAX {
                return Ok(None);
            }
            return Err(refused(format!("an answer of {limit} are taken")));
        };
        if whole > PASSED_OVER_MAX {
            let about = shown(&name);
            return Err(refused(format!("an answer about {about} of {limit} are taken")));
        }
        self.to_pass_over = whole;
        self.go_on(buffer);
        let (guid, name) = extended(&name);
        let name = name.to_owned();
        Ok(Some(Answer::TooLarge(TooLarge { id, guid, name, is_text, limit })))
    }

    /// Lets go of what has come of an entry that is passed over.
    fn go_on(&mut self, buffer: &mut BytesMut) {
        let here = self.to_pass_over.min(buffer.len());
        buffer.advance(here);
        self.to_pass_over -= here;
    }
}

impl Decoder for Answers {
    type Item = Answer;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Answer>> {
        self.go_on(buffer);
        match buffer.first() {
            None => return Ok(None),
            Some(&MESSAGE) => {}
            Some(_) => return Err(refused("what came is not LDAP".to_owned())),
        }
        let Some(head) = Head::of(buffer)? else { return Ok(None) };
        let whole = head.whole();
        if whole > self.largest {
            let limit = format!("{whole} bytes; at most {}", self.largest);
            return self.pass_over(buffer, limit);
        }
        if buffer.len() < whole {
            return Ok(None);
        }
        if count(&buffer[..whole]) > PIECES_MAX {
            return self.pass_over(buffer, format!("too many pieces; at most {PIECES_MAX}"));
        }
        // The codec sees one message at a time: others may wait behind it, of any size together.
        let mut message = buffer.split_to(whole);
        // It would read requests, and write on our standard output what it does not know.
        if !op_in(&message).is_some_and(|op| ANSWERS.contains(&message[op])) {
            return Err(refused("what came is no answer to a request".to_owned()));
        }
        mend_name(&mut message);
        match self.codec.decode(&mut message) {
            Ok(Some(message)) => Ok(Some(Answer::Whole(message))),
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

/// Which request an entry answers, whose it is, and whether that is text, as soon as its first bytes say
/// so.
fn beginning(begun: &[u8]) -> Option<(i32, String, bool)> {
    let name = begun.get(name_in(begun)?)?;
    let at = Head::of(begun).ok()??.size;
    let head = Head::of(begun.get(at..)?).ok()??;
    let number = begun.get(at + head.size..at + head.whole())?;
    let is_number = begun.get(at) == Some(&NUMBER) && (1..=4).contains(&number.len());
    let id = number.iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
    let id = i32::try_from(id).ok().filter(|_| is_number)?;
    Some((id, String::from_utf8_lossy(name).into_owned(), str::from_utf8(name).is_ok()))
}

/// Whether what has come of a message is that of an entry, or not enough to say.
fn may_be_entry(begun: &[u8]) -> bool {
    op_in(begun).is_none_or(|op| begun[op] == ENTRY)
}

/// Where the tag of a message's operation stands, behind its number; none if it has not come.
fn op_in(message: &[u8]) -> Option<usize> {
    let id = Head::of(message).ok()??.size;
    let op = id.checked_add(Head::of(message.get(id..)?).ok()??.whole())?;
    (op < message.len()).then_some(op)
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
