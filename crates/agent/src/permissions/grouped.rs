//! What is lacking on one object, by the cause of that.

use directory::security::rights::Permission;

use super::cause::Cause;

/// Rights by what they are lacking for, in the order in which that was found.
#[derive(Default)]
pub(super) struct Grouped(pub(super) Vec<(Cause, Vec<Permission>)>);

impl Grouped {
    pub(super) fn add(&mut self, cause: Cause, permission: Permission) {
        match self.0.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, permissions)) => permissions.push(permission),
            None => self.0.push((cause, vec![permission])),
        }
    }

    /// What is lacking because inheritance is off, by this cause in its place, and before all others.
    pub(super) fn by_inheritance(&mut self, cause: Cause) {
        let off = |cause: &Cause| *cause == Cause::InheritanceOff;
        let lacking = self.0.iter().filter(|(cause, _)| off(cause));
        let lacking = lacking.flat_map(|(_, lacking)| lacking.clone()).collect();
        self.0.retain(|(cause, _)| !off(cause));
        self.0.insert(0, (cause, lacking));
    }
}
