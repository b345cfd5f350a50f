//! The product of everything that decides what a directory answers to a write:
//!
//! ```text
//! {reset, change, unlock, must-change} × states of the account × policy-hints controls
//!                                      × rights of the service account
//! ```
//!
//! What is expected of a cell is worked out from its parts ([`expected`]); each subject is asked.
//! What the agent refuses before it asks (a disabled account, a protected one) is not refused here:
//! this is about the directory alone. Which cells are not run on which subject, and why, is one table,
//! [`cells::LEFT_OUT`].
//!
//! Not in the product are Unexpire Password, at which no Samba looks, so that a row of it would say the same
//! twice there (`rights` has what the fake does as Windows, and `operations_tests` of the agent what is told);
//! and managed service accounts, of which one is tried among the `cases`.

pub mod cells;
mod expected;

use std::time::Duration;

use directory::security::rights::{CHANGE_PASSWORD, RESET_PASSWORD};
use directory::security::{Ace, Control, SecurityDescriptor, mask};
use directory::{
    AdCode, Directory, PolicyControl, PwdLastSet, SetError, Sid, Terms, Write, outcome,
};
use directory_fake::{FakePolicy, PolicyControls};
use lab::{NewPerson, Person};
use protocol::Outcome;

use super::cases::{DAY, lax};
use super::{Subject, guid, password};
use cells::{Cell, GRANTS, Own, State, What, planned};
use expected::{Look, after_of, expected};

const NEW: &str = "Second-Password-1";

/// All cells of one state that the subject is to run.
pub async fn of_state(subject: &dyn Subject, state: State) {
    let administrator = subject.directory_as(&subject.administrator());
    let group = group_of(subject, state);
    let units = GRANTS.map(|grant| (grant, subject.add_unit(grant.above)));
    let cells = planned(subject.edition(), state);
    assert!(!cells.is_empty());
    let (mut offered, mut directory) = (None, subject.directory());
    for (number, cell) in cells.iter().enumerate() {
        // What a controller offers is asked by each client once.
        if offered != Some(cell.controls) {
            subject.offer(cell.controls);
            (offered, directory) = (Some(cell.controls), subject.directory());
            let control = directory.probe().await.unwrap().policy_control;
            assert_eq!(control, offered_as(cell.controls), "{cell:?}");
        }
        let (_, unit) = units.iter().find(|(grant, _)| *grant == cell.grant).unwrap();
        let person = made(subject, cell, unit, number);
        if let Some(group) = &group {
            subject.join(&person.login, group);
        }
        if cell.grant.own != Own::AsMade {
            subject.secure(&person, &|descriptor| secured(descriptor, cell.grant.own));
        }
        let before = looked(&*administrator, &person).await;
        let heard = subject.heard();
        let answer = written(&*directory, &person, cell.what).await;
        let expected = expected(cell);
        assert_eq!(answer, expected, "{cell:?}");
        if let Some(mut heard) = heard {
            // The directory took, or refused, what came with this control and no other.
            heard.extend(offered_as(cell.controls).filter(|_| cell.what == What::Reset));
            assert_eq!(subject.heard(), Some(heard), "{cell:?}");
        }
        let after = looked(&*administrator, &person).await;
        assert_eq!(after, after_of(before, cell.what, expected), "{cell:?}");
    }
}

/// The control that a client finds.
const fn offered_as(controls: PolicyControls) -> Option<PolicyControl> {
    match controls {
        PolicyControls::Both => Some(PolicyControl::Current),
        PolicyControls::DeprecatedOnly => Some(PolicyControl::Deprecated),
        PolicyControls::None => None,
    }
}

/// The group that an account of this state is in, if it is that which makes it so.
fn group_of(subject: &dyn Subject, state: State) -> Option<String> {
    let policy = match state {
        State::ProtectedNested => {
            let group = subject.add_group();
            subject.join(&group, "Domain Admins");
            return Some(group);
        }
        State::Pso => lax(),
        State::TooYoung => FakePolicy { minimum_age: DAY, ..lax() },
        // To make an account takes longer.
        State::PasswordExpired => {
            FakePolicy { maximum_age: Some(Duration::from_millis(1)), ..lax() }
        }
        _ => return None,
    };
    let group = subject.add_group();
    subject.add_settings(&policy, 20, &group);
    Some(group)
}

fn made(subject: &dyn Subject, cell: &Cell, unit: &str, number: usize) -> Person {
    let person = NewPerson { unit: unit.to_owned(), ..NewPerson::default() };
    if cell.state == State::Computer {
        return subject.add_computer(unit, &person.password);
    }
    let made = subject.add(&match cell.state {
        State::Disabled => NewPerson { disabled: true, ..person },
        State::Locked => NewPerson { locked: true, ..person },
        State::Expired => NewPerson { expired: true, ..person },
        State::MustChange => NewPerson { must_change: true, ..person },
        State::CannotChange => NewPerson { cannot_change: true, ..person },
        State::AdminCount => NewPerson { admin_count: true, ..person },
        State::EscapedName => {
            let name = Some(format!("#{number}, \"q\" + <Zoë>;王=c/d\\e "));
            NewPerson { name, ..person }
        }
        _ => person,
    });
    // NORMAL_ACCOUNT with DONT_EXPIRE_PASSWD or SMARTCARD_REQUIRED (MS-ADTS 2.2.16).
    match cell.state {
        State::NeverExpires => subject.put(&made, "userAccountControl", "66048"),
        State::SmartCard => subject.put(&made, "userAccountControl", "262656"),
        _ => {}
    }
    made
}

fn secured(descriptor: &mut SecurityDescriptor, own: Own) {
    let dacl = descriptor.dacl.as_mut().unwrap();
    match own {
        Own::AsMade => {}
        Own::NobodyChanges => {
            let before = dacl.entries.len();
            dacl.entries.retain(|entry| {
                let object_type = entry.access().and_then(|access| access.object_type);
                entry.is_inherited() || entry.denies() || object_type != Some(CHANGE_PASSWORD)
            });
            // Where "user cannot change password", nothing allows it.
            assert!(dacl.entries.len() < before || dacl.entries.iter().any(Ace::denies));
        }
        Own::InheritsNothing => {
            dacl.entries.retain(|entry| !entry.is_inherited());
            descriptor.control = Control(descriptor.control.0 | Control::DACL_PROTECTED.0);
        }
        Own::ResetDenied => {
            let denial = Ace::deny(mask::CONTROL_ACCESS, Sid::authenticated_users());
            dacl.add(denial.on(RESET_PASSWORD));
        }
    }
}

async fn written(directory: &dyn Directory, person: &Person, what: What) -> Result<(), Outcome> {
    let (old, new) = (password(&person.password), password(NEW));
    let write = match what {
        What::Reset => Write::Reset(&new),
        What::Change => Write::Change { old: &old, new: &new },
        What::Unlock => Write::Unlock,
        What::MustChange => Write::RequireChange,
    };
    let answer = directory.write(guid(person), write, Terms::ANY).await;
    answer.map_err(|error| {
        let outcome = outcome::outcome(&error);
        let mute = matches!(&error, SetError::Refused(one) if one.code == Some(AdCode::PASSWORD_RESTRICTION));
        assert_eq!(mute, outcome == Outcome::PolicyOther, "{error}");
        outcome
    })
}

async fn looked(directory: &dyn Directory, person: &Person) -> Look {
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let witness = directory.witness(guid(person)).await.unwrap().unwrap();
    let must_change = account.pwd_last_set == PwdLastSet::Never;
    (witness.version, account.lockout_time.is_some(), must_change, account.is_disabled())
}
