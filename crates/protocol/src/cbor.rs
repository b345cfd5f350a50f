//! The little of CBOR (RFC 8949) that headers and answers need: maps with small integer labels,
//! written in one way only (core deterministic encoding: shortest form, keys ascending).

use ciborium::Value;

use crate::DecodeError;

/// Encodes a value. Keys must have been put in ascending order by the caller.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail and every Value can be encoded, so the only thing to lose
    // here would be bytes, which the strict decoder then refuses.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// Decodes exactly one value that is in the canonical encoding.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut rest = bytes;
    let value: Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, 8)
        .map_err(|_| DecodeError::Malformed)?;
    if !rest.is_empty() {
        return Err(DecodeError::Malformed);
    }
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// A map with integer labels, read field by field; what is left over is refused at the end.
pub(crate) struct Fields(Vec<(Value, Value)>);

impl Fields {
    /// Reads bytes that are exactly one map in the canonical encoding.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::of(decode(bytes)?)
    }

    /// Takes a decoded map apart; [`DecodeError::Malformed`] if it is no map with integer labels,
    /// [`DecodeError::NotCanonical`] if these do not ascend.
    pub(crate) fn of(value: Value) -> Result<Self, DecodeError> {
        let entries = value.into_map().map_err(|_| DecodeError::Malformed)?;
        let labels = entries.iter().map(|(label, _)| integer(label)).collect::<Option<Vec<_>>>();
        let labels = labels.ok_or(DecodeError::Malformed)?;
        if !labels.is_sorted_by(|one, next| one < next) {
            return Err(DecodeError::NotCanonical);
        }
        Ok(Self(entries))
    }

    /// Takes the field with this label, if it is there.
    pub(crate) fn take(&mut self, label: u64) -> Option<Value> {
        let at = self.0.iter().position(|(key, _)| integer(key) == Some(i128::from(label)))?;
        Some(self.0.remove(at).1)
    }

    /// Takes a field that must be there and be a number from 0 to 2⁶⁴−1; `name` is for the error.
    pub(crate) fn unsigned(&mut self, label: u64, name: &'static str) -> Result<u64, DecodeError> {
        let value = self.take(label).as_ref().and_then(integer);
        value.and_then(|number| u64::try_from(number).ok()).ok_or(DecodeError::Field(name))
    }

    /// Takes a field that must be there and be a point in time, in milliseconds since
    /// 1970-01-01T00:00:00Z; `name` is for the error.
    pub(crate) fn moment(&mut self, label: u64, name: &'static str) -> Result<i64, DecodeError> {
        let value = self.take(label).as_ref().and_then(integer);
        value.and_then(|number| i64::try_from(number).ok()).ok_or(DecodeError::Field(name))
    }

    /// Takes a field that must be there and be a text; `name` is for the error.
    pub(crate) fn text(&mut self, label: u64, name: &'static str) -> Result<String, DecodeError> {
        let value = self.take(label).and_then(|value| value.into_text().ok());
        value.ok_or(DecodeError::Field(name))
    }

    /// Takes a field that must be there and be a byte string of exactly 16, such as an id; `name`
    /// is for the error.
    pub(crate) fn bytes16(
        &mut self,
        label: u64,
        name: &'static str,
    ) -> Result<[u8; 16], DecodeError> {
        let value = self.take(label).and_then(|value| value.into_bytes().ok());
        value.and_then(|bytes| bytes.try_into().ok()).ok_or(DecodeError::Field(name))
    }

    /// Refuses what nobody has taken.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Field("(one too many)")) }
    }
}

/// One entry of a map.
pub(crate) fn entry(label: u64, value: impl Into<Value>) -> (Value, Value) {
    (Value::Integer(label.into()), value.into())
}

fn integer(value: &Value) -> Option<i128> {
    value.as_integer().map(i128::from)
}
