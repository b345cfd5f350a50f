//! Security descriptors: who may do what to an object (MS-DTYP 2.4.6, MS-ADTS 5.1.3).
//!
//! ```text
//! SecurityDescriptor   owner, group, DACL, SACL; self-relative, as `nTSecurityDescriptor` holds it
//!   acl                the lists and their entries, every kind kept
//!   write              the same as bytes again
//!   build, edit        entries made, put where they belong, and taken away again
//!   sddl               the same as text that administrators' tools read (MS-DTYP 2.5.1)
//!   mask               what can be done to an object, bit by bit
//!   effective          whether somebody may do something, and which entry says so
//!   inherit            what an object below gets of it
//!   rights             what writeback needs, by name                    (SPEC D-12)
//!   access             "user cannot change password"                    (SPEC D-7)
//! ```
//!
//! Whether an account may do something is [`SecurityDescriptor::effective`]; whether it could on what
//! is made below, [`SecurityDescriptor::effective_below`]; for the rights of SPEC D-12 as a whole
//! there is [`rights::Permission`].
//!
//! What is read comes from a directory that may be anybody's: every size and offset is checked
//! before it is followed, and no more is kept than there were bytes.

use ldap3_proto::control::LdapControl;

use crate::{Sid, SidError};

mod access;
mod acl;
mod build;
mod edit;
mod effective;
mod inherit;
pub mod mask;
pub mod rights;
mod sddl;
mod write;

pub use access::cannot_change_password;
pub use acl::{Access, Ace, AceBody, AceFlags, AceKind, Acl};
pub use effective::{Decision, Ground, Property, Requester, Ruling, Target, Wanted};
pub use inherit::{Below, Child, Depth};
pub use mask::CONTROL_ACCESS;
pub use rights::CHANGE_PASSWORD;
pub use sddl::{Aliases, Place, SddlError};
pub use write::WriteError;

/// The attribute that holds an object's descriptor.
pub(crate) const ATTRIBUTE: &str = "nTSecurityDescriptor";
/// OWNER_, GROUP_ and DACL_SECURITY_INFORMATION (MS-ADTS 3.1.1.3.4.1.11): the descriptor without its
/// SACL. Who may read the DACL may read the other two (MS-ADTS 3.1.1.4.4), and without the owner the
/// entries for Owner Rights would be about nobody.
const WITHOUT_SACL: i32 = 1 | 2 | 4;

/// The length of what stands before everything else, in bytes.
const HEADER: usize = 20;
/// The only revision there is.
const REVISION: u8 = 1;

/// A security descriptor (MS-DTYP 2.4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityDescriptor {
    /// What is there, and how it came about.
    pub control: Control,
    /// Resource manager control bits (`Sbz1`); they mean something only with
    /// [`Control::RM_CONTROL_VALID`].
    pub resource_manager: u8,
    /// The owner.
    pub owner: Option<Sid>,
    /// The owner's primary group.
    pub group: Option<Sid>,
    /// What is audited. None: there is none, or it was not asked for.
    pub sacl: Option<Acl>,
    /// Who may do what. None: nothing is refused to anybody (MS-DTYP 2.5.3.2), which is the
    /// opposite of an empty list.
    pub dacl: Option<Acl>,
}

/// The control bits of a descriptor (MS-DTYP 2.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control(pub u16);

impl Control {
    /// OD: the owner was given by default.
    pub const OWNER_DEFAULTED: Self = Self(0x0001);
    /// GD: the group was given by default.
    pub const GROUP_DEFAULTED: Self = Self(0x0002);
    /// DP: there is a DACL; with an offset of 0 it is the one that refuses nothing.
    pub const DACL_PRESENT: Self = Self(0x0004);
    /// SP: there is a SACL.
    pub const SACL_PRESENT: Self = Self(0x0010);
    /// DC: the DACL should be inherited by what is below.
    pub const DACL_AUTO_INHERIT_REQUIRED: Self = Self(0x0100);
    /// SC: the SACL should be inherited by what is below.
    pub const SACL_AUTO_INHERIT_REQUIRED: Self = Self(0x0200);
    /// DI: inheritance has been worked out for the DACL.
    pub const DACL_AUTO_INHERITED: Self = Self(0x0400);
    /// SI: inheritance has been worked out for the SACL.
    pub const SACL_AUTO_INHERITED: Self = Self(0x0800);
    /// PS: the SACL inherits nothing.
    pub const SACL_PROTECTED: Self = Self(0x2000);
    /// PD: the DACL inherits nothing.
    pub const DACL_PROTECTED: Self = Self(0x1000);
    /// RM: [`SecurityDescriptor::resource_manager`] means something.
    pub const RM_CONTROL_VALID: Self = Self(0x4000);
    /// SR: everything stands in one piece, found by offsets.
    pub const SELF_RELATIVE: Self = Self(0x8000);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Bytes that are not a security descriptor, and what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a security descriptor: {0}")]
pub struct DescriptorError(pub(crate) &'static str);

impl From<SidError> for DescriptorError {
    fn from(_: SidError) -> Self {
        Self("a security identifier cannot be read")
    }
}

impl SecurityDescriptor {
    /// Reads the self-relative form.
    ///
    /// # Errors
    /// [`DescriptorError`] for another revision or form, and for an offset, size or count that
    /// leads out of the bytes.
    pub fn from_value(value: &[u8]) -> Result<Self, DescriptorError> {
        let mut header = Bytes(value);
        if header.byte()? != REVISION {
            return Err(DescriptorError("unknown revision"));
        }
        let resource_manager = header.byte()?;
        let control = Control(header.u16()?);
        if !control.contains(Control::SELF_RELATIVE) {
            return Err(DescriptorError("not self-relative"));
        }
        let mut part = || header.u32().map(|offset| Part { value, offset });
        let (owner, group, sacl, dacl) = (part()?, part()?, part()?, part()?);
        let list = |present: Control, part: Part<'_>| {
            if control.contains(present) { part.read(Acl::from_front) } else { Ok(None) }
        };
        let sid = |part: Part<'_>| part.read(|at| Ok(Sid::from_front(at)?.0));
        Ok(Self {
            control,
            resource_manager,
            owner: sid(owner)?,
            group: sid(group)?,
            sacl: list(Control::SACL_PRESENT, sacl)?,
            dacl: list(Control::DACL_PRESENT, dacl)?,
        })
    }

    /// A descriptor that holds a DACL and nothing else.
    pub const fn of_dacl(dacl: Acl) -> Self {
        Self {
            control: Control(Control::SELF_RELATIVE.0 | Control::DACL_PRESENT.0),
            resource_manager: 0,
            owner: None,
            group: None,
            sacl: None,
            dacl: Some(dacl),
        }
    }

    /// Whether the DACL is kept from inheriting anything: a right that is delegated above does not
    /// reach this object (SPEC D-12, "broken inheritance").
    pub const fn is_protected(&self) -> bool {
        self.control.contains(Control::DACL_PROTECTED)
    }
}

/// The controls of a search for these attributes.
pub(crate) fn controls_for(attributes: &[&str]) -> Vec<LdapControl> {
    let asked = attributes.iter().any(|name| name.eq_ignore_ascii_case(ATTRIBUTE));
    asked.then(readable_parts).into_iter().collect()
}

/// Asks for a descriptor without its SACL: that one takes a privilege, and who lacks it is given nothing
/// at all (MS-ADTS 3.1.1.4.4). Not critical: from a controller without the control the descriptor merely
/// stays away.
pub(crate) const fn readable_parts() -> LdapControl {
    LdapControl::SdFlags { criticality: false, flags: WITHOUT_SACL }
}

/// A part of a descriptor: where it begins, counted from the descriptor's first byte; 0 is nowhere.
struct Part<'a> {
    value: &'a [u8],
    offset: u32,
}

impl<'a> Part<'a> {
    fn read<T>(
        self,
        read: impl FnOnce(&'a [u8]) -> Result<T, DescriptorError>,
    ) -> Result<Option<T>, DescriptorError> {
        if self.offset == 0 {
            return Ok(None);
        }
        let offset = usize::try_from(self.offset).ok().filter(|offset| *offset >= HEADER);
        let at = offset.and_then(|offset| self.value.get(offset..));
        read(at.ok_or(DescriptorError("an offset leads out of it"))?).map(Some)
    }
}

/// Bytes that are read from the front, numbers little endian.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    /// Takes `count` bytes off the front; an error, and nothing taken, if there are fewer.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DescriptorError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DescriptorError("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DescriptorError> {
        self.take(N)?.try_into().map_err(|_| DescriptorError("too short"))
    }

    /// Takes one byte as a number.
    pub(crate) fn byte(&mut self) -> Result<u8, DescriptorError> {
        self.array().map(u8::from_le_bytes)
    }

    /// Takes two bytes as a number, the least significant first.
    pub(crate) fn u16(&mut self) -> Result<u16, DescriptorError> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes four bytes as a number, the least significant first.
    pub(crate) fn u32(&mut self) -> Result<u32, DescriptorError> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes 16 bytes as a GUID in the order of a directory's values (MS-DTYP 2.3.4.2).
    pub(crate) fn guid(&mut self) -> Result<crate::ObjectGuid, DescriptorError> {
        self.array().map(crate::ObjectGuid::from_bytes)
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
