//! What a person or an administrator can ask for (SPEC 3).

/// A password operation. The number is the one in a package's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The old password is unknown; the account is unlocked in the same step.
    Reset,
}

impl Operation {
    /// The number of the operation on the wire.
    pub const fn number(self) -> u64 {
        match self {
            Self::Reset => 1,
        }
    }

    /// The operation that has this number on the wire.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Reset),
            _ => None,
        }
    }

    /// The stable name, for audit and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
        }
    }
}
