//! Security descriptors as bytes: what "User cannot change password" is.

/// The right User-Change-Password, ab721a53-1e2f-11d0-9819-00aa0040529b, as it lies in an entry
/// (MS-DTYP 2.3.4.2).
const CHANGE_PASSWORD: [u8; 16] = [
    0x53, 0x1a, 0x72, 0xab, 0x2f, 0x1e, 0xd0, 0x11, 0x98, 0x19, 0x00, 0xaa, 0x00, 0x40, 0x52, 0x9b,
];
/// Everyone, S-1-1-0 (MS-DTYP 2.4.2.2).
const EVERYONE: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
/// The account itself, S-1-5-10.
const ITSELF: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 10, 0, 0, 0];

/// Types of entries (MS-DTYP 2.4.4.1).
const ALLOWED_OBJECT: u8 = 5;
const DENIED_OBJECT: u8 = 6;
/// ADS_RIGHT_DS_CONTROL_ACCESS.
const CONTROL_ACCESS: u32 = 0x100;
/// ACE_OBJECT_TYPE_PRESENT.
const OBJECT_TYPE: u32 = 1;
/// Type, flags, size, mask, flags of the object.
const ENTRY_HEAD: usize = 12;
/// Revision, size, number of entries.
const LIST_HEAD: usize = 8;
/// Revision, control, and four offsets; the last one is the DACL's (MS-DTYP 2.4.6).
const HEAD: usize = 20;
const DACL_OFFSET: usize = 16;

/// The descriptor with Change Password denied to everyone and to the account itself, and allowed
/// to neither: what Windows writes for "User cannot change password". Only the DACL is kept.
/// None if the bytes are no descriptor with a DACL.
pub(crate) fn without_change(descriptor: &[u8]) -> Option<Vec<u8>> {
    let start = usize::try_from(number(descriptor.get(DACL_OFFSET..)?)?).ok()?;
    let list = descriptor.get(start..).filter(|_| start >= HEAD)?;
    let mut entries = vec![denial(&EVERYONE), denial(&ITSELF)];
    let mut rest = list.get(LIST_HEAD..)?;
    for _ in 0..u16::from_le_bytes(list.get(4..6)?.try_into().ok()?) {
        let size = usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?));
        let (entry, after) = rest.split_at_checked(size)?;
        if !allows_change(entry) {
            entries.push(entry.to_vec());
        }
        rest = after;
    }
    let count = u16::try_from(entries.len()).ok()?;
    let entries = entries.concat();
    let size = u16::try_from(LIST_HEAD + entries.len()).ok()?;

    let mut changed = descriptor.get(..4)?.to_vec();
    for offset in [0, 0, 0, u32::try_from(HEAD).ok()?] {
        changed.extend(offset.to_le_bytes());
    }
    changed.extend([*list.first()?, 0]);
    changed.extend(size.to_le_bytes());
    changed.extend(count.to_le_bytes());
    changed.extend([0, 0]);
    changed.extend(entries);
    Some(changed)
}

/// An entry that would say the contrary.
fn allows_change(entry: &[u8]) -> bool {
    let trustee = entry.get(ENTRY_HEAD + CHANGE_PASSWORD.len()..);
    entry.first() == Some(&ALLOWED_OBJECT)
        && entry.get(8..).and_then(number) == Some(OBJECT_TYPE)
        && entry.get(ENTRY_HEAD..).is_some_and(|object| object.starts_with(&CHANGE_PASSWORD))
        && trustee.is_some_and(|sid| sid == EVERYONE || sid == ITSELF)
}

fn denial(trustee: &[u8; 12]) -> Vec<u8> {
    let size = ENTRY_HEAD + CHANGE_PASSWORD.len() + trustee.len();
    let mut entry = vec![DENIED_OBJECT, 0, u8::try_from(size).unwrap_or(u8::MAX), 0];
    entry.extend(CONTROL_ACCESS.to_le_bytes());
    entry.extend(OBJECT_TYPE.to_le_bytes());
    entry.extend(CHANGE_PASSWORD);
    entry.extend(trustee);
    entry
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(entries: &[Vec<u8>]) -> Vec<u8> {
        let bytes = entries.concat();
        let mut all = vec![1, 0, 4, 0x84];
        for offset in [0_u32, 0, 0, 20] {
            all.extend(offset.to_le_bytes());
        }
        all.extend([4, 0]);
        all.extend(u16::try_from(8 + bytes.len()).unwrap().to_le_bytes());
        all.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
        all.extend([0, 0]);
        all.extend(bytes);
        all
    }

    fn permission(trustee: &[u8; 12]) -> Vec<u8> {
        let mut entry = denial(trustee);
        entry[0] = ALLOWED_OBJECT;
        entry
    }

    #[test]
    fn permission_becomes_denial_and_everything_else_stays_behind_it() {
        let stranger = permission(&[1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0]);
        let before = descriptor(&[permission(&ITSELF), stranger.clone(), permission(&EVERYONE)]);
        let after = without_change(&before).unwrap();
        assert_eq!(after, descriptor(&[denial(&EVERYONE), denial(&ITSELF), stranger]));
        assert_eq!(without_change(&after).unwrap().len(), after.len() + 80);
    }

    #[test]
    fn what_is_no_descriptor_is_not_changed() {
        let whole = descriptor(&[permission(&ITSELF)]);
        for length in 0..whole.len() {
            assert_eq!(without_change(&whole[..length]), None, "{length}");
        }
    }
}
