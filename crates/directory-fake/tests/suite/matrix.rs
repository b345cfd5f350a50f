//! The product of everything that decides what a directory answers to a write:
//!
//! ```text
//! {reset, change, unlock, must-change} × states of the account × policy-hints controls
//!                                      × rights of the service account
//! ```
//!
//! What is expected of a cell is worked out by [`expected`] from its parts; each subject is asked.
//! What the agent refuses before it asks (a disabled account, a protected one) is not refused here:
//! this is about the directory alone.
//!
//! Left out: the cells of other policy-hints controls than both, on a subject that cannot be made to
//! offer anything else ([`Subject::offer`]). Samba offers both or, in older editions, none, for which
//! `samba_editions` of the lab has a controller.

use directory::{AdCode, Directory, SetError, Terms, Write, outcome};
use directory_fake::{PolicyControls, Rights};
use lab::{NewPerson, Person};
use protocol::Outcome;

use super::{Subject, guid, password};

const NEW: &str = "Second-Password-1";

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Reset,
    Change,
    Unlock,
    MustChange,
}

const WHAT: [What; 4] = [What::Reset, What::Change, What::Unlock, What::MustChange];

/// The state of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ordinary,
    Disabled,
    Locked,
    Expired,
    MustChange,
    CannotChange,
    AdminCount,
    NeverExpires,
    SmartCard,
}

/// Rights of the service account on the account, by name.
const RIGHTS: [(&str, Rights); 5] = [
    ("all", Rights::ALL),
    ("no reset", Rights { reset_password: false, ..Rights::ALL }),
    ("no lockoutTime", Rights { write_lockout_time: false, ..Rights::ALL }),
    ("no pwdLastSet", Rights { write_pwd_last_set: false, ..Rights::ALL }),
    (
        "none",
        Rights {
            reset_password: false,
            change_password: false,
            write_lockout_time: false,
            write_pwd_last_set: false,
        },
    ),
];

const CONTROLS: [PolicyControls; 3] =
    [PolicyControls::Both, PolicyControls::DeprecatedOnly, PolicyControls::None];

/// All cells of one state.
pub async fn of_state(subject: &dyn Subject, state: State) {
    for (name, rights) in RIGHTS {
        let unit = subject.add_unit(rights);
        for controls in CONTROLS {
            if !subject.offer(controls) {
                continue;
            }
            let directory = subject.directory();
            for what in WHAT {
                let person = made(subject, state, &unit);
                let cell = format!("{what:?}, {state:?}, {controls:?}, rights: {name}");
                let before = looked(&*directory, &person).await;
                let answer = written(&*directory, &person, what).await;
                let expected = expected(what, state, controls, rights);
                assert_eq!(answer, expected, "{cell}");
                let after = looked(&*directory, &person).await;
                assert_eq!(after, after_of(before, what, expected), "{cell}");
            }
        }
        subject.offer(PolicyControls::Both);
    }
}

fn made(subject: &dyn Subject, state: State, unit: &str) -> Person {
    let person = NewPerson { unit: unit.to_owned(), ..NewPerson::default() };
    let made = subject.add(&match state {
        State::Disabled => NewPerson { disabled: true, ..person },
        State::Locked => NewPerson { locked: true, ..person },
        State::Expired => NewPerson { expired: true, ..person },
        State::MustChange => NewPerson { must_change: true, ..person },
        State::CannotChange => NewPerson { cannot_change: true, ..person },
        State::AdminCount => NewPerson { admin_count: true, ..person },
        State::Ordinary | State::NeverExpires | State::SmartCard => person,
    });
    // NORMAL_ACCOUNT with DONT_EXPIRE_PASSWD or SMARTCARD_REQUIRED (MS-ADTS 2.2.16).
    match state {
        State::NeverExpires => subject.put(&made, "userAccountControl", "66048"),
        State::SmartCard => subject.put(&made, "userAccountControl", "262656"),
        _ => {}
    }
    made
}

/// What is expected of the directory: done, or refused as this.
fn expected(
    what: What,
    state: State,
    controls: PolicyControls,
    rights: Rights,
) -> Result<(), Outcome> {
    let permitted = match what {
        // Unlocks in the same modify.
        What::Reset => rights.reset_password && rights.write_lockout_time,
        // Whoever knows the password may, unless that is denied to everybody.
        What::Change => state != State::CannotChange,
        What::Unlock => rights.write_lockout_time,
        What::MustChange => rights.write_pwd_last_set,
    };
    // Fail closed, before anything is asked (SPEC D-2).
    if what == What::Reset && controls == PolicyControls::None {
        return Err(Outcome::NoPolicyControl);
    }
    match (permitted, what) {
        (true, _) => {}
        // Samba's answer to whoever lacks Change Password, or is denied it.
        (false, What::Change) => return Err(Outcome::SetRestricted),
        (false, _) => return Err(Outcome::PermissionMissing),
    }
    // The directory gives whoever must have a card a password that nobody knows.
    if what == What::Change && state == State::SmartCard {
        return Err(Outcome::WrongOldPassword);
    }
    if what == What::Change && state == State::Locked {
        return Err(Outcome::LockedOut);
    }
    Ok(())
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
        let mute = matches!(&error, SetError::Refused(one) if one.code == Some(AdCode::PASSWORD_RESTRICTION));
        assert!(!mute, "the policy refuses nothing of this: {error}");
        outcome::outcome(&error)
    })
}

/// What a write can change: the version of the password, whether it is locked, whether it must be
/// changed, whether it is switched off.
type Look = (u32, bool, bool, bool);

async fn looked(directory: &dyn Directory, person: &Person) -> Look {
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let witness = directory.witness(guid(person)).await.unwrap().unwrap();
    let must_change = account.pwd_last_set == directory::PwdLastSet::Never;
    (witness.version, account.lockout_time.is_some(), must_change, account.is_disabled())
}

fn after_of(before: Look, what: What, answer: Result<(), Outcome>) -> Look {
    let (version, locked, must_change, disabled) = before;
    match (answer, what) {
        (Err(_), _) => before,
        (Ok(()), What::Reset) => (version + 1, false, false, disabled),
        (Ok(()), What::Change) => (version + 1, locked, false, disabled),
        (Ok(()), What::Unlock) => (version, false, must_change, disabled),
        (Ok(()), What::MustChange) => (version, locked, true, disabled),
    }
}
