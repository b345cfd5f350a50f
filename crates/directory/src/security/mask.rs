//! The bits of an access mask on an object of a directory (MS-ADTS 5.1.3.2, MS-DTYP 2.4.3).

/// RIGHT_DS_CREATE_CHILD: to make objects below it.
pub const CREATE_CHILD: u32 = 0x1;
/// RIGHT_DS_DELETE_CHILD: to delete objects below it.
pub const DELETE_CHILD: u32 = 0x2;
/// RIGHT_DS_LIST_CONTENTS: to see what is below it.
pub const LIST_CONTENTS: u32 = 0x4;
/// RIGHT_DS_WRITE_PROPERTY_EXTENDED: validated writes.
pub const VALIDATED_WRITE: u32 = 0x8;
/// RIGHT_DS_READ_PROPERTY: to read attributes.
pub const READ_PROPERTY: u32 = 0x10;
/// RIGHT_DS_WRITE_PROPERTY: to write attributes.
pub const WRITE_PROPERTY: u32 = 0x20;
/// RIGHT_DS_DELETE_TREE: to delete it with all below it.
pub const DELETE_TREE: u32 = 0x40;
/// RIGHT_DS_LIST_OBJECT: to see it where its parent's contents may not be listed.
pub const LIST_OBJECT: u32 = 0x80;
/// RIGHT_DS_CONTROL_ACCESS: what a control access right stands for.
pub const CONTROL_ACCESS: u32 = 0x100;
/// RIGHT_DELETE: to delete it.
pub const DELETE: u32 = 0x1_0000;
/// RIGHT_READ_CONTROL: to read its descriptor.
pub const READ_CONTROL: u32 = 0x2_0000;
/// RIGHT_WRITE_DAC: to change its DACL.
pub const WRITE_DACL: u32 = 0x4_0000;
/// RIGHT_WRITE_OWNER: to take it over.
pub const WRITE_OWNER: u32 = 0x8_0000;
/// RIGHT_GENERIC_ALL: all of the above.
pub const GENERIC_ALL: u32 = 0x1000_0000;
/// RIGHT_GENERIC_EXECUTE.
pub const GENERIC_EXECUTE: u32 = 0x2000_0000;
/// RIGHT_GENERIC_WRITE.
pub const GENERIC_WRITE: u32 = 0x4000_0000;
/// RIGHT_GENERIC_READ.
pub const GENERIC_READ: u32 = 0x8000_0000;

/// Everything that can be done to an object.
pub const FULL_CONTROL: u32 = 0x000f_01ff;

/// What the generic rights of a mask stand for on objects of a directory (MS-ADTS 5.1.3.2), in
/// their order: read, write, execute, all.
const GENERIC: [(u32, u32); 4] = [
    (GENERIC_READ, READ_CONTROL | LIST_CONTENTS | READ_PROPERTY | LIST_OBJECT),
    (GENERIC_WRITE, READ_CONTROL | VALIDATED_WRITE | WRITE_PROPERTY),
    (GENERIC_EXECUTE, READ_CONTROL | LIST_CONTENTS),
    (GENERIC_ALL, FULL_CONTROL),
];

/// Whether there are generic rights in a mask.
pub const fn has_generic(mask: u32) -> bool {
    mask & (GENERIC_ALL | GENERIC_EXECUTE | GENERIC_WRITE | GENERIC_READ) != 0
}

/// The mask with its generic rights replaced by what they stand for.
pub fn mapped(mask: u32) -> u32 {
    GENERIC.iter().fold(
        mask,
        |mask, (generic, rights)| {
            if mask & generic == 0 { mask } else { mask & !generic | rights }
        },
    )
}

/// The single rights of a mask, the lowest bit first.
pub(crate) fn bits(mask: u32) -> impl Iterator<Item = u32> {
    (0..u32::BITS).map(|bit| 1 << bit).filter(move |bit| mask & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_rights_become_what_the_directory_takes_them_for() {
        for (generic, rights) in [
            (GENERIC_READ, 0x2_0094),
            (GENERIC_WRITE, 0x2_0028),
            (GENERIC_EXECUTE, 0x2_0004),
            (GENERIC_ALL, 0xf_01ff),
            (0, 0),
        ] {
            assert_eq!(mapped(generic | DELETE), rights | DELETE);
            assert_eq!(has_generic(generic), generic != 0);
        }
        assert_eq!(mapped(GENERIC_READ | GENERIC_WRITE), 0x2_00bc);
    }

    #[test]
    fn a_mask_is_its_bits() {
        assert_eq!(bits(0).count(), 0);
        assert_eq!(bits(READ_CONTROL | CONTROL_ACCESS).collect::<Vec<_>>(), [0x100, 0x2_0000]);
        assert_eq!(bits(u32::MAX).count(), 32);
    }
}
