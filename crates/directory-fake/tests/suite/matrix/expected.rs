//! What a directory should answer to a cell, worked out from its parts.

use directory_fake::PolicyControls;
use protocol::Outcome;

use super::cells::{Cell, Own, State, What};

/// Done, or refused as this.
pub fn expected(cell: &Cell) -> Result<(), Outcome> {
    // Fail closed, before anything is asked (SPEC D-2).
    if cell.what == What::Reset && cell.controls == PolicyControls::None {
        return Err(Outcome::NoPolicyControl);
    }
    match (permitted(cell), cell.what) {
        (true, _) => {}
        // Samba's answer to whoever lacks Change Password, or is denied it.
        (false, What::Change) => return Err(Outcome::SetRestricted),
        (false, _) => return Err(Outcome::PermissionMissing),
    }
    match (cell.what, cell.state) {
        // The directory gives whoever must have a card a password that nobody knows.
        (What::Change, State::SmartCard) => Err(Outcome::WrongOldPassword),
        (What::Change, State::Locked) => Err(Outcome::LockedOut),
        // Before it is explained.
        (What::Reset | What::Change, State::TooYoung) => Err(Outcome::PolicyOther),
        _ => Ok(()),
    }
}

fn permitted(Cell { what, state, grant, .. }: &Cell) -> bool {
    // What stands on the unit is for users, and a workstation is none, although its class is one
    // of theirs.
    let reached = grant.own != Own::InheritsNothing && *state != State::Computer;
    let above = |right: bool| right && reached;
    let rights = grant.above;
    match what {
        // Unlocks in the same modify.
        What::Reset => {
            above(rights.reset_password && rights.write_lockout_time)
                && grant.own != Own::ResetDenied
        }
        // A denial to everybody beats what is inherited.
        What::Change if *state == State::CannotChange => false,
        What::Change => grant.own != Own::NobodyChanges || above(rights.change_password),
        What::Unlock => above(rights.write_lockout_time),
        What::MustChange => above(rights.write_pwd_last_set),
    }
}

/// What a write can change: the version of the password, whether it is locked, whether it must be
/// changed, whether it is switched off.
pub type Look = (u32, bool, bool, bool);

pub fn after_of(before: Look, what: What, answer: Result<(), Outcome>) -> Look {
    let (version, locked, must_change, disabled) = before;
    match (answer, what) {
        (Err(_), _) => before,
        (Ok(()), What::Reset) => (version + 1, false, false, disabled),
        (Ok(()), What::Change) => (version + 1, locked, false, disabled),
        (Ok(()), What::Unlock) => (version, false, must_change, disabled),
        (Ok(()), What::MustChange) => (version, locked, true, disabled),
    }
}
