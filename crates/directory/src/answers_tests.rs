use ldap3_proto::proto::{
    LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry,
};

use super::*;
use crate::generated::for_each_input;
use crate::wire;

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

fn refusal(bytes: &[u8]) -> String {
    Answers::new().decode(&mut BytesMut::from(bytes)).unwrap_err().to_string()
}

#[test]
fn ten_megabytes_in_one_value_are_taken() {
    let mut buffer = BytesMut::from(entry(vec![vec![7; 10 << 20]]).as_slice());
    let answer = Answers::new().decode(&mut buffer).unwrap().unwrap();
    let LdapOp::SearchResultEntry(entry) = answer.op else { panic!("{}", answer.msgid) };
    assert_eq!(entry.attributes[0].vals[0].len(), 10 << 20);
}

#[test]
fn what_is_too_large_is_refused_as_soon_as_it_says_so() {
    for start in [
        &[0x30, 0x84, 0x01, 0x00, 0x00, 0x01][..],
        &[0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(refusal(start).contains("at most 16777216 are taken"), "{start:x?}");
    }
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
    assert!(refusal(&many).contains("pieces"));
    let fewer = entry(vec![Vec::new(); PIECES_MAX / 2]);
    assert!(Answers::new().decode(&mut BytesMut::from(fewer.as_slice())).unwrap().is_some());
}

#[test]
fn one_answer_is_read_at_a_time_and_the_rest_waits() {
    let mut buffer = BytesMut::from([entry(vec![b"v".to_vec()]), done()].concat().as_slice());
    let mut answers = Answers::new();
    assert_eq!(answers.decode(&mut buffer).unwrap().unwrap().msgid, 7);
    assert_eq!(answers.decode(&mut buffer).unwrap().unwrap().msgid, 8);
    assert!(answers.decode(&mut buffer).unwrap().is_none());
    let (start, end) = (done()[..9].to_vec(), done()[9..].to_vec());
    buffer.extend_from_slice(&start);
    assert!(answers.decode(&mut buffer).unwrap().is_none());
    buffer.extend_from_slice(&end);
    assert_eq!(answers.decode(&mut buffer).unwrap().unwrap().msgid, 8);
}

#[test]
fn text_that_is_none_is_mended_in_a_name_and_stays_as_it_is_in_a_value() {
    let read = |bytes: &[u8]| {
        let answer = Answers::new().decode(&mut BytesMut::from(bytes)).unwrap().unwrap();
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
        let mut buffer = BytesMut::from(bytes.as_slice());
        let mut answers = Answers::new();
        // Each answer takes bytes away, so this ends; how often is asserted.
        let mut rounds = 0;
        while let Ok(Some(_)) = answers.decode(&mut buffer) {
            rounds += 1;
            assert!(rounds <= bytes.len() / 2, "{bytes:x?}");
        }
        assert!(buffer.capacity() <= 4_096, "{bytes:x?}");
        rounds > 0
    });
}
