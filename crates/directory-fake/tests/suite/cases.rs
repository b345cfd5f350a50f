//! The cases, by subject, and what several of them need.

mod accounts;
mod clients;
mod own_account;
mod people;
mod policies;
mod reading;
mod rules;
mod sets;
mod sign_in;
mod writes;

use std::time::Duration;

use clock::SystemClock;
use directory::{Directory, SetError, explain_refusal, outcome};
use directory_fake::FakePolicy;
use lab::{Bound, Person};
use protocol::{Clock as _, Outcome};

use super::{LATER, guid, password};

pub use accounts::*;
pub use clients::*;
pub use own_account::*;
pub use people::*;
pub use policies::*;
pub use reading::*;
pub use rules::*;
pub use sets::*;
pub use sign_in::*;
pub use writes::*;

const SECOND: &str = "Second-Password-1";
pub const DAY: Duration = Duration::from_secs(86_400);

fn refused(sub_code: &str) -> Bound {
    Bound::Refused { sub_code: sub_code.to_owned() }
}

async fn set(directory: &dyn Directory, person: &Person, text: &str) -> Result<(), SetError> {
    directory.set_password(guid(person), &password(text), LATER).await
}

/// Tries a password that the directory refuses for the policy, and has it explained.
async fn explained(directory: &dyn Directory, person: &Person, text: &str) -> Outcome {
    let error = set(directory, person, text).await.unwrap_err();
    let SetError::Refused(refusal) = &error else { panic!("{error}") };
    assert!(refusal.is_policy(), "{error}");
    assert_eq!(refusal.result, 53, "{error}");
    assert_eq!(outcome::outcome(&error), Outcome::PolicyOther);
    let account = directory.account(guid(person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&account).await.unwrap();
    explain_refusal(policy.rules.as_ref(), &account, &password(text), SystemClock.now()).0
}

/// A policy that asks for nothing.
pub fn lax() -> FakePolicy {
    FakePolicy {
        minimum_length: 0,
        complexity: false,
        history_length: 0,
        lockout_threshold: 0,
        lockout_duration: Duration::from_secs(1_800),
        ..FakePolicy::default()
    }
}
