//! A relay in a process of its own, with a folder for its files.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

/// What the relays of tests are reached by.
pub(crate) const HOST: &str = "127.0.0.1";
pub(crate) const PATH: &str = "tenants/t1/writeback";
pub(crate) const LISTEN_KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCBsaXN0ZW4ga2V5";
pub(crate) const SEND_KEY: &str = "cGFzc2JhY2sgcmVsYXkgdGVzdCBzZW5kIGtleSAx";

/// A folder with a certificate, gone when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("relay-alone-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let authority = lab::Authority::create().unwrap();
        let server = authority.server(&[HOST]).unwrap();
        fs::write(path.join("ca.pem"), authority.pem()).unwrap();
        fs::write(path.join("relay.pem"), server.certificate).unwrap();
        fs::write(path.join("relay.key"), server.key).unwrap();
        Self(path)
    }

    /// Where a file of this folder is.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a configuration with these limits, and says where it is.
    pub(crate) fn config(&self, limits: &str) -> PathBuf {
        let file = self.0.join("relay.toml");
        let text = format!(
            "listen = \"{HOST}:0\"\ncertificate = \"relay.pem\"\nkey = \"relay.key\"\n\n[limits]\n\
             {limits}\n\n[[entity]]\npath = \"{PATH}\"\n\n[[entity]]\npath = \"tenants/t2\"\n\n\
             [[rule]]\nname = \"listen-rule\"\nkey = \"{LISTEN_KEY}\"\nrights = [\"Listen\"]\n\n\
             [[rule]]\nname = \"send-rule\"\nkey = \"an old key\"\nsecondary_key = \"{SEND_KEY}\"\n\
             rights = [\"Send\"]\n"
        );
        fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `passback` with these arguments.
pub(crate) fn passback(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passback"));
    command.args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// What `passback relay` with this configuration says if it does not serve.
pub(crate) fn refused(config: &Path) -> Output {
    let output = passback(&["relay", "--config", config.to_str().unwrap()]).output();
    output.expect("passback starts")
}

/// A relay that serves.
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    reading: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts it, and waits until it serves.
    pub(crate) fn start(config: &Path) -> Self {
        Self::start_as("relay", config)
    }

    /// The same of another command that serves.
    pub(crate) fn start_as(command: &str, config: &Path) -> Self {
        let mut child = passback(&[command, "--config", config.to_str().unwrap()])
            .stderr(Stdio::piped())
            .spawn()
            .expect("passback starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut next = move || {
            let line = lines.next()?.ok()?;
            Some(serde_json::from_str::<Value>(&line).unwrap_or(Value::String(line)))
        };
        let address = loop {
            let said = next().expect("it ended before it served");
            let listen = said["fields"]["listen"].as_str().and_then(|text| text.parse().ok());
            log.lock().unwrap().push(said);
            if let Some(address) = listen {
                break address;
            }
        };
        let kept = Arc::clone(&log);
        let reading = thread::spawn(move || {
            while let Some(said) = next() {
                kept.lock().unwrap().push(said);
            }
        });
        Self { address, child, log, reading: Some(reading) }
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Whether it has logged this event.
    pub(crate) fn has_logged(&self, event: &str) -> bool {
        self.log.lock().unwrap().iter().any(|line| line["fields"]["event"] == event)
    }

    /// How often it has logged this event.
    pub(crate) fn count_logged(&self, event: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line["fields"]["event"] == event).count()
    }

    /// Waits until it has logged this event, for as long as a slow machine takes.
    pub(crate) async fn await_logged(&self, event: &str) {
        for _ in 0..4_000 {
            if self.has_logged(event) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it has not logged {event}: {:?}", self.log.lock().unwrap());
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// All that it has logged, once it has ended.
    pub(crate) fn log(&mut self) -> String {
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        let log = self.log.lock().unwrap();
        log.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
