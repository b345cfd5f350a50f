//! "User cannot change password" (SPEC D-7): no flag, but a right.

use super::{CHANGE_PASSWORD, Decision, Requester, SecurityDescriptor, Target, Wanted};
use crate::Sid;

impl Requester {
    /// The person whose account it is: its own SID and its groups, and what the person is as well who
    /// changes its password: Self, Everyone, Authenticated Users.
    pub fn person(own: impl IntoIterator<Item = Sid>) -> Self {
        let known = [Sid::principal_self(), Sid::everyone(), Sid::authenticated_users()];
        Self::exactly(known.into_iter().chain(own))
    }
}

/// Whether the account is one whose *user cannot change password* (SPEC D-7): no flag, but the
/// right Change Password, denied or not granted to the [person](Requester::person). Administrators' tools
/// deny it to Self and to Everyone.
///
/// Whoever owns the own account is also who entries for Owner Rights are about, where the controller heeds
/// them ([`Requester::at`]). Where it depends on a condition, which cannot be evaluated here, it is taken for
/// denied.
pub fn cannot_change_password(descriptor: &SecurityDescriptor, person: &Requester) -> bool {
    let right = Wanted::Control(CHANGE_PASSWORD);
    descriptor.effective(right, person, &Target::default()).decision != Decision::Granted
}
