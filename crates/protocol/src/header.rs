//! What a package is bound to (SPEC K-2): nothing can be moved to another user, operation or
//! time, because the header is the associated data of every layer.
//!
//! The header travels in clear beside the package; it holds no personal data but the cloudAnchor,
//! a random identifier.

use ciborium::Value;

use crate::cbor::{Fields, encode, entry};
use crate::{
    AgentId, CloudAnchor, DecodeError, KeyId, Operation, RequestId, TenantId, Timestamp, version,
};

/// What a sealed structure is for. It is part of the associated data, so that one can never be
/// taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The inner layer: the password, for the agent's key pair.
    Password,
    /// The outer layer: the whole package, under the package key.
    Request,
    /// The answer, under the answer key.
    Answer,
}

impl Purpose {
    /// The label of INTERFACES "Package".
    pub const fn label(self) -> &'static str {
        match self {
            Self::Password => "passback v1 password",
            Self::Request => "passback v1 request",
            Self::Answer => "passback v1 answer",
        }
    }
}

/// The header of one request, a CBOR map with integer labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Label 2: the tenant.
    pub tenant: TenantId,
    /// Label 3: the one agent that may open the package.
    pub agent: AgentId,
    /// Label 4: the request.
    pub request: RequestId,
    /// Label 5: what is asked.
    pub operation: Operation,
    /// Label 6: for whom.
    pub cloud_anchor: CloudAnchor,
    /// Label 7: which of the agent's key pairs the password is sealed for.
    pub key_id: KeyId,
    /// Label 8: when the ticket was issued.
    pub issued_at: Timestamp,
    /// Label 9: from when the package is void (SPEC W-11).
    pub expires_at: Timestamp,
}

impl Header {
    /// The one encoding of the header.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.value())
    }

    /// The external associated data of a layer: the CBOR array of the purpose's label and the
    /// header.
    pub fn associated_data(&self, purpose: Purpose) -> Vec<u8> {
        encode(&Value::Array(vec![Value::Text(purpose.label().to_owned()), self.value()]))
    }

    /// Reads a header.
    ///
    /// # Errors
    /// Whatever is not exactly what [`Header::encode`] writes; a version that is not known is
    /// told apart, because an operator can do something about it.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::decode(bytes)?;
        let written_by = fields.unsigned(1, "version")?;
        if written_by != version::CURRENT {
            return Err(DecodeError::Version(written_by));
        }
        let header = Self {
            tenant: TenantId::from_bytes(fields.bytes16(2, "tenant")?),
            agent: AgentId::from_bytes(fields.bytes16(3, "agent")?),
            request: RequestId::from_bytes(fields.bytes16(4, "request")?),
            operation: Operation::from_number(fields.unsigned(5, "operation")?)
                .ok_or(DecodeError::Field("operation"))?,
            cloud_anchor: fields
                .text(6, "cloudAnchor")?
                .parse()
                .map_err(|_| DecodeError::Field("cloudAnchor"))?,
            key_id: KeyId::from_bytes(fields.bytes16(7, "key id")?),
            issued_at: Timestamp::from_millis(fields.moment(8, "issued at")?),
            expires_at: Timestamp::from_millis(fields.moment(9, "expires at")?),
        };
        fields.finish()?;
        Ok(header)
    }

    fn value(&self) -> Value {
        Value::Map(vec![
            entry(1, version::CURRENT),
            entry(2, Value::Bytes(self.tenant.to_bytes().to_vec())),
            entry(3, Value::Bytes(self.agent.to_bytes().to_vec())),
            entry(4, Value::Bytes(self.request.to_bytes().to_vec())),
            entry(5, self.operation.number()),
            entry(6, self.cloud_anchor.as_str()),
            entry(7, Value::Bytes(self.key_id.to_bytes().to_vec())),
            entry(8, self.issued_at.as_millis()),
            entry(9, self.expires_at.as_millis()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header {
            tenant: TenantId::from_bytes([1; 16]),
            agent: AgentId::from_bytes([2; 16]),
            request: RequestId::from_bytes([3; 16]),
            operation: Operation::Reset,
            cloud_anchor: "0f6e7a3c-0000-4000-8000-000000000001".parse().unwrap(),
            key_id: KeyId::from_bytes([4; 16]),
            issued_at: Timestamp::from_millis(1_700_000_000_000),
            expires_at: Timestamp::from_millis(1_700_000_180_000),
        }
    }

    #[test]
    fn a_header_reads_back_as_it_was_written() {
        assert_eq!(Header::decode(&header().encode()).unwrap(), header());
    }

    #[test]
    fn the_purposes_have_different_associated_data() {
        let all = [Purpose::Password, Purpose::Request, Purpose::Answer];
        let data: Vec<_> = all.iter().map(|purpose| header().associated_data(*purpose)).collect();
        assert!(data[0] != data[1] && data[1] != data[2] && data[0] != data[2]);
    }

    /// The fields that can be another without the associated data being another: what a relay, or
    /// whoever holds the package key, could move to somebody else or to another time.
    fn not_bound(associated_data: impl Fn(&Header) -> Vec<u8>) -> Vec<u64> {
        let id = [9; 16];
        let others = [
            (2, Header { tenant: TenantId::from_bytes(id), ..header() }),
            (3, Header { agent: AgentId::from_bytes(id), ..header() }),
            (4, Header { request: RequestId::from_bytes(id), ..header() }),
            (5, Header { operation: Operation::Change, ..header() }),
            (6, Header { cloud_anchor: "somebody-else".parse().unwrap(), ..header() }),
            (7, Header { key_id: KeyId::from_bytes(id), ..header() }),
            (8, Header { issued_at: Timestamp::from_millis(1), ..header() }),
            (9, Header { expires_at: Timestamp::from_millis(1), ..header() }),
        ];
        let bound = associated_data(&header());
        let free = others.into_iter().filter(|(_, other)| associated_data(other) == bound);
        free.map(|(label, _)| label).collect()
    }

    #[test]
    fn every_field_is_bound_for_every_purpose() {
        for purpose in [Purpose::Password, Purpose::Request, Purpose::Answer] {
            assert_eq!(not_bound(|header| header.associated_data(purpose)), Vec::<u64>::new());
        }
    }

    #[test]
    fn a_field_left_out_of_the_associated_data_would_be_noticed() {
        for left_out in [2, 3, 4, 6, 7, 8, 9_u64] {
            let without = |header: &Header| {
                let Value::Map(mut fields) = header.value() else { unreachable!() };
                fields.retain(|(label, _)| *label != Value::from(left_out));
                encode(&Value::Map(fields))
            };
            assert_eq!(not_bound(without), [left_out]);
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = header().encode();
        assert_eq!(bytes[2], 1, "the version is the first value of the map");
        bytes[2] = 2;
        assert_eq!(Header::decode(&bytes), Err(DecodeError::Version(2)));
    }

    #[test]
    fn a_second_encoding_of_the_same_header_is_refused() {
        let mut bytes = header().encode();
        bytes.splice(2..3, [0x18, 0x01]);
        assert_eq!(Header::decode(&bytes), Err(DecodeError::NotCanonical));
        let mut longer = header().encode();
        longer.push(0);
        assert_eq!(Header::decode(&longer), Err(DecodeError::Malformed));
    }

    proptest! {
        #[test]
        fn decoding_never_panics_and_accepts_only_its_own_encoding(
            bytes in proptest::collection::vec(any::<u8>(), 0..300)
        ) {
            crate::fuzzing::header(&bytes);
        }

        #[test]
        fn a_changed_byte_never_gives_the_same_header(at in 0_usize..160, flip in 1_u8..=255) {
            let mut bytes = header().encode();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            prop_assert_ne!(Header::decode(&bytes).ok(), Some(header()));
        }
    }
}
