//! Holds replication between a domain's controllers back, and lets it happen, for tests of what one
//! controller knows and another does not.

use std::path::{Path, PathBuf};

use crate::ldap::replacement;
use crate::options::Edition;
use crate::space::{self, Watch};
use crate::{Forest, LabError, controller, places, rootfs};

/// `options` of an NTDS Settings object (MS-ADTS 6.1.1.2.2.1.2.1.1): the controller has the global
/// catalogue, as each of a lab has.
const IS_GLOBAL_CATALOGUE: u32 = 0x1;
/// The controller takes in nothing from others, unless it is forced to.
const DISABLE_INBOUND: u32 = 0x2;

impl Forest {
    /// Has no controller take in what is written at another, but by [`Forest::replicate`], until
    /// this is switched off. Meanwhile the role of PDC emulator cannot be moved.
    ///
    /// # Errors
    ///
    /// If a controller does not answer.
    pub fn hold_replication(&self, held: bool) -> Result<(), LabError> {
        let options =
            if held { IS_GLOBAL_CATALOGUE | DISABLE_INBOUND } else { IS_GLOBAL_CATALOGUE };
        for index in 0..self.controllers.len() {
            let there = self.at(index);
            let root = there.root(&["dsServiceName"])?;
            let settings = root.text("dsServiceName").unwrap_or_default();
            there.modify(&replacement(settings, "options", options.to_string().as_bytes()))?;
        }
        Ok(())
    }

    /// Has every controller take in what the others have of the domain, held back or not, and
    /// returns when that is done. Not for a lab of the old Samba.
    ///
    /// # Errors
    ///
    /// If one of them is down, or this process is not root's.
    pub fn replicate(&self) -> Result<(), LabError> {
        let others = |to: usize| (0..self.controllers.len()).filter(move |from| *from != to);
        for to in 0..self.controllers.len() {
            others(to).try_for_each(|from| self.pull(from, to))?;
        }
        Ok(())
    }

    fn pull(&self, from: usize, to: usize) -> Result<(), LabError> {
        let (Some(source), Some(target)) = (self.controllers.get(from), self.controllers.get(to))
        else {
            return Err(LabError::NoController { domain: self.domain.clone(), index: to });
        };
        let stop = std::sync::atomic::AtomicBool::new(false);
        let watch = Watch { progress: &|_| {}, stop: &stop };
        let rootfs = rootfs::ready(Edition::Current, watch)?;
        let domain = domain_of(&target.switch);
        let mut command = controller::enter(&rootfs, &domain);
        command
            .args(["samba-tool", "drs", "replicate", "--sync-forced"])
            .args([&target.name, &source.name, &self.base_dn])
            .arg(format!("--username={}", self.administrator.login))
            .arg(format!("--password={}", self.administrator.password));
        let log = places::logs()?.join(format!("replicate-{}.log", target.address));
        space::run_step(command, "replicating between the controllers", &log, &domain, "", watch)
    }
}

/// A controller's domain lies beside its switch.
fn domain_of(switch: &Path) -> PathBuf {
    switch.with_file_name("domain")
}
