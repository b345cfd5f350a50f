//! Requests as bytes.
//!
//! What carries a password (bind, modifications) is encoded here, into buffers of their final size that are
//! wiped: the codec would leave copies in memory on its way (SPEC K-6). Everything else, and all
//! answers, goes through the codec.

use bytes::BytesMut;
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapMsg, LdapOp};
use protocol::ClearPassword;
use tokio_util::codec::Encoder as _;
use zeroize::Zeroizing;

use crate::Write;
use crate::answers::{ANSWER_MAX, DEPTH_MAX};

/// Policy hints, LDAP_SERVER_POLICY_HINTS_OID (MS-ADTS 3.1.1.3.4.1).
pub(crate) const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";
/// The same under its deprecated number.
pub(crate) const POLICY_HINTS_DEPRECATED: &str = "1.2.840.113556.1.4.2066";
/// SEQUENCE { INTEGER 1 }: enforce history (MS-ADTS 3.1.1.3.4.1, PolicyHintsRequestValue).
const ENFORCE: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x01];

/// Tags of RFC 4511.
mod tag {
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OCTETS: u8 = 0x04;
    pub(super) const ENUMERATED: u8 = 0x0a;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const BIND: u8 = 0x60;
    pub(super) const MODIFY: u8 = 0x66;
    pub(super) const SIMPLE: u8 = 0x80;
    pub(super) const CONTROLS: u8 = 0xa0;
}

/// A request's bytes, wiped when dropped.
pub(crate) type Frame = Zeroizing<Vec<u8>>;

/// The codec. What controllers answer is read through [`crate::answers::Answers`], which looks first.
pub(crate) fn codec() -> LdapCodec {
    LdapCodec::new(Some(ANSWER_MAX), Some(DEPTH_MAX))
}

/// A request without secrets.
pub(crate) fn plain(id: i32, op: LdapOp, controls: Vec<LdapControl>) -> std::io::Result<Frame> {
    let mut buffer = BytesMut::new();
    codec().encode(LdapMsg::new_with_ctrls(id, op, controls), &mut buffer)?;
    Ok(Zeroizing::new(buffer.to_vec()))
}

/// A simple bind (RFC 4511 section 4.2).
pub(crate) fn bind(id: i32, name: &str, password: &ClearPassword) -> Frame {
    let password = password.to_text();
    let bind = element(
        tag::BIND,
        &[
            &element(tag::INTEGER, &[&[3]]),
            &element(tag::OCTETS, &[name.as_bytes()]),
            &element(tag::SIMPLE, &[password.as_bytes()]),
        ],
    );
    element(tag::SEQUENCE, &[&number(id), &bind])
}

/// The changes of a modify.
fn changes(write: Write<'_>) -> Frame {
    let one = |change: Frame| element(tag::SEQUENCE, &[&change]);
    match write {
        Write::Reset(password) | Write::ResetWithoutHints(password) => element(
            tag::SEQUENCE,
            &[
                &change(REPLACE, "unicodePwd", &password.to_unicode_pwd()),
                &change(REPLACE, "lockoutTime", b"0"),
            ],
        ),
        Write::Change { old, new } => element(
            tag::SEQUENCE,
            &[
                &change(DELETE, "unicodePwd", &old.to_unicode_pwd()),
                &change(ADD, "unicodePwd", &new.to_unicode_pwd()),
            ],
        ),
        Write::Unlock => one(change(REPLACE, "lockoutTime", b"0")),
        Write::RequireChange => one(change(REPLACE, "pwdLastSet", b"0")),
    }
}

/// One modify of an account, with the policy-hints control of that number as critical.
pub(crate) fn modify(id: i32, target: &str, write: Write<'_>, control: Option<&str>) -> Frame {
    let changes = changes(write);
    let modify = element(tag::MODIFY, &[&element(tag::OCTETS, &[target.as_bytes()]), &changes]);
    let controls = control.map(|oid| {
        let control = element(
            tag::SEQUENCE,
            &[
                &element(tag::OCTETS, &[oid.as_bytes()]),
                &element(tag::BOOLEAN, &[&[0xff]]),
                &element(tag::OCTETS, &[ENFORCE]),
            ],
        );
        element(tag::CONTROLS, &[&control])
    });
    let controls = controls.as_ref().map_or(&[][..], |controls| controls);
    element(tag::SEQUENCE, &[&number(id), &modify, controls])
}

/// What a modify does with an attribute's values (RFC 4511 section 4.6).
const ADD: u8 = 0;
const DELETE: u8 = 1;
const REPLACE: u8 = 2;

/// One change of a modify.
fn change(how: u8, attribute: &str, value: &[u8]) -> Frame {
    let values = element(tag::SET, &[&element(tag::OCTETS, &[value])]);
    let attribute = element(tag::OCTETS, &[attribute.as_bytes()]);
    let modification = element(tag::SEQUENCE, &[&attribute, &values]);
    element(tag::SEQUENCE, &[&element(tag::ENUMERATED, &[&[how]]), &modification])
}

/// A message id: positive, so that its bytes without leading zeros, and one zero in front of a
/// high bit, are its encoding.
fn number(id: i32) -> Frame {
    let bytes = id.to_be_bytes();
    let from = (0..3).find(|&at| bytes[at] != 0 || bytes[at + 1] & 0x80 != 0).unwrap_or(3);
    element(tag::INTEGER, &[&bytes[from..]])
}

/// Tag, length and the parts of the content, in a buffer that never grows: growing would leave a
/// copy behind.
fn element(tag: u8, parts: &[&[u8]]) -> Frame {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut element = Zeroizing::new(Vec::with_capacity(length + 1 + 1 + size_of::<usize>()));
    element.push(tag);
    if length < 0x80 {
        element.extend(u8::try_from(length));
    } else {
        let bytes = length.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let count = bytes.len() - zeros;
        element.extend(u8::try_from(0x80 | count));
        element.extend_from_slice(&bytes[zeros..]);
    }
    parts.iter().for_each(|part| element.extend_from_slice(part));
    element
}

#[cfg(test)]
mod tests {
    use ldap3_proto::proto::{LdapBindCred, LdapModifyType};
    use proptest::prelude::*;
    use tokio_util::codec::Decoder as _;

    use super::*;

    fn decoded(frame: &Frame) -> LdapMsg {
        let mut buffer = BytesMut::from(frame.as_slice());
        let message = codec().decode(&mut buffer).unwrap().unwrap();
        assert!(buffer.is_empty());
        message
    }

    fn password(text: &str) -> ClearPassword {
        ClearPassword::from_text(text).unwrap()
    }

    #[test]
    fn a_reset_replaces_the_password_and_unlocks_in_one_modify() {
        let frame = modify(77, "<GUID=x>", Write::Reset(&password("aé")), Some(POLICY_HINTS));
        let message = decoded(&frame);
        let LdapOp::ModifyRequest(sent) = message.op else { panic!("no modify") };
        assert_eq!((message.msgid, sent.dn.as_str()), (77, "<GUID=x>"));
        let changes: Vec<_> = sent
            .changes
            .into_iter()
            .map(|change| {
                assert!(matches!(change.operation, LdapModifyType::Replace));
                (change.modification.atype, change.modification.vals)
            })
            .collect();
        let quoted = vec![b'"', 0, b'a', 0, 0xe9, 0, b'"', 0];
        assert_eq!(
            changes,
            [
                ("unicodePwd".to_owned(), vec![quoted]),
                ("lockoutTime".to_owned(), vec![b"0".to_vec()])
            ]
        );
        let expected = LdapControl::Unknown {
            oid: POLICY_HINTS.to_owned(),
            criticality: true,
            value: Some(vec![0x30, 3, 2, 1, 1]),
        };
        assert_eq!(message.ctrl, [expected]);
        assert!(decoded(&modify(1, "x", Write::Reset(&password("a")), None)).ctrl.is_empty());
    }

    /// How each attribute is changed, and to what.
    fn changes_of(write: Write<'_>) -> Vec<(u8, String, Vec<Vec<u8>>)> {
        let message = decoded(&modify(7, "<GUID=x>", write, None));
        assert!(message.ctrl.is_empty());
        let LdapOp::ModifyRequest(modify) = message.op else { panic!("no modify") };
        let told = modify.changes.into_iter().map(|change| {
            let how = match change.operation {
                LdapModifyType::Add => ADD,
                LdapModifyType::Delete => DELETE,
                LdapModifyType::Replace => REPLACE,
                LdapModifyType::Increment => 3,
            };
            (how, change.modification.atype, change.modification.vals)
        });
        told.collect()
    }

    #[test]
    fn a_change_takes_the_old_password_away_and_adds_the_new_one() {
        let (old, new) = (password("a"), password("b"));
        let quoted = |letter: u8| vec![vec![b'"', 0, letter, 0, b'"', 0]];
        assert_eq!(
            changes_of(Write::Change { old: &old, new: &new }),
            [
                (DELETE, "unicodePwd".to_owned(), quoted(b'a')),
                (ADD, "unicodePwd".to_owned(), quoted(b'b')),
            ]
        );
    }

    #[test]
    fn an_unlock_and_a_required_change_write_one_attribute_each() {
        let zero = |name: &str| [(REPLACE, name.to_owned(), vec![b"0".to_vec()])];
        assert_eq!(changes_of(Write::Unlock), zero("lockoutTime"));
        assert_eq!(changes_of(Write::RequireChange), zero("pwdLastSet"));
    }

    #[test]
    fn a_bind_carries_name_and_password() {
        let message = decoded(&bind(1, "svc@corp.example", &password("pässword")));
        let LdapOp::BindRequest(bind) = message.op else { panic!("no bind") };
        assert_eq!((bind.version, bind.dn.as_str()), (3, "svc@corp.example"));
        assert!(bind.cred == LdapBindCred::Simple("pässword".to_owned()));
    }

    #[test]
    fn no_element_outgrows_its_buffer() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let element = element(tag::OCTETS, &[&content]);
            assert_eq!(element.capacity(), length + 10, "{length}");
        }
    }

    proptest! {
        #[test]
        fn reading_answers_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0..200_usize,
            byte in any::<u8>(),
        ) {
            let _ = codec().decode(&mut BytesMut::from(bytes.as_slice()));
            // And what is nearly right.
            let mut frame = modify(7, "CN=x", Write::Reset(&password("p")), Some(POLICY_HINTS)).to_vec();
            let place = at % frame.len();
            frame[place] = byte;
            let _ = codec().decode(&mut BytesMut::from(frame.as_slice()));
        }

        #[test]
        fn every_id_and_size_is_read_by_the_codec(id in 1..=i32::MAX, units in 1..=256_usize, target in "[ -~]{0,300}") {
            let message = decoded(&modify(id, &target, Write::Reset(&password(&"x".repeat(units))), Some(POLICY_HINTS)));
            prop_assert_eq!(message.msgid, id);
            let LdapOp::ModifyRequest(modify) = message.op else { panic!("no modify") };
            prop_assert_eq!(modify.dn, target);
            prop_assert_eq!(modify.changes[0].modification.vals[0].len(), 2 * (units + 2));
            prop_assert_eq!(decoded(&bind(id, "n", &password("p"))).msgid, id);
        }
    }
}
