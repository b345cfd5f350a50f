//! What a lab should be made of.

use crate::names::Which;

/// What to start. `LabOptions::default()` is one forest with one controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabOptions {
    /// One or two: the second has a realm, an authority, accounts and people of its own, and one
    /// controller. Other numbers count as the nearest of the two.
    pub forests: u8,
    /// One or two controllers in the first forest's domain. Other numbers count as the nearest.
    pub controllers: u8,
    /// Every controller runs Debian 13's own Samba, which has no policy-hints control (LAB.md).
    pub old_samba: bool,
    /// Kerberos keys are derived by GnuTLS, ten times faster; they are the same keys.
    pub fast: bool,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self { forests: 1, controllers: 1, old_samba: false, fast: false }
    }
}

/// Which root filesystem a controller runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// Samba from backports, with the policy-hints control.
    Current,
    /// Debian 13's own Samba, without.
    Old,
}

/// A forest that is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) which: Which,
    pub(crate) controllers: usize,
    pub(crate) edition: Edition,
}

impl LabOptions {
    /// Which Samba its controllers run.
    pub(crate) fn edition(&self) -> Edition {
        if self.old_samba { Edition::Old } else { Edition::Current }
    }

    /// Between them these need everything that any lab needs: what `passback-lab prepare` builds.
    pub fn every() -> [Self; 2] {
        let all = Self { forests: 2, controllers: 2, old_samba: false, fast: true };
        [all, Self { old_samba: true, ..Self::default() }]
    }

    /// The forests, the first one first.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let edition = self.edition();
        let controllers = if self.controllers >= 2 { 2 } else { 1 };
        let mut plans = vec![Plan { which: Which::Corp, controllers, edition }];
        if self.forests >= 2 {
            plans.push(Plan { which: Which::Fabriek, controllers: 1, edition });
        }
        plans
    }
}

impl Plan {
    /// Its name in names of files.
    pub(crate) fn name(&self) -> String {
        let edition = match self.edition {
            Edition::Current => "",
            Edition::Old => "-old",
        };
        format!("{}-{}{edition}", self.which.names().workgroup.to_lowercase(), self.controllers)
    }

    /// The same forest before further controllers joined it.
    pub(crate) fn with_one_controller(self) -> Self {
        Self { controllers: 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_controller_is_the_first_forests_and_every_template_has_a_name_of_its_own() {
        let all = LabOptions { forests: 2, controllers: 2, ..LabOptions::default() };
        let old = LabOptions { old_samba: true, ..all };
        let names: Vec<_> = [all, old, LabOptions::default()]
            .iter()
            .flat_map(|options| options.plans().iter().map(Plan::name).collect::<Vec<_>>())
            .collect();
        assert_eq!(names, ["corp-2", "fabriek-1", "corp-2-old", "fabriek-1-old", "corp-1"]);
    }
}
