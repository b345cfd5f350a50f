//! Locks between processes that no crash leaves behind: the kernel drops them with their holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

use crate::LabError;
use crate::space::Watch;

/// A file that is locked for as long as this value lives; it holds the number of the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says that somebody else has it with `None`.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, LabError> {
        let mut file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(LabError::io("locking", path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(LabError::io("writing", path))?;
        Ok(Some(Self { _file: file }))
    }

    /// Takes a lock that nobody holds for longer than a moment.
    pub(crate) fn soon(path: &Path) -> Result<Self, LabError> {
        let file = open(path)?;
        file.lock().map_err(LabError::io("locking", path))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock when whoever has it lets go.
    pub(crate) fn wait(path: &Path, watch: Watch<'_>) -> Result<Self, LabError> {
        let mut told = false;
        loop {
            if let Some(lock) = Self::take(path)? {
                return Ok(lock);
            }
            if !told {
                watch.say("waiting for another lab that is being built");
                told = true;
            }
            watch.beat()?;
        }
    }

    /// The process that holds the lock; none if it is free. Anybody who can read it may ask.
    pub(crate) fn holder(path: &Path) -> Result<Option<u32>, LabError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(LabError::io("opening the lock", path))?,
        };
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(LabError::io("locking", path)(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(LabError::io("reading", path))?;
        Ok(text.parse().ok())
    }
}

fn open(path: &Path) -> Result<File, LabError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(LabError::io("opening the lock", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_whose_holder_was_killed_is_free_whatever_it_says() {
        let file = std::env::temp_dir().join(format!("lab-lock-{}", std::process::id()));
        std::fs::write(&file, "1").unwrap();
        let before = Lock::holder(&file).unwrap();
        let taken = Lock::take(&file).unwrap();
        let second = Lock::take(&file).unwrap();
        let after = Lock::holder(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(before, None);
        assert!(taken.is_some() && second.is_none());
        assert_eq!(after, Some(std::process::id()));
    }
}
