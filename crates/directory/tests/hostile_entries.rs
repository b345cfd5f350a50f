//! Entries that no Active Directory should send, and that Samba refuses to hold: bytes that are no text,
//! in attributes and in names. Whoever is in the same answer is read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private and shared"
)]

mod staged;

use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use directory::{Directory as _, DistinguishedName, LdapDirectory, PersonEntry};
use futures_util::{SinkExt as _, StreamExt as _};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapMsg, LdapOp, LdapResultCode, LdapSearchScope};
use staged::{acceptor, host, respond, result, stage_of};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

/// Far above what reading takes.
const PATIENCE: Duration = Duration::from_secs(30);
const NO_TEXT: &[u8] = b"J\xff\xfen \xc3(";

/// An element of BER: tag, length and content.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, &content].concat()
}

/// SearchResultEntry (RFC 4511 section 4.5.2) with bytes of one's own choice.
fn entry(id: i32, dn: &[u8], attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let one = |(name, value): &(&str, &[u8])| {
        let values = element(0x31, &[&element(4, &[value])]);
        element(0x30, &[&element(4, &[name.as_bytes()]), &values])
    };
    let attributes: Vec<u8> = attributes.iter().flat_map(one).collect();
    let found = element(0x64, &[&element(4, &[dn]), &element(0x30, &[&attributes])]);
    element(0x30, &[&element(2, &[&id.to_be_bytes()]), &found])
}

fn person(id: i32, number: u8, dn: &[u8], display_name: &[u8]) -> Vec<u8> {
    let login = format!("p{number}");
    let attributes: [(&str, &[u8]); 3] = [
        ("objectGUID", &[number; 16]),
        ("sAMAccountName", login.as_bytes()),
        ("displayName", display_name),
    ];
    entry(id, dn, &attributes)
}

/// The people of a domain whose answer to every search below its head is what `entries` makes for a
/// message id.
async fn people(entries: impl Fn(i32) -> Vec<u8> + Clone + Send + 'static) -> Vec<PersonEntry> {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    let talk = move |stream: TcpStream, state: Arc<std::sync::Mutex<staged::State>>| {
        let (tls, entries) = (tls.clone(), entries.clone());
        async move {
            let stream = tls.accept(stream).await.unwrap();
            let mut messages = Framed::new(stream, LdapCodec::default());
            while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
                let below = matches!(&op, LdapOp::SearchRequest(search)
                    if search.scope == LdapSearchScope::Subtree);
                let answers = if below {
                    messages.get_mut().write_all(&entries(msgid)).await.unwrap();
                    vec![LdapOp::SearchResultDone(result(LdapResultCode::Success))]
                } else {
                    respond(op, ctrl, &host(1), &mut state.lock().unwrap())
                };
                for op in answers {
                    messages.send(LdapMsg::new(msgid, op)).await.unwrap();
                }
            }
        }
    };
    let stage = stage_of(&authority, talk).await;
    let directory = LdapDirectory::new(stage.config, Arc::new(SystemClock)).unwrap();
    let head: DistinguishedName = "DC=staged,DC=test".parse().unwrap();
    let mut found = Vec::new();
    let mut take = |person| found.push(person);
    timeout(PATIENCE, directory.people(&[head], 500, &mut take)).await.unwrap().unwrap();
    found
}

#[tokio::test]
async fn a_name_and_an_attribute_that_are_no_text_cost_nobody_else_anything() {
    let odd = [b"CN=", NO_TEXT, b",DC=staged,DC=test"].concat();
    let found = people(move |id| {
        let all = [
            person(id, 1, b"CN=Anna,DC=staged,DC=test", b"Anna"),
            person(id, 2, &odd, b"Jan"),
            person(id, 3, b"CN=Piet,DC=staged,DC=test", NO_TEXT),
            person(id, 4, b"CN=Zo\xc3\xab,DC=staged,DC=test", "Zoë".as_bytes()),
        ];
        all.concat()
    })
    .await;
    let names: Vec<_> =
        found.iter().map(|one| (one.dn.to_string(), one.attributes.text("displayName"))).collect();
    let expected = [
        ("CN=Anna,DC=staged,DC=test", Some("Anna")),
        // The bytes that are no text, and no more of them.
        ("CN=J??n ?(,DC=staged,DC=test", Some("Jan")),
        ("CN=Piet,DC=staged,DC=test", None),
        ("CN=Zoë,DC=staged,DC=test", Some("Zoë")),
    ];
    assert_eq!(names, expected.map(|(dn, name)| (dn.to_owned(), name)));
    assert_eq!(found[2].attributes.value("displayName"), Some(NO_TEXT));
}

#[tokio::test]
async fn a_name_of_megabytes_that_are_no_text_is_read_in_time() {
    let long = [&b"CN="[..], &[0xff; 8 << 20], b",DC=staged,DC=test"].concat();
    let found = people(move |id| {
        [person(id, 1, &long, b"Jan"), person(id, 2, b"CN=Anna,DC=staged,DC=test", b"A")].concat()
    })
    .await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].dn.to_string(), "CN=Anna,DC=staged,DC=test");
}
