//! Descriptors, lists and entries as bytes (MS-DTYP 2.4.6, 2.4.5, 2.4.4): what is written reads back
//! as it was.

use super::acl::{Form, INHERITED_OBJECT_TYPE, OBJECT_TYPE};
use super::{Access, Ace, AceBody, AceKind, Acl, Control, HEADER, REVISION, SecurityDescriptor};

/// The length of a list's header, in bytes.
const LIST_HEADER: usize = 8;
/// The revision of a list that holds entries for a kind of object (MS-DTYP 2.4.5). Active Directory
/// uses it for all lists.
const REVISION_OF_OBJECT_ENTRIES: u8 = 4;
/// The length of a list, as its header holds it (MS-DTYP 2.4.5).
const LONGEST_LIST: usize = u16::MAX as usize;
/// Where parts begin (MS-DTYP 2.4.6 asks for 32 bits).
const ALIGNMENT: usize = 4;

/// A descriptor that has no form in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A list has so many bytes.
    #[error("a list of {0} bytes cannot be written: 65,535 are the most")]
    TooLong(usize),
    /// An entry holds what its kind has no room for, or lacks what its kind must have.
    #[error("an entry of kind {0:#04x} cannot hold what it is given")]
    Misfit(u8),
}

impl SecurityDescriptor {
    /// The self-relative form: the header, then owner, group, SACL and DACL as far as they are
    /// there, which is the order of MS-DTYP 2.4.6. What it says of itself (that it is self-relative,
    /// which lists it has) is made true.
    ///
    /// # Errors
    /// [`WriteError`] for a list that is too long or an entry that does not fit its kind.
    pub fn to_value(&self) -> Result<Vec<u8>, WriteError> {
        let present = |list: Option<&Acl>, bit: Control| list.map_or(0, |_| bit.0);
        let control = self.control.0
            | Control::SELF_RELATIVE.0
            | present(self.sacl.as_ref(), Control::SACL_PRESENT)
            | present(self.dacl.as_ref(), Control::DACL_PRESENT);
        let list = |list: Option<&Acl>| list.map(Acl::to_value).transpose();
        let parts = [
            self.owner.as_ref().map(crate::Sid::to_value),
            self.group.as_ref().map(crate::Sid::to_value),
            list(self.sacl.as_ref())?,
            list(self.dacl.as_ref())?,
        ];
        let mut head = vec![REVISION, self.resource_manager];
        head.extend(control.to_le_bytes());
        let mut body = Vec::new();
        for part in parts {
            // Two lists at most, and neither has more than 2^16 bytes.
            let at =
                u32::try_from(HEADER + body.len()).map_err(|_| WriteError::TooLong(body.len()))?;
            head.extend(part.as_ref().map_or(0, |_| at).to_le_bytes());
            body.extend(part.unwrap_or_default());
            body.resize(body.len().next_multiple_of(ALIGNMENT), 0);
        }
        head.extend(body);
        Ok(head)
    }
}

impl Acl {
    /// The list's bytes. Its revision is raised where its entries ask for it.
    pub(super) fn to_value(&self) -> Result<Vec<u8>, WriteError> {
        let mut entries = Vec::new();
        for entry in &self.entries {
            entries.extend(entry.to_value()?);
        }
        let size = LIST_HEADER + entries.len();
        let too_long = |_| WriteError::TooLong(size);
        let objects = self.entries.iter().any(|entry| entry.kind.form() == Some(Form::Object));
        let least = if objects { REVISION_OF_OBJECT_ENTRIES } else { 0 };
        let mut list = vec![self.revision.max(least), 0];
        list.extend(u16::try_from(size).map_err(too_long)?.to_le_bytes());
        list.extend(u16::try_from(self.entries.len()).map_err(too_long)?.to_le_bytes());
        list.extend([0, 0]);
        list.extend(entries);
        Ok(list)
    }

    /// Whether entries of so many bytes together fit into a list.
    pub(super) const fn holds(bytes: usize) -> bool {
        bytes <= LONGEST_LIST - LIST_HEADER
    }
}

impl Ace {
    /// The entry's bytes.
    pub(super) fn to_value(&self) -> Result<Vec<u8>, WriteError> {
        let misfit = WriteError::Misfit(self.kind.0);
        let body = match (&self.body, self.kind.form()) {
            (AceBody::Access(access), Some(form)) => access.to_value(form).ok_or(misfit)?,
            (AceBody::Opaque(bytes), None) => bytes.clone(),
            _ => return Err(misfit),
        };
        let size = 4 + body.len();
        let mut entry = vec![self.kind.0, self.flags.0];
        entry.extend(u16::try_from(size).map_err(|_| WriteError::TooLong(size))?.to_le_bytes());
        entry.extend(body);
        Ok(entry)
    }
}

impl Access {
    /// None if there is a type that the form has no room for.
    fn to_value(&self, form: Form) -> Option<Vec<u8>> {
        let types =
            [(self.object_type, OBJECT_TYPE), (self.inherited_object_type, INHERITED_OBJECT_TYPE)];
        let mut body = self.mask.to_le_bytes().to_vec();
        match form {
            Form::Plain if types.iter().any(|(guid, _)| guid.is_some()) => return None,
            Form::Plain => {}
            Form::Object => {
                let flags = types.iter().filter(|(guid, _)| guid.is_some());
                let flags = flags.fold(0_u32, |sum, (_, flag)| sum | flag);
                body.extend(flags.to_le_bytes());
                body.extend(
                    types.iter().filter_map(|(guid, _)| *guid).flat_map(|guid| guid.to_bytes()),
                );
            }
        }
        body.extend(self.trustee.to_value());
        body.extend(&self.application);
        Some(body)
    }
}

impl AceKind {
    /// Whether entries of this kind may name the type of object, or the class, that they are about.
    pub(super) fn has_types(self) -> bool {
        self.form() == Some(Form::Object)
    }
}

#[cfg(test)]
mod tests;
