//! The root filesystems that Samba runs from, whatever the host is: Debian 13 with Samba from its
//! backports, and Debian 13 with its own, older one. Each is built when it is first wanted and
//! shared by all labs of the machine.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lock::Lock;
use crate::options::Edition;
use crate::space::{self, Watch};
use crate::{LabError, apt, places, tools};

/// Raised whenever what is installed changes; older root filesystems are then built anew.
pub(crate) const RECIPE: u32 = 1;

/// What a root filesystem takes while it is built, with the packages that it is built from.
const SIZE_MB: u64 = 900;

/// The first Samba with a policy-hints control (LAB.md).
const OLDEST_SAMBA: (u32, u32) = (4, 24);

impl Edition {
    /// The directory's name below the cache.
    fn directory(self) -> String {
        match self {
            Self::Current => format!("rootfs-{RECIPE}"),
            Self::Old => format!("rootfs-old-{RECIPE}"),
        }
    }

    /// The suite that Samba comes from.
    fn suite(self) -> &'static str {
        match self {
            Self::Current => "trixie-backports",
            Self::Old => "trixie",
        }
    }
}

/// The root filesystem, built if it is missing.
pub(crate) fn ready(edition: Edition, watch: Watch<'_>) -> Result<PathBuf, LabError> {
    places::require_root()?;
    let missing = tools::needs();
    if !missing.is_empty() {
        return Err(LabError::Missing(missing));
    }
    let cache = places::cache()?;
    let rootfs = cache.join(edition.directory());
    if !rootfs.exists() {
        let _building = Lock::wait(&cache.join("build.lock"), watch)?;
        // Somebody else may have built it while we waited.
        if !rootfs.exists() {
            build(&cache, &rootfs, edition, watch)?;
        }
    }
    check_version(&rootfs, edition)?;
    Ok(rootfs)
}

fn build(cache: &Path, rootfs: &Path, edition: Edition, watch: Watch<'_>) -> Result<(), LabError> {
    let part = cache.join(format!("{}.part", edition.directory()));
    // Left by a build that was killed.
    places::remove(&part)?;
    places::require_space(cache, SIZE_MB)?;
    match build_in(&part, edition, watch) {
        Ok(()) => fs::rename(&part, rootfs).map_err(LabError::io("renaming", &part)),
        Err(error) => {
            // The first error is the one worth telling.
            let _ = places::remove(&part);
            Err(error)
        }
    }
}

fn build_in(part: &Path, edition: Edition, watch: Watch<'_>) -> Result<(), LabError> {
    let mirror = apt::mirror()?;
    let logs = places::logs()?;

    watch.say(&format!("making a minimal Debian 13 from {mirror} (once, about half a minute)"));
    let mut bootstrap = space::script(include_str!("../assets/bootstrap.sh"));
    bootstrap.arg(part).arg(&mirror).arg(tools::KEYRING);
    for (variable, setting) in
        [("http_proxy", "Acquire::http::Proxy"), ("https_proxy", "Acquire::https::Proxy")]
    {
        if env::var_os(variable).is_none()
            && let Some(proxy) = apt_setting(setting)
        {
            bootstrap.env(variable, proxy);
        }
    }
    space::run_step(bootstrap, "debootstrap", &logs.join("bootstrap.log"), part, &mirror, watch)?;

    watch.say(&format!("installing Samba from {} (once, about half a minute)", edition.suite()));
    apt::copy_settings(part)?;
    write(&part.join("etc/apt/sources.list"), &apt::trixie_sources(&mirror, edition.suite()))?;
    // No package may start a service in here (policy-rc.d: 101 is "forbidden").
    let policy = part.join("usr/sbin/policy-rc.d");
    write(&policy, "#!/bin/sh\nexit 101\n")?;
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o755))
        .map_err(LabError::io("opening", &policy))?;
    let mut install = space::script(include_str!("../assets/install.sh"));
    install.arg(part).arg(edition.suite());
    space::run_step(install, "installing Samba", &logs.join("install.log"), part, &mirror, watch)
}

/// What the host's apt is told; debootstrap reads only the environment.
fn apt_setting(name: &str) -> Option<String> {
    let output = Command::new("apt-config").args(["shell", "VALUE", name]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let value = text.trim().strip_prefix("VALUE='")?.strip_suffix('\'')?;
    (!value.is_empty() && value != "DIRECT").then(|| value.to_owned())
}

fn check_version(rootfs: &Path, edition: Edition) -> Result<(), LabError> {
    let file = rootfs.join("etc/passback-lab-samba");
    let text = fs::read_to_string(&file).map_err(LabError::io("reading", &file))?;
    let found = version(&text);
    let new = found.is_some_and(|found| found >= OLDEST_SAMBA);
    let (found, rootfs) =
        (text.trim().trim_start_matches("Version ").to_owned(), rootfs.to_owned());
    match edition {
        Edition::Current if !new => Err(LabError::OldSamba { found, rootfs }),
        Edition::Old if new => Err(LabError::NewSamba { found, rootfs }),
        _ => Ok(()),
    }
}

/// Reads "Version 4.24.7-Debian-…".
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("Version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::io("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_samba_without_the_policy_hints_control_is_too_old() {
        let of = |text| version(text).is_some_and(|found| found >= OLDEST_SAMBA);
        assert!(of("Version 4.24.7-Debian-4.24.7+dfsg-1~bpo13+1\n"));
        assert!(of("Version 5.0.0"));
        assert!(!of("Version 4.22.8-Debian"));
        assert!(!of("Version 4.9.5"));
        assert!(!of("no version at all"));
    }
}
