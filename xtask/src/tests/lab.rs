//! The Active Directory of one run of the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::build;
use crate::fault::Fault;

/// The name of our directory below `target`; our number follows.
const PREFIX: &str = "test-lab-";
const BEAT: Duration = Duration::from_millis(100);

/// A lab of our own. It is stopped when this value is dropped, and also when we are killed.
pub(super) struct RunningLab {
    child: Child,
    forest_file: PathBuf,
}

impl RunningLab {
    /// Starts one and waits until it answers; it says itself what it builds meanwhile.
    pub(super) fn start() -> Result<Self, Fault> {
        let directory = build::target().join(format!("{PREFIX}{}", std::process::id()));
        let unavailable =
            |error: std::io::Error| Fault::unavailable(format!("starting the lab: {error}"));
        sweep();
        fs::create_dir_all(&directory).map_err(unavailable)?;
        let forest_file = directory.join("forest.json");
        let passback_lab = || {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "TERM", "--"]).arg(build::binary("passback-lab"));
            command
        };
        // Tests that start a lab of another kind may not take as long as it takes to build it.
        let prepared = passback_lab().arg("prepare").stdin(Stdio::null()).status();
        if !prepared.map_err(unavailable)?.success() {
            return Err(Fault::unavailable(
                "the lab was not built: see above, or leave its tests out with --without-lab",
            ));
        }
        let child = passback_lab()
            .args(["up", "--forest-file"])
            .arg(&forest_file)
            .stdin(Stdio::null())
            .spawn()
            .map_err(unavailable)?;
        let mut lab = Self { child, forest_file };
        while !lab.forest_file.exists() {
            if let Ok(Some(_)) = lab.child.try_wait() {
                return Err(Fault::unavailable(
                    "the lab did not start: see above, or leave its tests out with --without-lab",
                ));
            }
            thread::sleep(BEAT);
        }
        Ok(lab)
    }

    /// Where the forest is described.
    pub(super) fn forest_file(&self) -> &Path {
        &self.forest_file
    }
}

impl Drop for RunningLab {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("sh")
                .args(["-c", "kill -TERM \"$1\" 2>&-", "sh", &self.child.id().to_string()])
                .status();
            let _ = self.child.wait();
        }
        if let Some(directory) = self.forest_file.parent() {
            let _ = fs::remove_dir_all(directory);
        }
    }
}

/// Removes the directories of runs that were killed.
fn sweep() {
    let Ok(entries) = fs::read_dir(build::target()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
