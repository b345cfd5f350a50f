//! What the service account of a directory may do, and what it lacks (SPEC D-12).
//!
//! ```text
//! observed   what was read of a directory;  read    reading it
//! judge      what is lacking: data;  cause  why;  person  on one person;  grouped  by its causes
//! arrived    the same at the other controllers
//! membership  by way of which groups somebody is protected, or marked
//! owner      who owns an object, and what comes of that
//! remedy     the exact fix of each
//! policy     whether history is enforced where passwords are set
//! origin     where an inherited entry stands
//! plan       what grant and revoke change, entry by entry
//! conditional  what is in the way under a condition
//! stays      what a revoke leaves, because others need it
//! still      what stands all the same after a revoke
//! print      the same as commands of administrators' own tools; powershell  what dsacls has no word for
//! text, json, json_change  how it is told
//! ```
//!
//! Reading comes first and judging afterwards, so that a test can judge what no directory holds.

mod arrived;
mod cause;
mod conditional;
mod grouped;
mod json;
mod json_change;
mod judge;
mod membership;
mod observed;
mod origin;
mod owner;
mod person;
mod plan;
mod policy;
mod powershell;
mod print;
mod read;
mod remedy;
mod stays;
mod still;
mod text;

pub(crate) use arrived::{Arrival, arrivals};
pub(crate) use cause::{Cause, own_cause};
pub(crate) use json::{
    check as check_json, not_checked as not_checked_json, of_finding as finding_json, of_remedy,
};
pub(crate) use json_change::ChangeTold;
pub(crate) use judge::{Finding, Judgement, Kind, is_by_design, judge};
pub(crate) use membership::{
    NOT_FOLLOWED, by_way, looked_at_by_hand, marked_by, marked_text, no_longer_marked,
    powershell_leaves,
};
pub(crate) use observed::{Names, Observed, Sampled, Seen};
pub(crate) use owner::Owned;
pub(crate) use plan::{Change, Obstacle, Revocation, Wish, grant, revoke};
pub(crate) use policy::{newer, newer_or_allowed, no_control};
pub(crate) use print::{Form, no_list, print, shown};
pub(crate) use read::{Extent, add_chain, name_of, names_in, observe, sampled};
pub(crate) use remedy::{
    READABLE, Remedy, dsacls_name, may_change, powershell_quoted, quoted, to_be_let_in,
};
pub(crate) use stays::stays_text;
pub(crate) use still::{still, still_text, unseen};
pub(crate) use text::{
    check as check_text, findings as findings_text, not_checked as not_checked_text, preview,
};

use directory::security::rights::{Feature, Judged, Permission};

/// What a right is called in a sentence.
pub(crate) const fn label(permission: Permission) -> &'static str {
    match permission {
        Permission::ResetPassword => "Reset Password",
        Permission::ChangePassword => "Change Password",
        Permission::WriteLockoutTime => "write lockoutTime",
        Permission::WritePwdLastSet => "write pwdLastSet",
        Permission::UnexpirePassword => "Unexpire Password",
        Permission::ReadPasswordSettings => "read the Password Settings container",
        Permission::WriteConsistencyGuid => "write mS-DS-ConsistencyGuid",
        Permission::ReplicatingDirectoryChanges => "Replicating Directory Changes",
        Permission::ReadDeletedObjects => "read Deleted Objects",
        Permission::Read(Judged::TokenGroups) => "read tokenGroups",
        Permission::Read(Judged::ReplPropertyMetaData) => "read replPropertyMetaData",
        Permission::Read(Judged::UserAccountControl) => "read userAccountControl",
        Permission::Read(Judged::AdminCount) => "read adminCount",
        Permission::Read(Judged::LockoutTime) => "read lockoutTime",
        Permission::Read(Judged::PwdLastSet) => "read pwdLastSet",
        Permission::Read(Judged::AccountExpires) => "read accountExpires",
        Permission::Read(Judged::ResultantPso) => "read msDS-ResultantPSO",
    }
}

/// What a right is called in JSON.
pub(crate) const fn key(permission: Permission) -> &'static str {
    match permission {
        Permission::ResetPassword => "reset_password",
        Permission::ChangePassword => "change_password",
        Permission::WriteLockoutTime => "write_lockout_time",
        Permission::WritePwdLastSet => "write_pwd_last_set",
        Permission::UnexpirePassword => "unexpire_password",
        Permission::ReadPasswordSettings => "read_password_settings",
        Permission::WriteConsistencyGuid => "write_consistency_guid",
        Permission::ReplicatingDirectoryChanges => "replicating_directory_changes",
        Permission::ReadDeletedObjects => "read_deleted_objects",
        Permission::Read(Judged::TokenGroups) => "read_token_groups",
        Permission::Read(Judged::ReplPropertyMetaData) => "read_repl_property_meta_data",
        Permission::Read(Judged::UserAccountControl) => "read_user_account_control",
        Permission::Read(Judged::AdminCount) => "read_admin_count",
        Permission::Read(Judged::LockoutTime) => "read_lockout_time",
        Permission::Read(Judged::PwdLastSet) => "read_pwd_last_set",
        Permission::Read(Judged::AccountExpires) => "read_account_expires",
        Permission::Read(Judged::ResultantPso) => "read_resultant_pso",
    }
}

/// What a feature is called, on the command line and in JSON.
pub(crate) const fn feature_name(feature: Feature) -> &'static str {
    match feature {
        Feature::Writeback => "writeback",
        Feature::FineGrainedRules => "fine-grained-rules",
        Feature::Anchor => "anchor",
        Feature::Deletions => "deletions",
        Feature::Reading => "reading",
    }
}

/// Several of them in a sentence.
pub(crate) fn labels(permissions: &[Permission]) -> String {
    permissions.iter().map(|one| label(*one)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod arrived_tests;
#[cfg(test)]
mod person_tests;
#[cfg(test)]
mod stays_tests;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod whence_tests;
