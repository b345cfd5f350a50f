//! What is in a new domain. `populate.py` reads it as JSON and makes it so.
//!
//! To add a person: a line in the `people` module. To add a kind: where AD needs something new
//! to be that kind, a field of [`Entry`] and its meaning in `populate.py`.

mod people;

use serde::{Deserialize, Serialize};

use crate::names::Which;
use people::units_with_hard_names;

/// The built-in administrator's login.
pub(crate) const ADMINISTRATOR: &str = "Administrator";
/// The account that Passback's agent signs in with; it has the rights of SPEC D-12 and no other.
pub(crate) const SERVICE_LOGIN: &str = "svc-passback";
/// So many wrong passwords lock an account.
pub(crate) const LOCKOUT_THRESHOLD: u32 = 5;

/// Where fresh accounts of tests go, relative to the domain.
pub(crate) const TESTS_UNIT: &str = "OU=Tests";
/// The scope of the agent: everybody is below.
const PEOPLE_UNIT: &str = "OU=People";
const SERVICE_UNIT: &str = "OU=Service";
const PROTECTED_GROUP: &str = "Helpdesk Leads";
const YOUNG_GROUP: &str = "Young Passwords Group";
const DAY: u64 = 24 * 60 * 60;

/// What is special about a person (INTERFACES, "Ready file").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing.
    Ordinary,
    /// The account is switched off.
    Disabled,
    /// Too many wrong passwords.
    Locked,
    /// The account's time is over.
    Expired,
    /// Must choose a password at the next sign-in.
    MustChange,
    /// "User cannot change password".
    CannotChange,
    /// In a protected group by way of another group; `adminCount` is not set yet.
    ProtectedNested,
    /// `adminCount` is left over from a protected group that the person is no longer in.
    AdmincountOrphan,
    /// One of two accounts of a person who is in two forests.
    TwoForests,
    /// A fine-grained policy applies: changed less than a day ago, at least a day between changes.
    Pso,
    /// The name needs escaping in a distinguished name.
    EscapedName,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 11] = [
        Self::Ordinary,
        Self::Disabled,
        Self::Locked,
        Self::Expired,
        Self::MustChange,
        Self::CannotChange,
        Self::ProtectedNested,
        Self::AdmincountOrphan,
        Self::TwoForests,
        Self::Pso,
        Self::EscapedName,
    ];
}

/// Everything that goes into a domain.
#[derive(Debug, Serialize)]
pub(crate) struct Contents {
    policy: Policy,
    lockout_seconds: u64,
    units: Vec<String>,
    groups: Vec<Group>,
    pub(crate) people: Vec<Entry>,
    settings: Vec<Settings>,
    service: Entry,
    delegated_units: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Policy {
    minimum_age_seconds: u64,
    /// None is never.
    maximum_age_seconds: Option<u64>,
    minimum_length: u32,
    history_length: u32,
    lockout_threshold: u32,
}

#[derive(Debug, Serialize)]
struct Group {
    name: &'static str,
    unit: &'static str,
    member_of: Vec<&'static str>,
}

/// A fine-grained policy (MS-ADTS 2.2.16).
#[derive(Debug, Serialize)]
struct Settings {
    name: &'static str,
    precedence: u32,
    #[serde(flatten)]
    policy: Policy,
    applies_to: Vec<&'static str>,
}

/// An account to be made.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) login: String,
    unit: String,
    user_principal_name: String,
    pub(crate) display_name: String,
    given_name: String,
    surname: String,
    pub(crate) mail: Option<String>,
    pub(crate) private_mail: Option<String>,
    pub(crate) password: String,
    pub(crate) disabled: bool,
    locked: bool,
    expired: bool,
    must_change: bool,
    cannot_change: bool,
    admin_count: bool,
    member_of: Vec<&'static str>,
    pub(crate) kind: Kind,
}

impl Contents {
    /// The contents of a forest's one domain.
    pub(crate) fn of(which: Which) -> Self {
        let mut units: Vec<String> =
            [PEOPLE_UNIT, "OU=Amsterdam,OU=People", "OU=Utrecht,OU=People"]
                .map(str::to_owned)
                .into();
        units.extend(units_with_hard_names());
        units.extend([TESTS_UNIT, SERVICE_UNIT].map(str::to_owned));
        Self {
            // A new domain's minimum age of a day would refuse every reset of a fresh account,
            // and its maximum age of 42 days would let a cached domain grow stale.
            policy: policy(0),
            // Zero is "until an administrator unlocks it": half an hour, as in a new domain,
            // would be over before a cached domain is used.
            lockout_seconds: 0,
            units,
            groups: vec![
                Group {
                    name: PROTECTED_GROUP,
                    unit: SERVICE_UNIT,
                    member_of: vec!["Domain Admins"],
                },
                Group { name: YOUNG_GROUP, unit: SERVICE_UNIT, member_of: vec![] },
            ],
            people: people::of(which),
            settings: vec![Settings {
                name: "Young passwords",
                precedence: 10,
                policy: policy(DAY),
                applies_to: vec![YOUNG_GROUP],
            }],
            service: people::service(which),
            delegated_units: vec![PEOPLE_UNIT, TESTS_UNIT],
        }
    }
}

fn policy(minimum_age_seconds: u64) -> Policy {
    Policy {
        minimum_age_seconds,
        maximum_age_seconds: None,
        minimum_length: 7,
        history_length: 24,
        lockout_threshold: LOCKOUT_THRESHOLD,
    }
}
