//! `objectGUID`: what names an object for ever, whatever it is renamed or moved to.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::SourceAnchor;
use uuid::Uuid;

/// An `objectGUID`, kept in AD's byte order: the first three fields little endian (MS-DTYP 2.3.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectGuid([u8; 16]);

/// Text or bytes that are not a GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID")]
pub struct GuidError;

impl ObjectGuid {
    /// The GUID that an attribute with this value holds.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The value as the directory stores it.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Takes an attribute's value.
    ///
    /// # Errors
    /// [`GuidError`] unless it has exactly 16 bytes.
    pub fn from_value(value: &[u8]) -> Result<Self, GuidError> {
        value.try_into().map(Self).map_err(|_| GuidError)
    }

    /// The sourceAnchor that is made of this GUID: base64 of AD's byte order (SPEC Y-3).
    ///
    /// # Panics
    /// Never: base64 of 16 bytes is always a sourceAnchor.
    pub fn to_source_anchor(self) -> SourceAnchor {
        #[expect(clippy::expect_used, reason = "base64 of 16 bytes is 24 visible characters")]
        STANDARD.encode(self.0).parse().expect("24 visible characters are a sourceAnchor")
    }

    /// Reads the GUID back out of a sourceAnchor.
    ///
    /// # Errors
    /// [`GuidError`] if it is not base64 of 16 bytes.
    pub fn from_source_anchor(anchor: &SourceAnchor) -> Result<Self, GuidError> {
        Self::from_value(&STANDARD.decode(anchor.as_str()).map_err(|_| GuidError)?)
    }

    /// The form that stands for a DN in a request: `<GUID=…>` (MS-ADTS 3.1.1.3.1.2.4). It keeps
    /// its meaning when the object is renamed or moved between two requests.
    pub(crate) fn as_base(self) -> String {
        format!("<GUID={self}>")
    }
}

impl fmt::Display for ObjectGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes_le(self.0).hyphenated().fmt(f)
    }
}

impl fmt::Debug for ObjectGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectGuid({self})")
    }
}

impl FromStr for ObjectGuid {
    type Err = GuidError;

    /// Reads the usual form with hyphens.
    fn from_str(text: &str) -> Result<Self, GuidError> {
        Uuid::try_parse(text).map(|uuid| Self(uuid.to_bytes_le())).map_err(|_| GuidError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_three_fields_are_little_endian() {
        // unicodePwd's schemaIDGUID as Active Directory's tools print it, and as it is stored.
        let guid: ObjectGuid = "bf9679e1-0de6-11d0-a285-00aa003049e2".parse().unwrap();
        let stored = [
            0xe1, 0x79, 0x96, 0xbf, 0xe6, 0x0d, 0xd0, 0x11, 0xa2, 0x85, 0x00, 0xaa, 0x00, 0x30,
            0x49, 0xe2,
        ];
        assert_eq!(guid.to_bytes(), stored);
        assert_eq!(guid.as_base(), "<GUID=bf9679e1-0de6-11d0-a285-00aa003049e2>");
    }

    #[test]
    fn an_anchor_of_another_length_is_no_guid() {
        let short: SourceAnchor = STANDARD.encode([7; 15]).parse().unwrap();
        assert_eq!(ObjectGuid::from_source_anchor(&short), Err(GuidError));
        assert_eq!(ObjectGuid::from_source_anchor(&"not,base64".parse().unwrap()), Err(GuidError));
    }

    proptest! {
        #[test]
        fn text_and_anchor_read_back(bytes in any::<[u8; 16]>()) {
            let guid = ObjectGuid::from_bytes(bytes);
            prop_assert_eq!(guid.to_string().parse::<ObjectGuid>().unwrap(), guid);
            let anchor = guid.to_source_anchor();
            prop_assert_eq!(ObjectGuid::from_source_anchor(&anchor).unwrap(), guid);
        }
    }
}
