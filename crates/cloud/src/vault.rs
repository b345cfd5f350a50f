//! The master key of the secret store, kept in a file outside the database (SPEC K-5).

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use protocol::{AgentId, Randomness};
use seal::MasterKey;
use zeroize::Zeroizing;

/// Why the master key cannot be used. The message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// The file cannot be read or made.
    #[error("cannot use the master key {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Its content is not a key.
    #[error(
        "the master key {0} must hold exactly 32 bytes; restore it from where you keep it, a new one cannot open what the old one closed"
    )]
    Content(PathBuf),
}

/// Reads the master key.
pub(crate) fn load(path: &Path) -> Result<MasterKey, VaultError> {
    let bytes =
        std::fs::read(path).map_err(|cause| VaultError::File { path: path.to_owned(), cause })?;
    let bytes = Zeroizing::new(bytes);
    MasterKey::from_bytes(&bytes).map_err(|_| VaultError::Content(path.to_owned()))
}

/// Makes a master key, unless the file is there already. The file is readable by its owner only.
pub(crate) fn make_if_missing(
    path: &Path,
    randomness: &dyn Randomness,
) -> Result<bool, VaultError> {
    let error = |cause| VaultError::File { path: path.to_owned(), cause };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(cause) => return Err(error(cause)),
    };
    let mut key = Zeroizing::new([0; 32]);
    randomness.fill(key.as_mut());
    file.write_all(key.as_ref()).and_then(|()| file.sync_all()).map_err(error)?;
    Ok(true)
}

/// The place in the store that an agent's package key is wrapped for.
pub(crate) fn place_of_package_key(agent: AgentId) -> String {
    format!("agent {agent} package key")
}
