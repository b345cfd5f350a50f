//! What holds of each reader whatever it is given: one function for each.
//!
//! Tests with inputs that chance makes call them, and so do the coverage-guided ones in `fuzz/`, which ask for
//! the feature `fuzzing`; no other build has them. Each takes one input, panics with what does not hold, and
//! says whether the input was read as something.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what does not hold is reported by panicking"
)]

use std::time::Duration;

use bytes::BytesMut;
use ldap3_proto::proto::LdapOp;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_util::codec::Decoder as _;

use crate::answers::{ANSWER_MAX, Answer, Answers};
use crate::connection::Connection;
use crate::filter::Filter;
use crate::search::{Found, LATE, collect};
use crate::security::{Acl, Aliases, Place, Requester, SecurityDescriptor, cannot_change_password};
use crate::{Account, DirectoryError, DistinguishedName, Entry, Sid, certificate, wire};

/// Longer than anything here takes that does not wait for it.
const LONG: Duration = Duration::from_secs(60);

/// What a controller says, and what becomes of a search that it answers.
///
/// # Panics
/// If something does not hold, as everywhere here.
pub fn ldap_message(bytes: &[u8]) -> bool {
    let read = answers(bytes);
    search(bytes);
    read
}

/// Answers: each takes bytes away, nothing more is kept of them than came, and it makes no difference into
/// which pieces the network cuts them.
pub(crate) fn answers(bytes: &[u8]) -> bool {
    let whole = answers_in(bytes, ANSWER_MAX, bytes.len());
    for (largest, piece) in [(ANSWER_MAX, 1), (ANSWER_MAX, 7), (48, 5)] {
        let at_once = match largest {
            ANSWER_MAX => whole.clone(),
            _ => answers_in(bytes, largest, bytes.len()),
        };
        let in_pieces = answers_in(bytes, largest, piece);
        assert_eq!(in_pieces, at_once, "{piece} bytes at a time, at most {largest}: {bytes:x?}");
    }
    !whole.0.is_empty()
}

/// The answers in bytes of which so many come at a time: to which request, and whether the whole of it;
/// and whether they go on until the bytes end.
fn answers_in(bytes: &[u8], largest: usize, piece: usize) -> (Vec<(i32, bool)>, bool) {
    let (mut answers, mut buffer) = (Answers::of_at_most(largest), BytesMut::new());
    let mut read = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match answers.decode(&mut buffer) {
                Ok(Some(Answer::Whole(message))) => read.push((message.msgid, true)),
                Ok(Some(Answer::TooLarge(entry))) => read.push((entry.id, false)),
                Ok(None) => break,
                Err(_) => return (read, false),
            }
            assert!(read.len() <= bytes.len() / 2, "{bytes:x?}");
        }
        assert!(buffer.capacity() <= 4_096.max(4 * bytes.len()), "{bytes:x?}");
    }
    (read, true)
}

thread_local! {
    /// One for all inputs: to make one takes longer than a search.
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime takes a few files of this process");
}

/// A search: it ends with an answer or with the connection and never with its time, keeps no more than came,
/// and what it finds is an account or none.
pub(crate) fn search(bytes: &[u8]) -> bool {
    let found = RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (near, mut far) = tokio::io::duplex(bytes.len().max(1_024));
            let connection = Connection::over(near);
            let unbind = |id| wire::plain(id, LdapOp::UnbindRequest, Vec::new());
            let mut flight = connection.start(unbind).map_err(|closed| closed.0)?;
            far.write_all(bytes).await.map_err(|error| error.to_string())?;
            drop(far);
            let mut found = Vec::new();
            let take = &mut |one: Found| {
                found.push(one.whole()?);
                Ok(())
            };
            let ended = timeout(LONG, collect(&mut flight, LONG, take)).await;
            let ended = ended.map_err(|_| "the search does not end".to_owned())?;
            Ok::<_, String>(ended.map(|_| found))
        })
    });
    match found.unwrap_or_else(|fault| panic!("{fault}: {bytes:x?}")) {
        // Without waiting for its time: what ended it was an answer, or the end of all answers.
        Err(DirectoryError::Lost { cause }) => assert_ne!(cause, LATE, "{bytes:x?}"),
        Err(_) => {}
        Ok(found) => {
            let kept: usize = found.iter().map(|one| one.attributes.size()).sum();
            // A value takes 24 bytes besides its own, and two bytes are enough to say one.
            assert!(kept <= 12 * bytes.len(), "{kept}: {bytes:x?}");
            found.into_iter().for_each(read_account);
            return true;
        }
    }
    false
}

fn read_account(entry: Entry) {
    if let Ok(account) = Account::try_from(entry) {
        let _ = account.is_computer_or_trust();
    }
}

/// Security descriptors: what is read can be written, says the same again, and is written the same again.
///
/// # Panics
/// If it does not hold.
pub fn security_descriptor(value: &[u8]) -> bool {
    let Ok(read) = SecurityDescriptor::from_value(value) else { return false };
    let _ = cannot_change_password(&read, &Requester::person([]));
    let lists = read.dacl.iter().chain(&read.sacl);
    let entries: usize = lists.map(|list| list.entries.len()).sum();
    // Both lists may be the same bytes; an entry has at least four.
    assert!(entries <= 2 * value.len() / 4, "{value:x?}");
    let written = read.to_value().expect("what was read has a form");
    let again = SecurityDescriptor::from_value(&written).expect("what was written is one");
    let least = |list: &Option<Acl>| list.as_ref().map(|list| list.entries.clone());
    assert_eq!((&again.owner, &again.group), (&read.owner, &read.group), "{value:x?}");
    let (lists, lists_again) =
        ([&read.sacl, &read.dacl].map(least), [&again.sacl, &again.dacl].map(least));
    assert_eq!(lists_again, lists, "{value:x?}");
    assert_eq!(again.to_value().as_ref(), Ok(&written), "{value:x?}");
    true
}

/// SDDL: what is read is printed and reads back, as text and as a value; what is not is refused at a place
/// that is there.
///
/// # Panics
/// If it does not hold.
pub fn sddl(bytes: &[u8]) -> bool {
    let sid = |text: &str| text.parse::<Sid>().expect("this is one");
    let aliases = Aliases::of(sid("S-1-5-21-1-2-3"), sid("S-1-5-21-9-8-7"));
    let text = String::from_utf8_lossy(bytes);
    match SecurityDescriptor::from_sddl(&text, &aliases) {
        Ok(read) => {
            let printed = read.to_sddl(&aliases).expect("what was read has letters");
            let again = SecurityDescriptor::from_sddl(&printed, &aliases);
            assert_eq!(again.as_ref(), Ok(&read), "{text}");
            let value = read.to_value().expect("what was read has a form");
            assert_eq!(SecurityDescriptor::from_value(&value).as_ref(), Ok(&read), "{text}");
            true
        }
        Err(error) => {
            let Place::Character(at) = error.at else { panic!("{text}: {error}") };
            assert!((1..=text.chars().count() + 1).contains(&at), "{text}: {error}");
            false
        }
    }
}

/// Distinguished names: what is read reads back, on as many levels, and is written the same again.
///
/// # Panics
/// If it does not hold.
pub fn distinguished_name(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(read) = text.parse::<DistinguishedName>() else { return false };
    let written = read.to_string();
    let back: DistinguishedName = written.parse().expect("what was written is a name");
    assert_eq!(back, read, "{text}");
    assert_eq!(back.to_string(), written, "{text}");
    assert_eq!(back.levels(), read.levels(), "{text}");
    true
}

/// Filters: what is read reads back, and is written the same again.
///
/// # Panics
/// If it does not hold.
pub fn filter(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(read) = text.parse::<Filter>() else { return false };
    let written = read.to_string();
    let back: Filter = written.parse().expect("what was written is a filter");
    assert_eq!(back, read, "{text}");
    assert_eq!(back.to_string(), written, "{text}");
    true
}

/// Certificates: the issuer that is told is short, and has nothing in it that a line of a log must not have.
///
/// # Panics
/// If it does not hold.
pub fn certificate(bytes: &[u8]) -> bool {
    let name = certificate::issuer(bytes);
    if let Some(name) = &name {
        assert!(name.chars().count() <= certificate::SHOWN, "{bytes:x?}");
        assert!(!name.chars().any(char::is_control), "{bytes:x?}");
    }
    name.is_some()
}

#[cfg(test)]
mod tests {
    use generated::seeds;

    use super::*;

    #[test]
    fn every_seed_is_taken_as_its_name_says() {
        seeds::take("ldap_message", ldap_message);
        seeds::take("security_descriptor", security_descriptor);
        seeds::take("sddl", sddl);
        seeds::take("distinguished_name", distinguished_name);
        seeds::take("filter", filter);
        seeds::take("certificate", certificate);
    }
}
