//! From LDAP's requests to what the domain understands.

use directory::PolicyControl;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{LdapModify, LdapModifyType, LdapResultCode};
use protocol::ClearPassword;

use crate::answer::Refused;
use crate::modify::{AttributeWrite, How, Modification, PasswordWrite};

/// The value of the policy-hints control that asks for history: SEQUENCE { INTEGER 1 }
/// (MS-ADTS 3.1.1.3.4.1, PolicyHintsRequestValue).
const ENFORCE: &[u8] = &[0x30, 0x03, 0x02, 0x01, 0x01];

/// What the controls of a request ask for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) hints: bool,
    pub(super) sd_parts: Option<u32>,
    pub(super) page: Option<(usize, Vec<u8>)>,
}

/// Reads the controls; a critical one that is not offered is refused (RFC 4511 section 4.1.11).
pub(super) fn wishes(controls: &[LdapControl], offered: &[&str]) -> Result<Wishes, Refused> {
    let mut wishes = Wishes::default();
    for control in controls {
        match control {
            LdapControl::SimplePagedResults { size, cookie } => {
                let size = usize::try_from(*size).unwrap_or_default();
                wishes.page = Some((size, cookie.clone()));
            }
            LdapControl::SdFlags { flags, .. } => wishes.sd_parts = Some(flags.cast_unsigned()),
            LdapControl::Unknown { oid, value, .. } if offered.contains(&oid.as_str()) => {
                let hints = [PolicyControl::Current.oid(), PolicyControl::Deprecated.oid()];
                if hints.contains(&oid.as_str()) {
                    wishes.hints = value.as_deref() == Some(ENFORCE);
                }
            }
            LdapControl::Unknown { criticality: false, .. } => {}
            // Whatever else the codec knows is not offered.
            other if is_critical(other) => {
                return Err(Refused::new(LdapResultCode::UnavailableCriticalExtension, ""));
            }
            _ => {}
        }
    }
    Ok(wishes)
}

const fn is_critical(control: &LdapControl) -> bool {
    match control {
        LdapControl::Unknown { criticality, .. }
        | LdapControl::SyncRequest { criticality, .. }
        | LdapControl::ManageDsaIT { criticality }
        | LdapControl::PasswordPolicyRequest { criticality }
        | LdapControl::SearchOptions { criticality, .. }
        | LdapControl::ShowDeleted { criticality }
        | LdapControl::ExtendedDn { criticality, .. } => *criticality,
        // The codec does not say; they are always sent as critical.
        LdapControl::AdDirsync { .. } | LdapControl::ServerSort { .. } => true,
        _ => false,
    }
}

/// Reads the changes of a modify. A password is replaced, or deleted and added in one request
/// (MS-ADTS 3.1.1.3.1.5).
pub(super) fn modification(
    changes: &[LdapModify],
    wishes: &Wishes,
) -> Result<Modification, Refused> {
    let Wishes { hints, sd_parts, .. } = *wishes;
    let mut asked = Modification { hints, sd_parts, ..Modification::default() };
    let (mut old, mut new) = (None, None);
    for change in changes {
        let (name, values) = (&change.modification.atype, &change.modification.vals);
        if name.eq_ignore_ascii_case("unicodePwd") {
            let password = password(values)?;
            match change.operation {
                LdapModifyType::Replace => asked.password = Some(PasswordWrite::Reset(password)),
                LdapModifyType::Delete => old = Some(password),
                LdapModifyType::Add => new = Some(password),
                LdapModifyType::Increment => return Err(unlike_a_password()),
            }
            continue;
        }
        let how = match change.operation {
            LdapModifyType::Add => How::Add,
            LdapModifyType::Delete => How::Delete,
            LdapModifyType::Replace => How::Replace,
            LdapModifyType::Increment => {
                return Err(Refused::unwilling("00002077: increment is not offered"));
            }
        };
        asked.others.push(AttributeWrite { name: name.clone(), how, values: values.clone() });
    }
    match (old, new) {
        (None, None) => {}
        (Some(old), Some(new)) if asked.password.is_none() => {
            asked.password = Some(PasswordWrite::Change { old, new });
        }
        _ => return Err(unlike_a_password()),
    }
    Ok(asked)
}

/// One value: the password in double quotes, as UTF-16LE.
fn password(values: &[Vec<u8>]) -> Result<ClearPassword, Refused> {
    let [value] = values else { return Err(unlike_a_password()) };
    if !value.len().is_multiple_of(2) {
        return Err(unlike_a_password());
    }
    let units = value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    let text = text.map_err(|_| unlike_a_password())?;
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.ok_or_else(unlike_a_password)?;
    ClearPassword::from_text(inner).map_err(|_| Refused::policy_form())
}

fn unlike_a_password() -> Refused {
    Refused::unwilling("0000001F: the value of unicodePwd is not a password in quotes")
}

#[cfg(test)]
mod tests {
    use ldap3_proto::proto::LdapPartialAttribute;

    use super::*;

    fn control(oid: &str, criticality: bool, value: &[u8]) -> LdapControl {
        LdapControl::Unknown { oid: oid.to_owned(), criticality, value: Some(value.to_vec()) }
    }

    fn change(operation: LdapModifyType, value: &[u8]) -> LdapModify {
        let modification =
            LdapPartialAttribute { atype: "UnicodePwd".to_owned(), vals: vec![value.to_vec()] };
        LdapModify { operation, modification }
    }

    fn quoted(text: &str) -> Vec<u8> {
        format!("\"{text}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn hints_are_taken_with_the_value_that_asks_for_history_only() {
        let oid = PolicyControl::Current.oid();
        assert!(wishes(&[control(oid, true, ENFORCE)], &[oid]).unwrap().hints);
        assert!(!wishes(&[control(oid, true, &[0x30, 3, 2, 1, 0])], &[oid]).unwrap().hints);
        let refused = wishes(&[control(oid, true, ENFORCE)], &[]).unwrap_err();
        assert_eq!(refused.code, LdapResultCode::UnavailableCriticalExtension);
        assert!(!wishes(&[control(oid, false, ENFORCE)], &[]).unwrap().hints);
        assert!(wishes(&[LdapControl::ShowDeleted { criticality: true }], &[]).is_err());
    }

    #[test]
    fn a_password_is_in_quotes_and_utf16() {
        let wishes = Wishes::default();
        let read = |value: &[u8]| modification(&[change(LdapModifyType::Replace, value)], &wishes);
        let asked = read(&quoted("\"é😀")).unwrap();
        let Some(PasswordWrite::Reset(password)) = asked.password else { panic!("no reset") };
        assert_eq!(*password.to_text(), "\"é😀");
        for bad in [&b"abc"[..], b"ab", &quoted("")[..2], &quoted(""), &[0x22, 0, 0, 0xd8, 0x22, 0]]
        {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_change_has_the_old_one_and_the_new_one() {
        let (old, new) = (quoted("old"), quoted("new"));
        let (delete, add) = (LdapModifyType::Delete, LdapModifyType::Add);
        let wishes = Wishes::default();
        let both = modification(&[change(delete, &old), change(add, &new)], &wishes).unwrap();
        assert!(matches!(both.password, Some(PasswordWrite::Change { .. })));
        assert!(modification(&[change(LdapModifyType::Delete, &old)], &wishes).is_err());
    }
}
