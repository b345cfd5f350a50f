//! The directory of a stack: private, and gone with it.
//!
//! Its owner locks a file in it. Whoever is killed leaves the directory behind, without the lock,
//! and the next stack removes it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use protocol::Randomness as _;
use seal::SystemRandomness;

use crate::StackError;

const PREFIX: &str = "passback-stack-";
const OWNER: &str = "owner";

/// A directory of mode 0700, removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct StackDirectory {
    path: PathBuf,
    keep: bool,
    _owner: File,
}

impl StackDirectory {
    /// Makes one in the system's directory for temporary files, and removes those of stacks that
    /// were killed.
    pub(crate) fn make(keep: bool) -> Result<Self, StackError> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let mut random = [0; 6];
        SystemRandomness::default().fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = parent.join(format!("{PREFIX}{name}"));
        // It gets its name when it is locked, so that no sweep ever sees it without.
        let unnamed = parent.join(format!(".{PREFIX}{name}"));
        let make = || -> std::io::Result<File> {
            DirBuilder::new().mode(0o700).create(&unnamed)?;
            let owner = File::create_new(unnamed.join(OWNER))?;
            owner.lock()?;
            fs::rename(&unnamed, &path)?;
            Ok(owner)
        };
        let owner = make().map_err(StackError::io("making the directory", &path))?;
        Ok(Self { path, keep, _owner: owner })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StackDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next stack; what has no owner's file is not.
        let _ = if self.keep {
            fs::remove_file(self.path.join(OWNER))
        } else {
            fs::remove_dir_all(&self.path)
        };
    }
}

/// Removes the directories whose owner is gone.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let path = entry.path();
        if File::open(path.join(OWNER)).is_ok_and(|owner| owner.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_is_private_survives_a_sweep_and_is_gone_when_dropped() {
        let first = StackDirectory::make(false).unwrap();
        let path = first.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let second = StackDirectory::make(false).unwrap();
        assert!(path.exists(), "a second stack leaves the first alone");
        drop((first, second));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_stack_left_behind_is_swept_and_what_was_to_be_kept_is_not() {
        let left = std::env::temp_dir().join(format!("{PREFIX}left-{}", std::process::id()));
        fs::create_dir(&left).unwrap();
        fs::write(left.join(OWNER), "").unwrap();
        let kept = StackDirectory::make(true).unwrap();
        let path = kept.path().to_owned();
        assert!(!left.exists());
        drop(kept);
        drop(StackDirectory::make(false).unwrap());
        assert!(path.exists());
        fs::remove_dir_all(path).unwrap();
    }
}
