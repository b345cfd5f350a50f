//! What must be on the machine before a browser can be driven, and what to do if it is not.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What installs all of it.
const ALL_OF_IT: &str = "`cargo xtask test` installs what is missing, with --yes unasked";

/// The browser, what drives it, and the scripts that say how.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    pub(crate) chromium: PathBuf,
    pub(crate) node: PathBuf,
    pub(crate) scripts: PathBuf,
}

impl Tools {
    /// Looks for the programs on `path`, and for npm's packages beside the scripts; says everything
    /// that is missing, and what to do about it.
    pub(crate) fn on(path: &OsStr, scripts: &Path) -> Result<Self, String> {
        let mut missing = Vec::new();
        let mut find = |name: &str, package: &str| {
            let found = std::env::split_paths(path).map(|folder| folder.join(name));
            found.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
                missing.push(format!("{name} is not on PATH: `apt-get install {package}`"));
                PathBuf::new()
            })
        };
        let (chromium, node) = (find("chromium", "chromium"), find("node", "nodejs"));
        if node.is_file() {
            missing.extend(too_old(&node, scripts));
        }
        missing.extend(packages(scripts));
        if missing.is_empty() {
            return Ok(Self { chromium, node, scripts: scripts.to_owned() });
        }
        Err(format!("the browser cannot start: {} ({ALL_OF_IT})", missing.join("; ")))
    }

    /// Says why Chromium did not start, from what it and its driver said.
    pub(crate) fn not_started(&self, said: &str) -> String {
        // The driver repeats the whole command line; what Chromium said itself is marked.
        let own: Vec<_> = said.lines().filter_map(|line| line.split_once("[err] ")).collect();
        let own: Vec<_> = own.into_iter().map(|(_, line)| line).collect();
        let first = said.lines().find(|line| !line.trim().is_empty());
        let fatal = own.iter().find(|line| line.contains("FATAL"));
        let told = fatal.or(own.last()).copied().or(first).unwrap_or("it said nothing");
        let shown = self.chromium.display();
        let hint = match own.join(" ").to_lowercase() {
            all if all.contains("sandbox") || all.contains("namespace") => format!(
                "the system refuses its sandbox: allow unprivileged user namespaces \
                 (`sysctl kernel.unprivileged_userns_clone=1`), or, in a container, lift its seccomp \
                 profile for `clone` and `unshare`; `{shown} --headless` shows it"
            ),
            all if all.contains("shared librar") => {
                "a library of it is missing: `apt-get install --reinstall chromium`".to_owned()
            }
            _ => {
                format!("try it by hand: `{shown} --headless --no-sandbox --dump-dom about:blank`")
            }
        };
        format!("the browser cannot start: {shown}: {}; {hint}", told.trim())
    }
}

/// What is wrong with node's version, if anything: `package.json` says which one is asked for.
fn too_old(node: &Path, scripts: &Path) -> Option<String> {
    let asked = json(&scripts.join("package.json"))["engines"]["node"].as_str()?.to_owned();
    let least: u32 = asked.trim_start_matches(">=").parse().ok()?;
    let output = Command::new(node).arg("--version").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let said = match said {
        Ok(said) => said,
        Err(error) => return Some(format!("{} does not run: {error}", node.display())),
    };
    let version = said.trim_start_matches('v').split('.').next()?.parse::<u32>();
    if version.is_ok_and(|version| version >= least) {
        return None;
    }
    Some(format!("{} is `{said}`, and {asked} is asked for", node.display()))
}

/// What is missing of npm's packages, or is not the version that is pinned.
fn packages(scripts: &Path) -> Option<String> {
    let pinned = json(&scripts.join("package.json"));
    let wrong = pinned["devDependencies"].as_object()?.iter().find_map(|(name, version)| {
        let installed = scripts.join("node_modules").join(name).join("package.json");
        let found = &json(&installed)["version"];
        let version = version.as_str().unwrap_or_default();
        match found.as_str() {
            Some(found) if found == version => None,
            Some(found) => Some(format!("{name} {version} is not installed, but {found}")),
            None => Some(format!("{name} {version} is not installed")),
        }
    });
    let folder = scripts.display();
    wrong.map(|wrong| format!("{wrong}: `npm ci --ignore-scripts` in {folder}"))
}

/// A file of JSON; nothing if there is none.
fn json(file: &Path) -> Value {
    let text = std::fs::read(file).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}
