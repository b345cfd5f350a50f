//! What a person or an administrator can ask for (SPEC 3).

/// A password operation. The number is the one in a package's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The person's own reset: the old password is unknown; the account is unlocked in the same
    /// step (SPEC D-2).
    Reset,
    /// The person's own change, voluntary or forced: the old password is known (SPEC D-3).
    Change,
    /// The account is unlocked, the password is not touched (SPEC D-4).
    Unlock,
    /// Somebody else's password is reset, by an administrator, the helpdesk or the API; it must be
    /// changed at the next sign-in unless it never expires (SPEC 3, D-4).
    ResetByAdministrator,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] =
        [Self::Reset, Self::Change, Self::Unlock, Self::ResetByAdministrator];

    /// The number of the operation on the wire.
    pub const fn number(self) -> u64 {
        match self {
            Self::Reset => 1,
            Self::Change => 2,
            Self::Unlock => 3,
            Self::ResetByAdministrator => 4,
        }
    }

    /// The operation that has this number on the wire.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.number() == number)
    }

    /// The stable name, for audit and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Change => "change",
            Self::Unlock => "unlock",
            Self::ResetByAdministrator => "reset_by_administrator",
        }
    }

    /// Whether it replaces a password that its sender need not know.
    pub const fn is_reset(self) -> bool {
        matches!(self, Self::Reset | Self::ResetByAdministrator)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_operation_has_a_number_and_a_name_of_its_own() {
        let numbers: HashSet<_> = Operation::ALL.map(Operation::number).into();
        let names: HashSet<_> = Operation::ALL.map(Operation::name).into();
        assert_eq!((numbers.len(), names.len()), (Operation::ALL.len(), Operation::ALL.len()));
        for operation in Operation::ALL {
            assert_eq!(Operation::from_number(operation.number()), Some(operation));
        }
        assert_eq!(Operation::from_number(0), None);
        assert_eq!(Operation::from_number(5), None);
    }
}
