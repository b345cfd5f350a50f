use ldap3_proto::proto::{
    LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry,
};

use super::*;
use crate::{fuzzing, wire};
use generated::for_each_input;

fn entry(values: Vec<Vec<u8>>) -> Vec<u8> {
    let attributes = vec![LdapPartialAttribute { atype: "jpegPhoto".to_owned(), vals: values }];
    let entry = LdapSearchResultEntry { dn: "CN=x,DC=y".to_owned(), attributes };
    wire::plain(7, LdapOp::SearchResultEntry(entry), Vec::new()).unwrap().to_vec()
}

fn done() -> Vec<u8> {
    let result = LdapResult {
        code: LdapResultCode::Success,
        matcheddn: String::new(),
        message: "fine".to_owned(),
        referral: vec!["ldap://other.test/".to_owned()],
    };
    wire::plain(8, LdapOp::SearchResultDone(result), Vec::new()).unwrap().to_vec()
}

/// One answer that is taken.
fn whole(answers: &mut Answers, buffer: &mut BytesMut) -> LdapMsg {
    match answers.decode(buffer).unwrap().unwrap() {
        Answer::Whole(message) => message,
        Answer::TooLarge(entry) => panic!("{entry:?}"),
    }
}

fn refusal(bytes: &[u8]) -> String {
    Answers::new().decode(&mut BytesMut::from(bytes)).unwrap_err().to_string()
}

#[test]
fn ten_megabytes_in_one_value_are_taken() {
    let mut buffer = BytesMut::from(entry(vec![vec![7; 10 << 20]]).as_slice());
    let answer = whole(&mut Answers::new(), &mut buffer);
    let LdapOp::SearchResultEntry(entry) = answer.op else { panic!("{}", answer.msgid) };
    assert_eq!(entry.attributes[0].vals[0].len(), 10 << 20);
}

#[test]
fn what_is_too_large_and_no_entry_is_refused_as_soon_as_it_says_so() {
    let search_done = [0x30, 0x84, 0x01, 0x00, 0x00, 0x01, 2, 1, 7, 0x65];
    for start in [
        &search_done[..],
        &[0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(refusal(start).contains("at most 16777216 are taken"), "{start:x?}");
    }
    // The same until it has said what it is.
    let mut buffer = BytesMut::from(&search_done[..9]);
    assert!(Answers::new().decode(&mut buffer).unwrap().is_none());
}

/// An entry of so many bytes and more, in a value.
fn of_bytes(name: &str, size: usize) -> Vec<u8> {
    let attributes =
        vec![LdapPartialAttribute { atype: "photo".to_owned(), vals: vec![vec![7; size]] }];
    let entry = LdapSearchResultEntry { dn: name.to_owned(), attributes };
    wire::plain(7, LdapOp::SearchResultEntry(entry), Vec::new()).unwrap().to_vec()
}

#[test]
fn an_entry_that_is_too_large_is_passed_over_and_what_follows_is_read() {
    let largest = 1_000;
    let large = of_bytes("CN=Jan\u{7},DC=y", 5_000);
    let all = [entry(vec![b"v".to_vec()]), large.clone(), done()].concat();
    // However it is cut into pieces, and with no more of it kept than its beginning.
    for piece in [1, 2, 7, 64, 999, all.len()] {
        let (mut answers, mut buffer) = (Answers::of_at_most(largest), BytesMut::new());
        let mut read = Vec::new();
        for bytes in all.chunks(piece) {
            buffer.extend_from_slice(bytes);
            while let Some(answer) = answers.decode(&mut buffer).unwrap() {
                read.push(answer);
            }
            assert!(buffer.len() < 128 || piece > 64, "{piece}: {}", buffer.len());
        }
        let [Answer::Whole(first), Answer::TooLarge(jan), Answer::Whole(last)] = &read[..] else {
            panic!("{piece}: {read:?}")
        };
        assert_eq!((first.msgid, jan.id, last.msgid), (7, 7, 8));
        assert_eq!((&*jan.name, &*jan.shown()), ("CN=Jan\u{7},DC=y", "CN=Jan,DC=y"));
        assert_eq!(jan.limit, format!("{} bytes; at most 1000", large.len()));
    }
}

#[test]
fn an_entry_that_nobody_would_wait_for_or_that_hides_its_name_is_refused() {
    let head = |size: usize, rest: &[u8]| {
        let length = u32::try_from(size).unwrap().to_be_bytes();
        [&[0x30, 0x84][..], &length, &[2, 1, 7, 0x64, 0x84], &length, rest].concat()
    };
    let name = [&[4, 4][..], b"CN=x"].concat();
    assert!(refusal(&head(PASSED_OVER_MAX, &name)).contains("about CN=x of 536870918 bytes"));
    let begun = head(ANSWER_MAX, &name);
    let answer = Answers::new().decode(&mut BytesMut::from(&begun[..])).unwrap();
    assert!(matches!(answer, Some(Answer::TooLarge(_))), "{answer:?}");
    // A name that is longer than a beginning may be, and something that is none.
    let endless = [&[4, 0x84, 0, 0xf0, 0, 0][..], &vec![b'x'; BEGINNING_MAX]].concat();
    assert!(refusal(&head(ANSWER_MAX, &endless)).contains("are taken"));
    let no_name = [&[2, 4][..], b"CN=x", &vec![b'x'; BEGINNING_MAX]].concat();
    assert!(refusal(&head(ANSWER_MAX, &no_name)).contains("are taken"));
}

#[test]
fn lengths_that_say_nothing_are_refused() {
    for start in [&[0x30, 0x80][..], &[0x30, 0x89], &[0x30, 0xff, 1, 1]] {
        assert!(refusal(start).contains("without a length"), "{start:x?}");
    }
}

#[test]
fn other_protocols_are_recognised_by_their_first_byte() {
    for start in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"220 mail.test ESMTP", &[0x16, 3, 1]] {
        assert!(refusal(start).contains("not LDAP"), "{start:x?}");
    }
}

#[test]
fn small_pieces_are_counted_before_they_are_made() {
    let many = entry(vec![Vec::new(); PIECES_MAX]);
    assert!(many.len() < ANSWER_MAX);
    let mut buffer = BytesMut::from([many, done()].concat().as_slice());
    let mut answers = Answers::new();
    let Some(Answer::TooLarge(entry_in_pieces)) = answers.decode(&mut buffer).unwrap() else {
        panic!("it was made")
    };
    assert!(entry_in_pieces.limit.contains("pieces"), "{entry_in_pieces:?}");
    assert_eq!(whole(&mut answers, &mut buffer).msgid, 8);
    let fewer = entry(vec![Vec::new(); PIECES_MAX / 2]);
    assert!(Answers::new().decode(&mut BytesMut::from(fewer.as_slice())).unwrap().is_some());
}

#[test]
fn one_answer_is_read_at_a_time_and_the_rest_waits() {
    let mut buffer = BytesMut::from([entry(vec![b"v".to_vec()]), done()].concat().as_slice());
    let mut answers = Answers::new();
    assert_eq!(whole(&mut answers, &mut buffer).msgid, 7);
    assert_eq!(whole(&mut answers, &mut buffer).msgid, 8);
    assert!(answers.decode(&mut buffer).unwrap().is_none());
    let (start, end) = (done()[..9].to_vec(), done()[9..].to_vec());
    buffer.extend_from_slice(&start);
    assert!(answers.decode(&mut buffer).unwrap().is_none());
    buffer.extend_from_slice(&end);
    assert_eq!(whole(&mut answers, &mut buffer).msgid, 8);
}

#[test]
fn text_that_is_none_is_mended_in_a_name_and_stays_as_it_is_in_a_value() {
    let read = |bytes: &[u8]| {
        let answer = whole(&mut Answers::new(), &mut BytesMut::from(bytes));
        let LdapOp::SearchResultEntry(entry) = answer.op else { panic!("{}", answer.msgid) };
        entry
    };
    let bad_value = read(&entry(vec![vec![0xff, 0xfe]]));
    assert_eq!(bad_value.attributes[0].vals, [vec![0xff, 0xfe]]);
    let mut bad_name = entry(Vec::new());
    let at = bad_name.windows(2).position(|pair| pair == b"=x").unwrap() + 1;
    bad_name[at] = 0xff;
    assert_eq!(read(&bad_name).dn, "CN=?,DC=y");
    // Nothing else is: what is no entry and no text is no answer.
    let mut no_entry = done();
    let at = no_entry.windows(4).position(|four| four == b"fine").unwrap();
    no_entry[at] = 0xff;
    assert!(Answers::new().decode(&mut BytesMut::from(no_entry.as_slice())).is_err());
}

#[test]
fn whatever_comes_is_read_or_refused() {
    let good = [entry(vec![b"value".to_vec(), Vec::new()]), done()];
    for_each_input("answers", |chance| {
        let mut bytes = match chance.below(4) {
            0 => chance.bytes(64),
            1 => [vec![0x30, chance.byte()], chance.bytes(64)].concat(),
            // Deeper than anybody needs.
            2 => [chance.one_of(&[0x30, 0x31, 0xa3, 0x64]), chance.one_of(&[2_u8, 0x60])]
                .map(|byte| *byte)
                .repeat(chance.below(60)),
            _ => {
                let good = chance.one_of(&good).clone();
                chance.spoilt(&good)
            }
        };
        bytes.truncate(512);
        fuzzing::answers(&bytes)
    });
}

#[test]
fn an_entry_takes_its_name_from_itself_and_not_from_what_follows() {
    // Its name says that it is longer than the whole entry, and there are bytes enough behind it.
    let entry = [&[0x30, 18, 2, 1, 7, 0x64, 13, 4, 30][..], b"CN=x,DC=yyy"].concat();
    for behind in [0, 1, 19, 100] {
        let mut buffer = BytesMut::from([&entry[..], &vec![b'x'; behind]].concat().as_slice());
        let refused = Answers::of_at_most(16).decode(&mut buffer).unwrap_err().to_string();
        assert!(refused.contains("20 bytes; at most 16 are taken"), "{behind}: {refused}");
    }
}

#[test]
fn only_answers_are_read() {
    let message =
        |op: &[u8]| [&[0x30, u8::try_from(3 + op.len()).unwrap(), 2, 1, 7][..], op].concat();
    let result = |tag| message(&[tag, 7, 0x0a, 1, 0, 4, 0, 4, 0]);
    for tag in [0x61, 0x65, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x78] {
        let read = Answers::new().decode(&mut BytesMut::from(result(tag).as_slice()));
        assert!(matches!(read, Ok(Some(Answer::Whole(_)))), "{tag:x}: {read:?}");
    }
    for op in [&[0x64, 4, 4, 0, 0x30, 0][..], &[0x73, 3, 4, 1, b'l'], &[0x79, 0]] {
        let read = Answers::new().decode(&mut BytesMut::from(message(op).as_slice()));
        assert!(matches!(read, Ok(Some(Answer::Whole(_)))), "{op:x?}: {read:?}");
    }
    // Requests, operations that nobody knows, in one piece where it has parts, and of no kind at all.
    for tag in [0x60, 0x62, 0x63, 0x66, 0x68, 0x4a, 0x77, 0x7d, 0x7f, 0x45, 0x25, 0xa5] {
        assert!(refusal(&result(tag)).contains("no answer to a request"), "{tag:x}");
    }
    assert!(refusal(&message(&[])).contains("no answer to a request"));
}
