//! Where a lab keeps what: nothing is in the checkout but the file that says which lab runs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::LabError;

/// Claims and running domains. One place for the whole machine, whatever the cache is, because
/// loopback addresses are shared by everybody on it.
pub(crate) const RUN: &str = "/run/passback-lab";

/// What survives a lab: `$PASSBACK_CACHE`, or `/var/cache/passback`.
pub(crate) fn cache() -> Result<PathBuf, LabError> {
    let cache =
        variable("PASSBACK_CACHE").map_or_else(|| "/var/cache/passback".into(), PathBuf::from);
    private_directory(&cache)?;
    Ok(cache)
}

/// Where logs of builds and of controllers are: they outlive a lab that failed.
pub(crate) fn logs() -> Result<PathBuf, LabError> {
    let logs = cache()?.join("log");
    private_directory(&logs)?;
    Ok(logs)
}

/// What lives as long as a lab.
pub(crate) fn run() -> Result<PathBuf, LabError> {
    let run = PathBuf::from(RUN);
    // Tests that run as another user must reach the certificate of the lab's authority.
    directory(&run, 0o755)?;
    Ok(run)
}

/// The file that says which lab `up` started for this checkout: `$PASSBACK_LAB`, or one below
/// `target`.
pub fn forest_file() -> PathBuf {
    if let Some(file) = variable("PASSBACK_LAB") {
        return file.into();
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkout = here.ancestors().nth(2).unwrap_or(here);
    checkout.join("target/lab/forest.json")
}

/// Refuses to go on without root, before anything is written.
pub(crate) fn require_root() -> Result<(), LabError> {
    let me = Path::new("/proc/self");
    let owner = fs::metadata(me).map_err(LabError::io("looking at", me))?.uid();
    if owner == 0 { Ok(()) } else { Err(LabError::NotRoot) }
}

/// Makes a directory that only its owner enters: domains hold keys.
pub(crate) fn private_directory(path: &Path) -> Result<(), LabError> {
    directory(path, 0o700)
}

/// Removes a directory with all that is in it; nothing there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LabError::io("removing", path)(error))
        }
        _ => Ok(()),
    }
}

/// Refuses to go on where fewer than so many megabytes are free: most programs that run out of
/// space do not say so.
pub(crate) fn require_space(path: &Path, megabytes: u64) -> Result<(), LabError> {
    let answer = Command::new("df").args(["--output=avail", "--block-size=M"]).arg(path).output();
    let text = answer.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // Without an answer, a full disk is found out later, by whoever writes to it.
    match text.ok().and_then(|text| megabytes_in(&text)) {
        Some(free) if free < megabytes => Err(LabError::DiskFull(path.to_owned())),
        _ => Ok(()),
    }
}

/// Reads the second line of what df says: "  153M".
fn megabytes_in(text: &str) -> Option<u64> {
    text.lines().nth(1)?.trim().strip_suffix('M')?.parse().ok()
}

fn directory(path: &Path, mode: u32) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(LabError::io("making the directory", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(LabError::io("closing the directory", path))
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_too_little_room_is_refused_before_anything_is_written() {
        assert_eq!(megabytes_in("Avail\n 153M\n"), Some(153));
        let here = env::temp_dir();
        assert!(require_space(&here, 0).is_ok());
        let line = require_space(&here, u64::MAX).unwrap_err().to_string();
        assert!(line.contains("too full"), "{line}");
    }
}
