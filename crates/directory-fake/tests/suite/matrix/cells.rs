//! The cells of the product, and which of them are not run where.

use directory_fake::{PolicyControls, Rights};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Reset,
    Change,
    Unlock,
    MustChange,
}

macro_rules! states {
    ($($(#[$doc:meta])* $state:ident,)*) => {
        /// The state of the account.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum State {
            $($(#[$doc])* $state,)*
        }

        impl State {
            pub const ALL: &[Self] = &[$(Self::$state,)*];
        }
    };
}

states! {
    Ordinary,
    Disabled,
    Locked,
    /// The account has ended.
    Expired,
    /// The password has grown too old.
    PasswordExpired,
    MustChange,
    CannotChange,
    AdminCount,
    /// In Domain Admins by way of another group.
    ProtectedNested,
    /// A fine-grained policy applies, which asks for nothing.
    Pso,
    /// A fine-grained policy wants a password to be kept for a day.
    TooYoung,
    NeverExpires,
    SmartCard,
    /// Its name needs escaping.
    EscapedName,
    /// It is a workstation.
    Computer,
}

/// Where a right of the service account comes from, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub name: &'static str,
    /// What stands on the unit, for people below it.
    pub above: Rights,
    /// What stands on the account.
    pub own: Own,
}

/// The account's own entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// As it was made: everybody may change the password who knows it.
    AsMade,
    /// Nobody may change it by entries of its own.
    NobodyChanges,
    /// Inheritance is switched off.
    InheritsNothing,
    /// To reset it is denied to whoever is signed in.
    ResetDenied,
}

const NONE: Rights = Rights {
    reset_password: false,
    change_password: false,
    write_lockout_time: false,
    write_pwd_last_set: false,
};

const fn grant(name: &'static str, above: Rights, own: Own) -> Grant {
    Grant { name, above, own }
}

pub const GRANTS: [Grant; 9] = [
    grant("all", Rights::ALL, Own::AsMade),
    grant("no reset", Rights { reset_password: false, ..Rights::ALL }, Own::AsMade),
    grant("change by delegation alone", Rights::ALL, Own::NobodyChanges),
    grant("no change", Rights { change_password: false, ..Rights::ALL }, Own::NobodyChanges),
    grant("no lockoutTime", Rights { write_lockout_time: false, ..Rights::ALL }, Own::AsMade),
    grant("no pwdLastSet", Rights { write_pwd_last_set: false, ..Rights::ALL }, Own::AsMade),
    grant("none", NONE, Own::AsMade),
    grant("all, inheritance off", Rights::ALL, Own::InheritsNothing),
    grant("all, reset denied", Rights::ALL, Own::ResetDenied),
];

pub const WHAT: [What; 4] = [What::Reset, What::Change, What::Unlock, What::MustChange];

pub const CONTROLS: [PolicyControls; 3] =
    [PolicyControls::Both, PolicyControls::DeprecatedOnly, PolicyControls::None];

/// One question to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub what: What,
    pub state: State,
    pub controls: PolicyControls,
    pub grant: Grant,
}

impl Cell {
    /// Whether a policy-hints control goes with it, or it is to be seen that none does.
    fn matters_to_hints(&self) -> bool {
        self.what == What::Reset || self.grant == GRANTS[0]
    }
}

/// What a directory under test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    Fake,
    /// The lab's Samba.
    Samba,
    /// The lab's old Samba.
    OldSamba,
}

impl Edition {
    pub const ALL: [Self; 3] = [Self::Fake, Self::Samba, Self::OldSamba];

    pub const fn is_samba(self) -> bool {
        matches!(self, Self::Samba | Self::OldSamba)
    }
}

/// Cells that are not run on an edition, and why.
pub struct LeftOut {
    pub edition: Edition,
    pub which: fn(&Cell) -> bool,
    pub reason: &'static str,
}

/// Everything that is not run.
pub const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        edition: Edition::Samba,
        which: |cell| cell.controls == PolicyControls::DeprecatedOnly && !cell.matters_to_hints(),
        reason: "no control goes with it, so it is the very modify of the cell where both are \
                 offered; one set of rights is run in each state, so that this is seen",
    },
    LeftOut {
        edition: Edition::Samba,
        which: |cell| cell.controls == PolicyControls::None,
        reason: "it offers both controls; these cells are run on the old Samba",
    },
    LeftOut {
        edition: Edition::OldSamba,
        which: |cell| cell.controls != PolicyControls::None,
        reason: "it offers neither control; those with one or both are run on the other Samba",
    },
];

/// Every cell there is.
pub fn product() -> impl Iterator<Item = Cell> {
    State::ALL.iter().flat_map(|state| {
        CONTROLS.into_iter().flat_map(move |controls| {
            GRANTS.into_iter().flat_map(move |grant| {
                WHAT.map(|what| Cell { what, state: *state, controls, grant })
            })
        })
    })
}

/// The cells of an edition in one state: what [`super::of_state`] runs.
pub fn planned(edition: Edition, state: State) -> Vec<Cell> {
    let left_out = |cell: &Cell| {
        LEFT_OUT.iter().any(|left_out| left_out.edition == edition && (left_out.which)(cell))
    };
    product().filter(|cell| cell.state == state && !left_out(cell)).collect()
}

/// What is run and what is left out, by name and reason, is the whole product on every edition.
#[test]
fn what_is_run_and_what_is_left_out_is_the_whole_product() {
    let whole = WHAT.len() * State::ALL.len() * CONTROLS.len() * GRANTS.len();
    assert_eq!(product().count(), whole);
    for edition in Edition::ALL {
        let run: usize = State::ALL.iter().map(|state| planned(edition, *state).len()).sum();
        let rows = LEFT_OUT.iter().filter(|left_out| left_out.edition == edition);
        // No row says what another one has said, and each says something.
        let left_out = rows.map(|row| {
            let count = product().filter(row.which).count();
            assert!(count > 0 && !row.reason.is_empty(), "{edition:?}: {}", row.reason);
            count
        });
        assert_eq!(run + left_out.sum::<usize>(), whole, "{edition:?}");
    }
}

/// Nothing is proved on the fake alone: what is not run under the deprecated control is run, as the same
/// modify, where both are offered.
#[test]
fn every_cell_is_run_on_a_real_samba() {
    let samba = Edition::ALL.into_iter().filter(|edition| edition.is_samba());
    let plan = |edition| State::ALL.iter().flat_map(move |state| planned(edition, *state));
    let run: Vec<Cell> = samba.flat_map(plan).collect();
    for cell in product() {
        let same = match cell.matters_to_hints() {
            true => cell,
            false if cell.controls == PolicyControls::None => cell,
            false => Cell { controls: PolicyControls::Both, ..cell },
        };
        assert!(run.contains(&same), "{cell:?}");
    }
}
