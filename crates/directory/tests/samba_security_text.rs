//! Descriptors as bytes and as SDDL, compared with Samba's own library: what one writes the other
//! reads, and both write the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; the module is private and shared"
)]

#[path = "samba_security_oracle/mod.rs"]
mod oracle;

use directory::security::{
    Ace, AceBody, AceFlags, AceKind, Acl, Aliases, Control, SecurityDescriptor, mask,
};
use directory::{ObjectGuid, Sid};
use lab::Forest;
use oracle::{Parts, ask, hex, read, sid, some};
use proptest::prelude::*;

const TEXT: &str = include_str!("samba_security_oracle/text.py");
const DOMAIN: &str = "S-1-5-21-1-2-3";

fn aliases() -> Aliases {
    Aliases::of(sid(DOMAIN), sid(DOMAIN))
}

fn ask_samba(questions: &[String]) -> Vec<String> {
    let forest = Forest::of_running_lab().unwrap();
    ask(&forest, TEXT, &[DOMAIN.to_owned()], questions)
}

fn value(descriptor: &SecurityDescriptor) -> String {
    format!("value {}", hex(&descriptor.to_value().unwrap()))
}

fn text(text: &str) -> String {
    format!("text {}", hex(text.as_bytes()))
}

fn parts() -> Parts {
    let rid = |rid| sid(DOMAIN).with_rid(rid).unwrap();
    Parts {
        kinds: vec![
            AceKind::ALLOWED,
            AceKind::DENIED,
            AceKind::AUDIT,
            AceKind::ALLOWED_OBJECT,
            AceKind::DENIED_OBJECT,
            AceKind::AUDIT_OBJECT,
        ],
        flags: (0..=u8::MAX).filter(|flags| flags & 0x20 == 0).collect(),
        masks: mask_of_each_kind(),
        types: (1..4).map(|byte| ObjectGuid::from_bytes([byte; 16])).collect(),
        classes: (1..4).map(|byte| ObjectGuid::from_bytes([byte * 16; 16])).collect(),
        trustees: vec![
            Sid::everyone(),
            Sid::principal_self(),
            Sid::owner_rights(),
            sid("S-1-5-32-544"),
            sid("S-1-5-32-1000"),
            sid("S-1-16-4096"),
            sid("S-1-5-21-9-8-7-512"),
            sid("S-1-5-80-1-2-3-4-5-6-7-8-9-10-11-12-4294967295"),
            rid(512),
            rid(519),
            rid(500),
            rid(1104),
        ],
    }
}

/// Every bit, and the masks that have letters of their own.
fn mask_of_each_kind() -> Vec<u32> {
    let bits = (0..32).map(|bit| 1 << bit);
    let whole = [0, mask::FULL_CONTROL, 0x1f_01ff, 0x12_0089, 0x12_0116, 0x12_00a0, u32::MAX];
    bits.chain(whole).collect()
}

fn descriptors() -> impl Strategy<Value = SecurityDescriptor> {
    let list = || {
        let entries = prop::collection::vec(parts().entry(), 0..12);
        prop::option::of(entries.prop_map(|entries| Acl { revision: 4, entries }))
    };
    let who = || prop::option::of(prop::sample::select(parts().trustees));
    let flags = prop::sample::subsequence(
        vec![0x100_u16, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x1, 0x2],
        0..8,
    );
    (flags, who(), who(), list(), list()).prop_map(|(flags, owner, group, sacl, dacl)| {
        let present = |list: &Option<Acl>, bit: Control| list.as_ref().map_or(0, |_| bit.0);
        let control = flags.iter().fold(Control::SELF_RELATIVE.0, |sum, flag| sum | flag)
            | present(&sacl, Control::SACL_PRESENT)
            | present(&dacl, Control::DACL_PRESENT);
        SecurityDescriptor {
            control: Control(control),
            resource_manager: 0,
            owner,
            group,
            sacl,
            dacl,
        }
    })
}

/// The same without what SDDL does not hold.
fn as_text_holds_it(mut descriptor: SecurityDescriptor) -> SecurityDescriptor {
    descriptor.control.0 &= !(Control::OWNER_DEFAULTED.0 | Control::GROUP_DEFAULTED.0);
    for (list, flags) in [(&descriptor.dacl, 0x1500), (&descriptor.sacl, 0x2a00)] {
        if list.is_none() {
            descriptor.control.0 &= !flags;
        }
    }
    descriptor
}

#[test]
fn bytes_and_text_are_those_that_samba_writes() {
    let all = some(400, descriptors());
    let answers = ask_samba(&all.iter().map(value).collect::<Vec<_>>());
    for (descriptor, answer) in all.iter().zip(&answers) {
        let (bytes, sddl) = answer.split_once(' ').unwrap();
        assert_eq!(bytes, hex(&descriptor.to_value().unwrap()), "{descriptor:?}");
        assert_eq!(sddl, descriptor.to_sddl(&aliases()).unwrap(), "{descriptor:?}");
    }
}

#[test]
fn what_one_writes_as_text_the_other_reads() {
    let all = some(400, descriptors());
    let texts: Vec<String> = all.iter().map(|one| one.to_sddl(&aliases()).unwrap()).collect();
    let answers = ask_samba(&texts.iter().map(|one| text(one)).collect::<Vec<_>>());
    for ((descriptor, sddl), answer) in all.into_iter().zip(&texts).zip(&answers) {
        let expected = as_text_holds_it(descriptor);
        assert_eq!(read(answer), expected, "{sddl}");
        assert_eq!(SecurityDescriptor::from_sddl(sddl, &aliases()).unwrap(), expected, "{sddl}");
    }
}

#[test]
fn entries_with_conditions_are_kept_byte_by_byte() {
    let condition = b"artx\x00\x00\x00\x00";
    let all: Vec<SecurityDescriptor> = some(100, parts().entry())
        .into_iter()
        .map(|entry| {
            let kind = match entry.kind {
                AceKind::ALLOWED | AceKind::AUDIT => AceKind::ALLOWED_CALLBACK,
                AceKind::DENIED => AceKind::DENIED_CALLBACK,
                _ => AceKind::ALLOWED_CALLBACK_OBJECT,
            };
            let mut access = entry.access().unwrap().clone();
            access.application = condition.to_vec();
            let entries = vec![Ace { kind, body: AceBody::Access(access), ..entry }];
            SecurityDescriptor::of_dacl(Acl { revision: 4, entries })
        })
        .collect();
    for (descriptor, answer) in
        all.iter().zip(ask_samba(&all.iter().map(value).collect::<Vec<_>>()))
    {
        let (bytes, _) = answer.split_once(' ').unwrap();
        assert_eq!(read(bytes), *descriptor);
        assert!(descriptor.to_sddl(&aliases()).is_err());
    }
}

#[test]
fn every_two_letters_mean_the_same_to_both() {
    let letters = || ('A'..='Z').flat_map(|one| ('A'..='Z').map(move |two| format!("{one}{two}")));
    let forms: [fn(&str) -> String; 3] = [
        |who| format!("O:{who}"),
        |rights| format!("D:(A;;{rights};;;WD)"),
        |flags| format!("D:(A;{flags};RP;;;WD)"),
    ];
    let kinds =
        letters().chain(('A'..='Z').map(String::from)).map(|kind| format!("D:({kind};;RP;;;WD)"));
    let others = forms.iter().flat_map(|form| letters().map(move |letters| form(&letters)));
    let texts: Vec<String> = others.chain(kinds).collect();
    let answers = ask_samba(&texts.iter().map(|one| text(one)).collect::<Vec<_>>());
    let mut understood = 0;
    for (sddl, answer) in texts.iter().zip(&answers) {
        match (SecurityDescriptor::from_sddl(sddl, &aliases()), answer.as_str()) {
            (Ok(ours), "!") => {
                // Rights on keys of a registry, labels and central policies: not read by Samba.
                let known =
                    ["KA", "KR", "KW", "KX", "(ML", "(SP"].iter().any(|one| sddl.contains(one));
                assert!(known, "{sddl}: {ours:?}");
            }
            (Ok(ours), theirs) => {
                assert_eq!(read(theirs), ours, "{sddl}");
                understood += 1;
            }
            (Err(_), "!") => {}
            // Alarms are reserved (MS-DTYP 2.4.4.1): nothing in a directory has them.
            (Err(error), _) => {
                assert!(["(AL", "(OL"].iter().any(|one| sddl.contains(one)), "{sddl}: {error}")
            }
        }
    }
    // 66 aliases, 21 rights, 7 flags, 6 kinds of entries.
    assert_eq!(understood, 100);
}

#[test]
fn what_is_accepted_of_spoilt_text_samba_reads_the_same() {
    let spoil = (descriptors(), any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let spoilt = spoil.prop_map(|(descriptor, at, letter, how)| {
        let mut text: Vec<char> = descriptor.to_sddl(&aliases()).unwrap().chars().collect();
        if text.is_empty() {
            return String::new();
        }
        let (at, letters) = (at.index(text.len()), b"OGDSPAIRCW:();-x0159 ");
        let letter = char::from(letters[usize::from(letter) % letters.len()]);
        match how {
            0 => text[at] = letter,
            1 => text.insert(at, letter),
            2 => drop(text.remove(at)),
            _ => text.truncate(at),
        }
        text.into_iter().collect()
    });
    let texts = some(2000, spoilt);
    let answers = ask_samba(&texts.iter().map(|one| text(one)).collect::<Vec<_>>());
    let mut accepted = 0;
    for (sddl, answer) in texts.iter().zip(&answers) {
        if let Ok(ours) = SecurityDescriptor::from_sddl(sddl, &aliases()) {
            assert_ne!(answer, "!", "{sddl}");
            assert_eq!(read(answer), ours, "{sddl}");
            accepted += 1;
        }
    }
    assert!((100..1900).contains(&accepted), "{accepted}");
}

#[test]
fn flags_are_there_for_every_bit_but_one() {
    let entry = |flags| Ace::allow(mask::DELETE, Sid::everyone()).with(AceFlags(flags));
    for flags in 0..=u8::MAX {
        assert_eq!(entry(flags).to_sddl(&aliases()).is_err(), flags & 0x20 != 0);
    }
}
