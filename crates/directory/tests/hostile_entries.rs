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
use directory::dirsync::{Change, ChangesRead};
use directory::{
    Directory as _, DirectoryError, DistinguishedName, LdapDirectory, ObjectGuid, PeopleRead,
    PersonEntry,
};
use futures_util::{SinkExt as _, StreamExt as _};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapMsg, LdapOp, LdapResultCode, LdapSearchScope};
use staged::entries::{element, entry, in_pieces, large, person};
use staged::{acceptor, host, respond, result, stage_of};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::Framed;

/// Far above what reading takes.
const PATIENCE: Duration = Duration::from_secs(30);
const NO_TEXT: &[u8] = b"J\xff\xfen \xc3(";

/// The people of a domain whose answer to every search below its head is what `entries` makes for a
/// message id.
async fn people(entries: impl Fn(i32) -> Vec<u8> + Clone + Send + 'static) -> Vec<PersonEntry> {
    let (found, read) = read(entries).await;
    let left_out = read.unwrap().left_out;
    assert_eq!(left_out, []);
    found
}

/// The same, with what was said of those who could not be read. What is below the head has a GUID of
/// sevens; parts are handed out by the GUID alone, and who is called Moved is no longer there.
async fn read(
    entries: impl Fn(i32) -> Vec<u8> + Clone + Send + 'static,
) -> (Vec<PersonEntry>, Result<PeopleRead, DirectoryError>) {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    let talk = move |stream: TcpStream, state: Arc<std::sync::Mutex<staged::State>>| {
        let (tls, entries) = (tls.clone(), entries.clone());
        async move {
            let stream = tls.accept(stream).await.unwrap();
            let mut messages = Framed::new(stream, LdapCodec::default());
            while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
                let (below, one, part) = match &op {
                    LdapOp::SearchRequest(search) => {
                        let wants = |name: &String| name == "objectGUID";
                        let below = search.scope == LdapSearchScope::Subtree;
                        let part = search.attrs.iter().find_map(|name| part_from(name));
                        (below, search.attrs.iter().any(wants), part)
                    }
                    _ => (false, false, None),
                };
                let answers = if let Some(from) = part {
                    let LdapOp::SearchRequest(search) = op else { unreachable!() };
                    assert_eq!(search.base, format!("<GUID={}>", ObjectGuid::from_bytes([8; 16])));
                    messages.get_mut().write_all(&endless(msgid, from)).await.unwrap();
                    vec![LdapOp::SearchResultDone(result(LdapResultCode::Success))]
                } else if below {
                    messages.get_mut().write_all(&entries(msgid)).await.unwrap();
                    vec![LdapOp::SearchResultDone(result(LdapResultCode::Success))]
                } else if one {
                    let LdapOp::SearchRequest(search) = op else { unreachable!() };
                    let is_there = !search.base.contains("CN=Moved");
                    if is_there {
                        let found =
                            entry(msgid, search.base.as_bytes(), &[("objectGUID", &[7; 16])]);
                        messages.get_mut().write_all(&found).await.unwrap();
                    }
                    let code = if is_there {
                        LdapResultCode::Success
                    } else {
                        LdapResultCode::NoSuchObject
                    };
                    vec![LdapOp::SearchResultDone(result(code))]
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
    let read = timeout(PATIENCE, directory.people(&[head], 500, &mut take)).await.unwrap();
    (found, read)
}

/// How many values each part of an attribute without end has.
const PART: usize = 200_000;
const ENDLESS: &[u8] = b"CN=Jan,DC=staged,DC=test";

/// From which value on the rest of the attribute is asked for.
fn part_from(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("othermailbox;range=")?.strip_suffix("-*")?.parse().ok()
}

/// A part of an attribute after which there is always another one.
fn endless(id: i32, from: usize) -> Vec<u8> {
    let name = format!("otherMailbox;range={from}-{}", from + PART - 1);
    let mailbox =
        element(0x30, &[&element(4, &[name.as_bytes()]), &element(0x31, &[&[4, 0].repeat(PART)])]);
    let guid = element(0x31, &[&element(4, &[&[8; 16]])]);
    let guid = element(0x30, &[&element(4, &[b"objectGUID"]), &guid]);
    let found = element(0x64, &[&element(4, &[ENDLESS]), &element(0x30, &[&guid, &mailbox])]);
    element(0x30, &[&element(2, &[&id.to_be_bytes()]), &found])
}

#[tokio::test]
async fn who_has_more_values_than_are_taken_is_left_out_by_name_and_the_page_goes_on() {
    let (found, read) = read(|id| {
        let last = person(id, 2, b"CN=Piet,DC=staged,DC=test", b"Piet");
        [endless(id, 0), last].concat()
    })
    .await;
    let read = read.unwrap();
    assert_eq!((found.len(), read.found), (1, 1));
    let [left_out] = &read.left_out[..] else { panic!("{read:?}") };
    assert_eq!(left_out.guid, ObjectGuid::from_bytes([8; 16]));
    let cause = left_out.cause.to_string();
    assert!(cause.starts_with("othermailbox of CN=Jan,DC=staged,DC=test has more"), "{cause}");
}

#[tokio::test]
async fn who_has_more_than_an_answer_holds_is_left_out_by_name_and_the_page_goes_on() {
    let (found, read) = read(|id| {
        let first = person(id, 1, b"CN=Anna,DC=staged,DC=test", b"Anna");
        let last = person(id, 2, b"CN=Piet,DC=staged,DC=test", b"Piet");
        [first, large(id, b"CN=Jan,DC=staged,DC=test"), last].concat()
    })
    .await;
    let read = read.unwrap();
    assert_eq!((found.len(), read.found), (2, 2));
    let [left_out] = &read.left_out[..] else { panic!("{read:?}") };
    assert_eq!(left_out.guid, ObjectGuid::from_bytes([7; 16]));
    let cause = left_out.cause.to_string();
    assert!(cause.contains("the entry CN=Jan,DC=staged,DC=test has more"), "{cause}");
}

#[tokio::test]
async fn where_nobody_can_say_who_it_is_nobody_is_taken_for_gone() {
    let name = [b"CN=", NO_TEXT, b",DC=staged,DC=test"].concat();
    let error = read(move |id| large(id, &name)).await.1.unwrap_err();
    assert!(matches!(error, DirectoryError::TooMuch { .. }), "{error}");
    // Renamed or moved while the page was read: not gone.
    let moved = |id| large(id, b"CN=Moved,DC=staged,DC=test");
    let error = read(moved).await.1.unwrap_err();
    assert!(error.to_string().contains("CN=Moved,DC=staged,DC=test"), "{error}");
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

/// Reads the changes of a domain whose only page is what `page` makes for a message id, and for whether
/// GUIDs are wanted in front of names. By a name, only Jan is found; by a GUID, whoever it is.
async fn changes(
    page: impl Fn(i32, bool) -> Vec<u8> + Clone + Send + 'static,
) -> (Vec<String>, ChangesRead) {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    let talk = move |stream: TcpStream, state: Arc<std::sync::Mutex<staged::State>>| {
        let (tls, page) = (tls.clone(), page.clone());
        async move {
            let stream = tls.accept(stream).await.unwrap();
            let mut messages = Framed::new(stream, LdapCodec::default());
            while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
                let (scope, base) = match &op {
                    LdapOp::SearchRequest(search) => (Some(&search.scope), search.base.clone()),
                    _ => (None, String::new()),
                };
                let (mut found, mut controls) = (Vec::new(), Vec::new());
                if scope == Some(&LdapSearchScope::Subtree) {
                    let extended = |control: &LdapControl| {
                        matches!(control, LdapControl::ExtendedDn { format: 1, .. })
                    };
                    found = page(msgid, ctrl.iter().any(extended));
                    let cookie = Some(vec![9; 24]);
                    controls = vec![LdapControl::AdDirsync { flags: 0, max_bytes: 0, cookie }];
                } else if base.starts_with("CN=Jan,") {
                    found = entry(msgid, base.as_bytes(), &[("objectGUID", &[7; 16])]);
                } else if base == format!("<GUID={}>", ObjectGuid::from_bytes([6; 16])) {
                    found = person(msgid, 6, b"CN=Smaller,DC=staged,DC=test", b"Smaller");
                }
                let answers = match found.is_empty() {
                    true => respond(op, ctrl, &host(1), &mut state.lock().unwrap()),
                    false => vec![LdapOp::SearchResultDone(result(LdapResultCode::Success))],
                };
                messages.get_mut().write_all(&found).await.unwrap();
                for op in answers {
                    let message = LdapMsg { ctrl: controls.clone(), ..LdapMsg::new(msgid, op) };
                    messages.send(message).await.unwrap();
                }
            }
        }
    };
    let stage = stage_of(&authority, talk).await;
    let directory = LdapDirectory::new(stage.config, Arc::new(SystemClock)).unwrap();
    let mut found = Vec::new();
    let mut take = |change: Change| found.push(change.dn.to_string());
    let read = timeout(PATIENCE, directory.changes(None, &mut take)).await.unwrap().unwrap();
    assert_eq!(read.next.as_bytes(), [9; 24]);
    (found, read)
}

#[tokio::test]
async fn a_change_of_more_than_an_answer_holds_is_left_out_by_name_and_the_others_come() {
    let (found, read) = changes(|id, extended| {
        assert!(!extended, "its name leads to it");
        let first = person(id, 1, b"CN=Anna,DC=staged,DC=test", b"Anna");
        let last = person(id, 2, b"CN=Piet,DC=staged,DC=test", b"Piet");
        [first, large(id, b"CN=Jan,DC=staged,DC=test"), last].concat()
    })
    .await;
    assert_eq!(found, ["CN=Anna,DC=staged,DC=test", "CN=Piet,DC=staged,DC=test"]);
    let [left_out] = &read.left_out[..] else { panic!("{read:?}") };
    assert_eq!(left_out.guid, ObjectGuid::from_bytes([7; 16]));
    let cause = left_out.cause.to_string();
    assert!(cause.contains("the entry CN=Jan,DC=staged,DC=test has more"), "{cause}");
}

/// One more that was too large is so no longer when the page is read again.
#[tokio::test]
async fn where_one_is_renamed_while_a_page_is_read_the_reading_goes_on_by_what_names_it_for_ever() {
    let (found, read) = changes(|id, extended| {
        let named = |number: u8, name: &str| {
            let guid = ObjectGuid::from_bytes([number; 16]);
            let extension = format!("<GUID={guid}>;<SID=S-1-5-21-1-2-3-{number}>;");
            let extension = if extended { extension } else { String::new() };
            format!("{extension}CN={name},DC=staged,DC=test").into_bytes()
        };
        let first = person(id, 1, &named(1, "Anna"), b"Anna");
        let jan = in_pieces(id, &named(7, "Jan"));
        let rest = match extended {
            false => ["Before", "Smaller"].map(|name| in_pieces(id, &named(5, name))),
            true => [in_pieces(id, &named(5, "After")), person(id, 6, &named(6, "Smaller"), b"S")],
        };
        [first, jan, rest.concat()].concat()
    })
    .await;
    assert_eq!(found, ["CN=Anna,DC=staged,DC=test", "CN=Smaller,DC=staged,DC=test"]);
    let left_out: Vec<_> =
        read.left_out.iter().map(|one| (one.guid, one.cause.to_string())).collect();
    let [(jan, _), (renamed, cause)] = &left_out[..] else { panic!("{left_out:?}") };
    assert_eq!([*jan, *renamed], [7, 5].map(|number| ObjectGuid::from_bytes([number; 16])));
    assert!(cause.contains("the entry CN=After,DC=staged,DC=test has more"), "{cause}");
}

#[tokio::test]
async fn pages_that_go_round_in_a_circle_end_the_reading() {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    // Three pages, always with another cookie, and always more.
    let talk = move |stream: TcpStream, state: Arc<std::sync::Mutex<staged::State>>| {
        let tls = tls.clone();
        async move {
            let stream = tls.accept(stream).await.unwrap();
            let mut messages = Framed::new(stream, LdapCodec::default());
            let mut pages = 0_u8;
            while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
                let is_page = matches!(&op, LdapOp::SearchRequest(search)
                    if search.scope == LdapSearchScope::Subtree);
                let answers = respond(op, ctrl, &host(1), &mut state.lock().unwrap());
                if is_page {
                    let dn = format!("CN=P{},DC=staged,DC=test", pages % 3);
                    let one = person(msgid, pages % 3, dn.as_bytes(), b"P");
                    messages.get_mut().write_all(&one).await.unwrap();
                    pages += 1;
                }
                for op in answers {
                    let mut message = LdapMsg::new(msgid, op);
                    if is_page {
                        let cookie = vec![pages; 8];
                        message.ctrl = vec![LdapControl::SimplePagedResults { size: 0, cookie }];
                    }
                    // Whoever has had enough hangs up.
                    let _ = messages.send(message).await;
                }
            }
        }
    };
    let stage = stage_of(&authority, talk).await;
    let directory = LdapDirectory::new(stage.config, Arc::new(SystemClock)).unwrap();
    let head: DistinguishedName = "DC=staged,DC=test".parse().unwrap();
    let mut found = 0;
    let mut take = |_| found += 1;
    let read = timeout(PATIENCE, directory.people(&[head], 500, &mut take)).await.unwrap();
    let error = read.unwrap_err();
    assert!(error.to_string().contains("begin anew"), "{error}");
    assert!((3..12).contains(&found), "{found}");
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
