//! Ours: the crate `directory` with a configuration like the agent's, on a runtime like the agent's.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use directory::{
    Directory as _, DirectoryConfig, LdapDirectory, ObjectGuid, SetError, Terms, Write,
};
use lab::Forest;
use protocol::{ClearPassword, Clock as _};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Barrier;

use super::subjects::Work;
use crate::StackError;
use crate::bench::in_process::unusable;

/// Our client. Its pool lives as long as this value.
pub(super) struct Ours {
    runtime: Runtime,
    directory: LdapDirectory,
}

/// What is written, with passwords of its own.
pub(super) struct Request {
    guid: ObjectGuid,
    owned: Owned,
}

enum Owned {
    Reset(ClearPassword),
    Change { old: ClearPassword, new: ClearPassword },
    Unlock,
}

impl Request {
    pub(super) fn of(
        work: Work,
        guid: ObjectGuid,
        old: &str,
        new: &str,
    ) -> Result<Self, StackError> {
        let owned = match work {
            Work::Set => Owned::Reset(clear(new)?),
            Work::Change => Owned::Change { old: clear(old)?, new: clear(new)? },
            Work::Unlock => Owned::Unlock,
        };
        Ok(Self { guid, owned })
    }

    fn write(&self) -> Write<'_> {
        match &self.owned {
            Owned::Reset(new) => Write::Reset(new),
            Owned::Change { old, new } => Write::Change { old, new },
            Owned::Unlock => Write::Unlock,
        }
    }

    async fn send(&self, directory: &LdapDirectory) -> Result<(), SetError> {
        directory.write(self.guid, self.write(), Terms::ANY).await
    }
}

impl Ours {
    /// Finds the PDC emulator and connects.
    pub(super) fn connect(forest: &Forest) -> Result<Self, StackError> {
        let ca = &forest.ca_file;
        let ca = std::fs::read(ca).map_err(StackError::io("reading", ca))?;
        let name = format!("{}@{}", forest.service.login, forest.domain);
        let password = clear(&forest.service.password)?;
        let config = DirectoryConfig::new(&forest.domain, ca, &name, password)
            .map_err(|error| unusable(&error))?;
        let config = DirectoryConfig {
            dns: Some(forest.dns_address),
            ldaps_port: forest.ldaps_port,
            ..config
        };
        let directory = LdapDirectory::new(config, Arc::new(SystemClock));
        let directory = directory.map_err(|error| unusable(&error))?;
        let runtime = Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(StackError::io("starting", Path::new("a runtime")))?;
        let ours = Self { runtime, directory };
        let probe = ours.task(|directory| async move { directory.probe().await.map(drop) });
        probe?.map_err(|error| unusable(&error))?;
        Ok(ours)
    }

    /// Writes once; how long that took.
    pub(super) fn write(&self, request: Request) -> Result<Duration, StackError> {
        self.task(|directory| async move {
            let began = SystemClock.running();
            request.send(&directory).await.map_err(|error| refused(&error))?;
            Ok(SystemClock.running() - began)
        })?
    }

    /// Every share by a caller of its own, all at once; how long it took until the last was done.
    pub(super) fn write_all(&self, shares: Vec<Vec<Request>>) -> Result<Duration, StackError> {
        self.task(|directory| async move {
            let gate = Arc::new(Barrier::new(shares.len() + 1));
            let callers: Vec<_> = shares
                .into_iter()
                .map(|share| {
                    let (gate, directory) = (Arc::clone(&gate), directory.clone());
                    tokio::spawn(async move {
                        gate.wait().await;
                        for request in share {
                            request.send(&directory).await?;
                        }
                        Ok(())
                    })
                })
                .collect();
            gate.wait().await;
            let began = SystemClock.running();
            for caller in callers {
                let done: Result<(), SetError> = caller.await.map_err(|error| unusable(&error))?;
                done.map_err(|error| refused(&error))?;
            }
            Ok(SystemClock.running() - began)
        })?
    }

    /// Writes the same again and again, with a pause after each failure, until it is done; when that
    /// was. Only what may be repeated.
    pub(super) fn write_until_done(
        &self,
        request: Request,
        pause: Duration,
        limit: Duration,
    ) -> Result<Duration, StackError> {
        self.task(|directory| async move {
            let began = SystemClock.running();
            loop {
                match request.send(&directory).await {
                    Ok(()) => return Ok(SystemClock.running()),
                    Err(error) if SystemClock.running() - began > limit => {
                        return Err(refused(&error));
                    }
                    Err(_) => SystemClock.sleep(pause).await,
                }
            }
        })?
    }

    /// In a task, where the agent's requests run, too.
    fn task<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: impl FnOnce(LdapDirectory) -> F,
    ) -> Result<T, StackError> {
        let task = self.runtime.spawn(work(self.directory.clone()));
        self.runtime.block_on(task).map_err(|error| unusable(&error))
    }
}

fn clear(text: &str) -> Result<ClearPassword, StackError> {
    ClearPassword::from_text(text).map_err(|error| unusable(&error))
}

fn refused(error: &SetError) -> StackError {
    StackError::NotUnderstood(format!("our client of the directory: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_writes_what_the_work_is_with_its_passwords_in_their_places() {
        let guid = ObjectGuid::from_bytes([7; 16]);
        let of = |work| Request::of(work, guid, "Old-Password-1", "New-Password-1").unwrap();
        let text = |password: &ClearPassword| password.to_text().to_string();
        let set = of(Work::Set);
        assert!(matches!(set.write(), Write::Reset(new) if text(new) == "New-Password-1"));
        let change = of(Work::Change);
        let Write::Change { old, new } = change.write() else { panic!("no change") };
        assert_eq!((text(old).as_str(), text(new).as_str()), ("Old-Password-1", "New-Password-1"));
        assert!(matches!(of(Work::Unlock).write(), Write::Unlock));
        assert!(Request::of(Work::Set, guid, "", "").is_err(), "an empty password is none");
    }
}
