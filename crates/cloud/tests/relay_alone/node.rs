//! Node.js and the published clients: what must be on the machine, and how a script is run.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::Folder;

/// What installs all of it.
const ALL_OF_IT: &str = "`cargo xtask test` installs what is missing, with --yes unasked";

/// Node, and the folder with the scripts and the clients.
pub(crate) struct Node {
    node: PathBuf,
    scripts: PathBuf,
}

/// Where the scripts are.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hyco")
}

impl Node {
    /// What this machine has; a test without it fails and says what is missing.
    pub(crate) fn here() -> Self {
        #[allow(clippy::disallowed_methods, reason = "where programs are is the machine's to say")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::on(&path, &scripts()).unwrap_or_else(|missing| panic!("{missing}"))
    }

    /// Looks for node on `path`, and for the clients beside the scripts.
    fn on(path: &OsStr, scripts: &Path) -> Result<Self, String> {
        let pinned = json(&scripts.join("package.json"));
        let mut missing = Vec::new();
        let node = std::env::split_paths(path).map(|folder| folder.join("node"));
        let node = node.into_iter().find(|file| file.is_file());
        match &node {
            Some(node) => missing.extend(too_old(node, &pinned["engines"]["node"])),
            None => missing.push("node is not on PATH: `apt-get install nodejs npm`".to_owned()),
        }
        for (name, version) in pinned["dependencies"].as_object().into_iter().flatten() {
            let installed = scripts.join("node_modules").join(name).join("package.json");
            let found = &json(&installed)["version"];
            if found != version {
                let folder = scripts.display();
                missing.push(format!("{name} {version} is not installed: `npm ci` in {folder}"));
            }
        }
        match node {
            Some(node) if missing.is_empty() => Ok(Self { node, scripts: scripts.to_owned() }),
            _ => {
                let missing = missing.join("; ");
                Err(format!("published clients cannot be run: {missing} ({ALL_OF_IT})"))
            }
        }
    }

    /// Runs a script, told `asked`, which trusts the authority of `folder`: what it says at its
    /// end, as JSON.
    pub(crate) fn run(&self, script: &str, asked: &Value, folder: &Folder) -> Value {
        let output = Command::new(&self.node)
            .arg(self.scripts.join(script))
            .arg(asked.to_string())
            .env("NODE_EXTRA_CA_CERTS", folder.file("ca.pem"))
            // The clients ask Node for what it will not always have.
            .env("NODE_NO_WARNINGS", "1")
            .stdin(Stdio::null())
            .output()
            .expect("node starts");
        let (said, errors) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script} {asked}: {said}\n{errors}");
        let last = said.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("{script} {asked}: {said}\n{errors}"))
    }
}

/// What is wrong with node's version, if anything.
fn too_old(node: &Path, asked: &Value) -> Option<String> {
    let asked = asked.as_str()?;
    let least: u32 = asked.trim_start_matches(">=").parse().ok()?;
    let said = match Command::new(node).arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Some(format!("{} does not run: {error}", node.display())),
    };
    let version = said.trim_start_matches('v').split('.').next()?.parse::<u32>();
    if version.is_ok_and(|version| version >= least) {
        return None;
    }
    Some(format!("{} is `{said}`, and {asked} is asked for", node.display()))
}

/// A file of JSON; nothing if there is none.
fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap_or_default()).unwrap_or_default()
}

#[test]
fn without_node_or_the_clients_the_failure_says_what_to_install() {
    let folder = Folder::new();
    let said = |path: &OsStr, scripts: &Path| Node::on(path, scripts).err().unwrap();
    let none = said(OsStr::new(""), &scripts());
    assert!(none.contains("node is not on PATH: `apt-get install nodejs npm`"), "{none}");
    assert!(none.contains("`cargo xtask test` installs what is missing"), "{none}");
    fs::copy(scripts().join("package.json"), folder.file("package.json")).unwrap();
    let place = folder.file("package.json");
    let place = place.parent().unwrap();
    let clients = said(Node::here().node.parent().unwrap().as_os_str(), place);
    for name in ["hyco-https \"1.4.5\"", "hyco-ws \"1.0.5\""] {
        let line = format!("{name} is not installed: `npm ci` in {}", place.display());
        assert!(clients.contains(&line), "{clients}");
    }
    assert!(!clients.contains("node is not"), "{clients}");
}
