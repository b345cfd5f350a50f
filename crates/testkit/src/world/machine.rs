//! A machine of the world: one process, as far as its neighbours can tell. It has a thread and a
//! runtime of its own, so that killing it stops everything in it at whatever it awaits, as SIGKILL
//! would: no destructor of the program has a say, no task goes on.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// How long a killed machine's databases may take to be closed: their threads end by themselves.
const CLOSING: Duration = Duration::from_secs(10);

/// A running machine; killed when this value is dropped.
pub(super) struct Machine {
    thread: Option<JoinHandle<()>>,
    handle: Handle,
    killed: CancellationToken,
    directory: PathBuf,
}

impl Machine {
    /// Starts `body` on a machine whose files are in `directory`. `body` is given what would tell it
    /// to stop in good order; here everything is killed.
    pub(super) fn start<F, Body>(name: &str, directory: &Path, body: Body) -> Self
    where
        F: Future<Output = ()>,
        Body: FnOnce(CancellationToken) -> F + Send + 'static,
    {
        let killed = CancellationToken::new();
        let ended = killed.clone();
        let (handles, handle) = std::sync::mpsc::sync_channel(1);
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            handles.send(runtime.handle().clone()).expect("somebody waits for the handle");
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = ended.cancelled() => {}
                    () = body(CancellationToken::new()) => {}
                }
            });
            // Everything else on this machine ends where it stands.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread");
        let handle = handle.recv().expect("the runtime's handle");
        Self { thread: Some(thread), handle, killed, directory: directory.to_owned() }
    }

    /// For tasks on this machine.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether it runs.
    pub(super) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn end(&mut self) {
        self.killed.cancel();
        let Some(thread) = self.thread.take() else { return };
        let panicked = thread.join().is_err();
        await_closed(&self.directory);
        assert!(!panicked || thread::panicking(), "a machine of the world panicked: see above");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
    }
}

/// Carries something out on a runtime of its own.
pub(super) fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}

/// Waits until this process has no file below `directory` open any more. Databases work in threads
/// of their own: without this, one of a killed machine could still write when it runs again.
fn await_closed(directory: &Path) {
    let is_open = || {
        let files = std::fs::read_dir("/proc/self/fd").expect("the open files");
        files.flatten().any(|file| {
            std::fs::read_link(file.path()).is_ok_and(|target| target.starts_with(directory))
        })
    };
    let beat = Duration::from_micros(200);
    for _ in 0..CLOSING.as_micros() / beat.as_micros() {
        if !is_open() {
            return;
        }
        thread::sleep(beat);
    }
    assert!(thread::panicking(), "files below {} stay open", directory.display());
}
