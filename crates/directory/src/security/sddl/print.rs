//! From descriptors to text.

use std::fmt::Write as _;

use super::super::{Ace, AceFlags, AceKind, Acl, Control, SecurityDescriptor};
use super::tokens::{self, Token};
use super::{Aliases, Place, SddlError};
use crate::Sid;

/// What a list is called in text and in an error, and which control bits say what of it.
struct Part {
    letter: &'static str,
    name: &'static str,
    present: Control,
    flags: [Token<Control>; 3],
}

const DACL: Part = Part {
    letter: "D:",
    name: "DACL",
    present: Control::DACL_PRESENT,
    flags: super::read::DACL_FLAGS,
};
const SACL: Part = Part {
    letter: "S:",
    name: "SACL",
    present: Control::SACL_PRESENT,
    flags: super::read::SACL_FLAGS,
};

/// The whole descriptor; an error names the entry that has no text.
pub(super) fn descriptor(
    descriptor: &SecurityDescriptor,
    aliases: &Aliases,
) -> Result<String, SddlError> {
    let mut text = String::new();
    for (letter, who) in [("O:", &descriptor.owner), ("G:", &descriptor.group)] {
        if let Some(who) = who {
            text.push_str(letter);
            sid(&mut text, who, aliases);
        }
    }
    list(&mut text, &DACL, descriptor.control, descriptor.dacl.as_ref(), aliases)?;
    list(&mut text, &SACL, descriptor.control, descriptor.sacl.as_ref(), aliases)?;
    Ok(text)
}

fn list(
    text: &mut String,
    part: &Part,
    control: Control,
    list: Option<&Acl>,
    aliases: &Aliases,
) -> Result<(), SddlError> {
    if list.is_none() && !control.contains(part.present) {
        return Ok(());
    }
    text.push_str(part.letter);
    for (letters, bit) in part.flags {
        text.push_str(if control.contains(bit) { letters } else { "" });
    }
    let Some(list) = list else {
        text.push_str(tokens::NO_LIST);
        return Ok(());
    };
    for (index, one) in list.entries.iter().enumerate() {
        let at = Place::Entry { list: part.name, number: index + 1 };
        entry(text, one, aliases).map_err(|what| SddlError { at, what })?;
    }
    Ok(())
}

/// Appends one entry. An error says why it has no text; what was appended by then is of no use.
pub(super) fn entry(text: &mut String, entry: &Ace, aliases: &Aliases) -> Result<(), &'static str> {
    if tokens::EXPRESSIONS.iter().any(|(_, kind)| *kind == entry.kind) {
        return Err("it holds an expression, which is not put into words here");
    }
    let kind = tokens::KINDS.iter().find(|(_, kind)| *kind == entry.kind);
    let (Some((kind, _)), Some(access)) = (kind, entry.access()) else {
        return Err("its kind has no letters");
    };
    if !access.application.is_empty() {
        return Err("there are bytes behind whom it is about");
    }
    let types = [access.object_type, access.inherited_object_type];
    if !entry.kind.has_types() && types.iter().any(Option::is_some) {
        return Err("its kind has no room for a type of object");
    }
    text.push('(');
    text.push_str(kind);
    text.push(';');
    let mut left = entry.flags;
    for (letters, flag) in tokens::FLAGS {
        text.push_str(if left.contains(flag) { letters } else { "" });
        left = left.without(flag);
    }
    if left != AceFlags::NONE {
        return Err("one of its flags has no letters");
    }
    text.push(';');
    rights(text, entry.kind, access.mask);
    for guid in types {
        text.push(';');
        if let Some(guid) = guid {
            append(text, format_args!("{guid}"));
        }
    }
    text.push(';');
    sid(text, &access.trustee, aliases);
    text.push(')');
    Ok(())
}

fn rights(text: &mut String, kind: AceKind, mask: u32) {
    let single: &[Token<u32>] =
        if kind == AceKind::MANDATORY_LABEL { &tokens::LABEL_RIGHTS } else { &tokens::RIGHTS };
    if let Some((letters, _)) = tokens::FILE_RIGHTS.iter().find(|(_, rights)| *rights == mask) {
        text.push_str(letters);
    } else if single.iter().fold(mask, |left, (_, bit)| left & !bit) == 0 {
        for (letters, bit) in single {
            text.push_str(if mask & bit != 0 { letters } else { "" });
        }
    } else {
        append(text, format_args!("0x{mask:x}"));
    }
}

fn sid(text: &mut String, sid: &Sid, aliases: &Aliases) {
    match aliases.of_sid(sid) {
        Some(alias) => text.push_str(alias),
        None => append(text, format_args!("{sid}")),
    }
}

fn append(text: &mut String, what: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(what);
}
