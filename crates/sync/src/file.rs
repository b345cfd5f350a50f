//! The database file and its mode: the one module that knows Unix (SPEC A-7).

use std::path::Path;

use crate::error::DatabaseFault;

/// Makes sure that the file exists and that only its owner may read it. SQLite gives its journal
/// files the same mode.
pub(crate) fn make_private(path: &Path) -> Result<(), DatabaseFault> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(DatabaseFault::new)?;
    #[cfg(unix)]
    {
        // A file that was there before keeps its mode in `open`.
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        file.set_permissions(owner_only).map_err(DatabaseFault::new)?;
    }
    drop(file);
    Ok(())
}
