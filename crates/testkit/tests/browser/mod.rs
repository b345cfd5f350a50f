//! Chromium for tests: `crates/testkit/browser` drives it, one JSON line for each step.
#![allow(dead_code, reason = "every file that includes this uses a part of it")]

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const CHROMIUM: &str = "/usr/bin/chromium";

/// A running browser; it ends when this value is dropped.
pub(crate) struct Browser {
    child: Child,
    pipes: RefCell<Pipes>,
}

struct Pipes {
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    profiles: usize,
    tabs: usize,
}

/// How somebody's browser is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) size: &'static str,
    pub(crate) scripting: bool,
    pub(crate) language: &'static str,
}

pub(crate) const DESKTOP: Look = Look { size: "desktop", scripting: true, language: "en-GB" };
pub(crate) const PHONE: Look = Look { size: "phone", ..DESKTOP };
pub(crate) const NO_SCRIPTING: Look = Look { scripting: false, ..DESKTOP };

/// A profile: its cookies, and every request that it made.
pub(crate) struct Profile<'b> {
    browser: &'b Browser,
    name: String,
}

/// A tab of a profile.
pub(crate) struct Tab<'b> {
    browser: &'b Browser,
    name: String,
}

/// A page as it is seen.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Seen {
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) step: String,
    pub(crate) outcome: String,
    pub(crate) number: String,
    pub(crate) changed: String,
    pub(crate) support_code: String,
    pub(crate) heading: String,
    pub(crate) text: String,
    /// What stands in the body, as it would be parsed again.
    pub(crate) markup: String,
    /// The messages that can be seen.
    pub(crate) messages: Vec<String>,
    /// The ids of the fields that can be seen.
    pub(crate) fields: Vec<String>,
    /// Fields for a password, seen or not.
    pub(crate) secrets: Vec<Secret>,
    /// The id of what has the focus.
    pub(crate) focus: String,
    pub(crate) wider_than_screen: bool,
}

/// A field for a password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A request as it left the browser.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Value,
    body: String,
}

/// What axe-core found on a page.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Examined {
    /// How many rules passed.
    pub(crate) passed: usize,
    pub(crate) findings: Vec<Value>,
}

/// The folder of the scripts; says what to do if something is not installed.
pub(crate) fn scripts() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let node = Command::new("node").arg("--version").output().is_ok();
    let packages = folder.join("node_modules/playwright-core");
    for (there, what) in [
        (Path::new(CHROMIUM).exists(), "Chromium"),
        (node, "node"),
        (packages.exists(), "what crates/testkit/browser/package-lock.json names"),
    ] {
        assert!(there, "{what} is not installed: `cargo xtask test` installs it");
    }
    folder
}

/// Where screenshots go.
pub(crate) fn artefact(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("browser");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

impl Browser {
    /// Starts one that believes one server certificate and no other.
    pub(crate) fn open(certificate: &Path) -> Self {
        let mut child = Command::new("node")
            .arg(scripts().join("driver.mjs"))
            .arg(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, pipes: RefCell::new(Pipes { commands, answers, profiles: 0, tabs: 0 }) }
    }

    /// A new profile.
    pub(crate) fn profile(&self, look: Look) -> Profile<'_> {
        let name = {
            let mut pipes = self.pipes.borrow_mut();
            pipes.profiles += 1;
            format!("profile {}", pipes.profiles)
        };
        let Look { size, scripting, language } = look;
        self.step(
            "context",
            json!({ "name": name, "size": size, "scripting": scripting, "locale": language,
                    "scheme": "light" }),
        );
        Profile { browser: self, name }
    }

    fn step(&self, command: &str, mut arguments: Value) -> Value {
        let mut pipes = self.pipes.borrow_mut();
        arguments["command"] = command.into();
        let line = format!("{arguments}\n");
        pipes.commands.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        pipes.answers.read_line(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer).expect("the browser has ended");
        assert!(answer["failed"].is_null(), "{arguments}: {}", answer["failed"]);
        answer["done"].take()
    }

    fn ask<T: DeserializeOwned>(&self, command: &str, arguments: Value) -> T {
        serde_json::from_value(self.step(command, arguments)).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The end of its input ends it, and Chromium with it.
        drop(self.pipes.get_mut().commands.take());
        let _ = self.child.wait();
    }
}

impl<'b> Profile<'b> {
    pub(crate) fn tab(&self) -> Tab<'b> {
        let name = {
            let mut pipes = self.browser.pipes.borrow_mut();
            pipes.tabs += 1;
            format!("tab {}", pipes.tabs)
        };
        self.browser.step("tab", json!({ "name": name, "context": self.name }));
        Tab { browser: self.browser, name }
    }

    /// All requests since the last time.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.browser.ask("requests", json!({ "context": self.name }))
    }

    /// From now on requests for such addresses get no answer.
    pub(crate) fn silence(&self, pattern: &str) {
        self.browser.step("silence", json!({ "context": self.name, "pattern": pattern }));
    }
}

impl Tab<'_> {
    pub(crate) fn open(&self, url: &str) {
        self.step("open", json!({ "url": url, "until": "load" }));
    }

    /// Opens a page that never finishes loading.
    pub(crate) fn open_halfway(&self, url: &str) {
        self.step("open", json!({ "url": url, "until": "commit" }));
    }

    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.step("fill", json!({ "selector": selector, "text": text }));
    }

    pub(crate) fn press(&self, key: &str, times: u32) {
        self.step("press", json!({ "key": key, "times": times }));
    }

    /// Clicks, and nothing else.
    pub(crate) fn click(&self, selector: &str) {
        self.step("click", json!({ "selector": selector }));
    }

    /// Clicks and waits until something is there; in milliseconds.
    pub(crate) fn click_until(&self, selector: &str, until: &str) -> f64 {
        self.step("click", json!({ "selector": selector, "until": until })).as_f64().unwrap()
    }

    /// Waits until something can be seen.
    pub(crate) fn wait(&self, selector: &str) {
        self.step("wait", json!({ "selector": selector, "state": "visible" }));
    }

    /// Waits until something is there, seen or not.
    pub(crate) fn wait_there(&self, selector: &str) {
        self.step("wait", json!({ "selector": selector, "state": "attached" }));
    }

    pub(crate) fn back(&self) {
        self.step("back", json!({}));
    }

    pub(crate) fn reload(&self) {
        self.step("reload", json!({}));
    }

    /// Lets time pass in which something could happen that must not.
    pub(crate) fn pause(&self, millis: u32) {
        self.step("pause", json!({ "millis": millis }));
    }

    /// From now on requests for such addresses fail.
    pub(crate) fn refuse(&self, pattern: &str) {
        self.step("refuse", json!({ "pattern": pattern }));
    }

    /// From now on such addresses have this script.
    pub(crate) fn serve(&self, pattern: &str, script: &str) {
        self.step("serve", json!({ "pattern": pattern, "script": script }));
    }

    pub(crate) fn unhide(&self, selector: &str) {
        self.step("unhide", json!({ "selector": selector }));
    }

    pub(crate) fn look(&self, (width, height): (u32, u32), scheme: &str) {
        self.step("look", json!({ "width": width, "height": height, "scheme": scheme }));
    }

    pub(crate) fn seen(&self) -> Seen {
        self.browser.ask("seen", json!({ "tab": self.name }))
    }

    pub(crate) fn examine(&self) -> Examined {
        self.browser.ask("examine", json!({ "tab": self.name }))
    }

    pub(crate) fn screenshot(&self, name: &str) {
        self.step("screenshot", json!({ "path": artefact(&format!("{name}.png")) }));
    }

    /// What the page's scripts and the browser complained about since the last time.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.browser.ask("complaints", json!({ "tab": self.name }))
    }

    fn step(&self, command: &str, mut arguments: Value) -> Value {
        arguments["tab"] = self.name.as_str().into();
        self.browser.step(command, arguments)
    }
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        let after = self.url.split_once("://").map_or("", |(_, rest)| rest);
        after.find('/').map_or("", |at| &after[at..])
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        STANDARD.decode(&self.body).unwrap()
    }

    /// Everything that left the browser.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut all = format!("{} {}\n", self.method, self.url).into_bytes();
        for (name, value) in self.headers.as_object().unwrap() {
            all.extend_from_slice(format!("{name}: {}\n", value.as_str().unwrap()).as_bytes());
        }
        all.extend_from_slice(&self.body());
        all
    }
}
