//! A browser that cannot start: the failure says what is missing, and what to do about it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test reports a broken expectation by panicking"
)]

mod browser;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use browser::{Browser, Tools, scripts, tools};

/// A folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-missing-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn program(&self, name: &str, script: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// What is said if this folder is all there is on PATH.
    fn missing(&self, scripts: &Path) -> String {
        Tools::on(self.0.as_os_str(), scripts).unwrap_err()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn without_programs_on_the_path_each_is_named_with_its_package() {
    let none = Tools::on(OsStr::new(""), &scripts()).unwrap_err();
    assert_eq!(
        none,
        "the browser cannot start: chromium is not on PATH: `apt-get install chromium`; node is \
         not on PATH: `apt-get install nodejs` (`cargo xtask test` installs what is missing, with \
         --yes unasked)"
    );
    let folder = Folder::new("path");
    folder.program("node", "echo v24.0.0");
    let chromium_only = folder.missing(&scripts());
    assert!(chromium_only.contains("chromium is not on PATH"), "{chromium_only}");
    assert!(!chromium_only.contains("node is not"), "{chromium_only}");
}

#[test]
fn a_node_that_is_too_old_or_does_not_run_is_named() {
    let folder = Folder::new("node");
    folder.program("chromium", "true");
    folder.program("node", "echo v18.19.0");
    let old = folder.missing(&scripts());
    assert!(old.contains("node is `v18.19.0`, and >=20 is asked for"), "{old}");
    let node = folder.0.join("node");
    fs::set_permissions(&node, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = folder.missing(&scripts());
    assert!(refused.contains("node does not run: Permission denied"), "{refused}");
}

#[test]
fn packages_that_are_not_there_or_are_others_are_named_with_the_folder() {
    let found = tools();
    let path =
        std::env::join_paths([&found.chromium, &found.node].map(|one| one.parent().unwrap()));
    let path = path.unwrap();
    let folder = Folder::new("packages");
    fs::copy(scripts().join("package.json"), folder.0.join("package.json")).unwrap();
    let none = Tools::on(&path, &folder.0).unwrap_err();
    let place = folder.0.display();
    assert!(none.contains("axe-core "), "{none}");
    assert!(none.contains(&format!("is not installed: `npm ci --ignore-scripts` in {place}")));
    for name in ["axe-core", "playwright-core"] {
        let package = folder.0.join("node_modules").join(name);
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("package.json"), r#"{"version": "0.0.1"}"#).unwrap();
    }
    let others = Tools::on(&path, &folder.0).unwrap_err();
    assert!(others.contains("is not installed, but 0.0.1: `npm ci"), "{others}");
}

#[test]
fn what_chromium_says_when_it_does_not_start_is_told_with_a_way_out() {
    let folder = Folder::new("chromium");
    let certificate = folder.0.join("server.pem");
    let authority = lab::Authority::create().unwrap();
    fs::write(&certificate, authority.pem()).unwrap();
    let outcome = |script: &str| {
        let chromium = folder.program("chromium", script);
        let tools = Tools { chromium, ..tools() };
        Browser::with(&tools, &certificate).err().unwrap()
    };
    for (script, told, way_out) in [
        (
            "echo '[1:1:FATAL:zygote_host.cc] No usable sandbox! Update your kernel' >&2; exit 1",
            "No usable sandbox!",
            "allow unprivileged user namespaces",
        ),
        (
            "echo 'chromium: error while loading shared libraries: libnss3.so' >&2; exit 127",
            "loading shared libraries: libnss3.so",
            "`apt-get install --reinstall chromium`",
        ),
        ("exit 1", "", "try it by hand"),
    ] {
        let said = outcome(script);
        assert!(said.starts_with("the browser cannot start: "), "{said}");
        assert!(said.contains(told) && said.contains(way_out), "{said}");
        assert_eq!(said.lines().count(), 1, "one line: {said}");
    }
    let gone = Tools { chromium: folder.0.join("gone"), ..tools() };
    let said = Browser::with(&gone, &certificate).err().unwrap();
    assert!(said.contains("gone") && said.contains("try it by hand"), "{said}");
}
