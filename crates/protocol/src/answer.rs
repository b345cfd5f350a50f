//! What the agent says happened: the plaintext of a sealed answer.

use ciborium::Value;

use crate::cbor::{Fields, encode, entry};
use crate::{DecodeError, Outcome, Timestamp, version};

/// Whether the password in the directory changed (SPEC PR-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Changed {
    /// It did.
    Yes,
    /// It did not.
    No,
    /// It cannot be known yet.
    Unknown,
}

impl Changed {
    /// The word on the page's `data-changed`, in JSON and in audit.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// What a message needs besides the outcome. Nothing here names a controller or an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Details {
    /// The least length that the effective policy asks for, in characters, where the password is
    /// too short: beside the outcome of another rule that it breaks, too. So several broken rules
    /// are told in the form that every version reads.
    pub minimum_length: Option<u32>,
    /// How many earlier passwords the effective policy remembers.
    pub history_length: Option<u32>,
    /// From when a change is possible (minimum age).
    pub not_before: Option<Timestamp>,
    /// The outcome was not read directly but concluded from the directory's metadata.
    pub inferred: bool,
}

/// An answer to one request. It is bound to the request by the header it is sealed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// What happened.
    pub outcome: Outcome,
    /// What the message needs.
    pub details: Details,
    /// When the agent finished, by its clock.
    pub finished_at: Timestamp,
}

impl Answer {
    /// The one encoding of the answer: a CBOR map with integer labels.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = vec![
            entry(1, version::CURRENT),
            entry(2, self.outcome.name()),
            entry(3, self.finished_at.as_millis()),
        ];
        let details = &self.details;
        fields.extend(details.minimum_length.map(|length| entry(4, u64::from(length))));
        fields.extend(details.history_length.map(|length| entry(5, u64::from(length))));
        fields.extend(details.not_before.map(|moment| entry(6, moment.as_millis())));
        fields.extend(details.inferred.then(|| entry(7, true)));
        encode(&Value::Map(fields))
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// Whatever is not exactly what [`Answer::encode`] writes, and an outcome that no agent answers
    /// with ([`Outcome::may_be_answered`]).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Fields::decode(bytes)?;
        let written_by = fields.unsigned(1, "version")?;
        if written_by != version::CURRENT {
            return Err(DecodeError::Version(written_by));
        }
        let outcome = Outcome::from_name(&fields.text(2, "outcome")?);
        let outcome = outcome.filter(|outcome| outcome.may_be_answered());
        let finished_at = Timestamp::from_millis(fields.moment(3, "finished at")?);
        let details = Details {
            minimum_length: optional_u32(&mut fields, 4, "minimum length")?,
            history_length: optional_u32(&mut fields, 5, "history length")?,
            not_before: match fields.take(6) {
                None => None,
                Some(value) => Some(moment(&value)?),
            },
            inferred: match fields.take(7) {
                None => false,
                Some(Value::Bool(true)) => true,
                Some(_) => return Err(DecodeError::Field("inferred")),
            },
        };
        fields.finish()?;
        Ok(Self { outcome: outcome.ok_or(DecodeError::Field("outcome"))?, details, finished_at })
    }
}

fn optional_u32(
    fields: &mut Fields,
    label: u64,
    name: &'static str,
) -> Result<Option<u32>, DecodeError> {
    let Some(value) = fields.take(label) else { return Ok(None) };
    let number = value.as_integer().and_then(|number| u32::try_from(i128::from(number)).ok());
    number.map(Some).ok_or(DecodeError::Field(name))
}

fn moment(value: &Value) -> Result<Timestamp, DecodeError> {
    let number = value.as_integer().and_then(|number| i64::try_from(i128::from(number)).ok());
    number.map(Timestamp::from_millis).ok_or(DecodeError::Field("not before"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_outcome_reads_back_with_and_without_details() {
        let full = Details {
            minimum_length: Some(14),
            history_length: Some(24),
            not_before: Some(Timestamp::from_millis(-5)),
            inferred: true,
        };
        for outcome in Outcome::answers() {
            for details in [Details::default(), full] {
                let finished_at = Timestamp::from_millis(1_700_000_000_000);
                let answer = Answer { outcome, details, finished_at };
                assert_eq!(Answer::decode(&answer.encode()).unwrap(), answer);
            }
        }
    }

    #[test]
    fn what_no_agent_answers_with_is_refused() {
        for outcome in Outcome::ALL.iter().filter(|outcome| !outcome.may_be_answered()) {
            let finished_at = Timestamp::from_millis(1_700_000_000_000);
            let answer = Answer { outcome: *outcome, details: Details::default(), finished_at };
            let refused = Answer::decode(&answer.encode());
            assert_eq!(refused, Err(DecodeError::Field("outcome")), "{}", outcome.name());
        }
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            crate::fuzzing::answer(&bytes);
        }
    }
}
