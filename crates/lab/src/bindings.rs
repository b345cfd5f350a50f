//! Samba's own library as a second opinion: programs that use its Python bindings, inside the root
//! filesystem that the lab's controllers run from.

use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;

use crate::options::Edition;
use crate::space::Watch;
use crate::{Forest, LabError, controller, rootfs};

impl Forest {
    /// Runs a Python program with Samba's bindings and gives back what it printed. The machine's
    /// network is its own, so that it reaches the controllers. `input` is what it reads; it must read
    /// all of it before it prints much.
    ///
    /// # Errors
    ///
    /// [`LabError::NotRoot`], and [`LabError::Refused`] with what it said if it fails.
    pub fn python(&self, program: &str, input: &str) -> Result<String, LabError> {
        let quiet = AtomicBool::new(false);
        let watch = Watch { progress: &|_| {}, stop: &quiet };
        let rootfs = rootfs::ready(Edition::Current, watch)?;
        // The authority's certificate lies beside the domain of the forest's first controller.
        let domain = self.ca_file.with_file_name("domain");
        let mut command = controller::enter(&rootfs, &domain);
        command.args(["python3", "-c", program]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = || {
            let mut child = command.spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                // A program that failed at once has read nothing; what it said tells more.
                let _ = stdin.write_all(input.as_bytes());
            }
            child.wait_with_output()
        };
        let output = run().map_err(LabError::io("running", "python3".as_ref()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let code = output.status.code().unwrap_or(-1);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(LabError::Refused { program: "python3", code, text })
    }
}
