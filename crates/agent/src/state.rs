//! What the agent keeps on disk: who it is, and its keys, each wrapped under the vault key and
//! bound to its place (SPEC A-2, A-7).
//!
//! ```text
//! agent.json        tenant, agent id, and the relay's address while writeback is enabled
//! identity.key      the agent identity (Ed25519), until revoked
//! listen.key        the key that may listen (Ed25519)     ⎫
//! pair.key          the RSA key pair                      ⎬ made at onboarding, destroyed at
//! package.key       the package key                       ⎭ offboarding
//! agent.lock        held by whoever uses or changes the keys
//! ```
//!
//! The directory has mode 0700, files 0600. Files are replaced by renaming, so that a crash leaves
//! the old or the new one. Links are not followed where the system can refuse them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use protocol::{AgentId, Randomness, TenantId};
use seal::{AgentKeys, KeyPair, MasterKey, PackageKey, SealError, SigningKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Why state cannot be read or kept. The message names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A file or directory cannot be read or written.
    #[error("cannot use {path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Others can read or write the state directory.
    #[error("{0} is open to others; make it private: chmod 700")]
    NotPrivate(PathBuf),
    /// A file does not hold what it should.
    #[error("{0} is damaged, or belongs to another vault key")]
    Damaged(PathBuf),
    /// The agent is not enrolled.
    #[error("the agent is not enrolled; run `passback-agent enrol --code CODE`")]
    NotEnrolled,
    /// The agent is enrolled already.
    #[error("the agent is enrolled already; its state stands in {0}")]
    EnrolledAlready(PathBuf),
    /// Another process uses or changes the keys.
    #[error("another passback-agent is at work with the state in {0}; stop it, then try again")]
    InUse(PathBuf),
    /// Writeback is not enabled.
    #[error("writeback is not enabled; run `passback-agent writeback enable`")]
    NotEnabled,
}

/// Who the agent is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// Whose agent.
    pub tenant: TenantId,
    /// Which agent.
    pub agent: AgentId,
    /// The relay's address; there while writeback is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_url: Option<String>,
}

/// What onboarding makes.
pub(crate) struct WritebackKeys {
    /// The key that may listen.
    pub(crate) listen: SigningKey,
    /// The key pair and the package key.
    pub(crate) keys: AgentKeys,
}

const LOCK: &str = "agent.lock";
const AGENT: &str = "agent.json";
const IDENTITY: &str = "identity.key";
const LISTEN: &str = "listen.key";
const PAIR: &str = "pair.key";
const PACKAGE: &str = "package.key";

/// The state directory is this process's alone until this is dropped, or the process ends however.
#[must_use]
pub(crate) struct StateLock {
    _file: fs::File,
}

/// The state directory with its vault key.
pub(crate) struct StateDir {
    path: PathBuf,
    vault: MasterKey,
}

impl StateDir {
    /// Makes the directory and the vault key where they are missing, and opens them.
    pub(crate) fn create(
        path: &Path,
        vault_key: &Path,
        randomness: &dyn Randomness,
    ) -> Result<Self, StateError> {
        make_private_dir(path).map_err(|cause| StateError::File { path: path.into(), cause })?;
        if !vault_key.exists() {
            let mut key = Zeroizing::new([0; 32]);
            randomness.fill(key.as_mut());
            write_new(vault_key, key.as_ref())
                .map_err(|cause| StateError::File { path: vault_key.into(), cause })?;
        }
        Self::open(path, vault_key)
    }

    /// Opens the directory.
    pub(crate) fn open(path: &Path, vault_key: &Path) -> Result<Self, StateError> {
        if !path.exists() {
            return Err(StateError::NotEnrolled);
        }
        refuse_open_to_others(path)?;
        let bytes = fs::read(vault_key)
            .map(Zeroizing::new)
            .map_err(|cause| StateError::File { path: vault_key.into(), cause })?;
        let vault = MasterKey::from_bytes(&bytes);
        let vault = vault.map_err(|_| StateError::Damaged(vault_key.into()))?;
        Ok(Self { path: path.to_owned(), vault })
    }

    /// Keeps other processes from using or changing the keys: an agent that runs on with old keys
    /// and an old journal beside one with new ones would answer for requests of the other.
    pub(crate) fn lock(&self) -> Result<StateLock, StateError> {
        let path = self.file(LOCK);
        let mut options = fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let failed = |cause| StateError::File { path: path.clone(), cause };
        let file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(StateLock { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::InUse(self.path.clone())),
            Err(fs::TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }

    /// Where it stands.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses where an agent is enrolled already.
    pub(crate) fn refuse_if_enrolled(&self) -> Result<(), StateError> {
        if self.file(AGENT).exists() {
            return Err(StateError::EnrolledAlready(self.path.clone()));
        }
        Ok(())
    }

    /// Keeps who the agent is. The key first: an `agent.json` without its key would be worse than
    /// a key without its `agent.json`.
    pub(crate) fn keep_identity(
        &self,
        identity: &Identity,
        key: &SigningKey,
        randomness: &dyn Randomness,
    ) -> Result<(), StateError> {
        self.keep(IDENTITY, key.to_pkcs8(), randomness)?;
        self.keep_agent(identity)
    }

    /// Keeps `agent.json` anew.
    pub(crate) fn keep_agent(&self, identity: &Identity) -> Result<(), StateError> {
        let path = self.file(AGENT);
        let json =
            serde_json::to_vec_pretty(identity).map_err(|_| StateError::Damaged(path.clone()))?;
        replace(&path, &json).map_err(|cause| StateError::File { path, cause })
    }

    /// Who the agent is, and the key that proves it.
    pub(crate) fn identity(&self) -> Result<(Identity, SigningKey), StateError> {
        let path = self.file(AGENT);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(StateError::NotEnrolled);
            }
            Err(cause) => return Err(StateError::File { path, cause }),
        };
        let identity = serde_json::from_slice(&bytes).map_err(|_| StateError::Damaged(path))?;
        Ok((identity, self.load(IDENTITY, SigningKey::from_pkcs8)?))
    }

    /// Keeps what onboarding made.
    pub(crate) fn keep_writeback_keys(
        &self,
        made: &WritebackKeys,
        randomness: &dyn Randomness,
    ) -> Result<(), StateError> {
        let current = made.keys.current();
        self.keep(LISTEN, made.listen.to_pkcs8(), randomness)?;
        self.keep(PAIR, current.pair.to_pkcs8(), randomness)?;
        self.keep(PACKAGE, current.package_key.as_bytes(), randomness)
    }

    /// What onboarding made.
    pub(crate) fn writeback_keys(&self) -> Result<WritebackKeys, StateError> {
        if !self.file(PACKAGE).exists() {
            return Err(StateError::NotEnabled);
        }
        Ok(WritebackKeys {
            listen: self.load(LISTEN, SigningKey::from_pkcs8)?,
            keys: AgentKeys::new(
                self.load(PAIR, KeyPair::from_pkcs8)?,
                self.load(PACKAGE, PackageKey::from_bytes)?,
            ),
        })
    }

    /// Destroys what onboarding made: overwritten, then removed.
    pub(crate) fn destroy_writeback_keys(&self) -> Result<(), StateError> {
        for name in [PACKAGE, PAIR, LISTEN] {
            let path = self.file(name);
            let destroyed = match fs::metadata(&path) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(cause) => Err(cause),
                Ok(metadata) => {
                    let zeros = vec![0; usize::try_from(metadata.len()).unwrap_or(0)];
                    overwrite(&path, &zeros).and_then(|()| fs::remove_file(&path))
                }
            };
            destroyed.map_err(|cause| StateError::File { path, cause })?;
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn keep(
        &self,
        name: &str,
        secret: &[u8],
        randomness: &dyn Randomness,
    ) -> Result<(), StateError> {
        let path = self.file(name);
        let wrapped = self.vault.wrap(name, secret, randomness);
        let wrapped = wrapped.map_err(|_| StateError::Damaged(path.clone()))?;
        replace(&path, &wrapped).map_err(|cause| StateError::File { path, cause })
    }

    fn load<T>(
        &self,
        name: &str,
        read: impl FnOnce(&[u8]) -> Result<T, SealError>,
    ) -> Result<T, StateError> {
        let path = self.file(name);
        let wrapped = match fs::read(&path) {
            Ok(wrapped) => wrapped,
            Err(cause) => return Err(StateError::File { path, cause }),
        };
        let secret = self.vault.unwrap(name, &wrapped);
        secret.and_then(|secret| read(&secret)).map_err(|_| StateError::Damaged(path))
    }
}

/// Replaces a file as a whole: written beside it, synced, renamed, and the directory synced.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // Left behind by a crash.
    match fs::remove_file(&beside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    write_new(&beside, content)?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Writes a file that must not be there, not even as a link.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(unix)]
fn make_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn refuse_open_to_others(path: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata =
        fs::metadata(path).map_err(|cause| StateError::File { path: path.to_owned(), cause })?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(StateError::NotPrivate(path.to_owned()));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_to_others(_path: &Path) -> Result<(), StateError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use seal::SystemRandomness;

    use super::*;

    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("passback-state-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn create(&self) -> StateDir {
            let random = SystemRandomness::default();
            StateDir::create(&self.0, &self.0.join("vault.key"), &random).unwrap()
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn identity() -> Identity {
        Identity {
            tenant: TenantId::from_bytes([1; 16]),
            agent: AgentId::from_bytes([2; 16]),
            relay_url: None,
        }
    }

    #[test]
    fn an_identity_reads_back_and_nothing_of_it_stands_in_clear() {
        let folder = Temporary::new("identity");
        let state = folder.create();
        let key = SigningKey::generate().unwrap();
        assert!(matches!(state.identity(), Err(StateError::NotEnrolled)));
        state.keep_identity(&identity(), &key, &SystemRandomness::default()).unwrap();
        let (read, read_key) = folder.create().identity().unwrap();
        assert_eq!(read.agent, identity().agent);
        assert_eq!(read_key.verifying_key(), key.verifying_key());
        assert!(matches!(state.refuse_if_enrolled(), Err(StateError::EnrolledAlready(_))));
        let on_disk = fs::read(folder.0.join(IDENTITY)).unwrap();
        assert!(!on_disk.windows(32).any(|part| key.to_pkcs8().windows(32).any(|k| k == part)));
        for file in fs::read_dir(&folder.0).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn writeback_keys_are_there_until_they_are_destroyed() {
        let folder = Temporary::new("keys");
        let state = folder.create();
        let random = SystemRandomness::default();
        assert!(matches!(state.writeback_keys(), Err(StateError::NotEnabled)));
        let made = WritebackKeys {
            listen: SigningKey::generate().unwrap(),
            keys: AgentKeys::new(KeyPair::generate().unwrap(), PackageKey::generate(&random)),
        };
        state.keep_writeback_keys(&made, &random).unwrap();
        let read = state.writeback_keys().unwrap();
        let id = |keys: &WritebackKeys| keys.keys.current().pair.public().key_id();
        assert_eq!(id(&read), id(&made));
        state.destroy_writeback_keys().unwrap();
        assert!(matches!(state.writeback_keys(), Err(StateError::NotEnabled)));
        state.destroy_writeback_keys().unwrap();
    }

    #[test]
    fn one_process_at_a_time_has_the_keys() {
        let folder = Temporary::new("lock");
        let (state, second) = (folder.create(), folder.create());
        let lock = state.lock().unwrap();
        let refused = second.lock().err().unwrap();
        assert!(matches!(refused, StateError::InUse(_)));
        let said = refused.to_string();
        assert!(said.contains("stop it") && !said.contains('\n'), "{said}");
        drop(lock);
        let _again = second.lock().unwrap();
        let mode = fs::metadata(folder.0.join(LOCK)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_others_can_read_or_another_vault_key_is_refused() {
        let folder = Temporary::new("open");
        let state = folder.create();
        let key = SigningKey::generate().unwrap();
        state.keep_identity(&identity(), &key, &SystemRandomness::default()).unwrap();
        fs::write(folder.0.join("vault.key"), [9; 32]).unwrap();
        assert!(matches!(folder.create().identity(), Err(StateError::Damaged(_))));
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
        let opened = StateDir::open(&folder.0, &folder.0.join("vault.key"));
        assert!(matches!(opened, Err(StateError::NotPrivate(_))));
    }
}
