//! One process serves a database. A second one would take what the first has in hand for what a process
//! that is gone has left behind, and say of it that it has expired or is in doubt; it would know nothing of
//! the operations of the first, and find none of its agents (docs/relay.md, "Several nodes").

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::app::StartError;

/// What is added to the name of the database.
const SUFFIX: &str = ".serving";

/// That this process alone serves a database, for as long as it is kept. The system takes it back from a
/// process that is gone, however it went.
pub(crate) struct Alone {
    _file: File,
}

impl Alone {
    /// Claims a database; where there is none yet, an empty file is made in its place. Commands that do not serve may use it all the same.
    ///
    /// # Errors
    /// [`StartError`]: another process serves it, or nobody can say.
    pub(crate) fn with(database: &Path) -> Result<Self, StartError> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // So that a link to what is not there yet leads somewhere. Where this fails, opening the store says why.
        let _ = options.open(database);
        let path = beside(database);
        let cannot = |cause: std::io::Error| {
            StartError::new(format!(
                "cannot keep other processes out with {}: {cause}",
                path.display()
            ))
        };
        let file = options.open(&path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StartError::new(format!(
                "another process serves the database {} (`store.database`), and only one can: wait until it has ended, or give this one a database of its own",
                database.display()
            ))),
            Err(TryLockError::Error(cause)) => Err(cannot(cause)),
        }
    }
}

/// The file beside the database, whichever link leads there.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.canonicalize().unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(SUFFIX);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn a_database_is_served_by_one_whichever_way_it_is_named_and_then_by_the_next() {
        let folder = Folder::of("alone");
        let [database, other] = ["passback.db", "other.db"].map(|name| folder.path().join(name));
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let alone = Alone::with(&link).unwrap();
        for named in [&database, &link] {
            let refused = Alone::with(named).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|text| text.contains("another process serves")));
        }
        Alone::with(&other).unwrap();
        drop(alone);
        Alone::with(&link).unwrap();
    }
}
