//! Access control lists and their entries (MS-DTYP 2.4.5, 2.4.4).

use super::{Bytes, DescriptorError};
use crate::{ObjectGuid, Sid};

/// The length of a list's header, in bytes.
const LIST_HEADER: usize = 8;
/// The length of an entry's header, in bytes.
const ENTRY_HEADER: usize = 4;
/// The revisions of a list: 2; 3, which also holds the reserved compound entries; 4, which also
/// holds entries for a kind of object (MS-DTYP 2.4.5).
const REVISIONS: std::ops::RangeInclusive<u8> = 2..=4;
/// ACE_OBJECT_TYPE_PRESENT (MS-DTYP 2.4.4.3).
pub(super) const OBJECT_TYPE: u32 = 0x1;
/// ACE_INHERITED_OBJECT_TYPE_PRESENT.
pub(super) const INHERITED_OBJECT_TYPE: u32 = 0x2;

/// An access control list: its entries in their order, which decides (MS-DTYP 2.4.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// AclRevision.
    pub revision: u8,
    /// The entries.
    pub entries: Vec<Ace>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ace {
    /// What it does.
    pub kind: AceKind,
    /// Where it comes from and where it goes.
    pub flags: AceFlags,
    /// The rest.
    pub body: AceBody,
}

/// What follows an entry's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AceBody {
    /// Rights, whom they are about, and on what.
    Access(Access),
    /// The bytes of a kind that is reserved or not known here.
    Opaque(Vec<u8>),
}

/// Rights, whom they are about, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// ACCESS_MASK (MS-DTYP 2.4.3; MS-ADTS 5.1.3.2 for those of directories).
    pub mask: u32,
    /// The control access right, property set, attribute or class that it is about. None: all.
    pub object_type: Option<ObjectGuid>,
    /// The class of object that inherits it. None: all. On the object that the entry stands on it
    /// has no meaning.
    pub inherited_object_type: Option<ObjectGuid>,
    /// Whom it is about.
    pub trustee: Sid,
    /// What follows: the condition of a callback entry, the claim of a resource attribute, or
    /// nothing.
    pub application: Vec<u8>,
}

/// AceType (MS-DTYP 2.4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AceKind(pub u8);

#[expect(missing_docs, reason = "the names are those of MS-DTYP 2.4.4.1")]
impl AceKind {
    pub const ALLOWED: Self = Self(0x00);
    pub const DENIED: Self = Self(0x01);
    pub const AUDIT: Self = Self(0x02);
    pub const ALLOWED_OBJECT: Self = Self(0x05);
    pub const DENIED_OBJECT: Self = Self(0x06);
    pub const AUDIT_OBJECT: Self = Self(0x07);
    pub const ALLOWED_CALLBACK: Self = Self(0x09);
    pub const DENIED_CALLBACK: Self = Self(0x0a);
    pub const ALLOWED_CALLBACK_OBJECT: Self = Self(0x0b);
    pub const DENIED_CALLBACK_OBJECT: Self = Self(0x0c);
    pub const AUDIT_CALLBACK: Self = Self(0x0d);
    pub const AUDIT_CALLBACK_OBJECT: Self = Self(0x0f);
    pub const MANDATORY_LABEL: Self = Self(0x11);
    pub const RESOURCE_ATTRIBUTE: Self = Self(0x12);
    pub const SCOPED_POLICY_ID: Self = Self(0x13);
}

/// AceFlags (MS-DTYP 2.4.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AceFlags(pub u8);

impl AceFlags {
    /// It has effect where it stands and goes nowhere.
    pub const NONE: Self = Self(0);
    /// Objects below that are no containers inherit it, which no object of a directory is.
    pub const OBJECT_INHERIT: Self = Self(0x01);
    /// Containers below inherit it; every object of a directory is a container.
    pub const CONTAINER_INHERIT: Self = Self(0x02);
    /// Only what is right below inherits it.
    pub const NO_PROPAGATE: Self = Self(0x04);
    /// It is there to be inherited and has no effect on the object itself.
    pub const INHERIT_ONLY: Self = Self(0x08);
    /// It was inherited.
    pub const INHERITED: Self = Self(0x10);
    /// What succeeds is audited.
    pub const AUDIT_SUCCESS: Self = Self(0x40);
    /// What fails is audited.
    pub const AUDIT_FAILURE: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These with the bits of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Acl {
    /// Reads the list at the front of these bytes.
    pub(crate) fn from_front(value: &[u8]) -> Result<Self, DescriptorError> {
        let mut header = Bytes(value);
        let revision = header.byte()?;
        if !REVISIONS.contains(&revision) {
            return Err(DescriptorError("unknown revision of a list"));
        }
        header.byte()?;
        let (size, count) = (usize::from(header.u16()?), header.u16()?);
        header.u16()?;
        let rest = size.checked_sub(LIST_HEADER).ok_or(DescriptorError("a list without size"))?;
        let mut list = Bytes(header.take(rest)?);
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(Ace::from_front(&mut list)?);
        }
        // What is left of the size is room for further entries.
        Ok(Self { revision, entries })
    }
}

impl Ace {
    fn from_front(list: &mut Bytes<'_>) -> Result<Self, DescriptorError> {
        let (kind, flags) = (AceKind(list.byte()?), AceFlags(list.byte()?));
        let size = usize::from(list.u16()?);
        let rest =
            size.checked_sub(ENTRY_HEADER).ok_or(DescriptorError("an entry without size"))?;
        let body = list.take(rest)?;
        let body = match kind.form() {
            Some(form) => AceBody::Access(Access::read(form, Bytes(body))?),
            None => AceBody::Opaque(body.to_vec()),
        };
        Ok(Self { kind, flags, body })
    }
}

/// How an entry is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Mask and trustee.
    Plain,
    /// Mask, flags, up to two types, and trustee.
    Object,
}

impl AceKind {
    /// How entries of this kind are laid out; none for the kinds that are not looked into.
    pub(super) fn form(self) -> Option<Form> {
        match self {
            Self::ALLOWED
            | Self::DENIED
            | Self::AUDIT
            | Self::ALLOWED_CALLBACK
            | Self::DENIED_CALLBACK
            | Self::AUDIT_CALLBACK
            | Self::MANDATORY_LABEL
            | Self::RESOURCE_ATTRIBUTE
            | Self::SCOPED_POLICY_ID => Some(Form::Plain),
            Self::ALLOWED_OBJECT
            | Self::DENIED_OBJECT
            | Self::AUDIT_OBJECT
            | Self::ALLOWED_CALLBACK_OBJECT
            | Self::DENIED_CALLBACK_OBJECT
            | Self::AUDIT_CALLBACK_OBJECT => Some(Form::Object),
            _ => None,
        }
    }
}

impl Access {
    fn read(form: Form, mut body: Bytes<'_>) -> Result<Self, DescriptorError> {
        let mask = body.u32()?;
        let present = if form == Form::Object { body.u32()? } else { 0 };
        let mut typed = |flag: u32| {
            if present & flag == 0 { Ok(None) } else { body.guid().map(Some) }
        };
        let (object_type, inherited_object_type) =
            (typed(OBJECT_TYPE)?, typed(INHERITED_OBJECT_TYPE)?);
        let (trustee, rest) = Sid::from_front(body.0)?;
        let application = rest.to_vec();
        Ok(Self { mask, object_type, inherited_object_type, trustee, application })
    }
}
