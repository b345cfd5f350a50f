//! "User cannot change password" (SPEC D-7): no flag, but a right.

use super::{CHANGE_PASSWORD, Decision, Requester, SecurityDescriptor, Target, Wanted};
use crate::Sid;

/// Whether the account is one whose *user cannot change password* (SPEC D-7): no flag, but the
/// right Change Password, denied or not granted to the person. Administrators' tools deny it to
/// Self and to Everyone.
///
/// `person` are the account's own SID and its groups; Self, Everyone and Authenticated Users, who
/// the person is as well, are added. Whoever owns the own account is also who entries for Owner Rights
/// are about. Where it depends on a condition, which cannot be evaluated here, it is taken for denied.
pub fn cannot_change_password(descriptor: &SecurityDescriptor, person: &[Sid]) -> bool {
    let known = [Sid::principal_self(), Sid::everyone(), Sid::authenticated_users()];
    let who = Requester::exactly(known.into_iter().chain(person.iter().cloned()));
    let right = Wanted::Control(CHANGE_PASSWORD);
    descriptor.effective(right, &who, &Target::default()).decision != Decision::Granted
}
